//! Everything a tenant has in the database, as a digest per table: what a call changed there shows.

use std::collections::BTreeMap;

use anyhow::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// Rows and digest per table and tenant.
pub type Footprint = BTreeMap<String, String>;

/// Tables with the column that says whose a row is.
async fn tables(admin: &mut PgConnection) -> Result<Vec<(String, String)>> {
    let query = "SELECT c.oid::regclass::text, a.attname::text FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('socle', 'physiotraq')
                   AND a.attname IN ('tenant_id', 'license_id') ORDER BY 1";
    Ok(sqlx::query_as(query).fetch_all(admin).await?)
}

/// What these tenants and accounts have.
pub async fn of(admin: &mut PgConnection, tenants: &[Uuid], accounts: &[Uuid]) -> Result<Footprint> {
    let mut found = Footprint::new();
    for (table, column) in tables(admin).await? {
        found.insert(table.clone(), digest(admin, &table, &column, tenants).await?);
    }
    for (table, column) in [("socle.accounts", "id"), ("socle.sessions", "account_id")] {
        found.insert(format!("{table} of the people"), digest(admin, table, column, accounts).await?);
    }
    assert!(found.len() > 15, "the tables were to be there: {found:?}");
    Ok(found)
}

async fn digest(admin: &mut PgConnection, table: &str, column: &str, ids: &[Uuid]) -> Result<String> {
    let query = format!(
        "SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t
         WHERE {column} = ANY ($1) {}",
        // That somebody of the tenant was refused is written down in it.
        if table == "socle.audit_log" { "AND action <> 'access.refused'" } else { "" }
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).bind(ids).fetch_one(admin).await?)
}

/// Refuses any difference, naming the tables.
pub fn is_unchanged(before: &Footprint, after: &Footprint) -> Result<()> {
    let changed: Vec<&String> =
        after.iter().filter(|(table, seen)| before.get(*table) != Some(seen)).map(|(t, _)| t).collect();
    anyhow::ensure!(changed.is_empty(), "something was written in the other tenant: {changed:?}");
    Ok(())
}
