//! Makes forms out of a schema.

use std::collections::BTreeMap;
use std::iter;

use serde_json::Value;

use super::super::schema::{array, bounds, forms, object, resolve};
use super::super::words::must_be;
use super::{Field, ForOnePass, Form, FormId, Kind, Others};
use dormouse_protocol::name::is_interchangeable;
use dormouse_protocol::text::Expected;

/// The forms of a schema, its own first.
pub(super) fn make(schema: &Value) -> Vec<Form> {
    let mut forms = vec![];
    Maker { root: schema, forms: &mut forms, named: BTreeMap::new(), fields: 0 }.make(schema);
    forms
}

/// A schema on its way into forms.
struct Maker<'s> {
    root: &'s Value,
    forms: &'s mut Vec<Form>,
    /// The forms that a `$ref` named, by their place in the schema.
    named: BTreeMap<*const Value, usize>,
    /// How many fields there are in all forms that are made, and a place more for each form.
    fields: usize,
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
        let mut form = self.form(schema);
        form.pass = form.for_one_pass(self.fields);
        self.fields = self.fields.saturating_add(form.fields.len()).saturating_add(1);
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
            pass: ForOnePass::default(),
            must_be: must_be(schema, self.root),
        }
    }

    fn fields(&mut self, schema: &'s Value) -> (Vec<Field>, u64) {
        // The type itself watches over required fields beyond the 64th.
        let bits = iter::successors(Some(1_u64), |bit| bit.checked_mul(2));
        let required: BTreeMap<_, _> = array(schema, "required").filter_map(Value::as_str).zip(bits).collect();
        let fields = object(schema, "properties").map(|(name, schema)| {
            let bit = required.get(name.as_str()).copied().unwrap_or(0);
            let (form, tag) = (self.make(schema), schema.get("const").cloned());
            // A tag is told by the form of its field, unless that lets other values pass.
            let told = tag.is_none() || !["enum", "$ref"].iter().any(|word| schema.get(word).is_some());
            Field { name: name.as_str().into(), key: Expected::new(name), form, bit, mark: u64::from(told), tag }
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        let marks = iter::successors(Some(1_u64), |mark| mark.checked_mul(2)).chain(iter::repeat(0));
        fields.iter_mut().zip(marks).for_each(|(field, mark)| field.mark = field.mark.wrapping_mul(mark));
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
    /// What follows from it, where so many fields and forms come before it in what is remembered of their order.
    fn for_one_pass(&self, order: usize) -> ForOnePass {
        ForOnePass {
            order,
            words: None,
            needed: self.marks(|field| field.bit != 0),
            tags: self.marks(|field| field.tag.is_some()),
            markable: self.fields.iter().all(|field| field.mark != 0 && is_plain(&field.name)),
            bare: self.demands_only_a_choice(),
            plain: self.listed.is_none() && self.choices.is_empty(),
        }
    }

    fn marks(&self, of: impl Fn(&&Field) -> bool) -> u64 {
        self.fields.iter().filter(of).fold(0, |marks, field| marks | field.mark)
    }

    fn demands_only_a_choice(&self) -> bool {
        let unbounded = self.numbers == (f64::NEG_INFINITY, f64::INFINITY)
            && self.characters == (0, usize::MAX)
            && self.count == (0, usize::MAX);
        let nothing_inside = self.items.0.is_empty()
            && self.items.1.is_none()
            && self.fields.is_empty()
            && matches!(self.others, Others::Like(None));
        self.kinds == u8::MAX && self.listed.is_none() && unbounded && nothing_inside && !self.choices.is_empty()
    }

    /// The form that no value has.
    fn impossible() -> Self {
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
            pass: ForOnePass::default(),
            must_be: String::new(),
        }
    }
}

fn is_plain(name: &str) -> bool {
    is_interchangeable(name) && !name.contains(|c| matches!(c, '"' | '\\' | '\0'..' '))
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
