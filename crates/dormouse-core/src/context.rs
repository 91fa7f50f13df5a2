//! What every part of the machine works with while an event is handled: the time, the disk, the links, what the
//! channel is set to, and the list of what is to be done.

use crate::bucket::Bucket;
use crate::clock::Clock;
use crate::contract::{ChannelRules, Rate, Surroundings};
use crate::effect::{Effect, Level, LogLine, SessionKey};
use crate::grant::Verifier;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::storage::{Storage, StorageError};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{ChannelName, Millis};
use std::rc::Rc;

/// What the machine wants done, in order.
pub type Effects = Vec<Effect>;

/// What the machine may ask about the links that carry its sessions.
pub trait Links {
    /// Bytes sent to this session that it has not read yet.
    fn unsent(&self, session: SessionKey) -> u64;

    /// The bytes that nobody has read yet, in sum, and the sessions that have more than so many of them.
    fn unsent_over(&self, bytes: u64) -> Unsent;

    /// The attachment that a session left, empty where it left none.
    fn attachment(&self, session: SessionKey) -> String;

    /// When each session that ever sent `ping` sent the last one.
    fn pinged(&self) -> Vec<(SessionKey, Millis)>;
}

/// Bytes that were sent and are not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// All of them.
    pub total: u64,
    /// Sessions that have many, each with its own.
    pub over: Vec<(SessionKey, u64)>,
}

/// What holds for a channel as long as it is awake.
pub struct ChannelConfig {
    /// Its name.
    pub name: ChannelName,
    /// What the contract says of it.
    pub rules: Rc<ChannelRules>,
    /// The numbers within which it works.
    pub limits: Limits,
    /// What verifies the tokens of `auth`.
    pub verifier: Rc<dyn Verifier>,
}

/// How many lines of what goes wrong in a channel are in the log: a hundred at once, then ten a second. Code that fails
/// over each message would fill it else (rule R7).
const TROUBLE_RATE: Rate = Rate { per_second: 10.0, burst: 100.0 };

/// What outlives an event and belongs to no part alone: what is to be done, what is counted, and the clock.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) effects: Effects,
    pub(crate) meter: Meter,
    pub(crate) clock: Clock,
    /// The time of the last incident, and how many there were at that time.
    incidents: (Millis, u64),
    /// What is left of the channel's share of the log for what goes wrong in it.
    trouble: Option<Bucket>,
}

/// One event as the parts of the machine see it.
pub(crate) struct Context<'a> {
    /// When it happened, in milliseconds since 1970.
    pub(crate) now: Millis,
    pub(crate) storage: &'a mut dyn Storage,
    pub(crate) links: &'a dyn Links,
    pub(crate) surroundings: &'a dyn Surroundings,
    pub(crate) config: &'a ChannelConfig,
    pub(crate) desk: &'a mut Desk,
}

impl<'a> Context<'a> {
    /// The time of the event on a clock that never goes back: see [`Clock::steady`].
    pub(crate) const fn steady(&self) -> Millis {
        self.desk.clock.steady(self.now)
    }

    pub(crate) const fn limits(&self) -> &'a Limits {
        &self.config.limits
    }

    pub(crate) fn rules(&self) -> &'a ChannelRules {
        &self.config.rules
    }

    /// Has something done, after all that was asked for before.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.desk.effects.push(effect);
    }

    pub(crate) fn log(&mut self, line: LogLine) {
        let channel = Some(self.config.name.to_string());
        self.push(Effect::Log(LogLine { channel, ..line }));
    }

    /// Something that goes wrong as often as it is tried: in the log, unless much of it was there lately.
    pub(crate) fn log_trouble(&mut self, line: LogLine) {
        if self.may_log_trouble() {
            self.log(line);
        }
    }

    fn may_log_trouble(&mut self) -> bool {
        let now = self.steady();
        self.desk.trouble.get_or_insert_with(|| Bucket::full(TROUBLE_RATE, now)).take(TROUBLE_RATE, now).is_ok()
    }

    /// Our fault: the log gets the detail unless much of it was there lately, the sender an id by which the two are brought
    /// together (rule R2).
    pub(crate) fn internal(&mut self, detail: String) -> Refusal {
        match self.may_log_trouble() {
            true => self.logged_internal(detail),
            false => self.unlogged_internal(),
        }
    }

    /// The same, of which the caller has made sure that the log is not filled.
    pub(crate) fn logged_internal(&mut self, detail: String) -> Refusal {
        let incident = self.incident();
        self.log(LogLine {
            code: Some(Code::Internal.as_str()),
            detail: Some(format!("{incident}: {detail}")),
            ..LogLine::new(Level::Error, "internal")
        });
        told_internal(&incident)
    }

    /// The same where the log has had much of it lately.
    pub(crate) fn unlogged_internal(&mut self) -> Refusal {
        told_internal(&self.incident())
    }

    /// Counted anew at each time, so that sleep in between does not change the id (rule H1).
    fn incident(&mut self) -> String {
        let (at, count) = self.desk.incidents;
        let count = if at == self.now { count.saturating_add(1) } else { 1 };
        self.desk.incidents = (self.now, count);
        format!("{:x}-{count}", self.now)
    }

    /// What the storage said, as the sender is told it.
    pub(crate) fn storage_refusal(&mut self, error: &StorageError) -> Refusal {
        let internal = self.internal(error.to_string());
        if *error == StorageError::Full { Code::OverCapacity.into() } else { internal }
    }

    /// Does something with the storage, and counts the rows that it writes.
    pub(crate) fn counting_rows<T>(&mut self, write: impl FnOnce(&mut dyn Storage) -> T) -> T {
        let before = self.storage.rows_written();
        let answer = write(self.storage);
        let rows = self.storage.rows_written().saturating_sub(before);
        self.desk.meter.rows_written = self.desk.meter.rows_written.saturating_add(rows);
        answer
    }
}

fn told_internal(incident: &str) -> Refusal {
    Refusal::new(Code::Internal, format!("{} Its id is {incident}.", Code::Internal.text()))
}
