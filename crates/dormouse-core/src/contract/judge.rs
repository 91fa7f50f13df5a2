//! Judges a text by a schema's forms in one pass, building a tree only where there is a choice of forms. Serde's derives do
//! not judge: they take a list for a struct.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::form::{Field, Form, FormId, Forms, Kind, Others, Scalar};
use super::invalid_data::InvalidData;
use super::path::{Path, Step};

/// How many values are looked at for each byte of the text before it is given up. A text has one in two bytes at
/// most, and each is looked at three times or less; more is looked at only where forms that cannot be told apart lie
/// nested in each other, and the tries double with each level.
const STEPS_PER_BYTE: usize = 8;
/// How deep judges may stand in each other: twice in each of the 64 levels of a frame (rule R4), and some to spare.
pub(super) const DEPTH_MAX: usize = 200;
/// How many names of fields are told to whoever used another.
const NAMES_TOLD_MAX: usize = 12;

/// How long a message may be for another possibility to be added to it, in bytes.
const MESSAGE_MAX: usize = 200;

/// Finds the first place, in the order of the text, where it breaks the schema.
pub(super) fn judge(forms: &Forms, data: &str) -> Result<(), InvalidData> {
    let steps = data.len().saturating_add(1).saturating_mul(STEPS_PER_BYTE);
    let court = Court { forms, steps: Cell::new(steps), fault: RefCell::default() };
    let mut reader = serde_json::Deserializer::from_str(data);
    let judge = Judge { form: forms.root(), court: &court, depth: 0 };
    let Err(_) = judge.deserialize(&mut reader).and_then(|()| reader.end()) else { return Ok(()) };
    let fault = match court.fault.take() {
        _ if court.steps.get() == 0 => Fault::new("is too intricate to be checked".to_owned()),
        Some(fault) => fault,
        None => Fault::new("must be JSON".to_owned()),
    };
    Err(InvalidData { path: Path::from_inside_out(fault.steps).to_string(), message: fault.message })
}

/// What all judges of one text share.
struct Court<'s> {
    forms: &'s Forms,
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

    /// Of two forms that do not fit, the deeper fault tells which was meant; in one place, both say what is expected.
    fn or_deeper(self, other: Self) -> Self {
        match self.steps.len().cmp(&other.steps.len()) {
            Ordering::Greater => self,
            Ordering::Less => other,
            Ordering::Equal if self.steps == other.steps => self.merged(&other),
            // Two places at odds: the whole value is to blame.
            Ordering::Equal => Self::new(String::new()),
        }
    }

    fn merged(mut self, other: &Self) -> Self {
        if !self.message.contains(&other.message) && self.message.len() <= MESSAGE_MAX {
            self.message = format!("{}, or {}", self.message, other.message);
        }
        self
    }
}

/// Judges one value by one form, or skips it where there is none.
#[derive(Clone, Copy)]
struct Judge<'s> {
    form: Option<&'s Form>,
    court: &'s Court<'s>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Judge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(form) = self.form else { return IgnoredAny::deserialize(deserializer).map(|_| ()) };
        let left = self.court.steps.get().saturating_sub(1);
        self.court.steps.set(if self.depth > DEPTH_MAX { 0 } else { left });
        if self.court.steps.get() == 0 {
            return Err(D::Error::custom(""));
        }
        let trial = Trial { form, judge: self };
        if form.choices.is_empty() {
            return deserializer.deserialize_any(trial);
        }
        let value = Value::deserialize(deserializer)?;
        (&value).deserialize_any(trial).map_err(Error::custom)?;
        trial.choose(&value)
    }
}

/// A value held against a form.
#[derive(Clone, Copy)]
struct Trial<'s> {
    form: &'s Form,
    judge: Judge<'s>,
}

