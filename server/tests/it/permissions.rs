//! Granular permissions on top of roles, roles, and the last administrator.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use socle::db::{Trace, Who};
use socle::identity::members::{self, Newcomer};
use socle::ids::TenantId;
use socle::web::Product;
use testkit::Stage;
use testkit::trial::{self, TENANT};
use uuid::Uuid;

use crate::staff::{Member, PASSWORD};

/// An administrator and somebody of operations.
async fn crew(stage: &Stage) -> Result<(Member, Member)> {
    let admin = Member::new(stage, TENANT, "admin@test.fr", "COMPLIANCE_ADMIN").await?;
    Ok((admin, Member::new(stage, TENANT, "ops@test.fr", "OPS").await?))
}

async fn give(from: &Member, to: &Member, permissions: &[&str]) -> Result<(u16, Value)> {
    let path = format!("/api/v1/members/{}/permissions", to.account);
    from.told(Method::PUT, &path, Some(&json!({ "permissions": permissions }))).await
}

fn code(told: &(u16, Value)) -> &str {
    told.1["error"]["code"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_counts_from_the_next_request_on_and_is_audited_with_before_and_after() -> Result<()> {
    let stage = Stage::new().await?;
    let (admin, ops) = crew(&stage).await?;
    assert_eq!(ops.status("/api/v1/export").await?, 403);
    assert_eq!(give(&admin, &ops, &["records:export", "records:export"]).await?.0, 204);
    assert_eq!(ops.status("/api/v1/export").await?, 200);
    assert_eq!(admin.status("/api/v1/export").await?, 403, "nobody else has it");
    assert_eq!(give(&admin, &ops, &[]).await?.0, 204);
    assert_eq!(ops.status("/api/v1/export").await?, 403);
    let trail = "SELECT details FROM socle.audit_log WHERE action = 'member.permissions_set' AND resource_id = $1
                 ORDER BY number";
    let trail: Vec<Value> =
        sqlx::query_scalar(trail).bind(ops.account.0).fetch_all(&mut stage.database.admin().await?).await?;
    let (given, taken) = (json!(["records:export"]), json!([]));
    assert_eq!(
        trail,
        [json!({ "before": taken, "after": given }), json!({ "before": given, "after": taken })],
        "each once, in order"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_raises_themselves_and_only_declared_permissions_are_given_by_who_may() -> Result<()> {
    let stage = Stage::new().await?;
    let (admin, ops) = crew(&stage).await?;
    let own = give(&admin, &admin, &["records:export"]).await?;
    assert_eq!((own.0, code(&own)), (403, "AUTHZ_ONESELF"));
    let patient = Member::new(&stage, TENANT, "patient@test.fr", "PATIENT").await?;
    for member in [&ops, &patient] {
        assert_eq!(give(member, &ops, &["records:export"]).await?.0, 403, "{}", member.email);
        assert_eq!(give(member, &admin, &[]).await?.0, 403);
    }
    let unknown = give(&admin, &ops, &["records:export", "records:delete", "*"]).await?;
    assert_eq!((unknown.0, code(&unknown)), (400, "VAL_FIELDS"));
    assert_eq!(unknown.1["error"]["details"].as_array().map(Vec::len), Some(2), "each is named: {}", unknown.1);
    let elsewhere = TenantId(Uuid::from_u128(0x7121_a200));
    let foreign = Member::new(&stage, elsewhere, "foreign@test.fr", "OPS").await?;
    let told = give(&admin, &foreign, &["records:export"]).await?;
    assert_eq!((told.0, code(&told)), (404, "BIZ_NOT_FOUND"));
    let held = "SELECT count(*) FROM socle.memberships WHERE permissions <> '{}'";
    assert_eq!(sqlx::query_scalar::<_, i64>(held).fetch_one(&mut stage.database.admin().await?).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_shows_permissions_and_actions() -> Result<()> {
    let stage = Stage::new().await?;
    let (admin, _) = crew(&stage).await?;
    // Without a second factor at the account a program signs in by its password alone; what is due comes later.
    let account = stage.trial.member(TENANT, ("program@test.fr", PASSWORD), "OPS").await?;
    let path = format!("/api/v1/members/{account}/permissions");
    let given = json!({ "permissions": ["records:export"] });
    assert_eq!(admin.told(Method::PUT, &path, Some(&given)).await?.0, 204);
    let login = json!({ "email": "program@test.fr", "password": PASSWORD });
    let url = format!("{}/trial/api/v1/auth/login", stage.url());
    let tokens: Value = reqwest::Client::new().post(url).json(&login).send().await?.json().await?;
    let token = tokens["accessToken"].as_str().with_context(|| tokens.to_string())?;
    let payload = claims(token).context("a token has three parts")?;
    let permissions: Vec<&str> = payload["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(permissions.first(), Some(&"records:export"), "{payload}");
    assert!(permissions.contains(&"Export") && permissions.contains(&"BreakGlass"), "{payload}");
    assert!(!permissions.contains(&"ManageMembers"), "{payload}");
    Ok(())
}

/// The payload of a token, without asking whether it is genuine.
fn claims(token: &str) -> Option<Value> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in token.split('.').nth(1)?.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        (bits, held) = ((bits << 6 | u32::try_from(value).ok()?) & 0xffff, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    serde_json::from_slice(&bytes).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_administrator_is_neither_removed_nor_given_another_role() -> Result<()> {
    let stage = Stage::new().await?;
    let (admin, ops) = crew(&stage).await?;
    let own = format!("/api/v1/members/{}", admin.account);
    let told = admin.told(Method::DELETE, &own, None).await?;
    assert_eq!((told.0, code(&told)), (409, "BIZ_LAST_ADMINISTRATOR"));
    let uses = told.1["error"]["details"].to_string();
    assert!(uses.contains("1 members") && uses.contains("0 invitations"), "the list of uses: {uses}");
    let role = json!({ "role": "OPS" });
    let second = Member::new(&stage, TENANT, "second@test.fr", "COMPLIANCE_ADMIN").await?;
    let told = admin.told(Method::PUT, &format!("{own}/role"), Some(&role)).await?;
    assert_eq!((told.0, code(&told)), (403, "AUTHZ_ONESELF"));
    assert_eq!(second.told(Method::PUT, &format!("{own}/role"), Some(&role)).await?.0, 204);
    assert_eq!(admin.status("/api/v1/export").await?, 401, "a session does not outlive the role it was opened with");
    let last = format!("/api/v1/members/{}", second.account);
    assert_eq!(second.told(Method::DELETE, &last, None).await?.0, 409);
    let unknown = json!({ "role": "KING" });
    let path = format!("/api/v1/members/{}/role", ops.account);
    assert_eq!(second.told(Method::PUT, &path, Some(&unknown)).await?.0, 400);
    assert_eq!(second.told(Method::DELETE, &format!("/api/v1/members/{}", ops.account), None).await?.0, 204);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_administrators_who_leave_at_once_one_stays() -> Result<()> {
    let stage = Stage::new().await?;
    for round in 0..5 {
        let tenant = TenantId(Uuid::from_u128(0x7121_b000 + round));
        let (one, other) = (format!("one{round}@test.fr"), format!("other{round}@test.fr"));
        let one = Member::new(&stage, tenant, &one, "COMPLIANCE_ADMIN").await?;
        let other = Member::new(&stage, tenant, &other, "COMPLIANCE_ADMIN").await?;
        let paths = [&one, &other].map(|member| format!("/api/v1/members/{}", member.account));
        let (first, second) =
            tokio::join!(one.told(Method::DELETE, &paths[0], None), other.told(Method::DELETE, &paths[1], None));
        let mut statuses = [first?.0, second?.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "round {round}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_role_and_a_second_membership_begin_without_the_permissions_of_before() -> Result<()> {
    let stage = Stage::new().await?;
    let (admin, ops) = crew(&stage).await?;
    let held = async || -> Result<Vec<String>> {
        let query = "SELECT permissions FROM socle.memberships WHERE account_id = $1";
        Ok(sqlx::query_scalar(query).bind(ops.account.0).fetch_one(&mut stage.database.admin().await?).await?)
    };
    assert_eq!(give(&admin, &ops, &["records:export"]).await?.0, 204);
    let path = format!("/api/v1/members/{}", ops.account);
    assert_eq!(admin.told(Method::DELETE, &path, None).await?.0, 204);
    let newcomer = Newcomer {
        account: ops.account,
        tenant: TENANT,
        tenant_name: "Organisation".to_owned(),
        role: "OPS".to_owned(),
        first_name: String::new(),
        last_name: String::new(),
    };
    let realm = &trial::BRANDING.realm;
    let nobody = stage.trial.app().nobody(realm.name, Trace::default());
    let mut tx = nobody.becoming(Who::System(TENANT)).begin().await?;
    members::join(&mut tx, realm, &newcomer).await?;
    tx.commit().await?;
    assert!(held().await?.is_empty(), "who comes back begins anew");
    assert_eq!(give(&admin, &ops, &["records:export"]).await?.0, 204);
    let role = json!({ "role": "PATIENT" });
    assert_eq!(admin.told(Method::PUT, &format!("{path}/role"), Some(&role)).await?.0, 204);
    assert!(held().await?.is_empty(), "it was given on top of another role");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_somebody_holds_cannot_be_taken_away_from_the_product() -> Result<()> {
    let stage = Stage::new().await?;
    let _crew = crew(&stage).await?;
    let db = &stage.trial.app().db;
    members::refuse_retired_roles(db, "trial", &trial::ROLES).await.map_err(anyhow::Error::msg)?;
    let told = members::refuse_retired_roles(db, "trial", &["PATIENT", "COMPLIANCE_ADMIN"]).await.unwrap_err();
    assert!(told.contains("OPS (1 members, 0 open invitations)"), "the list of uses: {told}");
    assert!(!told.contains("COMPLIANCE_ADMIN"), "{told}");
    Ok(())
}
