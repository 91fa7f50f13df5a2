//! What happens to the channel by its sockets.

use serde_json::{Value, json};

use super::World;
use crate::channel::{Joining, Unreadable};
use crate::session::ResumeQuery;
use crate::testing::joiner::AsJoiner;
use crate::testing::socket::Client;
use dormouse_protocol::name::Address;

impl<A> World<A> {
    /// Someone joins and is told welcome, or bye.
    pub fn join(&mut self, joiner: &(impl AsJoiner + ?Sized)) -> Client {
        let joiner = joiner.as_joiner();
        if self.relay.is_some() {
            return self.join_relay(&joiner);
        }
        let grant = joiner.grant(&self.name, self.clock.now);
        let resume = ResumeQuery { epoch: joiner.epoch.clone(), after: joiner.after.clone() };
        let address = joiner.address.as_deref().map(Address::of);
        let joining = Joining { grant, resume, connection: joiner.connection.clone(), address, relayed: false };
        let fresh = self.fresh();
        let (key, effects) = self.turn(|channel, turn| channel.join(turn, fresh, joining));
        let client = self.sockets.connect(key);
        self.apply_all(effects);
        client
    }

    /// Joins, settles, and forgets what was received so far, by whomever.
    pub fn joined(&mut self, joiner: &(impl AsJoiner + ?Sized)) -> Client {
        let client = self.join(joiner);
        self.drain();
        for socket in self.sockets.all_mut() {
            socket.pass_over();
        }
        client
    }

    /// A client sends one frame, or an array of them.
    pub fn send(&mut self, client: Client, frame: Value) {
        self.send_text(client, &frame.to_string());
    }

    /// A client sends a text; one whose connection is gone sends into the void.
    pub fn send_text(&mut self, client: Client, text: &str) {
        if self.relay.is_some() {
            return self.send_relay(client, text);
        }
        if let Some(key) = self.key_awake(client) {
            self.event(|channel, turn| channel.receive(turn, key, text));
        }
    }

    /// A client sends a frame that is refused unread.
    pub fn send_unreadable(&mut self, client: Client, what: Unreadable) {
        if self.relay.is_some() {
            return self.send_relay_unreadable(client, what);
        }
        if let Some(key) = self.key_awake(client) {
            self.event(|channel, turn| channel.receive_unreadable(turn, key, what));
        }
    }

    /// A client publishes under a new id, which is returned, and everybody is told what came of it.
    pub fn publish(&mut self, client: Client, event: &str, data: impl Into<Value>) -> String {
        let id = format!("r{}", self.draw());
        self.send(client, json!({"type": "publish", "id": id, "event": event, "data": data.into()}));
        self.drain();
        id
    }

    /// The platform answers `ping` without waking the channel (rule H2).
    pub fn ping(&mut self, client: Client) {
        let now = self.clock.now;
        self.socket_mut(client).pinged = Some(now);
    }

    /// The client closes its socket by a handshake.
    pub fn leave(&mut self, client: Client) {
        self.disconnect(client, true);
    }

    /// The client's connection breaks.
    pub fn cut(&mut self, client: Client) {
        self.disconnect(client, false);
    }

    fn disconnect(&mut self, client: Client, clean: bool) {
        if self.relay.is_some() {
            return self.leave_relay(client, clean);
        }
        let Some(key) = self.key_awake(client) else { return };
        let effects = self.turn(|channel, turn| channel.close(turn, key, clean));
        self.sockets.disconnect(client);
        self.apply_all(effects);
    }
}
