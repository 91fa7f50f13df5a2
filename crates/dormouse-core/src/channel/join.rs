//! A joiner comes: who may, with which connection id, and what it is told first, all in one turn (rules D4, D5,
//! P2, P3, A7, R5).

use super::{Channel, Effects, Fresh, Joining, Links, Turn};
use crate::contract::{Ability, Entry};
use crate::effect::{Effect, Level, LogLine, SessionKey};
use crate::grant::Grant;
use crate::grant::Rights;
use crate::hibernated_session::Wanted;
use crate::history::{Asked, Replay};
use crate::places::is_free;
use crate::rate::Payer;
use crate::session::{Kept, ResumeQuery, Session, Stage};
use dormouse_protocol::error::{Close, Refusal};
use dormouse_protocol::frame::{self, Here, Standing, Welcome};
use dormouse_protocol::name::{ConnectionId, Epoch, Millis};
use dormouse_protocol::request::whole;

/// How long one who found the channel full should stay away, in milliseconds.
const FULL_RETRY: Millis = 10_000;

/// A connection id that is taken over with what the old connection had (rule P3).
struct Former {
    connection: ConnectionId,
    kept: Kept,
}

impl Channel {
    /// Someone joins. A joiner that is refused has a key too: the effects say `bye` to it and hang up.
    pub fn join(&mut self, turn: &mut Turn<'_>, fresh: Fresh, joining: Joining) -> (SessionKey, Effects) {
        self.begin(turn);
        self.hydrate_kin(turn.links, &joining);
        self.sweep(turn);
        let key = self.roster.next_key();
        match self.admit(turn, &joining) {
            Ok(stage) => self.enter(turn, key, fresh, joining, stage),
            Err((close, retry_after)) => self.reject(key, fresh.connection, joining.grant, close, retry_after),
        }
        (key, self.settle(turn))
    }

    /// Whoever the joiner may have to do with: its own connections, and the one it names.
    fn hydrate_kin(&mut self, links: &dyn Links, joining: &Joining) {
        let Some(grant) = &joining.grant else { return };
        let wanted = Wanted::new(std::iter::once(grant.user.as_str()), joining.connection.as_deref().into_iter());
        self.hydrate_named(links, &wanted);
    }

    /// Whether the joiner may come in, and as what.
    fn admit(&self, turn: &Turn<'_>, joining: &Joining) -> Result<Stage, (Close, Option<Millis>)> {
        let full = Err((Close::OverCapacity, Some(FULL_RETRY)));
        if !self.loaded || self.roster.open() >= self.limits.members {
            return full;
        }
        let user = joining.grant.as_ref().map(|grant| &grant.user);
        if self.unread.is_greedy(&Payer::of(user, joining.address), self.limits.unsent_total_bytes) {
            return full;
        }
        let Some(grant) = &joining.grant else { return self.admit_anonymous(turn.now, joining) };
        if grant.expires <= turn.now {
            return Err((Close::TokenExpired, None));
        }
        if !Rights::of(&self.rules, Some(grant)).may(&Ability::Join) {
            return Err((Close::Forbidden, None));
        }
        let user = grant.user.as_str();
        let named = joining.connection.as_deref().and_then(|name| self.roster.connection(name));
        let replaces = named.is_some_and(|(_, session)| session.kept.user() == Some(&grant.user));
        if !self.may_connect(user, replaces) {
            return full;
        }
        let own = self.roster.of_user(user).count().saturating_add(self.roster.places().leaving(user).all);
        if !is_free(self.limits.members, self.roster.open(), own) {
            return full;
        }
        Ok(Stage::Joined)
    }

