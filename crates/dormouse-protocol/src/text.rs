//! A text of I-JSON read by hand: whitespace, punctuation, whole numbers and strings without escapes, which is nearly
//! all of it. Whatever has more to it is left to `serde_json`.
//!
//! It says yes only where [`ijson::check`](super::ijson::check) would. `None` and `false` are no judgement: they say
//! that a closer look is needed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::ijson::{Reader, has_only_characters, is_small, is_small_fraction, is_text, offset};

/// The most digits of a number that is read by hand: fewer than those of 2^53.
const DIGITS_MAX: usize = 15;

/// A text, and how far it is read.
#[derive(Debug)]
pub struct Text<'de> {
    text: &'de str,
    at: usize,
    /// Whether noncharacters stand in escapes alone, if there are any.
    plain: bool,
}

/// A string that is likely to come, ready to be compared with a text.
#[derive(Clone, Debug)]
pub struct Expected {
    /// With the quotation mark behind it.
    quoted: Box<[u8]>,
    /// The first eight bytes of that, and the bits that count where there are fewer.
    head: u64,
    mask: u64,
}

impl Expected {
    /// A string without anything that JSON escapes.
    pub fn new(string: &str) -> Self {
        let quoted: Box<[u8]> = string.bytes().chain([b'"']).collect();
        let first = |of: &dyn Fn(u8) -> u8| {
            let mut first = [0; 8];
            first.iter_mut().zip(&quoted).for_each(|(place, byte)| *place = of(*byte));
            u64::from_le_bytes(first)
        };
        Self { head: first(&|byte| byte), mask: first(&|_| u8::MAX), quoted }
    }

    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(first) if u64::from_le_bytes(*first) & self.mask != self.head => false,
            Some(_) if self.quoted.len() <= 8 => true,
            _ => text.starts_with(&self.quoted),
        }
    }
}

/// A number as JSON tells them apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole one without a sign.
    Unsigned(u64),
    /// A whole one below zero.
    Signed(i64),
    /// One with a point or an exponent.
    Fraction(f64),
}

impl<'de> Text<'de> {
    /// A text of which nothing is read.
    pub fn new(text: &'de str) -> Self {
        Self { text, at: 0, plain: has_only_characters(text) }
    }

    /// How many bytes are read.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether noncharacters stand in escapes alone, if there are any.
    pub(super) const fn is_plain(&self) -> bool {
        self.plain
    }

    /// What was read since so many bytes were.
    pub fn since(&self, at: usize) -> Option<&'de str> {
        self.text.get(at..self.at)
    }

    /// Goes back to where so many bytes were read.
    pub fn back(&mut self, at: usize) {
        self.at = self.at.min(at);
    }

    /// What is left.
    pub fn rest(&self) -> &'de str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on behind so many bytes, which are returned.
    pub fn skip(&mut self, bytes: usize) -> Option<&'de str> {
        let end = self.at.checked_add(bytes)?;
        let skipped = self.text.get(self.at..end)?;
        self.at = end;
        Some(skipped)
    }

    /// The next byte that is no whitespace; what is before it is read.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte(0)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at = self.at.wrapping_add(1);
        }
    }

    /// Reads a punctuation mark, if that comes next.
    #[inline]
    pub fn take(&mut self, mark: u8) -> bool {
        let comes = self.peek() == Some(mark);
        if comes {
            self.at = self.at.wrapping_add(1);
        }
        comes
    }

    /// Reads a word such as `null`.
    pub fn word(&mut self, word: &str) -> bool {
        let comes = self.peek().is_some() && self.rest().starts_with(word);
        if comes {
            self.at = self.at.wrapping_add(word.len());
        }
        comes
    }

    /// Reads a string, if it is this one and stands there without escapes.
    #[inline]
    pub fn expected(&mut self, string: &Expected) -> bool {
        if self.peek() != Some(b'"') {
            return false;
        }
        let begin = self.at.wrapping_add(1);
        let comes = self.text.as_bytes().get(begin..).is_some_and(|text| string.begins(text));
        if comes {
            self.at = begin.wrapping_add(string.quoted.len());
        }
        comes
    }

    /// Reads a string without escapes.
    #[inline]
    pub fn plain_string(&mut self) -> Option<&'de str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let begin = self.at.wrapping_add(1);
        let end = begin.wrapping_add(plain_bytes(self.text.as_bytes().get(begin..)?));
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        let string = self.text.get(begin..end)?;
        if !self.plain && !is_text(string) {
            return None;
        }
        self.at = end.wrapping_add(1);
        Some(string)
    }

    /// Reads a string.
    pub fn string(&mut self) -> Option<Cow<'de, str>> {
        if let Some(string) = self.plain_string() {
            return Some(Cow::Borrowed(string));
        }
        let mut reader = Reader::from_str(self.rest());
        let string = String::deserialize(&mut reader).ok().filter(|string| is_text(string))?;
        self.skip(offset(reader))?;
        Some(Cow::Owned(string))
    }

    /// Reads a number that is likely to be a whole one.
    #[inline]
    pub fn number(&mut self) -> Option<Number> {
        let negative = self.peek() == Some(b'-');
        let sign = usize::from(negative);
        let (mut number, mut digits) = (0_u64, 0);
        while let Some(digit @ b'0'..=b'9') = self.byte(sign.wrapping_add(digits)) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            digits = digits.wrapping_add(1);
        }
        let end = sign.wrapping_add(digits);
        let leading_zero = digits > 1 && self.byte(sign) == Some(b'0');
        let others = leading_zero || matches!(self.byte(end), Some(b'.' | b'e' | b'E'));
        if others || number == 0 || !(1..=DIGITS_MAX).contains(&digits) {
            return self.any_number();
        }
        self.at = self.at.wrapping_add(end);
        Some(if negative {
            Number::Signed(i64::try_from(number).ok()?.wrapping_neg())
        } else {
            Number::Unsigned(number)
        })
    }

    /// Reads any number.
    pub fn any_number(&mut self) -> Option<Number> {
        let mut reader = Reader::from_str(self.rest());
        let number = reader.deserialize_any(NumberRead).ok()?;
        let small = match number {
            Number::Unsigned(number) => is_small(number),
            Number::Signed(number) => is_small(number.unsigned_abs()),
            Number::Fraction(number) => is_small_fraction(number),
        };
        self.skip(offset(reader))?;
        small.then_some(number)
    }

    #[inline]
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at.wrapping_add(ahead)).copied()
    }
}

/// Tells a number as it is read.
struct NumberRead;

impl Visitor<'_> for NumberRead {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Signed(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Fraction(number))
    }
}

/// How many bytes there are before a quotation mark, an escape or a control character: eight are looked at together.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The high bit of each byte that is zero, up to the first that is; of later ones it may be wrong.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let (words, rest) = bytes.as_chunks();
    for (count, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES << 5) & !word & (ONES << 7);
        let marks = zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5C)) | controls;
        if marks != 0 {
            return count.wrapping_mul(8).wrapping_add(usize::try_from(marks.trailing_zeros() / 8).unwrap_or(0));
        }
    }
    let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
    bytes.len().wrapping_sub(rest.len()).wrapping_add(plain)
}
