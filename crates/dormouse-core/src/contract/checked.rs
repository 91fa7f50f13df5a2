//! The way from a text into a type in one pass: what a type asks for is read, found to be I-JSON and to fit its place,
//! and only then shown.

use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::data::Reading;
use super::place::{Array, Object, Place, Shared};
use dormouse_protocol::text::{Number, Text};

/// How serde_json names types of its own, which only its own deserializer knows how to read.
const PRIVATE: &str = "$serde_json::private::";

/// Reads the next value of a text into a type. `None` where it is no I-JSON, does not fit the forms or the type, or where
/// that takes a closer look.
pub(super) fn checked<'de, T: DeserializeOwned>(reading: Reading<'_, 'de>) -> Option<T> {
    let Reading { text, forms, depth } = reading;
    let shared = Shared::new(forms, depth);
    let value = T::deserialize(Checked { text, place: Place::root(&shared) }).ok();
    value.filter(|_| !shared.is_odd())
}

/// Something was not right, or not sure. What it was is found out by a closer look.
#[derive(Debug)]
struct Odd;

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("takes a closer look")
    }
}

impl std::error::Error for Odd {}

impl Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The value at a place, yet to be read.
struct Checked<'t, 's, 'de> {
    text: &'t mut Text<'de>,
    place: Place<'s, 'de>,
}

impl<'de> Checked<'_, '_, 'de> {
    fn null(&mut self) -> Result<(), Odd> {
        demand(self.text.word("null") && self.place.takes_null())
    }

    fn boolean<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let value = self.text.word("true");
        demand((value || self.text.word("false")) && self.place.takes_boolean(value))?;
        visitor.visit_bool(value)
    }

    #[inline]
    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.text.number().ok_or(Odd)? {
            Number::Unsigned(number) => {
                demand(self.place.takes_unsigned(number))?;
                visitor.visit_u64(number)
            }
            Number::Signed(number) => {
                demand(self.place.takes_signed(number))?;
                visitor.visit_i64(number)
            }
            Number::Fraction(number) => {
                demand(self.place.takes_fraction(number))?;
                visitor.visit_f64(number)
            }
        }
    }

    #[inline]
    fn string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let Some(string) = self.text.plain_string() else { return self.escaped(visitor) };
        demand(self.place.takes_string(string))?;
        visitor.visit_borrowed_str(string)
    }

    fn escaped<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let string = self.text.escaped_string().ok_or(Odd)?;
        demand(self.place.takes_string(string))?;
        visitor.visit_str(string)
    }

    #[inline]
    fn array<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let Self { text, place } = self;
        demand(text.take(b'['))?;
        let mut array = place.array().ok_or(Odd)?;
        let value = visitor.visit_seq(Items { text, array: &mut array });
        if text.take(b']') && array.ends() { value } else { Err(Odd) }
    }

    #[inline]
    fn object<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let Self { text, place } = self;
        demand(text.take(b'{'))?;
        let mut object = place.object().ok_or(Odd)?;
        let value = visitor.visit_map(Fields { text, object: &mut object, place, begun: false });
        if text.take(b'}') && object.ends() { value } else { Err(Odd) }
    }

    fn any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Odd> {
        match self.text.peek() {
            Some(b'n') => self.null().and_then(|()| visitor.visit_unit()),
            Some(b't' | b'f') => self.boolean(visitor),
            Some(b'"') => self.string(visitor),
            Some(b'[') => self.array(visitor),
            Some(b'{') => self.object(visitor),
            _ => self.number(visitor),
        }
    }

    fn option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Odd> {
        match self.text.peek() {
            Some(b'n') => self.null().and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    /// A variant is a string, or the one field of an object.
    fn variant<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.text.peek() {
            Some(b'{') => self.object(Variant(visitor)),
            _ => self.string(Variant(visitor)),
        }
    }
}

fn demand(holds: bool) -> Result<(), Odd> {
    if holds { Ok(()) } else { Err(Odd) }
}

macro_rules! read {
    ($($name:ident => $read:ident)*) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
                let place = self.place;
                place.note(self.$read(visitor))
            }
        )*
    };
}

