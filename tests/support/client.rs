//! The reference client: keeps to the client's side of the protocol to the letter, and knows nothing of what carries
//! it. Text in by [`Reference::hear`], text out by [`Reference::speak`]; time is handed in.

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

    // --- frames ----------------------------------------------------------------------------------------------

    fn take(&mut self, frame: Value, now: u64) {
        if self.bye.is_some() {
            return self.fault(format!("told after bye: {frame}"));
        }
        let early = self.phase == Phase::Down && !matches!(text(&frame, "type"), "welcome" | "bye");
        if early {
            return self.fault(format!("told before welcome: {frame}"));
        }
        match text(&frame, "type") {
            "welcome" => self.welcome(&frame, now),
            "message" => self.message(frame, now),
            "ack" => self.answered(&frame, now),
            "error" => self.refused(&frame, now),
            "history" => self.page(&frame, now),
            "resumed" => self.resumed(&frame, now),
            "presence" => self.presence(&frame),
            "bye" => self.bye = frame["code"].as_u64(),
            // A client passes over what it does not know (rule F1).
            _ => {}
        }
    }

    fn welcome(&mut self, frame: &Value, now: u64) {
        if !matches!(self.phase, Phase::Down | Phase::Unsigned) {
            return self.fault(format!("welcomed twice: {frame}"));
        }
        let connection = text(frame, "connection").to_owned();
        self.own.insert(connection.clone());
        self.connection = Some(connection);
        let Some(epoch) = frame["epoch"].as_str() else {
            self.phase = Phase::Unsigned;
            return;
        };
        self.here = match (&frame["members"], frame["count"].as_u64()) {
            (Value::Array(members), _) => Here::Members(by_connection(members)),
            (_, Some(count)) => Here::Count(count),
            (_, None) => Here::Nobody,
        };
        let known = self.epoch.is_some();
        match text(frame, "resume") {
            "fresh" if known => self.fault("fresh, although a position was given".to_owned()),
            "fresh" => {
                (self.epoch, self.seq) = (Some(epoch.to_owned()), number(frame, "seq"));
                self.phase = Phase::Live;
            }
            how => self.caught_up(how, epoch, number(frame, "seq"), now),
        }
        self.show_again();
    }

    /// What a fresh connection of another name does not show any more.
    fn show_again(&mut self) {
        if let Some(data) = self.shown.clone()
            && !self.queue.iter().any(|request| request.frame["type"] == "presence")
        {
            self.show(data);
        }
    }

    /// How a position was met, by `welcome` or `resumed` (rule D4).
    fn caught_up(&mut self, how: &str, epoch: &str, seq: u64, now: u64) {
        if how != "lost" && self.epoch.as_deref() != Some(epoch) {
            // Nothing of one life is nothing of the next.
            if self.seq > 0 {
                return self.fault(format!("{how} in another life: {epoch}"));
            }
            self.epoch = Some(epoch.to_owned());
        }
        match how {
            "recovered" => {
                // What is held of it comes again, in its place.
                self.held.retain(|message| message["seq"].as_u64().is_none_or(|held| held > seq));
                self.phase = Phase::Replay { until: seq };
                self.advance(now);
            }
            "behind" => {
                self.phase = Phase::Paging { until: seq };
                self.pull_page(now);
            }
            "lost" => {
                self.epoch = Some(epoch.to_owned());
                self.lose(seq);
                self.phase = Phase::Replay { until: seq };
                self.advance(now);
            }
            other => self.fault(format!("no way to resume: {other}")),
        }
    }

    fn message(&mut self, frame: Value, now: u64) {
        self.answered(&frame, now);
        let Some(seq) = frame["seq"].as_u64() else {
            // One that is not kept stays behind what is held before it.
            return if self.phase == Phase::Live { self.tell(frame) } else { self.held.push_back(frame) };
        };
        match self.phase {
            Phase::Unsigned => self.fault(format!("told before it signed in: {frame}")),
            Phase::Live | Phase::Replay { .. } if seq <= self.seq => self.fault(format!("told twice: {frame}")),
            Phase::Live | Phase::Replay { .. } if seq == self.seq + 1 => {
                self.tell(frame);
                self.advance(now);
            }
            Phase::Live | Phase::Replay { .. } => {
                self.held.push_back(frame);
                self.ask_resume(now);
            }
            Phase::Down | Phase::Asked | Phase::Paging { .. } => self.held.push_back(frame),
        }
    }

    /// An ack in the place of its message counts as that message was told (rules F2, F5).
    fn answered(&mut self, frame: &Value, now: u64) {
        let from = frame["from"]["connection"].as_str();
        if frame["type"] == "message" && !from.is_some_and(|from| self.own.contains(from)) {
            return;
        }
        let Some(request) = self.land(frame) else { return };
        self.told.push(Told::Answer { id: request.id, answer: frame.clone() });
        let instead = request.frame["echo"] == json!(false) && frame["duplicate"] != json!(true);
        if frame["type"] == "ack" && instead && frame["seq"].is_u64() {
            let mut message = request.frame;
            message["seq"] = frame["seq"].clone();
            message["type"] = json!("message");
            message["id"] = Value::Null;
            self.message(message, now);
        }
    }

    /// The request that a frame answers. A message answers it also before it was sent again.
    fn land(&mut self, frame: &Value) -> Option<Request> {
        let id = frame["id"].as_str().unwrap_or_default();
        let asked = |request: &Request| request.id == id;
        if let Some(flying) = self.flying.iter().position(asked) {
            self.answers.insert(id.to_owned());
            return Some(self.flying.remove(flying));
        }
        if frame["type"] == "message" {
            let waiting = self.queue.iter().position(asked)?;
            self.answers.insert(id.to_owned());
            return self.queue.remove(waiting);
        }
        // What an older connection asked may have been answered by its message already.
        if !self.answers.contains(id) {
            self.fault(format!("an answer to nothing: {frame}"));
        }
        None
    }

    fn refused(&mut self, frame: &Value, now: u64) {
        let wait = now + frame["retry_after"].as_u64().unwrap_or(AGAIN);
        let again = matches!(text(frame, "code"), "rate_limited" | "internal" | "over_capacity");
        let Some(id) = frame["id"].as_str() else { return };
        if self.pulling.as_ref().is_some_and(|(pulling, _)| pulling == id) {
            self.pulling = None;
            return match (again, &self.phase) {
                (true, Phase::Asked) => self.pull_resume(wait),
                (true, _) => self.pull_page(wait),
                (false, _) => self.give_up(now),
            };
        }
        let Some(request) = self.land(frame) else { return };
        if again && request.again == Again::Always {
            self.wait = self.wait.max(wait);
            return self.enqueue(request);
        }
        self.told.push(Told::Answer { id: request.id, answer: frame.clone() });
    }

    // --- presence --------------------------------------------------------------------------------------------

    /// Joins and updates are upserts, leaves are deletes, by connection (rule P2).
    fn presence(&mut self, frame: &Value) {
        if let Value::Array(members) = &frame["members"] {
            self.here = Here::Members(by_connection(members));
            return;
        }
        if let Some(count) = frame["count"].as_u64() {
            self.here = Here::Count(count);
            return;
        }
        let Here::Members(here) = &mut self.here else {
            return self.fault(format!("changes of a list that was never told: {frame}"));
        };
        for change in ["join", "update"] {
            here.extend(by_connection(frame[change].as_array().map_or(&[], Vec::as_slice)));
        }
        for member in frame["leave"].as_array().into_iter().flatten() {
            here.remove(text(member, "connection"));
        }
    }

    // --- catching up -----------------------------------------------------------------------------------------

    fn resumed(&mut self, frame: &Value, now: u64) {
        if self.phase != Phase::Asked || !self.is_pulling(frame) {
            return self.fault(format!("resumed unasked: {frame}"));
        }
        self.pulling = None;
        self.caught_up(text(frame, "resume"), text(frame, "epoch"), number(frame, "seq"), now);
    }

    fn page(&mut self, frame: &Value, now: u64) {
        if !self.is_pulling(frame) {
            return self.answered(frame, now);
        }
        let Phase::Paging { until } = self.phase else {
            return self.fault(format!("a page unasked: {frame}"));
        };
        self.pulling = None;
        let messages = frame["messages"].as_array().cloned().unwrap_or_default();
        let none = messages.is_empty();
        for message in messages {
            let seq = number(&message, "seq");
            if seq <= self.seq {
                return self.fault(format!("a page of what is before it: {message}"));
            }
            // The oldest went out of bounds meanwhile, or cannot be read.
            if seq > self.seq + 1 {
                self.lose(seq - 1);
            }
            self.answered(&message, now);
            self.tell(message);
        }
        if self.seq >= until {
            self.phase = Phase::Replay { until };
            return self.advance(now);
        }
        if none || frame["more"] != json!(true) { self.give_up(now) } else { self.pull_page(now) }
    }

    fn is_pulling(&self, frame: &Value) -> bool {
        self.pulling.as_ref().is_some_and(|(id, _)| Some(id.as_str()) == frame["id"].as_str())
    }

    fn ask_resume(&mut self, now: u64) {
        if self.asked == Some(self.seq) {
            return self.give_up(now);
        }
        self.asked = Some(self.seq);
        self.phase = Phase::Asked;
        self.pull_resume(now);
    }

    fn pull_resume(&mut self, at: u64) {
        let id = self.next_id();
        let frame = json!({"type": "resume", "id": id, "epoch": self.epoch, "after": self.seq});
        self.pull = Some((id, frame, at));
    }

    fn pull_page(&mut self, at: u64) {
        let id = self.next_id();
        let frame = json!({"type": "history", "id": id, "after": self.seq, "limit": PAGE});
        self.pull = Some((id, frame, at));
    }

    /// Tells what is held as far as it follows on, and drops what came by another way.
    fn advance(&mut self, now: u64) {
        while let Some(next) = self.held.front() {
            match next["seq"].as_u64() {
                Some(seq) if seq > self.seq + 1 => break,
                Some(seq) if seq <= self.seq => drop(self.held.pop_front()),
                _ => self.held.pop_front().into_iter().for_each(|message| self.tell(message)),
            }
        }
        let Phase::Replay { until } = self.phase else { return };
        if self.seq < until {
            return;
        }
        self.phase = Phase::Live;
        if self.held.is_empty() { self.asked = None } else { self.ask_resume(now) }
    }

    /// What is missing cannot be had: goes on with the oldest that is held, or where the service said it stands.
    fn give_up(&mut self, now: u64) {
        let held = self.held.iter().find_map(|message| message["seq"].as_u64()).map(|seq| seq - 1);
        let until = if let Phase::Paging { until } | Phase::Replay { until } = self.phase { until } else { self.seq };
        self.lose(held.unwrap_or(until).max(self.seq));
        self.phase = Phase::Replay { until: self.seq };
        self.advance(now);
    }

    fn lose(&mut self, seq: u64) {
        self.seq = seq;
        self.told.push(Told::Lost { epoch: self.epoch.clone().unwrap_or_default(), seq });
    }

    fn tell(&mut self, message: Value) {
        self.seq = message["seq"].as_u64().unwrap_or(self.seq);
        self.told.push(Told::Message { epoch: self.epoch.clone().unwrap_or_default(), message });
    }

    // --- requests --------------------------------------------------------------------------------------------

    fn next_id(&mut self) -> String {
        self.placed += 1;
        format!("{}-{}", self.name, self.placed)
    }

    fn handle_http(&mut self, id: String, mut frame: Value, again: Again) {
        frame["id"] = json!(id);
        self.placed += 1;
        self.enqueue(Request { place: self.placed, id, frame, again, sent: 0 });
    }

    fn enqueue(&mut self, request: Request) {
        let behind = self.queue.partition_point(|other| other.place < request.place);
        self.queue.insert(behind, request);
    }

    fn fly(&mut self, request: Request, now: u64) -> Value {
        let frame = request.frame.clone();
        self.flying.push(Request { sent: now, ..request });
        frame
    }

    fn speak_unsigned(&mut self, now: u64, frames: &mut Vec<Value>) {
        if self.flying.is_empty()
            && let Some(token) = self.token.clone()
        {
            let id = self.next_id();
            let frame = json!({"type": "auth", "id": id, "token": token});
            self.placed += 1;
            frames.push(self.fly(Request { place: self.placed, id, frame, again: Again::Never, sent: now }, now));
        }
    }

    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
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
