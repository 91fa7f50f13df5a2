//! Judges a text by a JSON Schema in one pass, building a tree only where the schema offers a choice of forms.

use std::cell::{Cell, RefCell};
use std::{fmt, iter};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::data::InvalidData;
use super::path::{Path, Step};
use super::schema::{ANY, allows, bounds, forms, must_be, resolve};

/// How many values are looked at before a text is given up. A frame has less than 33,000; more are looked at only
/// when forms that cannot be told apart lie nested in each other.
const STEPS_MAX: u32 = 200_000;
/// How many names of fields are told to whoever used another.
const NAMES_TOLD_MAX: usize = 12;

/// Finds the first place, in the order of the text, where it breaks the schema.
pub(super) fn judge(schema: &Value, data: &str) -> Result<(), InvalidData> {
    let court = Court { root: schema, steps: Cell::new(STEPS_MAX), fault: RefCell::default() };
    let mut reader = serde_json::Deserializer::from_str(data);
    let judged = Judge { schema, court: &court }.deserialize(&mut reader).and_then(|()| reader.end());
    let Err(_) = judged else { return Ok(()) };
    let fault = court.fault.take().unwrap_or_else(|| Fault::new("must be JSON".to_owned()));
    Err(InvalidData { path: Path::from_inside_out(fault.steps).to_string(), message: fault.message })
}

/// What all judges of one text share.
struct Court<'s> {
    root: &'s Value,
    steps: Cell<u32>,
    /// The fault that the error on its way up stands for; serde's errors carry nothing but text.
    fault: RefCell<Option<Fault>>,
}

/// What is wrong, and the steps to it, innermost first.
struct Fault {
    steps: Vec<Step>,
    message: String,
}

impl Fault {
    const fn new(message: String) -> Self {
        Self { steps: Vec::new(), message }
    }
}

/// Judges one value by one schema.
#[derive(Clone, Copy)]
struct Judge<'s> {
    schema: &'s Value,
    court: &'s Court<'s>,
}

impl<'s> Judge<'s> {
    fn of(self, schema: &'s Value) -> Self {
        Self { schema, court: self.court }
    }

    fn refuse<E: Error>(self, message: String) -> E {
        self.court.fault.replace(Some(Fault::new(message)));
        E::custom("")
    }

    fn misfit<E: Error>(self) -> E {
        self.refuse(must_be(self.schema, self.court.root))
    }

    /// Notes on an error's way up which step led to it.
    fn inside<T, E>(self, result: Result<T, E>, step: impl FnOnce() -> Step) -> Result<T, E> {
        if result.is_err()
            && let Some(fault) = self.court.fault.borrow_mut().as_mut()
        {
            fault.steps.push(step());
        }
        result
    }

    fn demand<E: Error>(self, holds: bool) -> Result<(), E> {
        if holds { Ok(()) } else { Err(self.misfit()) }
    }

    /// Whether a scalar is among the values that the schema lists, if it lists any.
    fn lists(self, value: impl Fn() -> Value) -> bool {
        let constant = self.schema.get("const").is_none_or(|constant| *constant == value());
        let listed = self.schema.get("enum").and_then(Value::as_array);
        constant && listed.is_none_or(|values| values.contains(&value()))
    }

    fn number<E: Error>(self, value: f64, whole: bool, exact: impl Fn() -> Value) -> Result<(), E> {
        let kind = allows(self.schema, "number") || whole && allows(self.schema, "integer");
        let (min, max) = bounds(self.schema);
        let within = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        self.demand(kind && within && self.lists(exact))
    }

    /// Judges a value that must fit one of several forms.
    fn choose<E: Error>(self, forms: &'s [Value], value: &Value) -> Result<(), E> {
        let mut deepest: Option<Fault> = None;
        let mut tied = false;
        for form in forms.iter().filter(|form| may_fit(resolve(form, self.court.root), value)) {
            let Err(_) = self.of(form).deserialize(value) else { return Ok(()) };
            let Some(fault) = self.court.fault.take() else { continue };
            let depth = deepest.as_ref().map_or(0, |fault| fault.steps.len());
            tied = deepest.is_some() && fault.steps.len() == depth;
            if deepest.is_none() || fault.steps.len() > depth {
                deepest = Some(fault);
            }
        }
        match deepest {
            Some(fault) if !tied => {
                self.court.fault.replace(Some(fault));
                Err(E::custom(""))
            }
            _ => Err(self.misfit()),
        }
    }
}

/// Whether a value could be of this form, by its JSON type and by its tags: without this look at the tags first,
/// nested choices would cost a time that doubles with each level.
fn may_fit(form: &Value, value: &Value) -> bool {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => return allows(form, "number") || allows(form, "integer"),
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fields = form.get("properties").and_then(Value::as_object);
    let mut tags = fields.into_iter().flatten().filter_map(|(name, field)| Some((name, field.get("const")?)));
    allows(form, kind) && (!value.is_object() || tags.all(|(name, tag)| value.get(name) == Some(tag)))
}

