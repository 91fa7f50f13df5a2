//! A connection that carries many channels: what is asked of it beyond what each channel is asked, and what it tells
//! (rules M1 to M6).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::error::{Code, Refusal};
use crate::ijson;
use crate::name::{ConnectionId, Millis, RequestId, UserId};

/// The most channels of one connection (rule M1).
pub const CHANNELS_MAX: usize = 200;

/// One frame of such a connection, or why it is none; the id is known wherever it was valid.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The id that the client chose.
    pub id: Option<RequestId>,
    /// What it asks.
    pub asks: Result<Asks<'a>, Refusal>,
}

/// What is asked.
#[derive(Debug)]
pub enum Asks<'a> {
    /// To join a channel (rule M2).
    Join(Box<Join<'a>>),
    /// To leave a channel (rule M2).
    Leave {
        /// Its name, not looked at yet.
        channel: Cow<'a, str>,
    },
    /// To replace the token of the connection and of all its channels (rule M3).
    Auth {
        /// The token.
        token: Cow<'a, str>,
    },
    /// Whatever a channel is asked, which reads it itself (rule M3).
    Request {
        /// The channel's name, not looked at yet.
        channel: Cow<'a, str>,
        /// The frame as it was written.
        text: &'a str,
    },
}

/// A join, its parameters as a query has them (rule E1).
#[derive(Debug)]
pub struct Join<'a> {
    /// The channel's name, not looked at yet.
    pub channel: Cow<'a, str>,
    /// The epoch of the position.
    pub epoch: Option<String>,
    /// The seq of the position.
    pub after: Option<String>,
    /// The connection that it had there.
    pub connection: Option<String>,
    /// A token for this channel, where it is not the connection's.
    pub token: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "as_written")]
    kind: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    id: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    channel: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    token: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    epoch: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    after: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    connection: Option<&'a str>,
}

/// Keeps `null` apart from a field that is not there.
fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de str>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(|raw| Some(raw.get()))
}

/// Parses a text frame: one object, or an array of at most `batch` of them, in order. What a channel is asked is looked
/// at only as far as it says which.
///
/// # Errors
/// One refusal for the whole frame, of which then nothing is taken: it is no JSON, or has too many members.
pub fn parse(text: &str, batch: usize) -> Result<Vec<Asked<'_>>, Refusal> {
    if !text.trim_start().starts_with('[') {
        let member: &RawValue = serde_json::from_str(text).map_err(|_| unread(text))?;
        return Ok(vec![asked(member.get())]);
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| unread(text))?;
    if members.len() > batch {
        return Err(Refusal::new(Code::TooLarge, format!("An array has at most {batch} frames; nothing was taken.")));
    }
    Ok(members.into_iter().map(|member| asked(member.get())).collect())
}

fn unread(text: &str) -> Refusal {
    ijson::check(text).err().map_or_else(|| Code::BadFrame.into(), |message| Refusal::new(Code::BadFrame, message))
}

fn asked(text: &str) -> Asked<'_> {
    let nameless = |refusal| Asked { id: None, asks: Err(refusal) };
    if !text.starts_with('{') {
        return nameless(bad("A frame is a JSON object, or an array of objects."));
    }
    // A field that comes twice is refused here, so that no two readers take different ones.
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(text) else { return nameless(unread(text)) };
    let id = match fields.id.map(|id| string(id).as_deref().and_then(RequestId::parse)) {
        Some(None) => return nameless(bad("`id` is a string of 1 to 64 characters.")),
        id => id.flatten(),
    };
    Asked { id, asks: asks(&fields, text) }
}

fn asks<'a>(fields: &Fields<'a>, text: &'a str) -> Result<Asks<'a>, Refusal> {
    let kind = fields.kind.ok_or_else(|| bad("A frame needs a `type`."))?;
    let kind = string(kind).ok_or_else(|| bad("`type` is a string."))?;
    let channel = || match fields.channel {
        Some(name) => string(name).ok_or_else(|| bad("`channel` is a string.")),
        None => Err(bad("A frame needs the name of its `channel`.")),
    };
    match &*kind {
        "join" => {
            ijson::check(text).map_err(|message| Refusal::new(Code::BadFrame, message))?;
            let token =
                fields.token.map(|token| string(token).ok_or_else(|| bad("`token` is a string."))).transpose()?;
            let owned =
                |written: Option<&'a str>| written.map(|it| string(it).map_or_else(String::new, Cow::into_owned));
            let after = fields.after.map(|it| string(it).map_or_else(|| it.to_owned(), Cow::into_owned));
            let (epoch, connection) = (owned(fields.epoch), owned(fields.connection));
            Ok(Asks::Join(Box::new(Join { channel: channel()?, epoch, after, connection, token })))
        }
        "leave" => Ok(Asks::Leave { channel: channel()? }),
        "auth" if fields.channel.is_none() => {
            ijson::check(text).map_err(|message| Refusal::new(Code::BadFrame, message))?;
            match fields.token.and_then(string) {
                Some(token) => Ok(Asks::Auth { token }),
                None => Err(bad("auth needs a `token`, a string.")),
            }
        }
        _ => Ok(Asks::Request { channel: channel()?, text }),
    }
}

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadFrame, message)
}

/// The string that a JSON value is, if it is one.
fn string(written: &str) -> Option<Cow<'_, str>> {
    super::fields::string(written)
}

/// How a connection is greeted (rule M1).
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "hello")]
pub struct Hello<'a> {
    /// Its id.
    pub connection: &'a ConnectionId,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a UserId>,
    /// When its token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
    /// What it may send.
    pub limits: HelloLimits,
    /// The service's clock.
    pub now: Millis,
}

/// What one connection may send (rule M1).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HelloLimits {
    /// The most channels.
    pub channels: usize,
    /// The largest frame, in bytes.
    pub frame_bytes: usize,
    /// The most frames of an array.
    pub batch: usize,
}

/// Encodes the greeting.
pub fn hello(hello: &Hello<'_>) -> String {
    serde_json::to_string(hello).unwrap_or_default()
}

/// What a channel tells, one frame or an array of them, as it travels on a connection of many (rule M4).
pub fn inside(channel: &str, frames: &str) -> String {
    // A channel's name has no character that JSON escapes.
    let mut text = String::with_capacity(frames.len().saturating_add(channel.len()).saturating_add(48));
    let (open, close) = if frames.starts_with('[') { ("", "}") } else { ("[", "]}") };
    text.extend([r#"{"type":"in","channel":""#, channel, r#"","frames":"#, open, frames, close]);
    text
}

/// Tells where a channel is, when what was missed cannot be vouched for (rule M6).
pub fn at(channel: &str, epoch: &str, seq: u64) -> String {
    format!(r#"{{"type":"at","channel":"{channel}","epoch":"{epoch}","seq":{seq}}}"#)
}

#[cfg(test)]
mod tests;
