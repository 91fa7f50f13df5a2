//! One event on its way through a relay: how it begins and ends.

use super::attachment::{Attachment, Seat};
use super::channels::Channels;
use super::connection::Connection;
use super::connections::Connections;
use super::watch::Watch;
use super::{Connecting, RelayConfig};
use crate::channel::{Effects, Links};
use crate::contract::Surroundings;
use crate::edge::FULL_RETRY;
use crate::effect::{Effect, Level, LogLine, SessionKey};
use crate::link::{Gone, Up};
use crate::storage::Storage;
use dormouse_protocol::error::{Close, Refusal};
use dormouse_protocol::frame;
use dormouse_protocol::multiplex::{self, CHANNELS_MAX, Hello, HelloLimits};
use dormouse_protocol::name::{ChannelName, ConnectionId, Millis, RequestId};

/// A relay looks after itself so often while it has to do with any channel, in milliseconds: so long at most a channel
/// believes in members whose relay has lost them.
const LEASE: Millis = 60_000;

/// All that an event has to do with.
pub(super) struct Event<'a> {
    pub(super) now: Millis,
    pub(super) steady: Millis,
    pub(super) storage: &'a mut dyn Storage,
    pub(super) links: &'a dyn Links,
    pub(super) surroundings: &'a dyn Surroundings,
    pub(super) config: &'a RelayConfig,
    pub(super) connections: &'a mut Connections,
    pub(super) channels: &'a mut Channels,
    pub(super) watch: &'a mut Watch,
    pub(super) effects: Effects,
}

