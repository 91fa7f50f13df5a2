//! A handler's turn: what it may know, and what it may do beside changing the state.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::encoded::encoded_within;
use super::named::{Job, Said, Timer};
use super::outcome::{Outcome, Saying, Started};
use super::random::within;
use super::refused::Anonymous;
use super::rows::ROW_BYTES_MAX;
use super::surroundings::Around;
use super::who::Who;
use crate::contract::ChannelRules;
use dormouse_protocol::name::{ChannelName, Millis, UserId};
use dormouse_protocol::request::Targets;

/// The longest key of a timer or a row, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 256;

/// The shortest time between two ticks.
const TICK_MIN: Duration = Duration::from_millis(20);

/// One turn of the application's code. It has no clock but [`Turn::now`] and no chance but [`Turn::random`], so a test
/// plays it again exactly.
///
/// What is said, told, set or kicked here happens with the turn, after it is on disk, and not at all where the handler
/// refuses. A mistake, such as an event that the contract does not have, makes the whole turn `internal`, with what it was
/// in the log.
pub struct Turn<'a> {
    now: Millis,
    channel: &'a ChannelName,
    who: &'a Who,
    rules: &'a ChannelRules,
    pub(super) around: &'a mut dyn Around,
    pub(super) outcome: Outcome,
}

/// Who alone is told something.
#[derive(Clone, Debug, Default)]
pub struct To(Targets);

impl To {
    /// Every connection of a user.
    pub fn user(user: impl Into<String>) -> Self {
        Self(Targets { users: vec![user.into()], ..Targets::default() })
    }

    /// One connection.
    pub fn connection(connection: impl Into<String>) -> Self {
        Self(Targets { connections: vec![connection.into()], ..Targets::default() })
    }