impl<'de> DeserializeSeed<'de> for Judge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(left) = self.court.steps.get().checked_sub(1) else {
            return Err(self.refuse("is too intricate to be checked".to_owned()));
        };
        self.court.steps.set(left);
        let judge = self.of(resolve(self.schema, self.court.root));
        let schema = match judge.schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return Err(judge.refuse("must not be there".to_owned())),
            _ => return IgnoredAny::deserialize(deserializer).map(|_| ()),
        };
        if !schema.contains_key("oneOf") && !schema.contains_key("anyOf") {
            return deserializer.deserialize_any(judge);
        }
        let value = Value::deserialize(deserializer)?;
        (&value).deserialize_any(judge).map_err(Error::custom)?;
        forms(judge.schema).map_or(Ok(()), |forms| judge.choose(forms, &value))
    }
}

impl<'de> Visitor<'de> for Judge<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that fits its schema")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.demand(allows(self.schema, "null") && self.lists(|| Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.demand(allows(self.schema, "boolean") && self.lists(|| value.into()))
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds near 2^53 are the type's to check, and it does")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(value as f64, true, || value.into())
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds near 2^53 are the type's to check, and it does")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(value as f64, true, || value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(value, false, || value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let length = value.chars().count();
        let bounded = self.holds_count("minLength", "maxLength", length);
        self.demand(allows(self.schema, "string") && bounded && self.lists(|| value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.demand(allows(self.schema, "array"))?;
        let first = self.schema.get("prefixItems");
        let rest = self.schema.get("items").unwrap_or(&ANY);
        let mut count = 0_usize;
        loop {
            let schema = first.and_then(|first| first.get(count)).unwrap_or(rest);
            let item = self.inside(items.next_element_seed(self.of(schema)), || Step::Index(count));
            if item?.is_none() {
                return self.demand(self.holds_count("minItems", "maxItems", count));
            }
            count = count.saturating_add(1);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.demand(allows(self.schema, "object"))?;
        let mut seen = 0;
        while let Some(field) = fields.next_key_seed(Key(self))? {
            if let Field::Declared(name, _) = field {
                seen |= self.required().find(|(_, required)| *required == name).map_or(0, |(bit, _)| bit);
            }
            self.inside(fields.next_value_seed(self.of(field.schema())), || Step::Key(field.into_name()))?;
        }
        let Some((_, missing)) = self.required().find(|(bit, _)| seen & bit == 0) else { return Ok(()) };
        let schema = self.schema.get("properties").and_then(|fields| fields.get(missing)).unwrap_or(&ANY);
        let refusal = self.refuse(format!("is missing: it {}", must_be(schema, self.court.root)));
        self.inside(Err(refusal), || Step::Key(missing.to_owned()))
    }
}

impl<'s> Judge<'s> {
    /// The fields the object must have, each with a bit of its own.
    fn required(self) -> impl Iterator<Item = (u64, &'s str)> {
        let names = self.schema.get("required").and_then(Value::as_array).into_iter().flatten();
        iter::successors(Some(1_u64), |bit| bit.checked_mul(2)).zip(names.filter_map(Value::as_str))
    }

    fn holds_count(self, min: &str, max: &str, count: usize) -> bool {
        let bound = |word| self.schema.get(word).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
        bound(min).is_none_or(|min| count >= min) && bound(max).is_none_or(|max| count <= max)
    }

    /// What the schema says of a field by its name.
    fn field<E: Error>(self, name: &str) -> Result<Field<'s>, E> {
        let declared = self.schema.get("properties").and_then(Value::as_object);
        if let Some((name, schema)) = declared.and_then(|fields| fields.get_key_value(name)) {
            return Ok(Field::Declared(name, schema));
        }
        let rest = self.schema.get("additionalProperties").unwrap_or(&ANY);
        if *rest != Value::Bool(false) || self.schema.get("patternProperties").is_some() {
            return Ok(if rest.is_object() { Field::Other(name.to_owned(), rest) } else { Field::Free });
        }
        let names: Vec<_> = declared.into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
        let refusal = self.refuse(match names.as_slice() {
            [] => "is no field here: there are none".to_owned(),
            names if names.len() > NAMES_TOLD_MAX => "is no field here: see the schema in GET /v1/contract".to_owned(),
            names => format!("is no field here: there is only {}", names.join(", ")),
        });
        self.inside(Err(refusal), || Step::Key(name.to_owned()))
    }
}

/// A field of an object, as the schema has it.
enum Field<'s> {
    Declared(&'s str, &'s Value),
    Other(String, &'s Value),
    Free,
}

impl<'s> Field<'s> {
    fn schema(&self) -> &'s Value {
        match self {
            Self::Declared(_, schema) | Self::Other(_, schema) => schema,
            Self::Free => &ANY,
        }
    }

    fn into_name(self) -> String {
        match self {
            Self::Declared(name, _) => name.to_owned(),
            Self::Other(name, _) => name,
            Self::Free => String::new(),
        }
    }
}

/// Reads the name of a field without keeping it, and finds what the schema says of it.
struct Key<'s>(Judge<'s>);

impl<'de, 's> DeserializeSeed<'de> for Key<'s> {
    type Value = Field<'s>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<'s>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'s> Visitor<'_> for Key<'s> {
    type Value = Field<'s>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Field<'s>, E> {
        self.0.field(name)
    }
}
