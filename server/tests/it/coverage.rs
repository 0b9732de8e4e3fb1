//! `docs/coverage/physiotraq.csv` says where each line of the specification lives and what proves it; here the file is
//! compared with the specification, the database's catalogue, the declared routes and the tests that it names.
//!
//! Columns: kind, spec (the specification's own name), where (`schema.table.column`, `METHOD /path`, or a file), type
//! (of the column; the value of an enum; the columns of an index), proof (a test, or `because: …`, or `later: …`).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use sqlx::PgConnection;
use testkit::{Database, Stage, shared_file};

use crate::{routes, sources};

const FILE: &str = "docs/coverage/physiotraq.csv";

/// A line of the file.
#[derive(Clone, Debug)]
struct Line {
    kind: String,
    spec: String,
    place: String,
    type_: String,
    proof: String,
}

impl Line {
    fn built(&self) -> bool {
        !self.place.starts_with("later:")
    }

    fn ours(&self) -> bool {
        self.spec == "ours" || self.spec.starts_with("ours:")
    }
}

fn lines() -> Vec<Line> {
    let text = sources::read(FILE);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["kind", "spec", "where", "type", "proof"]);
    let line = |record: csv::StringRecord| {
        let field = |place: usize| record[place].to_owned();
        Line { kind: field(0), spec: field(1), place: field(2), type_: field(3), proof: field(4) }
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

fn of_kind(kind: &str) -> Vec<Line> {
    lines().into_iter().filter(|line| line.kind == kind).collect()
}

/// What a specification names, as `Entity`, `Entity.column`, `Entity.column=value`.
#[derive(Default)]
struct Spec {
    tables: BTreeSet<String>,
    columns: BTreeSet<String>,
    values: BTreeSet<String>,
    events: BTreeSet<String>,
}

/// Reads the tables of attributes (`| name | type | description |` below `## Entity`), the enums in their descriptions,
/// and the list of event types.
fn read_spec(text: &str) -> Spec {
    let mut spec = Spec::default();
    let mut entity = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            entity = title.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some(event) = line.strip_prefix("- `").and_then(|rest| rest.strip_suffix('`'))
            && event.contains('.')
            && entity == "Event"
        {
            spec.events.insert(format!("Event.event_type={event}"));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, _, description, _] = cells.as_slice() else { continue };
        if *name == "Nom" || name.starts_with('-') {
            continue;
        }
        spec.tables.insert(entity.clone());
        spec.columns.insert(format!("{entity}.{name}"));
        let values = description.strip_prefix("Enum: ").map(enum_values).unwrap_or_default();
        spec.values.extend(values.into_iter().map(|value| format!("{entity}.{name}={value}")));
    }
    spec
}

/// `admin (propriétaire), operator (terrain)` is admin and operator.
fn enum_values(list: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut depth = 0;
    for c in list.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split(',').map(|value| value.trim().to_owned()).collect()
}

#[test]
fn every_line_of_the_specification_is_in_the_file() {
    let Some(path) = shared_file("every_line_of_the_specification_is_in_the_file", "../specs/physiotraq.md") else {
        return;
    };
    let spec = read_spec(&std::fs::read_to_string(path).unwrap());
    assert!(spec.tables.len() >= 9 && spec.columns.len() > 80, "the specification was to be read");
    for (kind, named) in
        [("table", spec.tables), ("column", spec.columns), ("enum", spec.values), ("event", spec.events)]
    {
        let written = of_kind(kind).into_iter().filter(|line| !line.ours()).map(|line| line.spec);
        assert_eq!(written.collect::<BTreeSet<_>>(), named, "{kind} lines of {FILE} and of the specification");
    }
}

/// Type of every column of the database, by `schema.table.column`.
async fn columns(admin: &mut PgConnection) -> Result<BTreeMap<String, String>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_schema || '.' || c.table_name || '.' || c.column_name,
                replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz')
         FROM information_schema.columns c
         JOIN pg_attribute a ON a.attname = c.column_name
          AND a.attrelid = format('%I.%I', c.table_schema, c.table_name)::regclass
         WHERE c.table_schema IN ('socle', 'physiotraq')",
    )
    .fetch_all(admin)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The values that a CHECK allows in a column, by `schema.table.column`.
