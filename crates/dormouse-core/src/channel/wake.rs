//! Waking: every socket's session is back at once, but is read whole only when something is heard of it (rules H1, H3).

use super::{Channel, Links};
use crate::effect::{Effect, Hearing, SessionKey};
use crate::session::{Kept, Session};
use crate::sleeper::{Sleeper, Wanted};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;

/// The most attachments that get a new head at one waking: those of the release before, or of another contract.
const RENEWED_MAX: usize = 1_000;

impl Channel {
    /// Takes in the sockets that stayed open; their keys are their places among the heads.
    pub(super) fn wake(&mut self, links: &dyn Links, heads: &str) {
        let mut hearing = Vec::new();
        let (mut counted, mut renewed) = (false, 0_usize);
        for (key, head) in (0_u32..).map(SessionKey).zip(heads.as_bytes().chunks(Sleeper::HEAD)) {
            self.roster.reserve(key);
            let fits = std::str::from_utf8(head).ok().and_then(|head| Sleeper::parse(head, &self.rules));
            // A list needs its members by name; a number does not.
            let sleeper = fits.filter(|sleeper| sleeper.member_bytes == 0 || sleeper.counted);
            self.roster.add_sleeper(sleeper);
            if let Some(sleeper) = sleeper {
                self.swept = self.swept.max(sleeper.swept);
                counted |= sleeper.counted;
                if sleeper.member_bytes > 0 {
                    self.presence.add_sleeper(sleeper.member_bytes);
                }
                hearing.push(sleeper.hearing);
            } else {
                hearing.push(self.read_whole(links, key));
                let Some(session) = self.roster.session(key) else { continue };
                self.swept = self.swept.max(session.kept.swept);
                // Whoever is on its way out is told nothing any more, of this neither.
                counted |= session.kept.counted && !session.is_leaving();
                if fits.is_none() && session.joined() && renewed < RENEWED_MAX {
                    renewed = renewed.saturating_add(1);
                    self.remember(key);
                }
            }
        }
        if !hearing.is_empty() {
            self.effects.push(Effect::HearAll { hearing });
        }
        self.presence.resume(counted);
    }

    /// Reads a session's attachment; answers what it hears.
    fn read_whole(&mut self, links: &dyn Links, key: SessionKey) -> Hearing {
        let attachment = links.attachment(key);
        // What cannot be read was written by no release of ours: it is told to come back anew. One without an
        // attachment never joined, and has heard why.
        let Some(kept) = Kept::decode(&attachment) else {
            if !attachment.is_empty() {
                self.tell(key, frame::bye(frame::Bye { close: Close::Restart, retry_after: None }));
            }
            self.hang_ups.insert(key, 0, Some(Close::Restart));
            return Hearing::Nothing;
        };
        let mut session = Session::new(kept, &self.rules);
        // Who the contract of today does not let see the list is not on it either (rule A3).
        session.kept.present &= session.watches;
        match session.joined() && session.kept.present {
            true => self.presence.recall(&session.kept.connection, session.kept.member()),
            false if session.is_leaving() => self.hang_ups.insert(key, 0, None),
            false => {}
        }
        let hearing = session.hearing();
        self.roster.put(key, session);
        hearing
    }

    /// Something is heard of a session, or is to be told to it alone: it is read whole, if it was not yet.
    pub(super) fn rouse(&mut self, links: &dyn Links, key: SessionKey) {
        let Some(sleeper) = self.roster.rouse(key) else { return };
        if sleeper.member_bytes > 0 {
            self.presence.rouse(sleeper.member_bytes);
        }
        let hearing = self.read_whole(links, key);
        if hearing != sleeper.hearing {
            self.effects.push(Effect::Hear { session: key, hearing });
        }
    }

    /// Has at least one session read whole that is not on its way out, if there are any.
    pub(super) fn rouse_one(&mut self, links: &dyn Links) {
        if let Some(key) = self.roster.lone_sleeper() {
            self.rouse(links, key);
        }
    }

    /// Has every session read whole that may be one of these.
    pub(super) fn rouse_named(&mut self, links: &dyn Links, wanted: &Wanted) {
        for key in self.roster.sleepers_named(wanted) {
            self.rouse(links, key);
        }
    }

    /// Has every session read whole.
    pub(super) fn rouse_all(&mut self, links: &dyn Links) {
        for key in self.roster.sleepers() {
            self.rouse(links, key);
        }
    }
}
