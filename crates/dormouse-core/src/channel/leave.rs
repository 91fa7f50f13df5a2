//! How sessions end: a close, a broken connection with its grace, a farewell from our side, and what time brings
//! (rules P3, R3, R6, A6, A7, D9).

use super::{ALARM_AGAIN, Channel, Effects, Turn};
use crate::contract::Ability;
use crate::effect::{Effect, Level, LogLine, SessionKey, Subscription};
use crate::session::{Session, Stage};
use crate::storage::{DisconnectGrace, StorageError};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;
use dormouse_protocol::name::{Millis, UserId};

/// Silent members are looked for at most this often, in milliseconds (rule R6).
const SWEEP_EVERY: Millis = 60_000;

/// What full buckets need not be remembered after, in milliseconds: every burst is back by then (rule H1).
const REFILL_MAX: Millis = 10_000;

/// What is too old stays on the disk for so long at most, so that it goes together, in milliseconds (rule D9).
const TRIM_EVERY: Millis = 60_000;

/// While somebody is here an alarm looks at least this often whether that is still so, in milliseconds: after a crash
/// nobody tells.
const LOOK_EVERY: Millis = 86_400_000;

/// So many graces are taken off the disk one by one: each is found by its key, where all that are due are found by
/// walking through everybody who is in the grace.
const TAKEN_SINGLY: usize = 32;

impl Channel {
    /// The session's socket is closed: `clean` by a close handshake, or broken.
    pub fn close(&mut self, turn: &mut Turn<'_>, key: SessionKey, clean: bool) -> Effects {
        self.begin(turn);
        self.hang_ups.remove(key);
        self.effects.push(Effect::Drop { session: key });
        self.hydrate(turn.links, key);
        if let Some(session) = self.roster.remove(key) {
            self.left(turn, &session, clean);
            self.hydrate_one(turn.links);
            self.hand_on_sweep(&session);
        }
        self.settle(turn)
    }

    pub(super) fn left(&mut self, turn: &mut Turn<'_>, session: &Session, clean: bool) {
        if session.is_leaving() {
            return;
        }
        self.log_session(session, LogLine::new(Level::Info, "leave"));
        // One who left the list and breaks has its grace too, so as not to be on it again when it comes back.
        let listed = session.watches || session.kept.present;
        if listed && (clean || !self.depart(turn, session)) {
            self.presence.leave(&session.kept.connection);
        }
        self.note_desertion(turn.now);
    }

    /// Keeps a broken member on the list for a while: as a row, so that sleep loses no leave (rule P3). A user who
    /// cannot be recognised, or a row that cannot be written, has no grace.
    fn depart(&mut self, turn: &mut Turn<'_>, session: &Session) -> bool {
        let Some(user) = session.kept.user() else { return false };
        let grace = DisconnectGrace {
            connection: session.kept.connection.clone(),
            due: turn.now.saturating_add(self.limits.grace_ms),
            session: session.kept.encode(),
        };
        if let Err(error) = turn.storage.put_grace(&grace) {
            drop(self.internal(turn.now, format!("a departure cannot be written: {error}")));
            return false;
        }
        self.graces.insert(grace, Some(user));
        self.hold_to_share(turn, user);
        true
    }

    /// A user is on the list at most as often as it may be connected: who breaks off again and again ends its own oldest
    /// grace by it (rule R7).
    pub(super) fn hold_to_share(&mut self, turn: &mut Turn<'_>, user: &UserId) {
        let most = self.limits.connections_per_user;
        while self.roster.of_user(user.as_str()).count().saturating_add(self.graces.of_user(user)) > most {
            let Some(oldest) = self.graces.oldest_of(user).cloned() else { return };
            if let Err(error) = turn.storage.take_grace(&oldest) {
                return drop(self.internal(turn.now, format!("a departure cannot be taken back: {error}")));
            }
            self.graces.remove(&oldest);
            self.presence.leave(&oldest);
        }
    }

    /// Ends a session from our side: it hears `bye` and nothing after. In its own turn the socket is closed at
    /// once; else the client has a while to close it, since a close from elsewhere does not end the connection.
    pub(super) fn disconnect(&mut self, now: Millis, key: SessionKey, close: Close, own_turn: bool) {
        self.send_bye(now, key, close, None);
        if own_turn {
            self.hang_up(now, key, close.number(), close.reason());
        }
    }

    /// Says `bye`. The session stays until its socket is closed, as one on its way out.
    pub(super) fn send_bye(&mut self, now: Millis, key: SessionKey, close: Close, retry_after: Option<Millis>) {
        let Some(mut session) = self.roster.session(key).cloned() else { return };
        if session.is_leaving() {
            return;
        }
        self.tell(key, frame::bye(frame::Bye { close, retry_after }));
        self.log_session(&session, LogLine { code: Some(close.reason()), ..LogLine::new(Level::Info, "bye") });
        if std::mem::take(&mut session.kept.present) {
            self.presence.leave(&session.kept.connection);
        }
        session.kept.stage = Stage::Leaving;
        self.roster.put(key, session);
        self.effects.push(Effect::Subscribe { session: key, subscription: Subscription::Nothing });
        self.save_attachment(key);
        let at = self.clock.steady(now).saturating_add(self.limits.hang_up_ms);
        self.hang_ups.insert(key, at, Some(close));
        self.note_desertion(now);
    }