async fn allowed_values(admin: &mut PgConnection) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let checks: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT format('%s.%s', k.conrelid::regclass, a.attname), a.attname::text, pg_get_constraintdef(k.oid)
         FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
         WHERE k.contype = 'c' AND k.connamespace IN ('socle'::regnamespace, 'physiotraq'::regnamespace)",
    )
    .fetch_all(admin)
    .await?;
    let list = |(column, name, check): (String, String, String)| {
        let (_, values) = check.split_once(&format!("({name} = ANY (ARRAY['"))?;
        let values = values
            .split(']')
            .next()?
            .split('\'')
            .step_by(2)
            .filter(|value| !value.starts_with("::"))
            .map(ToOwned::to_owned)
            .collect();
        Some((column, values))
    };
    Ok(checks.into_iter().filter_map(list).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_columns_types_and_values_are_those_of_the_catalogue() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let (columns, allowed) = (columns(&mut admin).await?, allowed_values(&mut admin).await?);
    for line in of_kind("table").into_iter().filter(Line::built) {
        let inside = format!("{}.", line.place);
        assert!(columns.keys().any(|column| column.starts_with(&inside)), "{}: there is no {}", line.spec, line.place);
    }
    for line in of_kind("column").into_iter().filter(Line::built) {
        let found = columns.get(&line.place).map(String::as_str);
        assert_eq!(found, Some(line.type_.as_str()), "{} in {}", line.spec, line.place);
    }
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in of_kind("enum").into_iter().chain(of_kind("event")) {
        let value = line.spec.split_once('=').map_or(line.type_.as_str(), |(_, value)| value);
        assert_eq!(value, line.type_, "{}: the value and its column of the file", line.spec);
        assert!(written.entry(line.place.clone()).or_default().insert(line.type_), "{} is there twice", line.spec);
    }
    for (column, values) in &written {
        assert_eq!(Some(values), allowed.get(column), "values of {column}: the file and the CHECK");
    }
    let product = |column: &&String| column.starts_with("physiotraq.");
    let unwritten: Vec<&String> =
        allowed.keys().filter(product).filter(|column| !written.contains_key(*column)).collect();
    assert!(unwritten.is_empty(), "enums of the database that {FILE} does not name: {unwritten:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_indexes_are_those_of_the_catalogue() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let indexes: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT i.indrelid::regclass::text,
                string_agg(a.attname::text, ', ' ORDER BY array_position(i.indkey::int2[], a.attnum)), i.indisunique
         FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         GROUP BY i.indexrelid, i.indrelid, i.indisunique",
    )
    .fetch_all(&mut admin)
    .await?;
    let wanted = of_kind("index");
    assert!(wanted.len() > 3, "{FILE} was to name indexes");
    for line in wanted {
        let unique = line.spec.contains("unique") || line.spec.contains("one ") || line.spec.contains("idempotent");
        let serves = |(table, columns, is_unique): &&(String, String, bool)| {
            *table == line.place
                && columns.starts_with(&line.type_)
                && (!unique || *is_unique && *columns == line.type_)
        };
        assert!(
            indexes.iter().any(|index| serves(&index)),
            "{}: no index on {} ({})",
            line.spec,
            line.place,
            line.type_
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoints_and_screens_are_declared_routes_and_every_route_is_named() -> Result<()> {
    let stage = Stage::new().await?;
    let declared = stage.product.clone().routes();
    let base = declared.base();
    let declared: BTreeSet<String> = declared.declared().iter().map(|route| routes::spelled(base, route)).collect();
    let mut named = BTreeSet::new();
    for line in of_kind("endpoint").into_iter().chain(of_kind("screen")).filter(Line::built) {
        if ["GET ", "POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|verb| line.place.starts_with(verb)) {
            assert!(declared.contains(&line.place), "{}: there is no route {}", line.spec, line.place);
            named.insert(line.place);
        }
    }
    let unnamed: Vec<&String> = declared.difference(&named).collect();
    assert!(unnamed.is_empty(), "routes that {FILE} does not name: {unnamed:#?}");
    Ok(())
}

#[test]
fn every_line_has_a_proof_or_a_reason() {
    let kinds = ["table", "column", "enum", "index", "event", "role", "endpoint", "screen", "rule"];
    let mut faults = Vec::new();
    for line in lines() {
        let at = format!("{} {}", line.kind, line.spec);
        if !kinds.contains(&line.kind.as_str()) {
            faults.push(format!("{at}: no such kind"));
        }
        if line.place.is_empty() {
            faults.push(format!("{at}: where?"));
        }
        if !line.built() && !line.proof.starts_with("later:") {
            faults.push(format!("{at}: not built, so nothing can prove it"));
        }
        if matches!(line.kind.as_str(), "rule" | "role") && line.place.contains('/') && !exists(&line.place) {
            faults.push(format!("{at}: there is no {}", line.place));
        }
        let reason = ["later: ", "because: "].iter().find_map(|word| line.proof.strip_prefix(word));
        match reason {
            Some(reason) if reason.len() < 10 => faults.push(format!("{at}: a reason is a sentence")),
            Some(_) => {}
            None if !exists(&line.proof) => faults.push(format!("{at}: there is no {}", line.proof)),
            None => {}
        }
    }
    assert!(faults.is_empty(), "{FILE}: {faults:#?}");
}

/// A file of the repository; with `::name` behind it, one that holds that function.
fn exists(path: &str) -> bool {
    let (file, function) = path.split_once("::").map_or((path, None), |(file, name)| (file, Some(name)));
    let there = sources::root().join(file).is_file();
    there && function.is_none_or(|name| sources::read(file).contains(&format!("fn {name}(")))
}

#[test]
fn the_reader_of_the_specification_reads() {
    let text = "## User (people)\n| Nom | Type | Description |\n|--|--|--|\n| id | bigint | Clé |\n\
                | role | integer | Enum: admin (a, b), operator |\n## Event (Audit Log)\n- `a.b`\n- `user` x\n";
    let spec = read_spec(text);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(spec.tables, set(&["User"]));
    assert_eq!(spec.columns, set(&["User.id", "User.role"]));
    assert_eq!(spec.values, set(&["User.role=admin", "User.role=operator"]));
    assert_eq!(spec.events, set(&["Event.event_type=a.b"]));
}