// As serde_json's: what it refuses for what was asked is refused here.
impl<'de> Deserializer<'de> for Checked<'_, '_, 'de> {
    type Error = Odd;

    read! {
        deserialize_any => any
        deserialize_bool => boolean
        deserialize_i8 => number
        deserialize_i16 => number
        deserialize_i32 => number
        deserialize_i64 => number
        deserialize_u8 => number
        deserialize_u16 => number
        deserialize_u32 => number
        deserialize_u64 => number
        deserialize_f32 => number
        deserialize_f64 => number
        deserialize_char => string
        deserialize_str => string
        deserialize_string => string
        deserialize_identifier => string
        deserialize_option => option
        deserialize_seq => array
        deserialize_map => object
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Odd> {
        let place = self.place;
        place.note(self.null().and_then(|()| visitor.visit_unit()))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Odd> {
        let place = self.place;
        place.note(if name.starts_with(PRIVATE) { Err(Odd) } else { visitor.visit_newtype_struct(self) })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        let place = self.place;
        // Of an array, the place will say whether it may be one.
        place.note(match self.text.peek() {
            _ if name.starts_with(PRIVATE) => Err(Odd),
            Some(b'[') => self.array(visitor),
            _ => self.object(visitor),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        let place = self.place;
        place.note(self.variant(visitor))
    }

    // What a type does not look at is looked at all the same.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_any(IgnoredAny)?;
        visitor.visit_unit()
    }

    // Not read here.
    fn deserialize_i128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
        self.place.note(Err(Odd))
    }

    fn deserialize_u128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
        self.place.note(Err(Odd))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
        self.place.note(Err(Odd))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
        self.place.note(Err(Odd))
    }
}

/// The items of an array.
struct Items<'t, 'a, 's, 'de> {
    text: &'t mut Text<'de>,
    array: &'a mut Array<'s, 'de>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_, '_, 'de> {
    type Error = Odd;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Odd> {
        let ends = if self.array.is_empty() { self.text.peek() == Some(b']') } else { !self.text.take(b',') };
        if ends {
            return Ok(None);
        }
        let place = self.array.item();
        place.note(seed.deserialize(Checked { text: &mut *self.text, place })).map(Some)
    }
}

/// The fields of an object.
struct Fields<'t, 'a, 's, 'de> {
    text: &'t mut Text<'de>,
    object: &'a mut Object<'s, 'de>,
    place: Place<'s, 'de>,
    /// Whether a field was read.
    begun: bool,
}

impl<'de> Fields<'_, '_, '_, 'de> {
    /// Whether there is no further field; what parts it from the one before is read.
    #[inline]
    fn end(&mut self) -> bool {
        if self.begun {
            return !self.text.take(b',');
        }
        self.begun = true;
        self.text.peek() == Some(b'}')
    }

    /// The value of a tag, once it has told which form its object has.
    #[cold]
    fn tag(&mut self) -> Result<&'de str, Odd> {
        let tag = self.text.plain_string().ok_or(Odd)?;
        demand(self.object.choose_by(tag))?;
        Ok(tag)
    }
}

impl<'de> MapAccess<'de> for Fields<'_, '_, '_, 'de> {
    type Error = Odd;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Odd> {
        if self.end() {
            return Ok(None);
        }
        let key = self.place.note(self.object.key(self.text).ok_or(Odd))?;
        self.place.note(seed.deserialize(BorrowedStrDeserializer::new(key))).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Odd> {
        self.place.note(demand(self.text.take(b':')))?;
        if self.object.awaits_tag() {
            let tag = self.tag().and_then(|tag| seed.deserialize(BorrowedStrDeserializer::new(tag)));
            return self.place.note(tag);
        }
        self.place.note(seed.deserialize(Checked { text: &mut *self.text, place: self.object.value() }))
    }
}

/// Shows a visitor of a variant what stands there.
struct Variant<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Variant<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_borrowed_str<E: Error>(self, variant: &'de str) -> Result<V::Value, E> {
        self.0.visit_enum(BorrowedStrDeserializer::new(variant))
    }

    fn visit_str<E: Error>(self, variant: &str) -> Result<V::Value, E> {
        self.0.visit_enum(StrDeserializer::new(variant))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(MapAccessDeserializer::new(fields))
    }
}
