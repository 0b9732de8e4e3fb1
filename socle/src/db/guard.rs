//! The server refuses to run as a role that row-level security does not bind.

use sqlx::PgConnection;

/// # Errors
/// A sentence that says which property makes the role unfit and what to do.
pub(super) async fn refuse_unfit(connection: &mut PgConnection) -> Result<(), String> {
    let role = sqlx::query!(
        r#"SELECT current_user::text AS "name!", r.rolsuper AS "superuser!", r.rolbypassrls AS "bypass!",
                  EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid) AS "owner!",
                  (pg_has_role(current_user, 'socle_owner', 'MEMBER') AND NOT r.rolsuper) AS "member!"
           FROM pg_roles r WHERE r.rolname = current_user"#
    )
    .fetch_one(connection)
    .await
    .map_err(|e| format!("the role cannot be checked: {e}"))?;
    let fault = match (role.superuser, role.bypass, role.owner, role.member) {
        (true, ..) => "is a superuser",
        (_, true, ..) => "has BYPASSRLS",
        (_, _, true, _) => "owns tables",
        (_, _, _, true) => "is a member of socle_owner",
        _ => return Ok(()),
    };
    Err(format!(
        "the server must not run as role {:?}, which {fault}: row-level security would not bind it. \
         Run `socle migrate`, then serve as socle_app and socle_ingest (docs/operations.md).",
        role.name
    ))
}
