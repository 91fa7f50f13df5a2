//! What may be said, and where: the contract that `app.rs` declares and every message is held to.
//!
//! A [`Contract`] is a list of channel patterns. Each has its [`Channel`]: who may join, the [`Event`]s with the types
//! of their data, presence, and how much history is held. Mistakes in it are gathered while it is built and told all
//! at once by [`Contract::check`], each with the line to change.

mod ability;
mod channel;
mod data;
mod event;
mod judge;
mod mistake;
mod path;
mod schema;

use std::panic::Location;
use std::rc::Rc;

use serde_json::{Value, json};

pub use ability::Ability;
pub use channel::{Channel, ChannelRules, Entry, HOUR, HistoryBounds, MIB, Presence, PresenceMode, PresenceRules};
pub use data::{InvalidData, Json, Misfit, Payload};
pub use event::{Event, EventRules, FRAME_BYTES_MAX, KIB};
pub use mistake::Mistake;

use crate::name::ChannelName;
use crate::pattern::Pattern;

/// A deployment of the service: its contract, and later its handlers.
pub trait Application {
    /// Declares what may be said.
    fn contract() -> Contract;
}

/// What may be said on which channels (rules E5, F3).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Contract {
    /// The most specific first, so that the first that fits a name holds.
    channels: Vec<Rc<ChannelRules>>,
    declared: Vec<(Pattern, &'static Location<'static>)>,
    mistakes: Vec<Mistake>,
}

impl Contract {
    /// A contract by which nothing can be said yet.
    pub const fn new() -> Self {
        Self { channels: vec![], declared: vec![], mistakes: vec![] }
    }

    /// Declares the channels whose names fit a pattern. Of several that fit, the most specific holds (rule E5).
    #[track_caller]
    pub fn channel(mut self, pattern: &str, channel: Channel) -> Self {
        let at = Location::caller();
        let parsed = match Pattern::parse(pattern) {
            Ok(parsed) => parsed,
            Err(why) => {
                self.mistakes.push(Mistake::new(at, why));
                return self;
            }
        };
        if let Some((_, earlier)) = self.declared.iter().find(|(other, _)| *other == parsed) {
            let text = format!(
                "the pattern `{pattern}` is declared twice, here and in line {}, and neither is the more specific: \
                 make them one, or change one",
                earlier.line()
            );
            self.mistakes.push(Mistake::new(at, text));
        }
        self.declared.push((parsed.clone(), at));
        let (rules, mistakes) = channel.under(parsed);
        self.mistakes.extend(mistakes.into_iter().map(|mistake| mistake.within(pattern)));
        let place = self.channels.partition_point(|other| other.pattern <= rules.pattern);
        self.channels.insert(place, Rc::new(rules));
        self
    }

    /// The contract, if nothing is wrong with it; else all that is, in the order of the lines.
    #[track_caller]
    pub fn check(mut self) -> Result<Self, Vec<Mistake>> {
        if self.channels.is_empty() && self.mistakes.is_empty() {
            let text = "the contract has no channel: declare one".to_owned();
            self.mistakes.push(Mistake::new(Location::caller(), text));
        }
        if self.mistakes.is_empty() {
            return Ok(self);
        }
        self.mistakes.sort_by_key(|mistake| (mistake.file(), mistake.line()));
        Err(self.mistakes)
    }

    /// The rules of a channel; `None` is the refusal `not_found` (rule E5).
    pub fn rules(&self, name: &ChannelName) -> Option<&Rc<ChannelRules>> {
        self.channels.iter().find(|rules| rules.pattern.matches(name))
    }

    /// The answer to `GET /v1/contract` (rule E3). Of the channels in it, the first whose pattern fits a name holds.
    pub fn describe(&self) -> Value {
        json!({"channels": self.channels.iter().map(|rules| rules.describe()).collect::<Vec<_>>()})
    }
}
