//! Example values out of schemas: what the document gives as an example, and something plausible where it gives none.

use serde_json::{Map, Value, json};

/// Schemas inside schemas are followed this far; ours are not that deep.
const DEPTH: u8 = 8;

/// What a reference points at; the schema itself when it is none.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// An example of a schema.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    at_depth(document, schema, DEPTH)
}

fn at_depth(document: &Value, schema: &Value, depth: u8) -> Value {
    let schema = resolved(document, schema);
    if let Some(given) = given(schema) {
        return given;
    }
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(one) = alternative(schema) {
        return at_depth(document, one, depth);
    }
    match kind(schema) {
        "object" => object(document, schema, depth),
        "array" => match schema.get("items") {
            Some(items) => json!([at_depth(document, items, depth)]),
            None => json!([]),
        },
        "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(0)),
        "number" => json!(0.0),
        "boolean" => json!(true),
        "string" => json!(word(schema)),
        _ => Value::Null,
    }
}

/// The example that the document gives: `example`, the first of `examples`, or the first allowed value.
fn given(schema: &Value) -> Option<Value> {
    let first = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|all| all.first());
    schema.get("example").or_else(|| first("examples")).or_else(|| first("enum")).cloned()
}

/// The first alternative that is not null.
fn alternative(schema: &Value) -> Option<&Value> {
    let all = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| schema.get(*name)).and_then(Value::as_array)?;
    all.iter().find(|one| kind(one) != "null")
}

/// The type; of several the first that is not null.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(one)) => one,
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

fn object(document: &Value, schema: &Value, depth: u8) -> Value {
    let fields = schema.get("properties").and_then(Value::as_object);
    let one = |(name, field): (&String, &Value)| (name.clone(), at_depth(document, field, depth));
    Value::Object(fields.map(|fields| fields.iter().map(one).collect::<Map<_, _>>()).unwrap_or_default())
}

fn word(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-11-21T10:00:00Z",
        Some("date") => "2026-11-21",
        Some("uuid") => "019aa476-c000-7000-8000-00000000002a",
        _ => "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_every_field_and_prefers_what_the_document_gives() {
        let document = json!({ "components": { "schemas": {
            "Reading": { "type": "object", "properties": {
                "at": { "type": "string", "format": "date-time" },
                "celsius": { "type": "number", "example": 38.712 },
                "note": { "type": ["string", "null"] },
                "place": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Place" }] },
            } },
            "Place": { "type": "string", "enum": ["rectal", "oral"] },
        } } });
        let schema = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Reading" } });
        let expected = json!([{ "at": "2026-11-21T10:00:00Z", "celsius": 38.712, "note": "…", "place": "rectal" }]);
        assert_eq!(sample(&document, &schema), expected);
    }

    #[test]
    fn a_schema_that_holds_itself_comes_to_an_end() {
        let document = json!({ "components": { "schemas": {
            "Tree": { "type": "object", "properties": { "left": { "$ref": "#/components/schemas/Tree" } } },
        } } });
        let sample = sample(&document, &json!({ "$ref": "#/components/schemas/Tree" }));
        assert!(sample.to_string().len() < 200, "{sample}");
    }
}
