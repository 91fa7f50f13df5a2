//! A socket that has ended, or that never was one (rules P3, R6).

use super::event::Event;
use crate::effect::SessionKey;

impl Event<'_> {
    /// The session's socket is closed: `clean` by a close handshake, or broken.
    pub(super) fn close(&mut self, key: SessionKey, clean: bool) {
        let Some(session) = self.at_edge(|edge, cx| edge.remove(cx, key)) else { return };
        self.at_edge(|edge, cx| edge.leave(cx, &session, clean));
        self.at_edge(|edge, cx| {
            edge.hydrate_one(cx);
            edge.hand_on_sweep(cx, &session);
        });
    }

    /// Lets those newcomers go that never were (rule R6): what the hub makes of a leave is written, before its socket is
    /// closed.
    pub(super) fn give_up_newcomers(&mut self) {
        while let Some(gone) = self.edge.give_up_next(&self.cx) {
            self.at_edge(|edge, cx| edge.leave(cx, &gone.session, !gone.may_return));
            self.at_edge(|edge, cx| edge.forget(cx, gone));
        }
    }
}
