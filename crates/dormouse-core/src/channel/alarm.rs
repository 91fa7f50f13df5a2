//! What the channel has done by its alarm, and when timer and alarm are set (rules P3, A7, D9, H1).

use super::event::Event;
use crate::effect::Effect;
use crate::hub::{AGAIN, SOON};
use dormouse_protocol::name::Millis;

impl Event<'_> {
    /// The alarm fired: what is due is done.
    pub(super) fn alarm(&mut self) {
        // After `begin`, which takes the alarm of before sleep for set.
        self.wakeups.forget_alarm();
        self.do_what_is_due();
        self.relays.look_after(self.cx.now);
        self.hub.trim(&mut self.cx);
        // What the storage did not let be done is tried again: later, and not for ever at once.
        let undone = !self.hub.is_loaded() || self.due_at().is_some_and(|due| due <= self.cx.now);
        self.wakeups.alarm_again = undone.then(|| self.cx.now.saturating_add(AGAIN));
    }

    /// Everything that has a time and need not be told before: grace, sign-in, the end of an abandoned life.
    fn do_what_is_due(&mut self) {
        self.at_edge(|edge, cx| edge.disconnect_unsigned(cx));
        if !self.hub.is_loaded() {
            return;
        }
        if self.hub.end_what_is_due(&mut self.cx) {
            self.note_desertion();
        }
        self.hub.end_if_abandoned(&mut self.cx, self.edge.is_deserted());
    }

    /// When the alarm must fire next.
    fn due_at(&self) -> Option<Millis> {
        let due = self.hub.due_at(&self.cx, self.edge.is_deserted());
        [due, self.edge.first_sign_in()].into_iter().flatten().min()
    }

    /// The alarm that is pending after waking is known again: whatever is due had it set; one that is overdue is taken
    /// for lost. Of a channel that was deserted it is not known when that was; its alarm is right as it is, so it is taken
    /// for one that no other could come before.
    pub(super) fn recall_alarm(&mut self) {
        if self.wakeups.alarm.is_some() {
            return;
        }
        let deserted = self.edge.is_deserted() && self.hub.has_no_graces();
        // A timer that is set before anybody comes must not wait for an alarm of which nobody knows when it is.
        if deserted && self.cx.rules().has_timers() {
            return;
        }
        self.wakeups.alarm = match deserted && self.hub.has_messages() {
            true => Some(0),
            false => self.due_at().filter(|at| *at > self.cx.now),
        };
    }

    /// Somebody came: from now on there may be something due before whatever alarm a deserted channel had.
    pub(super) fn note_arrival(&mut self) {
        self.hub.set_deserted(None);
        if self.wakeups.alarm.is_some_and(|alarm| alarm <= self.cx.now) {
            self.wakeups.alarm = Some(self.hub.looked_after_since(self.cx.now));
        }
    }

    /// Somebody left. After the last one, a channel with rows ends its life when nobody came back for as long as messages
    /// are held. The alarm is set anew, since the pending one may be sooner.
    pub(super) fn note_desertion(&mut self) {
        if !self.edge.is_deserted() {
            return;
        }
        self.hub.set_deserted(Some(self.cx.now));
        if self.hub.has_messages() {
            self.wakeups.forget_alarm();
        }
    }

    pub(super) fn set_timer(&mut self) {
        let now = self.cx.steady();
        let window = self.hub.batch_window();
        let count = self.hub.count_due_at(self.cx.limits());
        let others = [self.edge.timer_at(), self.hub.tick_at(), self.relays.timer_at()];
        let Some(next) = [window, count].into_iter().chain(others).flatten().min() else {
            return;
        };
        if self.wakeups.timer.is_some_and(|timer| timer <= next) {
            return;
        }
        self.wakeups.timer = Some(next);
        self.cx.push(Effect::Timer { after: next.saturating_sub(now) });
    }

    /// An alarm costs a row written: one that fires too early is let be, it sets the right one when it does.
    pub(super) fn set_alarm(&mut self) {
        let (now, loaded) = (self.cx.now, self.hub.is_loaded());
        // What is due is not known before the storage could be read: the pending alarm stays, which alone may know when
        // a deserted channel ends. Only where somebody has come or gone meanwhile is it looked up again soon.
        let undone = self.hub.was_deserted() || !self.hub.has_no_graces() || self.hub.has_untold();
        if !loaded && undone {
            self.wakeups.alarm_again.get_or_insert_with(|| now.saturating_add(AGAIN));
        }
        let due = self.due_at().filter(|_| loaded);
        // What waited is done with the flush: what comes next need not wait for another look.
        let moved = self.hub.take_moved();
        if loaded && due.is_none_or(|due| due > now) {
            self.wakeups.alarm_again = None;
        } else if moved {
            // More is overdue than one event does.
            let soon = |again: Millis| again.min(now.saturating_add(SOON));
            self.wakeups.alarm_again = self.wakeups.alarm_again.map(soon);
        }
        let due = self.wakeups.alarm_again.or(due);
        let Some(due) = due.filter(|due| self.wakeups.alarm.is_none_or(|alarm| alarm > *due)) else { return };
        self.wakeups.alarm = Some(due);
        self.cx.push(Effect::Alarm { at: due });
    }
}
