//! One connection, as the service should see it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dormouse_protocol::name::Millis;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::support::{Client, Joiner};
use crate::{check, fault};

/// Where a connection is in its life, as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was told yet.
    New,
    /// It must sign in first.
    Unsigned,
    Joined,
    /// It was told `bye`.
    Over,
}

/// Who is here, as a connection was told.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    None,
    List(BTreeMap<String, Value>),
    Count(u64),
}

/// What was asked under one id.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) frame: Value,
    pub(super) received: usize,
    pub(super) answered: usize,
    /// Messages that answer it, or the same request of the connection before, whose name it has.
    pub(super) either: usize,
    /// When it was last received, among all requests of all.
    pub(super) order: u64,
    /// When it was received each time that is not answered yet.
    pub(super) orders: VecDeque<u64>,
}

/// One connection, as the service should see it.
#[derive(Debug)]
pub struct Conn {
    pub client: Client,
    pub joiner: Joiner,
    pub stage: Stage,
    pub id: String,
    pub present: bool,
    pub(super) data: Option<Value>,
    pub(super) view: View,
    /// Until the batch it came with is told, it may be told what it knows.
    pub(super) fresh: bool,
    /// The seq that comes next live.
    pub(super) next: u64,
    /// What is still to come of a replay.
    pub(super) replay: Option<(u64, u64)>,
    pub(super) requests: BTreeMap<String, Request>,
    pub(super) offered: BTreeMap<String, Joiner>,
    pub(super) read: usize,
    /// Something about who it is or hears has changed in this step.
    pub(super) changed: bool,
    pub(super) last_answer: u64,
    pub(super) heard: BTreeMap<String, u64>,
    /// Whose leave it was told, once they had ended.
    pub(super) gone: BTreeSet<String>,
    /// When it was last told how many are here, and after how many wakes and settings of the clock that was.
    pub(super) counted: Option<(Millis, (usize, usize))>,
    /// What the connections before it, whose name it has, had asked without an answer.
    pub(super) inherited: BTreeSet<String>,
}

impl Conn {
    pub(super) fn new(client: Client, joiner: &Joiner) -> Self {
        Self {
            client,
            joiner: joiner.clone(),
            stage: Stage::New,
            id: String::new(),
            present: false,
            data: None,
            view: View::None,
            fresh: true,
            next: 0,
            replay: None,
            requests: BTreeMap::new(),
            offered: BTreeMap::new(),
            read: 0,
            changed: true,
            last_answer: 0,
            heard: BTreeMap::new(),
            gone: BTreeSet::new(),
            counted: None,
            inherited: BTreeSet::new(),
        }
    }

    pub(super) fn is_expired(&self, now: Millis) -> bool {
        self.joiner.expires.is_some_and(|expires| expires <= now)
    }

    pub(super) fn payer(&self) -> String {
        self.joiner.user.clone().unwrap_or_else(|| format!("connection {}", self.id))
    }

    /// How it stands in the list of members.
    pub(super) fn member(&self) -> Value {
        let mut member = json!({"user": self.joiner.user, "connection": self.id});
        if let Some(info) = &self.joiner.info {
            member["info"] = info.clone();
        }
        if let Some(data) = &self.data {
            member["data"] = data.clone();
        }
        member
    }

    /// What it was told of a member.
    pub(super) fn shows(&self, id: &str) -> Option<&Value> {
        if let View::List(members) = &self.view { members.get(id) } else { None }
    }

    pub(super) fn unanswered(&self) -> BTreeSet<String> {
        let open = self.requests.iter().filter(|(_, request)| request.answered < request.received);
        open.map(|(id, _)| id.clone()).chain(self.inherited.iter().cloned()).collect()
    }

    pub(super) fn echo(&mut self, frame: &Value, ordered: Option<()>) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        if !self.inherited.contains(id) {
            return self.answer(frame, ordered);
        }
        let request = self.requests.get_mut(id);
        request.into_iter().for_each(|request| request.either += 1);
        Ok(())
    }

    /// A request is answered once for each time it was sent; answers that carry a seq keep the order of the requests.
    pub(super) fn answer(&mut self, frame: &Value, ordered: Option<()>) -> Result<(), Fault> {
        let request = frame["id"].as_str().and_then(|id| self.requests.get_mut(id));
        let Some(request) = request else { return Err(fault!(Answers: "F2: an answer to nothing: {frame}")) };
        request.answered += 1;
        check!(request.answered <= request.received, Answers: "F2: answered twice: {frame}");
        // Asked twice, it is answered for the first time first. Whose message answered an inherited one is not known.
        let order = request.orders.pop_front().unwrap_or(request.order);
        let inherited = frame["id"].as_str().is_some_and(|id| self.inherited.contains(id));
        if ordered.is_some() && !inherited {
            check!(self.last_answer < order, Answers: "F2: answered out of order: {frame}");
            self.last_answer = order;
        }
        Ok(())
    }
}
