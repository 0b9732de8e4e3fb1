//! The API's document: it names every route for programs and no other, keeps the rules of OpenAPI, and is the reviewed
//! one. `SOCLE_BLESS=1` writes the snapshot anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use socle::web::{Access, Kind, Route};
use testkit::Stage;

use crate::answers;

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::to_value(physiotraq::openapi::document()).unwrap()
}

/// Every operation, as routes spell it: `GET /api/v1/devices`.
fn operations(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            assert!(VERBS.contains(&verb.as_str()), "{path}: {verb}");
            found.insert(format!("{} {path}", verb.to_uppercase()), operation.clone());
        }
    }
    found
}

fn declared(stage: &Stage) -> BTreeMap<String, Route> {
    let routes = stage.product.clone().routes();
    let api = routes.declared().iter().filter(|route| route.kind == Kind::Api);
    api.map(|route| (format!("{} {}", route.method.name(), route.path), *route)).collect()
}

/// Every value below a key of a JSON tree.
fn all<'a>(tree: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == key {
                    found.push(value);
                }
                all(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

fn schemes(operation: &Value) -> BTreeSet<&str> {
    let requirements = operation["security"].as_array().map(Vec::as_slice).unwrap_or_default();
    requirements.iter().flat_map(|one| one.as_object().unwrap().keys().map(String::as_str)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_names_the_declared_routes_for_programs_and_who_may_call_them() -> Result<()> {
    let stage = Stage::new().await?;
    let (document, declared) = (document(), declared(&stage));
    let operations = operations(&document);
    let missing: Vec<&String> = declared.keys().filter(|route| !operations.contains_key(*route)).collect();
    assert!(missing.is_empty(), "declared and not documented: {missing:#?}");
    let over: Vec<&String> = operations.keys().filter(|operation| !declared.contains_key(*operation)).collect();
    assert!(over.is_empty(), "documented and not declared: {over:#?}");
    for (name, route) in declared {
        // Pages may call these too, with their cookie; a document that says so is right as well.
        let by_cookie_too = matches!(route.access, Access::SignedIn | Access::Account)
            && schemes(&operations[&name]).contains("session");
        let expected: &[&str] = match route.access {
            Access::Public => &[],
            Access::Device => &["device"],
            Access::SignedIn | Access::Account if !by_cookie_too => &["person"],
            Access::SignedIn | Access::Account | Access::To(_) => &["person", "session"],
        };
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(schemes(&operations[&name]), expected, "{name}");
    }
    Ok(())
}

#[test]
fn the_document_keeps_the_rules_of_openapi() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{ "url": "/physiotraq" }]));
    let groups: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let known = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["device", "person", "session"]);
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{name}: the id {id:?} is empty or there twice");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{name} has no summary");
        let tags = operation["tags"].as_array().unwrap();
        assert!(tags.len() == 1 && groups.contains(&&tags[0]), "{name}: {tags:?}");
        assert!(schemes(&operation).iter().all(|scheme| known.contains_key(*scheme)), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        assert!(
            responses.values().all(|one| one["description"].as_str().is_some_and(|text| !text.is_empty())),
            "{name}"
        );
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with('2')) {
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Envelope", "{name}: {status}");
        }
        let holes: BTreeSet<String> =
            name.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<String> = named.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(named, holes, "{name}: parameters of the path");
    }
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    assert!(references.len() > 20, "the references were to be there: {}", references.len());
    for reference in references {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_document_is_the_reviewed_one() -> Result<()> {
    let written = serde_json::to_string_pretty(&document())? + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/openapi.json");
    if std::env::var_os("SOCLE_BLESS").is_some() {
        std::fs::write(&path, &written)?;
    }
    let kept = std::fs::read_to_string(&path).context("no snapshot; SOCLE_BLESS=1 writes it")?;
    let same = kept == written;
    let line = kept.lines().zip(written.lines()).find(|(kept, written)| kept != written);
    assert!(same, "the document has changed, first at {line:?}; look at it, then SOCLE_BLESS=1 keeps it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_reads_the_document_and_its_page_in_both_languages() -> Result<()> {
    let stage = Stage::new().await?;
    let anybody = stage.anybody();
    let served = answers::json(anybody.get_json("/physiotraq/api/openapi.json").await?, 200).await?;
    assert_eq!(served, document());
    let http = reqwest::Client::new();
    for (language, heading) in [("fr", "Réponses"), ("en", "Answers")] {
        let page = http.get(format!("{}/physiotraq/api/docs", stage.url())).header("accept-language", language);
        let page = answers::text(page.send().await?, 200).await?;
        assert!(page.contains(&format!("<html lang=\"{language}\"")) && page.contains(heading), "{language}");
        assert!(!page.contains("<script>") && !page.contains("style=\""), "the policy allows nothing inline");
        for operation in operations(&served).into_values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "{id} is not on the page");
        }
        for schema in served["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{schema}\"")), "{schema} is not on the page");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_has_the_fields_that_the_document_says() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let document = document();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let schema = |name: &str| names(&document["components"]["schemas"][name]["properties"]);
    let refused = licence.owner.get_json("/physiotraq/api/v1/treatments?limit=0").await?;
    let refused = answers::json(refused, 400).await?;
    for (value, name) in
        [(&refused, "Envelope"), (&refused["error"], "Body"), (&refused["error"]["details"][0], "Detail")]
    {
        assert_eq!(names(value), schema(name), "{name}");
    }
    let listed = answers::json(licence.owner.get_json("/physiotraq/api/v1/devices").await?, 200).await?;
    for (value, name) in
        [(&listed, "Devices"), (&listed["data"][0], "DeviceBody"), (&listed["pagination"], "Pagination")]
    {
        assert_eq!(names(value), schema(name), "{name}");
    }
    Ok(())
}
