//! I-JSON (RFC 7493), checked in one scan before anything else looks at a frame (rule R4). No library does: `serde_json`
//! takes a key twice and numbers that others read otherwise.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use crate::keys::Keys;
use crate::name::is_interchangeable;
use crate::whole_numbers::holds_whole_numbers;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How deep objects and arrays may nest, the outermost counted (rule R4).
pub const DEPTH_MAX: usize = 64;

/// Up to this number, 2^53, every whole number is a double. The next is read as this one.
const WHOLE_MAX: u64 = 1 << 53;
const WHOLE_MAX_F64: f64 = 9_007_199_254_740_992.0;

/// Checks that a text is one I-JSON value: no duplicate keys, no surrogates or noncharacters, numbers a double holds,
/// nested at most [`DEPTH_MAX`] deep. The error says what is wrong and where, for its sender.
///
/// # Errors
/// A sentence for the sender.
pub fn check(text: &str) -> Result<(), String> {
    let mut deserializer = Reader::from_str(text);
    let scan = Scan::new(has_only_characters(text));
    scan.value(0)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| format!("The frame is not I-JSON: {error}."))?;
    if scan.holds_whole_numbers(text) {
        return Ok(());
    }
    Err("The frame is not I-JSON: a whole number that no double holds.".to_owned())
}

/// What reads the values of a text.
pub type Reader<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// How many bytes a reader has read.
pub fn offset(reader: Reader<'_>) -> usize {
    // A stream of values tells where it begins: the one way to ask.
    reader.into_iter::<IgnoredAny>().byte_offset()
}

/// Whether every double holds the whole numbers up to this one, so that nothing needs a closer look.
pub const fn is_small(number: u64) -> bool {
    number <= WHOLE_MAX
}

/// Whether a number with a point or an exponent is so small that, if it is a whole one, a double holds it.
pub const fn is_small_fraction(number: f64) -> bool {
    number.abs() < WHOLE_MAX_F64
}

/// Whether a string has no noncharacter.
pub fn is_text(text: &str) -> bool {
    has_only_characters(text) || is_interchangeable(text)
}

/// Whether a text can have noncharacters in escapes alone, at one glance: the bytes of each begin with `0xEF` or more,
/// and those of most of the world's letters do not. What of it has no escapes needs no look then.
pub fn has_only_characters(text: &str) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = text.as_bytes().as_chunks();
    let rest = rest.iter().fold(0, |all, byte| all | *byte);
    if rest < 0x80 && words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) & HIGH == 0 {
        return true;
    }
    let suspect = |word: u64| {
        let last = word ^ (ONES * 0xEF);
        let is_last = last.wrapping_sub(ONES) & !last;
        is_last | word & word << 1 & word << 2 & word << 3
    };
    rest < 0xEF && words.iter().fold(0, |all, word| all | suspect(u64::from_ne_bytes(*word))) & HIGH == 0
}

/// What the values of one text share while they are looked at.
pub(super) struct Scan<'de> {
    /// Whether noncharacters stand in escapes alone, if there are any.
    plain: bool,
    /// Whether there is a number beyond the whole ones that every double holds: rare, so looked at afterwards.
    great: Cell<bool>,
    keys: Keys<'de>,
}

impl<'de> Scan<'de> {
    /// Of a text of which is known whether noncharacters stand in escapes alone.
    pub(super) fn new(plain: bool) -> Self {
        Self { plain, great: Cell::new(false), keys: Keys::default() }
    }

    /// Checks the next value of a reader, so many objects and arrays being around it.
    pub(super) const fn value(&self, depth: usize) -> Value<'_, 'de> {
        Value { depth, scan: self }
    }

    /// Whether a double holds each whole number of the text that was looked at.
    pub(super) fn holds_whole_numbers(&self, text: &str) -> bool {
        !self.great.get() || holds_whole_numbers(text)
    }
}

/// One value at a depth. Nothing of it is kept: the visit is the check.
#[derive(Clone, Copy)]
pub(super) struct Value<'s, 'de> {
    depth: usize,
    scan: &'s Scan<'de>,
}

impl Value<'_, '_> {
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > DEPTH_MAX {
            return Err(E::custom(format_args!("nested more than {DEPTH_MAX} deep")));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        if !is_small(number) {
            self.scan.great.set(true);
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_u64(number.unsigned_abs())
    }

    // A number too great for a double never arrives here: the parser itself calls it out of range.
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if !is_small_fraction(number) {
            self.scan.great.set(true);
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        characters(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        if self.scan.plain { Ok(()) } else { characters(text) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while items.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let keys = &self.scan.keys;
        let object = keys.begin();
        while let Some(key) = fields.next_key_seed(Key { plain: self.scan.plain })? {
            keys.insert(object, key).map_err(Error::custom)?;
            fields.next_value_seed(inside)?;
        }
        keys.end(object).map_err(Error::custom)
    }
}

/// A key, borrowed from the text where it has no escapes.
struct Key {
    plain: bool,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        if !self.plain {
            characters(key)?;
        }
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        characters(key)?;
        Ok(Cow::Owned(key.to_owned()))
    }
}

fn characters<E: Error>(text: &str) -> Result<(), E> {
    if is_text(text) { Ok(()) } else { Err(E::custom("a Unicode noncharacter")) }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "single digits, carried by hand")]
mod tests {
    use super::*;

