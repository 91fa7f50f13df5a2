//! What goes wrong on our side: in full to the log, as an id to whoever asked (rule R2).

use wasm_bindgen::prelude::*;
use worker::web_sys::Response;

use super::env::Mistakes;
use super::{http, log, random};
use crate::door::{Refused, Reply};
use dormouse_core::effect::{Level, LogLine};
use dormouse_protocol::error::Code;

/// Why an object could not do what it was asked.
pub enum Trouble {
    /// The deployment's configuration or contract is wrong.
    Mistakes(Mistakes),
    /// The object has no channel's name, or one that no pattern fits any more.
    NoChannel,
    /// The platform failed, or threw what the binding names.
    Platform(String),
}

impl From<JsValue> for Trouble {
    fn from(thrown: JsValue) -> Self {
        Self::Platform(text(&thrown))
    }
}

impl From<worker::Error> for Trouble {
    fn from(error: worker::Error) -> Self {
        Self::Platform(error.to_string())
    }
}

impl Trouble {
    /// Logs it, and makes the answer that goes with it.
    pub(crate) fn report(&self, channel: Option<String>) -> Reply {
        match self {
            Self::Mistakes(mistakes) => misconfigured(mistakes),
            Self::NoChannel => report(channel, "no channel of the contract has this object's name"),
            Self::Platform(detail) => report(channel, detail),
        }
    }
}

fn report(channel: Option<String>, detail: &str) -> Reply {
    let id = random::trouble_id();
    log::write(&line(&id, channel, detail));
    Reply::internal(&id)
}

/// The answer of a deployment that is configured wrongly, with a line in the log for each mistake.
pub(crate) fn misconfigured(mistakes: &Mistakes) -> Reply {
    let id = random::trouble_id();
    for mistake in mistakes.iter() {
        log::write(&line(&id, None, mistake));
    }
    Reply::internal(&id)
}

/// Refuses at the door, and says so in the log.
pub(crate) fn respond_refused(refused: Refused) -> Result<Response, JsValue> {
    log::write(&refused.line);
    http::respond_decided(refused.decision)
}

/// The same in an object.
pub(crate) fn pass_back(refused: Refused) -> Result<Response, JsValue> {
    log::write(&refused.line);
    http::pass_back(refused.decision)
}

/// A line of the log for what the sender knows only by its id.
fn line(id: &str, channel: Option<String>, detail: &str) -> LogLine {
    LogLine {
        channel,
        code: Some(Code::Internal.as_str()),
        detail: Some(format!("{id}: {detail}")),
        ..LogLine::new(Level::Error, "internal")
    }
}

/// What was thrown, in words for the log.
pub(crate) fn text(thrown: &JsValue) -> String {
    thrown.as_string().or_else(|| describe(thrown).ok()).unwrap_or_else(|| "something that cannot be told".to_owned())
}

#[wasm_bindgen(inline_js = "export const describe = (thrown) => String(thrown);")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn describe(thrown: &JsValue) -> Result<String, JsValue>;
}
