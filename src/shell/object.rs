//! The Durable Object as the platform sees it: what it calls, handed on.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::web_sys::WebSocket;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::App;
use super::host::Host;

/// The object that is one channel.
#[durable_object(alarm)]
pub struct ChannelObject {
    host: Rc<Host<App>>,
}

impl DurableObject for ChannelObject {
    fn new(state: State, env: Env) -> Self {
        Self { host: Host::new(state._inner(), env) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.host.fetch(request.inner()).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm()?;
        Response::empty()
    }
}

// The worker crate's own handlers for sockets are asynchronous and copy each message before anyone sees it.
#[wasm_bindgen]
impl ChannelObject {
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
