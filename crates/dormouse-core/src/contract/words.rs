//! What a JSON Schema says, in plain words.

use serde_json::Value;

use super::schema::{array, bounds, forms, object, resolve};

/// The longest a description may get before the reader is sent to the schema itself, in characters.
const WORDS_MAX: usize = 240;
/// How deep choices within choices are told.
const CHOICES_DEPTH_MAX: usize = 4;
/// What is said where words would be too many, or none are known.
const SEE_SCHEMA: &str = "as its schema in GET /v1/contract says";

/// What the schema demands, as a phrase that follows a path.
pub(super) fn must_be(schema: &Value, root: &Value) -> String {
    let words = words(schema, root);
    if words.chars().count() > WORDS_MAX {
        return format!("must be {SEE_SCHEMA}");
    }
    format!("must be {words}")
}

fn words(schema: &Value, root: &Value) -> String {
    let mut choices = choices(schema, root, CHOICES_DEPTH_MAX);
    let mut seen: Vec<String> = Vec::new();
    choices.retain(|choice| {
        let fresh = !seen.contains(choice);
        seen.push(choice.clone());
        fresh
    });
    let Some(last) = choices.pop() else { return SEE_SCHEMA.to_owned() };
    if choices.is_empty() { last } else { format!("{} or {last}", choices.join(", ")) }
}

/// What a value may be, one phrase for each possibility.
fn choices(schema: &Value, root: &Value, depth_left: usize) -> Vec<String> {
    let schema = resolve(schema, root);
    let listed = schema.get("const").into_iter().chain(array(schema, "enum"));
    let listed: Vec<_> = listed.map(Value::to_string).collect();
    if !listed.is_empty() {
        return listed;
    }
    if let Some(forms) = forms(schema) {
        let Some(depth_left) = depth_left.checked_sub(1) else { return vec![SEE_SCHEMA.to_owned()] };
        return forms.iter().flat_map(|form| choices(form, root, depth_left)).collect();
    }
    match schema.get("type") {
        Some(Value::String(kind)) => vec![typed(kind, schema)],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(|kind| typed(kind, schema)).collect(),
        _ => vec![SEE_SCHEMA.to_owned()],
    }
}

fn typed(kind: &str, schema: &Value) -> String {
    match kind {
        "string" => format!("a string{}", count(schema, "minLength", "maxLength", "character")),
        "integer" => format!("a whole number{}", range(schema)),
        "number" => format!("a number{}", range(schema)),
        "boolean" => "true or false".to_owned(),
        "array" => format!("an array{}", count(schema, "minItems", "maxItems", "item")),
        "object" => format!("an object{}", fields(schema)),
        kind => kind.to_owned(),
    }
}

/// ` of 1 to 4000 characters`, or as much of it as is bounded.
fn count(schema: &Value, min: &str, max: &str, what: &str) -> String {
    let bound = |word| schema.get(word).and_then(Value::as_u64);
    let many = |count| if count == 1 { "" } else { "s" };
    match (bound(min), bound(max)) {
        (Some(min), Some(max)) if min == max => format!(" of {min} {what}{}", many(max)),
        (Some(min), Some(max)) => format!(" of {min} to {max} {what}{}", many(max)),
        (Some(min), None) => format!(" of at least {min} {what}{}", many(min)),
        (None, Some(max)) => format!(" of at most {max} {what}{}", many(max)),
        (None, None) => String::new(),
    }
}

/// ` from 0 to 255`, or as much of it as is bounded.
fn range(schema: &Value) -> String {
    match bounds(schema) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => String::new(),
    }
}

/// What tells this object from others: its tags where it has some, else the fields it cannot be without.
fn fields(schema: &Value) -> String {
    let tag = |(name, field): (&String, &Value)| {
        let value =
            field.get("const").or_else(|| array(field, "enum").next().filter(|_| array(field, "enum").count() == 1));
        value.map(|value| format!("`{name}`: {value}"))
    };
    let tags: Vec<_> = object(schema, "properties").filter_map(tag).collect();
    if !tags.is_empty() {
        return format!(" with {}", tags.join(" and "));
    }
    let required: Vec<_> =
        array(schema, "required").filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
    if required.is_empty() { String::new() } else { format!(" with {}", required.join(" and ")) }
}
