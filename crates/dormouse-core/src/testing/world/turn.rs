//! One event of the machine, and what it wants done.

use std::rc::Rc;

use super::World;
use crate::channel::{ChannelMachine, Effects, Fresh, Turn};
use crate::effect::{Effect, Level, SessionKey};
use crate::session::ATTACHMENT_MAX;
use crate::testing::attachment::{head, v8_bytes};
use crate::testing::record::HttpAnswer;
use crate::testing::sleep::Sleep;
use crate::testing::socket::{Client, Socket};
use crate::testing::tokens::Tokens;
use crate::testing::trouble::Doom;
use crate::testing::troubled::Troubled;
use dormouse_protocol::name::{ConnectionId, Epoch};

impl<A> World<A> {
    pub(super) const fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub(super) fn fresh(&mut self) -> Fresh {
        let drawn = self.draw();
        Fresh {
            connection: ConnectionId::parse(&format!("c{drawn}")).unwrap(),
            epoch: Epoch::parse(&format!("e{drawn}")).unwrap(),
        }
    }

    pub(super) fn event(&mut self, happen: impl FnOnce(&mut ChannelMachine, &mut Turn<'_>) -> Effects) {
        let effects = self.turn(happen);
        self.apply_all(effects);
    }

    /// What happens to the machine, and to the disk with it; what it wants done is not done yet.
    pub(super) fn turn<T>(&mut self, happen: impl FnOnce(&mut ChannelMachine, &mut Turn<'_>) -> T) -> T {
        let mut channel = self.take_awake();
        self.record.turns += 1;
        let cleared = self.storage.cleared();
        let before = (self.trouble.doom == Some(Doom::Unwritten)).then(|| self.storage.clone());
        let mut storage = Troubled { storage: &mut self.storage, trouble: &mut self.trouble };
        let mut turn =
            Turn { now: self.clock.now, storage: &mut storage, links: &self.sockets, surroundings: &self.surroundings };
        let result = happen(&mut channel, &mut turn);
        self.channel = Some(channel);
        self.clock.quiet_since = self.clock.now;
        match before {
            Some(before) => self.storage = before,
            // A disk that is cleared takes the alarm with it.
            None if self.storage.cleared() != cleared => self.clock.alarm = None,
            None => {}
        }
        result
    }

    /// The machine's key of a client, as it is once the channel is awake.
    pub(super) fn key_awake(&mut self, client: Client) -> Option<SessionKey> {
        self.sockets.key(client)?;
        self.channel = Some(self.take_awake());
        self.sockets.key(client)
    }

    fn take_awake(&mut self) -> ChannelMachine {
        self.channel.take().unwrap_or_else(|| self.wake())
    }

    fn wake(&mut self) -> ChannelMachine {
        self.record.wakes += 1;
        let rules = self.contract.rules(&self.name).unwrap_or_else(|| panic!("no pattern fits {}", self.name));
        let rules = Rc::clone(rules);
        self.sockets.wake();
        let headless = self.sleep == Sleep::Headless;
        let handed = |socket: &Socket| head(if headless { "" } else { &socket.attachment });
        let heads: String = self.sockets.open().map(|(_, socket)| handed(socket)).collect();
        ChannelMachine::restore(self.name.clone(), rules, self.limits.clone(), Rc::new(Tokens), heads)
    }

    /// Does what a turn wants done, as far as the process lives to do it.
    pub(super) fn apply_all(&mut self, effects: Effects) {
        let made = effects.iter().map(|effect| match effect {
            Effect::Tell { text, .. } | Effect::TellMany { text, .. } | Effect::Broadcast { text, .. } => text.len(),
            _ => 0,
        });
        self.record.text_made = self.record.text_made.max(made.sum());
        if let Some(noted) = &mut self.record.effects {
            noted.extend_from_slice(&effects);
        }
        let Some(doom) = self.trouble.doom.take() else {
            effects.into_iter().for_each(|effect| self.apply(effect));
            return self.carry();
        };
        if let Doom::Untold(told) = doom {
            // The alarm is on disk with the rows.
            let (alarms, others): (Vec<_>, Vec<_>) =
                effects.into_iter().partition(|effect| matches!(effect, Effect::Alarm { .. }));
            others.into_iter().take(told).chain(alarms).for_each(|effect| self.apply(effect));
        }
        self.crash();
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { session, text } => self.deliver(&[session], &text),
            Effect::TellMany { sessions, text } => self.deliver(&sessions, &text),
            Effect::Broadcast { subscription, except, text } => {
                self.deliver(&self.sockets.hearing(subscription, &except), &text);
            }
            Effect::Subscribe { session, subscription } => {
                self.open(session, |socket| socket.subscription = Some(subscription));
            }
            Effect::SubscribeAll { subscription } => {
                for (key, subscription) in (0..).map(SessionKey).zip(subscription) {
                    // The one whose close woke the channel is gone already.
                    self.open(key, |socket| socket.subscription = Some(subscription));
                }
            }
            Effect::SaveAttachment { session, attachment } => {
                let bytes = v8_bytes(&attachment);
                assert!(bytes <= ATTACHMENT_MAX, "an attachment of {bytes} bytes");
                self.open(session, |socket| {
                    socket.given_up = attachment.is_empty();
                    socket.attachment = attachment;
                });
            }
            Effect::HangUp { session, code, .. } => self.open(session, |socket| {
                // A close that is already under way is no error, and the first code stands.
                socket.hung_up.get_or_insert(code);
            }),
            Effect::Drop { session: _ } => {}
            Effect::Answer { asker, status, body, retry_after } => {
                let answer = HttpAnswer { status, body: serde_json::from_str(&body).unwrap(), retry_after };
                assert!(self.record.answers.insert(asker, answer).is_none(), "answered twice");
            }
            Effect::Timer { after } => self.clock.timer = Some(self.clock.now + after),
            Effect::CallRelay { body, .. } => self.call_relay(body),
            // A channel calls none.
            Effect::CallChannel { .. } => {}
            Effect::Job(job) => self.record.jobs.push(job),
            Effect::Breathe => self.record.breaths += 1,
            Effect::Alarm { at } => self.clock.alarm = Some(at),
            Effect::Log(line) => {
                // Shown where a test fails: a member is told no more than an id.
                #[expect(clippy::print_stderr, reason = "the test harness shows it for a test that fails")]
                if line.level == Level::Error {
                    eprintln!("{}: {}", line.event, line.detail.as_deref().unwrap_or_default());
                }
                self.record.logs.push(line);
            }
        }
    }

    fn deliver(&mut self, sessions: &[SessionKey], text: &str) {
        for session in sessions {
            self.open(*session, |socket| socket.deliver(text));
        }
    }

    /// Does something to a socket, if it is open still.
    fn open(&mut self, session: SessionKey, change: impl FnOnce(&mut Socket)) {
        if let Some(socket) = self.sockets.by_key_mut(session) {
            change(socket);
        }
    }
}
