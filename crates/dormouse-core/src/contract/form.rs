//! A JSON Schema made ready to judge by: looked up once, when the contract is declared, and not on every message.

use std::iter;

use serde_json::Value;

use super::path::{Path, Step};
use super::schema::{array, bounds, forms, object, resolve};
use super::words::must_be;
use crate::small_map::SmallMap;
use dormouse_protocol::name::is_interchangeable;
use dormouse_protocol::text::Expected;

/// How many forms are looked at for one value that has a choice of them, at least: a text of two bytes for each value
/// is not given up by the judge for so many.
pub(super) const CHOICES_MAX: usize = 14;

/// The forms of one schema; those within name each other by number, since a type may contain itself.
#[derive(Clone, Debug)]
pub(super) struct Forms(Vec<Form>);

/// The number of a form; without one, every value fits.
pub(super) type FormId = Option<usize>;

/// What one value must be.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// Where what is remembered of the order of its fields begins.
    pub(super) order: usize,
    /// Which types of JSON it may have: see [`Kind`].
    pub(super) kinds: u8,
    /// The values it may have, if they are listed.
    pub(super) listed: Option<Vec<Value>>,
    /// The least and the greatest number.
    pub(super) numbers: (f64, f64),
    /// The fewest and the most characters of a string.
    pub(super) characters: (usize, usize),
    /// The strings it may be, where it or its choices list them one by one.
    pub(super) words: Option<Vec<Box<str>>>,
    /// The fewest and the most items of an array.
    pub(super) count: (usize, usize),
    /// The first items of an array, one by one, and all after them.
    pub(super) items: (Vec<FormId>, FormId),
    /// The fields of an object, sorted by name.
    pub(super) fields: Vec<Field>,
    /// The bits of the fields that must be there.
    pub(super) required: u64,
    /// The marks of those fields.
    pub(super) needed: u64,
    /// The marks of the fields with a tag.
    pub(super) tags: u64,
    /// Whether every field has a mark, and a name that stands in I-JSON as it is.
    pub(super) markable: bool,
    /// What is done with other fields.
    pub(super) others: Others,
    /// The forms of which it must have one as well, if there are any.
    pub(super) choices: Vec<FormId>,
    /// Whether it demands nothing but one of those forms.
    pub(super) bare: bool,
    /// Whether all that it demands of a value with nothing inside are its type, its size and its length.
    pub(super) plain: bool,
    /// All of this in words that follow a path.
    pub(super) must_be: String,
}

