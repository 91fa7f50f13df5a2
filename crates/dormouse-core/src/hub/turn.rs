//! A turn of the application's code: what it is handed, and what comes of it in the open batch (rules C1, C2).
//! [`Hub::judge`], [`Hub::call`], [`Hub::tell_joined`], [`Hub::tell_left`], [`Hub::fire_timers`], [`Hub::tick`] and
//! [`Hub::job_answered`] each run one; what it says and changes leaves with [`Hub::flush`].

use super::around::View;
use super::batch::{Audience, BatchEntry};
use super::code::Changed;
use super::{Edges, Hub, Payer, Speaker};
use crate::context::Context;
use crate::contract::handler::{Cell, Outcome, Saying, Told, Turn, Who};
use crate::contract::{EventRules, Surroundings};
use crate::storage::RecordKind;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, FROM_SERVICE, Message};
use dormouse_protocol::name::{Epoch, RequestId, UserId};
use dormouse_protocol::request::Publish;

/// Of so many who are gone the code hears in one event.
const LEAVES_AT_ONCE: usize = 64;

/// What the code runs over, so that it is known again where the code panics.
#[derive(Clone, Copy)]
pub(super) struct Over<'a> {
    request: &'a str,
    /// What of the code it is, for the log: an event, a call, a timer, a job.
    what: &'a str,
    /// The key of the session that it came over.
    session: Option<u32>,
    /// Whose share of the log is used where the code fails.
    payer: Option<&'a Payer>,
}

impl<'a> Over<'a> {
    /// A request of somebody.
    pub(super) fn of(speaker: &'a Speaker, what: &'a str, request: &'a str) -> Self {
        Self { request, what, session: speaker.asker.session().map(|key| key.0), payer: Some(&speaker.payer) }
    }

    /// What nobody asked for.
    pub(super) const fn nobodys(request: &'a str) -> Self {
        Self { request, what: request, session: None, payer: None }
    }
}

/// What the code made of an event.
pub(super) struct Judged {
    /// What is said in its place; nothing where it is said as it came.
    pub(super) instead: Option<String>,
    pub(super) outcome: Outcome,
}

