//! Every query on the registry of data keys.

use uuid::Uuid;

use super::service::Wrapped;
use super::{Purpose, Subject};
use crate::Result;
use crate::db::{Db, Tx, Who};

/// A key of the registry.
#[derive(Debug)]
pub(super) struct Registered {
    pub id: Uuid,
    pub purpose: String,
    pub state: String,
    pub kek_id: String,
    /// A tenant's.
    pub wrapped: Option<Vec<u8>>,
    pub check_value: Vec<u8>,
}

/// Who does it, when it is a person.
pub(super) fn actor(tx: &Tx) -> Option<Uuid> {
    match tx.caller().who() {
        Who::Person(person) => Some(person.account.0),
        Who::Account(account, _) => Some(account.0),
        Who::Nobody | Who::Device(_) | Who::System(_) | Who::Platform => None,
    }
}

/// Every key of a subject: of a tenant in its own transactions only.
pub(super) async fn registered(tx: &mut Tx, subject: Subject) -> Result<Vec<Registered>> {
    let found = match subject {
        Subject::Tenant(tenant) => {
            sqlx::query_as!(
                Registered,
                "SELECT id, purpose, state, kek_id, wrapped, check_value FROM socle.data_keys
                 WHERE subject_kind = 'tenant' AND subject_id = $1",
                tenant.0
            )
            .fetch_all(tx.conn())
            .await?
        }
        Subject::Person(account) => {
            sqlx::query_as!(
                Registered,
                r#"SELECT id AS "id!", purpose AS "purpose!", state AS "state!", kek_id AS "kek_id!", wrapped,
                          check_value AS "check_value!"
                   FROM socle.person_keys($1)"#,
                account.0
            )
            .fetch_all(tx.conn())
            .await?
        }
    };
    Ok(found)
}

/// A key about to be registered; `wrapped` is left out when it lies in the key store.
pub(super) struct NewKey<'a> {
    pub id: Uuid,
    pub subject: Subject,
    pub purpose: Purpose,
    pub wrapped: &'a Wrapped,
    pub check_value: &'a [u8],
}

/// False when there is an active one already, or the subject's keys were destroyed.
pub(super) async fn register(tx: &mut Tx, new: NewKey<'_>) -> Result<bool> {
    let (by, now) = (actor(tx), tx.caller().now());
    let kept = match new.subject {
        Subject::Tenant(_) => Some(new.wrapped.bytes.as_slice()),
        Subject::Person(_) => None,
    };
    let row = sqlx::query!(
        r#"SELECT socle.register_key($1, $2, $3, $4, $5, $6, $7, $8, $9) AS "new!""#,
        new.subject.kind(),
        new.subject.id(),
        new.id,
        new.purpose.name(),
        new.wrapped.kek_id,
        kept,
        new.check_value,
        by,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.new)
}

pub(super) async fn retire(tx: &mut Tx, subject: Subject) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(r#"SELECT socle.retire_key($1, $2, $3) AS "retired!""#, subject.kind(), subject.id(), now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.retired)
}

/// Marks every key of a person as destroyed; which were not before.
pub(super) async fn destroy_person(tx: &mut Tx, account: Uuid, tombstone: Uuid) -> Result<Vec<Uuid>> {
    let (by, now) = (actor(tx), tx.caller().now());
    let rows =
        sqlx::query!(r#"SELECT socle.destroy_person_keys($1, $2, $3, $4) AS "id!""#, account, tombstone, by, now)
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// What the registry says of keys; of those it does not know, nothing.
pub(super) async fn states(db: &Db, keys: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(r#"SELECT id AS "id!", state AS "state!" FROM socle.key_states($1)"#, keys)
        .fetch_all(door.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.state)).collect())
}

/// How many keys of a kind and state a key-encryption key has wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The key-encryption key.
    pub kek_id: String,
    /// `tenant` or `person`.
    pub subject_kind: String,
    /// `active`, `retired` or `destroyed`.
    pub state: String,
    /// How many.
    pub keys: i64,
}

pub(super) async fn counts(db: &Db) -> Result<Vec<Count>> {
    let mut door = db.door().await?;
    let counts = sqlx::query_as!(
        Count,
        r#"SELECT kek_id AS "kek_id!", subject_kind AS "subject_kind!", state AS "state!", keys AS "keys!"
           FROM socle.key_counts()"#
    )
    .fetch_all(door.conn())
    .await?;
    Ok(counts)
}

/// How many keys a subject has, and whether it is a suspended tenant.
pub(super) async fn subject(tx: &mut Tx, subject: Subject) -> Result<(i64, bool)> {
    let row = sqlx::query!(
        r#"SELECT keys AS "keys!", suspended AS "suspended!" FROM socle.key_subject($1, $2)"#,
        subject.kind(),
        subject.id()
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.keys, row.suspended))
}
