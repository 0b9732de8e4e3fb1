//! `docs/add-a-feature.md` can be followed alone: what it names is there. And every feature of every product has the
//! anatomy that it describes.

use std::collections::BTreeSet;

use crate::sources;

const PAGE: &str = "docs/add-a-feature.md";
/// The feature to copy from.
const MODEL: &str = "products/physiotraq/src/devices";

/// What a whole feature touches outside its own folder.
const TOUCHED: [&str; 11] = [
    "docs/access.md",
    "docs/coverage/physiotraq.csv",
    "docs/definer-functions.txt",
    "docs/public-routes.txt",
    "products/physiotraq/locales/en/physiotraq.ftl",
    "products/physiotraq/locales/fr/physiotraq.ftl",
    "products/physiotraq/policies/physiotraq.cedar",
    "products/physiotraq/policies/schema.cedarschema",
    "products/physiotraq/src/lib.rs",
    "products/physiotraq/src/roles.rs",
    "products/physiotraq/tests/it/main.rs",
];

/// Features whose tests lie in a file of another name: product, feature, file in the product's `tests/it/`.
const PROVED: [(&str, &str, &str); 8] = [
    ("physiotraq", "devices", "credentials.rs"),
    ("physiotraq", "events", "trail.rs"),
    ("physiotraq", "licences", "tenancy.rs"),
    ("physiotraq", "measurements", "ingest.rs"),
    ("physiotraq", "monitor", "live.rs"),
    ("physiotraq", "monitoring", "alerts.rs"),
    ("physiotraq", "people", "sign_in.rs"),
    ("physiotraq", "vendor", "firmware.rs"),
];

/// What a text has in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

fn is_file(path: &str) -> bool {
    sources::root().join(path).is_file()
}

/// The numbered sections of the page.
fn steps(page: &str) -> Vec<&str> {
    let sections = page.split("\n## ").skip(1);
    sections.filter(|section| section.starts_with(|first: char| first.is_ascii_digit())).collect()
}

#[test]
fn every_step_names_a_file_to_copy_from_or_to_write_into() {
    let page = sources::read(PAGE);
    let steps = steps(&page);
    assert!(steps.len() >= 10, "{PAGE} was to have its steps: {}", steps.len());
    for (number, step) in (1..).zip(steps) {
        let title = step.lines().next().unwrap_or_default();
        assert!(step.starts_with(&format!("{number}. ")), "step {number} is numbered otherwise: {title}");
        assert!(quoted(step).into_iter().any(is_file), "step {title}: names no file that is there");
    }
}

#[test]
fn the_page_names_every_part_of_a_feature_and_all_it_touches() {
    let page = sources::read(PAGE);
    let named: BTreeSet<&str> = quoted(&page).into_iter().collect();
    let parts =
        ["mod.rs", "model.rs", "sql.rs", "actions.rs", "pages.rs", "api.rs"].map(|part| format!("{MODEL}/{part}"));
    for path in parts.iter().map(String::as_str).chain(TOUCHED) {
        assert!(is_file(path), "{path} is not there");
        assert!(named.contains(path), "{PAGE} does not name {path}");
    }
    for command in ["bin/sql", "bin/check", "bin/test"] {
        assert!(is_file(command) && page.contains(command), "{PAGE} does not name {command}");
    }
}

