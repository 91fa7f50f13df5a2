//! The declaration of a kind of channel, as `app.rs` writes it.

use std::marker::PhantomData;
use std::panic::Location;

use super::ability::Ability;
use super::call::CallRules;
use super::channel::{ChannelRules, Entry, HistoryBounds, Presence, PresenceMode, PresenceRules};
use super::data::Payload;
use super::event::{Event, EventRules};
use super::handler::{Handlers, Names};
use super::mistake::Mistake;
use super::typed::Data;
use crate::pattern::Pattern;
use dormouse_protocol::name::EventName;

/// Declares the channels of a pattern: who may come in, what may be said, whether one sees who is here, and what the
/// application's own code does there. `S` is the state that the code keeps.
#[derive(Clone, Debug)]
#[must_use]
pub struct Channel<S = ()> {
    pub(super) entry: Entry,
    pub(super) granted: Vec<(Ability, At)>,
    pub(super) events: Vec<(EventRules, At)>,
    /// Whether an event is left out for its name, so that what goes together cannot be said.
    pub(super) nameless: bool,
    pub(super) presence: Option<(PresenceRules, At)>,
    pub(super) history: Option<(HistoryBounds, At)>,
    pub(super) calls: Vec<(CallRules, At)>,
    pub(super) handlers: Handlers,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) state: PhantomData<fn(S)>,
}

/// The line of `app.rs` that said it.
pub(super) type At = &'static Location<'static>;

impl Channel {
    /// A token that grants `join` is needed.
    pub fn with_token() -> Self {
        Self::entered_by(Entry::Token)
    }

    /// Anyone may join and hear; what else everyone may do is told by [`Channel::grants`].
    #[track_caller]
    pub fn for_anyone() -> Self {
        let at = Location::caller();
        Self { granted: vec![(Ability::Join, at)], ..Self::entered_by(Entry::Anyone) }
    }

    /// Anyone may connect, hears nothing, and signs in on the open socket within ten seconds (rule A7).
    pub fn sign_in_later() -> Self {
        Self::entered_by(Entry::Later)
    }

    fn entered_by(entry: Entry) -> Self {
        Self {
            entry,
            granted: vec![],
            events: vec![],
            nameless: false,
            presence: None,
            history: None,
            calls: vec![],
            handlers: Handlers::none(),
            mistakes: vec![],
            state: PhantomData,
        }
    }
}

impl<S: 'static> Channel<S> {
    /// What everyone on the channel may do beyond what a token says; without a token too, if anyone may join.
    #[track_caller]
    pub fn grants(mut self, abilities: impl IntoIterator<Item = Ability>) -> Self {
        let at = Location::caller();
        self.granted.extend(abilities.into_iter().map(|ability| (ability, at)));
        self
    }

    /// What may be said: a name, the type of the data, and how it is said.
    #[track_caller]
    pub fn event<T: Payload>(mut self, name: impl Names<T>, event: Event) -> Self {
        self.declare(name.event_name(), Location::caller(), |name, at, mistakes| event.named::<T>(name, at, mistakes));
        self
    }

    /// Takes in an event, unless its name is none.
    pub(super) fn declare(
        &mut self,
        name: &str,
        at: At,
        rules: impl FnOnce(&str, At, &mut Vec<Mistake>) -> Option<EventRules>,
    ) {
        if let Some((_, earlier)) = self.events.iter().find(|(rules, _)| rules.name.as_str() == name) {
            let text = format!("the event `{name}` is declared twice, here and in line {}: drop one", earlier.line());
            self.mistakes.push(Mistake::new(at, text));
        }
        let rules = rules(name, at, &mut self.mistakes);
        self.nameless |= rules.is_none();
        self.events.extend(rules.map(|rules| (rules, at)));
    }

    /// Lets members see who is here: the type of what they show of themselves, and how it is shown (rule P1).
    #[track_caller]
    pub fn presence<T: Payload>(mut self, presence: Presence) -> Self {
        let at = Location::caller();
        let rules = PresenceRules { mode: presence.0, data: Data::of::<T>(), at };
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
            calls: self.calls.into_iter().map(|(rules, _)| (rules.name.clone(), rules)).collect(),
            handlers: self.handlers,
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
            Ability::Call if self.calls.is_empty() => Some("there is no call"),
            Ability::CallNamed(name) if !self.calls.iter().any(|(rules, _)| rules.name == *name) => {
                Some("there is no such call")
            }
            Ability::Unmetered => Some("that would leave the channel without any rates"),
            Ability::Meter => Some("the counters are for those who run the service"),
            _ => None,
        }
    }
}
