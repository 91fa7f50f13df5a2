//! Channels, relays, clients and what is under way between them.

mod checks;
mod talk;

use std::collections::BTreeMap;
use std::rc::Rc;

use dormouse_core::contract::{Channel, Contract, Event, Json, Presence, Surroundings};
use dormouse_core::effect::{Effect, SessionKey};
use dormouse_protocol::name::{ChannelName, Millis};
use serde_json::{Value, json};

use super::Step;
use super::client::{Client, Place, State};
use super::node::{Ends, Machine, Node};
use super::rng::Rng;

const CHANNELS: usize = 2;
const RELAYS: usize = 2;
const BEGIN: Millis = 1_700_000_000_000;
/// How long a client waits before it comes back.
const PATIENCE: Millis = 300;

/// What may fail.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Of a hundred calls so many are lost, and of as many the answer.
    pub lost: u64,
}

impl Faults {
    pub const ALL: Self = Self { lost: 12 };
    pub const CALLS: Self = Self { lost: 25 };
    pub const NONE: Self = Self { lost: 0 };
}

/// What happens next.
#[derive(Debug)]
enum Due {
    /// A call reaches an object.
    Call { from: usize, to: usize, body: String, heard: bool, answered: bool, deaths: u64 },
    /// Its answer reaches who called, or that there is none.
    Answer { from: usize, to: usize, body: Option<String>, deaths: u64 },
    /// A text reaches a client, or the end of its connection.
    Told { client: usize, text: Option<String>, since: u64 },
    /// A text of a client reaches its object.
    Sent { client: usize, text: String, since: u64 },
    /// A client's connection ended, and its object learns of it.
    Closed { node: usize, client: usize, clean: bool, since: u64 },
    /// A client comes back.
    Back { client: usize },
}

