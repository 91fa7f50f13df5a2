//! Judges a text by a JSON Schema in one pass, building a tree only where the schema offers a choice of forms.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::{fmt, iter};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::data::InvalidData;
use super::path::{Path, Step};
use super::schema::{ANY, allows, array, bounds, forms, must_be, object, resolve};

/// How many values are looked at for each byte of the text before it is given up. A text has one in two bytes at
/// most, and each is looked at three times or less; more is looked at only where forms that cannot be told apart lie
/// nested in each other, and the tries double with each level.
const STEPS_PER_BYTE: usize = 8;
/// How deep judges may stand in each other: twice in each of the 64 levels of a frame (rule R4), and some to spare.
const DEPTH_MAX: usize = 200;
/// How many names of fields are told to whoever used another.
const NAMES_TOLD_MAX: usize = 12;

/// Finds the first place, in the order of the text, where it breaks the schema.
pub(super) fn judge(schema: &Value, data: &str) -> Result<(), InvalidData> {
    let steps = data.len().saturating_add(1).saturating_mul(STEPS_PER_BYTE);
    let court = Court { root: schema, steps: Cell::new(steps), fault: RefCell::default() };
    let mut reader = serde_json::Deserializer::from_str(data);
    let judged = Judge { schema, court: &court, depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end());
    let Err(_) = judged else { return Ok(()) };
    let fault = match court.fault.take() {
        _ if court.steps.get() == 0 => Fault::new("is too intricate to be checked".to_owned()),
        Some(fault) => fault,
        None => Fault::new("must be JSON".to_owned()),
    };
    Err(InvalidData { path: Path::from_inside_out(fault.steps).to_string(), message: fault.message })
}

/// What all judges of one text share.
struct Court<'s> {
    root: &'s Value,
    steps: Cell<usize>,
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
    depth: usize,
}

impl<'s> Judge<'s> {
    fn of(self, schema: &'s Value) -> Self {
        Self { schema, court: self.court, depth: self.depth.saturating_add(1) }
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
        let mut forms: Vec<_> = forms.iter().map(|form| resolve(form, self.court.root)).collect();
        forms.retain(|form| is_alike(form, value));
        if forms.iter().any(|form| has_the_fields(form, value)) {
            forms.retain(|form| has_the_fields(form, value));
        }
        let mut deepest: Option<Fault> = None;
        let mut tied = false;
        for form in forms {
            let Err(_) = self.of(form).deserialize(value) else { return Ok(()) };
            let Some(fault) = self.court.fault.take() else { continue };
            let order = deepest.as_ref().map_or(Ordering::Greater, |held| fault.steps.len().cmp(&held.steps.len()));
            if order == Ordering::Greater {
                deepest = Some(fault);
            }
            tied = (tied && order == Ordering::Less) || order == Ordering::Equal;
        }
        match deepest {
            Some(fault) if !tied && !fault.steps.is_empty() => {
                self.court.fault.replace(Some(fault));
                Err(E::custom(""))
            }
            _ => Err(self.misfit()),
        }
    }
}

/// Whether a value could be of this form by its JSON type and its tags. Without this look ahead, nested choices would
/// cost a time that doubles with each level.
fn is_alike(form: &Value, value: &Value) -> bool {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => return allows(form, "number") || allows(form, "integer"),
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut tags = object(form, "properties").filter_map(|(name, field)| Some((name, field.get("const")?)));
    allows(form, kind) && (!value.is_object() || tags.all(|(name, tag)| value.get(name) == Some(tag)))
}

/// Whether an object has every field that the form must have, and none that it cannot have.
fn has_the_fields(form: &Value, value: &Value) -> bool {
    let Some(fields) = value.as_object() else { return true };
    let closed = form.get("additionalProperties") == Some(&Value::Bool(false));
    let declared = |name: &String| form.get("properties").is_some_and(|declared| declared.get(name).is_some());
    let required = array(form, "required").filter_map(Value::as_str).all(|name| fields.contains_key(name));
    required && (!closed || fields.keys().all(declared))
}

impl<'de> DeserializeSeed<'de> for Judge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let left = self.court.steps.get().saturating_sub(1);
        self.court.steps.set(if self.depth > DEPTH_MAX { 0 } else { left });
        if self.court.steps.get() == 0 {
            return Err(D::Error::custom(""));
        }
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
        let names = array(self.schema, "required").filter_map(Value::as_str);
        iter::successors(Some(1_u64), |bit| bit.checked_mul(2)).zip(names)
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
            [] => "is unknown here: there are no fields".to_owned(),
            [name] => format!("is unknown here: the only field is {name}"),
            names if names.len() > NAMES_TOLD_MAX => "is unknown here: GET /v1/contract has the fields".to_owned(),
            names => format!("is unknown here: the fields are {}", names.join(", ")),
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
