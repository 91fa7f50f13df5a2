//! What comes in over a connection: the limits before anything is looked at, then each request to its channel.

use super::event::Event;
use crate::channel::Unreadable;
use crate::effect::SessionKey;
use crate::link::{Number, Up};
use crate::session::HEARD_GRAIN;
use dormouse_protocol::error::{CLOSE_TOO_BIG, Close, Code, Refusal};
use dormouse_protocol::frame;
use dormouse_protocol::multiplex::{self, Asked, Asks};
use dormouse_protocol::name::{ChannelName, RequestId};

impl Event<'_> {
    /// A text frame came in.
    pub(super) fn receive(&mut self, key: SessionKey, text: &str) {
        if !self.listens(key) {
            return;
        }
        let limits = &self.config.limits;
        if text.len() > limits.frame_bytes {
            return self.refuse(key, None, &self.too_large());
        }
        match multiplex::parse(text, limits.batch_frames) {
            Err(refusal) => self.refuse(key, None, &refusal),
            Ok(members) => {
                let mut requests = Requests::default();
                members.into_iter().for_each(|asked| self.take(key, asked, &mut requests));
                self.hand_on(requests);
            }
        }
    }

    /// A frame came in that is refused unread.
    pub(super) fn receive_unreadable(&mut self, key: SessionKey, what: Unreadable) {
        if !self.listens(key) {
            return;
        }
        let refusal = match what {
            Unreadable::Binary => Refusal::new(Code::BadFrame, "Frames are JSON text; binary frames are not taken."),
            Unreadable::NotUnicode => Refusal::new(Code::BadFrame, "The text has lone surrogates: it is no Unicode."),
            Unreadable::TooLarge { .. } => self.too_large(),
        };
        self.refuse(key, None, &refusal);
        if what == (Unreadable::TooLarge { closes: true }) {
            self.hang_up(key, CLOSE_TOO_BIG, "too_large");
        }
    }

    fn too_large(&self) -> Refusal {
        let bytes = self.config.limits.frame_bytes;
        Refusal::new(Code::TooLarge, format!("A frame has at most {bytes} bytes; send less, or in several frames."))
    }

    /// Whether anything of this connection is looked at: it is not on its way out, and its token holds (rule A6).
    fn listens(&mut self, key: SessionKey) -> bool {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key).filter(|connection| !connection.leaving) else {
            return false;
        };
        if !connection.is_current(now) {
            self.send_bye(key, Close::TokenExpired);
            return false;
        }
        if now.abs_diff(connection.heard) >= HEARD_GRAIN {
            (connection.heard, connection.changed) = (now, true);
        }
        true
    }

    fn take<'a>(&mut self, key: SessionKey, Asked { id, asks }: Asked<'a>, requests: &mut Requests<'a>) {
        let Some(connection) = self.connections.get_mut(key).filter(|connection| !connection.leaving) else { return };
        let is_last = connection.refusals.saturating_add(1) >= self.config.limits.refusals_in_a_row;
        let taken = match connection.pass_frame(self.steady) {
            Err(refusal) => Err(refusal),
            Ok(()) => asks.and_then(|asks| self.ask(key, id.as_ref(), asks, requests)),
        };
        match taken {
            Err(refusal) => {
                if is_last {
                    // What was asked before is asked before it goes.
                    self.hand_on(std::mem::take(requests));
                }
                self.refuse(key, id.as_ref(), &refusal);
            }
            Ok(()) => {
                if let Some(connection) = self.connections.get_mut(key) {
                    connection.refusals = 0;
                }
            }
        }
    }

    fn ask<'a>(
        &mut self,
        key: SessionKey,
        id: Option<&RequestId>,
        asks: Asks<'a>,
        requests: &mut Requests<'a>,
    ) -> Result<(), Refusal> {
        if let Asks::Request { channel, text } = asks {
            let (channel, number) = self.joined(key, &channel)?;
            requests.add(channel, number, text);
            return Ok(());
        }
        self.hand_on(std::mem::take(requests));
        match asks {
            Asks::Join(join) => self.join(key, &join),
            Asks::Leave { channel } => self.leave(key, id, &channel),
            Asks::Auth { token } => self.authenticate(key, id, &token),
            Asks::Request { .. } => Ok(()),
        }
    }

    /// Requests go to their channels, those of one array as one.
    fn hand_on(&mut self, requests: Requests<'_>) {
        for (channel, number, texts) in requests.0 {
            let Some(link) = self.channels.get_mut(&channel) else { continue };
            let text = match *texts {
                [text] => text.to_owned(),
                _ => frame::array(texts.iter().copied()),
            };
            link.push(&Up::Frame(number, text));
        }
    }
}

/// The requests of one array, by channel: each channel judges its own as the array that they are, in their order.
#[derive(Default)]
struct Requests<'a>(Vec<(ChannelName, Number, Vec<&'a str>)>);

impl<'a> Requests<'a> {
    fn add(&mut self, channel: ChannelName, number: Number, text: &'a str) {
        match self.0.iter_mut().find(|(known, ..)| *known == channel) {
            Some((.., texts)) => texts.push(text),
            None => self.0.push((channel, number, vec![text])),
        }
    }
}
