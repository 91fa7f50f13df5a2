//! What may be said, and where: the contract that `app.rs` declares and every message is held to.
//!
//! A [`Contract`] is a list of channel patterns. Each has its [`Channel`]: who may join, the [`Event`]s with the types
//! of their data, presence, and how much history is held. Mistakes in it are gathered while it is built and told all
//! at once by [`Contract::check`], each with the line to change.

mod ability;
mod call;
mod channel;
mod checked;
mod code;
mod data;
mod declaration;
mod declared;
mod event;
mod form;
pub(crate) mod handler;
mod invalid_data;
mod judge;
mod mistake;
mod path;
mod place;
mod rate;
mod schema;
mod typed;
mod words;

use std::panic::Location;
use std::rc::Rc;

use serde_json::{Value, json};

pub use ability::Ability;
pub use call::{CallRules, Calls};
pub use channel::{ChannelRules, Entry, HOUR, HistoryBounds, MIB, Presence, PresenceMode, PresenceRules};
pub use data::{Json, Misfit, Payload, Reading};
pub use declaration::Channel;
pub use event::{Event, EventRules, FRAME_BYTES_MAX, KIB};
pub use handler::{
    ANSWER_BYTES_MAX, Anonymous, BindingCall, Call, HttpCall, Job, JobAnswer, JobFailed, JobRequest, Names, Never,
    Outside, Reasons, Refused, Rows, Said, State, Surroundings, Timer, To, Turn, Verdict, Who,
};
pub use invalid_data::InvalidData;
pub use mistake::Mistake;
pub use rate::Rate;

use crate::pattern::Pattern;
use dormouse_protocol::name::ChannelName;

/// A deployment of the service: its contract.
pub trait Application {
    /// Declares what may be said.
    fn contract() -> Contract;
}

/// What may be said on which channels (rules E5, F3).
#[derive(Clone, Debug)]
#[must_use]
pub struct Contract {
    /// The most specific first, so that the first that fits a name holds.
    channels: Vec<Rc<ChannelRules>>,
    declared: Vec<(Pattern, At)>,
    mistakes: Vec<Mistake>,
    at: At,
}

/// The line of `app.rs` that said it.
type At = &'static Location<'static>;

#[expect(clippy::new_without_default, reason = "a default could not say which line declares it")]
impl Contract {
    /// A contract by which nothing can be said yet.
    #[track_caller]
    pub const fn new() -> Self {
        Self { channels: vec![], declared: vec![], mistakes: vec![], at: Location::caller() }
    }

    /// Declares the channels whose names fit a pattern. Of several that fit, the most specific holds (rule E5).
    #[track_caller]
    pub fn channel<S: 'static>(mut self, pattern: &str, channel: Channel<S>) -> Self {
        let at = Location::caller();
        self.mistakes.extend(channel.mistakes().into_iter().map(|mistake| mistake.within(pattern)));
        match Pattern::parse(pattern) {
            Ok(parsed) => self.declare(parsed.clone(), channel.under(parsed), at),
            Err(why) => self.mistakes.push(Mistake::new(at, why)),
        }
        self
    }

    fn declare(&mut self, pattern: Pattern, rules: ChannelRules, at: At) {
        if let Some((_, earlier)) = self.declared.iter().find(|(other, _)| *other == pattern) {
            let text = format!(
                "the pattern `{pattern}` is declared twice, here and in line {}, and neither is the more specific: \
                 make them one, or change one",
                earlier.line()
            );
            self.mistakes.push(Mistake::new(at, text));
        }
        let place = self.channels.partition_point(|other| other.pattern <= pattern);
        self.declared.push((pattern, at));
        self.channels.insert(place, Rc::new(rules));
    }

    /// The contract, if nothing is wrong with it; else all that is, in the order of the lines.
    pub fn check(mut self) -> Result<Self, Vec<Mistake>> {
        let of_types = self.check_types();
        self.mistakes.extend(of_types.err().unwrap_or_default());
        self.check_declarations()
    }

    /// What [`Contract::check`] finds of the types of what is said: their schemas are made for it, and no first welcome
    /// waits for that.
    pub fn check_types(&self) -> Result<(), Vec<Mistake>> {
        let mut mistakes: Vec<_> = self.channels.iter().flat_map(|rules| rules.mistakes_of_types()).collect();
        mistakes.sort_by_key(|mistake| (mistake.file(), mistake.line()));
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    /// The contract, if nothing is wrong with it but what [`Contract::check_types`] finds: how a service begins.
    pub fn check_declarations(mut self) -> Result<Self, Vec<Mistake>> {
        if self.declared.is_empty() && self.mistakes.is_empty() {
            let text = "the contract has no channel: declare one".to_owned();
            self.mistakes.push(Mistake::new(self.at, text));
        }
        let idle = self.declared.iter().filter(|(pattern, _)| self.never_holds(pattern)).map(|(pattern, at)| {
            Mistake::new(at, format!("no channel is left for `{pattern}`: more specific patterns have them all"))
        });
        let idle: Vec<_> = idle.collect();
        self.mistakes.extend(idle);
        if self.mistakes.is_empty() {
            return Ok(self);
        }
        self.mistakes.sort_by_key(|mistake| (mistake.file(), mistake.line()));
        Err(self.mistakes)
    }

    /// Whether more specific patterns take every name of a pattern, as `a:*` and `a:*:**` do with `a:**`.
    fn never_holds(&self, pattern: &Pattern) -> bool {
        let declared = |pattern| self.declared.iter().any(|(other, _)| *other == pattern);
        let Some((one, more)) = pattern.parts_of_rest() else { return false };
        declared(one) && (self.never_holds(&more) || declared(more))
    }

    /// The rules of a channel; `None` is the refusal `not_found` (rule E5).
    pub fn rules(&self, name: &ChannelName) -> Option<&Rc<ChannelRules>> {
        self.channels.iter().find(|rules| rules.pattern.matches(name))
    }

    /// The answer to `GET /v1/contract` of a deployment whose frames have so many bytes (rule E3). Of the channels in it, the first whose pattern fits a name holds.
    pub fn describe(&self, frame_bytes: usize) -> Value {
        json!({"channels": self.channels.iter().map(|rules| rules.describe(frame_bytes)).collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests;
