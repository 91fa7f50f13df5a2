//! One relay, the channels that its connections ask for, and what each connection heard. Calls are carried at once and in
//! their order.

use std::collections::VecDeque;
use std::rc::Rc;

use dormouse_core::channel::{Effects, Fresh, Turn, Unreadable};
use dormouse_core::contract::{Ability, Channel, Contract, Event, Json, Presence};
use dormouse_core::effect::{Effect, SessionKey};
use dormouse_core::grant::Claims;
use dormouse_core::relay::{Connecting, RelayMachine};
use dormouse_core::testing::v8_bytes;
use dormouse_protocol::name::{ChannelName, ConnectionId, Epoch, Millis};
use serde_json::{Value, json};

use crate::node::{Machine, Node, Socket, claims};
use crate::rng::Rng;

/// When every bench begins.
pub const BEGIN: Millis = 1_700_000_000_000;
/// What an attachment may have (rule H3).
const ATTACHMENT_MAX: usize = 16_384;
const RELAY: usize = 0;

pub struct Bench {
    pub now: Millis,
    /// The relay, and the channels as they were first called.
    pub nodes: Vec<Node>,
    /// Whether every call fails.
    pub lost: bool,
    rng: Rng,
    ears: Vec<Ear>,
    calls: VecDeque<(usize, Effect)>,
    contract: Rc<Contract>,
    /// The errors that were logged.
    pub errors: Vec<String>,
}

/// What one connection heard.
#[derive(Default)]
struct Ear {
    frames: Vec<Value>,
    read: usize,
    code: Option<u16>,
}

pub fn join(channel: &str) -> Value {
    json!({"type": "join", "channel": channel})
}

pub fn say(channel: &str, id: &str) -> Value {
    json!({"type": "publish", "channel": channel, "event": "say", "id": id, "data": 1})
}

/// The frames of this channel among those heard, taken out of their envelopes.
pub fn inside(heard: &[Value], channel: &str) -> Vec<Value> {
    let of = heard.iter().filter(|frame| frame["type"] == "in" && frame["channel"] == channel);
    of.flat_map(|frame| frame["frames"].as_array().unwrap().clone()).collect()
}

/// As [`inside`], without who comes and goes.
pub fn said(heard: &[Value], channel: &str) -> Vec<Value> {
    inside(heard, channel).into_iter().filter(|frame| frame["type"] != "presence").collect()
}

/// What frames are.
pub fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

impl Bench {
    pub fn new() -> Self {
        let of = |entry: Channel| {
            entry
                .event::<Json>("say", Event::kept())
                .event::<Json>("hint", Event::ephemeral())
                .presence::<Json>(Presence::list())
        };
        let contract = Contract::new()
            .channel("room:*", of(Channel::with_token()))
            .channel("open:*", of(Channel::for_anyone().grants([Ability::Publish])));
        let contract = Rc::new(contract.check().unwrap());
        let nodes = vec![Node::new("/0".to_owned(), false, &contract)];
        let (ears, calls, errors) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { now: BEGIN, nodes, lost: false, rng: Rng::new(7), ears, calls, contract, errors }
    }

    pub fn relay(&mut self) -> &mut Node {
        &mut self.nodes[RELAY]
    }

    pub fn channel(&mut self, name: &str) -> &mut Node {
        let place = self.place(name);
        &mut self.nodes[place]
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.nodes.iter().position(|node| node.name == name) {
            return place;
        }
        self.nodes.push(Node::new(name.to_owned(), true, &self.contract));
        self.nodes.len() - 1
    }

    /// Someone connects; it has heard `hello`.
    pub fn connects(&mut self, user: &str) -> usize {
        let client = self.connects_with(Some(claims(user)));
        self.heard(client);
        client
    }

    pub fn connects_with(&mut self, claims: Option<Claims>) -> usize {
        let fresh = Fresh {
            connection: ConnectionId::parse(&format!("c{}", self.ears.len())).unwrap(),
            epoch: Epoch::parse(&format!("e{}", self.ears.len())).unwrap(),
        };
        let connecting = Connecting { claims, address: None };
        let (key, effects) = self.turn(RELAY, |machine, turn| relay(machine).connect(turn, fresh, connecting));
        let client = self.ears.len();
        self.ears.push(Ear::default());
        self.relay().sockets.open.insert(key, Socket { client, ..Socket::default() });
        self.apply(RELAY, effects);
        self.settle();
        client
    }

