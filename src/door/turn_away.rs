//! A join that the Worker itself refuses, in a way a browser can read (rule A4).

use serde::Serialize;

use crate::error::Close;
use crate::name::Millis;

/// An upgrade that is accepted only to be told why it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnAway {
    /// Why.
    pub close: Close,
    /// Milliseconds the client should wait before it comes back.
    pub retry_after: Option<Millis>,
    /// The sub-protocol the answer names: a browser takes no connection whose offer went unanswered.
    pub protocol: Option<&'static str>,
}

impl TurnAway {
    pub(super) const fn new(close: Close, protocol: Option<&'static str>) -> Self {
        Self { close, retry_after: None, protocol }
    }

    /// The one frame it hears.
    pub fn bye(&self) -> String {
        let Self { close, retry_after, .. } = self;
        let bye = Bye { r#type: "bye", code: close.number(), reason: close.reason(), retry_after: *retry_after };
        serde_json::to_string(&bye).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Bye {
    r#type: &'static str,
    code: u16,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<Millis>,
}
