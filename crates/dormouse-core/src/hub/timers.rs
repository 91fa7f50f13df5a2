//! Timers: what the code has set to happen later, in sleep too (rule C6).

use super::code::Changed;
use super::code::Due;
use super::jobs::LEASE;
use super::turn::Over;
use super::{Edges, Hub};
use crate::context::Context;
use crate::contract::Who;
use crate::contract::handler::Outcome;
use crate::storage::{RECORD_FORMAT, Record, RecordKind};
use dormouse_protocol::name::Millis;

/// So many timers fire at the beginning of one event, and so many jobs are tried anew; those that are due beyond it have
/// their turn at the next.
const AT_ONCE: usize = 64;

/// A timer that a timer or a job has set is due at the earliest so many milliseconds later: one that set itself again at
/// once would never let the channel rest, with a write each time.
const AGAIN_MIN: Millis = 1_000;

/// What cannot be done now is looked at again after so many milliseconds: another release may know how.
const PUT_OFF: Millis = 3_600_000;

/// What failed because the disk could not be read is tried again after so many milliseconds.
const PUT_OFF_UNREAD: Millis = 60_000;

/// Holds back what is set by what nobody asked for.
pub(super) fn hold_back(now: Millis, outcome: &mut Outcome) {
    let soonest = now.saturating_add(AGAIN_MIN);
    outcome.timers.values_mut().flatten().for_each(|(due, _)| *due = soonest.max(*due));
}

impl Hub {
    /// Fires the timers that are due, the earliest first; each goes off the disk with what its handler does.
    pub(crate) fn fire_timers(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) {
        let due = self.due_now(cx, RecordKind::Timer, self.code.due.timer, AT_ONCE);
        // One that comes first and is not on disk yet has the others wait for it.
        let first = self.first_unwritten();
        for timer in due.into_iter().take_while(|timer| timer.due.is_none_or(|due| due <= first)) {
            if !self.is_superseded(&timer) {
                self.fire(cx, edges, timer);
            }
        }
    }

    /// What is due of a kind of which the first is due then, the earliest first, as much as is asked for and one event does.
    pub(super) fn due_now(
        &mut self,
        cx: &mut Context<'_>,
        kind: RecordKind,
        first: Option<Millis>,
        most: usize,
    ) -> Vec<Record> {
        if !self.runs_code() || first.is_none_or(|first| first > cx.now) || cx.steady() < self.code.due_again {
            return Vec::new();
        }
        self.code.pending.was_due = true;
        match cx.storage.due_records(kind, cx.now, most.min(AT_ONCE)) {
            Ok(due) => {
                if due.is_empty() {
                    self.know_due_again(cx);
                }
                due
            }
            Err(error) => {
                drop(cx.internal(format!("what is due of the {}s cannot be read: {error}", kind.as_str())));
                Vec::new()
            }
        }
    }

    /// Whether a turn that is not on disk yet has replaced it, or taken it out.
    pub(super) fn is_superseded(&self, record: &Record) -> bool {
        self.code.pending.records.contains_key(&(record.kind, record.key.clone()))
    }

    fn fire(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, timer: Record) {
        let handler = cx.rules().handlers.timer_of(&timer.key).filter(|_| timer.format == RECORD_FORMAT);
        let Some(handler) = handler else {
            drop(cx.internal(format!("no handler of this release knows the timer `{}`", timer.key)));
            return self.put_off_unknown(cx, timer);
        };
        let request = format!("timer {}", timer.key);
        let fired = self.run(cx, edges, &Who::default(), Over::nobodys(&request), |cell, turn| {
            handler.run(cell, turn, &timer.data)
        });
        match fired {
            Ok(((), mut outcome)) => {
                hold_back(cx.now, &mut outcome);
                // Before what the handler sets: it may set the same key again.
                self.code.change(RecordKind::Timer, timer.key, None);
                self.carry_out(cx, edges, outcome);
            }
            Err(_) => self.put_off_failed(cx, timer),
        }
    }

    /// Leaves a record for later whose handler has failed. What fails once fails again: it is kept for a release that knows
    /// better, and asked less often; but not where it was the disk.
    pub(super) fn put_off_failed(&mut self, cx: &Context<'_>, record: Record) {
        let wait = if self.code.unread { PUT_OFF_UNREAD } else { PUT_OFF };
        self.put_off(cx, record, wait);
    }

    /// Leaves a record that nobody knows for a release that does, as it is: also one of a later format.
    pub(super) fn put_off_unknown(&mut self, cx: &Context<'_>, record: Record) {
        self.put_off(cx, record, PUT_OFF);
    }

    fn put_off(&mut self, cx: &Context<'_>, record: Record, wait: Millis) {
        let Record { kind, key, format, data, .. } = record;
        let due = Some(cx.now.saturating_add(wait));
        self.code.change(kind, key, Some(Changed { due, data, format }));
    }

    /// When the first timer is due that turns have set and that is not on disk yet; for ever where there is none.
    fn first_unwritten(&self) -> Millis {
        let timers = self.code.pending.records.iter().filter(|((kind, _), _)| *kind == RecordKind::Timer);
        timers.filter_map(|(_, set)| set.as_ref()?.due).min().unwrap_or(Millis::MAX)
    }

    /// Nothing was due after all: when it is could not be read lately. Else an alarm would look for it for ever.
    fn know_due_again(&mut self, cx: &mut Context<'_>) {
        if let Err(error) = self.code.look_up_due(cx.storage) {
            drop(cx.internal(format!("what is due cannot be read: {error}")));
        }
    }

    /// Whether handlers can run. While the disk cannot be read they cannot, which is no failure of theirs.
    pub(super) const fn runs_code(&self) -> bool {
        self.loaded && self.code.cell.is_some()
    }

    /// Whether what is due has changed on disk with this event.
    pub(crate) const fn take_moved(&mut self) -> bool {
        self.code.take_moved()
    }

    /// When the first timer or job is due that is on disk. Where no code can run, by a release without any or over a state
    /// that cannot be read, it is looked for again later: another release may run it.
    pub(crate) fn code_due(&self, now: Millis) -> Option<Millis> {
        let Due { timer, job } = self.code.due;
        // What is under way is room for others when it is answered, and is lost when its time is over.
        let job = job.map(|due| if self.code.room() > 0 { due } else { due.max(now.saturating_add(LEASE)) });
        let due = [timer, job].into_iter().flatten().min()?;
        Some(if self.code.cell.is_some() { due } else { due.max(now.saturating_add(PUT_OFF)) })
    }
}
