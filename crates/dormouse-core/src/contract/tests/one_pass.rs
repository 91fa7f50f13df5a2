//! The one pass into a type: it says yes to nothing that a closer look refuses, and to all that is usual.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use garde::Validate;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::app::Say;
use crate::contract::Json;
use crate::contract::checked::checked;
use crate::contract::data::Reading;
use crate::contract::form::Forms;
use crate::contract::judge::judge;
use crate::contract::typed::Data;
use dormouse_protocol::ijson;
use dormouse_protocol::text::Text;

use super::drawing::{Drawing, Shape, Style, Tool, any_drawing, any_small_value, changed, drawing};

/// What drawings lack: choices in choices, forms told apart in every way, keys of numbers, what a type makes light of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Odds {
    #[garde(dive)]
    untagged: Vec<Untagged>,
    #[garde(dive)]
    adjacent: Option<Adjacent>,
    #[garde(skip)]
    word: Option<Word>,
    #[garde(skip)]
    numbers: BTreeMap<u32, f32>,
    #[garde(skip)]
    unit: (),
    #[garde(skip)]
    letter: Option<char>,
    #[serde(default, deserialize_with = "or_nothing")]
    #[garde(skip)]
    lax: u8,
    #[garde(skip)]
    nested: Option<Option<Box<Shape>>>,
    #[garde(skip)]
    great: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(untagged, deny_unknown_fields)]
