//! A type that uses what serde, schemars and garde have to offer, and values of it, right and wrong.

use std::collections::BTreeMap;

use garde::Validate;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A type with one of everything that serde can do to a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Drawing {
    #[garde(length(min = 1, max = 3), inner(length(chars, max = 5)))]
    pub(super) tag_names: Vec<String>,
    #[garde(length(max = 4), dive)]
    pub(super) shapes: Vec<Shape>,
    #[garde(skip)]
    pub(super) tool: Tool,
    #[garde(dive)]
    pub(super) style: Option<Style>,
    #[garde(skip)]
    pub(super) at: (i8, f64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = -5, max = 300))]
    pub(super) turn: Option<i32>,
    #[garde(skip)]
    pub(super) layers: BTreeMap<String, u32>,
    #[garde(custom(calm))]
    pub(super) note: String,
    #[garde(skip)]
    pub(super) free: Value,
    #[garde(dive)]
    pub(super) parts: Vec<Part>,
}

/// Told apart by a tag inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(tag = "kind", deny_unknown_fields)]
pub(super) enum Shape {
    Circle {
        #[garde(range(min = 0.5))]
        radius: f64,
    },
    Square {
        #[garde(skip)]
        side: u8,
    },
    Dot,
}

/// Told apart by the name of its one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Style {
    Plain,
    Dashed(#[garde(range(max = 9))] u8),
    Dotted {
        #[garde(skip)]
        gap: u8,
    },
}

/// A word of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
pub(super) enum Tool {
    Pen,
    /// With a text of its own in the schema.
    Brush,
}

/// A type inside of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    #[garde(length(chars, min = 1))]
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive)]
    pub(super) parts: Vec<Self>,
}

fn calm(note: &str, _context: &()) -> garde::Result {
    if note.contains('!') { Err(garde::Error::new("must not shout")) } else { Ok(()) }
}

/// A drawing that is right.
pub(super) fn drawing() -> Value {
    json!({
        "tagNames": ["a"],
        "shapes": [{"kind": "Circle", "radius": 1}, {"kind": "Dot"}, {"side": 2, "kind": "Square"}],
        "tool": "Pen",
        "style": {"dotted": {"gap": 1}},
        "at": [-1, 0.5],
        "turn": 300,
        "layers": {"a": 1, "b": 4_294_967_295_u32},
        "note": "",
        "free": {"anything": [{}, null]},
        "parts": [{"name": "x", "parts": [{"name": "y"}]}],
    })
}

/// Any drawing that is right.
pub(super) fn any_drawing() -> impl Strategy<Value = Drawing> {
    let shape = prop_oneof![
        (2..4_000).prop_map(|quarters| Shape::Circle { radius: f64::from(quarters) / 4.0 }),
        any::<u8>().prop_map(|side| Shape::Square { side }),
        Just(Shape::Dot),
    ];
    let style = prop_oneof![
        Just(Style::Plain),
        (0..=9_u8).prop_map(Style::Dashed),
        any::<u8>().prop_map(|gap| Style::Dotted { gap })
    ];
    let leaf = "\\PC{1,4}".prop_map(|name| Part { name, parts: vec![] });
    let part = leaf.prop_recursive(4, 8, 3, |inner| {
        ("\\PC{1,4}", prop::collection::vec(inner, 0..3)).prop_map(|(name, parts)| Part { name, parts })
    });
    let free = prop_oneof![Just(json!(null)), any::<i64>().prop_map(|n| json!([n, {"a": n}]))];
    (
        prop::collection::vec("\\PC{0,5}", 1..=3),
        prop::collection::vec(shape, 0..=4),
        prop_oneof![Just(Tool::Pen), Just(Tool::Brush)],
        prop::option::of(style),
        (any::<i8>(), any::<i32>().prop_map(|quarters| f64::from(quarters) / 4.0)),
        prop::option::of(-5..=300),
        prop::collection::btree_map("\\PC{0,3}", any::<u32>(), 0..3),
        "[^!]{0,4}",
        free,
        prop::collection::vec(part, 0..3),
    )
        .prop_map(|(tag_names, shapes, tool, style, at, turn, layers, note, free, parts)| Drawing {
            tag_names,
            shapes,
            tool,
            style,
            at,
            turn,
            layers,
            note,
            free,
            parts,
        })
}

/// A value with one change somewhere in it: another value, a field more, or a field less.
pub(super) fn changed(value: &mut Value, place: usize, by: &Value) {
    let inner = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    match (&mut *value, place % (inner + 3)) {
        (Value::Array(items), at) if at < inner => changed(&mut items[at], place / (inner + 3), by),
        (Value::Object(fields), at) if at < inner => {
            changed(fields.values_mut().nth(at).unwrap(), place / (inner + 3), by);
        }
        (Value::Object(fields), at) if at == inner && inner > 0 => {
            let name = fields.keys().nth(place / (inner + 3) % inner).cloned().unwrap();
            fields.remove(&name);
        }
        (Value::Object(fields), at) if at == inner + 1 => {
            fields.insert("new".to_owned(), by.clone());
        }
        (Value::Array(items), at) if at == inner => {
            items.pop();
        }
        (Value::Array(items), at) if at == inner + 1 => items.push(by.clone()),
        _ => *value = by.clone(),
    }
}

/// What a place may become.
pub(super) fn any_small_value() -> impl Strategy<Value = Value> {
    let values =
        json!([null, true, 0, 1, -1, 1.5, 1e300, "", "a", "Dot", "plain", [], [1], {}, {"kind": "Dot"}, {"dashed": 1}]);
    prop::sample::select(values.as_array().unwrap().clone())
}
