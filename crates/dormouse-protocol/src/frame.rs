//! What the service says: every frame is encoded here, once, as text (rule F4).
//!
//! Payloads that arrived as JSON text go out as the same text (rule F3): frames are written by hand around them,
//! and everything that needs escaping goes through `serde_json`.

use std::fmt::Write;

use crate::error::{Close, Refusal};
use crate::name::{ConnectionId, Millis, RequestId, UserId};

/// How a session ends from our side (rule R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye {
    /// Why.
    pub close: Close,
    /// Milliseconds the client should wait before it comes back.
    pub retry_after: Option<Millis>,
}

/// A JSON object under construction: fields are added in order.
struct Object(String);

impl Object {
    fn of_type(kind: &str) -> Self {
        let mut text = String::with_capacity(160);
        text.push_str("{\"type\":\"");
        text.push_str(kind);
        text.push('"');
        Self(text)
    }

    fn with_capacity(mut self, bytes: usize) -> Self {
        self.0.reserve(bytes);
        self
    }

    /// Adds a field whose value is JSON already.
    fn raw(mut self, name: &str, json: &str) -> Self {
        self.0.push_str(",\"");
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        let json = quote(value);
        self.raw(name, &json)
    }

    fn number(mut self, name: &str, value: u64) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, ",\"{name}\":{value}");
        self
    }

    fn id(self, id: Option<&RequestId>) -> Self {
        match id {
            Some(id) => self.text("id", id.as_str()),
            None => self,
        }
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A message as all members hear it; `seq` only where it is kept (rule D1).
pub struct Message<'a> {
    /// Its place in the channel's order.
    pub seq: Option<u64>,
    /// The id its publisher chose.
    pub id: Option<&'a RequestId>,
    /// The event's name.
    pub event: &'a str,
    /// The payload, JSON already, byte for byte (rule F3).
    pub data: &'a str,
    /// Who said it, as [`from`] encodes it.
    pub from: &'a str,
    /// When it was accepted.
    pub at: Millis,
}

/// Encodes a message.
pub fn message(message: &Message<'_>) -> String {
    let mut object = Object::of_type("message").with_capacity(message.data.len());
    if let Some(seq) = message.seq {
        object = object.number("seq", seq);
    }
    object
        .id(message.id)
        .text("event", message.event)
        .raw("data", message.data)
        .raw("from", message.from)
        .number("at", message.at)
        .end()
}

/// Who says a message: the user, or null, and the connection; over HTTP there is none (rule E2).
pub fn from(user: Option<&UserId>, connection: Option<&ConnectionId>) -> String {
    let mut text = String::from("{\"user\":");
    text.push_str(&or_null(user.map(UserId::as_str)));
    if let Some(connection) = connection {
        text.push_str(",\"connection\":");
        text.push_str(&quote(connection.as_str()));
    }
    text.push('}');
    text
}

/// What an accepted request is answered where its own message does not answer it (rule F2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The seq of the kept message it names.
    pub seq: Option<u64>,
    /// The message was there already (rule D7).
    pub duplicate: bool,
    /// How many connections a directed publish reached (rule F5).
    pub delivered: Option<u64>,
}

/// Encodes an ack.
pub fn ack(id: Option<&RequestId>, ack: Ack) -> String {
    let mut object = Object::of_type("ack").id(id);
    if let Some(seq) = ack.seq {
        object = object.number("seq", seq);
    }
    if ack.duplicate {
        object = object.raw("duplicate", "true");
    }
    if let Some(delivered) = ack.delivered {
        object = object.number("delivered", delivered);
    }
    object.end()
}

/// Encodes the refusal of one request.
pub fn error(id: Option<&RequestId>, refusal: &Refusal) -> String {
    let mut object =
        Object::of_type("error").id(id).text("code", refusal.code.as_str()).text("message", &refusal.message);
    if let Some(retry_after) = refusal.retry_after {
        object = object.number("retry_after", retry_after);
    }
    if let Some(seq) = refusal.seq {
        object = object.number("seq", seq);
    }
    object.end()
}

/// Encodes the body of an HTTP error (rule E4).
pub fn http_error(refusal: &Refusal) -> String {
    let mut text = String::from("{\"error\":{\"code\":");
    text.push_str(&quote(refusal.code.as_str()));
    text.push_str(",\"message\":");
    text.push_str(&quote(&refusal.message));
    if let Some(retry_after) = refusal.retry_after {
        let _ = write!(text, ",\"retry_after\":{retry_after}");
    }
    if let Some(seq) = refusal.seq {
        let _ = write!(text, ",\"seq\":{seq}");
    }
    text.push_str("}}");
    text
}

/// Encodes the bye before a close (rule R3).
pub fn bye(bye: Bye) -> String {
    let object = Object::of_type("bye").number("code", bye.close.number().into()).text("reason", bye.close.reason());
    match bye.retry_after {
        Some(retry_after) => object.number("retry_after", retry_after).end(),
        None => object.end(),
    }
}

/// How a joiner's position was met (rule D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// No position was given.
    Fresh,
    /// Exactly what was missed follows.
    Recovered,
    /// More was missed than is pushed: page `history` up to the seq told.
    Behind,
    /// What was missed is not held any more.
    Lost,
}