impl<'s> Trial<'s> {
    fn inner(self, id: FormId) -> Judge<'s> {
        let Judge { court, depth, .. } = self.judge;
        Judge { form: court.forms.at(id), court, depth: depth.saturating_add(1) }
    }

    fn demand<E: Error>(self, holds: bool) -> Result<(), E> {
        if holds { Ok(()) } else { Err(self.refuse(self.form.must_be.clone())) }
    }

    fn refuse<E: Error>(self, message: String) -> E {
        self.judge.court.fault.replace(Some(Fault::new(message)));
        E::custom("")
    }

    /// Refuses a field of the object that is judged.
    fn refuse_field<E: Error>(self, name: &str, message: String) -> E {
        let fault = Fault { steps: vec![Step::Key(name.to_owned())], message };
        self.judge.court.fault.replace(Some(fault));
        E::custom("")
    }

    /// Notes on an error's way up which step led to it.
    fn within<T, E>(self, result: Result<T, E>, step: impl FnOnce() -> Step) -> Result<T, E> {
        if result.is_err()
            && let Some(fault) = self.judge.court.fault.borrow_mut().as_mut()
        {
            fault.steps.push(step());
        }
        result
    }

    /// Judges a value that must have one of several forms.
    fn choose<E: Error>(self, value: &Value) -> Result<(), E> {
        let mut choices: Vec<_> = self.form.choices.iter().map(|id| self.inner(*id)).collect();
        choices.retain(|judge| judge.form.is_none_or(|form| is_alike(form, value)));
        if choices.iter().any(|judge| judge.form.is_none_or(|form| has_the_fields(form, value))) {
            choices.retain(|judge| judge.form.is_none_or(|form| has_the_fields(form, value)));
        }
        let mut deepest: Option<Fault> = None;
        for judge in choices {
            let Err(_) = judge.deserialize(value) else { return Ok(()) };
            let fault = self.judge.court.fault.take();
            deepest = match (deepest, fault) {
                (Some(held), Some(fault)) => Some(held.or_deeper(fault)),
                (held, fault) => held.or(fault),
            };
        }
        match deepest {
            Some(fault) if !fault.steps.is_empty() => {
                self.judge.court.fault.replace(Some(fault));
                Err(E::custom(""))
            }
            _ => self.demand(false),
        }
    }

    /// Says that the object has no field of this name.
    fn unknown<E: Error>(self, name: &str) -> E {
        let names: Vec<_> = self.form.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let message = match names.as_slice() {
            [] => "is unknown here: there are no fields".to_owned(),
            [name] => format!("is unknown here: the only field is {name}"),
            names if names.len() > NAMES_TOLD_MAX => "is unknown here: GET /v1/contract has the fields".to_owned(),
            names => format!("is unknown here: the fields are {}", names.join(", ")),
        };
        self.refuse_field(name, message)
    }

    fn missing<E: Error>(self, field: &Field) -> E {
        let form = self.judge.court.forms.at(field.form);
        let expected = form.map_or_else(String::new, |form| format!(": it {}", form.must_be));
        self.refuse_field(&field.name, format!("is missing{expected}"))
    }
}

/// Whether a value could have this form by its type and its tags. Without this look ahead, nested choices would cost
/// a time that doubles with each level.
fn is_alike(form: &Form, value: &Value) -> bool {
    let fields = match value {
        Value::Null => return form.allows(Kind::Null),
        Value::Bool(_) => return form.allows(Kind::Boolean),
        Value::Number(number) => return form.allows(if number.is_f64() { Kind::Fraction } else { Kind::Integer }),
        Value::String(_) => return form.allows(Kind::String),
        Value::Array(_) => return form.allows(Kind::Array),
        Value::Object(fields) => fields,
    };
    let tagged = |field: &Field| field.tag.as_ref().is_none_or(|tag| fields.get(&*field.name) == Some(tag));
    form.allows(Kind::Object) && form.fields.iter().all(tagged)
}

/// Whether an object has every field that the form must have, and none that it cannot have.
fn has_the_fields(form: &Form, value: &Value) -> bool {
    let Some(fields) = value.as_object() else { return true };
    let closed = matches!(form.others, Others::Refused);
    let required = form.fields.iter().all(|field| field.bit == 0 || fields.contains_key(&*field.name));
    required && (!closed || fields.keys().all(|name| form.field(name).is_some()))
}

impl<'de> Visitor<'de> for Trial<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of its form")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::Boolean(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::Signed(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::Unsigned(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::Fraction(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.demand(self.form.takes(Scalar::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.demand(self.form.allows(Kind::Array))?;
        let (first, rest) = &self.form.items;
        let mut count = 0_usize;
        loop {
            let judge = self.inner(*first.get(count).unwrap_or(rest));
            if self.within(items.next_element_seed(judge), || Step::Index(count))?.is_none() {
                break;
            }
            count = count.saturating_add(1);
        }
        let (min, max) = self.form.count;
        self.demand((min..=max).contains(&count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.demand(self.form.allows(Kind::Object))?;
        let mut seen = 0;
        while let Some(key) = fields.next_key_seed(Key(self))? {
            match key {
                Known::Declared(field) => {
                    seen |= field.bit;
                    let judged = fields.next_value_seed(self.inner(field.form));
                    self.within(judged, || Step::Key(field.name.to_string()))?;
                }
                Known::Other(name, form) => {
                    self.within(fields.next_value_seed(self.inner(form)), || Step::Key(name))?;
                }
                Known::Free => fields.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        if seen == self.form.required {
            return Ok(());
        }
        let missing = self.form.fields.iter().find(|field| field.bit & !seen != 0);
        missing.map_or(Ok(()), |field| Err(self.missing(field)))
    }
}

/// What a form says of a field by its name.
enum Known<'s> {
    Declared(&'s Field),
    Other(String, FormId),
    Free,
}

/// Reads the name of a field without keeping it, and finds what the form says of it.
struct Key<'s>(Trial<'s>);

impl<'de, 's> DeserializeSeed<'de> for Key<'s> {
    type Value = Known<'s>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Known<'s>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'s> Visitor<'_> for Key<'s> {
    type Value = Known<'s>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Known<'s>, E> {
        let Self(trial) = self;
        match (trial.form.field(name), trial.form.others) {
            (Some(field), _) => Ok(Known::Declared(field)),
            (None, Others::Like(None)) => Ok(Known::Free),
            (None, Others::Like(form)) => Ok(Known::Other(name.to_owned(), form)),
            (None, Others::Refused) => Err(trial.unknown(name)),
        }
    }
}
