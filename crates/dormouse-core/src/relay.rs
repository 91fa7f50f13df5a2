//! The relay: an object that holds connections of many channels (rules M1 to M6). It knows tokens, connections and which
//! channel each has joined under which number, and nothing of what is said: requests go to their channels as they were
//! written, and what channels tell goes out as it came.
//!
//! Every event of the shell is one call, as of a [`ChannelMachine`](crate::channel::ChannelMachine); within it everything
//! is decided first, then written, then spoken.

mod attachment;
mod channels;
mod connection;
mod connections;
mod downlink;
mod event;
mod exchange;
mod join;
mod receive;
mod watch;

use std::rc::Rc;

use crate::channel::{Effects, Fresh, Turn, Unreadable};
use crate::clock::Clock;
use crate::contract::Contract;
use crate::effect::SessionKey;
use crate::grant::{Claims, Verifier};
use crate::limits::Limits;
use dormouse_protocol::name::{Address, ChannelName, Millis};

use channels::Channels;
use connections::Connections;
use event::Event;
use watch::Watch;

/// What holds for a relay as long as it is awake.
pub struct RelayConfig {
    /// Its name, by which channels find it.
    pub name: String,
    /// Which channels there are.
    pub contract: Rc<Contract>,
    /// The numbers within which it works.
    pub limits: Limits,
    /// What verifies tokens.
    pub verifier: Rc<dyn Verifier>,
}

/// Someone connects.
#[derive(Clone, Debug, Default)]
pub struct Connecting {
    /// What its token says, where it has one; verified.
    pub claims: Option<Claims>,
    /// Where it comes from, as far as that is known (rule R7).
    pub address: Option<Address>,
}

/// One relay: its connections, and its ends of the links with their channels.
pub struct RelayMachine {
    config: RelayConfig,
    connections: Connections,
    channels: Channels,
    watch: Watch,
    clock: Clock,
    /// The attachments of those who slept, until the first event takes them in.
    slept: Option<Vec<String>>,
    /// Whether the memory before this one ended by sleep.
    slept_clean: bool,
}

impl RelayMachine {
    /// A relay as it wakes: with the connections whose sockets stayed open, by the attachments they left; their keys are
    /// their places. `clean`: whether the memory before ended by sleep, and not by a fault.
    pub fn restore(config: RelayConfig, attachments: Vec<String>, clean: bool) -> Self {
        Self {
            config,
            connections: Connections::default(),
            channels: Channels::default(),
            watch: Watch::default(),
            clock: Clock::default(),
            slept: Some(attachments),
            slept_clean: clean,
        }
    }

    /// Someone connects. One that is refused has a key too: the effects say `bye` to it and hang up.
    pub fn connect(&mut self, turn: &mut Turn<'_>, fresh: Fresh, connecting: Connecting) -> (SessionKey, Effects) {
        self.during(turn, |event| event.connect(fresh.connection, connecting))
    }

    /// A text frame came in.
    pub fn receive(&mut self, turn: &mut Turn<'_>, session: SessionKey, text: &str) -> Effects {
        self.during(turn, |event| event.receive(session, text)).1
    }

    /// A frame came in that is refused unread.
    pub fn receive_unreadable(&mut self, turn: &mut Turn<'_>, session: SessionKey, what: Unreadable) -> Effects {
        self.during(turn, |event| event.receive_unreadable(session, what)).1
    }

    /// The connection's socket is closed: `clean` by a close handshake, or broken.
    pub fn close(&mut self, turn: &mut Turn<'_>, session: SessionKey, clean: bool) -> Effects {
        self.during(turn, |event| event.close(session, clean)).1
    }

    /// A channel calls. It is answered with what this says, and nothing else.
    pub fn called(&mut self, turn: &mut Turn<'_>, body: &str) -> (String, Effects) {
        self.during(turn, |event| event.called(body))
    }

    /// A channel that was called has answered, or the call has failed.
    pub fn answered(&mut self, turn: &mut Turn<'_>, channel: &ChannelName, answer: Option<&str>) -> Effects {
        self.during(turn, |event| event.answered(channel, answer)).1
    }

    /// The timer fired.
    pub fn timer(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.watch.forget_timer();
        self.during(turn, |event| event.timer()).1
    }

    /// The alarm fired.
    pub fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.watch.forget_alarm();
        self.during(turn, |event| event.alarm()).1
    }

    /// Whether nothing would be lost with the memory now.
    pub fn is_clean(&self) -> bool {
        self.channels.are_at_rest() && self.connections.are_saved()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    fn during<T>(&mut self, turn: &mut Turn<'_>, handle: impl FnOnce(&mut Event<'_>) -> T) -> (T, Effects) {
        let Self { config, connections, channels, watch, clock, slept, slept_clean } = self;
        clock.show(turn.now);
        let steady: Millis = clock.steady(turn.now);
        let Turn { now, storage, links, surroundings } = turn;
        let mut event = Event {
            now: *now,
            steady,
            storage: *storage,
            links: *links,
            surroundings: *surroundings,
            config,
            connections,
            channels,
            watch,
            effects: Effects::new(),
        };
        event.begin(slept, *slept_clean);
        let answer = handle(&mut event);
        event.finish();
        (answer, event.effects)
    }
}
