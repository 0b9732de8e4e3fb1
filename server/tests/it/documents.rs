//! The documents name only what exists, and the sources keep the size that a reader can hold in mind.

use std::path::Path;

use crate::sources;

/// What a path in a document may begin with.
const TOP: [&str; 14] = [
    ".ci/",
    ".sqlx/",
    "bench/",
    "bin/",
    "docs/",
    "libs/",
    "migrations/",
    "products/",
    "server/",
    "socle/",
    "testkit/",
    "web/",
    "Cargo.toml",
    "clippy.toml",
];

const LONGEST: usize = 400;

fn documents() -> Vec<String> {
    let mut documents = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "libs", "products", "server"] {
        documents.extend(sources::files(folder, ".md"));
    }
    documents
}

/// The lines outside fenced blocks, numbered from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// A path of this repository, if the text in backticks is one: `bin/test --long` names bin/test.
fn path_of(code: &str) -> Option<&str> {
    let word = code.split_whitespace().next()?;
    let plain = !word.contains(['<', '>', '{', '}', '*', '$', '…', '(']);
    let ours = TOP.iter().any(|top| word.starts_with(top));
    (plain && ours).then(|| word.trim_end_matches([',', '.', ':']))
}

/// Targets of `[text](target)`.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn every_path_in_a_document_exists() {
    let root = sources::root();
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = sources::read(&document);
        let folder = root.join(&document).parent().unwrap_or(&root).to_path_buf();
        // A crate's own README names paths from where it lies, the other documents from the top.
        let bases = [root.clone(), folder.clone()];
        for (number, line) in prose(&text) {
            let named = line.split('`').skip(1).step_by(2).filter_map(path_of);
            for path in named {
                seen += 1;
                if !bases.iter().any(|base| base.join(path).exists()) {
                    missing.push(format!("{document}:{number}: `{path}`"));
                }
            }
            for target in links(line) {
                seen += 1;
                if !folder.join(target.split('#').next().unwrap_or_default()).exists() {
                    missing.push(format!("{document}:{number}: ({target})"));
                }
            }
        }
    }
    assert!(seen > 60, "the documents were to name paths: {seen}");
    assert!(missing.is_empty(), "documents name what is not there: {missing:#?}");
}

#[test]
fn the_command_names_in_documents_are_commands() {
    let mut unknown = Vec::new();
    for document in documents() {
        for line in sources::read(&document).lines() {
            for word in line.split(|c: char| c.is_whitespace() || "`()|,;".contains(c)) {
                let word = word.trim_end_matches(['.', ':']);
                if let Some(name) = word.strip_prefix("bin/")
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_lowercase())
                    && !sources::root().join(word).exists()
                {
                    unknown.push(format!("{document}: {word}"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    let long = |file: &String| {
        let lines = sources::read(file).lines().count();
        (lines > LONGEST).then(|| format!("{file}: {lines} lines"))
    };
    let files = sources::files(".", ".rs");
    assert!(files.len() > 80, "the sources were to be there: {}", files.len());
    let found: Vec<String> = files.iter().filter_map(long).collect();
    assert!(found.is_empty(), "split by what they are about: {found:#?}");
}

#[test]
fn no_file_is_named_after_nothing() {
    let empty = ["utils", "util", "helpers", "helper", "common", "misc"];
    let mut files = sources::files(".", ".rs");
    files.extend(sources::files("web", ".ts"));
    files.retain(|file| {
        let parts = Path::new(file).components().filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
        parts.into_iter().any(|part| empty.contains(&part))
    });
    assert!(files.is_empty(), "say what is in them: {files:?}");
}

#[test]
fn every_folder_of_tests_is_one_binary() {
    let stray: Vec<String> =
        sources::files(".", ".rs").into_iter().filter(|f| f.contains("/tests/") && !f.contains("/tests/it/")).collect();
    assert!(stray.is_empty(), "one test binary per crate, in tests/it: {stray:?}");
}

#[test]
fn what_looks_like_a_path_is_looked_up() {
    assert_eq!(path_of("bin/test --long"), Some("bin/test"));
    assert_eq!(path_of("products/physiotraq/src/devices/"), Some("products/physiotraq/src/devices/"));
    assert_eq!(path_of("docs/coverage/<product>.csv"), None);
    assert_eq!(path_of("text/csv"), None);
    assert_eq!(links("see [a](docs/x.md#y) and [b](https://example.org)"), ["docs/x.md#y"]);
    assert_eq!(prose("a\n```\nbin/no\n```\nb"), [(1, "a"), (5, "b")]);
}
