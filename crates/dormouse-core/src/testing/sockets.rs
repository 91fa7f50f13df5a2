//! All sockets of a world, and what the machine sees of them.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::socket::{Client, Socket};
use crate::channel::{Links, Unsent};
use crate::effect::{SessionKey, Subscription};
use dormouse_protocol::name::Millis;

/// The sockets of all clients there ever were, and the machine's keys of those that are open.
#[derive(Default)]
pub(super) struct Sockets {
    all: Vec<Socket>,
    open: BTreeMap<SessionKey, Client>,
    keys: BTreeMap<Client, SessionKey>,
    /// How many attachments were read whole.
    read: Cell<u64>,
}

impl Sockets {
    pub(super) fn connect(&mut self, key: SessionKey) -> Client {
        let client = self.add();
        assert_eq!(self.open.insert(key, client), None, "a key given out twice");
        self.keys.insert(client, key);
        client
    }

    /// The socket of one that the machine knows by no key.
    pub(super) fn add(&mut self) -> Client {
        let client = Client(self.all.len());
        self.all.push(Socket::default());
        client
    }

    pub(super) fn of_mut(&mut self, client: Client) -> &mut Socket {
        &mut self.all[client.0]
    }

    pub(super) fn disconnect(&mut self, client: Client) {
        if let Some(key) = self.keys.remove(&client) {
            self.open.remove(&key);
        }
    }

    /// All break unseen.
    pub(super) fn break_all(&mut self) {
        self.rename(Vec::new());
    }

    /// Gives the open ones new keys, as a machine that wakes does. Who hears what is not kept through sleep.
    pub(super) fn wake(&mut self) {
        self.open.values().for_each(|client| self.all[client.0].subscription = None);
        self.rename(self.open.values().copied().collect());
    }

    fn rename(&mut self, open: Vec<Client>) {
        self.keys = open.iter().copied().zip((0..).map(SessionKey)).collect();
        self.open = (0..).map(SessionKey).zip(open).collect();
    }

    /// Every socket there ever was, in the order in which the clients joined.
    pub(super) fn all(&self) -> &[Socket] {
        &self.all
    }

    pub(super) fn all_mut(&mut self) -> &mut [Socket] {
        &mut self.all
    }

    /// The open ones, by key.
    pub(super) fn open(&self) -> impl Iterator<Item = (SessionKey, &Socket)> {
        self.open.iter().map(|(key, client)| (*key, &self.all[client.0]))
    }

    /// The keys of those that hear a broadcast.
    pub(super) fn hearing(&self, subscription: Subscription, except: &[SessionKey]) -> Vec<SessionKey> {
        let hears = |(key, socket): (SessionKey, &Socket)| {
            (socket.subscription == Some(subscription) && !except.contains(&key)).then_some(key)
        };
        self.open().filter_map(hears).collect()
    }

    pub(super) fn by_key_mut(&mut self, key: SessionKey) -> Option<&mut Socket> {
        self.all.get_mut(self.open.get(&key)?.0)
    }

    fn by_key(&self, key: SessionKey) -> Option<&Socket> {
        self.all.get(self.open.get(&key)?.0)
    }

    /// The machine's key of a client; a client that is gone has none.
    pub(super) fn key(&self, client: Client) -> Option<SessionKey> {
        self.keys.get(&client).copied()
    }

    pub(super) const fn attachments_read(&self) -> u64 {
        self.read.get()
    }
}

impl Links for Sockets {
    fn unsent(&self, session: SessionKey) -> u64 {
        self.by_key(session).map_or(0, |socket| socket.unsent)
    }

    fn unsent_over(&self, bytes: u64) -> Unsent {
        let over = self.open().filter(|(_, socket)| socket.unsent > bytes).map(|(key, socket)| (key, socket.unsent));
        Unsent { total: self.open().map(|(_, socket)| socket.unsent).sum(), over: over.collect() }
    }

    fn attachment(&self, session: SessionKey) -> String {
        self.read.set(self.read.get() + 1);
        self.by_key(session).map_or_else(String::new, |socket| socket.attachment.clone())
    }

    fn pinged(&self) -> Vec<(SessionKey, Millis)> {
        self.open().filter_map(|(key, socket)| Some((key, socket.pinged?))).collect()
    }
}
