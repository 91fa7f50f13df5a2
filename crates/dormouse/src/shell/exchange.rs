//! Calls between objects: a text there, a text back, nothing else. No header carries a right, and none is looked at.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::js_sys::Promise;
use worker::web_sys::{Request, Response};
use worker::worker_sys::DurableObject;

use super::code::survive;
use super::env::deployment;
use super::guest::Guest;
use super::host::Host;
use super::http::{self, respond};
use super::stub::stub;
use super::trouble::Trouble;
use crate::door::{EXCHANGE_URL, Reply, place};
use dormouse_protocol::error::Code;
use dormouse_protocol::name::Millis;

/// How long a call may take, in milliseconds. One that is never answered would keep both objects awake.
const PATIENCE: u32 = 10_000;
/// How long the body of a call may take to come, which its caller does not wait for any longer.
const BODY_MS: Millis = 10_000;
/// The longest text of a call or an answer, in bytes.
const TEXT_BYTES: u32 = 32 * 1024 * 1024;

impl<G: Guest> Host<G> {
    /// Calls another object; what it answers comes back as a turn of its own. The platform keeps this one in memory until
    /// then.
    pub(super) fn call(&self, name: String, body: String) -> Result<(), JsValue> {
        let Some(host) = self.itself() else { return Ok(()) };
        let answered = future_to_promise(async move {
            let answer = host.ask(&name, &body).await.ok().and_then(|answer| answer.as_string());
            host.answered(&name, answer.as_deref());
            Ok(JsValue::UNDEFINED)
        });
        keep_for(&self.ctx, &answered, G::LOST.wakes())
    }

    async fn ask(&self, name: &str, body: &str) -> Result<JsValue, JsValue> {
        let deployment = deployment::<G::App>(&self.env).map_err(|_| "the deployment is configured wrongly")?;
        let object = stub(&self.env, G::CALLS, &place(name, &deployment.config))?;
        ask(&object, EXCHANGE_URL, body, PATIENCE, TEXT_BYTES).await
    }

    fn answered(&self, name: &str, answer: Option<&str>) {
        match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|guest, turn| guest.answered(turn, name, answer));
                self.apply(&mut awake, effects);
            }
            Err(trouble) => drop(self.report(&trouble)),
        }
    }

    /// Answers a call of another object, in one turn once its text is there.
    pub(super) fn serve_call(self: &Rc<Self>, request: Request) -> Result<JsValue, Trouble> {
        let host = Rc::clone(self);
        let answered = future_to_promise(async move {
            let response = match http::body(&request, TEXT_BYTES, BODY_MS).await? {
                Ok(body) => host.called(&body).or_else(|trouble| respond(host.report(&trouble))),
                Err(_) => respond(Code::BadFrame.into()),
            };
            Ok(response?.into())
        });
        Ok(survive(&answered)?.into())
    }

    fn called(&self, body: &str) -> Result<Response, Trouble> {
        let mut awake = self.awake()?;
        let (answer, effects) = awake.turn(|guest, turn| guest.called(turn, body));
        self.apply(&mut awake, effects);
        Ok(respond(Reply { body: Some(answer), ..Reply::empty(200) })?)
    }
}

#[wasm_bindgen(module = "/src/shell/exchange.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn ask(object: &DurableObject, url: &str, body: &str, ms: u32, bytes: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    fn keep_for(ctx: &JsValue, answered: &Promise, wakes: bool) -> Result<(), JsValue>;
}