    /// A connection that is in these channels, and has heard all that comes of it.
    pub fn joins(&mut self, user: &str, channels: &[&str]) -> usize {
        let client = self.connects(user);
        for channel in channels {
            let heard = self.asks(client, join(channel));
            assert_eq!(inside(&heard, channel)[0]["type"], "welcome", "{heard:?}");
        }
        self.deafen();
        client
    }

    /// Sends something; what this connection hears of it.
    pub fn asks(&mut self, client: usize, frame: Value) -> Vec<Value> {
        self.sends(client, &frame.to_string());
        self.pass(200);
        self.heard(client)
    }

    /// What a request is refused with, and no more.
    #[track_caller]
    pub fn refuses(&mut self, client: usize, frame: Value, code: &str) -> Value {
        let heard = self.asks(client, frame);
        let [refusal] = heard.as_slice() else { panic!("one refusal, not {heard:?}") };
        assert_eq!((&refusal["type"], &refusal["code"]), (&json!("error"), &json!(code)), "{refusal}");
        refusal.clone()
    }

    pub fn sends(&mut self, client: usize, text: &str) {
        self.on_socket(client, |relay, turn, key| relay.receive(turn, key, text));
    }

    pub fn sends_unreadable(&mut self, client: usize, what: Unreadable) {
        self.on_socket(client, |relay, turn, key| relay.receive_unreadable(turn, key, what));
    }

    pub fn closes(&mut self, client: usize, clean: bool) {
        self.on_socket(client, |relay, turn, key| relay.close(turn, key, clean));
        self.relay().sockets.open.retain(|_, socket| socket.client != client);
    }

    pub fn socket(&mut self, client: usize) -> &mut Socket {
        self.relay().sockets.open.values_mut().find(|socket| socket.client == client).unwrap()
    }

    /// What a connection has heard since it was last asked.
    pub fn heard(&mut self, client: usize) -> Vec<Value> {
        let ear = &mut self.ears[client];
        let heard = ear.frames[ear.read..].to_vec();
        ear.read = ear.frames.len();
        heard
    }

    pub fn deafen(&mut self) {
        self.ears.iter_mut().for_each(|ear| ear.read = ear.frames.len());
    }

    /// The code with which the relay has closed it.
    pub fn closed(&self, client: usize) -> Option<u16> {
        self.ears[client].code
    }

    /// The users on a channel's list, as somebody sees it who joins now.
    pub fn present(&mut self, channel: &str) -> Vec<String> {
        let eye = self.connects("eye");
        let heard = self.asks(eye, join(channel));
        let welcome = &inside(&heard, channel)[0];
        let members = welcome["members"].as_array().unwrap().iter();
        let users = members.map(|member| member["user"].as_str().unwrap().to_owned()).filter(|user| user != "eye");
        let mut users: Vec<_> = users.collect();
        users.sort();
        self.closes(eye, true);
        self.pass(200);
        users
    }

    /// All have slept: memory is gone, sockets stay.
    pub fn sleep(&mut self) {
        self.pass(6_000);
        self.nodes.iter_mut().for_each(|node| {
            assert_eq!((node.timer, node.calling), (None, 0), "{} cannot sleep", node.name);
            node.memory = None;
        });
    }

    /// A call that nobody sent.
    pub fn call(&mut self, name: &str, body: &str) -> String {
        let place = self.place(name);
        let (answer, effects) = self.turn(place, |machine, turn| match machine {
            Machine::Channel(channel) => channel.relay_called(turn, body),
            Machine::Relay(relay) => relay.called(turn, body),
        });
        self.apply(place, effects);
        self.settle();
        answer
    }

