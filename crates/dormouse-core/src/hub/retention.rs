//! How long things stay on the disk: what is too old goes together, and a channel that nobody came back to ends
//! (rule D9).

use super::Hub;
use crate::context::Context;
use crate::effect::{Level, LogLine};
use dormouse_protocol::name::Millis;

/// What is too old stays on the disk for so long at most, so that it goes together, in milliseconds.
pub(crate) const TRIM_EVERY: Millis = 60_000;

/// While somebody is here an alarm looks at least this often whether that is still so, in milliseconds: after a crash
/// nobody tells.
pub(crate) const LOOK_EVERY: Millis = 86_400_000;

/// After how long is tried again what the storage did not let be done, in milliseconds.
pub(crate) const AGAIN: Millis = 5_000;

/// After how long goes on what was more than one event does, in milliseconds: not at once, so that code that is due again
/// as soon as it is done does not keep everything else from happening.
pub(crate) const SOON: Millis = 20;

/// What is known of the time that things have been lying there.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// When the last session left, while it is remembered.
    deserted: Option<Millis>,
    /// The storage was read just now, and what is too old was not looked for yet.
    woken: bool,
    /// Before this time of the steady clock what is too old is not looked for again.
    trim_again: Millis,
}

impl Retention {
    /// The storage was read just now.
    pub(super) const fn woken(&mut self) {
        self.woken = true;
    }
}

impl Hub {
    /// What is too old goes off the disk: when the channel wakes, and else some time later, together.
    pub(crate) fn trim(&mut self, cx: &mut Context<'_>) {
        let wait = if self.retention.woken { 1 } else { TRIM_EVERY };
        let due = self.history.stale_at(cx.limits()).is_some_and(|at| at.saturating_add(wait) <= cx.now);
        if !self.loaded || cx.steady() < self.retention.trim_again {
            return;
        }
        self.retention.woken = false;
        if !due {
            return;
        }
        let (now, limits) = (cx.now, cx.limits());
        if let Err(error) = cx.counting_rows(|storage| self.history.trim(now, limits, storage)) {
            self.retention.trim_again = cx.steady().saturating_add(AGAIN);
            drop(cx.internal(format!("what is too old cannot be deleted: {error}")));
        }
    }

    /// Does what has its time on the disk. Whether somebody's grace has ended.
    pub(crate) fn end_what_is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.graces.len();
        if let Err(error) = self.end_graces(cx).and_then(|()| self.end_amnesia(cx)) {
            drop(cx.internal(format!("departures cannot be read: {error}")));
        }
        self.graces.len() < before
    }

    /// Ends the life of a channel that everybody left for as long as messages are held; `empty` if nobody is here.
    pub(crate) fn end_if_abandoned(&mut self, cx: &mut Context<'_>, empty: bool) {
        let deserted = empty && self.graces.is_empty() && self.batch.is_empty();
        let since = self.retention.deserted.max(self.history.newest_at());
        if !deserted || since.is_none_or(|since| since.saturating_add(self.history.age()) > cx.now) {
            return;
        }
        match self.history.end(cx.storage) {
            Ok(()) => cx.log(LogLine::new(Level::Info, "ended")),
            Err(error) => drop(cx.internal(format!("history cannot be cleared: {error}"))),
        }
    }

    /// When something is next due on the disk; `empty` if nobody is here. Wherever rows are, something is, also after a
    /// crash that nobody saw: so an abandoned channel always comes to its end.
    pub(crate) fn due_at(&self, cx: &Context<'_>, empty: bool) -> Option<Millis> {
        let deserted = empty && self.graces.is_empty();
        let end = self.history.newest_at().map(|newest| match deserted {
            true => self.retention.deserted.unwrap_or(newest).max(newest).saturating_add(self.history.age()),
            false => self.looked_after(cx.now),
        });
        // All goes with the end, where nobody is here.
        let stale = self.history.stale_at(cx.limits()).filter(|_| !deserted).map(|at| at.saturating_add(TRIM_EVERY));
        // The alarm of a channel that everybody left is taken for its end, with which this goes too.
        let amnesia = self.amnesia.until().filter(|_| !deserted || end.is_none());
        [self.graces.first_due(), end, stale, amnesia, self.code_due(cx.now)].into_iter().flatten().min()
    }

    /// Until when an alarm fires that was set at this time, wherever rows are.
    const fn looked_after(&self, since: Millis) -> Millis {
        let age = self.history.age();
        let look = if age > LOOK_EVERY { age } else { LOOK_EVERY };
        since.saturating_add(look).saturating_add(TRIM_EVERY)
    }

    /// By when the alarm of a channel that was deserted fires, whatever it was set to, now that somebody came at `now`.
    pub(crate) fn looked_after_since(&self, now: Millis) -> Millis {
        // Its newest message lies in the future where the clock was set back meanwhile.
        self.looked_after(self.history.newest_at().unwrap_or(now).max(now))
    }

    /// Nobody is here any more since this time; with nothing, somebody is.
    pub(crate) const fn set_deserted(&mut self, since: Option<Millis>) {
        self.retention.deserted = since;
    }

    /// Whether it is remembered that everybody left.
    pub(crate) const fn was_deserted(&self) -> bool {
        self.retention.deserted.is_some()
    }

    /// Whether messages are kept at present.
    pub(crate) const fn has_messages(&self) -> bool {
        self.history.newest_at().is_some()
    }

    /// Nobody is connected who was ever told anything: what was not told need not be, and a life of which nobody knows
    /// is forgotten.
    pub(crate) fn forget_the_untold(&mut self, cx: &Context<'_>) {
        self.presence.unheard(cx.limits());
        if self.graces.is_empty() {
            self.history.forget_blank();
        }
    }
}