    fn admit_anonymous(&self, now: Millis, joining: &Joining) -> Result<Stage, (Close, Option<Millis>)> {
        let full = Err((Close::OverCapacity, Some(FULL_RETRY)));
        let places = self.roster.places();
        let own = places.of(joining.address);
        match self.rules.entry {
            Entry::Token => Err((Close::TokenExpired, None)),
            Entry::Anyone if !Rights::of(&self.rules, None).may(&Ability::Join) => Err((Close::TokenExpired, None)),
            Entry::Anyone | Entry::Later if !is_free(self.limits.members / 2, places.userless(), own.userless) => full,
            Entry::Anyone => Ok(Stage::Joined),
            Entry::Later if !is_free(self.limits.unsigned_members, self.roster.awaiting(), own.awaiting) => full,
            Entry::Later => {
                let until = now.saturating_add(self.limits.sign_in_ms);
                Ok(Stage::Awaiting { until, resume: joining.resume.short() })
            }
        }
    }

    /// Whether the user may have one more connection, or one in another's place: of those that were told `bye` and did
    /// not close in their time it may have as many again, since a network that goes away leaves them behind (rule R7).
    pub(super) fn may_connect(&self, user: &str, replaces: bool) -> bool {
        let most = self.limits.connections_per_user;
        let here = self.roster.of_user(user).count().saturating_sub(usize::from(replaces));
        here < most && self.roster.places().leaving(user).overdue < most
    }

    /// It never joins: nothing of it is remembered, and its socket is closed at once.
    fn reject(
        &mut self,
        key: SessionKey,
        connection: ConnectionId,
        grant: Option<Grant>,
        close: Close,
        retry_after: Option<Millis>,
    ) {
        self.tell(key, frame::bye(frame::Bye { close, retry_after }));
        let (connection, user) = (Some(connection), grant.map(|grant| grant.user));
        self.log(LogLine { connection, user, code: Some(close.reason()), ..LogLine::new(Level::Info, "bye") });
        self.effects.push(Effect::HangUp { session: key, code: close.number(), reason: close.reason() });
    }

    fn enter(&mut self, turn: &mut Turn<'_>, key: SessionKey, fresh: Fresh, joining: Joining, stage: Stage) {
        let former = self.former(turn, &joining);
        let returned = former.is_some();
        let mut kept = Kept::new(fresh.connection, joining.grant, stage, turn.now);
        kept.epoch = Some(self.history.epoch(&fresh.epoch, turn.now));
        (kept.swept, kept.counted) = (self.swept, self.presence.counted());
        kept.address = joining.address.filter(|_| kept.grant.is_none());
        let mut session = Session::new(kept, &self.rules);
        session.kept.present = session.watches && session.joined();
        if let Some(Former { connection, kept: before }) = former {
            // Who had left the list stays off it.
            session.kept.present &= before.present;
            session.kept.data = before.data;
            session = Session::new(Kept { connection, ..session.kept }, &self.rules);
            if !session.kept.present {
                self.presence.leave(&session.kept.connection);
            }
        }
        self.log_session(&session, LogLine::new(Level::Info, "join"));
        let awaiting = session.sign_in_by().is_some();
        let user = session.kept.user().cloned();
        self.roster.put(key, session);
        self.newcomers.add(key, turn.now, self.clock.steady(turn.now), returned);
        if let Some(user) = user {
            self.hold_to_share(turn, &user);
        }
        self.note_arrival(turn.now);
        if awaiting {
            self.welcome_unsigned(turn.now, key);
            return self.save_attachment(key);
        }
        self.take_part(turn, key, &joining.resume);
    }

    /// The connection the joiner had before, if it is the same user's: one in its grace, or one still open, which is
    /// replaced. Any other name is passed over (rule P3).
    fn former(&mut self, turn: &mut Turn<'_>, joining: &Joining) -> Option<Former> {
        let user = joining.grant.as_ref().map(|grant| grant.user.clone())?;
        let name = joining.connection.as_deref().and_then(ConnectionId::parse)?;
        if let Some((key, session)) = self.roster.connection(name.as_str()) {
            if session.kept.user() != Some(&user) {
                return None;
            }
            let mut kept = session.kept.clone();
            // The old one leaves without a word: the list goes on showing the same connection.
            if let Some(session) = self.roster.session_mut(key) {
                session.kept.present = false;
            }
            self.send_bye(turn.now, key, Close::Replaced, None);
            kept.stage = Stage::Joined;
            return Some(Former { connection: name, kept });
        }
        let grace = self.graces.get(&name)?;
        let kept = Kept::decode(&grace.session).filter(|kept| kept.user() == Some(&user))?;
        if let Err(error) = turn.storage.take_grace(&name) {
            drop(self.internal(turn.now, format!("a departure cannot be taken back: {error}")));
            return None;
        }
        self.graces.remove(&name);
        Some(Former { connection: name, kept })
    }

