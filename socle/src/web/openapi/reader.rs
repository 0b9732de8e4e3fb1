//! The document as a page shows it: groups of operations, each with what it takes and answers, and the schemas.

use std::collections::BTreeMap;

use serde_json::Value;

use super::sample::{resolved, sample};

/// Who may call, and with what.
pub(super) struct Scheme {
    pub name: String,
    pub description: String,
}

/// Operations that belong together.
pub(super) struct Group {
    pub name: String,
    pub description: String,
    pub operations: Vec<Operation>,
}

/// One verb on one address.
pub(super) struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: String,
    /// Names of schemes, any of which will do; none for everybody.
    pub callers: Vec<String>,
    pub parameters: Vec<Field>,
    pub body: Option<Content>,
    pub answers: Vec<Answer>,
    pub curl: String,
}

/// A parameter, or a property of a schema.
pub(super) struct Field {
    pub name: String,
    /// `path`, `query` or `header`; empty for a property.
    pub place: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
}

/// What a body holds.
pub(super) struct Content {
    pub media_type: String,
    pub kind: String,
    /// The schema's name, when it has one.
    pub schema: Option<String>,
    pub example: Option<String>,
}

/// An answer by its status.
pub(super) struct Answer {
    pub status: String,
    pub description: String,
    pub content: Option<Content>,
}

/// A named schema.
pub(super) struct Schema {
    pub name: String,
    pub kind: String,
    pub description: String,
    pub fields: Vec<Field>,
}

/// A text of the document; empty when it is not there.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn objects<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Who may call.
pub(super) fn schemes(document: &Value) -> Vec<Scheme> {
    let scheme =
        |(name, scheme): (&String, &Value)| Scheme { name: name.clone(), description: text(scheme, "/description") };
    objects(document, "/components/securitySchemes").map(scheme).collect()
}

/// The operations by group, in the order that the document gives its groups; a group it does not name comes last.
pub(super) fn groups(document: &Value, base: &str) -> Vec<Group> {
    let mut by_name: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for (path, item) in objects(document, "/paths") {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                let group = text(operation, "/tags/0");
                by_name.entry(group).or_default().push(read(document, (base, path, method), operation));
            }
        }
    }
    let mut groups = Vec::new();
    for tag in items(document, "/tags") {
        let name = text(tag, "/name");
        if let Some(operations) = by_name.remove(&name) {
            groups.push(Group { description: text(tag, "/description"), name, operations });
        }
    }
    groups.extend(by_name.into_iter().map(|(name, operations)| Group { name, description: String::new(), operations }));
    groups
}

fn read(document: &Value, (base, path, method): (&str, &str, &str), operation: &Value) -> Operation {
    let body = operation.get("requestBody").and_then(|body| content(document, body));
    let callers: Vec<String> =
        items(operation, "/security").flat_map(|one| objects(one, "")).map(|(name, _)| name.clone()).collect();
    let parameter = |parameter: &Value| Field {
        name: text(parameter, "/name"),
        place: text(parameter, "/in"),
        kind: parameter.get("schema").map(kind).unwrap_or_default(),
        required: parameter.get("required").and_then(Value::as_bool).unwrap_or_default(),
        description: text(parameter, "/description"),
    };
    let answer = |(status, answer): (&String, &Value)| Answer {
        status: status.clone(),
        description: text(answer, "/description"),
        content: content(document, resolved(document, answer)),
    };
    Operation {
        id: text(operation, "/operationId"),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "/summary"),
        description: text(operation, "/description"),
        curl: curl(method, &format!("{base}{path}"), &callers, body.as_ref()),
        callers,
        parameters: items(operation, "/parameters").map(parameter).collect(),
        body,
        answers: objects(operation, "/responses").map(answer).collect(),
    }
}

/// The first media type of a body or answer.
fn content(document: &Value, holder: &Value) -> Option<Content> {
    let (media_type, content) = objects(holder, "/content").next()?;
    let schema = content.get("schema");
    let example = content.get("example").cloned().or_else(|| schema.map(|schema| sample(document, schema)));
    let example = example.filter(|_| media_type == "application/json");
    Some(Content {
        media_type: media_type.clone(),
        kind: schema.map(kind).unwrap_or_default(),
        schema: schema.and_then(named),
        example: example.and_then(|example| serde_json::to_string_pretty(&example).ok()),
    })
}

