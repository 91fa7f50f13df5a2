//! The one pass over a frame against the closer look that came before it, and against serde_json.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test that overflows or slices badly fails, as it should"
)]

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::text::{Expected, Number, Text};
use super::*;
use crate::name::is_interchangeable;

/// The check of I-JSON as plainly as it can be written; `great` is whether there is a number beyond 2^53.
#[derive(Clone, Copy)]
struct Plain<'a> {
    depth: usize,
    great: &'a Cell<bool>,
}

impl<'a> Plain<'a> {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == ijson::DEPTH_MAX {
            return Err(E::custom("nested more than 64 deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
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
        self.great.set(self.great.get() || number > 1 << 53);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_u64(number.unsigned_abs())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.great.set(self.great.get() || number.abs() >= 9_007_199_254_740_992.0);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if is_interchangeable(text) { Ok(()) } else { Err(E::custom("a Unicode noncharacter")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while items.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut keys: Vec<String> = Vec::new();
        let mut many = false;
        while let Some(key) = fields.next_key::<String>()? {
            self.visit_str(&key)?;
            // Of many keys, a second is told in the end.
            if keys.contains(&key) {
                if keys.len() < 16 {
                    return Err(A::Error::custom("a key that stands twice in one object"));
                }
                many = true;
            }
            keys.push(key);
            fields.next_value_seed(inside)?;
        }
        if many { Err(A::Error::custom("a key that stands twice in one object")) } else { Ok(()) }
    }
}

/// What is said of a text; nothing of one whose numbers would have to be looked at.
fn plainly(text: &str) -> Option<Result<(), String>> {
    let great = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_str(text);
    let checked = Plain { depth: 0, great: &great }.deserialize(&mut reader).and_then(|()| reader.end());
    let checked = checked.map_err(|error| format!("The frame is not I-JSON: {error}."));
    (checked.is_err() || !great.get()).then_some(checked)
}

/// Pieces of which texts are made: of frames, and of what has no business in one.
const PIECES: [&str; 60] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\n\t",
    "\r",
    "\u{b}",
    "\"type\":",
    "\"publish\"",
    "\"id\":",
    "\"1\"",
    "\"event\":",
    "\"say\"",
    "\"data\":",
    "{\"text\":\"x\"}",
    "null",
    "true",
    "false",
    "nul",
    "0",
    "-1",
    "-",
    "00",
    "01",
    "-0",
    "1.5",
    "1.",
    ".5",
    "1e5",
    "1E+2",
    "1e999",
    "123456789012345",
    "1234567890123456",
    "9007199254740993",
    "1e20",
    "\"a\":1",
    "\"a\":2",
    "\"\\u0061\":3",
    "\"\\ud800\"",
    "\"\\uffff\"",
    "\u{fdd0}",
    "\"\u{1ffff}\"",
    "\"😀ü\"",
    "\"\\n\\\"\"",
    "\u{0}",
    "\u{feff}",
    "\"to\":",
    "\"echo\":",
    "\"if_seq\":",
    "\"d\\u0061ta\":",
];

/// A frame that is right, to be spoilt.
const FRAME: &str = "{ \"type\":\"publish\", \"id\":\"a-1\",\"event\":\"say\",\"data\":{\"text\":\"h\\u00e9 ü\",\"n\":[1,-2.5e3,{}]},\
                     \"to\":{\"users\":[\"ann\"]},\"echo\":true,\"if_seq\":41,\"other\":{\"type\":[null]}}";

fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24).prop_map(|pieces| pieces.concat());
    let index = any::<prop::sample::Index>;
    let change = (index(), index(), prop::sample::select(PIECES.to_vec()), any::<bool>());
    let spoilt = prop::collection::vec(change, 0..3).prop_map(|changes| {
        changes.into_iter().fold(FRAME.to_owned(), |text, (from, to, piece, keeps)| {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
            let (from, to) = (places[from.index(places.len())], places[to.index(places.len())]);
            let to = if keeps { from } else { to.clamp(from, places.last().copied().unwrap_or(from).min(from + 9)) };
            let to = if text.is_char_boundary(to) { to } else { from };
            [&text[..from], piece, &text[to..]].concat()
        })
    });
    let texts = prop_oneof![2 => pieces, 5 => spoilt];
    (texts, 0..4_usize, 0..70_usize).prop_map(|(text, wraps, levels)| match wraps {
        0 => format!("[{text},{text}]"),
        1 => format!("{{\"data\":{}{text}{}}}", "[".repeat(levels), "]".repeat(levels)),
        2 => format!("{{\"data\":{text},\"type\":\"presence\"}}"),
        _ => text,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn r4_the_check_says_what_it_says_as_plainly_written(text in any_text()) {
        if let Some(told) = plainly(&text) {
            prop_assert_eq!(ijson::check(&text), told);
        }
    }

    #[test]
    fn r4_a_frame_is_read_in_one_pass_as_by_a_closer_look(text in any_text()) {
        prop_assert_eq!(format!("{:?}", parse(&text, 3)), format!("{:?}", parse_closely(&text, 3)));
        prop_assert_eq!(format!("{:?}", parse_body(&text, 3)), format!("{:?}", parse_body_closely(&text, 3)));
    }

    #[test]
    fn r4_numbers_and_strings_are_read_by_hand_as_by_serde_json(text in any_text()) {
        for (at, _) in text.char_indices() {
            numbers_and_strings(&text[at..]);
        }
    }

    #[test]
    fn r4_a_number_is_read_by_hand_as_by_serde_json(
        number in "-?(0|[1-9][0-9]{0,17})([.,eE][0-9])?|-?[0-9]{0,9}[.][0-9]{0,17}(e|E1|E-1|e[+]1)?|-?0[.]0{0,16}[0-9]?"
    ) {
        numbers_and_strings(&number);
    }

    #[test]
    fn r4_a_string_with_escapes_is_read_by_hand_as_by_serde_json(
        inside in r#"([a-z/ü\u{fdd0}\u{1f600}]{0,9}(\\["\\/nrtbfux]|\\u00e9|\\uffff|\\ud83d\\ude00)?){0,4}"#
    ) {
        numbers_and_strings(&format!(" \"{inside}\","));
    }

    #[test]
    fn r4_a_text_that_is_plain_at_a_glance_has_no_noncharacter(text in "\\PC{0,20}[\u{e000}-\u{10ffff}]?\\PC{0,20}") {
        prop_assert!(!ijson::has_only_characters(&text) || is_interchangeable(&text));
    }
}

/// What is read of the beginning of a text is what serde_json reads there.
fn numbers_and_strings(text: &str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let value = values.next().and_then(Result::ok);
    let mut read = Text::new(text);
    if let Some(number) = read.number() {
        if let Number::Fraction(fraction) = number {
            let double = serde_json::from_str::<f64>(&text[..read.at()]).ok();
            assert_eq!(double.map(f64::to_bits), Some(fraction.to_bits()), "{text}");
        }
        let number = match number {
            Number::Unsigned(number) => serde_json::Value::from(number),
            Number::Signed(number) => serde_json::Value::from(number),
            Number::Fraction(number) => serde_json::Value::from(number),
        };
        // A stream wants a number to end, where the reader leaves that to whoever goes on.
        assert!(value.is_none() || value.as_ref() == Some(&number), "{text}: {number}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text[..read.at()]).ok(), Some(number), "{text}");
    }
    let mut read = Text::new(text);
    if let Some(string) = read.string() {
        assert_eq!(value.as_ref().and_then(serde_json::Value::as_str), Some(&*string), "{text}");
        assert!(matches!(string, Cow::Owned(_)) || !text[..read.at()].contains('\\'), "{text}");
        assert!(is_interchangeable(&string), "{text}");
        assert_eq!(read.at(), values.byte_offset(), "{text}");
    }
}

#[test]
fn r4_what_is_usual_is_read_in_one_pass() {
    for text in [FRAME.to_owned(), format!(" [{FRAME} ,\n{FRAME}] "), "{}".to_owned(), "[]".to_owned()] {
        assert!(parse_in_one_pass(&text, 2, None, &Untyped).is_some(), "{text}");
    }
    for text in [
        "",
        "1",
        "[1]",
        "{\"a\":1,\"a\":1}",
        "{\"id\":\"1\",\"id\":\"1\"}",
        "{\"data\":1,\"data\":1}",
        "{}x",
        "[{},{},{}]",
    ] {
        assert!(parse_in_one_pass(text, 2, None, &Untyped).is_none(), "{text}");
    }
}

#[test]
fn r4_the_one_pass_goes_as_deep_as_a_frame_may_and_no_deeper() {
    for levels in 58..68 {
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in [format!("{{\"data\":{nested}}}"), format!("[{{\"other\":{nested}}}]")] {
            let read = parse_in_one_pass(&text, 2, None, &Untyped).is_some();
            assert_eq!(read, ijson::check(&text).is_ok(), "{text}");
        }
    }
}

#[test]
fn r4_an_expected_string_is_found_where_it_stands_and_nowhere_else() {
    for name in ["", "a", "sevenby", "eightbyt", "eightbytes and more", "ü"] {
        let expected = Expected::new(name);
        for behind in ["", ":1", ":1, \"and more\":2"] {
            let mut text = Text::new("");
            assert!(!text.expected(&expected));
            let written = format!(" \"{name}\"{behind}");
            let mut text = Text::new(&written);
            assert!(text.expected(&expected), "{written}");
            assert_eq!(text.rest(), behind);
            for other in
                [format!("\"{name}x\"{behind}"), format!("\"x{name}\"{behind}"), format!("\"{name}"), name.to_owned()]
            {
                let mut text = Text::new(&other);
                assert!(!text.expected(&expected), "{name}: {other}");
                assert_eq!(text.rest(), other);
            }
        }
    }
}

#[test]
fn r4_numbers_are_read_as_doubles_have_them() {
    for (text, number) in [("0", 0.0), ("0.5", 0.5), ("-0.0", -0.0), ("-12.75", -12.75), ("0.00000000000001", 1e-14)] {
        let read = match Text::new(text).number() {
            Some(Number::Unsigned(number)) => Some(number as f64),
            Some(Number::Signed(number)) => Some(number as f64),
            Some(Number::Fraction(number)) => Some(number),
            None => None,
        };
        assert_eq!(read.map(f64::to_bits), Some(f64::to_bits(number)), "{text}");
    }
    for text in ["", "-", ".5", "1.", "-.5", "01", "00.5", "1.e5", "1.5e", "+1"] {
        assert_eq!(Text::new(text).number(), None, "{text}");
    }
}

#[test]
fn r4_strings_are_read_wherever_their_escapes_and_odd_characters_stand() {
    let escaped = r#"a\"\\\/\b\f\n\r\t"#;
    for before in 0..20 {
        for (more, read) in [("", ""), (r"\u00e9ü", "éü")] {
            let written = format!("\"{}{escaped}{more}\"", "x".repeat(before));
            let string = Text::new(&written).string().expect("a string");
            assert_eq!(string.get(before..), Some(&*format!("a\"\\/\u{8}\u{c}\n\r\t{read}")));
        }
        for odd in ['\n', '\u{1f}', '\u{fdd0}', '\u{ffff}', '\u{10ffff}'] {
            for escape in ["", "\\n", "\\u0041"] {
                let written = format!("\"{}{odd}{escape}\"", "x".repeat(before));
                assert_eq!(Text::new(&written).string(), None, "{written:?}");
            }
        }
    }
}
