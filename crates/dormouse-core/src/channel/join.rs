//! A joiner comes: with which connection id, and what it is told first, all in one turn (rules D4, D5, P2, P3, A7).

use super::Fresh;
use super::event::Event;
use crate::contract::Ability;
use crate::edge::session::{Kept, ResumeQuery, Session};
use crate::edge::{FULL_RETRY, Joining, Rejection, TakenOver};
use crate::effect::SessionKey;
use crate::hub::history::{Asked, Replay};
use dormouse_protocol::error::{Close, Refusal};
use dormouse_protocol::frame::{self, Here, Standing, Welcome};
use dormouse_protocol::name::ConnectionId;
use dormouse_protocol::request::whole;

/// A connection id that is taken over with what the old connection had (rule P3).
struct Former {
    connection: ConnectionId,
    kept: Kept,
}

impl Event<'_> {
    /// Someone joins. A joiner that is refused has a key too.
    pub(super) fn join(&mut self, fresh: Fresh, joining: Joining) -> SessionKey {
        self.at_edge(|edge, cx| {
            edge.hydrate_kin(cx, &joining);
            edge.sweep(cx);
        });
        let key = self.edge.next_key();
        let admitted = match self.hub.is_loaded() {
            true => self.edge.admit(&self.cx, &joining),
            false => Err(Rejection::full("the storage cannot be read")),
        };
        match admitted {
            Ok(stage) => {
                let kept = Kept::new(fresh.connection.clone(), joining.grant.clone(), stage, self.cx.now);
                self.enter(key, &fresh, &joining, kept);
            }
            Err(why) => self.edge.reject(&mut self.cx, key, fresh.connection, joining.grant, why),
        }
        key
    }

    fn enter(&mut self, key: SessionKey, fresh: &Fresh, joining: &Joining, mut kept: Kept) {
        let former = self.former(joining);
        let returned = former.is_some();
        kept.epoch = Some(self.hub.epoch(&fresh.epoch, self.cx.now));
        (kept.swept, kept.counted) = (self.edge.swept(), self.hub.is_counted());
        kept.relayed = joining.relayed;
        kept.address = joining.address.filter(|_| kept.grant.is_none());
        let mut session = Session::new(kept, self.cx.rules());
        session.kept.present = session.watches && session.joined();
        if let Some(Former { connection, kept: before }) = former {
            // Who had left the list stays off it.
            session.kept.present &= before.present;
            session.kept.data = before.data;
            session = Session::new(Kept { connection, ..session.kept }, self.cx.rules());
            if !session.kept.present {
                self.hub.leave(&session.kept.connection);
            }
        }
        let awaiting = session.sign_in_by().is_some();
        let user = session.kept.user().cloned();
        self.edge.enter(&mut self.cx, key, session, returned);
        if let Some(user) = user {
            let connected = self.edge.connections_of(&user);
            self.hub.hold_to_share(&mut self.cx, &user, connected);
        }
        self.note_arrival();
        match awaiting {
            true => self.welcome_unsigned(key),
            false => {
                self.take_part(key, &joining.resume);
                if !returned {
                    self.tell_joined(key);
                }
            }
        }
    }

    /// The application's code hears of a member that was not here before.
    pub(super) fn tell_joined(&mut self, key: SessionKey) {
        let Some(session) = self.edge.session(key).filter(|session| session.joined()) else { return };
        if self.cx.rules().handlers.on_join.is_some() {
            let who = session.kept.who();
            self.hub.tell_joined(&mut self.cx, self.edge, &who);
            self.hear_news();
        }
    }

    /// The connection the joiner had before, if it is the same user's: one in its grace, or one still open, which is
    /// replaced. Any other name is passed over (rule P3).
    fn former(&mut self, joining: &Joining) -> Option<Former> {
        let user = joining.grant.as_ref().map(|grant| grant.user.clone())?;
        let connection = joining.connection.as_deref().and_then(ConnectionId::parse)?;
        match self.at_edge(|edge, cx| edge.take_over(cx, &connection, &user)) {
            TakenOver::Former(kept) => return Some(Former { connection, kept: *kept }),
            TakenOver::Another => return None,
            TakenOver::NotHere => {}
        }
        let kept = Kept::decode(self.hub.grace_of(&connection)?).filter(|kept| kept.user() == Some(&user))?;
        self.hub.take_grace_back(&mut self.cx, &connection).then_some(Former { connection, kept })
    }

    /// From now on the session is a member: its welcome, what it missed, and its place among those who hear, in one
    /// turn, so that nothing is missing and nothing comes twice (rule D5). What is accepted and not yet written
    /// comes to it with the next flush, like to everyone.
    pub(super) fn take_part(&mut self, key: SessionKey, resume: &ResumeQuery) {
        let Some(session) = self.edge.session(key).cloned() else { return };
        // Trouble with the storage is no reason to give up a position: it comes back later.
        let Ok(replay) = self.missed(key, &session, resume) else {
            return self.at_edge(|edge, cx| edge.turn_away(cx, key, Close::OverCapacity, Some(FULL_RETRY)));
        };
        if session.kept.present {
            self.hub.enter(&session.kept.connection, session.kept.member());
        }
        if session.watches {
            self.hub.show_list(&session.kept.connection, self.cx.limits());
        }
        let snapshot = if replay.resumed.is_anew() { self.hub.snapshot(&mut self.cx) } else { None };
        let standing = self.hub.standing(&mut self.cx, session.kept.epoch.as_ref(), &replay);
        let welcome = self.welcome(&session, Some(standing), snapshot.as_deref());
        let pieces = std::iter::once(welcome.as_str()).chain(replay.pieces.iter().map(String::as_str));
        if let Some(text) = frame::batch(pieces) {
            self.edge.tell(&mut self.cx, key, text);
        }
        self.edge.subscribe(&mut self.cx, key);
        self.edge.save_attachment(&mut self.cx, key);
    }

    /// What a joiner missed.
    fn missed(&mut self, key: SessionKey, session: &Session, resume: &ResumeQuery) -> Result<Replay, Refusal> {
        let far = session.rights.may(&Ability::History);
        let asked = match (&resume.epoch, &resume.after) {
            (_, None) => Asked::Nothing,
            (None, Some(_)) => Asked::Nonsense,
            (Some(epoch), Some(after)) => match whole(after) {
                Some(after) => Asked::After { epoch: epoch.clone(), after, far },
                None => Asked::Nonsense,
            },
        };
        self.hub.replay(&mut self.cx, &session.speaker(key), &asked)
    }

    fn welcome_unsigned(&mut self, key: SessionKey) {
        let Some(session) = self.edge.session(key).cloned() else { return };
        let text = self.welcome(&session, None, None);
        self.edge.tell(&mut self.cx, key, text);
        self.edge.save_attachment(&mut self.cx, key);
    }

    fn welcome(&self, session: &Session, standing: Option<Standing<'_>>, snapshot: Option<&str>) -> String {
        let limits = self.cx.limits();
        let list = self.hub.members(limits);
        let here = match &list {
            _ if standing.is_none() || !session.watches => None,
            Some(members) => Some(Here::Members(members)),
            None => Some(Here::Count(self.hub.member_count())),
        };
        let remembers = if standing.is_some() { self.cx.rules().remembered_calls() } else { Vec::new() };
        let can = if standing.is_some() { session.rights.names() } else { Vec::new() };
        frame::welcome(&Welcome {
            channel: self.cx.config.name.as_str(),
            connection: &session.kept.connection,
            user: session.kept.user(),
            standing,
            expires: session.kept.grant.as_ref().map(|grant| grant.expires),
            can: &can,
            here,
            snapshot,
            remembers: &remembers,
            frame_bytes: limits.frame_bytes as u64,
            batch: limits.batch_frames as u64,
            per_second: limits.general_per_second,
            burst: limits.general_burst,
            now: self.cx.now,
        })
    }
}