/// A value with nothing inside.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Fraction(f64),
    String(&'a str),
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
    /// The name as a key is compared with it.
    pub(super) key: Expected,
    pub(super) form: FormId,
    /// A bit of its own if it must be there, else none.
    pub(super) bit: u64,
    /// A bit of its own by its place among the fields, of the first 64; none where one pass cannot tell its tag.
    pub(super) mark: u64,
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
        Maker { root: schema, forms: &mut forms, named: SmallMap::new(), fields: 0 }.make(schema);
        let mut forms = Self(forms);
        let words: Vec<_> = forms.0.iter().map(|form| forms.words(form)).collect();
        forms.0.iter_mut().zip(words).for_each(|(form, words)| form.words = words);
        forms
    }

    /// The strings that a form lists, or all its choices together; `None` where a string may be another.
    fn words(&self, form: &Form) -> Option<Vec<Box<str>>> {
        let own = |form: &Form| {
            let listed = form.listed.iter().flatten().filter_map(Value::as_str);
            let all = form.choices.is_empty() && form.listed.is_some() && form.characters == (0, usize::MAX);
            all.then(|| listed.map(Box::from).collect::<Vec<Box<str>>>())
        };
        if form.choices.is_empty() {
            return own(form).filter(|_| form.allows(Kind::String));
        }
        let few = form.bare && form.choices.len() < CHOICES_MAX;
        let strings = form.choices.iter().filter(|_| few).map(|id| self.at(*id));
        let strings = strings.filter(|form| form.is_none_or(|form| form.allows(Kind::String)));
        let words = strings.map(|form| form.and_then(own)).collect::<Option<Vec<_>>>()?.concat();
        Some(words).filter(|words| !words.is_empty())
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
        let place = self.place_of(name)?;
        self.fields.get(place)
    }

    /// The place of a field among all.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.fields.binary_search_by(|field| (*field.name).cmp(name)).ok()
    }

    /// Whether a value with nothing inside fits, the choices left aside.
    pub(super) fn takes(&self, scalar: Scalar<'_>) -> bool {
        let fits = match scalar {
            Scalar::Null => self.allows(Kind::Null),
            Scalar::Boolean(_) => self.allows(Kind::Boolean),
            Scalar::Unsigned(number) => self.has_unsigned(number),
            Scalar::Signed(number) => self.has_signed(number),
            Scalar::Fraction(number) => self.has_fraction(number),
            Scalar::String(text) => self.has_string(text),
        };
        fits && self.listed.as_ref().is_none_or(|listed| scalar.is_among(listed))
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds near 2^53 are the type's to check, and it does")]
    #[inline]
    pub(super) fn has_unsigned(&self, number: u64) -> bool {
        self.allows(Kind::Integer) && self.bounds(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds near 2^53 are the type's to check, and it does")]
    #[inline]
    pub(super) fn has_signed(&self, number: i64) -> bool {
        self.allows(Kind::Integer) && self.bounds(number as f64)
    }

    #[inline]
    pub(super) fn has_fraction(&self, number: f64) -> bool {
        self.allows(Kind::Fraction) && self.bounds(number)
    }

    #[inline]
    fn bounds(&self, number: f64) -> bool {
        let (min, max) = self.numbers;
        number >= min && number <= max
    }

    #[inline]
    pub(super) fn has_string(&self, text: &str) -> bool {
        let (min, max) = self.characters;
        // A character has one to four bytes: most strings need no counting.
        let plain = text.len() <= max && min <= text.len().div_ceil(4);
        self.allows(Kind::String) && (plain || (min..=max).contains(&text.chars().count()))
    }
}

impl Scalar<'_> {
    fn is_among(self, listed: &[Value]) -> bool {
        listed.iter().any(|value| match self {
            Self::Null => value.is_null(),
            Self::Boolean(own) => value.as_bool() == Some(own),
            Self::Unsigned(number) => value.as_u64() == Some(number),
            Self::Signed(number) => value.as_i64() == Some(number),
            Self::Fraction(number) => value.is_f64() && value.as_f64() == Some(number),
            Self::String(text) => value.as_str() == Some(text),
        })
    }
}

/// Makes forms out of a schema.
struct Maker<'s> {
    root: &'s Value,
    forms: &'s mut Vec<Form>,
    /// The forms that a `$ref` named, by their place in the schema.
    named: SmallMap<*const Value, usize>,
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
        form.order = self.fields;
        self.fields = self.fields.saturating_add(form.fields.len()).saturating_add(1);
        form.bare = form.demands_only_a_choice();
        form.plain = form.listed.is_none() && form.choices.is_empty();
        form.needed = form.marks(|field| field.bit != 0);
        form.markable = form.fields.iter().all(|field| field.mark != 0 && is_plain(&field.name));
        form.tags = form.marks(|field| field.tag.is_some());
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
            order: 0,
            kinds: kinds(schema),
            listed: Some(listed).filter(|listed| !listed.is_empty()),
            numbers: (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY)),
            characters: counts(schema, "minLength", "maxLength"),
            words: None,
            count: counts(schema, "minItems", "maxItems"),
            items: (first, rest),
            fields,
            required,
            needed: 0,
            tags: 0,
            markable: true,
            others: self.others(schema),
            choices,
            bare: false,
            plain: false,
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
    const fn impossible() -> Self {
        Self {
            order: 0,
            kinds: 0,
            listed: None,
            numbers: (f64::NEG_INFINITY, f64::INFINITY),
            characters: (0, usize::MAX),
            words: None,
            count: (0, usize::MAX),
            items: (vec![], None),
            fields: vec![],
            required: 0,
            needed: 0,
            tags: 0,
            markable: true,
            others: Others::Refused,
            choices: vec![],
            bare: false,
            plain: false,
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
