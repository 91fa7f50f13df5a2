//! A JSON Schema made ready to judge by: looked up once, when the contract is declared, and not on every message.

mod maker;

use serde_json::Value;

use super::path::{Path, Step};
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
    /// What the one pass need not find out again for each value.
    pub(super) pass: ForOnePass,
    /// All of this in words that follow a path.
    pub(super) must_be: String,
}

/// What follows from a form, worked out once for the pass that reads a text into a type.
#[derive(Clone, Debug, Default)]
pub(super) struct ForOnePass {
    /// Where what is remembered of the order of its fields begins.
    pub(super) order: usize,
    /// The strings it may be, where it or its choices list them one by one.
    pub(super) words: Option<Vec<Box<str>>>,
    /// The marks of the fields that must be there.
    pub(super) needed: u64,
    /// The marks of the fields with a tag.
    pub(super) tags: u64,
    /// Whether every field has a mark, and a name that stands in I-JSON as it is.
    pub(super) markable: bool,
    /// Whether it demands nothing but one of its choices.
    pub(super) bare: bool,
    /// Whether all that it demands of a value with nothing inside are its type, its size and its length.
    pub(super) plain: bool,
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
        let mut forms = Self(maker::make(schema));
        let words: Vec<_> = forms.0.iter().map(|form| forms.words(form)).collect();
        forms.0.iter_mut().zip(words).for_each(|(form, words)| form.pass.words = words);
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
        let few = form.pass.bare && form.choices.len() < CHOICES_MAX;
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
