//! When the open batch leaves: at once where nothing was told lately, else at the end of its window.

use super::event::Event;
use dormouse_protocol::name::Millis;

impl Event<'_> {
    /// Flushes at the end of an event, if nothing holds the batch back.
    pub(super) fn flush_if_due(&mut self) {
        if self.hub.flush_is_due(&self.cx) {
            self.flush_now();
        }
    }

    /// Flushes what waits if somebody goes with it, who hears and says nothing of what comes now.
    pub(super) fn flush_if_thrown_out(&mut self) {
        if self.hub.throws_out() {
            self.flush_now();
        }
    }

    /// Flushes what waits, whatever holds it back.
    pub(super) fn flush_now(&mut self) {
        if self.hub.is_quiet(&self.cx) {
            return;
        }
        let lone = self.hub.batch_window().is_none();
        let pause = self.flush();
        self.hub.open_batch_window(&self.cx, if lone { 0 } else { pause });
        self.wakeups.forget_timer();
    }

    /// The timer fired: what came meanwhile leaves together. A window in which nothing came ends; one that flushed a
    /// single frame is followed by one of no length; one that flushed several by one about as long as that flush cost, so
    /// that a crowd spends at most half its time sending.
    pub(super) fn end_batch_window(&mut self) {
        if self.hub.end_batch_window(&self.cx) && !self.hub.is_quiet(&self.cx) {
            let pause = self.flush();
            self.hub.open_batch_window(&self.cx, pause);
        }
    }

    /// Writes and tells everything accepted. Answers how long the next batch should stay open, in milliseconds.
    fn flush(&mut self) -> Millis {
        debug_assert!(self.edge.has_no_news(), "the hub was not told what the edge has learned");
        self.at_edge(|edge, cx| edge.disconnect_expired(cx));
        if self.hub.needs_names(self.cx.limits()) {
            self.at_edge(|edge, cx| edge.hydrate_all(cx));
        }
        let mut flushed = self.hub.flush(&mut self.cx, self.edge);
        let mut told = 0;
        for (before, user) in std::mem::take(&mut flushed.kicked) {
            self.edge.speak(&mut self.cx, flushed.lines.get_mut(told..before).unwrap_or_default());
            told = before;
            // Of the lines that come now it hears none.
            self.at_edge(|edge, cx| edge.kick(cx, &user));
        }
        self.edge.speak(&mut self.cx, flushed.lines.get_mut(told..).unwrap_or_default());
        if flushed.switched {
            self.at_edge(|edge, cx| edge.hydrate_all(cx));
            self.edge.save_mode(&mut self.cx, self.hub.is_counted());
        }
        flushed.pause(&self.cx, self.edge.hearers())
    }
}
