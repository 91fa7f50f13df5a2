//! What one side of a link says to the other, in a call or in an answer.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How messages are written; those of another version are of a release that parts with this one cleanly.
const VERSION: u32 = 1;

/// A message of a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "v")]
    pub(crate) version: u32,
    /// The relay's name, in its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relay: Option<String>,
    /// The life of the link; of two of one relay the greater is the later.
    pub(crate) life: u64,
    /// The boot of who says it.
    pub(crate) from: Box<str>,
    /// The boot of the other side as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Box<str>>,
    /// Whether nothing that was said before, or is said here, can have been heard by another boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) doubtless: bool,
    /// Whether nobody waits for anything more of who says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rest: bool,
    /// Whether the link is over: nothing was taken in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) over: bool,
    /// The number of the first item, or of the next.
    pub(crate) at: u64,
    /// The number of the last item of the other side that was taken in.
    pub(crate) got: u64,
    /// Where the channel stood when it woke, in the first message after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stood: Option<Position>,
    /// Where the channel stands with all that is in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stands: Option<Position>,
    /// What is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<Box<RawValue>>,
}

/// A position in a channel's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The life of the history.
    #[serde(rename = "e")]
    pub(crate) epoch: String,
    /// Its newest message that is on disk.
    #[serde(rename = "s")]
    pub(crate) seq: u64,
}

impl Message {
    /// Says that a link is over.
    pub(crate) fn over(life: u64, boot: &str) -> Self {
        Self { life, from: boot.into(), over: true, ..Self::default() }
    }

    /// As it goes over the wire.
    pub(crate) fn encode(mut self) -> String {
        self.version = VERSION;
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// Reads a message; `None` where it is none of this version.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|message: &Self| message.version == VERSION)
    }
}
