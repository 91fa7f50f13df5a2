//! Plays a story: devices and the requests they keep, other servers, and the world around.

use std::collections::BTreeMap;

use dormouse_core::contract::Application as _;
use dormouse_core::limits::Limits;
use dormouse_core::testing::{AskerKey, Client, HttpOperation, Sleep, World};
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::asked::{How, What};
use super::clock::Steps;
use super::history::History;
use super::kicked::Kicked;
use super::script::{DEVICES, Op, Script};
use super::tally::Tally;
use super::ticking::Beat;
use crate::support::Joiner;

pub type Held = Result<(), TestCaseError>;

/// What somebody says or asks.
#[derive(Clone, Debug)]
pub struct Request {
    pub user: &'static str,
    pub id: String,
    pub frame: Value,
    /// Whether it has one effect however often it is sent.
    pub once: bool,
    /// The earliest that the clock has shown when it may have come.
    pub first: u64,
    /// The latest that the clock has shown since, before it was last set.
    pub latest: u64,
    pub sent: u64,
    /// How often it was refused.
    pub refused: u64,
}

/// A channel, what is around it, and what is known of it.
pub struct Story {
    pub world: World<Tally>,
    pub history: History,
    pub devices: [Option<Client>; DEVICES],
    /// Everyone there ever was.
    pub clients: Vec<Client>,
    /// By the number in its data, from 0.
    pub requests: Vec<Request>,
    /// How often a connection has asked for an answer, by its id.
    pub waiting: BTreeMap<(Client, String), usize>,
    /// How many frames of each client were looked at.
    pub looked_at: BTreeMap<Client, usize>,
    /// The reply to each remembered call.
    pub replies: BTreeMap<u64, Value>,
    pub posted: BTreeMap<AskerKey, u64>,
    /// The requests that other servers got, by their keys: for which request of a device.
    pub served: BTreeMap<String, u64>,
    pub kicked: Kicked,
    pub steps: Steps,
    /// How late a timer may be where nothing goes wrong, in milliseconds: by as long as a batch may stay open.
    pub patience: u64,
    /// Whether a process has died.
    pub died: bool,
    /// Whether the disk was ever full.
    pub was_full: bool,
}

impl Story {
    fn new(sleep: Sleep, slow: bool) -> Self {
        let mut world = World::under(Tally::contract(), "tally:a", sleep);
        world.limits = Limits { dedupe_count: 100_000, refusals_in_a_row: 1_000, ..Limits::default() };
        let flush_ms_max = world.limits.flush_ms_max;
        if slow {
            world.limits.flush_cost_us_per_member = 1_000_000;
        }
        Self {
            world,
            history: History::new(),
            devices: [None; DEVICES],
            clients: Vec::new(),
            requests: Vec::new(),
            waiting: BTreeMap::new(),
            looked_at: BTreeMap::new(),
            replies: BTreeMap::new(),
            posted: BTreeMap::new(),
            served: BTreeMap::new(),
            kicked: Kicked::default(),
            steps: Steps::default(),
            patience: if slow { flush_ms_max + 20 } else { 0 },
            died: false,
            was_full: false,
        }
    }

    /// Plays it, and then lets all trouble end.
    pub fn play(sleep: Sleep, script: &Script) -> Held {
        let mut story = Self::new(sleep, script.slow);
        for op in &script.ops {
            let before = Beat::of(&story);
            story.happen(*op);
            story.look()?;
            story.ticks_are_right(&before, *op)?;
        }
        story.converge()
    }

    fn happen(&mut self, op: Op) {
        match op {
            Op::Join(device, back) => self.join(device, back),
            Op::Leave(device) => self.end(device, World::leave),
            Op::Cut(device) => self.end(device, World::cut),
            Op::Say(by, how) => self.send_new(by, |n| ("say", json!({"n": n, "how": how}), true)),
            Op::Wave(by) => self.send_new(by, |n| ("wave", json!({"n": n, "how": How::Plain}), false)),
            Op::Note(by) => self.send_new(by, |n| ("note", json!({"n": n}), true)),
            Op::Ask(by, what, once, key, after) => {
                self.send_new(by, |n| (call(once), asked(n, what, key, after), once));
            }
            Op::Post(by, what, once, key, after) => self.post(by, what, once, key, after),
            Op::Again(by, back) => self.again(by, back),
            Op::Array(by, count) => self.array(by, count),
            Op::Serve(which, served) => self.serve(which, served),
            Op::Wait(millis) => self.world.advance(millis),
            Op::Drain => self.world.drain(),
            Op::Sleep => self.world.sleep(),
            Op::Crash => self.world.crash(),
            Op::Die(doom) => self.world.trouble.doom = Some(doom),
            Op::FailRead(after) => self.world.trouble.read = Some(after),
            Op::FailWrite(after) => self.world.trouble.write = Some(after),
            Op::Full(full) => {
                self.was_full |= full;
                self.world.storage.set_full(full);
            }
            Op::Set(by) => self.set_clock(by),
        }
    }

