//! Every query on broken glass.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Opening, OpeningId, Verdict};
use crate::db::Tx;
use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, error};

pub(super) async fn insert(tx: &mut Tx, new: &Opening, asked: &[u8]) -> Result<()> {
    let (realm, tenant) = (tx.caller().realm(), tx.caller().tenant().map(|tenant| tenant.0));
    let inserted = sqlx::query!(
        "INSERT INTO socle.break_glass (id, realm, tenant_id, account_id, session_id, kind, record_id, asked, opened_at,
                                        expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id.0,
        realm,
        tenant,
        new.account.0,
        new.session.0,
        new.kind,
        new.record,
        asked,
        new.opened_at,
        new.expires_at
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|e| match error::broken_constraint(&e) {
        Some("break_glass_one_open") => Error::conflict(
            "BIZ_BREAK_GLASS_OPEN",
            "You have a record open this way already. End it first; it is not prolonged.",
        ),
        _ => e.into(),
    })
}

/// Counts a use of the record that this very session has open; `None` when it has not.
pub(super) async fn use_once(
    tx: &mut Tx,
    (account, session): (AccountId, SessionId),
    (kind, record): (&str, Uuid),
) -> Result<Option<OpeningId>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "UPDATE socle.break_glass SET uses = uses + 1
         WHERE account_id = $1 AND session_id = $2 AND kind = $3 AND record_id = $4 AND ended_at IS NULL
           AND expires_at > $5
         RETURNING id",
        account.0,
        session.0,
        kind,
        record,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| OpeningId(r.id)))
}

/// What the account has open now, in whichever session.
pub(super) async fn open_of(tx: &mut Tx, account: AccountId) -> Result<Option<Opening>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "SELECT id, session_id, kind, record_id, opened_at, expires_at FROM socle.break_glass
         WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2",
        account.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Opening {
        id: OpeningId(r.id),
        account,
        session: SessionId(r.session_id),
        kind: r.kind,
        record: r.record_id,
        opened_at: r.opened_at,
        expires_at: r.expires_at,
    }))
}

/// Ends those of the tenant whose time is over; which records they were.
pub(super) async fn end_over(tx: &mut Tx) -> Result<Vec<(OpeningId, Uuid)>> {
    let now = tx.caller().now();
    let rows = sqlx::query!(
        "UPDATE socle.break_glass SET ended_at = expires_at WHERE ended_at IS NULL AND expires_at <= $1
         RETURNING id, record_id",
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (OpeningId(r.id), r.record_id)).collect())
}

/// Ends one before its time; whose it was, and which record. `None` when it is not open.
pub(super) async fn end(tx: &mut Tx, id: OpeningId) -> Result<Option<(AccountId, Uuid)>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "UPDATE socle.break_glass SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2
         RETURNING account_id, record_id",
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (AccountId(r.account_id), r.record_id)))
}

/// A row of the reviewers' list, its words sealed.
pub(super) struct Row {
    pub opening: Opening,
    pub asked: Vec<u8>,
    pub uses: i32,
    pub ended_at: Option<DateTime<Utc>>,
    pub review: Option<(Vec<u8>, String, DateTime<Utc>)>,
}

/// What waits for a review, oldest first, then what was reviewed last: 200 of each at most.
pub(super) async fn queue(tx: &mut Tx) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"(SELECT id AS "id!", account_id AS "account_id!", session_id AS "session_id!", kind AS "kind!",
                   record_id AS "record_id!", asked AS "asked!", uses AS "uses!", opened_at AS "opened_at!",
                   expires_at AS "expires_at!", ended_at, reviewed_at, verdict, review
            FROM socle.break_glass WHERE verdict IS NULL ORDER BY opened_at, id LIMIT 200)
           UNION ALL
           (SELECT id, account_id, session_id, kind, record_id, asked, uses, opened_at, expires_at, ended_at,
                   reviewed_at, verdict, review
            FROM socle.break_glass WHERE verdict IS NOT NULL ORDER BY reviewed_at DESC, id LIMIT 200)"#
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|r| {
        let review = match (r.review, r.verdict, r.reviewed_at) {
            (Some(words), Some(verdict), Some(at)) => Some((words, verdict, at)),
            _ => None,
        };
        let opening = Opening {
            id: OpeningId(r.id),
            account: AccountId(r.account_id),
            session: SessionId(r.session_id),
            kind: r.kind,
            record: r.record_id,
            opened_at: r.opened_at,
            expires_at: r.expires_at,
        };
        Row { opening, asked: r.asked, uses: r.uses, ended_at: r.ended_at, review }
    });
    Ok(rows.collect())
}

/// How far one is, held until the transaction ends.
pub(super) struct Standing {
    pub account: AccountId,
    pub record: Uuid,
    pub over: bool,
    pub reviewed: bool,
}

pub(super) async fn standing(tx: &mut Tx, id: OpeningId) -> Result<Option<Standing>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        r#"SELECT account_id, record_id, (ended_at IS NOT NULL OR expires_at <= $2) AS "over!",
                  verdict IS NOT NULL AS "reviewed!"
           FROM socle.break_glass WHERE id = $1 FOR UPDATE"#,
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Standing {
        account: AccountId(r.account_id),
        record: r.record_id,
        over: r.over,
        reviewed: r.reviewed,
    }))
}

pub(super) async fn review(
    tx: &mut Tx,
    id: OpeningId,
    reviewer: AccountId,
    (verdict, words): (Verdict, &[u8]),
) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.break_glass SET reviewed_by = $2, reviewed_at = $3, verdict = $4, review = $5 WHERE id = $1",
        id.0,
        reviewer.0,
        now,
        verdict.name(),
        words
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Somebody who is to be told.
pub(super) struct Reviewer {
    pub account: AccountId,
    pub email: String,
    pub language: String,
}

/// The holders of these roles in the transaction's tenant.
pub(super) async fn holders(tx: &mut Tx, roles: &[String]) -> Result<Vec<Reviewer>> {
    let rows = sqlx::query!(
        r#"SELECT account_id AS "account_id!", email AS "email!", language AS "language!"
           FROM socle.holders_of_roles($1)"#,
        roles
    )
    .fetch_all(tx.conn())
    .await?;
    let all = rows.into_iter();
    Ok(all.map(|r| Reviewer { account: AccountId(r.account_id), email: r.email, language: r.language }).collect())
}
