//! A socket that has ended (rules P3, R6).

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
}
