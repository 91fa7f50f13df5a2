//! Who is thrown out: only where that is on disk, and it hears and says nothing after (rule C2).

use std::collections::BTreeMap;

use dormouse_core::testing::Client;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use super::story::{Held, Story};

/// Who was thrown out so far.
#[derive(Debug, Default)]
pub struct Kicked {
    /// Each client that was, and by which message.
    clients: BTreeMap<Client, u64>,
    /// Each connection that was, and by which message.
    connections: BTreeMap<String, u64>,
    /// How many messages were looked at.
    read: usize,
}

impl Story {
    /// Looks at one more frame that a client was told.
    pub fn kick_is_right(&mut self, client: Client, frame: &Value) -> Held {
        let thrown = self.kicked.clients.get(&client).copied();
        match frame["type"].as_str().unwrap() {
            "message" => {
                prop_assert_eq!(thrown, None, "C2: was thrown out, and hears {}", frame);
                let seq = frame["seq"].as_u64().unwrap_or_default();
                let welcomed = self.world.welcome(client);
                let fresh = seq > welcomed["seq"].as_u64().unwrap();
                if fresh && self.history.kicks.get(&seq).is_some_and(|user| welcomed["user"] == user.as_str()) {
                    self.kicked.clients.insert(client, seq);
                    self.kicked.connections.insert(self.world.connection(client), seq);
                }
            }
            "welcome" => drop(self.kicked.connections.remove(&self.world.connection(client))),
            "bye" if frame["code"] == 4008 => prop_assert!(thrown.is_some(), "C2: thrown out by nothing on disk"),
            _ => {}
        }
        Ok(())
    }

    /// Who was thrown out is gone, and what it said after is said by nobody.
    pub fn kicked_are_gone(&mut self) -> Held {
        let living = self.kicked.clients.keys().find(|client| self.lives(**client));
        prop_assert!(living.is_none(), "C2: {:?} was thrown out, and is here", living);
        for message in &self.history.messages[self.kicked.read..] {
            let connection = message["from"]["connection"].as_str().unwrap_or_default();
            let thrown = self.kicked.connections.get(connection);
            let after = thrown.is_some_and(|seq| message["seq"].as_u64() > Some(*seq));
            prop_assert!(!after, "C2: was thrown out, and says {}", message);
        }
        self.kicked.read = self.history.messages.len();
        Ok(())
    }
}
