//! Data against its type: what passes, and what the sender is told.

use std::sync::LazyLock;

use garde::Validate;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::{Move, Say, Typing};
use crate::contract::typed::Data;
use crate::contract::{Json, Payload};

use super::drawing::{Drawing, Part, Shape, Style, Tool, any_drawing, any_small_value, changed, drawing};

/// What the sender is told of a text, or nothing if it passes.
fn told<T: Payload>(data: &str) -> String {
    Data::of::<T>().validate(data).err().map_or_else(String::new, |invalid| invalid.to_string())
}

/// What the sender is told of a drawing. Its schema is made once, for the thousands that are tried.
fn told_of(drawing: &str) -> String {
    static DRAWING: LazyLock<Data> = LazyLock::new(Data::of::<Drawing>);
    DRAWING.validate(drawing).err().map_or_else(String::new, |invalid| invalid.to_string())
}

/// What the sender is told of a drawing in which one place is another.
fn told_of_drawing(place: &str, value: Value) -> String {
    let mut drawing = drawing();
    *drawing.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
    told_of(&drawing.to_string())
}

#[test]
fn f3_data_that_fits_passes() {
    assert_eq!(told::<Say>(r#"{"text":"hi"}"#), "");
    assert_eq!(told::<Say>(" { \"text\" : \"[{\\u00e9\\n\" } "), "");
    assert_eq!(told::<Say>(&json!({"text": "é".repeat(4_000)}).to_string()), "");
    assert_eq!(told::<Typing>(r#"{"on":false}"#), "");
    assert_eq!(told::<Move>(r#"{"y":1,"x":0.0}"#), "");
    assert_eq!(told::<Move>(r#"{"y":1e-3,"x":0.999}"#), "");
    assert_eq!(told_of(&drawing().to_string()), "");
}

#[test]
fn f3_free_json_is_not_looked_into() {
    for data in ["1", "null", "[]", r#"{"a":{"b":[1,2,{"c":null}]}}"#] {
        assert_eq!(told::<Json>(data), "");
    }
}

#[test]
fn r1_the_sender_is_told_the_place_and_what_is_expected_there() {
    for (data, expected) in [
        (json!({"text": ""}), "data.text: must be a string of 1 to 4000 characters"),
        (json!({"text": "é".repeat(4_001)}), "data.text: must be a string of 1 to 4000 characters"),
        (json!({"text": 1}), "data.text: must be a string of 1 to 4000 characters"),
        (json!({"text": null}), "data.text: must be a string of 1 to 4000 characters"),
        (json!({}), "data.text: is missing: it must be a string of 1 to 4000 characters"),
        (json!({"txt": "hi"}), "data.txt: is unknown here: the only field is `text`"),
        (json!({"text": "hi", "x": 1}), "data.x: is unknown here: the only field is `text`"),
        (json!("hi"), "data: must be an object with `text`"),
        (json!(null), "data: must be an object with `text`"),
    ] {
        assert_eq!(told::<Say>(&data.to_string()), expected, "{data}");
    }
    assert_eq!(told::<Typing>(r#"{"on":"yes"}"#), "data.on: must be true or false");
    assert_eq!(told::<Move>(r#"{"x":0.5,"y":1.001}"#), "data.y: must be a number from 0 to 1");
    assert_eq!(told::<Move>(r#"{"x":-1,"y":2}"#), "data.x: must be a number from 0 to 1");
    assert_eq!(told::<Move>(r#"{"y":1}"#), "data.x: is missing: it must be a number from 0 to 1");
    assert_eq!(told::<Move>(r#"{"z":1}"#), "data.z: is unknown here: the fields are `x`, `y`");
}

#[test]
fn f3_what_serde_would_take_for_a_struct_is_held_to_the_schema() {
    assert!(serde_json::from_str::<Say>(r#"["hi"]"#).is_ok());
    assert_eq!(told::<Say>(r#"["hi"]"#), "data: must be an object with `text`");
    let dot = json!({"kind": "Dot", "extra": 1});
    assert!(serde_json::from_value::<Shape>(dot.clone()).is_ok());
    assert_eq!(told_of_drawing("/shapes/1", dot), "data.shapes[1].extra: is unknown here: the only field is `kind`");
    assert!(serde_json::from_value::<Shape>(json!(["Circle", 1])).is_ok());
    assert!(told_of_drawing("/shapes/1", json!(["Circle", 1])).starts_with("data.shapes[1]: must be an object"));
    assert!(serde_json::from_value::<Tool>(json!({"Pen": null})).is_ok());
    assert_eq!(told_of_drawing("/tool", json!({"Pen": null})), r#"data.tool: must be "Pen" or "Brush""#);
}

#[test]
fn r1_a_place_deep_inside_is_told_with_its_path() {
    for (place, value, expected) in [
        ("/tagNames", json!([]), "data.tagNames: must be an array of 1 to 3 items"),
        ("/tagNames/0", json!("123456"), "data.tagNames[0]: must be a string of at most 5 characters"),
        ("/shapes/0/radius", json!(0.4), "data.shapes[0].radius: must be a number of at least 0.5"),
        ("/shapes/2/side", json!(256), "data.shapes[2].side: must be a whole number from 0 to 255"),
        ("/shapes/2/side", json!(1.5), "data.shapes[2].side: must be a whole number from 0 to 255"),
        ("/style/dotted/gap", json!("1"), "data.style.dotted.gap: must be a whole number from 0 to 255"),
        ("/style", json!({"dashed": 10}), "data.style.dashed: must be a whole number from 0 to 9"),
        ("/at", json!([1]), "data.at: must be an array of 2 items"),
        ("/at/0", json!(128), "data.at[0]: must be a whole number from -128 to 127"),
        ("/turn", json!(301), "data.turn: must be a whole number from -5 to 300 or null"),
        ("/layers/b", json!(4_294_967_296_u64), "data.layers.b: must be a whole number from 0 to 4294967295"),
        ("/parts/0/parts/0/name", json!(""), "data.parts[0].parts[0].name: must be a string of at least 1 character"),
        (
            "/parts/0/parts/0",
            json!({}),
            "data.parts[0].parts[0].name: is missing: it must be a string of at least 1 character",
        ),
        (
            "/shapes/0",
            json!({"kind": "Star"}),
            "data.shapes[0]: must be an object with `kind`: \"Circle\", an object with `kind`: \"Square\" or an \
             object with `kind`: \"Dot\"",
        ),
        (
            "/shapes/0",
            json!({"kind": "Square"}),
            "data.shapes[0].side: is missing: it must be a whole number from 0 to 255",
        ),
        (
            "/style",
            json!("wavy"),
            "data.style: must be \"plain\", an object with `dashed`, an object with `dotted` or null",
        ),
    ] {
        assert_eq!(told_of_drawing(place, value.clone()), expected, "{place} {value}");
    }
}

#[test]
fn f3_a_string_is_measured_in_characters_however_many_bytes_they_have() {
    #[derive(Deserialize, JsonSchema, Validate)]
    #[serde(transparent)]
    #[garde(transparent)]
    struct Initials(#[garde(length(chars, min = 2, max = 3))] String);
    for fits in ["ab", "abc", "éé", "ééé", "😀😀", "😀😀😀"] {
        assert_eq!(told::<Initials>(&json!(fits).to_string()), "", "{fits}");
    }
    for other in ["", "a", "é", "😀", "abcd", "éééé", "😀😀😀😀"] {
        let expected = "data: must be a string of 2 to 3 characters";
        assert_eq!(told::<Initials>(&json!(other).to_string()), expected, "{other}");
    }
}

#[test]
fn r1_a_place_in_an_array_of_its_own_follows_data_at_once() {
    assert_eq!(told::<Vec<Say>>(r#"[{"text":"a"},1]"#), "data[1]: must be an object with `text`");
    assert_eq!(told::<Vec<Say>>(r#"[{"text":1}]"#), "data[0].text: must be a string of 1 to 4000 characters");
}

#[test]
fn r1_where_several_forms_are_possible_all_are_told_or_the_one_that_was_meant() {
    #[derive(Deserialize, JsonSchema, Validate)]
    #[serde(untagged, deny_unknown_fields)]
    #[expect(dead_code, reason = "only the type is looked at")]
    enum Answer {
        Number {
            #[garde(skip)]
            a: u8,
            #[garde(skip)]
            b: bool,
        },
        Word {
            #[garde(skip)]
            a: String,
            #[garde(skip)]
            b: bool,
        },
    }
    for (data, expected) in [
        (r#"{"a":1,"b":true}"#, ""),
        (r#"{"a":"x","b":true}"#, ""),
        (r#"{"a":[],"b":true}"#, "data.a: must be a whole number from 0 to 255, or must be a string"),
        (r#"{"a":1,"b":2}"#, "data: must be an object with `a` and `b`"),
        (r#"{"a":1}"#, "data: must be an object with `a` and `b`"),
    ] {
        assert_eq!(told::<Answer>(data), expected, "{data}");
    }
}

#[test]
fn f3_what_only_the_type_knows_is_told_in_the_authors_words() {
    assert_eq!(told_of_drawing("/note", json!("hey!")), "data.note: is refused: must not shout");
}

#[test]
fn r2_no_refusal_names_a_type_of_ours() {
    let ours = [
        "Say", "Drawing", "Shape", "Style", "Part ", "struct", "enum", "variant", "String", "Vec", "f64", "u8",
        "serde", "line ", "column",
    ];
    let refusals =
        ["[1]", "{}", "1", "nope", "", "{\"text\":", "{\"text\":\"a\",\"text\":\"b\"}", "\"\\ud800\"", "[[[["]
            .map(|data| {
                [told::<Say>(data), told_of(data), told::<Style>(data), told::<Shape>(data), told::<Part>(data)]
            })
            .concat();
    for refusal in refusals {
        assert!(refusal.len() > 10, "{refusal}");
        assert!(!ours.iter().any(|name| refusal.contains(name)), "{refusal}");
    }
}

#[test]
fn r2_a_key_of_the_senders_is_cut_short_and_loses_its_control_characters() {
    let told = told::<Say>(&json!({format!("a\n\u{7f}{}", "b".repeat(60_000)): 1}).to_string());
    assert!(told.starts_with("data.abbb") && told.contains("…: is unknown here"), "{told}");
    assert!(told.chars().count() < 200);
}

#[test]
fn r4_a_text_that_is_no_json_is_told_as_such() {
    for data in ["", "nope", "{\"text\":\"a\"", "{\"text\":\"a\"} x", "\u{feff}{}"] {
        assert_eq!(told::<Say>(data), "data: must be JSON", "{data}");
    }
}

#[test]
fn r4_deep_data_and_data_that_fits_many_forms_ends_soon() {
    #[derive(Deserialize, JsonSchema, Validate)]
    #[serde(untagged, deny_unknown_fields)]
    #[expect(dead_code, reason = "only the type is looked at")]
    enum Twin {
        One {
            #[garde(dive)]
            inner: Option<Box<Self>>,
            #[garde(skip)]
            one: Option<u8>,
        },
        Other {
            #[garde(dive)]
            inner: Option<Box<Self>>,
            #[garde(skip)]
            other: Option<u8>,
        },
    }
    let nested = |depth, core: &str| format!("{}{core}{}", "{\"inner\":".repeat(depth), "}".repeat(depth));
    assert_eq!(told::<Twin>(&nested(10, "{}")), "");
    assert_eq!(told::<Twin>(&nested(40, "{\"one\":\"x\"}")), "data: is too intricate to be checked");
    assert!(told::<Twin>(&nested(10_000, "{}")).len() < 100);
    #[derive(Deserialize, JsonSchema, Validate)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only the type is looked at")]
    enum Endless {
        Again(#[garde(dive)] Box<Self>),
        End(#[garde(skip)] u8),
    }
    assert_eq!(told::<Endless>(&format!("{}7", " ".repeat(60_000))), "data: is too intricate to be checked");
    assert_eq!(told::<Part>(&"[".repeat(10_000)), "data: must be an object with `name`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn f3_whatever_the_type_can_say_passes(drawing in any_drawing()) {
        prop_assert_eq!(told_of(&serde_json::to_string(&drawing).unwrap()), "");
    }

    #[test]
    fn f3_what_passes_is_what_the_type_means_byte_for_value(
        drawing in any_drawing(), place in any::<usize>(), by in any_small_value()
    ) {
        let mut value = serde_json::to_value(&drawing).unwrap();
        changed(&mut value, place, &by);
        let text = value.to_string();
        let told = told_of(&text);
        let read = serde_json::from_str::<Drawing>(&text).ok().filter(|drawing| drawing.validate().is_ok());
        if told.is_empty() {
            // What the type read is all there was: nothing unknown got by, and nothing stood in another form.
            let read = read.expect("what passes can be read");
            prop_assert_eq!(told_apart(&serde_json::to_value(&read).unwrap()), told_apart(&value));
        } else {
            prop_assert!(told.starts_with("data") && told.chars().count() < 400, "{}", told);
        }
    }

    #[test]
    fn r4_any_text_is_judged_without_a_panic(text in "[\\[\\]{}\",:a-z0-9.\\\\ -]{0,40}") {
        for told in [told_of(&text), told::<Say>(&text), told::<Style>(&text), told::<Tool>(&text)] {
            prop_assert!(told.is_empty() || told.starts_with("data"));
        }
    }
}

/// The value without what JSON may leave out or write in two ways: fields of null, and 1.0 for 1.
fn told_apart(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(told_apart).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, value)| {
                !value.is_null() && (*name != "parts" || value.as_array().is_none_or(|parts| !parts.is_empty()))
            })
            .map(|(name, value)| (name.clone(), told_apart(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        value => value.clone(),
    }
}
