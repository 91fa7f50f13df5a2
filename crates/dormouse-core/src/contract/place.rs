//! What a value may be at a place of a text that is read in one pass, and what is seen of an object or array meanwhile.
//!
//! It says yes only where [`judge`] would, and where the text is I-JSON. Where it is not sure, as with
//! forms that are told apart by a field that comes later, it says no, and the text is looked at again.

use std::borrow::Cow;
use std::cell::Cell;

use super::form::{CHOICES_MAX, Field, Form, FormId, Forms, Kind, Others, Scalar};
use super::judge;
use dormouse_protocol::ijson;
use dormouse_protocol::keys::Keys;
use dormouse_protocol::text::Text;

/// How many more for each byte of a string.
const CHOICES_PER_BYTE: usize = 8;

/// What all places of one text share.
pub(super) struct Shared<'de> {
    forms: &'de Forms,
    keys: Keys<'de>,
    order: Order,
    /// How many objects and arrays are open.
    depth: Cell<usize>,
    /// How many choices of forms led to the innermost of them.
    choices: Cell<usize>,
    /// Something was not right, or not sure. It stays so: a type may make light of an error that it meets.
    odd: Cell<bool>,
}

impl<'de> Shared<'de> {
    pub(super) fn new(forms: &'de Forms, depth: usize) -> Self {
        let (depth, choices, odd) = (Cell::new(depth), Cell::new(0), Cell::new(false));
        Self { forms, keys: Keys::default(), order: Order::default(), depth, choices, odd }
    }

    pub(super) const fn is_odd(&self) -> bool {
        self.odd.get()
    }
}

/// In which order fields came last, for the next object has nearly always the same: which came after each, and which
/// was the first of its form.
struct Order([Cell<u8>; Self::LEN]);

impl Order {
    const LEN: usize = 128;

    /// What is remembered of the field after one, by the place of that.
    #[inline]
    fn after(&self, form: &Form, before: usize) -> Option<&Cell<u8>> {
        self.0.get(form.pass.order.wrapping_add(before) % Self::LEN)
    }
}

impl Default for Order {
    fn default() -> Self {
        Self([const { Cell::new(0) }; Self::LEN])
    }
}

/// A place in a text, as small as can be: it goes through many hands.
#[derive(Clone, Copy)]
pub(super) struct Place<'s, 'de> {
    shared: &'s Shared<'de>,
    /// Without one, every value fits.
    form: Option<&'de Form>,
}

impl<'s, 'de> Place<'s, 'de> {
    pub(super) fn root(shared: &'s Shared<'de>) -> Self {
        Self { shared, form: shared.forms.root() }
    }

