//! [`Socket`]: one end of a connection, as a test sees it.

use serde_json::Value;

use crate::effect::Subscription;
use dormouse_protocol::name::Millis;

/// A client, for as long as the world lasts; the machine's keys are given out anew whenever it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(pub(super) usize);

/// One end of a connection: what the client has received, and what the platform keeps for it.
#[derive(Debug, Default)]
pub struct Socket {
    /// Frames in order, arrays taken apart.
    pub frames: Vec<Value>,
    /// Texts as they came, so that batches can be seen.
    pub texts: Vec<String>,
    /// What the platform keeps for the connection while the channel sleeps.
    pub attachment: String,
    /// What of a broadcast it hears.
    pub subscription: Option<Subscription>,
    /// The code with which the channel closed it.
    pub hung_up: Option<u16>,
    /// Bytes that were sent and that the client has not read.
    pub unsent: u64,
    pub(super) pinged: Option<Millis>,
    pub(super) given_up: bool,
    /// How many of the frames the test was handed.
    read: usize,
}

impl Socket {
    /// Whether the channel has given it up, and only the platform has it still.
    pub const fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// The frames that came since this was last asked.
    pub(super) fn received(&mut self) -> Vec<Value> {
        let fresh = self.frames[self.read..].to_vec();
        self.pass_over();
        fresh
    }

    /// Takes all that came for read.
    pub(super) const fn pass_over(&mut self) {
        self.read = self.frames.len();
    }

    pub(super) fn deliver(&mut self, text: &str) {
        assert_eq!(self.hung_up, None, "told after its socket was closed: {text}");
        self.texts.push(text.to_owned());
        match serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) {
            Value::Array(frames) => self.frames.extend(frames),
            frame => self.frames.push(frame),
        }
    }
}
