//! Every query on the team.

use socle::Result;
use socle::db::Tx;
use socle::identity::invitations::InvitationId;
use socle::ids::{AccountId, TenantId};
use socle::web::cursor::Paging;
use uuid::Uuid;

use super::model::{Assignment, Member};

/// Everybody of the licence, owner first, by name.
pub(super) async fn members(tx: &mut Tx) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT u.id, u.first_name, u.last_name, m.role, m.created_at AS since,
                  ARRAY(SELECT d.name FROM physiotraq.device_assignments a JOIN physiotraq.devices d ON d.id = a.device_id
                        WHERE a.user_id = u.id AND d.released_at IS NULL ORDER BY d.name) AS "devices!"
           FROM physiotraq.users u
           JOIN socle.memberships m ON m.tenant_id = u.license_id AND m.account_id = u.id
           WHERE m.ended_at IS NULL
           ORDER BY m.role, u.last_name, u.first_name, u.id LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Some of the same, newest first, for programs that page.
pub(super) async fn listed(tx: &mut Tx, paging: &Paging) -> Result<Vec<Member>> {
    let after = paging.after();
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT u.id, u.first_name, u.last_name, m.role, m.created_at AS since,
                  ARRAY(SELECT d.name FROM physiotraq.device_assignments a JOIN physiotraq.devices d ON d.id = a.device_id
                        WHERE a.user_id = u.id AND d.released_at IS NULL ORDER BY d.name) AS "devices!"
           FROM physiotraq.users u
           JOIN socle.memberships m ON m.tenant_id = u.license_id AND m.account_id = u.id
           WHERE m.ended_at IS NULL AND ($1::timestamptz IS NULL OR (m.created_at, u.id) < ($1, $2::uuid))
           ORDER BY m.created_at DESC, u.id DESC LIMIT $3"#,
        after.map(|cursor| cursor.at),
        after.map(|cursor| cursor.id),
        paging.rows()
    )
    .fetch_all(tx.conn())
    .await?)
}

/// One member of the licence.
///
/// # Errors
/// 404 when they are none, or no longer.
pub(super) async fn find(tx: &mut Tx, id: AccountId) -> Result<Member> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT u.id, u.first_name, u.last_name, m.role, m.created_at AS since,
                  ARRAY(SELECT d.name FROM physiotraq.device_assignments a JOIN physiotraq.devices d ON d.id = a.device_id
                        WHERE a.user_id = u.id AND d.released_at IS NULL ORDER BY d.name) AS "devices!"
           FROM physiotraq.users u
           JOIN socle.memberships m ON m.tenant_id = u.license_id AND m.account_id = u.id
           WHERE m.ended_at IS NULL AND u.id = $1"#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?)
}