    /// Remembers where something was not right.
    #[inline]
    pub(super) fn note<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.shared.odd.set(true);
        }
        result
    }

    fn at(self, id: FormId) -> Self {
        Self { form: self.shared.forms.at(id), ..self }
    }

    /// Whether so many choices do not lead too deep.
    fn is_shallow(self, choices: usize) -> bool {
        let depth = self.shared.depth.get().saturating_add(self.shared.choices.get());
        depth.saturating_add(choices) < judge::DEPTH_MAX
    }

    pub(super) fn takes_null(self) -> bool {
        self.takes(|form| form.allows(Kind::Null), || Scalar::Null)
    }

    pub(super) fn takes_boolean(self, value: bool) -> bool {
        self.takes(|form| form.allows(Kind::Boolean), || Scalar::Boolean(value))
    }

    pub(super) fn takes_unsigned(self, number: u64) -> bool {
        self.takes(|form| form.has_unsigned(number), || Scalar::Unsigned(number))
    }

    pub(super) fn takes_signed(self, number: i64) -> bool {
        self.takes(|form| form.has_signed(number), || Scalar::Signed(number))
    }

    pub(super) fn takes_fraction(self, number: f64) -> bool {
        self.takes(|form| form.has_fraction(number), || Scalar::Fraction(number))
    }

    pub(super) fn takes_string(self, text: &str) -> bool {
        match self.form.and_then(|form| form.pass.words.as_ref()) {
            Some(words) if self.is_shallow(1) => words.iter().any(|word| **word == *text),
            _ => self.takes(|form| form.has_string(text), || Scalar::String(text)),
        }
    }

    /// Whether a value with nothing inside fits: nearly always as a plain one.
    #[inline]
    fn takes<'a>(self, plainly: impl Fn(&Form) -> bool, scalar: impl Fn() -> Scalar<'a>) -> bool {
        let Some(form) = self.form else { return true };
        if form.pass.plain { plainly(form) } else { self.takes_closely(form, scalar()) }
    }

    #[inline(never)]
    fn takes_closely(self, form: &Form, scalar: Scalar<'_>) -> bool {
        form.takes(scalar) && (form.choices.is_empty() || self.some_choice_takes(form, scalar))
    }

    fn some_choice_takes(self, form: &Form, scalar: Scalar<'_>) -> bool {
        let bytes = if let Scalar::String(text) = scalar { text.len() } else { 0 };
        let mut left = CHOICES_MAX.saturating_add(bytes.saturating_mul(CHOICES_PER_BYTE));
        self.choose(form, scalar, &mut left, 1)
    }

    fn choose(self, form: &Form, scalar: Scalar<'_>, left: &mut usize, choices: usize) -> bool {
        form.choices.iter().any(|id| {
            *left = left.saturating_sub(1);
            if *left == 0 || !self.is_shallow(choices) {
                return false;
            }
            let Some(form) = self.shared.forms.at(*id) else { return true };
            let plain = form.choices.is_empty();
            form.takes(scalar) && (plain || self.choose(form, scalar, left, choices.saturating_add(1)))
        })
    }

    /// Goes into an object or array. Of a choice, its form is the one that it can have; of several, the choice of
    /// them, where they are without further choices. With how many choices led to it.
    fn inside(self, kind: Kind) -> Option<(Self, usize)> {
        let depth = self.shared.depth.get().saturating_add(1);
        if depth > ijson::DEPTH_MAX {
            return None;
        }
        self.shared.depth.set(depth);
        let mut place = self;
        for choices in 0..CHOICES_MAX {
            let Some(form) = place.form else { return Some((place, choices)) };
            // Whether a list has this very array or object takes a closer look.
            if !form.allows(kind) || form.listed.is_some() {
                return None;
            }
            if form.choices.is_empty() {
                return Some((place, choices));
            }
            if !form.pass.bare || !self.is_shallow(choices) {
                return None;
            }
            let mut fitting = form.choices.iter().filter(|id| self.may_be(**id, kind));
            let (first, second) = (fitting.next()?, fitting.next());
            if second.is_some() {
                let plain = |id: &FormId| self.at(*id).form.is_some_and(|form| form.choices.is_empty());
                let all = plain(first) && second.into_iter().chain(fitting).all(plain);
                return all.then_some((place, choices.saturating_add(1)));
            }
            place = self.at(*first);
        }
        None
    }

    fn may_be(self, id: FormId, kind: Kind) -> bool {
        self.at(id).form.is_none_or(|form| form.allows(kind))
    }

    /// Begins an array.
    pub(super) fn array(self) -> Option<Array<'s, 'de>> {
        let (place, choices) = self.inside(Kind::Array)?;
        let settled = place.form.is_none_or(|form| form.choices.is_empty());
        settled.then_some(Array { place, count: 0, choices: place.chosen(choices) })
    }

    /// Begins an object.
    pub(super) fn object(self) -> Option<Object<'s, 'de>> {
        let (place, choices) = self.inside(Kind::Object)?;
        let known = place.form.is_none_or(|form| form.pass.markable);
        let choices = place.chosen(choices);
        known.then_some(Object { place, keys: None, seen: 0, last: 0, choices, next: None, tag: None })
    }

    fn chosen(self, choices: usize) -> usize {
        self.shared.choices.set(self.shared.choices.get().saturating_add(choices));
        choices
    }

    /// Ends the innermost array or object, to which so many choices led.
    fn leave(self, choices: usize) {
        self.shared.depth.set(self.shared.depth.get().saturating_sub(1));
        self.shared.choices.set(self.shared.choices.get().saturating_sub(choices));
    }
}

/// What is seen of an array while it is read.
pub(super) struct Array<'s, 'de> {
    place: Place<'s, 'de>,
    count: usize,
    choices: usize,
}

impl<'s, 'de> Array<'s, 'de> {
    /// Whether no item was begun.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Begins an item: its place.
    #[inline]
    pub(super) fn item(&mut self) -> Place<'s, 'de> {
        let count = self.count;
        self.count = count.saturating_add(1);
        let Some(form) = self.place.form else { return self.place };
        let (first, rest) = &form.items;
        self.place.at(*first.get(count).unwrap_or(rest))
    }

    /// Whether it has as many items as it must.
    pub(super) fn ends(&self) -> bool {
        self.place.leave(self.choices);
        self.place.form.is_none_or(|form| (form.count.0..=form.count.1).contains(&self.count))
    }
}

/// What is seen of an object while it is read.
pub(super) struct Object<'s, 'de> {
    place: Place<'s, 'de>,
    /// Where its keys begin that are no declared fields, if there are any.
    keys: Option<usize>,
    /// The declared fields that were seen, a bit each by their place.
    seen: u64,
    /// The place of the last of them, counted from 1.
    last: usize,
    /// How many choices of forms led to it.
    choices: usize,
    /// The form of the value behind the key that was read last.
    next: Option<&'de Form>,
    /// That key, if its value is a string by which the object's form is chosen.
    tag: Option<&'de str>,
}

