//! What a client may ask: a text frame parsed into requests, each with its id, before the machine sees it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use super::fields::{Data, Fit, Types, Untyped};
use super::fields::{Fields, string};
use super::ijson;
use crate::error::{Code, Refusal};
use crate::name::RequestId;

/// How many targets a directed publish may name, all lists together (rule F5).
pub const TARGETS_MAX: usize = 100;

/// One request, or why it is none; the id is known wherever it was valid, so that the refusal can name it.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The id the client chose, by which it knows the answer (rule F2).
    pub id: Option<RequestId>,
    /// What it asks.
    pub request: Result<Request<'a>, Refusal>,
}

/// What a client asks of the channel.
#[derive(Debug)]
pub enum Request<'a> {
    /// Say something.
    Publish(Publish<'a>),
    /// Ask the application's own code something (rule C3).
    Call(Call<'a>),
    /// Replace the grant by that of another token (rule A5).
    Auth {
        /// The token.
        token: Cow<'a, str>,
    },
    /// Enter the list of members, change what it shows, or leave it with `null` (rule P1).
    Presence {
        /// The data as written, `null` to leave.
        data: Data<'a>,
    },
    /// Read a page of kept messages.
    History(Page),
    /// Replay everything kept after a position (rule D4).
    Resume {
        /// The epoch of the position, as named by the client.
        epoch: Option<String>,
        /// The last seq the client has; `None` where it was no whole number, which is `lost`.
        after: Option<u64>,
    },
}

/// A publish: an event with its data.
#[derive(Debug)]
pub struct Publish<'a> {
    /// The event's name, not yet looked up in the contract.
    pub event: Cow<'a, str>,
    /// The payload as the publisher wrote it.
    pub data: Data<'a>,
    /// Who alone shall hear it (rule F5).
    pub to: Option<Targets>,
    /// Whether the publishing connection hears it as well; else it gets an ack in its place.
    pub echo: bool,
    /// Publish only when the head is this (rule D8).
    pub if_seq: Option<u64>,
}

/// A call: a name with its input.
#[derive(Debug)]
pub struct Call<'a> {
    /// The call's name, not yet looked up in the contract.
    pub name: Cow<'a, str>,
    /// The input as the caller wrote it.
    pub data: Data<'a>,
}

/// Whom a directed publish is for: the union of the three lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Targets {
    /// Users by name.
    #[serde(default)]
    pub users: Vec<String>,
    /// Connections by id.
    #[serde(default)]
    pub connections: Vec<String>,
    /// Roles of the members' tokens.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// Which part of the history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From where, and in which direction.
    pub from: From,
    /// How many messages at most.
    pub size: u64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The newest messages with a smaller seq.
    Before(u64),
    /// The oldest messages with a greater seq.
    After(u64),
    /// The newest messages.
    Head,
}

impl Page {
    /// How many messages a page has where no limit is given (rule E2).
    pub const LIMIT_DEFAULT: u64 = 50;
    /// The most messages of a page; a greater limit is taken as this (rule E2).
    pub const LIMIT_MAX: u64 = 100;

    /// The page that is asked for.
    ///
    /// # Errors
    /// `bad_frame` where both directions or a limit of 0 were asked for.
    pub fn new(before: Option<u64>, after: Option<u64>, limit: Option<u64>) -> Result<Self, Refusal> {
        let from = match (before, after) {
            (Some(_), Some(_)) => return Err(bad("Ask for `before` or `after`, not both.")),
            (Some(before), None) => From::Before(before),
            (None, Some(after)) => From::After(after),
            (None, None) => From::Head,
        };
        match limit.unwrap_or(Self::LIMIT_DEFAULT) {
            0 => Err(bad("`limit` is at least 1.")),
            limit => Ok(Self { from, size: limit.min(Self::LIMIT_MAX) }),
        }
    }
}

/// Parses a text frame: one object, or an array of at most `batch` of them, in order.
///
/// # Errors
/// One refusal for the whole frame, of which then nothing is taken: it is no I-JSON, or has too many members.
pub fn parse(text: &str, batch: usize) -> Result<Vec<Incoming<'_>>, Refusal> {
    parse_typed(text, batch, &Untyped)
}

