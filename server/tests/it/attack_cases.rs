//! `docs/attack-cases.md` names tests that exist, and leaves out no line of the shared list.

use std::collections::BTreeSet;

use crate::sources;

const PAGE: &str = "docs/attack-cases.md";
/// Sections of the shared list that the page answers for.
const SECTIONS: &str = "ABCGHJOPQ";

/// Every test of the repository, as the page spells it: crate, modules by file, name.
fn tests() -> BTreeSet<String> {
    let files = ["server", "socle", "products", "libs", "testkit"].map(|folder| sources::files(folder, ".rs"));
    let mut found = BTreeSet::new();
    for file in files.into_iter().flatten() {
        let place = place(&file);
        for name in named(&sources::read(&file)) {
            found.insert(format!("{place}::{name}"));
        }
    }
    found
}

/// `server::a::b` for `server/tests/it/a/b.rs`; a `mod.rs` is its folder, and inline `tests` modules are left out.
fn place(file: &str) -> String {
    let parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    let (krate, rest) = match parts.as_slice() {
        ["products" | "libs", krate, rest @ ..] => (krate.replace('-', "_"), rest),
        [krate, rest @ ..] => (krate.replace('-', "_"), rest),
        [] => (String::new(), &[][..]),
    };
    let modules = rest.iter().filter(|part| !["src", "tests", "it", "mod", "lib", "main"].contains(part));
    std::iter::once(krate.as_str()).chain(modules.copied()).collect::<Vec<_>>().join("::")
}

/// Functions below `#[test]` or `#[tokio::test(…)]`.
fn named(source: &str) -> Vec<String> {
    let mut awaited = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim) {
        awaited |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        if let Some(rest) = function.filter(|_| awaited) {
            names.extend(rest.split('(').next().map(ToOwned::to_owned));
            awaited = false;
        }
    }
    names
}

/// Case and proof of every row.
fn rows(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows = rows.filter(|(case, _)| *case != "case");
    rows.map(|(case, proof)| (case.to_owned(), proof.to_owned())).collect()
}

#[test]
fn every_case_names_tests_that_exist_or_says_why_not() {
    let tests = tests();
    assert!(tests.len() > 400, "the tests were to be found: {}", tests.len());
    let rows = rows(&sources::read(PAGE));
    assert!(rows.len() > 60, "{}", rows.len());
    let mut faults = Vec::new();
    for (case, proof) in rows {
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).collect();
        faults
            .extend(names.iter().filter(|name| !tests.contains(**name)).map(|name| format!("{case}: no test {name}")));
        let reason = proof.contains("Not applicable yet: ");
        if names.is_empty() && !reason {
            faults.push(format!("{case}: neither test nor reason"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_line_of_the_shared_list_is_left_out() -> anyhow::Result<()> {
    let Some(file) = testkit::shared_file("attack_cases", "../attack-cases.md") else { return Ok(()) };
    let shared = std::fs::read_to_string(file)?;
    let here: BTreeSet<String> = rows(&sources::read(PAGE)).into_iter().map(|(case, _)| case).collect();
    let mut section = "";
    let mut missing = Vec::new();
    for line in shared.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.get(..1).unwrap_or_default();
        } else if let Some(case) = line.strip_prefix("- ").filter(|_| SECTIONS.contains(section) && !section.is_empty())
        {
            let case = case.get(2..).and_then(|case| case.split(" → ").next()).unwrap_or_default().replace('|', "\\|");
            if !here.contains(&case) {
                missing.push(case);
            }
        }
    }
    assert!(missing.is_empty(), "not in {PAGE}: {missing:#?}");
    Ok(())
}

/// Acting as somebody else does not exist: a caller becomes a person by their own session, and nowhere else.
#[test]
fn nobody_acts_as_somebody_else() {
    let mut makers = Vec::new();
    for folder in ["socle/src", "products", "server/src"] {
        for file in sources::files(folder, ".rs").into_iter().filter(|file| !file.contains("/tests/")) {
            let source = sources::read(&file);
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            if code.contains("Who::Person(Box::new(") {
                makers.push(file);
            }
        }
    }
    let known = ["socle/src/identity/api.rs", "socle/src/web/gate.rs", "products/physiotraq/src/seed.rs"];
    let strange: Vec<&String> = makers.iter().filter(|file| !known.contains(&file.as_str())).collect();
    assert!(strange.is_empty(), "a person is made where no session was read: {strange:?}");
    assert!(makers.len() >= 2, "what is looked for is there: {makers:?}");
}

/// No page keeps what people type, or what they read, beyond the tab.
#[test]
fn nothing_typed_is_kept_in_the_browser() {
    let mut found = Vec::new();
    for file in sources::files("web/src", ".ts") {
        for (number, line) in sources::read(&file).lines().enumerate() {
            let kept = ["localStorage", "sessionStorage", "indexedDB", "IDBDatabase", "caches.open"];
            let appearance = file.contains("theme") || line.contains("(key");
            if kept.iter().any(|word| line.contains(word)) && !appearance {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "only the choice of appearance is kept, and when the monitor reloaded itself: {found:#?}"
    );
}

#[test]
fn the_readers_of_this_test_read() {
    assert_eq!(place("server/tests/it/break_glass/reviews.rs"), "server::break_glass::reviews");
    assert_eq!(place("socle/src/config/mod.rs"), "socle::config");
    assert_eq!(place("products/physiotraq/tests/it/sign_in.rs"), "physiotraq::sign_in");
    assert_eq!(place("libs/private-pg/src/tools.rs"), "private_pg::tools");
    let source = "#[test]\nfn one() {}\nfn no() {}\n#[tokio::test(x)]\n#[ignore]\nasync fn two(\n";
    assert_eq!(named(source), ["one", "two"]);
}