/// Whether a word in backticks is the name of a test: `the_public_routes_are_the_listed_ones`.
fn names_a_test(word: &str) -> bool {
    word.matches('_').count() >= 3 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[test]
fn the_tests_that_the_page_promises_exist() {
    let page = sources::read(PAGE);
    let files = sources::files(".", ".rs").into_iter().filter(|file| file.contains("/tests/it/"));
    let tests: Vec<String> = files.map(|file| sources::read(&file)).collect();
    let promised: Vec<&str> = quoted(&page).into_iter().filter(|word| names_a_test(word)).collect();
    assert!(promised.len() >= 10, "{PAGE} was to say what the tests will tell: {promised:?}");
    let there = |name: &str| tests.iter().any(|text| text.contains(&format!("fn {name}(")));
    let missing: Vec<&str> = promised.into_iter().filter(|name| !there(name)).collect();
    assert!(missing.is_empty(), "{PAGE} names tests that are not there: {missing:?}");
}

/// Every feature folder: product and feature.
fn features() -> BTreeSet<(String, String)> {
    let mut features = BTreeSet::new();
    for file in sources::files("products", ".rs") {
        let parts: Vec<&str> = file.split('/').collect();
        if let ["products", product, "src", feature, _, ..] = parts.as_slice() {
            features.insert(((*product).to_owned(), (*feature).to_owned()));
        }
    }
    assert!(features.len() >= 7, "the features were to be there: {features:?}");
    features
}

/// The file in which a feature says what it is.
fn front(product: &str, feature: &str) -> String {
    let inside = format!("products/{product}/src/{feature}/mod.rs");
    if is_file(&inside) { inside } else { format!("products/{product}/src/{feature}.rs") }
}

#[test]
fn every_feature_says_first_what_it_is() {
    for (product, feature) in features() {
        let front = front(&product, &feature);
        assert!(is_file(&front), "{product}/{feature} has neither mod.rs nor {front}");
        let text = sources::read(&front);
        let words = text.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or_default();
        assert!(words.len() > 20, "{front} does not begin with what it is, in words: {words:?}");
    }
}

#[test]
fn every_query_of_a_product_is_in_a_file_named_sql() {
    let (sql, other): (Vec<String>, Vec<String>) = sources::files("products", ".rs")
        .into_iter()
        .filter(|file| file.contains("/src/"))
        .partition(|file| file.ends_with("/sql.rs"));
    assert!(sql.len() >= 5, "the queries were to be there: {sql:?}");
    let asks = |file: &String| {
        let text = sources::read(file);
        ["sqlx::query", "sqlx::raw_sql", "AssertSqlSafe"].iter().any(|word| text.contains(word))
    };
    let stray: Vec<String> = other.into_iter().filter(asks).collect();
    assert!(stray.is_empty(), "queries belong in the feature's sql.rs: {stray:?}");
}

#[test]
fn every_feature_with_pages_has_templates_and_every_feature_with_routes_declares_them() {
    for (product, feature) in features() {
        let folder = format!("products/{product}/src/{feature}");
        let (pages, api) = (is_file(&format!("{folder}/pages.rs")), is_file(&format!("{folder}/api.rs")));
        if pages {
            let templates = format!("products/{product}/templates/{feature}");
            let there = sources::root().join(&templates).is_dir() && !sources::files(&templates, ".html").is_empty();
            assert!(there, "{folder}/pages.rs has no template in {templates}");
        }
        if pages || api {
            let front = front(&product, &feature);
            assert!(sources::read(&front).contains("pub fn routes("), "{front} declares no routes");
            let library = format!("products/{product}/src/lib.rs");
            let mounted = sources::read(&library).contains(&format!("{feature}::routes("));
            assert!(mounted, "{library} does not mount the routes of {feature}");
        }
    }
}

#[test]
fn every_feature_has_its_tests() {
    let features = features();
    for (product, feature) in &features {
        let listed = PROVED.iter().find(|(of, name, _)| of == product && name == feature);
        let file = listed.map_or_else(|| format!("{feature}.rs"), |(.., file)| (*file).to_owned());
        let path = format!("products/{product}/tests/it/{file}");
        assert!(is_file(&path), "{product}/{feature}: its tests were to be in {path}, or listed in PROVED");
    }
    for (product, feature, _) in PROVED {
        assert!(features.contains(&(product.to_owned(), feature.to_owned())), "there is no {product}/{feature}");
        let own = format!("products/{product}/tests/it/{feature}.rs");
        assert!(!is_file(&own), "{own} is there: {feature} need not be listed in PROVED");
    }
}

#[test]
fn every_file_of_tests_is_compiled() {
    let all = sources::files(".", ".rs");
    let mains: Vec<&String> = all.iter().filter(|file| file.ends_with("/tests/it/main.rs")).collect();
    assert!(mains.len() >= 2, "the tests were to be there: {mains:?}");
    for main in mains {
        let folder = main.trim_end_matches("main.rs");
        let declared = sources::read(main);
        let names = all.iter().filter_map(|file| file.strip_prefix(folder)?.strip_suffix(".rs"));
        for name in names.filter(|name| !name.contains('/') && *name != "main") {
            let module = declared.lines().any(|line| line.trim() == format!("mod {name};"));
            assert!(module, "{main} does not declare `mod {name};`: its tests never run");
        }
    }
}

#[test]
fn what_looks_like_the_name_of_a_test_is_looked_up() {
    assert!(names_a_test("the_public_routes_are_the_listed_ones"));
    assert!(!names_a_test("socle_app") && !names_a_test("SOCLE_BLESS=1") && !names_a_test("docs/a_b_c_d.md"));
    assert_eq!(quoted("a `b` c `d e`\n`f`"), ["b", "d e", "f"]);
    assert_eq!(steps("# A\n\n## Commands\n\n## 1. B\ntext\n## 2. C\n"), ["1. B\ntext", "2. C\n"]);
}
