//! A client by the book: it joins its channels with their positions, resumes where it is told that it may have missed
//! something, sends again what was not answered, and holds the service to its promises.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Relay(usize),
    /// One channel alone.
    Channel(usize),
}

/// One channel as a client has it.
#[derive(Debug, Default)]
pub struct Seat {
    /// Whether it wants to be there.
    pub wanted: bool,
    pub state: State,
    pub connection: Option<String>,
    pub epoch: Option<String>,
    pub seq: u64,
    /// Messages beyond what is asked for by `resume`.
    ahead: BTreeMap<u64, Value>,
    resuming: bool,
    /// Kept messages as it heard them: their seq and id.
    pub heard: Vec<(u64, String)>,
    /// What it has said and was not answered for, in order.
    pub pending: VecDeque<(String, Value)>,
    /// What was answered.
    pub answered: BTreeSet<String>,
    /// Those whom it sees.
    pub members: BTreeSet<String>,
    /// Whether it has ever changed what is shown of it.
    pub has_shown: bool,
    /// It has left, for good.
    pub left: bool,
    /// It has heard so.
    pub gone: bool,
    /// How often it was told to come back.
    pub byes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Out,
    Joining,
    In,
}

#[derive(Debug)]
pub struct Client {
    pub user: String,
    pub place: Place,
    /// The key of its socket, while it has one.
    pub online: bool,
    /// It has been closed for good by its owner.
    pub left: bool,
    pub seats: BTreeMap<usize, Seat>,
    pub asked: u64,
    name: usize,
}

impl Client {
    pub fn new(name: usize, user: String, place: Place) -> Self {
        Self { user, place, online: false, left: false, seats: BTreeMap::new(), asked: 0, name }
    }

    pub fn id(&mut self) -> String {
        self.asked += 1;
        format!("k{}-{}", self.name, self.asked)
    }

    /// Its connection is gone: nothing is joined any more.
    pub fn offline(&mut self) {
        self.online = false;
        for seat in self.seats.values_mut() {
            seat.out();
        }
    }

    /// What it sends to be in the channels it wants.
    pub fn joins(&mut self, names: &[String]) -> Vec<Value> {
        let mut joins = Vec::new();
        for (channel, seat) in &mut self.seats {
            if !seat.wanted || seat.state != State::Out {
                continue;
            }
            seat.state = State::Joining;
            let mut join = json!({"type": "join", "channel": names[*channel]});
            if let Some(epoch) = &seat.epoch {
                (join["epoch"], join["after"]) = (json!(epoch), json!(seat.seq));
            }
            if let Some(connection) = &seat.connection {
                join["connection"] = json!(connection);
            }
            joins.push(join);
        }
        joins
    }

    /// A frame of a channel. What it sends because of it.
    pub fn hears(&mut self, channel: usize, frame: &Value, head: u64) -> Vec<Value> {
        let seat = self.seats.entry(channel).or_default();
        seat.hears(frame, head)
    }
}

impl Seat {
    fn out(&mut self) {
        self.state = State::Out;
        (self.resuming, self.ahead) = (false, BTreeMap::new());
    }

    fn hears(&mut self, frame: &Value, head: u64) -> Vec<Value> {
        assert!(!self.gone, "it has left, and hears {frame}");
        let kind = frame["type"].as_str().unwrap();
        match kind {
            "welcome" => return self.welcomed(frame),
            "bye" => {
                let code = frame["code"].as_u64().unwrap();
                assert!((4100..4400).contains(&code), "{frame}");
                self.byes += 1;
                self.out();
                return vec![];
            }
            _ => assert_eq!(self.state, State::In, "before its welcome, or after its end: {frame}"),
        }
        match kind {
            "message" => self.message(frame, head),
            "ack" => self.answer(frame["id"].as_str()),
            "error" => assert!(frame["id"].is_null(), "{frame}"),
            "resumed" => {
                self.resuming = false;
                match frame["resume"].as_str().unwrap() {
                    "recovered" => {
                        self.epoch = frame["epoch"].as_str().map(str::to_owned);
                        self.catch_up();
                    }
                    _ => self.place(frame),
                }
            }
            "presence" => self.presence(frame),
            "at" => {
                let behind =
                    frame["epoch"].as_str() != self.epoch.as_deref() || frame["seq"].as_u64().unwrap() > self.seq;
                if behind && !self.resuming {
                    self.resuming = true;
                    return vec![json!({"type": "resume", "epoch": self.epoch, "after": self.seq})];
                }
            }
            other => panic!("{other}"),
        }
        vec![]
    }

    fn welcomed(&mut self, frame: &Value) -> Vec<Value> {
        assert_eq!(self.state, State::Joining, "{frame}");
        self.state = State::In;
        self.connection = frame["connection"].as_str().map(str::to_owned);
        match frame["resume"].as_str() {
            // Of another life, where nothing was kept in the one that it knew.
            Some("recovered") => self.epoch = frame["epoch"].as_str().map(str::to_owned),
            _ => self.place(frame),
        }
        if let Some(members) = frame["members"].as_array() {
            self.members = members.iter().map(|member| member["connection"].as_str().unwrap().to_owned()).collect();
        }
        // What was not answered is said again, in its order.
        self.pending.iter().map(|(_, frame)| frame.clone()).collect()
    }

    /// It begins anew from where the channel is.
    fn place(&mut self, frame: &Value) {
        self.epoch = frame["epoch"].as_str().map(str::to_owned);
        self.seq = frame["seq"].as_u64().unwrap();
        self.ahead.clear();
    }

    fn message(&mut self, frame: &Value, head: u64) {
        let Some(seq) = frame["seq"].as_u64() else { return self.answer(frame["id"].as_str()) };
        assert!(seq <= head, "heard before it is on disk: {frame}");
        if self.resuming {
            self.ahead.insert(seq, frame.clone());
            return self.catch_up();
        }
        assert_eq!(seq, self.seq + 1, "missed, or heard twice: {frame}");
        self.take(seq, frame);
    }

    fn catch_up(&mut self) {
        while let Some((seq, frame)) = self.ahead.pop_first() {
            if seq > self.seq + 1 {
                self.ahead.insert(seq, frame);
                return;
            }
            if seq == self.seq + 1 {
                self.take(seq, &frame);
            }
        }
    }

    fn take(&mut self, seq: u64, frame: &Value) {
        self.seq = seq;
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        self.answer(Some(&id));
        self.heard.push((seq, id));
    }

    fn answer(&mut self, id: Option<&str>) {
        let Some(id) = id else { return };
        let before = self.pending.len();
        self.pending.retain(|(pending, _)| pending != id);
        if self.pending.len() < before {
            self.answered.insert(id.to_owned());
        }
    }

    fn presence(&mut self, frame: &Value) {
        let connections = |kind: &str| {
            let listed = frame[kind].as_array().into_iter().flatten();
            listed.map(|member| member["connection"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        if frame["members"].is_array() {
            self.members = connections("members").into_iter().collect();
        }
        self.members.extend(connections("join"));
        self.members.extend(connections("update"));
        for connection in connections("leave") {
            self.members.remove(&connection);
        }
    }
}
