//! A kind of channel: its declaration in `app.rs`, and the rules that come of it.

use std::collections::BTreeMap;
use std::panic::Location;

use serde_json::{Map, Value, json};

use super::ability::Ability;
use super::data::Payload;
use super::event::{Event, EventRules};
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
}

impl ChannelRules {
    /// The rules of an event; `None` is the refusal `unknown_event`.
    pub fn event(&self, name: &str) -> Option<&EventRules> {
        self.events.get(name)
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

    /// The highest rate of the events, a second; 0 where there are none (rule R5).
    pub fn highest_rate(&self) -> f64 {
        self.events.values().map(|event| event.rate.per_second).fold(0.0, f64::max)
    }

    /// What `GET /v1/contract` says of these channels (rule E3).
    pub(super) fn describe(&self, frame_bytes: usize) -> Value {
        let mut events = Map::new();
        for event in self.events.values() {
            events.insert(event.name.to_string(), event.describe(frame_bytes));
        }
        let HistoryBounds { count, age, bytes } = self.history;
        json!({
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
        })
    }
}

/// How one sees who is here (rules P1, P4).
#[derive(Clone, Debug)]
pub struct PresenceRules {
    /// By name, or by number.
    pub mode: PresenceMode,
    data: Data,
}

impl PresenceRules {
    /// Checks a member's `data` against the type declared for it (rule P1). At most 1 KiB, which is checked before.
    pub fn validate(&self, data: &str) -> Result<(), InvalidData> {
        self.data.validate(data)
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

    fn wrong(&self) -> Vec<String> {
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

/// How presence is declared; what members show of themselves is the type given to [`Channel::presence`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Presence(PresenceMode);

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

/// Declares the channels of a pattern: who may come in, what may be said, whether one sees who is here.
#[derive(Clone, Debug)]
#[must_use]
pub struct Channel {
    entry: Entry,
    granted: Vec<(Ability, At)>,
    events: Vec<(EventRules, At)>,
    /// Whether an event is left out for its name, so that what goes together cannot be said.
    nameless: bool,
    presence: Option<(PresenceRules, At)>,
    history: Option<(HistoryBounds, At)>,
    mistakes: Vec<Mistake>,
}

/// The line of `app.rs` that said it.
type At = &'static Location<'static>;

impl Channel {
    /// A token that grants `join` is needed.
    pub const fn with_token() -> Self {
        Self::entered_by(Entry::Token)
    }

    /// Anyone may join and hear; what else everyone may do is told by [`Channel::grants`].
    #[track_caller]
    pub fn for_anyone() -> Self {
        let at = Location::caller();
        Self { granted: vec![(Ability::Join, at)], ..Self::entered_by(Entry::Anyone) }
    }

    /// Anyone may connect, hears nothing, and signs in on the open socket within ten seconds (rule A7).
    pub const fn sign_in_later() -> Self {
        Self::entered_by(Entry::Later)
    }

    const fn entered_by(entry: Entry) -> Self {
        Self {
            entry,
            granted: vec![],
            events: vec![],
            nameless: false,
            presence: None,
            history: None,
            mistakes: vec![],
        }
    }

    /// What everyone on the channel may do beyond what a token says; without a token too, if anyone may join.
    #[track_caller]
    pub fn grants(mut self, abilities: impl IntoIterator<Item = Ability>) -> Self {
        let at = Location::caller();
        self.granted.extend(abilities.into_iter().map(|ability| (ability, at)));
        self
    }

    /// What may be said: a name, the type of the data, and how it is said.
    #[track_caller]
    pub fn event<T: Payload>(mut self, name: &str, event: Event) -> Self {
        let at = Location::caller();
        if let Some((_, earlier)) = self.events.iter().find(|(rules, _)| rules.name.as_str() == name) {
            let text = format!("the event `{name}` is declared twice, here and in line {}: drop one", earlier.line());
            self.mistakes.push(Mistake::new(at, text));
        }
        let rules = event.named::<T>(name, at, &mut self.mistakes);
        self.nameless |= rules.is_none();
        self.events.extend(rules.map(|rules| (rules, at)));
        self
    }

    /// Lets members see who is here: the type of what they show of themselves, and how it is shown (rule P1).
    #[track_caller]
    pub fn presence<T: Payload>(mut self, presence: Presence) -> Self {
        let at = Location::caller();
        let rules = PresenceRules { mode: presence.0, data: Data::of::<T>() };
        if let Some(place) = rules.data.lets_unknown_fields_pass() {
            self.mistakes.push(Mistake::new(at, format!("presence: {place}")));
        }
        if let Some((_, earlier)) = self.presence.replace((rules, at)) {
            let text = format!("presence is declared twice, here and in line {}: drop one", earlier.line());
            self.mistakes.push(Mistake::new(at, text));
        }
        self
    }

    /// How much of what is kept is held. 1,000 messages, 24 hours and 8 MiB where it is not declared (rule D9).
    #[track_caller]
    pub fn history(mut self, bounds: HistoryBounds) -> Self {
        let at = Location::caller();
        self.mistakes.extend(bounds.wrong().into_iter().map(|text| Mistake::new(at, text)));
        if let Some((_, earlier)) = self.history.replace((bounds, at)) {
            let text = format!("history is declared twice, here and in line {}: drop one", earlier.line());
            self.mistakes.push(Mistake::new(at, text));
        }
        self
    }

    /// What is wrong with this declaration.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let at_odds = if self.nameless { vec![] } else { self.at_odds() };
        [self.mistakes.clone(), at_odds].concat()
    }

    /// The rules of this declaration under its pattern.
    pub(super) fn under(self, pattern: Pattern) -> ChannelRules {
        let mut granted: Vec<_> = self.granted.into_iter().map(|(ability, _)| ability).collect();
        granted.sort();
        granted.dedup();
        ChannelRules {
            pattern,
            entry: self.entry,
            granted,
            events: self.events.into_iter().map(|(rules, _)| (rules.name.clone(), rules)).collect(),
            presence: self.presence.map(|(rules, _)| rules),
            history: self.history.map(|(bounds, _)| bounds).unwrap_or_default(),
        }
    }

    /// What of the declaration does not go together.
    fn at_odds(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let keeps = self.events.iter().any(|(rules, _)| rules.kept);
        if let Some((_, at)) = self.history.filter(|_| !keeps) {
            let text = "history is declared, but no event is kept: keep one, or drop the bounds".to_owned();
            mistakes.push(Mistake::new(at, text));
        }
        let listed = matches!(&self.presence, Some((PresenceRules { mode: PresenceMode::List, .. }, _)));
        for (rules, at) in &self.events {
            if rules.directed && self.entry == Entry::Anyone && !listed {
                let text = format!(
                    "event `{}` is directed, but who listens here has no name and nobody is told who is here, so there \
                     is no one to direct it to: declare presence as a list, or drop `directed`",
                    rules.name
                );
                mistakes.push(Mistake::new(at, text));
            }
        }
        for (ability, at) in &self.granted {
            if let Some(why) = self.vain(ability, keeps) {
                mistakes.push(Mistake::new(at, format!("`{ability}` is granted to everyone, but {why}: drop it")));
            }
        }
        mistakes
    }

    /// Why an ability cannot sensibly be granted to everyone, if it cannot.
    fn vain(&self, ability: &Ability, keeps: bool) -> Option<&'static str> {
        let sayable = |name: &EventName| {
            let reserved = Ability::PublishEvent(name.clone());
            self.events.iter().any(|(rules, _)| rules.name == *name || rules.ability == reserved)
        };
        match ability {
            Ability::Presence if self.presence.is_none() => Some("the channel has no presence"),
            Ability::History if !keeps => Some("nothing is kept"),
            Ability::PublishEvent(name) if !sayable(name) => Some("there is no such event"),
            Ability::Publish if self.events.is_empty() => Some("there is no event"),
            Ability::Unmetered => Some("that would leave the channel without any rates"),
            Ability::Meter => Some("the counters are for those who run the service"),
            _ => None,
        }
    }
}
