//! Sessions that slept: taken in by the heads of their attachments when the channel wakes, and read whole once they are
//! heard of (rule H3).

use super::hibernated_session::{HibernatedSession, Wanted};
use super::session::{Kept, Session};
use super::{Edge, News};
use crate::context::Context;
use crate::effect::{Effect, SessionKey, Subscription};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;

/// The most attachments that get a new head at one waking: those of the release before, or of another contract.
const RENEWED_MAX: usize = 1_000;

impl Edge {
    /// Takes in the sockets that stayed open; their keys are their places among the heads. Answers whether the members
    /// were a count.
    pub(crate) fn wake(&mut self, cx: &mut Context<'_>, heads: &str) -> bool {
        let mut subscriptions = Vec::new();
        let (mut counted, mut renewed) = (false, 0_usize);
        let (mut asleep, mut bytes) = (0_usize, 0_usize);
        for (key, head) in (0_u32..).map(SessionKey).zip(heads.as_bytes().chunks(HibernatedSession::HEAD)) {
            self.roster.reserve(key);
            let fits = std::str::from_utf8(head).ok().and_then(|head| HibernatedSession::parse(head, cx.rules()));
            // A list needs its members by name; a number does not.
            let hibernated = fits.filter(|it| it.member_bytes == 0 || it.counted);
            self.roster.add_hibernated(hibernated);
            if let Some(hibernated) = hibernated {
                self.swept = self.swept.max(hibernated.swept);
                counted |= hibernated.counted;
                asleep = asleep.saturating_add(usize::from(hibernated.member_bytes > 0));
                bytes = bytes.saturating_add(hibernated.member_bytes);
                subscriptions.push(hibernated.subscription);
                continue;
            }
            subscriptions.push(self.read_whole(cx, key));
            let Some(session) = self.roster.session(key) else { continue };
            self.swept = self.swept.max(session.kept.swept);
            // Whoever is on its way out is told nothing any more, of this neither.
            counted |= session.kept.counted && !session.is_leaving();
            if fits.is_none() && session.joined() && renewed < RENEWED_MAX {
                renewed = renewed.saturating_add(1);
                self.save_attachment(cx, key);
            }
        }
        self.news.push(News::Asleep { members: asleep, bytes });
        if !subscriptions.is_empty() {
            cx.push(Effect::SubscribeAll { subscription: subscriptions });
        }
        counted
    }

    /// Reads a session's attachment; answers what it hears.
    fn read_whole(&mut self, cx: &mut Context<'_>, key: SessionKey) -> Subscription {
        let attachment = cx.links.attachment(key);
        self.read(cx, key, &attachment)
    }

    /// Takes in one that is connected through a relay; answers what it hears, and whether the members were a count.
    pub(crate) fn take_in(&mut self, cx: &mut Context<'_>, key: SessionKey, attachment: &str) -> (Subscription, bool) {
        let subscription = self.read(cx, key, attachment);
        let Some(session) = self.roster.session(key) else { return (subscription, false) };
        self.swept = self.swept.max(session.kept.swept);
        (subscription, session.kept.counted && !session.is_leaving())
    }

    fn read(&mut self, cx: &mut Context<'_>, key: SessionKey, attachment: &str) -> Subscription {
        // What cannot be read was written by no release of ours: it is told to come back anew. One without an
        // attachment never joined, and has heard why.
        let Some(kept) = Kept::decode(attachment) else {
            if !attachment.is_empty() {
                self.tell(cx, key, frame::bye(frame::Bye { close: Close::Restart, retry_after: None }));
            }
            self.hang_ups.insert(key, 0, Some(Close::Restart));
            return Subscription::Nothing;
        };
        let mut session = Session::new(kept, cx.rules());
        // Who the contract of today does not let see the list is not on it either (rule A3).
        session.kept.present &= session.watches;
        match session.joined() && session.kept.present {
            true => {
                let (connection, member) = (session.kept.connection.clone(), session.kept.member());
                self.news.push(News::Recalled { connection, member });
            }
            false if session.is_leaving() => self.hang_ups.insert(key, 0, None),
            false => {}
        }
        let subscription = session.subscription();
        self.roster.put(key, session);
        subscription
    }

    /// Something is heard of a session, or is to be told to it alone: it is read whole, if it was not yet.
    pub(crate) fn hydrate(&mut self, cx: &mut Context<'_>, key: SessionKey) {
        let Some(hibernated) = self.roster.hydrate(key) else { return };
        if hibernated.member_bytes > 0 {
            self.news.push(News::Awake { bytes: hibernated.member_bytes });
        }
        let subscription = self.read_whole(cx, key);
        if subscription != hibernated.subscription {
            cx.push(Effect::Subscribe { session: key, subscription });
        }
    }

    /// Has at least one session read whole that is not on its way out, if there are any.
    pub(crate) fn hydrate_one(&mut self, cx: &mut Context<'_>) {
        if let Some(key) = self.roster.lone_hibernated() {
            self.hydrate(cx, key);
        }
    }

    /// Has every session read whole that may be one of these.
    pub(crate) fn hydrate_named(&mut self, cx: &mut Context<'_>, wanted: &Wanted) {
        for key in self.roster.hibernated_named(wanted) {
            self.hydrate(cx, key);
        }
    }

    /// Has every session read whole.
    pub(crate) fn hydrate_all(&mut self, cx: &mut Context<'_>) {
        for key in self.roster.hibernated() {
            self.hydrate(cx, key);
        }
    }
}
