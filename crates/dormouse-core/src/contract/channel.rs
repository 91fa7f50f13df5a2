//! A kind of channel: the rules that come of its declaration.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use serde_json::{Map, Value, json};

use super::ability::Ability;
use super::call::CallRules;
use super::declared::with;
use super::event::EventRules;
use super::handler::Handlers;
use super::invalid_data::InvalidData;
use super::mistake::Mistake;
use super::typed::Data;
use crate::pattern::Pattern;
use dormouse_protocol::name::{EventName, Millis};

/// An hour in milliseconds.
pub const HOUR: Millis = 3_600_000;
/// 1,048,576 bytes.
pub const MIB: u64 = 1_048_576;

/// Who may come in (rules A4, A7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Whoever has a token that grants `join`.
    Token,
    /// Anyone; without a token one may do what is granted to all, and no more.
    Anyone,
    /// Anyone, to sign in on the open socket within ten seconds (rule A7).
    Later,
}

/// What holds on the channels of one pattern.
#[derive(Clone, Debug)]
pub struct ChannelRules {
    /// Which channels.
    pub pattern: Pattern,
    /// Who may come in.
    pub entry: Entry,
    /// What everyone may do there, token or not.
    pub granted: Vec<Ability>,
    /// What may be said, by name.
    pub events: BTreeMap<EventName, EventRules>,
    /// How one sees who is here; nothing where one does not.
    pub presence: Option<PresenceRules>,
    /// How much is kept of what is kept (rule D9).
    pub history: HistoryBounds,
    /// What may be asked, by name (rule C3).
    pub calls: BTreeMap<EventName, CallRules>,
    /// The application's code beside its judged events and calls.
    pub(crate) handlers: Handlers,
}

impl ChannelRules {
    /// The rules of an event; `None` is the refusal `unknown_event`.
    pub fn event(&self, name: &str) -> Option<&EventRules> {
        self.events.get(name)
    }

    /// The rules of a call; `None` is the refusal `not_found`.
    pub fn call(&self, name: &str) -> Option<&CallRules> {
        self.calls.get(name)
    }

    /// Whether the application's code runs here at all.
    pub(crate) const fn has_code(&self) -> bool {
        self.handlers.any
    }

    /// Whether the application's code may have something happen later.
    pub(crate) fn has_timers(&self) -> bool {
        !self.handlers.timers.is_empty() || !self.handlers.jobs.is_empty()
    }

    /// What of these rules decides who hears what, as one letter: under another, each session is judged anew on waking.
    pub fn policy_fingerprint(&self) -> char {
        let entry = match self.entry {
            Entry::Token => 0,
            Entry::Anyone => 1,
            Entry::Later => 2,
        };
        let grants = |ability| u8::from(self.granted.contains(&ability));
        let bits = entry << 3 | grants(Ability::Join) << 2 | grants(Ability::Presence) << 1;
        char::from(b'A' | bits | u8::from(self.presence.is_some()))
    }

    /// Whether anything said here is kept.
    pub fn keeps(&self) -> bool {
        self.events.values().any(|event| event.kept)
    }

    /// The names of the calls whose replies are remembered (rule C3).
    pub fn remembered_calls(&self) -> Vec<&str> {
        self.calls.values().filter(|call| call.remembered).map(|call| call.name.as_str()).collect()
    }

    /// The highest rate of events and calls, a second; 0 where there are none (rule R5).
    pub fn highest_rate(&self) -> f64 {
        let events = self.events.values().map(|event| event.rate.per_second);
        events.chain(self.calls.values().map(|call| call.rate.per_second)).fold(0.0, f64::max)
    }

    /// What is wrong with the types of what is said here.
    pub(super) fn mistakes_of_types(&self) -> Vec<Mistake> {
        let events = self.events.values().filter_map(EventRules::mistake_of_type);
        let calls = self.calls.values().filter_map(CallRules::mistake_of_type);
        let presence = self.presence.as_ref().and_then(PresenceRules::mistake_of_type);
        let pattern = self.pattern.to_string();
        events.chain(calls).chain(presence).map(|mistake| mistake.within(&pattern)).collect()
    }