/// [`parse`], with the data of each publish read into its type on the way, where the types know it.
///
/// # Errors
/// As [`parse`].
pub fn parse_typed<'a>(text: &'a str, batch: usize, types: &'a dyn Types) -> Result<Vec<Incoming<'a>>, Refusal> {
    match parse_in_one_pass(text, batch, None, types) {
        Some((members, _)) => Ok(members),
        None => parse_closely(text, batch),
    }
}

fn parse_closely(text: &str, batch: usize) -> Result<Vec<Incoming<'_>>, Refusal> {
    ijson::check(text).map_err(|message| Refusal::new(Code::BadFrame, message))?;
    if !text.trim_start().starts_with('[') {
        return Ok(vec![parse_one(text, None)]);
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Refusal::from(Code::BadFrame))?;
    if members.len() > batch {
        return Err(Refusal::new(Code::TooLarge, format!("An array has at most {batch} frames; nothing was taken.")));
    }
    Ok(members.into_iter().map(|member| parse_one(member.get(), None)).collect())
}

/// Parses the body of a `POST …/messages`: the fields of one publish, or an array of them (rule E2).
/// The flag tells whether it was an array.
///
/// # Errors
/// As [`parse`].
pub fn parse_body(text: &str, batch: usize) -> Result<(Vec<Incoming<'_>>, bool), Refusal> {
    parse_body_typed(text, batch, &Untyped)
}

/// [`parse_body`], with the data of each publish read into its type on the way, where the types know it.
///
/// # Errors
/// As [`parse`].
pub fn parse_body_typed<'a>(
    text: &'a str,
    batch: usize,
    types: &'a dyn Types,
) -> Result<(Vec<Incoming<'a>>, bool), Refusal> {
    match parse_in_one_pass(text, batch, Some("publish"), types) {
        Some(read) => Ok(read),
        None => parse_body_closely(text, batch),
    }
}

fn parse_body_closely(text: &str, batch: usize) -> Result<(Vec<Incoming<'_>>, bool), Refusal> {
    ijson::check(text).map_err(|message| Refusal::new(Code::BadFrame, message.replace("frame", "body")))?;
    if !text.trim_start().starts_with('[') {
        return Ok((vec![parse_one(text, Some("publish"))], false));
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Refusal::from(Code::BadFrame))?;
    if members.len() > batch {
        return Err(Refusal::new(Code::TooLarge, format!("An array has at most {batch} publishes.")));
    }
    Ok((members.into_iter().map(|member| parse_one(member.get(), Some("publish"))).collect(), true))
}

/// What nearly every frame is: I-JSON, and an object or an array of objects. All else is looked at more closely, for
/// the message. The flag tells whether it was an array.
fn parse_in_one_pass<'a>(
    text: &'a str,
    batch: usize,
    assumed: Option<&str>,
    types: &'a dyn Types,
) -> Option<(Vec<Incoming<'a>>, bool)> {
    if !text.trim_start().starts_with('[') {
        let fields = Fields::in_one_pass(text, 0, types)?;
        return Some((vec![incoming(&fields, assumed)], false));
    }
    let members = serde_json::from_str::<Vec<&RawValue>>(text).ok().filter(|members| members.len() <= batch)?;
    let members = members.into_iter().map(|member| {
        let fields = Fields::in_one_pass(member.get(), 1, types)?;
        Some(incoming(&fields, assumed))
    });
    Some((members.collect::<Option<_>>()?, true))
}

fn parse_one<'a>(text: &'a str, assumed: Option<&str>) -> Incoming<'a> {
    let nameless = |refusal| Incoming { id: None, request: Err(refusal) };
    if !text.trim_start().starts_with('{') {
        return nameless(Refusal::new(Code::BadFrame, "A frame is a JSON object, or an array of objects."));
    }
    match Fields::of(text) {
        Some(fields) => incoming(&fields, assumed),
        None => nameless(Code::BadFrame.into()),
    }
}

fn incoming<'a>(fields: &Fields<'a>, assumed: Option<&str>) -> Incoming<'a> {
    match parse_id(fields.id) {
        Ok(id) => Incoming { id, request: parse_request(fields, assumed) },
        Err(refusal) => Incoming { id: None, request: Err(refusal) },
    }
}

fn parse_id(written: Option<&str>) -> Result<Option<RequestId>, Refusal> {
    let Some(written) = written else { return Ok(None) };
    match string(written).as_deref().and_then(RequestId::parse) {
        Some(id) => Ok(Some(id)),
        None => Err(bad("`id` is a string of 1 to 64 characters.")),
    }
}

