//! A turn of the application's code: what it is handed, and what comes of it in the open batch (rules C1 to C6).
//! [`Hub::judge`], [`Hub::call`], [`Hub::tell_joined`], [`Hub::tell_left`] and [`Hub::fire_timers`] each run one; what it
//! says and changes leaves with [`Hub::flush`].

use super::batch::{Audience, BatchEntry, Reply, Says};
use super::buckets::Gate;
use super::history::{DedupeKey, Seen};
use super::publish::{Array, invalid};
use super::{Edges, Hub, Speaker};
use crate::context::Context;
use crate::contract::handler::{Cell, Outcome, Saying, Told, Turn, Who};
use crate::contract::{CallRules, EventRules};
use crate::storage::{self, RecordKind};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, FROM_SERVICE, Message};
use dormouse_protocol::name::{Epoch, EventName, Millis, RequestId};
use dormouse_protocol::request::{Call, Publish};

/// So many timers fire at the beginning of one event; those that are due beyond it fire at the next.
const TIMERS_AT_ONCE: usize = 64;

/// A timer that no handler of this release knows is looked at again after so many milliseconds: another release may.
const UNKNOWN_TIMER_WAIT: Millis = 3_600_000;

/// What the code made of an event.
pub(super) struct Judged {
    /// What is said in its place; nothing where it is said as it came.
    pub(super) instead: Option<String>,
    pub(super) outcome: Outcome,
}