    /// Everyone whose token has this role.
    pub fn role(role: impl Into<String>) -> Self {
        Self(Targets { roles: vec![role.into()], ..Targets::default() })
    }
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        now: Millis,
        channel: &'a ChannelName,
        who: &'a Who,
        rules: &'a ChannelRules,
        around: &'a mut dyn Around,
    ) -> Self {
        Self { now, channel, who, rules, around, outcome: Outcome::default() }
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    /// When it is, in milliseconds since 1970.
    pub const fn now(&self) -> Millis {
        self.now
    }

    /// The channel's name.
    pub fn channel(&self) -> &str {
        self.channel.as_str()
    }

    /// Whose turn it is.
    pub const fn who(&self) -> &Who {
        self.who
    }

    /// The user whose turn it is, as a text of its own.
    ///
    /// # Errors
    /// There is none: a handler that hands this on by `?` refuses `unauthenticated`.
    pub fn user(&self) -> Result<String, Anonymous> {
        self.who.user().map(str::to_owned)
    }

    /// A random number within a range, ends included: `turn.random(1..=6)`.
    pub fn random(&mut self, range: RangeInclusive<u64>) -> u64 {
        within(|| self.around.draw(), &range)
    }

    /// Says something to everyone, from the service: kept where the event is.
    pub fn say<T: Serialize>(&mut self, event: Said<T>, data: &T) {
        let saying = self.saying(event, data, None);
        self.note(saying, |outcome, saying| outcome.said.push(saying));
    }

    /// Tells something to some alone, from the service. The event must be `directed`; what is told is not kept.
    pub fn tell<T: Serialize>(&mut self, to: To, event: Said<T>, data: &T) {
        let saying = self.saying(event, data, Some(to.0));
        self.note(saying, |outcome, saying| outcome.said.push(saying));
    }

    /// Ends every connection of a user with 4008, after what was said before and in this turn: it hears and says nothing
    /// more. It may join again where its token allows it.
    pub fn kick(&mut self, user: &str) {
        // What is no user's name is nobody's.
        self.outcome.kicked.extend(UserId::parse(user));
    }

    /// Has something happen after a time, in sleep too: the handler of this timer gets `data`. Setting the same key again
    /// replaces what was set (rule C6).
    pub fn after<T: Serialize>(&mut self, timer: Timer<T>, key: &str, wait: Duration, data: &T) {
        let at = self.now.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let set = encoded_within(&format!("timer `{}`", timer.name()), data, ROW_BYTES_MAX);
        let change = set.and_then(|data| Ok((self.timer_key(timer, key)?, Some((at, data)))));
        self.note(change, |outcome, (key, set)| drop(outcome.timers.insert(key, set)));
    }

    /// Takes a timer back; nothing happens where none is set.
    pub fn cancel<T>(&mut self, timer: Timer<T>, key: &str) {
        let change = self.timer_key(timer, key);
        self.note(change, |outcome, key| drop(outcome.timers.insert(key, None)));
    }

    /// Starts work outside the channel, once the turn is on disk: at least once, and its handler is told what came of it
    /// (rule C7). What is asked for is made here, so a host that is not named makes the whole turn `internal`.
    pub fn start<T: Serialize, O>(&mut self, job: Job<T, O>, data: &T) {
        let started = self.started(job, data);
        self.note(started, |outcome, started| outcome.jobs.push(started));
    }

    fn started<T: Serialize, O>(&self, job: Job<T, O>, data: &T) -> Result<Started, String> {
        let name = job.name();
        if !self.rules.handlers.jobs.contains_key(name) {
            return Err(format!("job `{name}` is not declared on this channel: add `.job(…)`"));
        }
        let data = encoded_within(&format!("job `{name}`"), data, ROW_BYTES_MAX)?;
        let key = format!("{name}:{:016x}{:016x}", self.around.draw(), self.around.draw());
        let asks = self.rules.handlers.asks(&key, &data).map_err(|wrong| format!("job `{name}` {wrong}"))?;
        Ok(Started { key, data, asks })
    }

    /// Has the channel's `on_tick` run so often, for as long as somebody is here: 20 ms at least. It keeps the channel awake,
    /// which is paid for.
    pub fn tick_every(&mut self, pause: Duration) {
        let declared = match self.rules.handlers.on_tick.is_some() {
            true => Ok(Some(pause.max(TICK_MIN))),
            false => Err("the channel ticks, and has no `on_tick`".to_owned()),
        };
        self.note(declared, |outcome, ticks| outcome.ticks = Some(ticks));
    }

    /// Ends the ticks.
    pub fn stop_ticks(&mut self) {
        self.outcome.ticks = Some(None);
    }

    /// Every connection that has joined, by whom and with which roles. It costs as much as there are.
    pub fn members(&mut self) -> Vec<Who> {
        self.around.members()
    }

    fn timer_key<T>(&self, timer: Timer<T>, key: &str) -> Result<String, String> {
        let name = timer.name();
        if !self.rules.handlers.has_timer(name) {
            return Err(format!("timer `{name}` is not declared on this channel: add `.timer(…)`"));
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(format!("timer `{name}`: a key has at most {KEY_BYTES_MAX} bytes, not {}", key.len()));
        }
        Ok(format!("{name}:{key}"))
    }

    fn saying<T: Serialize>(&self, event: Said<T>, data: &T, to: Option<Targets>) -> Result<Saying, String> {
        let name = event.name();
        let Some(rules) = self.rules.event(name) else {
            return Err(format!("event `{name}` is not declared on this channel: add `.event(…)`"));
        };
        if to.is_some() && !rules.directed {
            return Err(format!("event `{name}` is told to some, and is not declared `directed`"));
        }
        let data = serde_json::to_string(data).map_err(|error| format!("event `{name}`: {error}"))?;
        // What the service says is held to the contract as well.
        rules.validate_own(&data)?;
        Ok(Saying { event: rules.name.clone(), kept: rules.kept && to.is_none(), data, to })
    }

    /// Notes what is wrong, and gives nothing.
    pub(super) fn wrong<T>(&mut self, wrong: String) -> Option<T> {
        self.outcome.wrong.get_or_insert(wrong);
        None
    }

    /// Takes in what is right; of what is wrong the first is told.
    fn note<T>(&mut self, noted: Result<T, String>, take: impl FnOnce(&mut Outcome, T)) {
        match noted {
            Ok(noted) => take(&mut self.outcome, noted),
            Err(wrong) => drop(self.outcome.wrong.get_or_insert(wrong)),
        }
    }
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("now", &self.now).field("who", &self.who).finish_non_exhaustive()
    }
}