    #[test]
    fn r4_all_that_javascript_writes_of_a_number_passes() {
        for number in ["0", "-0", "1e400", "9007199254740991", "9007199254740992", "-9007199254740992"] {
            assert_eq!(check(number).is_ok(), number != "1e400", "{number}");
        }
        for exponent in 53..1023 {
            let double = 2_f64.powi(exponent);
            for number in [double, -double, double * 1.000_000_000_000_01] {
                assert!(check(&format!("[{number}]")).is_ok(), "{number}");
                assert!(check(&format!("[{number:.0}]")).is_ok(), "{number}");
            }
        }
    }

    #[test]
    fn r4_a_whole_number_is_what_it_is_however_it_is_written() {
        let fit = [
            "9007199254740992.0",
            "9007199254740992e0",
            "900719925474099.2e1",
            "90071992547409920E-1",
            "1E+23",
            "1.0e23",
        ];
        for number in fit {
            assert!(check(number).is_ok(), "{number}");
        }
        let odd = [
            "9007199254740993.0",
            "9007199254740993e0",
            "9007199254740.993e3",
            "90071992547409930E-1",
            "9.007199254740993E+15",
        ];
        for number in
            odd.into_iter().chain(["-9007199254740993.00", "1.00000000000000000001e20", "0.18446744073709551615e20"])
        {
            assert!(check(number).is_err(), "{number}");
            assert!(check(&format!("{{\"a\":[{number},1]}}")).is_err(), "{number}");
        }
        for number in ["0e999999999999", "-0.0E-99", "1e-999", "0.1", "9007199254740992.5", "1e-9223372036854775808"] {
            assert!(check(number).is_ok(), "{number}: it is no whole number, or zero");
        }
    }

    /// The digits of `digits * 2^power`, by addition alone: what the check is held against.
    fn doubled(digits: u64, power: u32) -> Vec<u8> {
        let mut number: Vec<u8> = digits.to_string().bytes().rev().map(|digit| digit - b'0').collect();
        for _ in 0..power {
            let mut carry = 0;
            for digit in &mut number {
                let twice = *digit * 2 + carry;
                (*digit, carry) = (twice % 10, twice / 10);
            }
            if carry > 0 {
                number.push(carry);
            }
        }
        number
    }

    fn text(number: &[u8]) -> String {
        number.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
    }

    /// The same number with its point moved, zeros added, and another letter for the exponent.
    fn written(digits: &str, point: usize, zeros: usize, e: &str) -> String {
        let (before, behind) = digits.split_at(point.clamp(1, digits.len()));
        format!("{before}.{behind}{}{e}{}", "0".repeat(zeros.max(1)), behind.len())
    }

    proptest::proptest! {
        #[test]
        fn r4_whole_numbers_are_held_against_arithmetic_by_hand(
            mantissa in 1_u64 << 52..1 << 53,
            power in 1_u32..60,
            point in 1_usize..40,
            zeros in 0_usize..5,
            e in proptest::sample::select(vec!["e", "E", "e+", "E+0"]),
        ) {
            let double = doubled(mantissa, power);
            let mut next = double.clone();
            // The last digit of an even number is eight at most.
            next[0] += 1;
            let shortest = format!("{}", text(&double).parse::<f64>().unwrap());
            for (number, held) in [(text(&double), true), (text(&next), text(&next) == shortest)] {
                for form in [number.clone(), format!("-{number}"), format!("{number}.0"), written(&number, point, zeros, e)] {
                    proptest::prop_assert_eq!(check(&form).is_ok(), held, "{}", form);
                }
            }
        }
    }

    #[test]
    fn r4_a_whole_number_between_two_doubles_is_refused_wherever_it_stands() {
        for number in ["9007199254740993", "-9007199254740993", "18446744073709551615", "100000000000000000001"] {
            for text in
                [number.to_owned(), format!("[\"\\\\\",{number}]"), format!("{{\"a\\\"\":{{\"b\":{number} }}}}")]
            {
                assert!(check(&text).is_err(), "{text}");
            }
            assert!(check(&format!("[\"{number}\",\"\\\"{number}\", 1e20]")).is_ok(), "{number} in a string");
        }
    }
}
