//! What channels say, in their calls and in their answers (rules M4 to M6).

use serde_json::value::RawValue;

use super::downlink::Came;
use super::event::Event;
use crate::effect::{Effect, SessionKey};
use crate::link::{Down, Message, Number, Position};
use dormouse_protocol::error::Close;
use dormouse_protocol::frame;
use dormouse_protocol::multiplex;
use dormouse_protocol::name::ChannelName;

impl Event<'_> {
    /// A channel calls. What it is answered.
    pub(super) fn called(&mut self, body: &str) -> String {
        let Some(message) = Message::decode(body) else { return String::new() };
        let life = message.life;
        let over = || Message::over(life, &self.watch.boot).encode();
        let Some(channel) = self.channels.of_life(life).cloned() else { return over() };
        let Some(link) = self.channels.get_mut(&channel) else { return over() };
        let came = link.called(message, &self.watch.boot);
        self.come(&channel, came);
        match self.channels.get(&channel).filter(|link| link.life() == life) {
            Some(link) => link.acknowledge(&self.watch.boot).encode(),
            None => Message::over(life, &self.watch.boot).encode(),
        }
    }

    /// A channel has answered, or the call has failed.
    pub(super) fn answered(&mut self, channel: &ChannelName, answer: Option<&str>) {
        let Some(link) = self.channels.get_mut(channel) else { return };
        let answer = answer.and_then(Message::decode);
        if answer.as_ref().is_some_and(|message| message.life != link.life()) {
            return;
        }
        let came = link.answered(answer, &self.watch.boot, self.steady);
        self.come(channel, came);
    }

    fn come(&mut self, channel: &ChannelName, came: Came) {
        let (stood, items) = match came {
            Came::Items(items) => (None, items),
            Came::After(stood, items) => (Some(stood), items),
            Came::Lost => return self.lose(channel),
        };
        if let Some(Position { epoch, seq, .. }) = stood {
            let listeners = self.channels.get(channel).map(|link| link.listeners()).unwrap_or_default();
            self.tell_all(listeners, multiplex::at(channel.as_str(), &epoch, seq));
        }
        for item in items {
            self.do_item(channel, &item);
        }
    }

    fn do_item(&mut self, channel: &ChannelName, item: &RawValue) {
        let Ok(item) = serde_json::from_str::<Down>(item.get()) else { return };
        let Some(link) = self.channels.get_mut(channel) else { return };
        match item {
            Down::Tell(numbers, text) => {
                let keys = numbers.iter().filter_map(|number| link.member(*number)).collect();
                self.tell_all(keys, multiplex::inside(channel.as_str(), &text));
            }
            Down::Broadcast(hears, except, text) => {
                let keys = link.hearing(hears, &except);
                self.tell_all(keys, multiplex::inside(channel.as_str(), &text));
            }
            Down::Subscribe(number, hears) => {
                if let Some(connection) = link.set_hears(number, hears).and_then(|key| self.connections.get_mut(key)) {
                    connection.changed = true;
                }
            }
            Down::Nothing => {}
            Down::End(number) => self.end_member(channel, number),
        }
    }

    /// One is a member of the channel no more, and was told why.
    fn end_member(&mut self, channel: &ChannelName, number: Number) {
        let Some(key) = self.channels.get_mut(channel).and_then(|link| link.leave(number)) else { return };
        if let Some(connection) = self.connections.get_mut(key) {
            connection.leave(channel);
        }
    }

    /// Of this link something may be lost: it is over, and all its members come back with their positions.
    pub(super) fn lose(&mut self, channel: &ChannelName) {
        let Some(over) = self.channels.begin(channel) else { return };
        let members: Vec<_> = over.members().map(|(_, key)| key).collect();
        let bye = frame::bye(frame::Bye { close: Close::Restart, retry_after: None });
        self.part(channel, &members, &bye);
        // The channel is to hear of it, also where nobody comes back.
        if let Some(link) = self.channels.get_mut(channel) {
            link.ask();
        }
    }

    /// A channel is over for these connections, and they are told so.
    pub(super) fn part(&mut self, channel: &ChannelName, members: &[SessionKey], bye: &str) {
        for key in members {
            if let Some(connection) = self.connections.get_mut(*key) {
                connection.leave(channel);
            }
        }
        self.tell_all(members.to_vec(), multiplex::inside(channel.as_str(), bye));
    }

    fn tell_all(&mut self, mut sessions: Vec<SessionKey>, text: String) {
        sessions.retain(|key| self.connections.get(*key).is_some_and(|connection| !connection.leaving));
        match *sessions {
            [] => {}
            [session] => self.tell(session, text),
            _ => {
                let bytes = (text.len() as u64).saturating_mul(sessions.len() as u64);
                self.watch.told = self.watch.told.saturating_add(bytes);
                self.effects.push(Effect::TellMany { sessions, text });
            }
        }
    }
}
