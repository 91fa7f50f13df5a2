//! Plays a story: devices and the requests they keep, other servers, and the world around.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::contract::{Application as _, JobAnswer};
use dormouse_core::limits::Limits;
use dormouse_core::testing::{AskerKey, Client, HttpOperation, Sleep, World};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::history::History;
use super::script::{DEVICES, Op, Script, Served};
use super::tally::{How, Tally, WORK, What};
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
    pub first: u64,
    pub sent: u64,
}

/// A channel, what is around it, and what is known of it.
pub struct Story {
    pub world: World<Tally>,
    pub history: History,
    pub devices: [Option<Client>; DEVICES],
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
    served: BTreeMap<String, u64>,
    /// How late a timer may be where nothing goes wrong, in milliseconds: by as long as a batch may stay open.
    pub patience: u64,
    /// Whether a process has died.
    pub died: bool,
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
            requests: Vec::new(),
            waiting: BTreeMap::new(),
            looked_at: BTreeMap::new(),
            replies: BTreeMap::new(),
            posted: BTreeMap::new(),
            served: BTreeMap::new(),
            patience: if slow { flush_ms_max + 20 } else { 0 },
            died: false,
        }
    }

    /// Plays it, and then lets all trouble end.
    pub fn play(sleep: Sleep, script: &Script) -> Held {
        let mut story = Self::new(sleep, script.slow);
        for op in &script.ops {
            story.happen(*op);
            story.look()?;
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
        }
    }

    fn join(&mut self, device: usize, back: bool) {
        let mut joiner = joiner(user(device));
        if let Some(before) = self.devices[device].filter(|_| back) {
            if let Some((epoch, after)) = self.world.position(before) {
                joiner = joiner.after(&epoch, after).connection(&self.world.connection(before));
            }
        } else if self.devices[device].is_some_and(|client| self.lives(client)) {
            return;
        }
        self.devices[device] = Some(self.world.join(&joiner));
    }

    /// Whether the client's connection stands, and was not told that it ends.
    pub fn lives(&self, client: Client) -> bool {
        let bye = self.world.socket(client).frames.last().is_some_and(|frame| frame["type"] == "bye");
        self.world.is_connected(client) && !bye
    }

    fn end(&mut self, device: usize, how: fn(&mut World<Tally>, Client)) {
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
        self.requests.push(Request { user: user(by), id, frame, once, first: self.world.now(), sent: 0 });
        n
    }

    fn send_new(&mut self, by: usize, make: impl FnOnce(usize) -> (&'static str, Value, bool)) {
        let n = self.request(by, make);
        self.send(by, &[n]);
    }

    fn send(&mut self, by: usize, numbers: &[usize]) {
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

    fn array(&mut self, by: usize, count: usize) {
        let whats = [What::Count, What::Set, What::Start, What::Cancel];
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
        let now = self.world.now();
        let is_meant = |request: &Request| request.user == user(by) && request.first + 600_000 > now;
        let meant = (0..self.requests.len()).rev().filter(|n| is_meant(&self.requests[*n])).nth(back);
        if let Some(n) = meant {
            self.send(by, &[n]);
        }
    }

    fn serve(&mut self, which: usize, served: Served) {
        let running = self.world.running(WORK);
        let Some((key, call)) = running.get(which.min(running.len().saturating_sub(1))) else { return };
        let ok = || JobAnswer::Answered { status: 200, body: call.body().unwrap_or_default().to_owned() };
        let worked = |body: JobAnswer| match body {
            JobAnswer::Answered { status, body } => {
                let n = serde_json::from_str::<Value>(&body).unwrap()["n"].clone();
                JobAnswer::Answered { status, body: json!({"n": n}).to_string() }
            }
            failed @ JobAnswer::Failed(_) => failed,
        };
        let status = |status, body: &str| JobAnswer::Answered { status, body: body.to_owned() };
        let answers = match served {
            Served::Ok => vec![worked(ok())],
            Served::Twice => vec![worked(ok()), worked(ok())],
            Served::Late => vec![JobAnswer::Failed("no network".to_owned()), worked(ok())],
            Served::Failed => vec![status(503, "")],
            Served::Refused => vec![status(422, "no")],
            Served::Garbled => vec![status(200, "{")],
            Served::Unheard => return,
        };
        for answer in answers {
            self.world.answer_job_of(key, answer);
        }
    }

    /// The other servers take in what they are asked: a job that is on disk, always under the same key (rule C7).
    pub fn reach_servers(&mut self) -> Held {
        for (key, call) in self.world.running(WORK) {
            let n = serde_json::from_str::<Value>(call.body().unwrap()).unwrap()["n"].as_u64().unwrap();
            prop_assert_eq!(*self.served.entry(key.clone()).or_insert(n), n, "C7: one key for two jobs");
            prop_assert!(self.history.effects(n) > 0, "C7: the turn of the job {} is not on disk", key);
        }
        Ok(())
    }

    /// Every job was run, and a server that knows keys again has worked for each once.
    pub fn everything_was_served(&self) -> Held {
        for (n, request) in (0_u64..).zip(&self.requests) {
            if request.frame["data"]["what"] == json!(What::Start) {
                let worked = self.served.values().filter(|served| **served == n).count() as u64;
                prop_assert_eq!(worked, self.history.effects(n), "C7: how often the job of {:?} was done", request);
            }
        }
        let keys: BTreeSet<_> = self.served.keys().collect();
        prop_assert_eq!(keys.len(), self.served.len());
        Ok(())
    }

    /// All trouble ends: soon everything that was asked for has happened, and then the channel rests.
    fn converge(mut self) -> Held {
        self.world.trouble.end();
        self.world.drain();
        self.look()?;
        self.everything_remembered_is_answered_again()?;
        for _ in 0..400 {
            if self.history.is_over() {
                break;
            }
            self.world.advance(60_000);
            self.look()?;
            while !self.world.running(WORK).is_empty() {
                self.serve(0, Served::Ok);
                self.look()?;
            }
        }
        prop_assert!(self.history.is_over(), "C6, C7: left over: {:?} {:?}", self.history.timers, self.history.jobs);
        self.everything_was_served()?;
        for device in 0..DEVICES {
            self.end(device, World::leave);
        }
        self.world.advance(200_000);
        self.look()?;
        let turns = self.world.turns();
        self.world.advance(3_600_000);
        prop_assert!(self.world.turns() <= turns + 1, "C6: nothing is left to be done, and it does not rest");
        Ok(())
    }

    fn everything_remembered_is_answered_again(&mut self) -> Held {
        for device in [0, 2, 3] {
            self.join(device, false);
            self.world.drain();
            self.look()?;
            let count = self.requests.iter().filter(|request| request.user == user(device)).count();
            for back in 0..count {
                self.again(device, back);
            }
            self.world.drain();
            self.look()?;
        }
        let now = self.world.now();
        for (n, request) in (0_u64..).zip(&self.requests) {
            let known = request.first + 600_000 > now && request.sent > 0;
            let remembered = request.frame["name"] == "ask" && request.frame["data"]["what"] != json!(What::No);
            prop_assert!(!(known && remembered) || self.replies.contains_key(&n), "C3: never answered: {:?}", request);
        }
        Ok(())
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
    let key = ["a", "b", "c", "twice"][key];
    json!({"n": n, "what": what, "key": key, "after": after})
}
