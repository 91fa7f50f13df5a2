//! What the service says: every frame is encoded here, once, as text (rule F4).
//!
//! serde writes them, and payloads that arrived as JSON text go out as the same text (rule F3). What is a `str` here and
//! JSON already (`from`, members, a page's messages) is added by `add`: serde takes it as a `RawValue` alone, which parses
//! it again, natively 52 ns for the `from` of a message that is encoded in 113, and 5.4 µs for a hundred members.

use std::fmt::Write;
use std::ops::Not;

use serde::Serialize;

use crate::error::{Close, Refusal};
use crate::name::{ConnectionId, Millis, RequestId, UserId};

/// The frames but `message`, each up to the first of its members that is encoded already.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Frame<'a> {
    Welcome {
        channel: &'a str,
        connection: &'a ConnectionId,
        user: Option<&'a UserId>,
        #[serde(flatten)]
        standing: Option<Standing<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<Millis>,
        can: &'a [String],
    },
    Ack {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        #[serde(flatten)]
        ack: Ack,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        #[serde(flatten)]
        refusal: &'a Refusal,
    },
    Bye {
        code: u16,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Millis>,
    },
    Resumed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        resume: Resumed,
        epoch: &'a str,
        seq: u64,
        first: u64,
    },
    History {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
    },
    Result {
        id: &'a RequestId,
    },
    Presence {
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
    },
}