impl Resumed {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Recovered => "recovered",
            Self::Behind => "behind",
            Self::Lost => "lost",
        }
    }
}

/// Where the channel's history stands, as a joiner is told it.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The life of the history.
    pub epoch: &'a str,
    /// The newest seq that is written.
    pub seq: u64,
    /// The oldest seq still held.
    pub first: u64,
    /// How the joiner's position was met.
    pub resumed: Resumed,
}

/// What `welcome` tells (rules D4, P2, A7).
pub struct Welcome<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// The joiner's connection id.
    pub connection: &'a ConnectionId,
    /// The joiner's user.
    pub user: Option<&'a UserId>,
    /// None before signing in (rule A7).
    pub standing: Option<Standing<'a>>,
    /// When the grant expires.
    pub expires: Option<Millis>,
    /// What the joiner may do here.
    pub can: &'a [String],
    /// The members or their count, encoded by [`members`] or [`count`].
    pub here: Option<Here<'a>>,
    /// The largest frame, in bytes.
    pub frame_bytes: u64,
    /// The most frames of one array.
    pub batch: u64,
    /// The general rate.
    pub per_second: f64,
    /// The burst of the general rate.
    pub burst: f64,
    /// The service's clock.
    pub now: Millis,
}

/// Who is here: a list, or a number where the list would be too long (rule P4).
#[derive(Clone, Copy, Debug)]
pub enum Here<'a> {
    /// Encoded members.
    Members(&'a [&'a str]),
    /// How many.
    Count(u64),
}

/// Encodes the first frame of a connection.
pub fn welcome(welcome: &Welcome<'_>) -> String {
    let mut object = Object::of_type("welcome")
        .with_capacity(512)
        .text("channel", welcome.channel)
        .text("connection", welcome.connection.as_str())
        .raw("user", &or_null(welcome.user.map(UserId::as_str)));
    if let Some(standing) = &welcome.standing {
        object = object
            .text("epoch", standing.epoch)
            .number("seq", standing.seq)
            .number("first", standing.first)
            .text("resume", standing.resumed.as_str());
    }
    if let Some(expires) = welcome.expires {
        object = object.number("expires", expires);
    }
    let can: Vec<_> = welcome.can.iter().map(|name| quote(name)).collect();
    object = object.raw("can", &array(can.iter().map(String::as_str)));
    object = match welcome.here {
        Some(Here::Members(members)) => object.raw("members", &array(members.iter().copied())),
        Some(Here::Count(count)) => object.number("count", count),
        None => object,
    };
    let limits = format!(
        "{{\"frame_bytes\":{},\"batch\":{},\"per_second\":{},\"burst\":{}}}",
        welcome.frame_bytes, welcome.batch, welcome.per_second, welcome.burst
    );
    object.raw("limits", &limits).number("now", welcome.now).end()
}

/// Encodes the answer to `resume`; its messages follow.
pub fn resumed(id: Option<&RequestId>, standing: &Standing<'_>) -> String {
    Object::of_type("resumed")
        .id(id)
        .text("resume", standing.resumed.as_str())
        .text("epoch", standing.epoch)
        .number("seq", standing.seq)
        .number("first", standing.first)
        .end()
}

/// Encodes a page of history; `messages` are encoded messages parted by commas.
pub fn history(id: Option<&RequestId>, messages: &str, more: bool) -> String {
    Object::of_type("history")
        .with_capacity(messages.len())
        .id(id)
        .raw("messages", &format!("[{messages}]"))
        .raw("more", if more { "true" } else { "false" })
        .end()
}

/// Encodes a member of a presence list (rule P2).
pub fn member(user: Option<&UserId>, connection: &ConnectionId, info: Option<&str>, data: Option<&str>) -> String {
    let mut text = from(user, Some(connection));
    text.pop();
    for (name, json) in [("info", info), ("data", data)] {
        if let Some(json) = json {
            let _ = write!(text, ",\"{name}\":{json}");
        }
    }
    text.push('}');
    text
}

/// Encodes what changed in the list of members; empty lists are left out (rule P2).
pub fn changes(join: &[&str], update: &[&str], leave: &[&str]) -> String {
    let mut object = Object::of_type("presence");
    for (name, members) in [("join", join), ("update", update), ("leave", leave)] {
        if !members.is_empty() {
            object = object.raw(name, &array(members.iter().copied()));
        }
    }
    object.end()
}

/// Encodes the whole list of members, which replaces what a client has (rule P4).
pub fn members(members: &[&str]) -> String {
    Object::of_type("presence").raw("members", &array(members.iter().copied())).end()
}

/// Encodes the number of members where the list would be too long (rule P4).
pub fn count(count: u64) -> String {
    Object::of_type("presence").number("count", count).end()
}

/// Frames that leave together: one alone is an object, several are an array.
pub fn batch<'a>(frames: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut frames = frames.into_iter();
    let first = frames.next()?;
    let Some(second) = frames.next() else { return Some(first.to_owned()) };
    Some(array([first, second].into_iter().chain(frames)))
}

/// A JSON array of values that are encoded already.
pub fn array<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("[");
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(value);
    }
    text.push(']');
    text
}

fn or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quote)
}

/// A JSON string. Encoding a string cannot fail; the empty one stands in for what cannot happen.
fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}