impl<'s, 'de> Object<'s, 'de> {
    /// The place of the value behind the key that was read last.
    #[inline]
    pub(super) const fn value(&self) -> Place<'s, 'de> {
        Place { form: self.next, ..self.place }
    }

    /// Whether that value is a string by which the object's form is chosen: it is told to [`Object::choose_by`].
    #[inline]
    pub(super) const fn awaits_tag(&self) -> bool {
        self.tag.is_some()
    }

    /// Reads a key.
    #[inline]
    pub(super) fn key(&mut self, text: &mut Text<'de>) -> Option<&'de str> {
        if let Some(form) = self.place.form {
            // Forms may share what is remembered: a guess may be wrong.
            let guess = self.place.shared.order.after(form, self.last)?;
            let place = usize::from(guess.get());
            if let Some(field) = form.fields.get(place)
                && text.expected(&field.key)
            {
                return self.declared(field, place).then_some(&*field.name);
            }
        }
        self.other_key(text)
    }

    #[inline(never)]
    fn other_key(&mut self, text: &mut Text<'de>) -> Option<&'de str> {
        let key = text.plain_string()?;
        let known = match self.place.form {
            Some(form) if form.choices.is_empty() => self.field(form, key),
            Some(form) => self.choose(form, key).is_some(),
            None => self.undeclared(key, None),
        };
        known.then_some(key)
    }

    fn field(&mut self, form: &'de Form, key: &'de str) -> bool {
        let Some(place) = form.place_of(key) else {
            let Others::Like(like) = form.others else { return false };
            return self.undeclared(key, like);
        };
        if let (Some(guess), Ok(place)) = (self.place.shared.order.after(form, self.last), u8::try_from(place)) {
            guess.set(place);
        }
        form.fields.get(place).is_some_and(|field| self.declared(field, place))
    }

    #[inline]
    fn declared(&mut self, field: &'de Field, place: usize) -> bool {
        let fresh = self.seen & field.mark == 0;
        self.seen |= field.mark;
        self.last = place.wrapping_add(1);
        self.next = self.place.shared.forms.at(field.form);
        fresh
    }

    #[inline(never)]
    fn undeclared(&mut self, key: &'de str, like: FormId) -> bool {
        let keys = &self.place.shared.keys;
        let own = *self.keys.get_or_insert_with(|| keys.begin());
        self.next = self.place.shared.forms.at(like);
        keys.insert(own, Cow::Borrowed(key)).is_ok()
    }

    /// The first key of an object that may have several forms tells which: by its name, or by its value.
    #[inline(never)]
    fn choose(&mut self, form: &'de Form, key: &'de str) -> Option<()> {
        let mut choices = form.choices.iter().filter_map(|id| self.place.at(*id).form).filter(|form| {
            let knows = matches!(form.others, Others::Like(_)) || form.place_of(key).is_some();
            form.allows(Kind::Object) && knows
        });
        let (first, second) = (choices.next()?, choices.next());
        if second.is_some() {
            self.tag = Some(key);
            return Some(());
        }
        self.take_form(first, key)
    }

    /// Chooses the form by the value of the first key, and checks that value.
    pub(super) fn choose_by(&mut self, tag: &str) -> bool {
        self.choose_by_tag(tag).is_some() && self.value().takes_string(tag)
    }

    fn choose_by_tag(&mut self, tag: &str) -> Option<()> {
        let key = self.tag.take()?;
        let choices = self.place.form?.choices.iter().filter_map(|id| self.place.at(*id).form);
        let mut choices = choices.filter(|form| {
            let own = form.field(key).and_then(|field| field.tag.as_ref());
            form.allows(Kind::Object) && own.is_none_or(|own| own.as_str() == Some(tag))
        });
        let (first, second) = (choices.next()?, choices.next());
        if second.is_some() { None } else { self.take_form(first, key) }
    }

    /// The object has this form of several, and this is its first key.
    fn take_form(&mut self, form: &'de Form, key: &'de str) -> Option<()> {
        self.place.form = Some(form);
        (form.pass.markable && self.field(form, key)).then_some(())
    }

    /// Whether it has all that it must, and no key twice.
    pub(super) fn ends(&self) -> bool {
        self.place.leave(self.choices);
        let alone = self.keys.is_none_or(|own| self.place.shared.keys.end(own).is_ok());
        let Some(form) = self.place.form else { return alone };
        // The forms of a choice are told apart by their tags, so these must be there.
        let needed = if self.choices > 0 { form.pass.needed | form.pass.tags } else { form.pass.needed };
        alone && self.seen & needed == needed && form.choices.is_empty()
    }
}