    pub fn join(&mut self, device: usize, back: bool) {
        let mut joiner = joiner(user(device));
        if let Some(before) = self.devices[device].filter(|_| back) {
            if let Some((epoch, after)) = self.world.position(before) {
                joiner = joiner.after(&epoch, after).connection(&self.world.connection(before));
            }
        } else if self.devices[device].is_some_and(|client| self.lives(client)) {
            return;
        }
        let client = self.world.join(&joiner);
        self.clients.push(client);
        self.devices[device] = Some(client);
    }

    /// Whether the client's connection stands, and was not told that it ends.
    pub fn lives(&self, client: Client) -> bool {
        let bye = self.world.socket(client).frames.last().is_some_and(|frame| frame["type"] == "bye");
        self.world.is_connected(client) && !bye
    }

    pub fn end(&mut self, device: usize, how: fn(&mut World<Tally>, Client)) {
        if let Some(client) = self.devices[device] {
            how(&mut self.world, client);
        }
    }

    /// A request of a new number.
    fn request(&mut self, by: usize, make: impl FnOnce(usize) -> (&'static str, Value, bool)) -> usize {
        let n = self.requests.len();
        let (name, data, once) = make(n);
        let id = format!("n{n}");
        let frame = match name {
            "ask" | "once" => json!({"type": "call", "id": id, "name": name, "data": data}),
            _ => json!({"type": "publish", "id": id, "event": name, "data": data}),
        };
        let (user, first) = (user(by), self.world.now());
        self.requests.push(Request { user, id, frame, once, first, latest: first, sent: 0, refused: 0 });
        n
    }

    fn send_new(&mut self, by: usize, make: impl FnOnce(usize) -> (&'static str, Value, bool)) {
        let n = self.request(by, make);
        self.send(by, &[n]);
    }

    pub fn send(&mut self, by: usize, numbers: &[usize]) {
        let Some(client) = self.devices[by].filter(|client| self.lives(*client)) else { return };
        let mut frames = Vec::new();
        for n in numbers {
            let request = &mut self.requests[*n];
            request.sent += 1;
            frames.push(request.frame.clone());
            if request.frame["type"] == "call" {
                *self.waiting.entry((client, request.id.clone())).or_default() += 1;
            }
        }
        let frame = if frames.len() == 1 { frames.remove(0) } else { Value::from(frames) };
        self.world.send(client, frame);
    }

    /// Whether a reply to the request is remembered still, whatever the clock was set to meanwhile.
    pub fn is_known(&self, request: &Request) -> bool {
        request.first + 600_000 > request.latest.max(self.world.now())
    }

    fn array(&mut self, by: usize, count: usize) {
        let whats = match count {
            3 => [What::Count, What::Kick, What::Put, What::Start],
            5 => [What::Put, What::Put, What::Take, What::List],
            _ => [What::Count, What::Set, What::Start, What::Cancel],
        };
        let numbers: Vec<_> = (0..count)
            .map(|at| self.request(by, |n| (call(at % 3 != 0), asked(n, whats[at % 4], at % 2, 0), at % 3 != 0)))
            .collect();
        self.send(by, &numbers);
    }

    fn post(&mut self, by: usize, what: What, once: bool, key: usize, after: u64) {
        let n = self.request(by, |n| (call(once), asked(n, what, key, after), once));
        let request = &mut self.requests[n];
        request.sent += 1;
        let (id, body) = (Some(request.id.clone()), request.frame["data"].to_string());
        let operation = HttpOperation::Call { name: call(once).to_owned(), id, body };
        let asker = self.world.handle_http(&joiner(user(by)), operation);
        self.posted.insert(asker, n as u64);
    }

    /// Sends a request of the user's again, for as long as its id is known.
    fn again(&mut self, by: usize, back: usize) {
        let is_meant = |request: &Request| request.user == user(by) && self.is_known(request);
        let meant = (0..self.requests.len()).rev().filter(|n| is_meant(&self.requests[*n])).nth(back);
        if let Some(n) = meant {
            self.send(by, &[n]);
        }
    }
}

pub fn user(device: usize) -> &'static str {
    ["ann", "ann", "bob", "cyd"][device]
}

fn joiner(user: &str) -> Joiner {
    Joiner::user(user).can(&["join", "publish", "call", "presence", "history", "unmetered"])
}

fn call(once: bool) -> &'static str {
    if once { "ask" } else { "once" }
}

fn asked(n: usize, what: What, key: usize, after: u64) -> Value {
    let key = match what {
        What::Kick => user(key),
        _ => ["a", "b", "c", "twice"][key],
    };
    json!({"n": n, "what": what, "key": key, "after": after})
}