impl Event<'_> {
    /// Every event begins here: the first after waking takes in the sockets that stayed open, and looks up what is on disk.
    pub(super) fn begin(&mut self, slept: &mut Option<Vec<String>>, clean: bool) {
        let was_loaded = self.watch.loaded;
        if !was_loaded {
            self.load();
        }
        match slept.take() {
            Some(attachments) => {
                self.watch.boot = format!("{:016x}", self.surroundings.draw()).into();
                for attachment in attachments {
                    let key = self.connections.next_key();
                    self.take_in(key, &attachment, clean);
                }
            }
            // What could not be read at first is known now, when nobody is here any more.
            None if !was_loaded => {}
            None => return,
        }
        // Of those whose sockets are gone, or were told to come back, channels still believe in the members.
        for channel in self.channels.empty() {
            self.lose(&channel);
        }
    }

    fn load(&mut self) {
        match self.channels.load(self.storage) {
            Ok(()) => self.watch.loaded = true,
            Err(error) => self.log_error(format!("storage cannot be read: {error}")),
        }
    }

    fn take_in(&mut self, key: SessionKey, attachment: &str, clean: bool) {
        // Where the memory was lost otherwise than by sleep, it is not known whether all was written.
        let slept = Attachment::decode(attachment).filter(|_| clean);
        // Of a link that is not on disk nobody knows which channel's it was.
        let known = |seat: &Seat| self.channels.of_life(seat.life).is_some();
        let Some(slept) = slept.filter(|slept| slept.joined.iter().all(known)) else {
            let bye = frame::bye(frame::Bye { close: Close::Restart, retry_after: None });
            return self.end(key, bye, Close::Restart);
        };
        let (mut connection, joined) = slept.connection(self.steady);
        for Seat { life, number, hears, own_token } in joined {
            let link = self.channels.of_life(life).cloned();
            let Some((channel, link)) = link.and_then(|name| Some((name.clone(), self.channels.get_mut(&name)?)))
            else {
                continue;
            };
            link.restore(number, key, hears);
            if own_token {
                connection.own_tokens.push(channel.clone());
            }
            connection.joined.insert(channel, number);
        }
        self.connections.put(key, connection);
    }

    /// Someone connects.
    pub(super) fn connect(&mut self, id: ConnectionId, connecting: Connecting) -> SessionKey {
        let key = self.connections.next_key();
        if !self.watch.loaded {
            let close = Close::OverCapacity;
            let bye = frame::bye(frame::Bye { close, retry_after: Some(FULL_RETRY) });
            self.end(key, bye, close);
            return key;
        }
        let connection = Connection::new(id, connecting.claims, connecting.address, self.steady);
        let limits = HelloLimits {
            channels: CHANNELS_MAX,
            frame_bytes: self.config.limits.frame_bytes,
            batch: self.config.limits.batch_frames,
        };
        let claims = connection.claims.as_ref();
        let hello = multiplex::hello(&Hello {
            connection: &connection.id,
            user: claims.map(|claims| &claims.user),
            expires: claims.map(|claims| claims.expires),
            limits,
            now: self.now,
        });
        self.connections.put(key, connection);
        self.tell(key, hello);
        key
    }

    /// The connection's socket is closed: it leaves all its channels.
    pub(super) fn close(&mut self, key: SessionKey, clean: bool) {
        self.effects.push(Effect::Drop { session: key });
        let gone = if clean { Gone::Left } else { Gone::Broken };
        self.leave_all(key, gone);
        self.connections.remove(key);
    }

    fn leave_all(&mut self, key: SessionKey, gone: Gone) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.changed = true;
        for (channel, number) in std::mem::take(&mut connection.joined) {
            if let Some(link) = self.channels.get_mut(&channel) {
                link.leave(number);
                link.push(&Up::Close(number, gone));
            }
        }
    }

    /// Says `bye`, ends the connection, and leaves its channels: by a grace where it is to come back.
    pub(super) fn send_bye(&mut self, key: SessionKey, close: Close) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| !connection.leaving) else { return };
        (connection.leaving, connection.changed) = (true, true);
        let gone = if (4200..4400).contains(&close.number()) { Gone::Broken } else { Gone::Left };
        self.leave_all(key, gone);
        let bye = frame::bye(frame::Bye { close, retry_after: None });
        self.end(key, bye, close);
    }

    fn end(&mut self, key: SessionKey, bye: String, close: Close) {
        self.tell(key, bye);
        self.effects.push(Effect::HangUp { session: key, code: close.number(), reason: close.reason() });
    }

    /// Closes the socket without a word; the connection leaves its channels.
    pub(super) fn hang_up(&mut self, key: SessionKey, code: u16, reason: &'static str) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| !connection.leaving) else { return };
        (connection.leaving, connection.changed) = (true, true);
        self.leave_all(key, Gone::Left);
        self.effects.push(Effect::HangUp { session: key, code, reason });
    }

    pub(super) fn tell(&mut self, session: SessionKey, text: String) {
        self.watch.told = self.watch.told.saturating_add(text.len() as u64);
        self.effects.push(Effect::Tell { session, text });
    }

    /// Refuses a request before it has reached a channel; the last of too many in a row ends the connection (rule R4).
    pub(super) fn refuse(&mut self, key: SessionKey, id: Option<&RequestId>, refusal: &Refusal) {
        self.tell(key, frame::error(id, refusal));
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.refusals = connection.refusals.saturating_add(1);
        if connection.refusals >= self.config.limits.refusals_in_a_row {
            self.send_bye(key, Close::TooManyRefusals);
        }
    }

    pub(super) fn log_error(&mut self, detail: String) {
        let detail = Some(format!("relay {}: {detail}", self.config.name));
        self.effects.push(Effect::Log(LogLine { detail, ..LogLine::new(Level::Error, "internal") }));
    }

    /// The timer fired.
    pub(super) fn timer(&mut self) {
        self.channels.touch_restless();
    }

    /// The alarm fired: who is silent is let go, and links that were given up are tried again.
    pub(super) fn alarm(&mut self) {
        self.let_silent_go();
        for channel in self.channels.empty() {
            if let Some(link) = self.channels.get_mut(&channel) {
                link.ask();
            }
        }
    }

    /// Looks for connections that once sent `ping` and then nothing for too long (rule R6).
    fn let_silent_go(&mut self) {
        let silent = self.config.limits.silent_ms;
        for (key, pinged) in self.links.pinged() {
            let heard = self.connections.get(key).map_or(0, |connection| connection.heard);
            if pinged.max(heard).saturating_add(silent) < self.now {
                self.send_bye(key, Close::Silent);
            }
        }
    }

    /// Every event ends here: what must outlive sleep is written, before channels are called. Only links that the event has
    /// to do with are looked at.
    pub(super) fn finish(&mut self) {
        self.let_slow_go();
        let mut touched = self.channels.take_touched();
        for channel in &touched {
            if self.channels.get(channel).is_some_and(|link| link.is_given_up() && !link.is_empty()) {
                self.lose(channel);
            }
        }
        self.channels.forget_done(&touched);
        if let Err(error) = self.channels.write(self.storage) {
            self.log_error(format!("links cannot be written: {error}"));
            self.turn_away_unwritten();
        }
        touched.extend(self.channels.take_touched());
        let call_at = self.call_channels(&touched);
        self.channels.note_rest(&touched);
        self.save_attachments();
        self.set_wakeups(call_at);
    }

    /// Whoever has joined by a link that is not on disk would be forgotten in sleep: it is told to come back later, before
    /// the channel has heard of it.
    fn turn_away_unwritten(&mut self) {
        for (channel, members) in self.channels.empty_unwritten() {
            let bye = frame::bye(frame::Bye { close: Close::OverCapacity, retry_after: Some(FULL_RETRY) });
            self.part(&channel, &members, &bye);
        }
    }

    /// Connections that do not read what they are told (rules R6, R7).
    fn let_slow_go(&mut self) {
        let limits = &self.config.limits;
        if self.watch.told < limits.unsent_bytes / 2 {
            return;
        }
        self.watch.told = 0;
        let found = self.links.unsent_over(limits.unsent_bytes);
        let mut slow: Vec<_> = found.over.iter().map(|(key, _)| *key).collect();
        if found.total > limits.unsent_total_bytes {
            let mut holders = self.links.unsent_over(limits.unsent_bytes / 16).over;
            holders.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
            let mut left = found.total;
            for (key, bytes) in holders {
                if left <= limits.unsent_total_bytes {
                    break;
                }
                left = left.saturating_sub(bytes);
                slow.push(key);
            }
        }
        for key in slow {
            self.send_bye(key, Close::TooSlow);
        }
    }

    fn save_attachments(&mut self) {
        for key in self.connections.take_unsaved(self.channels.are_at_rest()) {
            let Some(connection) = self.connections.saved(key) else { continue };
            let joined = connection.joined.iter().filter_map(|(channel, number)| {
                let link = self.channels.get(channel)?;
                let (life, hears) = (link.life(), link.hears(*number));
                Some(Seat { life, number: *number, hears, own_token: connection.own_tokens.contains(channel) })
            });
            let attachment = Attachment::of(connection, joined.collect()).encode();
            self.effects.push(Effect::SaveAttachment { session: key, attachment });
        }
    }

    /// Calls those channels for which there is something; when the first is to be called again.
    fn call_channels(&mut self, touched: &[ChannelName]) -> Option<Millis> {
        let mut call_at: Option<Millis> = None;
        for channel in touched {
            let Some(link) = self.channels.get_mut(channel) else { continue };
            link.watch(self.steady);
            if let Some(message) = link.call(&self.config.name, &self.watch.boot, self.steady) {
                let body = message.encode();
                self.effects.push(Effect::CallChannel { channel: channel.clone(), body });
            }
            call_at = call_at.into_iter().chain(link.call_at()).min();
        }
        drop(self.channels.take_touched());
        call_at
    }

    /// The timers of links that this event has nothing to do with are set.
    fn set_wakeups(&mut self, call_at: Option<Millis>) {
        if let Some(at) = call_at.filter(|at| self.watch.timer.is_none_or(|timer| timer > *at)) {
            self.watch.timer = Some(at);
            self.effects.push(Effect::Timer { after: at.saturating_sub(self.steady) });
        }
        if self.watch.alarm.is_none() && !(self.channels.is_empty() && self.connections.is_empty()) {
            let at = self.now.saturating_add(LEASE);
            self.watch.alarm = Some(at);
            self.effects.push(Effect::Alarm { at });
        }
    }
}
