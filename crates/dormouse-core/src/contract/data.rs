//! What an event or a presence can carry: what a type must know of itself (rule F3).

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::form::Forms;
use super::path::Path;
use dormouse_protocol::text::Text;

/// What an event or a presence can carry.
///
/// Every type that derives `Deserialize`, `JsonSchema` and `Validate` is one, as `#[dormouse::payload]` has it do. It
/// should have `#[serde(deny_unknown_fields)]`, and so should the types in it; a contract is told when they do not. Its doc
/// comments are shown to clients in `GET /v1/contract`. Lengths in `#[garde(length(chars, …))]` are characters.
pub trait Payload: 'static {
    /// The JSON Schema of the type, complete in itself; nothing for free JSON, which has none and is not checked.
    fn schema() -> Option<Value>;

    /// Reads and validates one value.
    fn check(data: &str) -> Result<(), Misfit>;

    /// Reads and validates the next value of a text, and holds it to the schema, in one pass. Whether all of that was
    /// right: a no may come of doubt too.
    fn fits(_reading: Reading<'_, '_>) -> bool {
        false
    }
}

/// A value that is about to be read: see [`Payload::fits`].
pub struct Reading<'r, 'de> {
    pub(super) text: &'r mut Text<'de>,
    pub(super) forms: &'de Forms,
    /// How many objects and arrays are around it.
    pub(super) depth: usize,
}

impl fmt::Debug for Reading<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// Free JSON: any value at all, passed on as it is. Only its size is checked.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Payload for Json {
    fn schema() -> Option<Value> {
        None
    }

    fn check(_data: &str) -> Result<(), Misfit> {
        Ok(())
    }
}

/// Where data that fits the schema breaks what the type demands beyond it.
#[derive(Clone, Debug)]
pub struct Misfit {
    pub(super) path: Path,
    pub(super) message: Option<String>,
}

impl Misfit {
    /// The place where reading ended. Reading again to find it keeps the usual case fast.
    pub(super) fn unread<T: DeserializeOwned>(data: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(data);
        let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Ok(_) => Path::default(),
            Err(error) => Path::from(error.path()),
        };
        Self { path, message: None }
    }

    pub(super) fn invalid(report: &garde::Report) -> Self {
        let first = report.iter().next();
        let path = first.map(|(path, _)| Path::from(path)).unwrap_or_default();
        Self { path, message: first.map(|(_, error)| error.message().to_owned()) }
    }
}
