//! A join that the Worker itself refuses, in a way a browser can read (rule A4).

use super::Reply;
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;
use dormouse_protocol::frame::Bye;
use dormouse_protocol::name::Millis;

/// An upgrade that is accepted only to be told why it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedUpgrade {
    /// Why, and when to come back.
    pub bye: Bye,
    /// The sub-protocol the answer names: a browser takes no connection whose offer went unanswered.
    pub protocol: Option<&'static str>,
}

impl RejectedUpgrade {
    pub(super) const fn new(close: Close, retry_after: Option<Millis>, protocol: Option<&'static str>) -> Self {
        Self { bye: Bye { close, retry_after }, protocol }
    }

    /// The one frame it hears.
    pub fn bye(&self) -> String {
        frame::bye(self.bye)
    }

    /// The code and the reason of the close frame that follows.
    pub const fn close(&self) -> Close {
        self.bye.close
    }
}

/// The header of what a relay answers that has no room; it stays between the relay and the Worker, which asks the next.
pub const FULL: &str = "Dormouse-Full";

/// What a relay answers that has no room for one more connection.
pub fn full() -> Reply {
    Reply::empty(503).with(FULL, "1")
}

/// What an object answers to a joiner that it refuses: the Worker makes the `bye` of it, so that no socket of a joiner
/// who does not close it keeps the object awake.
pub fn passed_back(bye: impl Into<String>, protocol: Option<&'static str>) -> Reply {
    let reply = Reply::empty(403).with("Dormouse-Bye", bye);
    match protocol {
        Some(protocol) => reply.with("Sec-WebSocket-Protocol", protocol),
        None => reply,
    }
}