pub(super) async fn rename(tx: &mut Tx, id: AccountId, (first, last): (&str, &str)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.users SET first_name = $2, last_name = $3, updated_at = $4 WHERE id = $1",
        id.0,
        first,
        last,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The devices that are assigned to somebody, by name.
pub(super) async fn assignments(tx: &mut Tx, id: AccountId) -> Result<Vec<Assignment>> {
    Ok(sqlx::query_as!(
        Assignment,
        "SELECT d.id AS device, d.name, a.assigned_at AS at
         FROM physiotraq.device_assignments a JOIN physiotraq.devices d ON d.id = a.device_id
         WHERE a.user_id = $1 AND d.released_at IS NULL ORDER BY d.name, d.id",
        id.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Makes the devices of somebody exactly these; an id that is no device of the licence adds nothing. What stays keeps its
/// date.
pub(super) async fn assign(tx: &mut Tx, license: TenantId, id: AccountId, devices: &[Uuid]) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "DELETE FROM physiotraq.device_assignments WHERE user_id = $1 AND NOT device_id = ANY ($2)",
        id.0,
        devices
    )
    .execute(tx.conn())
    .await?;
    let fresh: Vec<Uuid> = devices.iter().map(|_| socle::ids::fresh(now)).collect();
    sqlx::query!(
        "INSERT INTO physiotraq.device_assignments (id, license_id, user_id, device_id, assigned_at, created_at, updated_at)
         SELECT n.id, $1, $2, d.id, $3, $3, $3
         FROM unnest($4::uuid[], $5::uuid[]) AS n(id, device_id)
         JOIN physiotraq.devices d ON d.id = n.device_id AND d.released_at IS NULL
         ON CONFLICT (device_id, user_id) DO NOTHING",
        license.0,
        id.0,
        now,
        &fresh,
        devices,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes every device from somebody who leaves.
pub(super) async fn unassign(tx: &mut Tx, id: AccountId) -> Result<()> {
    sqlx::query!("DELETE FROM physiotraq.device_assignments WHERE user_id = $1", id.0).execute(tx.conn()).await?;
    Ok(())
}

/// What an invitation brings: a device.
pub(super) struct Brought {
    pub invitation: InvitationId,
    pub device: Uuid,
    pub name: String,
}

/// The devices of the pending invitations, by name.
pub(super) async fn brought(tx: &mut Tx) -> Result<Vec<Brought>> {
    Ok(sqlx::query_as!(
        Brought,
        r#"SELECT b.invitation_id AS "invitation: InvitationId", b.device_id AS device, d.name
           FROM physiotraq.invited_assignments b JOIN physiotraq.devices d ON d.id = b.device_id
           JOIN socle.invitations i ON i.tenant_id = b.license_id AND i.id = b.invitation_id
           WHERE i.accepted_at IS NULL AND i.revoked_at IS NULL ORDER BY d.name, d.id"#
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Notes which devices an invitation brings; an id that is no device of the licence adds nothing.
pub(super) async fn bring(tx: &mut Tx, license: TenantId, id: InvitationId, devices: &[Uuid]) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.invited_assignments (license_id, invitation_id, device_id, created_at, expires_at)
         SELECT $1, i.id, d.id, $3, i.expires_at
         FROM socle.invitations i JOIN physiotraq.devices d ON d.id = ANY ($4) AND d.released_at IS NULL
         WHERE i.id = $2
         ON CONFLICT (invitation_id, device_id) DO NOTHING",
        license.0,
        id.0,
        now,
        devices,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An invitation was replaced by another: what it brings goes over, and is kept as long.
pub(super) async fn pass_on(tx: &mut Tx, (from, to): (InvitationId, InvitationId)) -> Result<()> {
    sqlx::query!(
        "UPDATE physiotraq.invited_assignments b SET invitation_id = i.id, expires_at = i.expires_at
         FROM socle.invitations i WHERE b.invitation_id = $1 AND i.id = $2",
        from.0,
        to.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An invitation was taken back: it brings nothing.
pub(super) async fn bring_nothing(tx: &mut Tx, id: InvitationId) -> Result<()> {
    sqlx::query!("DELETE FROM physiotraq.invited_assignments WHERE invitation_id = $1", id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Assigns to somebody who has just accepted an invitation, in their own transaction, what it brings.
pub(crate) async fn take_brought(tx: &mut Tx, license: TenantId, account: AccountId) -> Result<()> {
    let taken = sqlx::query!(
        "DELETE FROM physiotraq.invited_assignments b USING socle.invitations i, socle.accounts a
         WHERE i.tenant_id = b.license_id AND i.id = b.invitation_id AND i.accepted_at IS NOT NULL
           AND a.id = $1 AND a.realm = i.realm AND a.email = i.email
         RETURNING b.device_id",
        account.0
    )
    .fetch_all(tx.conn())
    .await?;
    let devices: Vec<Uuid> = taken.into_iter().map(|row| row.device_id).collect();
    if devices.is_empty() { Ok(()) } else { assign(tx, license, account, &devices).await }
}
