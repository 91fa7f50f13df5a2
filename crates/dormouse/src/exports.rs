//! What an application's crate exports to the platform, which the library itself does not: a class of a library would be
//! exported whether it is used or not.

/// Serves an application: the Worker's `fetch` and the Durable Objects `ChannelObject` and `RelayObject`.
///
/// Write it once, at the top of the application's `src/lib.rs`. For anything but wasm it expands to nothing, so that the
/// contract is tested natively.
///
/// ```
/// use dormouse::{Application, Channel, Contract, Event, Json};
///
/// pub struct App;
///
/// impl Application for App {
///     fn contract() -> Contract {
///         Contract::new().channel("chat:*", Channel::for_anyone().event::<Json>("say", Event::kept()))
///     }
/// }
///
/// dormouse::serve!(App);
/// ```
#[macro_export]
macro_rules! serve {
    ($app:ty) => {
        $crate::object!($app);

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__rt::wasm_bindgen;
            use $crate::__rt::wasm_bindgen::prelude::*;

            /// Every request of the deployment: a response, or a promise of one.
            #[wasm_bindgen(wasm_bindgen = $crate::__rt::wasm_bindgen)]
            pub fn fetch(
                request: $crate::__rt::Request,
                env: $crate::__rt::Env,
                _context: &JsValue,
            ) -> Result<JsValue, JsValue> {
                $crate::__rt::fetch_raw::<$app>(request, env)
            }
        };
    };
}

/// The Durable Objects `ChannelObject` and `RelayObject` alone, for a Worker with routes of its own that hands the rest to
/// `dormouse::fetch`.
///
/// ```text
/// dormouse::object!(App);
///
/// #[cfg(target_arch = "wasm32")]
/// #[worker::event(fetch)]
/// async fn fetch(request: worker::Request, env: worker::Env, _: worker::Context) -> worker::Result<worker::Response> {
///     match request.path().as_str() {
///         "/hello" => worker::Response::ok("hello"),
///         _ => dormouse::fetch::<App>(request, env).await,
///     }
/// }
/// ```
///
/// Whatever such a Worker hands to an object by itself has to be a request that it has made: one that came from outside,
/// handed on as it is, could be taken for a call of another object.
#[macro_export]
macro_rules! object {
    ($app:ty) => {
        $crate::__object! {
            /// The object that is one channel.
            ChannelObject, $crate::__rt::Channel<$app>
        }
        $crate::__object! {
            /// The object that is one relay: it holds connections of many channels.
            RelayObject, $crate::__rt::Relay<$app>
        }
    };
}

/// One class of [`object!`]; no part of the interface. Its exports are our own: the worker crate's copy each message before
/// anyone sees it, and have every answer wait for a promise.
#[doc(hidden)]
#[macro_export]
macro_rules! __object {
    ($(#[$doc:meta])* $name:ident, $guest:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // The derive of a class passes over the path below.
            use $crate::__rt::wasm_bindgen;
            use $crate::__rt::wasm_bindgen::prelude::*;

            $(#[$doc])*
            #[wasm_bindgen(wasm_bindgen = $crate::__rt::wasm_bindgen)]
            pub struct $name {
                host: ::std::rc::Rc<$crate::__rt::Host<$guest>>,
            }

            #[wasm_bindgen(wasm_bindgen = $crate::__rt::wasm_bindgen)]
            impl $name {
                /// An object that is asleep until its first event.
                #[wasm_bindgen(constructor)]
                pub fn new(state: $crate::__rt::DurableObjectState, env: $crate::__rt::Env) -> Self {
                    Self { host: $crate::__rt::Host::new(state, env) }
                }

                /// A request that the Worker handed on, or a call of another object: a response, or a promise of one.
                pub fn fetch(&self, request: $crate::__rt::Request) -> Result<JsValue, JsValue> {
                    ::std::rc::Rc::clone(&self.host).fetch(request)
                }

                /// The one alarm.
                pub fn alarm(&self) {
                    self.host.alarm();
                }

                /// A frame of a socket, text or binary.
                #[wasm_bindgen(js_name = webSocketMessage)]
                pub fn web_socket_message(&self, socket: &$crate::__rt::WebSocket, message: &JsValue) {
                    self.host.message(socket, message);
                }

                /// A socket that has ended.
                #[wasm_bindgen(js_name = webSocketClose)]
                pub fn web_socket_close(&self, socket: &$crate::__rt::WebSocket, code: u16, reason: &str, clean: bool) {
                    self.host.close(socket, code, reason, clean);
                }

                /// A socket that failed.
                #[wasm_bindgen(js_name = webSocketError)]
                pub fn web_socket_error(&self, socket: &$crate::__rt::WebSocket) {
                    self.host.close(socket, 1006, "", false);
                }
            }
        };
    };
}