/// Encoding to text cannot fail; the empty object stands in for what cannot happen.
fn encode(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// Encodes an object without its closing brace: what is encoded already is yet to be added.
fn open(object: &impl Serialize) -> String {
    let mut text = encode(object);
    text.pop();
    text
}

/// Adds a member whose value is JSON already to an open object that has one.
fn add(object: &mut String, name: &str, json: &str) {
    object.extend([",\"", name, "\":", json]);
}

/// How a session ends from our side (rule R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye {
    /// Why.
    pub close: Close,
    /// Milliseconds the client should wait before it comes back.
    pub retry_after: Option<Millis>,
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

/// Encodes a message, by hand: serde takes 440 ns for one of 64 bytes as wasm (`opt-level` "s"), and this 260.
pub fn message(message: &Message<'_>) -> String {
    let &Message { seq, id, event, data, from, at } = message;
    let mut frame = String::with_capacity(data.len().saturating_add(224));
    frame.push_str(r#"{"type":"message""#);
    // Numbers in place, which spares an allocation each; writing to a String cannot fail.
    if let Some(seq) = seq {
        let _ = write!(frame, r#","seq":{seq}"#);
    }
    if let Some(id) = id {
        frame.extend([r#","id":"#, &encode(id)]);
    }
    frame.extend([r#","event":"#, &encode(event), r#","data":"#, data, r#","from":"#, from]);
    let _ = write!(frame, r#","at":{at}}}"#);
    frame
}

#[derive(Serialize)]
struct From<'a> {
    user: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a ConnectionId>,
}

/// Who says a message: the user, or null, and the connection; over HTTP there is none (rule E2).
pub fn from(user: Option<&UserId>, connection: Option<&ConnectionId>) -> String {
    encode(&From { user, connection })
}

/// Who says what the application's own code says on a channel: no user, and the service (rule C8).
pub const FROM_SERVICE: &str = r#"{"user":null,"service":true}"#;

/// What an accepted request is answered where its own message does not answer it (rule F2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ack {
    /// The seq of the kept message it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The message was there already (rule D7).
    #[serde(skip_serializing_if = "Not::not")]
    pub duplicate: bool,
    /// How many connections a directed publish reached (rule F5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
}

/// Encodes an ack.
pub fn ack(id: Option<&RequestId>, ack: Ack) -> String {
    encode(&Frame::Ack { id, ack })
}

/// Encodes the reply to a call; `data` is JSON already. `duplicate` where it was given before (rule C3).
pub fn result(id: &RequestId, data: &str, duplicate: bool) -> String {
    let mut frame = open(&Frame::Result { id });
    add(&mut frame, "data", data);
    if duplicate {
        add(&mut frame, "duplicate", "true");
    }
    frame + "}"
}

/// Encodes the refusal of one request.
pub fn error(id: Option<&RequestId>, refusal: &Refusal) -> String {
    encode(&Frame::Error { id, refusal })
}

/// Encodes the body of an HTTP error (rule E4).
pub fn http_error(error: &Refusal) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a Refusal,
    }
    encode(&Body { error })
}

/// Encodes the bye before a close (rule R3).
pub fn bye(Bye { close, retry_after }: Bye) -> String {
    encode(&Frame::Bye { code: close.number(), reason: close.reason(), retry_after })
}

/// How a joiner's position was met (rule D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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
    /// Whether the joiner has to begin anew, with what the channel is now (rule C5).
    pub const fn is_anew(self) -> bool {
        !matches!(self, Self::Recovered)
    }
}

/// Where the channel's history stands, as a joiner is told it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Standing<'a> {
    /// The life of the history.
    pub epoch: &'a str,
    /// The newest seq that is written.
    pub seq: u64,
    /// The oldest seq still held.
    pub first: u64,
    /// How the joiner's position was met.
    #[serde(rename = "resume")]
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
    /// What the application shows of its state, JSON already (rule C5).
    pub snapshot: Option<&'a str>,
    /// The calls that may be sent again, since their replies are remembered (rule C3).
    pub remembers: &'a [&'a str],
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
    let &Welcome { channel, connection, user, standing, expires, can, .. } = welcome;
    let mut frame = open(&Frame::Welcome { channel, connection, user, standing, expires, can });
    match welcome.here {
        Some(Here::Members(members)) => add(&mut frame, "members", &array(members.iter().copied())),
        Some(Here::Count(count)) => add(&mut frame, "count", &count.to_string()),
        None => {}
    }
    if let Some(snapshot) = welcome.snapshot {
        add(&mut frame, "snapshot", snapshot);
    }
    if !welcome.remembers.is_empty() {
        // Names of calls need no escape.
        add(&mut frame, "remembers", &format!("[\"{}\"]", welcome.remembers.join("\",\"")));
    }
    let Welcome { frame_bytes, batch, per_second, burst, .. } = welcome;
    let (per_second, burst) = (rate(*per_second), rate(*burst));
    let limits =
        format!(r#"{{"frame_bytes":{frame_bytes},"batch":{batch},"per_second":{per_second},"burst":{burst}}}"#);
    add(&mut frame, "limits", &limits);
    add(&mut frame, "now", &welcome.now.to_string());
    frame + "}"
}

/// A rate as a person writes it: 20, where serde says 20.0.
///
/// A whole one by itself: the way of fractions is 4 KB of wasm, which V8 would compile while the first welcome waits.
fn rate(rate: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what does not fit is not equal")]
    let whole = rate as u32;
    if f64::from(whole) == rate { whole.to_string() } else { rate.to_string() }
}

/// Encodes the answer to `resume`, with the snapshot where one is told; its messages follow.
pub fn resumed(id: Option<&RequestId>, standing: &Standing<'_>, snapshot: Option<&str>) -> String {
    let &Standing { epoch, seq, first, resumed: resume } = standing;
    let mut frame = open(&Frame::Resumed { id, resume, epoch, seq, first });
    if let Some(snapshot) = snapshot {
        add(&mut frame, "snapshot", snapshot);
    }
    frame + "}"
}

/// Encodes a page of history; `messages` are encoded messages parted by commas.
pub fn history(id: Option<&RequestId>, messages: &str, more: bool) -> String {
    let mut frame = open(&Frame::History { id });
    add(&mut frame, "messages", &format!("[{messages}]"));
    add(&mut frame, "more", if more { "true" } else { "false" });
    frame + "}"
}

/// Encodes a member of a presence list (rule P2).
pub fn member(user: Option<&UserId>, connection: &ConnectionId, info: Option<&str>, data: Option<&str>) -> String {
    let mut member = open(&From { user, connection: Some(connection) });
    for (name, json) in [("info", info), ("data", data)] {
        if let Some(json) = json {
            add(&mut member, name, json);
        }
    }
    member + "}"
}

/// Encodes what changed in the list of members; empty lists are left out (rule P2).
pub fn changes(join: &[&str], update: &[&str], leave: &[&str]) -> String {
    let mut frame = open(&Frame::Presence { count: None });
    for (name, members) in [("join", join), ("update", update), ("leave", leave)] {
        if !members.is_empty() {
            add(&mut frame, name, &array(members.iter().copied()));
        }
    }
    frame + "}"
}

/// Encodes the whole list of members, which replaces what a client has (rule P4).
pub fn members(members: &[&str]) -> String {
    let mut frame = open(&Frame::Presence { count: None });
    add(&mut frame, "members", &array(members.iter().copied()));
    frame + "}"
}

/// Encodes the number of members where the list would be too long (rule P4).
pub fn count(count: u64) -> String {
    encode(&Frame::Presence { count: Some(count) })
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