pub struct World {
    now: Millis,
    faults: Faults,
    rng: Rng,
    names: Vec<String>,
    /// Channels first, then relays.
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// Counts each client's connections: what was under way on one is nobody's on the next.
    since: Vec<u64>,
    due: BTreeMap<(Millis, u64), Due>,
    count: u64,
    traced: bool,
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let room = Channel::with_token()
            .event::<Json>("say", Event::kept())
            .event::<Json>("hint", Event::ephemeral())
            .presence::<Json>(Presence::list());
        let contract = Rc::new(Contract::new().channel("room:*", room).check().unwrap());
        let names: Vec<_> = (0..CHANNELS).map(|each| format!("room:{each}")).collect();
        let channels = names.iter().map(|name| Node::new(name.clone(), true, &contract));
        let relays = (0..RELAYS).map(|each| Node::new(format!("/{each}"), false, &contract));
        let nodes = channels.chain(relays).collect();
        Self {
            now: BEGIN,
            faults,
            rng: Rng::new(seed),
            names: names.clone(),
            nodes,
            clients: Vec::new(),
            since: Vec::new(),
            due: BTreeMap::new(),
            count: 0,
            traced: std::env::var_os("TRACE").is_some(),
        }
    }

    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Connect { relay, user } => self.arrive(*user, Place::Relay(CHANNELS + usize::from(*relay) % RELAYS)),
            Step::ConnectDirect { channel, user } => {
                let channel = usize::from(*channel) % CHANNELS;
                self.arrive(*user, Place::Channel(channel));
                let client = self.clients.last_mut().unwrap();
                client.seats.entry(channel).or_default().wanted = true;
            }
            Step::Join { client, channel } => self.want(*client, *channel),
            Step::Leave { client, channel } => self.leave(*client, *channel),
            Step::Say { client, channel, kept } => self.say(*client, *channel, *kept),
            Step::Show { client, channel, shown } => self.show(*client, *channel, *shown),
            Step::Break { client, clean } => {
                if let Some(client) = self.choose(*client) {
                    self.hang_up(client, *clean);
                }
            }
            Step::Kill { channel, which, after } => {
                let which = usize::from(*which);
                let node = if *channel { which % CHANNELS } else { CHANNELS + which % RELAYS };
                match after {
                    Some(after) => self.nodes[node].doom = Some(*after),
                    None => self.kill(node),
                }
            }
            Step::Pass { millis } => self.pass(*millis),
        }
    }

    fn choose(&self, client: u8) -> Option<usize> {
        let there = (0..self.clients.len()).filter(|each| !self.clients[*each].left).collect::<Vec<_>>();
        (!there.is_empty()).then(|| there[usize::from(client) % there.len()])
    }

    fn seat(&self, client: u8, channel: u8) -> Option<(usize, usize)> {
        let client = self.choose(client)?;
        match self.clients[client].place {
            Place::Channel(only) => Some((client, only)),
            Place::Relay(_) => Some((client, usize::from(channel) % CHANNELS)),
        }
    }

    fn arrive(&mut self, user: u8, place: Place) {
        let name = self.clients.len();
        self.clients.push(Client::new(name, format!("u{}", user % 3), place));
        self.since.push(0);
        self.soon(1, Due::Back { client: name });
    }

    fn want(&mut self, client: u8, channel: u8) {
        let Some((client, channel)) = self.seat(client, channel) else { return };
        let direct = matches!(self.clients[client].place, Place::Channel(_));
        let seat = self.clients[client].seats.entry(channel).or_default();
        if !direct && !seat.left {
            seat.wanted = true;
        }
        self.send_joins(client);
    }

    fn leave(&mut self, client: u8, channel: u8) {
        let Some((client, channel)) = self.seat(client, channel) else { return };
        let direct = matches!(self.clients[client].place, Place::Channel(_));
        let Some(seat) = self.clients[client].seats.get_mut(&channel) else { return };
        if direct || seat.state != State::In || !seat.pending.is_empty() {
            return;
        }
        // It never comes back, so that whatever it hears is too much.
        (seat.wanted, seat.left) = (false, true);
        let id = format!("leave-{channel}");
        self.send(client, vec![json!({"type": "leave", "id": id, "channel": self.names[channel]})]);
    }

    fn say(&mut self, client: u8, channel: u8, kept: bool) {
        let Some((client, channel)) = self.seat(client, channel) else { return };
        let id = self.clients[client].id();
        let Some(seat) = self.clients[client].seats.get_mut(&channel) else { return };
        if seat.state != State::In || !seat.wanted {
            return;
        }
        let event = if kept { "say" } else { "hint" };
        let mut frame = json!({"type": "publish", "event": event, "data": 1});
        if kept {
            frame["id"] = json!(id);
            seat.pending.push_back((id, frame.clone()));
        }
        self.send_to(client, channel, vec![frame]);
    }

    fn show(&mut self, client: u8, channel: u8, shown: bool) {
        let Some((client, channel)) = self.seat(client, channel) else { return };
        let Some(seat) = self.clients[client].seats.get_mut(&channel) else { return };
        if seat.state == State::In && seat.wanted {
            seat.has_shown = true;
            let data = if shown { json!(1) } else { Value::Null };
            self.send_to(client, channel, vec![json!({"type": "presence", "data": data})]);
        }
    }

    fn soon(&mut self, after: Millis, due: Due) {
        self.count += 1;
        self.due.insert((self.now + after, self.count), due);
    }

    fn send(&mut self, client: usize, frames: Vec<Value>) {
        if frames.is_empty() || !self.clients[client].online {
            return;
        }
        let text = if frames.len() == 1 { frames[0].to_string() } else { Value::from(frames).to_string() };
        let since = self.since[client];
        self.soon(1, Due::Sent { client, text, since });
    }

    fn send_to(&mut self, client: usize, channel: usize, mut frames: Vec<Value>) {
        if matches!(self.clients[client].place, Place::Relay(_)) {
            frames.iter_mut().for_each(|frame| frame["channel"] = json!(self.names[channel]));
        }
        self.send(client, frames);
    }

    fn send_joins(&mut self, client: usize) {
        if !self.clients[client].online || matches!(self.clients[client].place, Place::Channel(_)) {
            return;
        }
        let joins = self.clients[client].joins(&self.names);
        self.send(client, joins);
    }

    /// A client's connection ends, by itself or by its network.
    fn hang_up(&mut self, client: usize, clean: bool) {
        if !self.clients[client].online {
            return;
        }
        let node = self.node_of(client);
        self.clients[client].offline();
        let since = self.since[client];
        self.since[client] += 1;
        self.soon(1, Due::Closed { node, client, clean, since });
        self.soon(PATIENCE, Due::Back { client });
    }

    fn node_of(&self, client: usize) -> usize {
        match self.clients[client].place {
            Place::Relay(node) | Place::Channel(node) => node,
        }
    }

    fn kill(&mut self, node: usize) {
        for client in self.nodes[node].die() {
            if self.clients[client].online {
                self.clients[client].offline();
                self.since[client] += 1;
                self.soon(PATIENCE, Due::Back { client });
            }
        }
    }

    /// Lets time pass, and all that comes in it.
    fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.happen();
        }
        self.now = until;
    }

    fn next_at(&self) -> Option<Millis> {
        let due = self.due.keys().next().map(|(at, _)| *at);
        let clocks = self.nodes.iter().flat_map(|node| [node.timer, node.alarm, node.sleeps_at()]).flatten();
        due.into_iter().chain(clocks).min()
    }

    fn happen(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].timer.is_some_and(|at| at <= self.now) {
                self.nodes[node].timer = None;
                return self.turn(node, |machine, turn| match machine {
                    Machine::Channel(channel) => ((), channel.timer(turn)),
                    Machine::Relay(relay) => ((), relay.timer(turn)),
                });
            }
            if self.nodes[node].alarm.is_some_and(|at| at <= self.now) {
                self.nodes[node].alarm = None;
                return self.turn(node, |machine, turn| match machine {
                    Machine::Channel(channel) => ((), channel.alarm(turn)),
                    Machine::Relay(relay) => ((), relay.alarm(turn)),
                });
            }
        }
        if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let due = entry.remove();
            return self.come(due);
        }
        self.nodes.iter_mut().for_each(|node| node.sleep_if_quiet(self.now));
    }

    fn come(&mut self, due: Due) {
        if self.traced {
            println!("{}: {due:?}", self.now - BEGIN);
        }
        match due {
            Due::Call { from, to, body, heard, answered, deaths } => {
                let mut answer = None;
                if heard {
                    let died = self.nodes[to].deaths;
                    let said = self.turn(to, |machine, turn| match machine {
                        Machine::Channel(channel) => channel.relay_called(turn, &body),
                        Machine::Relay(relay) => relay.called(turn, &body),
                    });
                    answer = (answered && died == self.nodes[to].deaths).then_some(said);
                }
                let late = 1 + self.rng.below(20) + if answer.is_none() { 2_000 } else { 0 };
                self.soon(late, Due::Answer { from: to, to: from, body: answer, deaths });
            }
            Due::Answer { from, to, body, deaths } => {
                if self.nodes[to].deaths != deaths {
                    return;
                }
                self.nodes[to].calling -= 1;
                let name = self.nodes[from].name.clone();
                self.turn(to, |machine, turn| match machine {
                    Machine::Channel(channel) => ((), channel.relay_answered(turn, &name, body.as_deref())),
                    Machine::Relay(relay) => {
                        let name = ChannelName::parse(&name).unwrap();
                        ((), relay.answered(turn, &name, body.as_deref()))
                    }
                });
            }
            Due::Told { client, text, since } => {
                if self.since[client] == since {
                    self.told(client, text);
                }
            }
            Due::Sent { client, text, since } => {
                if self.since[client] != since {
                    return;
                }
                let node = self.node_of(client);
                self.turn_with_key(node, (client, since), move |machine, turn, key| match machine {
                    Machine::Channel(channel) => channel.receive(turn, key, &text),
                    Machine::Relay(relay) => relay.receive(turn, key, &text),
                });
            }
            Due::Closed { node, client, clean, since } => {
                self.turn_with_key(node, (client, since), move |machine, turn, key| match machine {
                    Machine::Channel(channel) => channel.close(turn, key, clean),
                    Machine::Relay(relay) => relay.close(turn, key, clean),
                });
                self.nodes[node].sockets.open.retain(|_, socket| (socket.client, socket.since) != (client, since));
            }
            Due::Back { client } => self.come_back(client),
        }
    }

    fn key(&self, node: usize, ends: Ends) -> Option<SessionKey> {
        let mut open = self.nodes[node].sockets.open.iter();
        open.find(|(_, socket)| (socket.client, socket.since) == ends).map(|(key, _)| *key)
    }

    /// A turn over a socket, whose key is another once the object has woken.
    fn turn_with_key(
        &mut self,
        node: usize,
        ends: Ends,
        happen: impl FnOnce(&mut Machine, &mut dormouse_core::channel::Turn<'_>, SessionKey) -> Vec<Effect>,
    ) {
        if self.key(node, ends).is_none() {
            return;
        }
        if self.nodes[node].memory.is_none() {
            // Wakes it, so that the key is known.
            let rng = Rng::new(self.rng.draw());
            let waked = |machine: &mut Machine, turn: &mut dormouse_core::channel::Turn<'_>| match machine {
                Machine::Channel(channel) => ((), channel.timer(turn)),
                Machine::Relay(relay) => ((), relay.timer(turn)),
            };
            let ((), effects) = self.nodes[node].turn(self.now, &rng, waked);
            self.apply(node, effects);
        }
        let Some(key) = self.key(node, ends) else { return };
        self.turn(node, |machine, turn| ((), happen(machine, turn, key)));
    }

    fn turn<T>(
        &mut self,
        node: usize,
        happen: impl FnOnce(&mut Machine, &mut dormouse_core::channel::Turn<'_>) -> (T, Vec<Effect>),
    ) -> T {
        let rng = Rng::new(self.rng.draw());
        let (answer, effects) = self.nodes[node].turn(self.now, &rng, happen);
        self.apply(node, effects);
        answer
    }

    fn apply(&mut self, node: usize, effects: Vec<Effect>) {
        let doom = self.nodes[node].doom.take().map(usize::from);
        // The alarm is on disk with the rows.
        let (alarms, others): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::Alarm { .. }));
        for effect in others.into_iter().take(doom.unwrap_or(usize::MAX)).chain(alarms) {
            let mut told = Vec::new();
            if let Some(call) = self.nodes[node].apply(self.now, effect, &mut told) {
                self.call(node, call);
            }
            for ((client, since), text) in told {
                self.soon(1, Due::Told { client, text, since });
            }
        }
        if doom.is_some() {
            self.kill(node);
        }
    }

    fn call(&mut self, from: usize, call: Effect) {
        let (name, body) = match call {
            Effect::CallChannel { channel, body } => (channel.to_string(), body),
            Effect::CallRelay { relay, body } => (relay, body),
            other => panic!("{other:?}"),
        };
        let to = self.nodes.iter().position(|node| node.name == name).unwrap();
        self.nodes[from].calling += 1;
        let heard = !self.rng.chance(self.faults.lost);
        let answered = !self.rng.chance(self.faults.lost);
        let deaths = self.nodes[from].deaths;
        let late = 1 + self.rng.below(20);
        self.soon(late, Due::Call { from, to, body, heard, answered, deaths });
    }
}