impl Hub {
    /// Runs the application's code once, over a request that is known again by its name. Where it refuses, or does what it
    /// may not, nothing of it has happened.
    pub(super) fn run<T>(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        who: &Who,
        over: Over<'_>,
        work: impl FnOnce(&mut Cell, &mut Turn<'_>) -> Result<T, Refusal>,
    ) -> Result<(T, Outcome), Refusal> {
        self.code.unread = false;
        self.must_know(cx)?;
        let Some(cell) = &mut self.code.cell else {
            return Err(self.fault(cx, over, "no handler runs: the state of the channel cannot be read".to_owned()));
        };
        let (config, surroundings) = (cx.config, cx.surroundings);
        if !surroundings.begins(over.request, over.session) {
            return Err(self.fault(
                cx,
                over,
                format!("the handler of `{}` has panicked over this, and would again", over.what),
            ));
        }
        let before = cell.clone();
        let mut view = View { cx, edges, records: &self.code.pending.records, unread: false };
        let mut turn = Turn::new(view.cx.now, &config.name, who, &config.rules, &mut view);
        let done = work(cell, &mut turn);
        let mut outcome = turn.into_outcome();
        self.code.unread = view.unread;
        // Written now, while it is one turn's alone: what cannot be would fail the whole batch.
        let encoded = cell.encode(&config.rules.handlers.state);
        surroundings.ended();
        let wrong = outcome.wrong.take().or_else(|| encoded.err());
        let refusal = match (done, wrong) {
            (Ok(done), None) => return Ok((done, outcome)),
            (Ok(_), Some(wrong)) => Refusal::from(Code::Internal).because(wrong),
            (Err(refusal), _) => refusal,
        };
        *cell = before;
        Err(match refusal.code {
            Code::Internal => self.fault(
                cx,
                over,
                format!("the handler of `{}` failed: {}", over.what, refusal.detail().unwrap_or_default()),
            ),
            _ => refusal,
        })
    }

    /// Code of the application has failed: in the log, unless whoever asked has had many lines there lately.
    fn fault(&mut self, cx: &mut Context<'_>, over: Over<'_>, detail: String) -> Refusal {
        match over.payer {
            Some(payer) if !self.rates.may_log(payer.clone(), cx.steady()) => cx.unlogged_internal(),
            Some(_) => cx.logged_internal(detail),
            None => cx.internal(detail),
        }
    }

    /// What the code makes of an event that a member says; nothing where the channel has no say in it.
    pub(super) fn judge(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        id: Option<&RequestId>,
        event: &EventRules,
        publish: &Publish<'_>,
    ) -> Result<Option<Judged>, Refusal> {
        let handlers = &cx.rules().handlers;
        if event.judge.is_none() && handlers.guards.is_empty() {
            return Ok(None);
        }
        let request = speaker.request(id, event.name.as_str(), publish.data.get());
        let (instead, outcome) =
            self.run(cx, edges, &speaker.who(), Over::of(speaker, event.name.as_str(), &request), |cell, turn| {
                handlers.guard(cell, turn)?;
                let Some((judge, _)) = &event.judge else { return Ok(None) };
                let instead = judge.run(cell, turn, publish.data.get())?;
                // What is said in its place is held to the contract as well: clients rely on it.
                match instead.as_deref().map(|data| event.validate_own(data)) {
                    Some(Err(wrong)) => Err(Refusal::from(Code::Internal).because(wrong)),
                    Some(Ok(())) | None => Ok(instead),
                }
            })?;
        Ok(Some(Judged { instead, outcome }))
    }

    /// Puts what a turn says into the open batch, and notes what else it wants done.
    pub(super) fn carry_out(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, outcome: Outcome) {
        let Outcome { said, kicked, timers, rows, jobs, ticks, wrong: _ } = outcome;
        for (key, set) in timers {
            let set = set.map(|(due, data)| Changed::new(Some(due), data));
            self.code.change(RecordKind::Timer, key, set);
        }
        for (key, row) in rows {
            self.code.change(RecordKind::Row, key, row.map(|data| Changed::new(None, data)));
        }
        if let Some(every) = ticks.filter(|every| !self.code.ticks.is(*every)) {
            let written = self.code.ticks.set(every).map(|data| Changed::new(None, data));
            self.code.change(RecordKind::State, super::ticks::Ticks::KEY.to_owned(), written);
        }
        for started in jobs {
            self.begin_job(cx, started);
        }
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
        self.throw_out(kicked);
    }

    /// Ends the connections of users, after what is in the open batch so far.
    pub(super) fn throw_out(&mut self, kicked: Vec<UserId>) {
        kicked.into_iter().for_each(|user| self.batch.kick(user));
    }

    /// Whether somebody's connections end with the open batch.
    pub(crate) fn throws_out(&self) -> bool {
        self.batch.has_kicks()
    }

    /// Tells the code that somebody has joined.
    pub(crate) fn tell_joined(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who) {
        if let Some(handler) = &cx.rules().handlers.on_join {
            self.tell_code(cx, edges, who, "join", handler);
        }
    }

    /// Tells the code that somebody is gone for good.
    pub(crate) fn tell_left(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who) {
        if let Some(handler) = &cx.rules().handlers.on_leave {
            self.tell_code(cx, edges, who, "leave", handler);
        }
    }

    fn tell_code(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, who: &Who, what: &str, handler: &Told) {
        // By the user: one who comes back has another connection.
        let request = format!("{what} {}", who.user().unwrap_or("anonymous"));
        let told = self.run(cx, edges, who, Over::nobodys(&request), |cell, turn| handler.run(cell, turn, "null"));
        // Nobody asked, so a failure is in the log alone.
        if let Ok(((), outcome)) = told {
            self.carry_out(cx, edges, outcome);
        }
    }

    /// What the code shows of the state that is on disk, JSON (rule C5).
    pub(crate) fn snapshot(&mut self, cx: &mut Context<'_>) -> Option<std::rc::Rc<str>> {
        let snapshot = cx.rules().handlers.snapshot.as_ref()?;
        if self.code.shown.is_none() {
            let stored = self.code.stored()?;
            match noted(cx.surroundings, "snapshot", || snapshot.show(stored.as_ref())) {
                Ok(text) => self.code.shown = Some(text.into()),
                Err(why) => drop(cx.internal(format!("no snapshot is told: {why}"))),
            }
        }
        self.code.shown.clone()
    }

    /// The code is yet to hear of one that is gone, by its session as it would be written down.
    pub(crate) fn note_gone(&mut self, session: Option<String>) {
        self.code.gone.extend(session);
    }

    /// Sessions that are gone for good and of which the code was not told yet, as many as one event tells.
    pub(crate) fn take_gone(&mut self) -> Vec<String> {
        let told = self.code.gone.len().min(LEAVES_AT_ONCE);
        self.code.gone.drain(..told).collect()
    }

    /// Whether the code was not told of everybody yet who is gone.
    pub(crate) fn has_gone(&self) -> bool {
        !self.code.gone.is_empty()
    }
}

/// The name of a life that a turn begins, where nobody has joined it yet (rule D3).
fn drawn_epoch(cx: &Context<'_>) -> Option<Epoch> {
    let (one, two) = (cx.surroundings.draw(), cx.surroundings.draw());
    Epoch::parse(&format!("{one:016x}{:08x}", two >> 32))
}

/// Runs code of the application that is no turn, noted as a turn is.
pub(super) fn noted<T>(
    surroundings: &dyn Surroundings,
    name: &str,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    if !surroundings.begins(name, None) {
        return Err("the code has panicked over this, and would again".to_owned());
    }
    let done = work();
    surroundings.ended();
    done
}
