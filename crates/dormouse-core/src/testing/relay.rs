//! [`Relay`]: an object between the clients of a world and its channel.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::seeded::Seeded;
use super::socket::Client;
use super::tokens::Tokens;
use crate::channel::{Effects, Links, Turn, Unsent};
use crate::contract::Contract;
use crate::effect::SessionKey;
use crate::limits::Limits;
use crate::relay::{RelayConfig, RelayMachine};
use crate::storage::MemoryStorage;
use dormouse_protocol::name::Millis;

/// A relay with all that is around it. It never sleeps, and what it and the channel say to each other is never lost.
pub(super) struct Relay {
    machine: RelayMachine,
    storage: MemoryStorage,
    surroundings: Seeded,
    /// Whose each of its connections is.
    pub(super) clients: BTreeMap<SessionKey, Client>,
    pub(super) timer: Option<Millis>,
    pub(super) alarm: Option<Millis>,
    /// What the two say to each other and was not carried yet.
    pub(super) calls: VecDeque<Exchange>,
    pub(super) is_carrying: bool,
}

/// What one says to the other.
pub(super) enum Exchange {
    ToChannel(String),
    ToRelay(String),
}

impl Relay {
    /// The name under which the channel knows it.
    pub(super) const NAME: &'static str = "/0";

    pub(super) fn new(contract: Contract, limits: Limits) -> Self {
        let (name, contract) = (Self::NAME.to_owned(), Rc::new(contract));
        let config = RelayConfig { name, contract, limits, verifier: Rc::new(Tokens) };
        Self {
            machine: RelayMachine::restore(config, Vec::new(), true),
            storage: MemoryStorage::default(),
            surroundings: Seeded::new(1),
            clients: BTreeMap::new(),
            timer: None,
            alarm: None,
            calls: VecDeque::new(),
            is_carrying: false,
        }
    }

    /// What happens to the machine; what it wants done is not done yet.
    pub(super) fn turn<T>(
        &mut self,
        now: Millis,
        happen: impl FnOnce(&mut RelayMachine, &mut Turn<'_>) -> (T, Effects),
    ) -> (T, Effects) {
        let (storage, surroundings) = (&mut self.storage, &self.surroundings);
        happen(&mut self.machine, &mut Turn { now, storage, links: &Nothing, surroundings })
    }

    /// The key of a client's connection, while it is open.
    pub(super) fn key(&self, client: Client) -> Option<SessionKey> {
        self.clients.iter().find(|(_, it)| **it == client).map(|(key, _)| *key)
    }

    /// When its timer or its alarm fires next.
    pub(super) fn due(&self) -> Option<Millis> {
        [self.timer, self.alarm].into_iter().flatten().min()
    }
}

/// Clients that read all they are told.
struct Nothing;

impl Links for Nothing {
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
