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
    /// Whether it says again what was said in a call that failed, and so may have been heard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// Whether nothing was ever heard of the other side in this life, and all that is said may be said twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) harmless: bool,
    /// The number of the last item that there is, or will be: whoever has it waits for nothing more.
    pub(crate) owes: u64,
    /// Whether the link is over: nothing was taken in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) over: bool,
    /// The number of the first item that the other side has not said to have, or of the next.
    pub(crate) open: u64,
    /// The number of the first item here, or of the next.
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
    /// What tells its list of members from others; nothing where not all of it is told.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) here: Option<u64>,
}

impl Position {
    /// Whether the same was kept there.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (&self.epoch, self.seq) == (&other.epoch, other.seq)
    }
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
