//! How sessions end: `bye` from our side, a closed socket, and what time brings (rules R3, A3, A6, A7).

use super::hibernated_session::Wanted;
use super::session::{Session, Stage};
use super::{Edge, News};
use crate::context::Context;
use crate::contract::Ability;
use crate::effect::{Effect, Level, LogLine, SessionKey, Subscription};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;
use dormouse_protocol::name::{Millis, UserId};

impl Edge {
    /// A session's connection has ended; `clean` by a close handshake, and so without a grace (rule P3).
    pub(crate) fn leave(&mut self, cx: &mut Context<'_>, session: &Session, clean: bool) {
        if session.is_leaving() {
            return;
        }
        Self::log(cx, session, LogLine::new(Level::Info, "leave"));
        // One who left the list and breaks has its grace too, so as not to be on it again when it comes back.
        let listed = session.watches || session.kept.present;
        self.news.push(News::Left { kept: session.kept.clone().into(), listed, clean });
    }

    /// Ends a session from our side: it hears `bye` and nothing after. In its own turn the socket is closed at
    /// once; else the client has a while to close it, since a close from elsewhere does not end the connection.
    pub(crate) fn disconnect(&mut self, cx: &mut Context<'_>, key: SessionKey, close: Close, own_turn: bool) {
        self.send_bye(cx, key, close, None);
        if own_turn {
            self.hang_up(cx, key, close.number(), close.reason());
        }
    }

    /// Turns away one that has just joined, before anybody was told of it.
    pub(crate) fn turn_away(
        &mut self,
        cx: &mut Context<'_>,
        key: SessionKey,
        close: Close,
        retry_after: Option<Millis>,
    ) {
        if let Some(session) = self.roster.session_mut(key) {
            session.unnoticed = true;
        }
        self.send_bye(cx, key, close, retry_after);
    }

    /// Says `bye`. The session stays until its socket is closed, as one on its way out.
    pub(crate) fn send_bye(
        &mut self,
        cx: &mut Context<'_>,
        key: SessionKey,
        close: Close,
        retry_after: Option<Millis>,
    ) {
        let Some(session) = self.roster.session(key).filter(|session| !session.is_leaving()).cloned() else { return };
        self.tell(cx, key, frame::bye(frame::Bye { close, retry_after }));
        Self::log(cx, &session, LogLine { code: Some(close.reason()), ..LogLine::new(Level::Info, "bye") });
        let relayed = session.kept.relayed;
        self.dismiss(cx, key, session);
        // One behind a relay has no socket that it could close.
        let wait = if relayed { 0 } else { cx.limits().hang_up_ms };
        let at = cx.steady().saturating_add(wait);
        self.hang_ups.insert(key, at, Some(close));
    }

    /// Closes the socket; its session is on its way out from now on.
    pub(crate) fn hang_up(&mut self, cx: &mut Context<'_>, key: SessionKey, code: u16, reason: &'static str) {
        if let Some(session) = self.roster.session(key).filter(|session| !session.is_leaving()).cloned() {
            self.dismiss(cx, key, session);
        }
        self.hang_ups.remove(key);
        cx.push(Effect::HangUp { session: key, code, reason });
    }

    /// The session is on its way out: it hears nothing more, and nobody hears of it.
    fn dismiss(&mut self, cx: &mut Context<'_>, key: SessionKey, mut session: Session) {
        let listed = std::mem::take(&mut session.kept.present);
        let connection = listed.then(|| session.kept.connection.clone());
        let told = cx.rules().handlers.on_leave.is_some() && session.joined() && !session.unnoticed;
        self.news.push(News::Dismissed { connection, gone: told.then(|| session.kept.encode()) });
        session.kept.stage = Stage::Leaving;
        self.roster.put(key, session);
        cx.push(Effect::Subscribe { session: key, subscription: Subscription::Nothing });
        self.save_attachment(cx, key);
    }

    /// Ends every session of a user, as the application's code has it (rule C2).
    pub(crate) fn kick(&mut self, cx: &mut Context<'_>, user: &UserId) {
        self.hydrate_named(cx, &Wanted::new([user.as_str()].into_iter(), std::iter::empty()));
        let keys: Vec<_> = self.roster.of_user(user.as_str()).collect();
        for key in keys {
            self.disconnect(cx, key, Close::Removed, false);
        }
    }

    /// Ends everybody's session.
    pub(crate) fn disconnect_all(&mut self, cx: &mut Context<'_>, close: Close) {
        self.hydrate_all(cx);
        for key in self.roster.keys() {
            self.disconnect(cx, key, close, false);
        }
    }

    /// After waking: whom the contract of today does not let in any more is told so, as it would be at the door
    /// (rule A3).
    pub(crate) fn turn_out(&mut self, cx: &mut Context<'_>) {
        let strangers = self.roster.iter().filter(|(_, it)| it.joined() && !it.rights.may(&Ability::Join));
        let strangers: Vec<_> = strangers.map(|(key, it)| (key, it.kept.grant.is_some())).collect();
        for (key, signed_in) in strangers {
            self.disconnect(cx, key, if signed_in { Close::Forbidden } else { Close::TokenExpired }, false);
        }
    }

    /// Those whose grant has expired are told so: none of them hears what comes next (rule A6).
    pub(crate) fn disconnect_expired(&mut self, cx: &mut Context<'_>) {
        for key in self.roster.hibernated_expired(cx.now) {
            self.hydrate(cx, key);
        }
        for key in self.roster.expired(cx.now) {
            self.disconnect(cx, key, Close::TokenExpired, false);
        }
    }

    /// Those who should have signed in by now are told so (rule A7).
    pub(crate) fn disconnect_unsigned(&mut self, cx: &mut Context<'_>) {
        for key in self.roster.unsigned(cx.now) {
            self.disconnect(cx, key, Close::TokenExpired, false);
        }
    }

    /// Closes the sockets of those who were told `bye` and did not go.
    pub(crate) fn hang_up_due(&mut self, cx: &mut Context<'_>) {
        while let Some((session, close)) = self.hang_ups.pop(cx.steady()) {
            self.roster.keep_place(session);
            let (code, reason) = close.map_or((1000, "bye"), |close| (close.number(), close.reason()));
            cx.push(Effect::HangUp { session, code, reason });
        }
    }
}
