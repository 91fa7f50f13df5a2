//! Requests and answers of the platform, from and into plain values.

use wasm_bindgen::prelude::*;
use worker::ResponseBuilder;
use worker::js_sys::Promise;
use worker::web_sys::{Request, Response, WebSocket};
use worker::worker_sys::ext::WebSocketExt as _;
use worker::worker_sys::{DurableObject, WebSocketPair};

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

/// The headers that are asked for; the same in http.js, in the same order.
const HEADERS: [&str; 5] = ["Host", "Upgrade", "Authorization", "Origin", "Sec-WebSocket-Protocol"];

/// Looks at a request through the door's eyes. It crosses the border once: reading it piece by piece took a tenth of
/// what a join costs.
pub(crate) fn with_call<T>(request: &Request, look: impl FnOnce(&Call<'_>) -> T) -> T {
    let lines = lines(request).unwrap_or_default();
    let mut lines = lines.split('\n');
    let (method, url) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let values: Vec<&str> = lines.collect();
    // None of them can hold a line break: if there are more lines, one lied, and nothing of it is believed.
    let url = if values.len() == HEADERS.len() { url } else { "/v1/" };
    let header = |name: &str| {
        let place = HEADERS.iter().position(|header| *header == name)?;
        values.get(place).filter(|value| **value != "\0").map(|value| (*value).to_owned())
    };
    look(&Call::new(method, url, &header))
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
pub(crate) fn respond(reply: Reply) -> Result<Response, JsValue> {
    let named = |builder: ResponseBuilder, (name, value): &(&str, String)| builder.with_header(name, value);
    let builder = reply.headers.iter().try_fold(ResponseBuilder::new().with_status(reply.status), named)?;
    Ok(match reply.body {
        Some(body) => builder.fixed(body.into_bytes()).into(),
        None => builder.empty().into(),
    })
}

/// Does what the door has decided, as far as it needs nothing but an answer.
pub(crate) fn settle(decision: Decision) -> Result<Response, JsValue> {
    match decision {
        Decision::TurnAway(turned) => turn_away(&turned),
        Decision::Answer(reply) => respond(reply),
        Decision::Assets | Decision::DevToken(_) | Decision::Channel(_) => respond(Code::NotFound.into()),
    }
}

/// Accepts an upgrade only to say why it ends (rule A4).
fn turn_away(turned: &TurnAway) -> Result<Response, JsValue> {
    let mut pair = WebSocketPair::new()?;
    let server = pair.server()?;
    server.accept()?;
    server.send_with_str(&turned.bye())?;
    server.close_with_code_and_reason(turned.close().number(), turned.close().reason())?;
    switched(&pair.client()?, turned.protocol)
}

#[wasm_bindgen(module = "/src/shell/http.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn lines(request: &Request) -> Result<String, JsValue>;
    /// Hands the client its end of a socket, and names the sub-protocol agreed on.
    #[wasm_bindgen(catch)]
    pub(crate) fn switched(client: &WebSocket, protocol: Option<&str>) -> Result<Response, JsValue>;
    /// Hands a request on to an object; `failed` answers in its place where that fails.
    #[wasm_bindgen(catch)]
    pub(crate) fn reach(
        object: &DurableObject,
        request: &Request,
        env: &JsValue,
        failed: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    async fn read_text(request: &Request, bytes: u32) -> Result<JsValue, JsValue>;
}
