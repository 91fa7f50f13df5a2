//! The Durable Object as the platform sees it: what it calls, handed on.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::Env;
use worker::web_sys::{Request, WebSocket};
use worker::worker_sys::DurableObjectState;

use super::App;
use super::host::Host;

/// The object that is one channel. Its exports are our own: the worker crate's copy each message before anyone sees
/// it, and have every answer wait for a promise.
#[wasm_bindgen]
pub struct ChannelObject {
    host: Rc<Host<App>>,
}

#[wasm_bindgen]
impl ChannelObject {
    /// An object that is asleep until its first event.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        Self { host: Host::new(state, env) }
    }

    /// A request that the Worker handed on: a response, or a promise of one.
    pub fn fetch(&self, request: Request) -> Result<JsValue, JsValue> {
        Rc::clone(&self.host).fetch(request)
    }

    /// The one alarm.
    pub fn alarm(&self) {
        self.host.alarm();
    }

    /// A frame of a socket, text or binary.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: &WebSocket, message: &JsValue) {
        self.host.message(socket, message);
    }

    /// A socket that has ended.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: &WebSocket, code: u16, reason: &str, clean: bool) {
        self.host.close(socket, code, reason, clean);
    }

    /// A socket that failed.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self, socket: &WebSocket) {
        self.host.close(socket, 1006, "", false);
    }
}