impl Hub {
    /// Runs the application's code once. Where it refuses, or does what it may not, nothing of it has happened.
    fn run<T>(
        &mut self,
        cx: &mut Context<'_>,
        who: &Who,
        work: impl FnOnce(&mut Cell, &mut Turn<'_>) -> Result<T, Refusal>,
    ) -> Result<(T, Outcome), Refusal> {
        self.must_know(cx)?;
        let Some(cell) = &mut self.code.cell else {
            return Err(cx.internal("no handler runs: the state of the channel cannot be read".to_owned()));
        };
        let before = cell.clone();
        let mut turn = Turn::new(cx.now, &cx.config.name, who, cx.rules(), cx.chance);
        let done = work(cell, &mut turn);
        let mut outcome = turn.into_outcome();
        let wrong = outcome.wrong.take();
        let refusal = match (done, wrong) {
            (Ok(done), None) => return Ok((done, outcome)),
            (Ok(_), Some(wrong)) => Refusal::from(Code::Internal).because(wrong),
            (Err(refusal), _) => refusal,
        };
        *cell = before;
        Err(match refusal.code {
            Code::Internal => cx.internal(format!("a handler failed: {}", refusal.detail().unwrap_or_default())),
            _ => refusal,
        })
    }

    /// What the code makes of an event that a member says; nothing where the channel has no say in it.
    pub(super) fn judge(
        &mut self,
        cx: &mut Context<'_>,
        speaker: &Speaker,
        event: &EventRules,
        publish: &Publish<'_>,
    ) -> Result<Option<Judged>, Refusal> {
        let guards = &cx.rules().handlers.guards;
        if event.judge.is_none() && guards.is_empty() {
            return Ok(None);
        }
        let (instead, outcome) = self.run(cx, &speaker.who(), |cell, turn| {
            guards.iter().try_for_each(|guard| guard.run(cell, turn, "null"))?;
            let Some((judge, _)) = &event.judge else { return Ok(None) };
            let instead = judge.run(cell, turn, publish.data.get())?;
            // What is said in its place is held to the contract as well: clients rely on it.
            match instead.as_deref().map(|data| event.validate(data)) {
                Some(Err(wrong)) => {
                    let why = format!("event `{}` is said otherwise than its type allows: {wrong}", event.name);
                    Err(Refusal::from(Code::Internal).because(why))
                }
                Some(Ok(())) | None => Ok(instead),
            }
        })?;
        Ok(Some(Judged { instead, outcome }))
    }

    /// Answers a call with the flush, or says at once why not (rule C3).
    pub(crate) fn call(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        id: Option<&RequestId>,
        call: &Call<'_>,
        array: &mut Array,
    ) -> Result<(), Refusal> {
        let rules = cx.rules().call(&call.name).ok_or_else(|| unknown(&call.name))?;
        may_ask(speaker, rules, call)?;
        let remembered = id.filter(|_| rules.remembered);
        let key = remembered.and_then(|id| DedupeKey::new(&speaker.payer, id, rules.name.as_str(), call.data.get()));
        if let Some((data, seen)) = key.as_ref().map_or(Ok(None), |key| self.look_up_reply(cx, key))? {
            return self.repeat_reply(cx.now, speaker, id, data, seen);
        }
        if let Some(limited) = &array.limited {
            return Err(limited.clone());
        }
        if let Err(limited) = self.rates.pass(cx, speaker, Gate::Call(&rules.name), rules.rate) {
            return Err(array.limited.insert(limited).clone());
        }
        let guards = &cx.rules().handlers.guards;
        let (data, outcome) = self.run(cx, &speaker.who(), |cell, turn| {
            guards.iter().try_for_each(|guard| guard.run(cell, turn, "null"))?;
            rules.reply.run(cell, turn, call.data.get())
        })?;
        self.carry_out(cx, edges, outcome);
        if let Some(key) = key {
            self.code.replies.insert(key.text(), key.reply(cx.now, data.clone()));
        }
        self.push_reply(cx.now, speaker, id, data, false);
        Ok(())
    }

    /// The reply that a request of this id was given within the dedupe window.
    fn look_up_reply(&self, cx: &mut Context<'_>, key: &DedupeKey) -> Result<Option<(String, Seen)>, Refusal> {
        let text = key.text();
        let since = cx.now.saturating_sub(cx.limits().dedupe_ms);
        let stored = match self.code.replies.get(&text) {
            Some(reply) => Some(reply.clone()),
            None => cx.storage.reply(&text, since).map_err(|error| cx.storage_refusal(&error))?,
        };
        Ok(stored.map(|storage::Reply { fingerprint, data, .. }| {
            let seen = if key.fingerprint() == fingerprint { Seen::Same(0) } else { Seen::Other };
            (data, seen)
        }))
    }

    fn repeat_reply(
        &mut self,
        now: Millis,
        speaker: &Speaker,
        id: Option<&RequestId>,
        data: String,
        seen: Seen,
    ) -> Result<(), Refusal> {
        if seen == Seen::Other {
            return Err(Refusal::new(Code::Conflict, "This id was used for another call: choose a new one."));
        }
        self.push_reply(now, speaker, id, data, true);
        Ok(())
    }

    fn push_reply(&mut self, now: Millis, speaker: &Speaker, id: Option<&RequestId>, data: String, duplicate: bool) {
        let says = Says::Result { data, duplicate };
        let reply = Some(Reply { asker: speaker.asker, id: id.cloned(), says });
        self.batch.push(BatchEntry { frame: None, seq: None, kept: false, turn: true, reply }, 1, now);
    }

    /// Puts what a turn says into the open batch, and notes what else it wants done.
    pub(super) fn carry_out(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, outcome: Outcome) {
        let Outcome { said, kicked, timers, wrong: _ } = outcome;
        self.code.note(timers, kicked);
        for Saying { event, kept, data, to } in said {
            if kept
                && !self.history.is_begun()
                && let Some(epoch) = drawn_epoch(cx)
            {
                self.history.epoch(&epoch, cx.now);
            }
            let seq = kept.then(|| self.history.reserve(None, cx.now));
            let message = Message { seq, id: None, event: event.as_str(), data: &data, from: FROM_SERVICE, at: cx.now };
            let text = frame::message(&message);
            let listeners = to.as_ref().map_or(0, |to| edges.find(cx, to, None));
            let audience = to.map_or(Audience::Everyone, Audience::Only);
            let entry = BatchEntry { frame: Some((text, audience)), seq, kept, turn: true, reply: None };
            self.batch.push(entry, listeners, cx.now);
        }
    }

    /// Tells the code that somebody has joined.
    pub(crate) fn tell_joined(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who) {
        if let Some(handler) = &cx.rules().handlers.on_join {
            self.tell_code(cx, edges, who, handler);
        }
    }

    /// Tells the code that somebody is gone for good.
    pub(crate) fn tell_left(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who) {
        if let Some(handler) = &cx.rules().handlers.on_leave {
            self.tell_code(cx, edges, who, handler);
        }
    }

    fn tell_code(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who, handler: &Told) {
        // Nobody asked, so a failure is in the log alone.
        if let Ok(((), outcome)) = self.run(cx, who, |cell, turn| handler.run(cell, turn, "null")) {
            self.carry_out(cx, edges, outcome);
        }
    }

    /// Fires the timers that are due, the earliest first; each goes off the disk with what its handler does (rule C6).
    pub(crate) fn fire_timers(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) {
        if self.code.due.is_none_or(|due| due > cx.now) || self.code.cell.is_none() {
            return;
        }
        let due = match cx.storage.due_records(RecordKind::Timer, cx.now, TIMERS_AT_ONCE) {
            Ok(due) => due,
            Err(error) => return drop(cx.internal(format!("timers cannot be read: {error}"))),
        };
        for timer in due {
            // One that was replaced or taken back by a turn that is not on disk yet does not fire.
            if self.code.timers.contains_key(&timer.key) {
                continue;
            }
            let known = cx.rules().handlers.timer_of(&timer.key).filter(|_| timer.format == storage::RECORD_FORMAT);
            let fired =
                known.map(|handler| self.run(cx, &Who::default(), |cell, turn| handler.run(cell, turn, &timer.data)));
            match fired {
                Some(Ok(((), outcome))) => {
                    // Before what the handler sets: it may set the same key again.
                    self.code.timers.insert(timer.key, None);
                    self.carry_out(cx, edges, outcome);
                }
                // What fails once fails again: it is kept for a release that knows better, and asked less often.
                Some(Err(_)) => self.put_off(cx, timer),
                None => {
                    drop(cx.internal(format!("no handler of this release knows the timer `{}`", timer.key)));
                    self.put_off(cx, timer);
                }
            }
        }
    }

    fn put_off(&mut self, cx: &Context<'_>, timer: storage::Record) {
        let later = cx.now.saturating_add(UNKNOWN_TIMER_WAIT);
        self.code.timers.insert(timer.key, Some((later, timer.data)));
    }

    /// What the code shows of the state that is on disk, JSON (rule C5).
    pub(crate) fn snapshot(&mut self, cx: &mut Context<'_>) -> Option<std::rc::Rc<str>> {
        let snapshot = cx.rules().handlers.snapshot.as_ref()?;
        if self.code.shown.is_none() {
            match snapshot.show(self.code.stored()?.as_ref()) {
                Ok(text) => self.code.shown = Some(text.into()),
                Err(why) => drop(cx.internal(format!("no snapshot is told: {why}"))),
            }
        }
        self.code.shown.clone()
    }

    /// When the first timer is due that is on disk.
    pub(crate) fn timer_due(&self) -> Option<Millis> {
        self.code.due.filter(|_| self.code.cell.is_some())
    }

    /// Sessions that are gone for good and of which the code was not told yet.
    pub(crate) fn take_gone(&mut self) -> Vec<String> {
        std::mem::take(&mut self.code.gone)
    }
}

/// What the contract says of a call: ability, size, type (rule F7).
fn may_ask(speaker: &Speaker, rules: &CallRules, call: &Call<'_>) -> Result<(), Refusal> {
    if !speaker.rights.may_call(rules) {
        return Err(speaker.lacks(&rules.ability, "Your token does not allow asking this here."));
    }
    if call.data.get().len() > rules.max_bytes {
        let most = rules.max_bytes;
        return Err(Refusal::new(Code::TooLarge, format!("`data` of this call has at most {most} bytes.")));
    }
    let misfit = |wrong| invalid(wrong).because(format!("the data of the call `{}` does not fit", rules.name));
    rules.validate(call.data.get()).map_err(misfit)
}

fn unknown(name: &str) -> Refusal {
    let refusal = Refusal::new(Code::NotFound, "This channel has no such call: GET /v1/contract lists them.");
    match EventName::parse(name) {
        Some(name) => refusal.because(format!("the channel has no call `{name}`")),
        None => refusal,
    }
}

/// The name of a life that a turn begins, where nobody has joined it yet (rule D3).
fn drawn_epoch(cx: &Context<'_>) -> Option<Epoch> {
    let (one, two) = (cx.chance.draw(), cx.chance.draw());
    Epoch::parse(&format!("{one:016x}{:08x}", two >> 32))
}
