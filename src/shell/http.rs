//! Requests and answers of the platform, from and into plain values.

use wasm_bindgen::prelude::*;
use worker::web_sys::{Request, WebSocket};
use worker::worker_sys::WebSocketPair;
use worker::worker_sys::ext::WebSocketExt as _;
use worker::{Response, ResponseBuilder};

use crate::door::{Call, Decision, Reply, TurnAway};
use crate::error::Code;

/// What a request's body was.
pub(crate) enum Body {
    /// Text.
    Text(String),
    /// More bytes than allowed: the rest was not read.
    TooLarge,
    /// No UTF-8.
    NotUtf8,
}

/// Looks at a request through the door's eyes.
pub(crate) fn with_call<T>(request: &Request, look: impl FnOnce(&Call<'_>) -> T) -> T {
    let headers = request.headers();
    let header = |name: &str| headers.get(name).ok().flatten();
    look(&Call::new(&request.method(), &request.url(), &header))
}

/// Reads a body of at most so many bytes, and no more of it.
pub(crate) async fn body(request: &Request, bytes: u32) -> Result<Body, JsValue> {
    let read = read_text(request, bytes).await?;
    Ok(match read.as_string() {
        Some(text) => Body::Text(text),
        None if read.is_null() => Body::TooLarge,
        None => Body::NotUtf8,
    })
}

/// Turns an answer into the platform's.
pub(crate) fn respond(reply: Reply) -> worker::Result<Response> {
    let named = |builder: ResponseBuilder, (name, value): &(&str, String)| builder.with_header(name, value);
    let builder = reply.headers.iter().try_fold(ResponseBuilder::new().with_status(reply.status), named)?;
    Ok(match reply.body {
        Some(body) => builder.fixed(body.into_bytes()),
        None => builder.empty(),
    })
}

/// The two ends of a new socket: the client's, and ours.
pub(crate) fn pair() -> Result<(WebSocket, WebSocket), JsValue> {
    let mut pair = WebSocketPair::new()?;
    Ok((pair.client()?, pair.server()?))
}

/// Hands the client its end of a socket, and names the sub-protocol agreed on.
pub(crate) fn switch(client: WebSocket, protocol: Option<&str>) -> worker::Result<Response> {
    let builder = ResponseBuilder::new().with_status(101).with_websocket(client.into());
    let builder = match protocol {
        Some(protocol) => builder.with_header("Sec-WebSocket-Protocol", protocol)?,
        None => builder,
    };
    Ok(builder.empty())
}

/// Does what the door has decided, as far as it needs nothing but an answer.
pub(crate) fn settle(decision: Decision) -> worker::Result<Response> {
    match decision {
        Decision::TurnAway(turned) => turn_away(&turned),
        Decision::Answer(reply) => respond(reply),
        Decision::Assets | Decision::DevToken(_) | Decision::Channel(_) => respond(Code::NotFound.into()),
    }
}

/// Accepts an upgrade only to say why it ends (rule A4).
fn turn_away(turned: &TurnAway) -> worker::Result<Response> {
    let (client, server) = pair()?;
    server.accept()?;
    server.send_with_str(&turned.bye())?;
    server.close_with_code_and_reason(turned.close().number(), turned.close().reason())?;
    switch(client, turned.protocol)
}

#[wasm_bindgen(module = "/src/shell/body.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn read_text(request: &Request, bytes: u32) -> Result<JsValue, JsValue>;
}
