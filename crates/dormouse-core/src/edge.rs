//! The edge: what holds members. It knows each session and what of it survives sleep, tells lines to whom they are for,
//! and lets go of those who are silent, slow or whose time is over. It never orders anything: what it learns that
//! the hub must know are its [`News`].

mod admission;
mod disconnect;
mod hang_ups;
pub mod hibernated_session;
mod hibernated_sessions;
mod hydration;
mod newcomers;
mod news;
mod places;
mod roster;
pub mod session;
mod silence;
mod speak;
mod unread;

pub use admission::Joining;
pub(crate) use admission::{FULL_RETRY, Rejection, TakenOver};
pub(crate) use news::News;

use std::rc::Rc;

use crate::context::Context;
use crate::contract::Who;
use crate::effect::{Effect, LogLine, SessionKey, Subscription};
use crate::hub::{Edges, Speaker};
use dormouse_protocol::error::Refusal;
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::{Epoch, Millis, RequestId, UserId};
use dormouse_protocol::request::Targets;

use hang_ups::HangUps;
use hibernated_session::{HibernatedSession, Wanted};
use newcomers::Newcomers;
use roster::Roster;
use session::Session;
use unread::Unread;

/// The members of one channel whose sockets are here.
#[derive(Default)]
pub(crate) struct Edge {
    roster: Roster,
    /// Sessions told `bye` outside their own turn, when their sockets are closed from here, and why.
    hang_ups: HangUps,
    newcomers: Newcomers,
    unread: Unread,
    /// Frames that came in vain since the last breath (rule R7).
    in_vain: u32,
    /// When silent members were last looked for (rule R6).
    swept: Millis,
    /// What the hub was not told yet.
    news: Vec<News>,
}

impl Edge {
    /// An event begins.
    pub(crate) fn begin(&mut self, now: Millis) {
        // Also where the clock was set back in sleep, through which this is remembered.
        if self.swept > now {
            self.swept = 0;
        }
        self.unread.begin();
    }

    /// What the hub is to hear of, in the order in which it happened.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The next free key.
    pub(crate) fn next_key(&mut self) -> SessionKey {
        self.roster.next_key()
    }

    /// The session of a key, unless it sleeps.
    pub(crate) fn session(&self, key: SessionKey) -> Option<&Session> {
        self.roster.session(key)
    }

    /// The session has become another, by a new grant: it is found by what it is now.
    pub(crate) fn replace(&mut self, key: SessionKey, session: Session) {
        self.roster.put(key, session);
    }

    /// What the session shows of itself on the list of members; with nothing it leaves the list. As it is then.
    pub(crate) fn set_presence(&mut self, key: SessionKey, data: Option<Rc<str>>) -> Option<&Session> {
        let session = self.roster.session_mut(key)?;
        session.kept.present = data.is_some();
        session.kept.data = data;
        Some(session)
    }

    /// Counts one more refusal in a row; how many there are now (rule R4).
    pub(crate) fn count_refusal(&mut self, key: SessionKey) -> Option<u32> {
        let session = self.roster.session_mut(key)?;
        session.kept.refusals = session.kept.refusals.saturating_add(1);
        Some(session.kept.refusals)
    }

    /// A request was accepted: refusals are counted anew.
    pub(crate) fn forgive_refusals(&mut self, cx: &mut Context<'_>, key: SessionKey) {
        let Some(session) = self.roster.session_mut(key) else { return };
        if std::mem::take(&mut session.kept.refusals) > 0 {
            self.save_attachment(cx, key);
        }
    }

    /// Whose request it is that comes over a session.
    pub(crate) fn speaker(&self, key: SessionKey) -> Option<Speaker> {
        Some(self.roster.session(key)?.speaker(key))
    }

    /// Whether somebody is here who has joined: not those who have yet to sign in.
    pub(crate) fn has_members(&self) -> bool {
        self.roster.has_members()
    }

    /// Whether nobody is here but those on their way out.
    pub(crate) fn is_deserted(&self) -> bool {
        self.roster.is_deserted()
    }

    /// How many of the user's connections are here.
    pub(crate) fn connections_of(&self, user: &UserId) -> usize {
        self.roster.of_user(user.as_str()).count()
    }

    /// The life of the history that members were told of.
    pub(crate) fn epoch_told(&self) -> Option<Epoch> {
        let living = self.roster.iter().filter(|(_, session)| !session.is_leaving());
        living.filter_map(|(_, session)| session.kept.epoch.clone()).next()
    }

    /// When it last looked for silent members, which a joiner carries through sleep too.
    pub(crate) const fn swept(&self) -> Millis {
        self.swept
    }

    /// When the edge next has something to do, by the steady clock.
    pub(crate) fn timer_at(&self) -> Option<Millis> {
        [self.hang_ups.first(), self.newcomers.first()].into_iter().flatten().min()
    }

