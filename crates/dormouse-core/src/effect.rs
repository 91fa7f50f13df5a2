//! What the machine wants done: values, applied by the shell in their order.

use crate::contract::JobRequest;
use dormouse_protocol::name::{ChannelName, ConnectionId, Millis, UserId};

/// Names a session while the object is awake; the shell keeps which link carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub u32);

/// Names an HTTP request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskerKey(pub u32);

/// What a session hears of a broadcast, by right (rule F4): one text is sent for each form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// Only what is addressed to it: not signed in yet, or on its way out.
    Nothing,
    /// Messages, and not who is here.
    Messages,
    /// Messages and presence.
    Presence,
}

/// One thing to do. The shell applies effects in order and decides nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a text frame to one session.
    Tell {
        /// Who is told.
        session: SessionKey,
        /// The frame, or an array of frames, encoded.
        text: String,
    },
    /// Send one text frame to several sessions.
    TellMany {
        /// Who is told.
        sessions: Vec<SessionKey>,
        /// The frame, or an array of frames, encoded.
        text: String,
    },
    /// Send one text frame to every session of one form, but for a few who get their own.
    Broadcast {
        /// Which form this text is for.
        subscription: Subscription,
        /// Sessions of that form that are passed over.
        except: Vec<SessionKey>,
        /// The frame, or an array of frames, encoded.
        text: String,
    },
    /// From now on the session hears this much of what is broadcast.
    Subscribe {
        /// Whose hearing changes.
        session: SessionKey,
        /// What it hears from now on.
        subscription: Subscription,
    },
    /// From now on the sessions that slept hear this much, by their keys from 0: as [`Effect::Subscribe`], in one.
    SubscribeAll {
        /// What each hears.
        subscription: Vec<Subscription>,
    },
    /// Write the session's attachment: what must survive sleep (rule H3).
    SaveAttachment {
        /// Whose attachment it is.
        session: SessionKey,
        /// The attachment, versioned, at most 16,384 bytes.
        attachment: String,
    },
    /// Close the session's socket. A close that is already under way is no error.
    HangUp {
        /// Whose socket is closed.
        session: SessionKey,
        /// The code of the close frame.
        code: u16,
        /// The reason of the close frame, at most 123 bytes.
        reason: &'static str,
    },
    /// Forget the link of a session that is closed.
    Drop {
        /// Which session is gone.
        session: SessionKey,
    },
    /// Answer a waiting HTTP request.
    Answer {
        /// Which request.
        asker: AskerKey,
        /// The HTTP status.
        status: u16,
        /// The body, JSON.
        body: String,
        /// Milliseconds for the header `Retry-After` (in whole seconds, rounded up).
        retry_after: Option<Millis>,
    },
    /// Try a job of the application's code: ask another server, and tell what came of it (rule C7).
    Job(JobRequest),
    /// Call the object of this channel, and hand its answer to [`RelayMachine::answered`](crate::relay::RelayMachine::answered).
    CallChannel {
        /// The channel.
        channel: ChannelName,
        /// What it is called with.
        body: String,
    },
    /// Call the relay of this name, and hand its answer to [`ChannelMachine::relay_answered`](crate::channel::ChannelMachine::relay_answered).
    CallRelay {
        /// The relay.
        relay: String,
        /// What it is called with.
        body: String,
    },
    /// Have the one timer fire after so many milliseconds; an earlier setting is replaced.
    Timer {
        /// Milliseconds from now.
        after: Millis,
    },
    /// Let the platform look at what else has come before the next event is handed over (rule R7).
    Breathe,
    /// Have the one alarm fire at this time, also through sleep; an earlier setting is replaced.
    Alarm {
        /// Milliseconds since 1970.
        at: Millis,
    },
    /// Write a line to the log.
    Log(LogLine),
}

/// How bad a log line is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The usual course of things.
    Info,
    /// Somebody else's fault.
    Warn,
    /// Our fault.
    Error,
}

impl Level {
    /// Their names, as a line has them.
    pub const NAMES: [&str; 3] = ["info", "warn", "error"];

    /// The level of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        [Self::Info, Self::Warn, Self::Error].get(index).copied()
    }
}

/// One structured line of the log; never a token or a payload.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LogLine {
    /// How bad it is.
    pub level: Level,
    /// What happened: `join`, `leave`, `bye`, `refused`, `internal`, `storage`, `job` (a try that failed); `unfit_pattern` and `setting` where
    /// something is passed over that was meant to count.
    pub event: &'static str,
    /// The channel's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The connection it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// The user it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// A code of the tables in `error.rs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What an operator needs to know beyond that; with `internal`, the id the sender was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl LogLine {
    /// A line with nothing but its level and event; fill in the rest by struct update.
    pub const fn new(level: Level, event: &'static str) -> Self {
        Self { level, event, channel: None, connection: None, user: None, code: None, detail: None }
    }

    /// The line of a refusal: its code, and what was missing or which limit it was (rule R2).
    pub fn refused(code: &'static str, detail: Option<String>) -> Self {
        Self { code: Some(code), detail, ..Self::new(Level::Warn, "refused") }
    }
}
