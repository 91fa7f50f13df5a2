//! The agreement on a sub-protocol (rule E6).

use super::{Call, Reply};
use dormouse_protocol::error::{Code, Refusal};

/// The sub-protocol spoken here: frames of JSON text.
pub const PROTOCOL: &str = "dormouse.v1";

/// What an upgrade offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Nothing: a plain WebSocket is taken to speak ours.
    Nothing,
    /// Ours among others.
    Ours,
    /// Others only, or a credential alone.
    Foreign,
}

impl Offer {
    pub(super) fn of(call: &Call<'_>) -> Self {
        let mut items = items(call).peekable();
        if items.peek().is_none() {
            return Self::Nothing;
        }
        if items.any(|item| item == PROTOCOL) { Self::Ours } else { Self::Foreign }
    }

    /// What the answer names: never the credential, and nothing that was not offered.
    pub(super) fn agreed(self) -> Result<Option<&'static str>, Reply> {
        match self {
            Self::Nothing => Ok(None),
            Self::Ours => Ok(Some(PROTOCOL)),
            Self::Foreign => Err(Refusal::new(Code::BadFrame, FOREIGN).because(OFFERED).into()),
        }
    }
}

/// The items of the header `Sec-WebSocket-Protocol`.
pub(super) fn items(call: &Call<'_>) -> impl Iterator<Item = String> {
    let offered = call.header("Sec-WebSocket-Protocol").unwrap_or_default();
    let items: Vec<String> =
        offered.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
    items.into_iter()
}

const OFFERED: &str = "sub-protocols were offered, and dormouse.v1 is none of them";

const FOREIGN: &str = "The sub-protocol spoken here is dormouse.v1: offer it, or none.";