    pub fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        loop {
            let due = |node: &Node| node.timer.into_iter().chain(node.alarm).min();
            let next = (0..self.nodes.len()).filter_map(|place| Some((due(&self.nodes[place])?, place))).min();
            let Some((at, place)) = next.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            let node = &mut self.nodes[place];
            let timer = node.timer.take_if(|timer| *timer <= at).is_some();
            if !timer {
                node.alarm = None;
            }
            let ((), effects) = self.turn(place, |machine, turn| match (machine, timer) {
                (Machine::Channel(channel), true) => ((), channel.timer(turn)),
                (Machine::Channel(channel), false) => ((), channel.alarm(turn)),
                (Machine::Relay(relay), true) => ((), relay.timer(turn)),
                (Machine::Relay(relay), false) => ((), relay.alarm(turn)),
            });
            self.apply(place, effects);
            self.settle();
        }
        self.now = until;
    }

    fn on_socket(
        &mut self,
        client: usize,
        happen: impl FnOnce(&mut RelayMachine, &mut Turn<'_>, SessionKey) -> Effects,
    ) {
        if self.relay().memory.is_none() {
            // Wakes it, so that the key is known.
            let ((), effects) = self.turn(RELAY, |machine, turn| ((), relay(machine).timer(turn)));
            self.apply(RELAY, effects);
        }
        let mut open = self.nodes[RELAY].sockets.open.iter();
        let Some(key) = open.find(|(_, socket)| socket.client == client).map(|(key, _)| *key) else { return };
        let ((), effects) = self.turn(RELAY, |machine, turn| ((), happen(relay(machine), turn, key)));
        self.apply(RELAY, effects);
        self.settle();
    }

    fn turn<T>(
        &mut self,
        place: usize,
        happen: impl FnOnce(&mut Machine, &mut Turn<'_>) -> (T, Effects),
    ) -> (T, Effects) {
        self.nodes[place].turn(self.now, &self.rng, happen)
    }

    fn apply(&mut self, place: usize, effects: Effects) {
        for effect in effects {
            match &effect {
                Effect::HangUp { session, code, .. } => {
                    let client = self.nodes[place].sockets.open[session].client;
                    self.ears[client].code = Some(*code);
                }
                Effect::SaveAttachment { attachment, .. } => {
                    let bytes = v8_bytes(attachment);
                    assert!(bytes <= ATTACHMENT_MAX, "an attachment of {bytes} bytes");
                }
                Effect::Log(line) => self.errors.extend(line.detail.clone()),
                _ => {}
            }
            let mut told = Vec::new();
            if let Some(call) = self.nodes[place].apply(self.now, effect, &mut told) {
                self.nodes[place].calling += 1;
                self.calls.push_back((place, call));
            }
            for ((client, _), text) in told {
                self.ears[client].frames.extend(text.map(|text| serde_json::from_str::<Value>(&text).unwrap()));
            }
        }
    }

    /// Carries all calls.
    fn settle(&mut self) {
        while let Some((from, call)) = self.calls.pop_front() {
            let (name, body) = match call {
                Effect::CallChannel { channel, body } => (channel.to_string(), body),
                Effect::CallRelay { relay, body } => (relay, body),
                other => panic!("{other:?}"),
            };
            let to = self.place(&name);
            let answer = (!self.lost).then(|| {
                let (answer, effects) = self.turn(to, |machine, turn| match machine {
                    Machine::Channel(channel) => channel.relay_called(turn, &body),
                    Machine::Relay(relay) => relay.called(turn, &body),
                });
                self.apply(to, effects);
                answer
            });
            self.nodes[from].calling -= 1;
            let ((), effects) = self.turn(from, |machine, turn| match machine {
                Machine::Channel(channel) => ((), channel.relay_answered(turn, &name, answer.as_deref())),
                Machine::Relay(relay) => {
                    let name = ChannelName::parse(&name).unwrap();
                    ((), relay.answered(turn, &name, answer.as_deref()))
                }
            });
            self.apply(from, effects);
        }
    }
}

fn relay(machine: &mut Machine) -> &mut RelayMachine {
    match machine {
        Machine::Relay(relay) => relay,
        Machine::Channel(_) => panic!("a channel"),
    }
}