    /// From now on the session is a member: its welcome, what it missed, and its place among those who hear, in one
    /// turn, so that nothing is missing and nothing comes twice (rule D5). What is accepted and not yet written
    /// comes to it with the next flush, like to everyone.
    pub(super) fn take_part(&mut self, turn: &mut Turn<'_>, key: SessionKey, resume: &ResumeQuery) {
        let Some(session) = self.roster.session(key).cloned() else { return };
        // Trouble with the storage is no reason to give up a position: it comes back later.
        let Ok(replay) = self.missed(turn, &session, resume) else {
            return self.send_bye(turn.now, key, Close::OverCapacity, Some(FULL_RETRY));
        };
        if session.kept.present {
            self.presence.enter(&session.kept.connection, session.kept.member());
        }
        if session.watches {
            self.presence.show(&session.kept.connection, &self.limits);
        }
        let first = self.first(turn);
        let resumed = replay.resumed;
        let epoch = session.kept.epoch.as_ref().map(Epoch::as_str).unwrap_or_default();
        let standing = Standing { epoch, seq: self.history.stored(), first, resumed };
        let welcome = self.welcome(turn.now, &session, Some(standing));
        let pieces = std::iter::once(welcome.as_str()).chain(replay.pieces.iter().map(String::as_str));
        if let Some(text) = frame::batch(pieces) {
            self.tell(key, text);
        }
        self.effects.push(Effect::Subscribe { session: key, subscription: session.subscription() });
        self.save_attachment(key);
    }

    /// What a joiner missed.
    fn missed(&mut self, turn: &mut Turn<'_>, session: &Session, resume: &ResumeQuery) -> Result<Replay, Refusal> {
        let far = session.rights.may(&Ability::History);
        let asked = match (&resume.epoch, &resume.after) {
            (_, None) => Asked::Nothing,
            (None, Some(_)) => Asked::Nonsense,
            (Some(epoch), Some(after)) => match whole(after) {
                Some(after) => Asked::After { epoch: epoch.clone(), after, far },
                None => Asked::Nonsense,
            },
        };
        self.replay(turn, session, &asked)
    }

    /// The oldest seq held; one past the head where the storage does not tell.
    pub(super) fn first(&mut self, turn: &mut Turn<'_>) -> u64 {
        match self.history.first(turn.now, turn.storage) {
            Ok(first) => first,
            Err(error) => {
                drop(self.internal(turn.now, error.to_string()));
                self.history.stored().saturating_add(1)
            }
        }
    }

    fn welcome_unsigned(&mut self, now: Millis, key: SessionKey) {
        let Some(session) = self.roster.session(key).cloned() else { return };
        let text = self.welcome(now, &session, None);
        self.tell(key, text);
    }

    fn welcome(&self, now: Millis, session: &Session, standing: Option<Standing<'_>>) -> String {
        let list = self.presence.list(&self.limits);
        let here = match &list {
            _ if standing.is_none() || !session.watches => None,
            Some(members) => Some(Here::Members(members)),
            None => Some(Here::Count(self.presence.count())),
        };
        let can = if standing.is_some() { session.rights.names() } else { Vec::new() };
        frame::welcome(&Welcome {
            channel: self.name.as_str(),
            connection: &session.kept.connection,
            user: session.kept.user(),
            standing,
            expires: session.kept.grant.as_ref().map(|grant| grant.expires),
            can: &can,
            here,
            frame_bytes: self.limits.frame_bytes as u64,
            batch: self.limits.batch_frames as u64,
            per_second: self.limits.general_per_second,
            burst: self.limits.general_burst,
            now,
        })
    }
}
