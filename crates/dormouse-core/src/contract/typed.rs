//! The check of a text against a type (rule F3): by the type itself, and with the type erased.

use std::sync::OnceLock;

use garde::Validate;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checked::checked;
use super::data::{Misfit, Payload, Reading};
use super::form::Forms;
use super::invalid_data::InvalidData;
use super::judge::judge;
use super::schema::open_object;
use dormouse_protocol::text::Text;

impl<T: DeserializeOwned + JsonSchema + Validate<Context = ()> + 'static> Payload for T {
    fn schema() -> Option<Value> {
        Some(told_schema::<T>(SchemaSettings::draft2020_12()))
    }

    fn check(data: &str) -> Result<(), Misfit> {
        let value: T = serde_json::from_str(data).map_err(|_| Misfit::unread::<T>(data))?;
        value.validate().map_err(|report| Misfit::invalid(&report))
    }

    fn fits(reading: Reading<'_, '_>) -> bool {
        checked::<T>(reading).is_some_and(|value| value.validate().is_ok())
    }
}

/// The JSON Schema of what the application's code hands out, complete in itself.
pub(super) fn schema_of_output<T: JsonSchema>() -> Value {
    told_schema::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn told_schema<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The title that a derive gives is the name of a Rust type, which is no business of the client's.
    if schema.get("title").and_then(Value::as_str) == Some(&T::schema_name()) {
        schema.remove("title");
    }
    schema.to_value()
}

/// A payload's type with the type erased: its schema, and a function that checks a text.
#[derive(Clone, Debug)]
pub(super) struct Data {
    type_name: &'static str,
    told: fn() -> Option<Value>,
    /// Made when it is first asked for: a first welcome does not wait for it. Nothing for free JSON.
    schema: OnceLock<Option<Schema>>,
    check: fn(&str) -> Result<(), Misfit>,
    fits: fn(Reading<'_, '_>) -> bool,
}

/// A schema as it is told, and as data is held to it.
#[derive(Clone, Debug)]
struct Schema {
    told: Value,
    forms: Forms,
}

impl Schema {
    fn of(told: Value) -> Self {
        Self { forms: Forms::of(&told), told }
    }
}

impl Data {
    pub(super) fn of<T: Payload>() -> Self {
        let type_name = std::any::type_name::<T>();
        Self { type_name, told: T::schema, schema: OnceLock::new(), check: T::check, fits: T::fits }
    }

    fn typed(&self) -> Option<&Schema> {
        self.schema.get_or_init(|| (self.told)().map(Schema::of)).as_ref()
    }

    /// The JSON Schema; free JSON is the schema `true`.
    pub(super) fn schema(&self) -> Value {
        self.typed().map_or(Value::Bool(true), |schema| schema.told.clone())
    }

    /// What to say to the developer about the place where a field that nobody declared would go through, if there is
    /// one.
    pub(super) fn lets_unknown_fields_pass(&self) -> Option<String> {
        let path = self.typed().and_then(|schema| open_object(&schema.told))?;
        let (type_name, place) =
            (self.type_name, if path.is_empty() { String::new() } else { format!(" in `{path}`") });
        Some(format!(
            "`{type_name}` lets unknown fields pass{place}: give the type there #[serde(deny_unknown_fields)], or \
             declare free JSON"
        ))
    }

    /// Whether there is a type to be held to.
    pub(super) fn is_typed(&self) -> bool {
        self.typed().is_some()
    }

    /// Reads the next value of a text, so many objects and arrays being around it: whether it is I-JSON and fits. A no
    /// may come of doubt too, and always does for free JSON: [`Data::validate`] knows.
    pub(super) fn fits<'de>(&'de self, text: &mut Text<'de>, depth: usize) -> bool {
        self.typed().is_some_and(|schema| (self.fits)(Reading { text, forms: &schema.forms, depth }))
    }

    pub(super) fn validate(&self, data: &str) -> Result<(), InvalidData> {
        let mut text = Text::new(data);
        if self.fits(&mut text, 0) && text.peek().is_none() { Ok(()) } else { self.look_closely(data) }
    }

    /// Says what is wrong, if anything is.
    pub(super) fn look_closely(&self, data: &str) -> Result<(), InvalidData> {
        let Some(forms) = self.typed().map(|schema| &schema.forms) else { return Ok(()) };
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
