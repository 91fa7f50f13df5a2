//! A channel of the benchmark's contract with any number of members, and nothing around it that costs time.

pub mod judged;
pub mod typed;

use std::rc::Rc;

use dormouse_bench::App;
use dormouse_core::channel::{ChannelMachine, Effects, Fresh, Joining, Links, Turn, Unsent};
use dormouse_core::contract::{Application, Surroundings};
use dormouse_core::effect::SessionKey;
use dormouse_core::grant::{Claims, Flaw, Grant, Verifier};
use dormouse_core::limits::Limits;
use dormouse_core::storage::MemoryStorage;
use dormouse_protocol::name::{ChannelName, ConnectionId, Epoch, Millis, UserId};

/// When every rig begins.
const BEGIN: Millis = 1_700_000_000_000;

/// Longer than any spell: a timer that fires so much later finds its time come.
const SPELL: Millis = 1_000;

/// A channel, its members, its clock.
pub struct Rig {
    channel: ChannelMachine,
    storage: MemoryStorage,
    now: Millis,
    members: Vec<SessionKey>,
    sent: usize,
}

impl Rig {
    /// A channel at rest with so many members.
    ///
    /// # Panics
    /// Where the benchmark's contract does not hold together.
    pub fn new(members: usize) -> Self {
        Self::under::<App>(members)
    }

    /// The same under the contract of another application.
    ///
    /// # Panics
    /// Where that contract does not hold together, or has no channel `bench:rig`.
    pub fn under<A: Application>(members: usize) -> Self {
        let name = ChannelName::parse("bench:rig").expect("a name");
        let contract = A::contract().check().expect("a contract");
        let rules = Rc::clone(contract.rules(&name).expect("a channel"));
        let channel = ChannelMachine::restore(name, rules, Limits::default(), Rc::new(NoTokens), String::new());
        let mut rig = Self { channel, storage: MemoryStorage::default(), now: BEGIN, members: Vec::new(), sent: 0 };
        for member in 0..members {
            rig.join(member);
        }
        rig.rest();
        rig
    }

    /// One message of a member to the channel at rest, and the timer that ends its spell: all that a lone
    /// message costs.
    pub fn lone(&mut self, frame: &str) -> Effects {
        let mut effects = self.receive(frame);
        effects.extend(self.rest());
        effects
    }

    /// The first message opens a batch window, the others wait in the open batch, and the timer flushes them together.
    pub fn crowd<'a>(&mut self, frames: impl IntoIterator<Item = &'a str>) -> Effects {
        let mut effects = Effects::new();
        for frame in frames {
            effects.extend(self.receive(frame));
        }
        effects.extend(self.rest());
        effects
    }

    /// A frame for [`Self::lone`] or [`Self::crowd`], with an id of its own and so many bytes of data.
    pub fn frame(&mut self, event: &str, bytes: usize) -> String {
        self.sent += 1;
        let data = "x".repeat(bytes.saturating_sub(2));
        format!(r#"{{"type":"publish","id":"rig-{}","event":"{event}","data":"{data}"}}"#, self.sent)
    }

    fn receive(&mut self, frame: &str) -> Effects {
        // Always the same one speaks, so that rigs differ in nothing but how many listen.
        let member = self.members[0];
        // So much of the benchmark's rate comes back that no message is refused.
        self.now += 1;
        let mut turn = Turn { now: self.now, storage: &mut self.storage, links: &NoLinks, surroundings: &Alone };
        self.channel.receive(&mut turn, member, frame)
    }

    /// Lets timers fire until none is left.
    fn rest(&mut self) -> Effects {
        let mut effects = Effects::new();
        for _ in 0..2 {
            self.now += SPELL;
            let mut turn = Turn { now: self.now, storage: &mut self.storage, links: &NoLinks, surroundings: &Alone };
            effects.extend(self.channel.timer(&mut turn));
        }
        effects
    }

    fn join(&mut self, member: usize) {
        let grant = Grant {
            user: UserId::parse(&format!("user-{member}")).expect("a user"),
            expires: Millis::MAX / 2,
            abilities: vec!["join".into(), "publish".into()],
            roles: Vec::new(),
            info: None,
            token_id: None,
            issued: None,
        };
        let fresh = Fresh {
            connection: ConnectionId::parse(&format!("connection-{member}")).expect("a connection"),
            epoch: Epoch::parse("epoch").expect("an epoch"),
        };
        let joining = Joining { grant: Some(grant), ..Joining::default() };
        let mut turn = Turn { now: self.now, storage: &mut self.storage, links: &NoLinks, surroundings: &Alone };
        let (key, _) = self.channel.join(&mut turn, fresh, joining);
        self.members.push(key);
    }
}

/// Links over which everything is read at once.
struct NoLinks;

impl Links for NoLinks {
    fn unsent(&self, _: SessionKey) -> u64 {
        0
    }

    fn unsent_over(&self, _: u64) -> Unsent {
        Unsent::default()
    }

    fn attachment(&self, _: SessionKey) -> String {
        String::new()
    }

    fn pinged(&self) -> Vec<(SessionKey, Millis)> {
        Vec::new()
    }
}

/// A platform that notes nothing, and whose chance is always the same.
struct Alone;

impl Surroundings for Alone {
    fn draw(&self) -> u64 {
        4
    }

    fn begins(&self, _: &str, _: Option<u32>) -> bool {
        true
    }

    fn ended(&self) {}
}

/// Nobody signs in over an open connection here.
struct NoTokens;

impl Verifier for NoTokens {
    fn verify(&self, _: &str, _: Millis) -> Result<Claims, Flaw> {
        Err(Flaw::Signature)
    }
}
