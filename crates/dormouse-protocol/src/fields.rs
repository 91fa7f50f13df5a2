//! The fields of a request as they stand in its text, found in the one pass that checks that the text is I-JSON.
//!
//! What that pass does not take is looked at again by [`ijson::check`], which says what is wrong; so it need only be
//! right where it says yes.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde::de::DeserializeSeed;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ijson::{self, Reader, Scan, has_only_characters};
use super::keys::Keys;
use super::text::Text;

/// Knows the types of what is published: reads the data of an event into its type while the frame is read, so that it
/// is walked once.
pub trait Types {
    /// Whether the data of this event is to be read so.
    fn has(&self, event: &str) -> bool;

    /// Reads the next value of a text, so many objects and arrays being around it. Whether it is I-JSON and fits the
    /// event's type: where it says yes, all of the value was read and found right. A no may come of doubt too, and says
    /// nothing of how far the text is read.
    fn fit<'de>(&'de self, event: &str, text: &mut Text<'de>, depth: usize) -> bool;
}

/// No event has a type.
#[derive(Clone, Copy, Debug)]
pub struct Untyped;

impl Types for Untyped {
    fn has(&self, _: &str) -> bool {
        false
    }

    fn fit<'de>(&'de self, _: &str, _: &mut Text<'de>, _: usize) -> bool {
        false
    }
}

/// A payload as it was written, byte for byte (rule F3), and what was found out about it on the way.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    text: &'a str,
    fit: Fit,
}

/// Whether data fits the type of its event, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It was read into the type, and is right.
    Right,
    /// It was tried, and takes a closer look.
    Unsure,
    /// Nobody looked.
    Unknown,
}

impl<'a> Data<'a> {
    /// A payload that nobody looked at: the text of one I-JSON value, without whitespace around it.
    pub const fn unread(text: &'a str) -> Self {
        Self { text, fit: Fit::Unknown }
    }

    /// The text of one I-JSON value, without whitespace around it.
    pub const fn get(self) -> &'a str {
        self.text
    }

    /// Whether it fits the type of its event, as far as is known.
    pub const fn fit(self) -> Fit {
        self.fit
    }
}

/// The fields of every request, each as written: which are needed is the business of its type. One that is `null` is
/// there, and wrong: a `to` that came out empty must not tell everyone.
#[derive(Default, Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "as_written")]
    pub(super) kind: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) id: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) event: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) name: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_data")]
    pub(super) data: Option<Data<'a>>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) to: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) echo: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) if_seq: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) token: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) epoch: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) before: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) after: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    pub(super) limit: Option<&'a str>,
}

/// Keeps `null` apart from a field that is not there.
fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de str>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(|raw| Some(raw.get()))
}

fn as_data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Data<'de>>, D::Error> {
    let text = as_written(deserializer)?;
    Ok(text.map(|text| Data { text, fit: Fit::Unknown }))
}

impl<'a> Fields<'a> {
    /// The fields of a request in a text that is known to be I-JSON; `None` of one that is no request's.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The fields of a request that is the whole of a text, or in as many arrays as `depth` says. `None` where a closer
    /// look is needed: it may be no I-JSON.
    pub(super) fn in_one_pass(text: &'a str, depth: usize, types: &'a dyn Types) -> Option<Self> {
        let depth = depth.saturating_add(1);
        let mut pass = Pass { whole: text, text: Text::new(text), scan: OnceCell::new(), depth, types };
        let fields = pass.object()?;
        let ends = pass.text.peek().is_none();
        (ends && pass.scan.get().is_none_or(|scan| scan.holds_whole_numbers(text))).then_some(fields)
    }

    fn place(&mut self, key: &str) -> Option<&mut Option<&'a str>> {
        Some(match key {
            "type" => &mut self.kind,
            "id" => &mut self.id,
            "event" => &mut self.event,
            "name" => &mut self.name,
            "to" => &mut self.to,
            "echo" => &mut self.echo,
            "if_seq" => &mut self.if_seq,
            "token" => &mut self.token,
            "epoch" => &mut self.epoch,
            "before" => &mut self.before,
            "after" => &mut self.after,
            "limit" => &mut self.limit,
            _ => return None,
        })
    }
}

/// The pass over one request.
struct Pass<'a> {
    whole: &'a str,
    text: Text<'a>,
    /// What the values share that are not read by hand: often there are none.
    scan: OnceCell<Scan<'a>>,
    /// How many objects and arrays are around the fields, the request among them.
    depth: usize,
    types: &'a dyn Types,
}

impl<'a> Pass<'a> {
    fn object(&mut self) -> Option<Fields<'a>> {
        let mut fields = Fields::default();
        let unknown = Keys::default();
        if !self.text.take(b'{') {
            return None;
        }
        if !self.text.take(b'}') {
            self.field(&mut fields, &unknown)?;
            while self.text.take(b',') {
                self.field(&mut fields, &unknown)?;
            }
            if !self.text.take(b'}') {
                return None;
            }
        }
        unknown.end(0).ok()?;
        Some(fields)
    }

    /// One field: of those that a request can have, each has a place; the others are known by name alone.
    fn field(&mut self, fields: &mut Fields<'a>, unknown: &Keys<'a>) -> Option<()> {
        self.text.peek()?;
        let key = self.text.string()?;
        if !self.text.take(b':') {
            return None;
        }
        self.text.peek()?;
        if key == "data" {
            let data = self.data(fields.event)?;
            return fields.data.replace(data).is_none().then_some(());
        }
        let written = self.value()?;
        match fields.place(&key) {
            Some(place) => place.replace(written).is_none().then_some(()),
            None => unknown.insert(0, key).ok(),
        }
    }

    /// The data, read into the type of the event where that is known by now.
    fn data(&mut self, event: Option<&str>) -> Option<Data<'a>> {
        let Some(event) = event.and_then(string).filter(|event| self.types.has(event)) else {
            return Some(Data { text: self.value()?, fit: Fit::Unknown });
        };
        let at = self.text.at();
        if self.types.fit(&event, &mut self.text, self.depth) {
            return Some(Data { text: self.text.since(at)?, fit: Fit::Right });
        }
        self.text.back(at);
        Some(Data { text: self.value()?, fit: Fit::Unsure })
    }

    /// Any value, as written.
    fn value(&mut self) -> Option<&'a str> {
        let at = self.text.at();
        if self.text.plain_string().is_some() {
            return self.text.since(at);
        }
        let mut reader = Reader::from_str(self.text.rest());
        let scan = self.scan.get_or_init(|| Scan::new(has_only_characters(self.whole)));
        scan.value(self.depth).deserialize(&mut reader).ok()?;
        self.text.skip(ijson::offset(reader))
    }
}

/// The string that a value is, borrowed where it has no escapes: the names and ids of nearly every frame.
pub(super) fn string(written: &str) -> Option<Cow<'_, str>> {
    if let Ok(text) = serde_json::from_str::<&str>(written) {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str::<String>(written).ok().map(Cow::Owned)
}
