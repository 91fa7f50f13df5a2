//! What clients hear, and how they come back.

use dormouse_core::channel::{Fresh, Joining, Turn};
use dormouse_core::contract::Surroundings;
use dormouse_core::effect::{Effect, SessionKey};
use dormouse_core::relay::Connecting;
use dormouse_core::session::ResumeQuery;
use dormouse_core::storage::Storage;
use dormouse_protocol::name::{ChannelName, ConnectionId, Epoch};
use serde_json::{Value, json};

use super::{Due, PATIENCE, World};
use crate::client::{Place, State};
use crate::node::{Machine, Socket, claims};
use crate::rng::Rng;

impl World {
    /// A client hears something.
    pub(super) fn told(&mut self, client: usize, text: Option<String>) {
        let Some(text) = text else { return self.hang_up(client, true) };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let frames = match frame {
            Value::Array(frames) => frames,
            frame => vec![frame],
        };
        for frame in frames {
            match self.clients[client].place {
                Place::Channel(channel) => self.hears(client, channel, &frame),
                Place::Relay(_) => self.hears_of_relay(client, &frame),
            }
        }
    }

    pub(super) fn hears_of_relay(&mut self, client: usize, frame: &Value) {
        let channel = |frame: &Value| self.names.iter().position(|name| frame["channel"] == json!(name)).unwrap();
        match frame["type"].as_str().unwrap() {
            "hello" => {}
            "in" => {
                let channel = channel(frame);
                for frame in frame["frames"].as_array().unwrap() {
                    self.hears(client, channel, frame);
                }
            }
            "at" => {
                let channel = channel(frame);
                self.hears(client, channel, frame);
            }
            "ack" => {
                let channel = frame["id"].as_str().unwrap().strip_prefix("leave-").unwrap().parse().unwrap();
                let seat = self.clients[client].seats.get_mut(&channel).unwrap();
                (seat.gone, seat.state) = (true, State::Out);
            }
            // It said something on a channel that was ending just then.
            "error" => assert_eq!(frame["code"], json!("not_found"), "{frame}"),
            "bye" => {}
            other => panic!("{other}: {frame}"),
        }
    }

    pub(super) fn hears(&mut self, client: usize, channel: usize, frame: &Value) {
        let head = self.nodes[channel].storage.head().unwrap().map_or(0, |head| head.seq);
        let out = self.clients[client].hears(channel, frame, head);
        self.send_to(client, channel, out);
        let seat = &self.clients[client].seats[&channel];
        if frame["type"] == json!("bye") && seat.wanted {
            self.soon(PATIENCE, Due::Back { client });
        }
    }

    pub(super) fn come_back(&mut self, client: usize) {
        let place = self.clients[client].place;
        if self.clients[client].left {
            return;
        }
        if self.clients[client].online {
            return self.send_joins(client);
        }
        self.clients[client].online = true;
        let user = self.clients[client].user.clone();
        let fresh = Fresh {
            connection: ConnectionId::parse(&format!("c{:x}", self.rng.draw())).unwrap(),
            epoch: Epoch::parse(&format!("e{:x}", self.rng.draw())).unwrap(),
        };
        match place {
            Place::Relay(node) => {
                let connecting = Connecting { claims: Some(claims(&user)), address: None };
                self.enter(node, client, move |machine, turn| match machine {
                    Machine::Relay(relay) => relay.connect(turn, fresh, connecting),
                    Machine::Channel(_) => unreachable!(),
                });
                self.send_joins(client);
            }
            Place::Channel(node) => {
                let name = ChannelName::parse(&self.names[node]).unwrap();
                let seat = self.clients[client].seats.entry(node).or_default();
                seat.state = State::Joining;
                let after = seat.epoch.is_some().then(|| seat.seq.to_string());
                let resume = ResumeQuery { epoch: seat.epoch.clone(), after };
                let grant = Some(claims(&user).grant(&name));
                let joining = Joining { grant, resume, connection: seat.connection.clone(), ..Joining::default() };
                self.enter(node, client, move |machine, turn| match machine {
                    Machine::Channel(channel) => channel.join(turn, fresh, joining),
                    Machine::Relay(_) => unreachable!(),
                });
            }
        }
    }

    /// A socket is there before anything is told to it.
    pub(super) fn enter(
        &mut self,
        node: usize,
        client: usize,
        happen: impl FnOnce(&mut Machine, &mut Turn<'_>) -> (SessionKey, Vec<Effect>),
    ) {
        let rng = Rng::new(self.rng.draw());
        let (key, effects) = self.nodes[node].turn(self.now, &rng, happen);
        self.nodes[node].sockets.open.insert(key, Socket { client, since: self.since[client], ..Socket::default() });
        self.apply(node, effects);
    }
}
