//! Requests and answers of the platform, from and into plain values.

use wasm_bindgen::prelude::*;
use worker::ResponseBuilder;
use worker::js_sys::Promise;
use worker::web_sys::{Request, Response, WebSocket};
use worker::worker_sys::DurableObject;

use super::trouble;
use crate::door::{Call, Decision, Reply, Unread, passed_back};
use dormouse_protocol::error::Code;
use dormouse_protocol::name::Millis;

/// The headers that are asked for; the same in http.js, in the same order.
const HEADERS: [&str; 7] =
    ["Host", "Upgrade", "Authorization", "Origin", "Sec-WebSocket-Protocol", "CF-Connecting-IP", "Idempotency-Key"];

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

/// Reads a body of at most so many bytes, and no longer than so many milliseconds.
pub(crate) async fn body(request: &Request, bytes: u32, ms: Millis) -> Result<Result<String, Unread>, JsValue> {
    let read = read_text(request, bytes, patience(ms)).await?;
    Ok(read.as_string().ok_or_else(|| unread(&read)))
}

/// The same request with its body read, within the same bounds.
pub(crate) async fn whole(request: &Request, bytes: u32, ms: Millis) -> Result<Result<Request, Unread>, JsValue> {
    let read = read_whole(request, bytes, patience(ms)).await?;
    Ok(read.dyn_into().map_err(|read| unread(&read)))
}

/// Why a body is not taken; the same in http.js, in the same order.
const UNREAD: [Unread; 4] = [Unread::TooLarge, Unread::Late, Unread::Broken, Unread::NotUtf8];

fn unread(why: &JsValue) -> Unread {
    let at = why.as_f64().unwrap_or_default();
    let known = UNREAD.iter().zip(0_i32..).find(|(_, place)| f64::from(*place) == at);
    known.map_or(Unread::Broken, |(unread, _)| *unread)
}

fn patience(ms: Millis) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
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

/// Does what the door has decided, as far as it needs nothing but an answer. An upgrade is accepted only to say why it
/// ends (rule A4).
pub(crate) fn respond_decided(decision: Decision) -> Result<Response, JsValue> {
    match decision {
        Decision::RejectedUpgrade(turned) => reject(&turned.bye(), turned.protocol),
        Decision::Refused(refused) => respond_decided(refused.decision),
        other => pass_back(other),
    }
}

/// The same in an object, which accepts no socket that is to end: the Worker does, by the answer.
pub(crate) fn pass_back(decision: Decision) -> Result<Response, JsValue> {
    match decision {
        Decision::RejectedUpgrade(turned) => respond(passed_back(turned.bye(), turned.protocol)),
        Decision::Answer(reply) => respond(reply),
        Decision::Misconfigured(mistakes) => respond(trouble::misconfigured(&mistakes)),
        Decision::Refused(refused) => pass_back(refused.decision),
        Decision::Assets | Decision::DevToken(_) | Decision::Channel(_) | Decision::Connect(_) => {
            respond(Code::NotFound.into())
        }
    }
}

#[wasm_bindgen(module = "/src/shell/http.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn lines(request: &Request) -> Result<String, JsValue>;
    /// Hands the client its end of a socket, and names the sub-protocol agreed on.
    #[wasm_bindgen(catch)]
    pub(crate) fn switched(client: &WebSocket, protocol: Option<&str>) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch)]
    fn reject(bye: &str, protocol: Option<&str>) -> Result<Response, JsValue>;
    /// Hands a request on to an object; `failed` answers in its place where that fails.
    #[wasm_bindgen(catch)]
    pub(crate) fn reach(
        object: &DurableObject,
        request: &Request,
        env: &JsValue,
        failed: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    async fn read_text(request: &Request, bytes: u32, ms: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn read_whole(request: &Request, bytes: u32, ms: u32) -> Result<JsValue, JsValue>;
}