    /// After waking: whom the contract of today does not let in any more is told so, as it would be at the door
    /// (rule A3).
    pub(super) fn turn_out(&mut self, now: Millis) {
        let strangers = self.roster.iter().filter(|(_, it)| it.joined() && !it.rights.may(&Ability::Join));
        let strangers: Vec<_> = strangers.map(|(key, it)| (key, it.kept.grant.is_some())).collect();
        for (key, signed_in) in strangers {
            self.disconnect(now, key, if signed_in { Close::Forbidden } else { Close::TokenExpired }, false);
        }
    }

    /// Those whose grant has expired are told so: none of them hears what comes next (rule A6).
    pub(super) fn disconnect_expired(&mut self, turn: &Turn<'_>) {
        for key in self.roster.hibernated_expired(turn.now) {
            self.hydrate(turn.links, key);
        }
        for key in self.roster.expired(turn.now) {
            self.disconnect(turn.now, key, Close::TokenExpired, false);
        }
    }

    /// Closes the socket; its session is on its way out from now on.
    pub(super) fn hang_up(&mut self, now: Millis, key: SessionKey, code: u16, reason: &'static str) {
        if let Some(mut session) = self.roster.session(key).filter(|session| !session.is_leaving()).cloned() {
            if std::mem::take(&mut session.kept.present) {
                self.presence.leave(&session.kept.connection);
            }
            session.kept.stage = Stage::Leaving;
            self.roster.put(key, session);
            self.effects.push(Effect::Subscribe { session: key, subscription: Subscription::Nothing });
            self.save_attachment(key);
            self.note_desertion(now);
        }
        self.hang_ups.remove(key);
        self.effects.push(Effect::HangUp { session: key, code, reason });
    }

    /// Closes the sockets of those who were told `bye` and did not go.
    pub(super) fn hang_up_due(&mut self, now: Millis) {
        let now = self.clock.steady(now);
        while let Some((session, close)) = self.hang_ups.pop(now) {
            self.roster.keep_place(session);
            let (code, reason) = close.map_or((1000, "bye"), |close| (close.number(), close.reason()));
            self.effects.push(Effect::HangUp { session, code, reason });
        }
    }

    /// Everything that has a time and need not be told before: grace, sign-in, the end of an abandoned life.
    pub(super) fn due(&mut self, turn: &mut Turn<'_>) {
        for key in self.roster.unsigned(turn.now) {
            self.disconnect(turn.now, key, Close::TokenExpired, false);
        }
        if !self.loaded {
            return;
        }
        if let Err(error) = self.end_graces(turn).and_then(|()| self.end_amnesia(turn)) {
            drop(self.internal(turn.now, format!("departures cannot be read: {error}")));
        }
        if self.is_abandoned(turn.now) {
            match self.history.end(turn.storage) {
                Ok(()) => self.log(LogLine::new(Level::Info, "ended")),
                Err(error) => drop(self.internal(turn.now, format!("history cannot be cleared: {error}"))),
            }
        }
    }

    /// Those whose grace is over have left for good (rule P3).
    fn end_graces(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let due = self.graces.due(turn.now);
        if due.len() > TAKEN_SINGLY {
            turn.storage.take_due(turn.now)?;
        }
        for connection in &due {
            if due.len() <= TAKEN_SINGLY {
                turn.storage.take_grace(connection)?;
            }
            self.graces.remove(connection);
            self.presence.leave(connection);
            self.note_desertion(turn.now);
        }
        Ok(())
    }

    /// When the alarm must fire next. Wherever rows are, an alarm is pending, also after a crash that nobody saw:
    /// so an abandoned channel always comes to its end (rule D9).
    pub(super) fn alarm_due(&self, now: Millis) -> Option<Millis> {
        let (grace, sign_in) = (self.graces.first_due(), self.roster.first_sign_in());
        let age = self.history.age();
        let deserted = self.roster.is_deserted() && self.graces.is_empty();
        let end = self.history.newest_at().map(|newest| match deserted {
            true => self.deserted.unwrap_or(newest).max(newest).saturating_add(age),
            false => self.looked_after(now),
        });
        // All goes with the end, where nobody is here.
        let stale = self.history.stale_at(&self.limits).filter(|_| !deserted).map(|at| at.saturating_add(TRIM_EVERY));
        // The alarm of a channel that everybody left is taken for its end, with which this goes too.
        let amnesia = self.amnesia.filter(|_| !deserted || end.is_none());
        [grace, sign_in, end, stale, amnesia].into_iter().flatten().min()
    }

