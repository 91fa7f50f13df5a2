//! Questions to a JSON Schema: is it closed, what is at a place, and what does it say in plain words?
//!
//! It knows the keywords that schemars writes, and lets others be.

use serde_json::{Map, Value};

use super::path::{Path, Step};

/// The longest a description may get before the reader is sent to the schema itself, in characters.
const WORDS_MAX: usize = 240;
/// What is said where words would be too many, or none are known.
const SEE_SCHEMA: &str = "as its schema in GET /v1/contract says";
/// The schema that every value fits.
pub(super) static ANY: Value = Value::Bool(true);

/// The schema that a `$ref` names, or the schema itself.
pub(super) fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let Some(target) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).unwrap_or(&ANY)
}

/// The schemas of which a value must fit at least one, if the schema is such a choice.
pub(super) fn forms(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
}

/// Whether the schema names this JSON type, or none at all.
pub(super) fn allows(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        Some(one) => one == kind,
    }
}

/// The path of the first object, from the top, through which a field goes that nobody declared.
pub(super) fn open_object(schema: &Value) -> Option<String> {
    let closed = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| schema.get(word).is_some());
    if !closed && schema.get("type").is_some() && allows(schema, "object") {
        return Some(String::new());
    }
    let join = |name: &str, rest: String| match rest.as_str() {
        "" => name.to_owned(),
        rest if rest.starts_with('[') => format!("{name}{rest}"),
        rest => format!("{name}.{rest}"),
    };
    let fields = || object(schema, "properties").chain(object(schema, "$defs"));
    let unnamed = ["oneOf", "anyOf", "allOf", "prefixItems"];
    fields()
        .find_map(|(name, field)| Some(join(name, open_object(field)?)))
        .or_else(|| schema.get("items").and_then(open_object).map(|rest| join("[]", rest)))
        .or_else(|| schema.get("additionalProperties").and_then(open_object).map(|rest| join("*", rest)))
        .or_else(|| unnamed.iter().flat_map(|word| array(schema, word)).find_map(open_object))
}

/// What is expected at a place, as a phrase that follows the path.
pub(super) fn expected_at(root: &Value, path: &Path) -> String {
    let mut schema = Some(root);
    for step in path.steps() {
        schema = schema.and_then(|schema| child(resolve(schema, root), root, step));
    }
    schema.map_or_else(|| format!("must be {SEE_SCHEMA}"), |schema| must_be(schema, root))
}

fn child<'s>(schema: &'s Value, root: &'s Value, step: &Step) -> Option<&'s Value> {
    let own = match step {
        Step::Key(key) => schema.get("properties").and_then(|fields| fields.get(key)),
        Step::Index(index) => schema.get("prefixItems").and_then(|items| items.get(index)),
    };
    let rest = match step {
        Step::Key(_) => "additionalProperties",
        Step::Index(_) => "items",
    };
    let inside = || forms(schema)?.iter().find_map(|form| child(resolve(form, root), root, step));
    own.or_else(|| schema.get(rest).filter(|rest| rest.is_object())).or_else(inside)
}

/// What the schema demands, as a phrase that follows a path.
pub(super) fn must_be(schema: &Value, root: &Value) -> String {
    let words = words(schema, root);
    if words.chars().count() > WORDS_MAX {
        return format!("must be {SEE_SCHEMA}");
    }
    format!("must be {words}")
}

fn words(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    let values: Vec<_> = array(schema, "enum").map(Value::to_string).collect();
    if !values.is_empty() {
        return alternatives(values);
    }
    if let Some(forms) = forms(schema) {
        return alternatives(forms.iter().map(|form| words(form, root)).collect());
    }
    match schema.get("type") {
        Some(Value::String(kind)) => typed(kind, schema),
        Some(Value::Array(kinds)) => {
            alternatives(kinds.iter().filter_map(Value::as_str).map(|kind| typed(kind, schema)).collect())
        }
        _ => SEE_SCHEMA.to_owned(),
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

/// The least and the greatest number: as declared, else as the format has it.
pub(super) fn bounds(schema: &Value) -> (Option<f64>, Option<f64>) {
    let (least, greatest) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        _ => (None, None),
    };
    let declared = |word| schema.get(word).and_then(Value::as_f64);
    (declared("minimum").or(least), declared("maximum").or(greatest))
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

/// `a, b or c`, each once.
fn alternatives(mut words: Vec<String>) -> String {
    let mut seen = Vec::new();
    words.retain(|word| {
        let new = !seen.contains(word);
        seen.push(word.clone());
        new
    });
    let Some(last) = words.pop() else { return SEE_SCHEMA.to_owned() };
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

fn object<'s>(schema: &'s Value, word: &str) -> impl Iterator<Item = (&'s String, &'s Value)> {
    schema.get(word).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn array<'s>(schema: &'s Value, word: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(word).and_then(Value::as_array).into_iter().flatten()
}
