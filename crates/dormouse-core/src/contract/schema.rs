//! Questions to a JSON Schema, as schemars writes them.

use serde_json::{Map, Value};

/// The schema that a `$ref` names, or the schema itself.
pub(super) fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let Some(target) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
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

/// The fields that a keyword of the schema holds; none where it is absent.
pub(super) fn object<'s>(schema: &'s Value, word: &str) -> impl Iterator<Item = (&'s String, &'s Value)> {
    schema.get(word).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The items that a keyword of the schema holds; none where it is absent.
pub(super) fn array<'s>(schema: &'s Value, word: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(word).and_then(Value::as_array).into_iter().flatten()
}