    /// Until when an alarm fires that was set at this time, wherever rows are.
    const fn looked_after(&self, since: Millis) -> Millis {
        let age = self.history.age();
        let look = if age > LOOK_EVERY { age } else { LOOK_EVERY };
        since.saturating_add(look).saturating_add(TRIM_EVERY)
    }

    /// What is too old goes off the disk (rule D9): when the channel wakes, and else some time later, together.
    pub(super) fn trim(&mut self, turn: &mut Turn<'_>) {
        let wait = if self.woken { 1 } else { TRIM_EVERY };
        let due = self.history.stale_at(&self.limits).is_some_and(|at| at.saturating_add(wait) <= turn.now);
        let now = self.clock.steady(turn.now);
        if !self.loaded || now < self.trim_again {
            return;
        }
        self.woken = false;
        if !due {
            return;
        }
        let before = turn.storage.rows_written();
        if let Err(error) = self.history.trim(turn.now, &self.limits, turn.storage) {
            self.trim_again = now.saturating_add(ALARM_AGAIN);
            drop(self.internal(turn.now, format!("what is too old cannot be deleted: {error}")));
        }
        let rows = turn.storage.rows_written().saturating_sub(before);
        self.meter.rows_written = self.meter.rows_written.saturating_add(rows);
    }

    /// The alarm that is pending after waking: whatever is due had it set; one that is overdue is taken for lost. Of a
    /// channel that was deserted it is not known when that was; its alarm is right as it is, so it is taken for one that
    /// no other could come before.
    pub(super) fn alarm_before_sleep(&self, now: Millis) -> Option<Millis> {
        let deserted = self.roster.is_deserted() && self.graces.is_empty();
        match self.history.newest_at().filter(|_| deserted) {
            Some(_) => Some(0),
            None => self.alarm_due(now).filter(|at| *at > now),
        }
    }

    /// Somebody came: from now on there may be something due before whatever alarm a deserted channel had.
    pub(super) fn note_arrival(&mut self, now: Millis) {
        self.deserted = None;
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            // Its newest message lies in the future where the clock was set back meanwhile.
            let since = self.history.newest_at().unwrap_or(now).max(now);
            self.alarm = Some(self.looked_after(since));
        }
    }

    fn is_abandoned(&self, now: Millis) -> bool {
        let deserted = self.roster.is_deserted() && self.graces.is_empty() && self.batch.is_empty();
        let since = self.deserted.max(self.history.newest_at());
        deserted && since.is_some_and(|since| since.saturating_add(self.history.age()) <= now)
    }

    /// The last one has left: a channel with rows ends its life when nobody came back for as long as messages are
    /// held. The alarm is set anew, since the pending one may be sooner.
    fn note_desertion(&mut self, now: Millis) {
        if !self.roster.is_deserted() {
            return;
        }
        self.deserted = Some(now);
        if self.history.newest_at().is_some() {
            self.alarm = None;
        }
    }

    /// Looks for members that once sent `ping` and then nothing for too long (rule R6).
    pub(super) fn sweep(&mut self, turn: &Turn<'_>) {
        if turn.now.saturating_sub(self.swept) < SWEEP_EVERY || self.roster.open() == 0 {
            return;
        }
        self.swept = turn.now;
        self.hydrate_one(turn.links);
        self.remember_sweep();
        let silent = self.limits.silent_ms;
        for (key, pinged) in turn.links.pinged() {
            if pinged.saturating_add(silent) >= turn.now {
                continue;
            }
            self.hydrate(turn.links, key);
            let heard = self.roster.session(key).map_or(0, |session| session.kept.last_heard());
            if pinged.max(heard).saturating_add(silent) < turn.now {
                self.disconnect(turn.now, key, Close::Silent, false);
            }
        }
    }

    /// Forgets rates that are full again, whoever they are of: posts without any member come too.
    pub(super) fn prune(&mut self, now: Millis) {
        let now = self.clock.steady(now);
        if now.saturating_sub(self.pruned) >= SWEEP_EVERY {
            self.pruned = now;
            self.buckets.retain(|_, buckets| buckets.touched().saturating_add(REFILL_MAX) > now);
        }
    }

    /// When the channel was last swept must survive sleep (rule H1): one session carries it.
    fn remember_sweep(&mut self) {
        let Some(key) = self.roster.iter().map(|(key, _)| key).next() else { return };
        if let Some(session) = self.roster.session_mut(key) {
            session.kept.swept = self.swept;
            self.save_attachment(key);
        }
    }

    /// One that may have carried it is gone: another carries it on, and with the last it is forgotten.
    pub(super) fn hand_on_sweep(&mut self, gone: &Session) {
        if self.roster.open() == 0 {
            self.swept = 0;
        } else if gone.kept.swept == self.swept && self.swept > 0 {
            self.remember_sweep();
        }
    }

    pub(super) fn log_session(&mut self, session: &Session, line: LogLine) {
        let (connection, user) = (Some(session.kept.connection.clone()), session.kept.user().cloned());
        self.log(LogLine { connection, user, ..line });
    }
}
