//! The query of the overview.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::db::Tx;
use crate::ids::AccountId;

/// What is true of an account now.
pub(super) struct State {
    pub email_verified: bool,
    pub has_phone: bool,
    pub phone_verified: bool,
    pub second_factor_since: Option<DateTime<Utc>>,
    pub password_changed_at: DateTime<Utc>,
    pub password_expires_at: Option<DateTime<Utc>>,
    pub force_password_change: bool,
    /// Open ones.
    pub sessions: i64,
    /// Known ones.
    pub devices: i64,
    /// Of them trusted.
    pub trusted: i64,
}

pub(super) async fn state(tx: &mut Tx, account: AccountId) -> Result<State> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        State,
        r#"SELECT a.email_verified_at IS NOT NULL AS "email_verified!", a.phone IS NOT NULL AS "has_phone!",
                  a.phone_verified_at IS NOT NULL AS "phone_verified!", a.second_factor_since, a.password_changed_at,
                  a.password_expires_at, a.force_password_change,
                  (SELECT count(*) FROM socle.sessions s
                   WHERE s.account_id = a.id AND s.ended_at IS NULL AND s.expires_at > $2
                     AND (s.kind = 'api' OR s.last_seen_at > $2 - interval '12 hours')) AS "sessions!",
                  (SELECT count(*) FROM socle.known_devices d
                   WHERE d.account_id = a.id AND d.forgotten_at IS NULL) AS "devices!",
                  (SELECT count(*) FROM socle.known_devices d
                   WHERE d.account_id = a.id AND d.forgotten_at IS NULL AND d.trusted_until > $2
                     AND d.trusted_at >= a.second_factor_since) AS "trusted!"
           FROM socle.accounts a WHERE a.id = $1"#,
        account.0,
        now
    )
    .fetch_one(tx.conn())
    .await?)
}