/// The name behind a reference to a schema.
fn named(schema: &Value) -> Option<String> {
    let path = schema.get("$ref").and_then(Value::as_str)?;
    path.rsplit('/').next().map(ToOwned::to_owned)
}

/// A type in words: `string (date-time)`, `array of Reading`, `"admin" | "operator"`.
fn kind(schema: &Value) -> String {
    if let Some(name) = named(schema) {
        return name;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    let several = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| schema.get(*name)).and_then(Value::as_array);
    if let Some(several) = several {
        return several.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any"],
    };
    let mut words = types.join(" | ");
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        words = format!("{words} ({format})");
    }
    match schema.get("items") {
        Some(items) => format!("{words} of {}", kind(items)),
        None => words,
    }
}

/// The named schemas with their fields.
pub(super) fn schemas(document: &Value) -> Vec<Schema> {
    let schema = |(name, schema): (&String, &Value)| {
        let required: Vec<&str> = items(schema, "/required").filter_map(Value::as_str).collect();
        let field = |(name, field): (&String, &Value)| Field {
            name: name.clone(),
            place: String::new(),
            kind: kind(field),
            required: required.contains(&name.as_str()),
            description: text(field, "/description"),
        };
        Schema {
            name: name.clone(),
            kind: kind(schema),
            description: text(schema, "/description"),
            fields: objects(schema, "/properties").map(field).collect(),
        }
    };
    objects(document, "/components/schemas").map(schema).collect()
}

/// A line for a shell; `$SOCLE_URL` is where the server lies.
fn curl(method: &str, address: &str, callers: &[String], body: Option<&Content>) -> String {
    let mut words = vec!["curl".to_owned()];
    if method != "get" {
        words.push(format!("-X {}", method.to_uppercase()));
    }
    match callers.first().map(String::as_str) {
        Some("device") => words.push("-H \"Authorization: Bearer $DEVICE_CREDENTIAL\"".to_owned()),
        Some(_) => words.push("-H \"Authorization: Bearer $ACCESS_TOKEN\"".to_owned()),
        None => {}
    }
    if let Some(body) = body {
        words.push(format!("-H 'Content-Type: {}'", body.media_type));
        let compact = body.example.as_deref().and_then(|json| serde_json::from_str::<Value>(json).ok());
        // An apostrophe would end the shell's quotation.
        let example = compact.map(|json| json.to_string().replace('\'', "’")).unwrap_or_default();
        words.push(format!("-d '{example}'"));
    }
    words.push(format!("\"$SOCLE_URL{address}\""));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_shown_by_group_with_what_each_operation_takes_and_answers() {
        let document = json!({
            "tags": [{ "name": "b", "description": "The second letter." }],
            "paths": { "/x/{id}": {
                "post": {
                    "tags": ["b"], "operationId": "doX", "summary": "Does x.",
                    "security": [{ "person": [] }, { "session": [] }],
                    "parameters": [{ "name": "id", "in": "path", "required": true,
                                     "schema": { "type": "string", "format": "uuid" } }],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/X" } } } },
                    "responses": { "204": { "description": "Done." } },
                },
                "get": { "tags": ["a"], "responses": {} },
            } },
            "components": { "schemas": { "X": {
                "type": "object", "required": ["n"],
                "properties": { "n": { "type": ["integer", "null"] }, "on": { "type": "array", "items": { "type": "string" } } },
            } } },
        });
        let groups = groups(&document, "/base");
        assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let operation = &groups[0].operations[0];
        assert_eq!((operation.method.as_str(), operation.path.as_str()), ("POST", "/x/{id}"));
        assert_eq!(operation.callers, ["person", "session"]);
        assert_eq!(operation.parameters[0].kind, "string (uuid)");
        assert_eq!(operation.body.as_ref().unwrap().schema.as_deref(), Some("X"));
        assert_eq!(operation.answers[0].status, "204");
        let line = "curl -X POST -H \"Authorization: Bearer $ACCESS_TOKEN\" -H 'Content-Type: application/json' \
                    -d '{\"n\":0,\"on\":[\"…\"]}' \"$SOCLE_URL/base/x/{id}\"";
        assert_eq!(operation.curl, line);
        let schemas = schemas(&document);
        let fields: Vec<(&str, &str, bool)> =
            schemas[0].fields.iter().map(|field| (field.name.as_str(), field.kind.as_str(), field.required)).collect();
        assert_eq!(fields, [("n", "integer | null", true), ("on", "array of string", false)]);
    }
}