    /// What `GET /v1/contract` says of these channels (rule E3).
    pub(super) fn describe(&self, frame_bytes: usize) -> Value {
        let mut events = Map::new();
        for event in self.events.values() {
            events.insert(event.name.to_string(), event.describe(frame_bytes, &self.handlers.reasons));
        }
        let HistoryBounds { count, age, bytes } = self.history;
        let told = json!({
            "pattern": self.pattern.to_string(),
            "join": match self.entry {
                Entry::Token => "token",
                Entry::Anyone => "anyone",
                Entry::Later => "later",
            },
            "granted": self.granted.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "events": events,
            "presence": self.presence.as_ref().map(PresenceRules::describe),
            "history": self.keeps().then(|| json!({"count": count, "age_ms": age, "bytes": bytes})),
        });
        if !self.has_code() {
            return told;
        }
        let describe = |call: &CallRules| call.describe(frame_bytes, &self.handlers.reasons);
        let calls: Map<_, _> = self.calls.values().map(|call| (call.name.to_string(), describe(call))).collect();
        let snapshot = self.handlers.snapshot.as_ref().map(|shown| (shown.schema)());
        with(told, [("calls", calls.into()), ("refusals", json!(self.reasons())), ("snapshot", json!(snapshot))])
    }

    /// The reasons for which something is refused here, each once.
    fn reasons(&self) -> BTreeSet<&'static str> {
        let judged = self.events.values().filter_map(|event| event.judge.as_ref()).map(|(_, reasons)| reasons);
        let asked = self.calls.values().map(|call| &call.refusals);
        judged.chain(asked).chain([&self.handlers.reasons]).flatten().copied().collect()
    }
}

/// How one sees who is here (rules P1, P4).
#[derive(Clone, Debug)]
pub struct PresenceRules {
    /// By name, or by number.
    pub mode: PresenceMode,
    pub(super) data: Data,
    /// The line that declares it.
    pub(super) at: &'static Location<'static>,
}

impl PresenceRules {
    /// Checks a member's `data` against the type declared for it (rule P1). At most 1 KiB, which is checked before.
    pub fn validate(&self, data: &str) -> Result<(), InvalidData> {
        self.data.validate(data)
    }

    fn mistake_of_type(&self) -> Option<Mistake> {
        let place = self.data.lets_unknown_fields_pass()?;
        Some(Mistake::new(self.at, format!("presence: {place}")))
    }

    fn describe(&self) -> Value {
        let mode = match self.mode {
            PresenceMode::List => "list",
            PresenceMode::Count => "count",
        };
        json!({"data": self.data.schema(), "mode": mode})
    }
}

/// Whether presence tells who is here, or how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceMode {
    /// Each member with its data, up to the size of rule P4.
    List,
    /// Their number alone.
    Count,
}

/// How much of a channel's history is held; what is beyond any of the bounds is gone (rule D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// How many messages: 1 to 100,000.
    pub count: u64,
    /// How old, in milliseconds: a second to 90 days.
    pub age: Millis,
    /// How much of storage, in bytes: 64 KiB to 1 GiB.
    pub bytes: u64,
}

impl HistoryBounds {
    pub(super) const COUNT_MAX: u64 = 100_000;
    pub(super) const AGE_MIN: Millis = 1_000;
    pub(super) const AGE_MAX: Millis = 90 * 24 * HOUR;
    pub(super) const BYTES_MIN: u64 = 65_536;
    pub(super) const BYTES_MAX: u64 = 1_024 * MIB;

    pub(super) fn wrong(&self) -> Vec<String> {
        let bound = |what: &str, value: u64, min: u64, max: u64| {
            let wrong = !(min..=max).contains(&value);
            wrong.then(|| format!("history holds {what} of {min} to {max}, not {value}"))
        };
        let bounds = [
            bound("a count", self.count, 1, Self::COUNT_MAX),
            bound("an age in milliseconds", self.age, Self::AGE_MIN, Self::AGE_MAX),
            bound("bytes", self.bytes, Self::BYTES_MIN, Self::BYTES_MAX),
        ];
        bounds.into_iter().flatten().collect()
    }
}

impl Default for HistoryBounds {
    /// 1,000 messages, 24 hours, 8 MiB.
    fn default() -> Self {
        Self { count: 1_000, age: 24 * HOUR, bytes: 8 * MIB }
    }
}

/// How presence is declared; what members show of themselves is the type given to [`Channel::presence`](super::Channel::presence).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Presence(pub(super) PresenceMode);

impl Presence {
    /// One sees who is here. A crowd is told as a number all the same (rule P4).
    pub const fn list() -> Self {
        Self(PresenceMode::List)
    }

    /// One sees how many are here.
    pub const fn count() -> Self {
        Self(PresenceMode::Count)
    }
}
