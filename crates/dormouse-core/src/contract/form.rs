//! A JSON Schema made ready to judge by: looked up once, when the contract is declared, and not on every message.

use std::iter;

use serde_json::Value;

use super::path::{Path, Step};
use super::schema::{array, bounds, forms, object, resolve};
use super::words::must_be;
use crate::small_map::SmallMap;

/// The forms of one schema; those within name each other by number, since a type may contain itself.
#[derive(Clone, Debug)]
pub(super) struct Forms(Vec<Form>);

/// The number of a form; without one, every value fits.
pub(super) type FormId = Option<usize>;

/// What one value must be.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// Which types of JSON it may have: see [`Kind`].
    pub(super) kinds: u8,
    /// The values it may have, if they are listed.
    pub(super) listed: Option<Vec<Value>>,
    /// The least and the greatest number.
    pub(super) numbers: (f64, f64),
    /// The fewest and the most characters of a string.
    pub(super) characters: (usize, usize),
    /// The fewest and the most items of an array.
    pub(super) count: (usize, usize),
    /// The first items of an array, one by one, and all after them.
    pub(super) items: (Vec<FormId>, FormId),
    /// The fields of an object, sorted by name.
    pub(super) fields: Vec<Field>,
    /// The bits of the fields that must be there.
    pub(super) required: u64,
    /// What is done with other fields.
    pub(super) others: Others,
    /// The forms of which it must have one as well, if there are any.
    pub(super) choices: Vec<FormId>,
    /// All of this in words that follow a path.
    pub(super) must_be: String,
}

/// A type of JSON, as a bit.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    Null = 1,
    Boolean = 2,
    /// A number written without a point or an exponent.
    Integer = 4,
    /// Any other number.
    Fraction = 8,
    String = 16,
    Array = 32,
    Object = 64,
}

/// One field of an object.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) form: FormId,
    /// A bit of its own if it must be there, else none.
    pub(super) bit: u64,
    /// The one value it can have, by which objects of different forms are told apart.
    pub(super) tag: Option<Value>,
}

/// What is done with fields that are not declared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Others {
    Refused,
    Like(FormId),
}

impl Forms {
    pub(super) fn of(schema: &Value) -> Self {
        let mut forms = vec![];
        Maker { root: schema, forms: &mut forms, named: SmallMap::new() }.make(schema);
        Self(forms)
    }

    pub(super) fn root(&self) -> Option<&Form> {
        self.0.first()
    }

    pub(super) fn at(&self, id: FormId) -> Option<&Form> {
        self.0.get(id?)
    }

    /// The form of a place, if one is declared.
    pub(super) fn place(&self, path: &Path) -> Option<&Form> {
        path.steps().iter().try_fold(self.root()?, |form, step| self.step(form, step))
    }

    fn step(&self, form: &Form, step: &Step) -> Option<&Form> {
        let id = match step {
            Step::Key(key) => match (form.field(key), form.others) {
                (Some(field), _) => field.form,
                (None, Others::Like(id)) => id,
                (None, Others::Refused) => None,
            },
            Step::Index(index) => *form.items.0.get(*index).unwrap_or(&form.items.1),
        };
        // A choice within a choice is not followed: that is deep enough for the rare case that asks.
        let mut choices =
            form.choices.iter().filter_map(|choice| self.at(*choice)).filter(|form| form.choices.is_empty());
        self.at(id).or_else(|| choices.find_map(|choice| self.step(choice, step)))
    }
}

impl Form {
    pub(super) const fn allows(&self, kind: Kind) -> bool {
        self.kinds & kind as u8 != 0
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let place = self.fields.binary_search_by(|field| (*field.name).cmp(name)).ok()?;
        self.fields.get(place)
    }
}

/// Makes forms out of a schema.
struct Maker<'s> {
    root: &'s Value,
    forms: &'s mut Vec<Form>,
    /// The forms that a `$ref` named, by their place in the schema.
    named: SmallMap<*const Value, usize>,
}

