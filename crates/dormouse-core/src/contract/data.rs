//! The types of what is said, and the check of a text against one (rule F3).

use std::fmt;

use garde::Validate;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checked::checked;
use super::form::Forms;
use super::judge::judge;
use super::path::Path;
use super::schema::open_object;
use dormouse_protocol::text::Text;

/// What data does not fit: where, and what is expected there (rule R1, `invalid_data`).
///
/// It is told in the words of the contract's schema alone, so it names no type of ours (rule R2). As text it is fit to
/// be the `message` of a refusal: `data.items[3].x: must be a whole number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidData {
    /// The place in `data`: `text`, `items[3].x`, or nothing for the whole.
    pub path: String,
    /// What is expected there, as the sentence that goes on after the path: `must be a whole number`.
    pub message: String,
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        write!(f, "data{separator}{}: {}", self.path, self.message)
    }
}

/// What an event or a presence can carry.
///
/// Every type that derives `Deserialize`, `JsonSchema` and `Validate` is one. It should have
/// `#[serde(deny_unknown_fields)]`, and so should the types in it; a contract is told when they do not. Its doc
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

impl<T: DeserializeOwned + JsonSchema + Validate<Context = ()> + 'static> Payload for T {
    fn schema() -> Option<Value> {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let mut schema = settings.into_generator().into_root_schema_for::<T>();
        // The title that a derive gives is the name of a Rust type, which is no business of the client's.
        if schema.get("title").and_then(Value::as_str) == Some(&T::schema_name()) {
            schema.remove("title");
        }
        Some(schema.to_value())
    }

    fn check(data: &str) -> Result<(), Misfit> {
        let value: T = serde_json::from_str(data).map_err(|_| Misfit::unread::<T>(data))?;
        value.validate().map_err(|report| Misfit::invalid(&report))
    }

    fn fits(reading: Reading<'_, '_>) -> bool {
        checked::<T>(reading).is_some_and(|value| value.validate().is_ok())
    }
}

/// Where data that fits the schema breaks what the type demands beyond it.
#[derive(Clone, Debug)]
pub struct Misfit {
    path: Path,
    message: Option<String>,
}

impl Misfit {
    /// The place where reading ended. Reading again to find it keeps the usual case fast.
    fn unread<T: DeserializeOwned>(data: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(data);
        let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Ok(_) => Path::default(),
            Err(error) => Path::from(error.path()),
        };
        Self { path, message: None }
    }

    fn invalid(report: &garde::Report) -> Self {
        let first = report.iter().next();
        let path = first.map(|(path, _)| Path::from(path)).unwrap_or_default();
        Self { path, message: first.map(|(_, error)| error.message().to_owned()) }
    }
}

/// A payload's type with the type erased: its schema, and a function that checks a text.
#[derive(Clone, Debug)]
pub(super) struct Data {
    type_name: &'static str,
    /// Nothing for free JSON.
    schema: Option<(Value, Forms)>,
    check: fn(&str) -> Result<(), Misfit>,
    fits: fn(Reading<'_, '_>) -> bool,
}

impl Data {
    pub(super) fn of<T: Payload>() -> Self {
        let schema = T::schema().map(|schema| {
            let forms = Forms::of(&schema);
            (schema, forms)
        });
        Self { type_name: std::any::type_name::<T>(), schema, check: T::check, fits: T::fits }
    }

    /// The JSON Schema; free JSON is the schema `true`.
    pub(super) fn schema(&self) -> Value {
        self.schema.as_ref().map_or(Value::Bool(true), |(schema, _)| schema.clone())
    }

    /// What to say to the developer about the place where a field that nobody declared would go through, if there is
    /// one.
    pub(super) fn lets_unknown_fields_pass(&self) -> Option<String> {
        let path = self.schema.as_ref().and_then(|(schema, _)| open_object(schema))?;
        let (type_name, place) =
            (self.type_name, if path.is_empty() { String::new() } else { format!(" in `{path}`") });
        Some(format!(
            "`{type_name}` lets unknown fields pass{place}: give the type there #[serde(deny_unknown_fields)], or \
             declare free JSON"
        ))
    }

    /// Whether there is a type to be held to.
    pub(super) const fn is_typed(&self) -> bool {
        self.schema.is_some()
    }

    /// Reads the next value of a text, so many objects and arrays being around it: whether it is I-JSON and fits. A no
    /// may come of doubt too, and always does for free JSON: [`Data::validate`] knows.
    pub(super) fn fits<'de>(&'de self, text: &mut Text<'de>, depth: usize) -> bool {
        self.schema.as_ref().is_some_and(|(_, forms)| (self.fits)(Reading { text, forms, depth }))
    }

    pub(super) fn validate(&self, data: &str) -> Result<(), InvalidData> {
        let mut text = Text::new(data);
        if self.fits(&mut text, 0) && text.peek().is_none() { Ok(()) } else { self.look_closely(data) }
    }

    /// Says what is wrong, if anything is.
    pub(super) fn look_closely(&self, data: &str) -> Result<(), InvalidData> {
        let Some((_, forms)) = &self.schema else { return Ok(()) };
        // The schema is asked too, since it is what was promised, and serde alone is laxer: it takes an array for a
        // struct, an object for the name of a variant, and lets unknown fields by in a tagged variant without any.
        judge(forms, data)?;
        (self.check)(data).map_err(|misfit| {
            let path = misfit.path.within(data);
            let expected = || forms.place(&path).map_or("does not fit its type", |form| &form.must_be).to_owned();
            let message = misfit.message.map_or_else(expected, |why| format!("is refused: {why}"));
            InvalidData { path: path.to_string(), message }
        })
    }
}