fn parse_request<'a>(fields: &Fields<'a>, assumed: Option<&str>) -> Result<Request<'a>, Refusal> {
    let kind = match (fields.kind, assumed) {
        (Some(written), _) => string(written).ok_or_else(|| bad("`type` is a string."))?,
        (None, Some(assumed)) => Cow::Owned(assumed.to_owned()),
        (None, None) => return Err(bad("A frame needs a `type`.")),
    };
    if assumed.is_some_and(|assumed| assumed != kind) {
        return Err(Refusal::new(Code::UnknownType, "Only a publish can be posted here."));
    }
    match &*kind {
        "publish" => parse_publish(fields).map(Request::Publish),
        "call" => parse_call(fields).map(Request::Call),
        "auth" => match fields.token.and_then(string) {
            Some(token) => Ok(Request::Auth { token }),
            None => Err(bad("auth needs a `token`, a string.")),
        },
        "presence" => match fields.data {
            Some(data) => Ok(Request::Presence { data }),
            None => Err(bad("presence needs `data`; null leaves the list.")),
        },
        "history" => parse_page(fields).map(Request::History),
        "resume" => Ok(Request::Resume {
            epoch: fields.epoch.and_then(string).map(Cow::into_owned),
            after: fields.after.and_then(|written| number(written).ok()),
        }),
        _ => Err(Code::UnknownType.into()),
    }
}

fn parse_publish<'a>(fields: &Fields<'a>) -> Result<Publish<'a>, Refusal> {
    let Some(event) = fields.event.and_then(string) else {
        return Err(bad("publish needs an `event`, a string."));
    };
    let Some(data) = fields.data else {
        return Err(bad("publish needs `data`; it may be null where the event allows it."));
    };
    let echo = match fields.echo {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(bad("`echo` is true or false.")),
    };
    let if_seq =
        fields.if_seq.map(|written| number(written).map_err(|()| bad("`if_seq` is a whole number."))).transpose()?;
    let to = fields.to.map(parse_targets).transpose()?;
    Ok(Publish { event, data, to, echo, if_seq })
}

fn parse_call<'a>(fields: &Fields<'a>) -> Result<Call<'a>, Refusal> {
    let Some(name) = fields.name.and_then(string) else { return Err(bad("call needs a `name`, a string.")) };
    let Some(data) = fields.data else {
        return Err(bad("call needs `data`; it may be null where the call allows it."));
    };
    if fields.id.is_none() {
        return Err(bad("call needs an `id`, by which its reply is known."));
    }
    Ok(Call { name, data })
}

fn parse_targets(written: &str) -> Result<Targets, Refusal> {
    let wrong = || bad("`to` is an object with lists of strings: `users`, `connections`, `roles`.");
    // An array too would be read as the fields in their order.
    if !written.starts_with('{') {
        return Err(wrong());
    }
    let targets: Targets = serde_json::from_str(written).map_err(|_| wrong())?;
    let named = [&targets.users, &targets.connections, &targets.roles].into_iter().map(Vec::len);
    if named.fold(0, usize::saturating_add) > TARGETS_MAX {
        return Err(Refusal::new(Code::TooLarge, format!("`to` names at most {TARGETS_MAX} targets.")));
    }
    Ok(targets)
}

fn parse_page(fields: &Fields<'_>) -> Result<Page, Refusal> {
    let whole = |written: Option<&str>, name: &str| {
        written.map(|written| number(written).map_err(|()| bad(&format!("`{name}` is a whole number.")))).transpose()
    };
    Page::new(whole(fields.before, "before")?, whole(fields.after, "after")?, whole(fields.limit, "limit")?)
}

/// Up to here a double tells each whole number from the next.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// A whole number as it stands in a query: digits and nothing else.
pub fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A whole number, however it is written: 41.0 and 4.1e1 are 41, as some encoders have it.
fn number(written: &str) -> Result<u64, ()> {
    if let Ok(number) = serde_json::from_str(written) {
        return Ok(number);
    }
    let number: f64 = serde_json::from_str(written).map_err(|_| ())?;
    let whole = number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in range")]
    whole.then_some(number as u64).ok_or(())
}

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadFrame, message)
}

#[cfg(test)]
mod tests;