impl<'s> Maker<'s> {
    fn make(&mut self, schema: &'s Value) -> FormId {
        let schema = resolve(schema, self.root);
        if *schema == Value::Bool(true) {
            return None;
        }
        if let Some(known) = self.named.get(&std::ptr::from_ref(schema)) {
            return Some(*known);
        }
        // The number is taken before the form is made, for what is inside may name it.
        let id = self.forms.len();
        self.named.insert(schema, id);
        self.forms.push(Form::impossible());
        let form = self.form(schema);
        if let Some(place) = self.forms.get_mut(id) {
            *place = form;
        }
        Some(id)
    }

    fn form(&mut self, schema: &'s Value) -> Form {
        if *schema == Value::Bool(false) {
            return Form { must_be: "must not be there".to_owned(), ..Form::impossible() };
        }
        let (fields, required) = self.fields(schema);
        let first = array(schema, "prefixItems").map(|item| self.make(item)).collect();
        let rest = schema.get("items").and_then(|items| self.make(items));
        let choices = forms(schema).into_iter().flatten().map(|form| self.make(form)).collect();
        let (min, max) = bounds(schema);
        let listed: Vec<_> = schema.get("const").into_iter().chain(array(schema, "enum")).cloned().collect();
        Form {
            kinds: kinds(schema),
            listed: Some(listed).filter(|listed| !listed.is_empty()),
            numbers: (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY)),
            characters: counts(schema, "minLength", "maxLength"),
            count: counts(schema, "minItems", "maxItems"),
            items: (first, rest),
            fields,
            required,
            others: self.others(schema),
            choices,
            must_be: must_be(schema, self.root),
        }
    }

    fn fields(&mut self, schema: &'s Value) -> (Vec<Field>, u64) {
        // The type itself watches over required fields beyond the 64th.
        let bits = iter::successors(Some(1_u64), |bit| bit.checked_mul(2));
        let required: SmallMap<_, _> = array(schema, "required").filter_map(Value::as_str).zip(bits).collect();
        let fields = object(schema, "properties").map(|(name, schema)| {
            let bit = required.get(name.as_str()).copied().unwrap_or(0);
            let (form, tag) = (self.make(schema), schema.get("const").cloned());
            Field { name: name.as_str().into(), form, bit, tag }
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        let bits = fields.iter().fold(0, |bits, field| bits | field.bit);
        (fields, bits)
    }

    fn others(&mut self, schema: &'s Value) -> Others {
        // By a pattern of names, only the type can tell.
        if schema.get("patternProperties").is_some() {
            return Others::Like(None);
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => Others::Refused,
            Some(like) => Others::Like(self.make(like)),
            None => Others::Like(None),
        }
    }
}

impl Form {
    /// The form that no value has.
    const fn impossible() -> Self {
        Self {
            kinds: 0,
            listed: None,
            numbers: (f64::NEG_INFINITY, f64::INFINITY),
            characters: (0, usize::MAX),
            count: (0, usize::MAX),
            items: (vec![], None),
            fields: vec![],
            required: 0,
            others: Others::Refused,
            choices: vec![],
            must_be: String::new(),
        }
    }
}

/// The types that a schema names; all, where it names none.
fn kinds(schema: &Value) -> u8 {
    let bits = |kind: &Value| match kind.as_str() {
        Some("null") => Kind::Null as u8,
        Some("boolean") => Kind::Boolean as u8,
        Some("integer") => Kind::Integer as u8,
        Some("number") => Kind::Integer as u8 | Kind::Fraction as u8,
        Some("string") => Kind::String as u8,
        Some("array") => Kind::Array as u8,
        Some("object") => Kind::Object as u8,
        _ => 0,
    };
    match schema.get("type") {
        None => u8::MAX,
        Some(Value::Array(kinds)) => kinds.iter().fold(0, |all, kind| all | bits(kind)),
        Some(kind) => bits(kind),
    }
}

fn counts(schema: &Value, min: &str, max: &str) -> (usize, usize) {
    let bound = |word| schema.get(word).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    (bound(min).unwrap_or(0), bound(max).unwrap_or(usize::MAX))
}
