//! The channel: a hub and its one local edge, as one pure machine that takes what happens and says what to do about it.
//!
//! Every event of the shell is one call, handed the time, the disk and the links as a [`Turn`]; the answer is a list
//! of [`Effect`](crate::effect::Effect)s. Within a call everything is decided first, then written, then spoken. A
//! message's way: [`ChannelMachine::receive`] → `Hub::publish` (all refusals, its place, the open batch) → `Hub::flush`
//! (one row, then lines) → `Edge::speak` (one text to all).

mod alarm;
mod auth;
mod event;
mod flush;
mod http;
mod join;
mod leave;
mod receive;
mod relayed;
mod relays;
mod retire;
mod wakeups;

use std::rc::Rc;

use crate::contract::{ChannelRules, JobAnswer, Surroundings};
use crate::edge::Edge;
use crate::effect::{AskerKey, SessionKey};
use crate::grant::Verifier;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::storage::Storage;
use dormouse_protocol::name::{ChannelName, ConnectionId, Epoch, Millis};

pub use crate::context::{ChannelConfig, Effects, Links, Unsent};
pub use crate::edge::Joining;
pub use crate::meter::Meter;
pub use http::{HttpOperation, HttpRequest};
pub use receive::Unreadable;
pub use retire::retire;

use crate::context::{Context, Desk};
use event::Event;
use relays::Relays;
use wakeups::Wakeups;

/// What an event brings with it: the time it happened at, the disk, and what can be asked of the links.
pub struct Turn<'a> {
    /// Milliseconds since 1970.
    pub now: Millis,
    /// The channel's storage.
    pub storage: &'a mut dyn Storage,
    /// The sockets, as far as the machine may look at them.
    pub links: &'a dyn Links,
    /// What the application's code takes of the platform.
    pub surroundings: &'a dyn Surroundings,
}

/// Names from the platform's randomness, used where a new one is needed.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// 128 random bits.
    pub connection: ConnectionId,
    /// 96 random bits.
    pub epoch: Epoch,
}

/// One channel: its order, its history and its members.
pub struct ChannelMachine {
    config: ChannelConfig,
    hub: Hub,
    edge: Edge,
    wakeups: Wakeups,
    relays: Relays,
    desk: Desk,
}

impl ChannelMachine {
    /// A channel as it wakes: with the sessions whose sockets stayed open, by the heads of the attachments they left,
    /// one after the other ([`HEAD`](crate::edge::hibernated_session::HibernatedSession::HEAD) bytes each, blank where
    /// there is none).
    pub fn restore(
        name: ChannelName,
        rules: Rc<ChannelRules>,
        limits: Limits,
        verifier: Rc<dyn Verifier>,
        heads: String,
    ) -> Self {
        let (hub, edge) = (Hub::new(&rules), Edge::default());
        let config = ChannelConfig { name, rules, limits, verifier };
        let (wakeups, relays, desk) = (Wakeups::with(heads), Relays::default(), Desk::default());
        Self { config, hub, edge, wakeups, relays, desk }
    }

    /// Someone joins. A joiner that is refused has a key too: the effects say `bye` to it and hang up.
    pub fn join(&mut self, turn: &mut Turn<'_>, fresh: Fresh, joining: Joining) -> (SessionKey, Effects) {
        self.during(turn, |event| event.join(fresh, joining))
    }

    /// A text frame came in.
    pub fn receive(&mut self, turn: &mut Turn<'_>, session: SessionKey, text: &str) -> Effects {
        self.during(turn, |event| event.receive(session, text)).1
    }

    /// A frame came in that is refused unread.
    pub fn receive_unreadable(&mut self, turn: &mut Turn<'_>, session: SessionKey, what: Unreadable) -> Effects {
        self.during(turn, |event| event.receive_unreadable(session, what)).1
    }

    /// The session's socket is closed: `clean` by a close handshake, or broken.
    pub fn close(&mut self, turn: &mut Turn<'_>, session: SessionKey, clean: bool) -> Effects {
        self.during(turn, |event| event.close(session, clean)).1
    }

    /// An HTTP request came in. It is answered by [`Effect::Answer`](crate::effect::Effect::Answer): now, or after the
    /// flush.
    pub fn handle_http(&mut self, turn: &mut Turn<'_>, asker: AskerKey, request: HttpRequest) -> Effects {
        self.during(turn, |event| event.handle_http(asker, request)).1
    }

    /// A try of a job has come to its end.
    pub fn job_answered(&mut self, turn: &mut Turn<'_>, key: &str, answer: JobAnswer) -> Effects {
        self.during(turn, |event| event.job_answered(key, answer)).1
    }

    /// A relay calls, of members that it holds. It is answered with what this says, and nothing else.
    pub fn relay_called(&mut self, turn: &mut Turn<'_>, body: &str) -> (String, Effects) {
        let ((), effects) = self.during(turn, |event| event.relay_called(body));
        (self.relays.take_answer(), effects)
    }

    /// A relay that was called has answered, or the call has failed.
    pub fn relay_answered(&mut self, turn: &mut Turn<'_>, relay: &str, answer: Option<&str>) -> Effects {
        self.during(turn, |event| event.relay_answered(relay, answer)).1
    }

    /// The timer fired.
    pub fn timer(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.wakeups.forget_timer();
        self.during(turn, |event| event.timer()).1
    }

    /// The alarm fired.
    pub fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.during(turn, |event| event.alarm()).1
    }

    /// Whether something that was accepted waits for others to leave with.
    pub const fn is_waiting(&self) -> bool {
        self.hub.batch_window().is_some()
    }

    /// Whether the application's code runs again and again while somebody is here.
    pub const fn ticks(&self) -> bool {
        self.hub.tick_at().is_some()
    }

    /// One event from its beginning to what is to be done for it.
    fn during<T>(&mut self, turn: &mut Turn<'_>, handle: impl FnOnce(&mut Event<'_>) -> T) -> (T, Effects) {
        let Self { config, hub, edge, wakeups, relays, desk } = self;
        let Turn { now, storage, links, surroundings } = turn;
        let cx = Context { now: *now, storage: *storage, links: *links, surroundings: *surroundings, config, desk };
        let mut event = Event { hub, edge, wakeups, relays, cx };
        event.begin();
        let answer = handle(&mut event);
        (answer, event.finish())
    }
}
