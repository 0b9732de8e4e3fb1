//! Two tenants with something in most tables, and the tables as the catalogue has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Licence, Stage};
use uuid::Uuid;

/// Unique keys without a tenant over values that somebody chooses, each with the reason. A refused value there says that
/// somebody has it.
pub const CHOSEN_KEYS: [(&str, &str); 5] = [
    (
        "physiotraq.alerts_treatment_id_kind_level_condition_at_key",
        "begins with the treatment's id, which is its licence's",
    ),
    (
        "physiotraq.devices_mac",
        "the manufacturer's; a device is claimed by its secret, and a wrong one is told nothing",
    ),
    (
        "physiotraq.devices_serial",
        "the manufacturer's; a device is claimed by its secret, and a wrong one is told nothing",
    ),
    ("physiotraq.measurements_pkey", "begins with the device's id, which is its licence's"),
    ("socle.key_destructions_open", "the platform's own table: all its rows are of one tenant"),
];

/// A table under row rules.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    /// The column that says whose tenant's a row is.
    pub tenant: Option<String>,
    /// The column that says whose account's a row is, where the rules ask for one.
    pub account: Option<String>,
    pub columns: Vec<String>,
    readable: bool,
}

/// Two tenants and one person of each.
pub struct Rooms {
    pub stage: Stage,
    pub first: Uuid,
    pub second: Uuid,
    pub people: (Uuid, Uuid),
    pub tables: Vec<Table>,
    held: BTreeMap<String, BTreeSet<Uuid>>,
}

pub async fn furnished() -> Result<Rooms> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    for licence in [&first, &second] {
        furnish(&stage, licence).await?;
    }
    stage.product.monitor().save().await;
    let mut admin = stage.database.admin().await?;
    for licence in [&first, &second] {
        let rules = "INSERT INTO socle.tenant_rules (tenant_id, realm, updated_at) VALUES ($1, 'physiotraq', $2)";
        sqlx::query(rules).bind(licence.id.0).bind(stage.clock.now()).execute(&mut admin).await?;
    }
    let tables = tables(&mut admin).await?;
    let mut held = BTreeMap::new();
    for table in &tables {
        let Some(column) = &table.tenant else { continue };
        let query = format!("SELECT DISTINCT {column} FROM {} WHERE {column} IS NOT NULL", table.name);
        let tenants: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut admin).await?;
        held.insert(table.name.clone(), tenants.into_iter().collect());
    }
    let people = (first.owner.account.0, second.owner.account.0);
    Ok(Rooms { first: first.id.0, second: second.id.0, people, tables, held, stage })
}

/// A device with a network and a calibration, a named patient on it, an alert, an invitation to it with its mail.
async fn furnish(stage: &Stage, licence: &Licence) -> Result<()> {
    licence.device.post("/devices/heartbeat", &json!({})).await?;
    let device = licence.device.id.to_string();
    let page = format!("/physiotraq/admin/devices/{device}");
    licence.owner.post(&format!("{page}/wifi"), &[("ssid_1", "Bloc"), ("open_1", "on")]).await?;
    let calibration = [("temp_slope", "1.01"), ("temp_intercept", "-0.38")];
    licence.owner.post(&format!("{page}/calibration"), &calibration).await?;
    let fields = [("device", device.as_str()), ("patient_last_name", "Lovelace")];
    let started = licence.operator.post("/physiotraq/app/treatments", &fields).await?;
    anyhow::ensure!(started.status() == 303, "start refused: {}", started.status());
    for celsius in [40.1, 40.2, 40.2] {
        stage.clock.advance(TimeDelta::seconds(20));
        licence.device.measure(stage.clock.now(), celsius).await?;
    }
    let email = format!("invited-{device}@test.fr");
    let invited = [("email", email.as_str()), ("device", device.as_str())];
    licence.owner.post("/physiotraq/admin/team", &invited).await?;
    Ok(())
}

/// Every table with row rules, as the catalogue has it.
async fn tables(admin: &mut PgConnection) -> Result<Vec<Table>> {
    let query = "SELECT c.oid::regclass::text,
                        array_agg(a.attname::text ORDER BY a.attnum),
                        has_table_privilege('socle_app', c.oid, 'SELECT'),
                        (SELECT string_agg(coalesce(p.qual, '') || coalesce(p.with_check, ''), ' ') FROM pg_policies p
                         WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND 'socle_app' = ANY (p.roles))
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity
                 GROUP BY c.oid, n.nspname, c.relname ORDER BY 1";
    let rows: Vec<(String, Vec<String>, bool, Option<String>)> = sqlx::query_as(query).fetch_all(admin).await?;
    let table = |(name, columns, readable, rules): (String, Vec<String>, bool, Option<String>)| {
        let rules = rules.unwrap_or_default();
        let named = |column: &str| columns.iter().any(|one| one == column);
        let first = |candidates: &[&str]| candidates.iter().find(|column| named(column)).map(|c| (*c).to_owned());
        let own = if name == "physiotraq.licenses" { "id" } else { "tenant_id" };
        let tenant = rules.contains("socle.tenant_id()").then(|| first(&["license_id", own])).flatten();
        let by_account = rules.contains("socle.account_id()") && !rules.contains("socle.tenant_id()");
        let account = by_account.then(|| first(&["account_id", "id"])).flatten();
        Table { name, tenant, account, columns, readable }
    };
    let tables: Vec<Table> = rows.into_iter().map(table).collect();
    anyhow::ensure!(tables.len() > 20, "the tables were to be there: {}", tables.len());
    Ok(tables)
}

impl Rooms {
    /// Tables that the server may read at all.
    pub fn readable(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.readable)
    }

    /// Whether a tenant has a row in a table.
    pub fn holds(&self, table: &Table, tenant: Uuid) -> bool {
        self.held.get(&table.name).is_some_and(|tenants| tenants.contains(&tenant))
    }

    /// As a superuser.
    pub async fn admin(&self) -> Result<PgConnection> {
        self.stage.database.admin().await
    }

    /// What the second tenant has.
    pub async fn digest(&self) -> Result<Vec<String>> {
        let mut admin = self.admin().await?;
        let mut digests = Vec::new();
        for table in &self.tables {
            let Some(column) = &table.tenant else { continue };
            let query = format!(
                "SELECT '{}' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t WHERE {column} = $1",
                table.name, table.name
            );
            digests.push(sqlx::query_scalar(AssertSqlSafe(query)).bind(self.second).fetch_one(&mut admin).await?);
        }
        Ok(digests)
    }
}

/// The client of PostgreSQL, where packages put it.
pub fn psql() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let packaged = versions.map(|version| version.path().join("bin/psql"));
    let on_path = std::env::var_os("PATH");
    let on_path = on_path.iter().flat_map(std::env::split_paths).map(|folder| folder.join("psql"));
    packaged.chain(on_path).find(|candidate| candidate.exists()).context("psql is not installed")
}