    /// When the first must have signed in of those who have not yet (rule A7).
    pub(crate) fn first_sign_in(&self) -> Option<Millis> {
        self.roster.first_sign_in()
    }

    /// Tells one session something.
    pub(crate) fn tell(&mut self, cx: &mut Context<'_>, session: SessionKey, text: String) {
        self.unread.told(session, text.len());
        cx.desk.meter.told(1, text.len());
        cx.push(Effect::Tell { session, text });
    }

    /// Answers a request at once: a refusal always, an ack where the request has an id (rule F2). One who was told
    /// `bye` hears nothing after it (rule R3).
    pub(crate) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        key: SessionKey,
        id: Option<&RequestId>,
        answer: Result<Ack, &Refusal>,
    ) {
        if self.roster.session(key).is_none_or(Session::is_leaving) {
            return;
        }
        match answer {
            Ok(_) if id.is_none() => {}
            Ok(ack) => self.tell(cx, key, frame::ack(id, ack)),
            Err(refusal) => self.tell(cx, key, frame::error(id, refusal)),
        }
    }

    /// How many hear any broadcast.
    pub(crate) const fn hearers(&self) -> usize {
        self.roster.hearers()
    }

    /// Whether the hub knows all that was learned here.
    pub(crate) const fn has_no_news(&self) -> bool {
        self.news.is_empty()
    }

    /// From now on the session hears what it may.
    pub(crate) fn subscribe(&self, cx: &mut Context<'_>, key: SessionKey) {
        let subscription = self.roster.session(key).map_or(Subscription::Nothing, Session::subscription);
        cx.push(Effect::Subscribe { session: key, subscription });
    }

    /// Writes what must survive sleep into the session's attachment (rule H3).
    pub(crate) fn save_attachment(&self, cx: &mut Context<'_>, key: SessionKey) {
        if let Some(session) = self.roster.session(key).filter(|session| !session.forgotten) {
            let attachment = HibernatedSession::attachment(session, cx.rules());
            cx.push(Effect::SaveAttachment { session: key, attachment });
        }
    }

    /// Whether the members are a list or a number depends on how they came to be so many, so it must survive sleep:
    /// it stands in every attachment (rules P4, H1).
    pub(crate) fn save_mode(&mut self, cx: &mut Context<'_>, counted: bool) {
        for key in self.roster.keys() {
            if let Some(session) = self.roster.session_mut(key) {
                session.kept.counted = counted;
                self.save_attachment(cx, key);
            }
        }
    }

    /// Bytes that one session has not read yet, with those it was told in this event.
    pub(crate) fn unread_by(&self, cx: &Context<'_>, key: SessionKey) -> u64 {
        cx.links.unsent(key).saturating_add(self.unread.told_now(key))
    }

    /// A socket is closed. Its session, if it carried one.
    pub(crate) fn remove(&mut self, cx: &mut Context<'_>, key: SessionKey) -> Option<Session> {
        self.hang_ups.remove(key);
        cx.push(Effect::Drop { session: key });
        self.hydrate(cx, key);
        self.roster.remove(key)
    }

    /// A line of the log that is about a session.
    pub(crate) fn log(cx: &mut Context<'_>, session: &Session, line: LogLine) {
        let (connection, user) = (Some(session.kept.connection.clone()), session.kept.user().cloned());
        cx.log(LogLine { connection, user, ..line });
    }
}

impl Edges for Edge {
    fn find(&mut self, cx: &mut Context<'_>, targets: &Targets, sender: Option<SessionKey>) -> usize {
        let Targets { users, connections, roles } = targets;
        // The head of an attachment tells no roles.
        if roles.is_empty() {
            let wanted = Wanted::new(users.iter().map(String::as_str), connections.iter().map(String::as_str));
            self.hydrate_named(cx, &wanted);
        } else {
            self.hydrate_all(cx);
        }
        self.roster.targets(targets, sender).len()
    }

    fn reached(&self, targets: &Targets, sender: Option<SessionKey>) -> Vec<SessionKey> {
        self.roster.targets(targets, sender)
    }

    fn refuse(&mut self, cx: &mut Context<'_>, session: SessionKey, id: Option<&RequestId>, refusal: &Refusal) {
        self.answer(cx, session, id, Err(refusal));
    }

    fn may_count(&self, session: SessionKey) -> bool {
        self.roster.session(session).is_some_and(Session::may_count)
    }

    fn members(&mut self, cx: &mut Context<'_>) -> Vec<Who> {
        self.hydrate_all(cx);
        self.roster.iter().filter(|(_, session)| session.joined()).map(|(_, session)| session.kept.who()).collect()
    }

    fn session_of(&self, connection: &str) -> Option<SessionKey> {
        self.roster.connection(connection).map(|(key, _)| key)
    }
}
