//! The reference client: keeps to the client's side of the protocol to the letter, and knows nothing of what carries
//! it. Text in by [`Reference::hear`], text out by [`Reference::speak`]; time is handed in.

mod catching_up;
mod frames;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

/// An answer that has not come after so many milliseconds will not come: the connection is given up.
const PATIENCE: u64 = 30_000;
/// How long to wait after a refusal that may be tried again and does not say how long, in milliseconds.
const AGAIN: u64 = 1_000;
/// How many messages a page of history may have (rule E2).
const PAGE: u64 = 100;

/// What the app on top is told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A message; a kept one carries the epoch it belongs to.
    Message { epoch: String, message: Value },
    /// Messages were missed that cannot be had: the next kept one comes after this seq of this epoch.
    Lost { epoch: String, seq: u64 },
    /// A request was answered: by an ack, its message, a page, or an error that is final.
    Answer { id: String, answer: Value },
    /// A request went unanswered, and it may not be sent again since it might be heard twice.
    Unknown { id: String },
}

/// Who is here, as far as the client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Here {
    Nobody,
    Members(BTreeMap<String, Value>),
    Count(u64),
}

/// Whether a request may be sent again when its answer did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The id makes it the same request (rule D7), or it changes nothing to ask twice.
    Always,
    /// It would be heard twice.
    Never,
}

#[derive(Clone, Debug)]
struct Request {
    place: u64,
    id: String,
    frame: Value,
    again: Again,
    sent: u64,
}

/// How the connection and the order stand.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// No connection, or no welcome yet.
    Down,
    /// Welcomed as nobody: only `auth` may be sent (rule A7).
    Unsigned,
    /// What comes is told.
    Live,
    /// The service sends what was missed, up to this seq (rule D4).
    Replay { until: u64 },
    /// A gap was seen: `resume` is asked for, and what comes is held (rule D6).
    Asked,
    /// Too much was missed: pages are pulled up to this seq, and what comes is held (rule D4).
    Paging { until: u64 },
}

/// One client of one channel.
#[derive(Debug)]
pub struct Reference {
    name: String,
    /// What the app was told.
    pub told: Vec<Told>,
    /// Who is here.
    pub here: Here,
    /// What the service did that the protocol does not allow.
    pub faults: Vec<String>,
    /// The code of the last `bye` of this connection; the client closes its socket (rule R3).
    pub bye: Option<u64>,
    /// Whether requests leave together in one array.
    pub gathers: bool,
    /// The token it signs in with where one joins first (rule A7).
    pub token: Option<String>,
    phase: Phase,
    epoch: Option<String>,
    seq: u64,
    held: VecDeque<Value>,
    connection: Option<String>,
    own: BTreeSet<String>,
    /// In the order of their places.
    queue: VecDeque<Request>,
    flying: Vec<Request>,
    /// The ids of all that was ever answered.
    answers: BTreeSet<String>,
    /// The one request of its own, `resume` or `history`, and when it may be sent (again).
    pull: Option<(String, Value, u64)>,
    pulling: Option<(String, u64)>,
    wait: u64,
    placed: u64,
    /// What it shows of itself, once the app said so.
    shown: Option<Value>,
    /// The last position a gap was asked for: a second time in the same place cannot help.
    asked: Option<u64>,
}

