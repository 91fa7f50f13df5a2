//! Waking: every socket's session is back at once, but is read whole only when something is heard of it (rules H1, H3).

use super::{Channel, Links};
use crate::effect::{Effect, SessionKey, Subscription};
use crate::hibernated_session::{HibernatedSession, Wanted};
use crate::session::{Kept, Session};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;

/// The most attachments that get a new head at one waking: those of the release before, or of another contract.
const RENEWED_MAX: usize = 1_000;

impl Channel {
    /// Takes in the sockets that stayed open; their keys are their places among the heads.
    pub(super) fn wake(&mut self, links: &dyn Links, heads: &str) {
        let mut subscription = Vec::new();
        let (mut counted, mut renewed) = (false, 0_usize);
        for (key, head) in (0_u32..).map(SessionKey).zip(heads.as_bytes().chunks(HibernatedSession::HEAD)) {
            self.roster.reserve(key);
            let fits = std::str::from_utf8(head).ok().and_then(|head| HibernatedSession::parse(head, &self.rules));
            // A list needs its members by name; a number does not.
            let hibernated = fits.filter(|hibernated| hibernated.member_bytes == 0 || hibernated.counted);
            self.roster.add_hibernated(hibernated);
            if let Some(hibernated) = hibernated {
                self.swept = self.swept.max(hibernated.swept);
                counted |= hibernated.counted;
                if hibernated.member_bytes > 0 {
                    self.presence.add_hibernated(hibernated.member_bytes);
                }
                subscription.push(hibernated.subscription);
            } else {
                subscription.push(self.read_whole(links, key));
                let Some(session) = self.roster.session(key) else { continue };
                self.swept = self.swept.max(session.kept.swept);
                // Whoever is on its way out is told nothing any more, of this neither.
                counted |= session.kept.counted && !session.is_leaving();
                if fits.is_none() && session.joined() && renewed < RENEWED_MAX {
                    renewed = renewed.saturating_add(1);
                    self.save_attachment(key);
                }
            }
        }
        if !subscription.is_empty() {
            self.effects.push(Effect::SubscribeAll { subscription });
        }
        self.presence.resume(counted);
    }

    /// Reads a session's attachment; answers what it hears.
    fn read_whole(&mut self, links: &dyn Links, key: SessionKey) -> Subscription {
        let attachment = links.attachment(key);
        // What cannot be read was written by no release of ours: it is told to come back anew. One without an
        // attachment never joined, and has heard why.
        let Some(kept) = Kept::decode(&attachment) else {
            if !attachment.is_empty() {
                self.tell(key, frame::bye(frame::Bye { close: Close::Restart, retry_after: None }));
            }
            self.hang_ups.insert(key, 0, Some(Close::Restart));
            return Subscription::Nothing;
        };
        let mut session = Session::new(kept, &self.rules);
        // Who the contract of today does not let see the list is not on it either (rule A3).
        session.kept.present &= session.watches;
        match session.joined() && session.kept.present {
            true => self.presence.recall(&session.kept.connection, session.kept.member()),
            false if session.is_leaving() => self.hang_ups.insert(key, 0, None),
            false => {}
        }
        let subscription = session.subscription();
        self.roster.put(key, session);
        subscription
    }

    /// Something is heard of a session, or is to be told to it alone: it is read whole, if it was not yet.
    pub(super) fn hydrate(&mut self, links: &dyn Links, key: SessionKey) {
        let Some(hibernated) = self.roster.hydrate(key) else { return };
        if hibernated.member_bytes > 0 {
            self.presence.hydrate(hibernated.member_bytes);
        }
        let subscription = self.read_whole(links, key);
        if subscription != hibernated.subscription {
            self.effects.push(Effect::Subscribe { session: key, subscription });
        }
    }

    /// Has at least one session read whole that is not on its way out, if there are any.
    pub(super) fn hydrate_one(&mut self, links: &dyn Links) {
        if let Some(key) = self.roster.lone_hibernated() {
            self.hydrate(links, key);
        }
    }

    /// Has every session read whole that may be one of these.
    pub(super) fn hydrate_named(&mut self, links: &dyn Links, wanted: &Wanted) {
        for key in self.roster.hibernated_named(wanted) {
            self.hydrate(links, key);
        }
    }

    /// Has every session read whole.
    pub(super) fn hydrate_all(&mut self, links: &dyn Links) {
        for key in self.roster.hibernated() {
            self.hydrate(links, key);
        }
    }
}