enum Untagged {
    Text(#[garde(length(max = 3))] String),
    List(#[garde(skip)] Vec<u8>),
    One {
        #[garde(skip)]
        a: u8,
    },
    Two {
        #[garde(skip)]
        a: u8,
        #[garde(skip)]
        b: Option<Tool>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(tag = "t", content = "c", deny_unknown_fields)]
enum Adjacent {
    Number(#[garde(skip)] u8),
    Shape(#[garde(skip)] Shape),
    Nothing,
}

/// A word of a list, each with a text of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// The first.
    One,
    /// The second.
    Two,
}

/// Reads a number, and takes anything else for none.
fn or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    Ok(u8::deserialize(deserializer).unwrap_or_default())
}

fn odds() -> Value {
    json!({
        "untagged": ["abc", [1, 2], {"a": 1}, {"a": 1, "b": "Pen"}],
        "adjacent": {"t": "Shape", "c": {"kind": "Dot"}},
        "word": "two",
        "numbers": {"7": 0.5},
        "unit": null,
        "letter": "ü",
        "lax": 1,
        "nested": {"kind": "Square", "side": 1},
        "great": -7,
    })
}

/// Whether a text is taken in the one pass. If it is, it must be by a closer look.
fn taken(data: &Data, text: &str) -> bool {
    let mut read = Text::new(text);
    let fits = data.fits(&mut read, 0) && read.peek().is_none();
    if fits {
        assert_eq!(ijson::check(text), Ok(()), "{text}");
        assert_eq!(data.look_closely(text), Ok(()), "{text}");
    }
    fits
}

static DRAWING: LazyLock<Data> = LazyLock::new(Data::of::<Drawing>);
static ODDS: LazyLock<Data> = LazyLock::new(Data::of::<Odds>);
static SHAPES: LazyLock<Data> = LazyLock::new(Data::of::<Vec<Shape>>);
static STYLES: LazyLock<Data> = LazyLock::new(Data::of::<Vec<Option<Style>>>);
static WORDS: LazyLock<Data> = LazyLock::new(Data::of::<Vec<Word>>);
static UNTAGGED: LazyLock<Data> = LazyLock::new(Data::of::<Vec<Untagged>>);

/// A value written in one of the many ways that JSON has: with space anywhere, fields in any order and some of them
/// twice, letters escaped, numbers with a point, and what is no I-JSON.
fn written(value: &Value, dice: &mut impl Iterator<Item = u8>) -> String {
    let mut roll = || dice.next().unwrap_or(255);
    let space = |roll: u8| if roll < 10 { " \n" } else { "" };
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| written(item, dice)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let mut written_fields: Vec<_> = Vec::new();
            for (name, field) in fields {
                let field = written(field, dice);
                let mut roll = || dice.next().unwrap_or(255);
                let name = string(name, roll());
                let times = if roll() < 3 { 2 } else { 1 };
                let field =
                    format!("{}{name}{}:{}{field}{}", space(roll()), space(roll()), space(roll()), space(roll()));
                (0..times).for_each(|_| written_fields.push(field.clone()));
            }
            let turn = usize::from(dice.next().unwrap_or(255)) % 7;
            if turn < written_fields.len() {
                written_fields.rotate_left(turn);
            }
            format!("{{{}}}", written_fields.join(","))
        }
        Value::String(text) => string(text, roll()),
        Value::Number(number) => match roll() {
            0 if !number.is_f64() => format!("{number}.0"),
            1 if !number.is_f64() => format!("{number}e0"),
            2 => "9007199254740993".to_owned(),
            3 => "-0".to_owned(),
            4 => format!("0{number}"),
            _ => number.to_string(),
        },
        value => value.to_string(),
    }
}

fn string(text: &str, roll: u8) -> String {
    let json = json!(text).to_string();
    let inner = json.strip_prefix('"').unwrap_or_default();
    match (roll, text.chars().next()) {
        (0..6, Some(first)) if first.is_ascii_alphanumeric() => {
            format!("\"\\u{:04x}{}", u32::from(first), inner.strip_prefix(first).unwrap_or_default())
        }
        (6, _) => format!("\"\u{fdd0}{inner}"),
        (7, _) => format!("\"\\uffff{inner}"),
        (8, _) => format!("\"\t{inner}"),
        _ => json,
    }
}

fn any_dice() -> impl Strategy<Value = Vec<u8>> {
    let calm = prop::collection::vec(20_u8..=255, 0..120);
    let wild = prop::collection::vec(any::<u8>(), 0..120);
    prop_oneof![1 => Just(vec![]), 2 => calm, 4 => wild]
}

#[test]
fn f3_what_is_usual_is_taken_in_one_pass() {
    assert!(taken(&Data::of::<Say>(), r#"{"text":"hi \"you\" ü"}"#));
    assert!(taken(&DRAWING, &serde_json::to_string(&serde_json::from_value::<Drawing>(drawing()).unwrap()).unwrap()));
    assert!(taken(&SHAPES, r#"[{"kind":"Circle","radius":1}, { "kind" : "Dot" },{"kind":"Square","side":2}]"#));
    assert!(taken(&STYLES, r#"[null,"plain",{"dashed":1},{"dotted":{"gap":2}}]"#));
    assert!(taken(&WORDS, r#"["one","two"]"#));
    // Free JSON has nothing to be held to.
    assert!(!taken(&Data::of::<Json>(), "1"));
}

#[test]
fn f3_what_serde_would_take_for_a_struct_is_not_taken_in_one_pass() {
    assert!(!taken(&Data::of::<Say>(), r#"["hi"]"#));
    assert!(!taken(&SHAPES, r#"[{"kind":"Dot","extra":1}]"#));
    assert!(!taken(&SHAPES, r#"[["Circle",1]]"#));
    assert!(!taken(&Data::of::<Tool>(), r#"{"Pen":null}"#));
    assert!(!taken(&WORDS, r#"[{"one":null}]"#));
}

#[test]
fn f3_what_a_type_makes_light_of_is_not_taken_in_one_pass() {
    #[derive(Debug, Deserialize, JsonSchema, Validate)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the type is looked at")]
    struct Lax {
        #[serde(deserialize_with = "any_or_nothing")]
        #[garde(skip)]
        lax: Value,
    }
    fn any_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Ok(Vec::<Value>::deserialize(deserializer).unwrap_or_default().into())
    }
    let lax = Data::of::<Lax>();
    assert!(taken(&lax, r#"{"lax":[1,{"a":[]}]}"#));
    let odd = ["\"\u{ffff}\"", r#""\ufdd0""#, r#"{"a":1,"a":2}"#, "9007199254740993", "[1,]", "01", "1"];
    for odd in odd {
        for text in [format!("{{\"lax\":{odd}}}"), format!("{{\"lax\":[{odd},01]}}")] {
            assert!(!taken(&lax, &text), "{text}");
        }
    }
}

#[test]
fn r4_what_nests_deeper_than_a_frame_may_is_not_taken_in_one_pass() {
    #[derive(Debug, Deserialize, JsonSchema, Validate)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the type is looked at")]
    struct Free {
        #[garde(skip)]
        free: Value,
    }
    let free = Data::of::<Free>();
    let nested = |levels| format!("{{\"free\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(taken(&free, &nested(63)));
    assert!(!taken(&free, &nested(64)));
    for (depth, fits) in [(61, true), (62, false)] {
        assert_eq!(free.fits(&mut Text::new(&nested(2)), depth), fits);
    }
}

/// Any schema, of few names and values, so that many values nearly fit.
fn any_schema() -> impl Strategy<Value = Value> {
    let plain = [
        json!(true),
        json!({"type": "null"}),
        json!({"type": "boolean"}),
        json!({"type": "integer", "minimum": 0}),
        json!({"type": "number", "maximum": 1.5}),
        json!({"type": "string"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "string", "minLength": 1, "maxLength": 2}),
        json!({"type": "string", "enum": ["a", "plain"]}),
        json!({"const": "a"}),
        json!({"type": "string", "const": "Dot"}),
        json!({"enum": [1, null, "a"]}),
        json!({"$ref": "#"}),
        json!({"type": "object"}),
        json!({"type": "array"}),
        json!(false),
        json!({"const": "a", "enum": ["plain", 1]}),
    ];
    let plain = prop::sample::select(plain.to_vec());
    plain.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "kind"]);
        let fields = prop::collection::btree_map(name.clone(), inner.clone(), 0..4);
        let others = prop_oneof![3 => Just(Some(json!(false))), 1 => Just(None), 1 => inner.clone().prop_map(Some)];
        let object =
            (fields, prop::collection::btree_set(name, 0..3), others).prop_map(|(fields, required, others)| {
                let mut schema = json!({"type": "object", "properties": fields, "required": required});
                if let Some(others) = others {
                    schema["additionalProperties"] = others;
                }
                schema
            });
        let array = (inner.clone(), prop::option::of(inner.clone()), 0..3).prop_map(|(items, first, min)| {
            let first: Vec<_> = first.into_iter().collect();
            json!({"type": "array", "items": items, "prefixItems": first, "minItems": min, "maxItems": 3})
        });
        let choice = (prop::collection::vec(inner, 1..4), 0..6).prop_map(|(choices, more)| match more {
            0 => json!({"anyOf": choices, "type": ["object", "string"]}),
            1 => json!({"oneOf": choices, "properties": {"a": {"type": "integer"}}}),
            _ => json!({"oneOf": choices}),
        });
        prop_oneof![3 => object, 1 => array, 2 => choice]
    })
}

/// Any value that a schema may fit, with the words of schemas in it.
fn any_value() -> impl Strategy<Value = Value> {
    any_small_value().prop_recursive(3, 16, 3, |inner| {
        let name = prop::sample::select(vec!["kind", "a", "b", "c"]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

/// Whether a text is taken by a schema alone, in one pass: the type is free JSON, and would take anything.
fn taken_by(schema: &Value, text: &str) -> bool {
    let forms = Forms::of(schema);
    let mut read = Text::new(text);
    let reading = Reading { text: &mut read, forms: &forms, depth: 0 };
    let fits = checked::<Value>(reading).is_some() && read.peek().is_none();
    if fits {
        assert_eq!(ijson::check(text), Ok(()), "{text}");
        assert_eq!(judge(&forms, text), Ok(()), "{text} by {schema}");
    }
    fits
}

#[test]
fn f3_a_form_that_is_chosen_by_its_tag_must_have_it() {
    let tagged =
        json!({"type": "object", "properties": {"kind": {"const": "a"}, "b": {}}, "additionalProperties": false});
    let schema = json!({"oneOf": [tagged, {"type": "null"}]});
    assert!(taken_by(&schema, r#"{"kind":"a","b":1}"#));
    assert!(!taken_by(&schema, r#"{"b":1}"#));
}

#[test]
fn f3_a_field_that_stands_twice_or_is_missing_is_not_taken_in_one_pass_whatever_the_type_says() {
    let schema =
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": false});
    assert!(taken_by(&schema, r#"{"b":1,"a":1}"#));
    assert!(!taken_by(&schema, r#"{"b":1}"#));
    assert!(!taken_by(&schema, r#"{"a":1,"a":1}"#));
    assert!(!taken_by(&json!({"type": "object"}), r#"{"a":1,"a":1}"#));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn f3_nothing_is_taken_by_any_schema_that_the_judge_refuses(
        schema in any_schema(), values in prop::collection::vec(any_value(), 1..4), dice in any_dice()
    ) {
        for value in values {
            taken_by(&schema, &value.to_string());
            taken_by(&schema, &written(&value, &mut dice.iter().copied()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn f3_whatever_a_type_writes_is_taken_in_one_pass(drawing in any_drawing()) {
        // Numbers beyond 2^53 take a closer look, and so do keys with escapes.
        let mut drawing = Drawing { free: json!([1, {"a": 0.5}]), ..drawing };
        drawing.layers.retain(|name, _| !name.contains(['"', '\\']));
        let text = serde_json::to_string(&drawing).unwrap();
        prop_assert_eq!(taken(&DRAWING, &text), ijson::check(&text).is_ok());
    }

    #[test]
    fn f3_nothing_is_taken_in_one_pass_that_a_closer_look_refuses(
        drawing in any_drawing(), place in any::<usize>(), by in any_small_value(), dice in any_dice()
    ) {
        let mut value = serde_json::to_value(&drawing).unwrap();
        taken(&DRAWING, &written(&value, &mut dice.iter().copied()));
        taken(&SHAPES, &written(&value["shapes"], &mut dice.iter().copied()));
        changed(&mut value, place, &by);
        taken(&DRAWING, &written(&value, &mut dice.iter().copied()));
        for (name, data) in [("shapes", &SHAPES), ("shapes", &UNTAGGED), ("tagNames", &WORDS)] {
            taken(data, &written(&value[name], &mut dice.iter().copied()));
        }
    }

    #[test]
    fn f3_nothing_odd_is_taken_in_one_pass_that_a_closer_look_refuses(
        places in prop::collection::vec((any::<usize>(), any_small_value()), 0..3), dice in any_dice()
    ) {
        let mut value = odds();
        for (place, by) in places {
            changed(&mut value, place, &by);
        }
        let text = written(&value, &mut dice.iter().copied());
        taken(&ODDS, &text);
        let whole = written(&json!([value.clone(), value["untagged"], value["adjacent"]]), &mut dice.iter().copied());
        for data in [&UNTAGGED, &STYLES, &SHAPES, &WORDS] {
            taken(data, &text);
            taken(data, &whole);
            taken(data, &written(&value["untagged"], &mut dice.iter().copied()));
        }
        let shapes = json!([value["nested"], value["adjacent"]["c"]]);
        taken(&SHAPES, &written(&shapes, &mut dice.iter().copied()));
        taken(&STYLES, &written(&shapes, &mut dice.iter().copied()));
    }

    #[test]
    fn r4_no_text_is_taken_in_one_pass_that_a_closer_look_refuses(
        text in "[\\[\\]{}\",:a-z0-9.\\\\ -]{0,40}|\\[(\"one\"|\"two\"|null|\"plain\"|\\{\"kind\":\"Dot\"\\}|,|,|,| ){0,8}\\]"
    ) {
        for data in [&DRAWING, &ODDS, &SHAPES, &STYLES, &WORDS, &UNTAGGED] {
            taken(data, &text);
        }
    }
}