impl Reference {
    /// A client that was never connected; its request ids begin with its name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            told: Vec::new(),
            here: Here::Nobody,
            faults: Vec::new(),
            bye: None,
            gathers: false,
            token: None,
            phase: Phase::Down,
            epoch: None,
            seq: 0,
            held: VecDeque::new(),
            connection: None,
            own: BTreeSet::new(),
            queue: VecDeque::new(),
            flying: Vec::new(),
            answers: BTreeSet::new(),
            pull: None,
            pulling: None,
            wait: 0,
            placed: 0,
            shown: None,
            asked: None,
        }
    }

    // --- what the app asks -----------------------------------------------------------------------------------

    /// Says something: the fields of a publish without type and id. What is not kept is said once or not at all.
    pub fn publish(&mut self, fields: Value, again: Again) -> String {
        let id = self.next_id();
        self.publish_as(&id, fields, again);
        id
    }

    /// Says something under an id of the app's choice.
    pub fn publish_as(&mut self, id: &str, mut fields: Value, again: Again) {
        fields["type"] = json!("publish");
        self.handle_http(id.to_owned(), fields, again);
    }

    /// Shows this of itself in the list of members; null leaves the list.
    pub fn show(&mut self, data: Value) -> String {
        self.shown = Some(data.clone());
        self.queue.retain(|request| request.frame["type"] != "presence");
        let id = self.next_id();
        self.handle_http(id.clone(), json!({"type": "presence", "data": data}), Again::Always);
        id
    }

    /// Replaces the grant (rule A5).
    pub fn sign_in(&mut self, token: &str) -> String {
        self.token = Some(token.to_owned());
        let id = self.next_id();
        self.handle_http(id.clone(), json!({"type": "auth", "token": token}), Again::Never);
        id
    }

    /// Asks for anything else once: a page of history, or nonsense.
    pub fn ask_once(&mut self, frame: Value) -> String {
        let id = self.next_id();
        self.handle_http(id.clone(), frame, Again::Never);
        id
    }

    // --- what the connection brings --------------------------------------------------------------------------

    /// What to join with: `epoch`, `after`, `connection`.
    pub fn query(&self) -> (Option<String>, Option<u64>, Option<String>) {
        (self.epoch.clone(), self.epoch.as_ref().map(|_| self.seq), self.connection.clone())
    }

    /// A text came. An array means its members in order.
    pub fn hear(&mut self, text: &str, now: u64) {
        match serde_json::from_str(text) {
            Ok(Value::Array(frames)) => frames.into_iter().for_each(|frame| self.take(frame, now)),
            Ok(frame) => self.take(frame, now),
            Err(error) => self.fault(format!("no JSON: {error}: {text}")),
        }
    }

    /// The texts to send now, in order. A client without a welcome has none.
    pub fn speak(&mut self, now: u64) -> Vec<String> {
        let mut frames = Vec::new();
        match self.phase {
            Phase::Down => return Vec::new(),
            Phase::Unsigned => self.speak_unsigned(now, &mut frames),
            _ => {
                if self.pull.as_ref().is_some_and(|(_, _, at)| *at <= now)
                    && let Some((id, frame, _)) = self.pull.take()
                {
                    self.pulling = Some((id, now));
                    frames.push(frame);
                }
                while self.wait <= now && !self.queue.is_empty() {
                    frames.extend(self.queue.pop_front().map(|request| self.fly(request, now)));
                }
            }
        }
        match self.gathers && frames.len() > 1 {
            true => frames.chunks(100).map(|chunk| Value::from(chunk).to_string()).collect(),
            false => frames.iter().map(Value::to_string).collect(),
        }
    }

    /// When it would like to be asked again, if nothing comes before.
    pub fn due(&self) -> Option<u64> {
        if self.phase == Phase::Down {
            return None;
        }
        let signed = self.phase != Phase::Unsigned;
        let queue = (signed && !self.queue.is_empty()).then_some(self.wait);
        let pull = self.pull.as_ref().filter(|_| signed).map(|(_, _, at)| *at);
        [queue, pull].into_iter().flatten().min()
    }

    /// Whether an answer is overdue, so that the connection must be given up.
    pub fn waits_in_vain(&self, now: u64) -> bool {
        let sent = self.flying.iter().map(|request| request.sent).chain(self.pulling.iter().map(|(_, sent)| *sent));
        self.phase != Phase::Down && sent.min().is_some_and(|sent| sent + PATIENCE <= now)
    }

    /// The connection is gone: what may be sent again waits for the next one, before what is newer (rule D7).
    pub fn closed(&mut self) {
        // A history that is gone takes its position with it (rule R3).
        if self.bye.take() == Some(4400) {
            self.epoch = None;
        }
        self.phase = Phase::Down;
        self.here = Here::Nobody;
        self.held.clear();
        (self.pull, self.pulling, self.asked) = (None, None, None);
        for request in std::mem::take(&mut self.flying) {
            match request.again {
                Again::Always => self.enqueue(request),
                Again::Never => self.told.push(Told::Unknown { id: request.id }),
            }
        }
        let (again, never) = std::mem::take(&mut self.queue).into_iter().partition(|it| it.again == Again::Always);
        self.queue = again;
        self.told.extend(VecDeque::into_iter(never).map(|request| Told::Unknown { id: request.id }));
    }

    /// Whether a request of this id waits for its answer.
    pub fn is_asking(&self, id: &str) -> bool {
        self.flying.iter().chain(&self.queue).any(|request| request.id == id)
    }

    /// Whether everything is told and answered.
    pub fn is_at_rest(&self) -> bool {
        self.phase == Phase::Live && self.flying.is_empty() && self.queue.is_empty() && self.held.is_empty()
    }

    /// The last message it has.
    pub fn position(&self) -> Option<(&str, u64)> {
        Some((self.epoch.as_deref()?, self.seq))
    }

    /// The id it is known by on the channel.
    pub fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }
}

fn text<'a>(frame: &'a Value, name: &str) -> &'a str {
    frame[name].as_str().unwrap_or_default()
}

fn number(frame: &Value, name: &str) -> u64 {
    frame[name].as_u64().unwrap_or_default()
}

fn by_connection(members: &[Value]) -> BTreeMap<String, Value> {
    members.iter().map(|member| (text(member, "connection").to_owned(), member.clone())).collect()
}
