//! A text of I-JSON read by hand: whitespace, punctuation, numbers of few digits without an exponent, and strings whose
//! escapes are of one letter, which is nearly all of it. Whatever has more to it is left to `serde_json`: strings and
//! numbers all read by that, one by one, make a typed publish of 33 KB cost 1.65 to 1.7 times what `serde_json` alone
//! takes for the whole, and not 1.2.
//!
//! It says yes only where [`ijson::check`](super::ijson::check) would. `None` and `false` are no judgement: they say
//! that a closer look is needed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::ijson::{Reader, is_small, is_small_fraction, is_text, offset};

/// The most digits of a number that is read by hand: fewer than those of 2^53.
const DIGITS_MAX: usize = 15;

/// By what the digits of a fraction are divided, by their number. All of these are doubles, so what is divided is
/// rounded once, and right.
const TENS: [f64; DIGITS_MAX] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// A text, and how far it is read.
#[derive(Debug)]
pub struct Text<'de> {
    text: &'de str,
    at: usize,
    /// The string with escapes that was read last.
    unescaped: String,
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
    pub const fn new(text: &'de str) -> Self {
        Self { text, at: 0, unescaped: String::new() }
    }

    /// How many bytes are read.
    pub const fn at(&self) -> usize {
        self.at
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
        let (plain, ascii) = plain_bytes(self.text.as_bytes().get(begin..)?);
        let end = begin.wrapping_add(plain);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        let string = self.text.get(begin..end)?;
        if !ascii && !is_text(string) {
            return None;
        }
        self.at = end.wrapping_add(1);
        Some(string)
    }

    /// Reads a string with escapes.
    pub fn escaped_string(&mut self) -> Option<&str> {
        self.unescaped.clear();
        if self.unescape().is_none() {
            let mut reader = Reader::from_str(self.rest());
            self.unescaped = String::deserialize(&mut reader).ok()?;
            self.skip(offset(reader))?;
        }
        Some(self.unescaped.as_str()).filter(|string| is_text(string))
    }

    /// Reads a string whose escapes are all of one letter; of another, nothing.
    fn unescape(&mut self) -> Option<()> {
        let mut rest = self.rest().strip_prefix('"')?;
        loop {
            let (plain, escape) = rest.split_at_checked(plain_bytes(rest.as_bytes()).0)?;
            self.unescaped.push_str(plain);
            let letter = match *escape.as_bytes() {
                [b'"', ..] => {
                    self.at = self.text.len().wrapping_sub(escape.len()).wrapping_add(1);
                    return Some(());
                }
                [b'\\', letter, ..] => letter,
                _ => return None,
            };
            self.unescaped.push(match letter {
                b'"' | b'\\' | b'/' => char::from(letter),
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                _ => return None,
            });
            rest = escape.get(2..)?;
        }
    }

    /// Reads a string.
    pub fn string(&mut self) -> Option<Cow<'de, str>> {
        if let Some(string) = self.plain_string() {
            return Some(Cow::Borrowed(string));
        }
        self.escaped_string().map(|string| Cow::Owned(string.to_owned()))
    }

    /// Reads a number.
    #[inline]
    pub fn number(&mut self) -> Option<Number> {
        let negative = self.peek() == Some(b'-');
        let begin = usize::from(negative);
        let (number, end) = self.digits(0, begin);
        let digits = end.wrapping_sub(begin);
        let leading_zero = digits > 1 && self.byte(begin) == Some(b'0');
        if leading_zero || !(1..=DIGITS_MAX).contains(&digits) {
            return self.any_number();
        }
        match self.byte(end) {
            Some(b'.') => return self.fraction(number, begin, end),
            Some(b'e' | b'E') => return self.any_number(),
            _ if negative && number == 0 => return self.any_number(),
            _ => self.at = self.at.wrapping_add(end),
        }
        Some(if negative {
            Number::Signed(i64::try_from(number).ok()?.wrapping_neg())
        } else {
            Number::Unsigned(number)
        })
    }

    /// Reads a number of which all is known up to its point.
    fn fraction(&mut self, whole: u64, begin: usize, point: usize) -> Option<Number> {
        let behind = point.wrapping_add(1);
        let (number, end) = self.digits(whole, behind);
        let places = end.wrapping_sub(behind);
        let digits = point.wrapping_sub(begin).wrapping_add(places);
        if places == 0 || digits > DIGITS_MAX || matches!(self.byte(end), Some(b'e' | b'E')) {
            return self.any_number();
        }
        self.at = self.at.wrapping_add(end);
        #[expect(clippy::cast_precision_loss, reason = "it has few digits")]
        let fraction = number as f64 / TENS.get(places)?;
        Some(Number::Fraction(if begin == 0 { fraction } else { -fraction }))
    }

    /// The number that goes on with the digits that stand so many bytes ahead, and where they end.
    #[inline]
    fn digits(&self, mut number: u64, mut ahead: usize) -> (u64, usize) {
        while let Some(digit @ b'0'..=b'9') = self.byte(ahead) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            ahead = ahead.wrapping_add(1);
        }
        (number, ahead)
    }

    #[cold]
    fn any_number(&mut self) -> Option<Number> {
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

/// How many bytes there are before a quotation mark, an escape or a control character, and whether they are known to be
/// ASCII: eight are looked at together.
#[inline]
fn plain_bytes(bytes: &[u8]) -> (usize, bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte that is zero, up to the first that is; of later ones it may be wrong.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks();
    let mut all = 0;
    for (count, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES << 5) & !word & HIGH;
        let marks = zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5C)) | controls;
        all |= word;
        if marks != 0 {
            let last = usize::try_from(marks.trailing_zeros() / 8).unwrap_or(0);
            return (count.wrapping_mul(8).wrapping_add(last), all & HIGH == 0);
        }
    }
    let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
    (bytes.len().wrapping_sub(rest.len()).wrapping_add(plain), all & HIGH == 0 && rest.is_ascii())
}
