//! Keys are destroyed when two persons have decided it, a tenant's only while it is suspended.

use anyhow::Result;
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use sqlx::AssertSqlSafe;

use super::*;

const PASSWORD: &str = "une phrase de passe pour les exploitants";
const REQUESTS: &str = "SELECT count(*) FROM socle.key_destructions";

/// An operator's browser.
struct Operator {
    account: AccountId,
    base: String,
    cookie: String,
    http: Client,
}

impl Operator {
    /// Signed in, with a second factor proved just now.
    async fn new(stage: &Stage, email: &str) -> Result<Self> {
        let account = stage.platform.operator((email, PASSWORD.into()), ("Olga", "Essai")).await?;
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        let mut operator = Self { account, base: stage.url(), cookie: String::new(), http };
        let answer = operator.post("/platform/sign_in", &[("email", email), ("password", PASSWORD)]).await?;
        let cookies = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = cookies.filter_map(|line| line.split(';').next());
        operator.cookie = pairs.find(|pair| pair.starts_with("__Host-platform=")).context("no session")?.to_owned();
        operator.proves(stage).await?;
        Ok(operator)
    }

    /// Proves the second factor now; the pages for it are another room's.
    async fn proves(&self, stage: &Stage) -> Result<()> {
        let (id, now) = (self.account, stage.clock.now());
        sqlx::raw_sql(AssertSqlSafe(format!(
            "UPDATE socle.accounts SET second_factor_since = '{now}' WHERE id = '{id}';
             UPDATE socle.sessions SET second_factor_at = '{now}' WHERE account_id = '{id}'"
        )))
        .execute(&mut stage.database.admin().await?)
        .await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<String> {
        let request = self.http.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        let answer = request.header(ACCEPT, "text/html").send().await?;
        ensure!(answer.status() == 200, "{path}: {}", answer.status());
        Ok(answer.text().await?)
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        Ok(request.header(ACCEPT, "text/html").form(fields).send().await?)
    }

    async fn asks(&self, kind: &str, subject: Uuid) -> Result<Response> {
        let subject = subject.to_string();
        let fields = [("kind", kind), ("subject", &*subject), ("reason", "Fin de contrat, n° 4711")];
        self.post("/platform/keys/destructions", &fields).await
    }

    async fn says(&self, word: &str, request: Uuid) -> Result<Response> {
        self.post(&format!("/platform/keys/destructions/{request}"), &[("word", word)]).await
    }
}

/// Where an action leads when it was done.
fn done(answer: &Response) -> bool {
    answer.status() == 303 && Person::location(answer).starts_with("/platform/keys?notice=")
}

async fn newest(stage: &Stage) -> Result<Uuid> {
    let newest = "SELECT id FROM socle.key_destructions ORDER BY requested_at DESC, id DESC LIMIT 1";
    Ok(sqlx::query_scalar(newest).fetch_one(&mut stage.database.admin().await?).await?)
}

async fn suspend(stage: &Stage, tenant: TenantId, at: Option<&str>) -> Result<()> {
    sqlx::query(
        "INSERT INTO socle.tenant_rules (tenant_id, realm, suspended_at, suspended_reason, updated_at)
         VALUES ($1, 'physiotraq', $2::timestamptz, CASE WHEN $2 IS NOT NULL THEN 'tried' END, $3)
         ON CONFLICT (tenant_id) DO UPDATE
         SET suspended_at = excluded.suspended_at, suspended_reason = excluded.suspended_reason",
    )
    .bind(tenant.0)
    .bind(at.map(|at| at.parse::<chrono::DateTime<chrono::Utc>>()).transpose()?)
    .bind(stage.clock.now())
    .execute(&mut stage.database.admin().await?)
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_an_operator_sees_keys() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for person in [stage.anybody(), licence.owner] {
        let answer = person.get("/platform/keys").await?;
        assert_eq!(answer.status(), 303);
        assert!(Person::location(&answer).starts_with("/platform/sign_in"), "{}", Person::location(&answer));
        let answer = person.post("/platform/keys/destructions", &[("kind", "tenant")]).await?;
        assert!(!done(&answer));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_asks_another_approves_and_the_persons_keys_are_gone() -> Result<()> {
    let stage = Stage::new().await?;
    let mut admin = stage.database.admin().await?;
    let (ada, bob) = (account(&stage, "ada@test.fr").await?, account(&stage, "bob@test.fr").await?);
    let (hers, his) = (seal(&stage, ada, "hers").await?, seal(&stage, bob, "his").await?);
    let (olga, omar) = (Operator::new(&stage, "olga@test.fr").await?, Operator::new(&stage, "omar@test.fr").await?);
    assert!(done(&olga.asks("person", ada.0).await?));
    let request = newest(&stage).await?;
    let shown = olga.get("/platform/keys").await?;
    assert!(
        shown.contains("Fin de contrat, n° 4711") && shown.contains("Une autre personne doit approuver"),
        "{shown}"
    );
    assert!(!shown.contains("value=\"approve\""), "who asked is not offered it");
    assert!(omar.get("/platform/keys").await?.contains("value=\"approve\""));

    let own = olga.says("approve", request).await?;
    assert_eq!(own.status(), 403);
    assert_eq!(open(&stage, ada, &hers).await?, "hers", "one person destroys nothing");
    let alone = "SELECT count(*) FROM socle.security_events WHERE type = 'KEY_DESTRUCTION_BY_ONE_PERSON'";
    assert_eq!(count(&mut admin, alone).await?, 1);

    assert!(done(&omar.says("approve", request).await?));
    let refused = open(&stage, ada, &hers).await.unwrap_err();
    assert_eq!((refused.status.as_u16(), &*refused.code), (404, "BIZ_ERASED"));
    assert_eq!(open(&stage, bob, &his).await?, "his");
    until(&mut admin, "SELECT count(*) FROM socle.key_destructions WHERE state = 'executed'", 1).await?;
    assert_eq!(objects(&stage)?.len(), 2, "only the other person's");
    for (query, wanted) in [
        ("SELECT count(*) FROM socle.security_events WHERE type = 'KEYS_DESTROYED' AND severity = 'critical'", 1),
        ("SELECT count(*) FROM socle.audit_log WHERE action = 'keys.destroyed'", 1),
        ("SELECT count(*) FROM socle.audit_log WHERE action = 'keys.destruction_approved' AND outcome = 'refused'", 1),
        ("SELECT count(*) FROM socle.audit_log WHERE action = 'keys.destruction_approved' AND outcome = 'done'", 1),
    ] {
        assert_eq!(count(&mut admin, query).await?, wanted, "{query}");
    }
    assert_eq!(omar.says("approve", request).await?.status(), 404, "it is decided");
    let again = omar.asks("person", ada.0).await?;
    assert_eq!(again.status(), 400, "there are no keys any more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_second_factor_proved_lately_nothing_is_asked_or_decided() -> Result<()> {
    let stage = Stage::new().await?;
    let mut admin = stage.database.admin().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    let hers = seal(&stage, ada, "hers").await?;
    let (olga, omar) = (Operator::new(&stage, "olga@test.fr").await?, Operator::new(&stage, "omar@test.fr").await?);
    stage.clock.advance(chrono::TimeDelta::minutes(11));
    assert!(!done(&olga.asks("person", ada.0).await?));
    assert_eq!(count(&mut admin, REQUESTS).await?, 0);
    olga.proves(&stage).await?;
    assert!(done(&olga.asks("person", ada.0).await?));
    let request = newest(&stage).await?;
    for word in ["approve", "refuse"] {
        assert!(!done(&omar.says(word, request).await?), "{word}");
    }
    assert_eq!(open(&stage, ada, &hers).await?, "hers");
    omar.proves(&stage).await?;
    assert!(done(&omar.says("refuse", request).await?));
    assert_eq!(omar.says("approve", request).await?.status(), 404, "what was refused stays refused");
    assert_eq!(open(&stage, ada, &hers).await?, "hers");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_keys_go_only_while_it_is_suspended() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    online(&licence.device).await?;
    ensure!(treat(&licence, &licence.operator, ("Jeanne", "Martin")).await? == 303);
    let (olga, omar) = (Operator::new(&stage, "olga@test.fr").await?, Operator::new(&stage, "omar@test.fr").await?);
    let refused = olga.asks("tenant", licence.id.0).await?;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await?.contains("pas suspendue"));
    let platform = olga.asks("tenant", Uuid::nil()).await?;
    assert!(platform.text().await?.contains("plateforme elle-même"), "the platform's own keys are never destroyed");
    assert!(olga.asks("tenant", Uuid::from_u128(5)).await?.text().await?.contains("pas de clé"));

    suspend(&stage, licence.id, Some("2026-11-21T09:00:00Z")).await?;
    assert!(done(&olga.asks("tenant", licence.id.0).await?));
    assert!(olga.asks("tenant", licence.id.0).await?.text().await?.contains("déjà demandée"));
    let request = newest(&stage).await?;
    suspend(&stage, licence.id, None).await?;
    assert_eq!(omar.says("approve", request).await?.status(), 422, "it was taken up again meanwhile");
    suspend(&stage, licence.id, Some("2026-11-21T09:00:00Z")).await?;
    assert!(done(&omar.says("approve", request).await?));
    let mut tx = of(&stage, licence.id).begin().await?;
    let gone = app(&stage).vault.keys(&mut tx).await.err().context("the keys are still there")?;
    assert_eq!(gone.code, "BIZ_ERASED");
    drop(tx);
    let left = "SELECT count(*) FROM socle.data_keys WHERE subject_kind = 'tenant' AND state = 'destroyed' AND wrapped IS NOT NULL";
    assert_eq!(count(&mut stage.database.admin().await?, left).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_wrong_comes_back_with_what_was_typed() -> Result<()> {
    let stage = Stage::new().await?;
    let olga = Operator::new(&stage, "olga@test.fr").await?;
    for (kind, subject, reason, said) in [
        ("person", "not an id", "Fin de contrat, n° 4711", "Indiquez un identifiant"),
        ("planet", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5", "Fin de contrat, n° 4711", "Indiquez un identifiant"),
        ("person", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5", "parce que", "un motif de 10 à 500"),
    ] {
        let fields = [("kind", kind), ("subject", subject), ("reason", reason)];
        let answer = olga.post("/platform/keys/destructions", &fields).await?;
        assert_eq!(answer.status(), 400, "{said}");
        let page = answer.text().await?;
        assert!(page.contains(said) && page.contains(subject) && page.contains(reason), "{said}: {page}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_itself_wants_two_persons() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    seal(&stage, ada, "hers").await?;
    let mut admin = stage.database.admin().await?;
    let insert = |by: &str, state: &str| {
        AssertSqlSafe(format!(
            "INSERT INTO socle.key_destructions (id, tenant_id, subject_kind, subject_id, reason, state, requested_by,
                                                 requested_at, decided_by, decided_at)
             VALUES ('{ada}', '{nil}', 'person', '{ada}', 'because of this', '{state}', '{ada}', '2026-01-01', {by},
                     '2026-01-01')",
            nil = Uuid::nil()
        ))
    };
    for (by, state) in [(format!("'{ada}'"), "approved"), ("NULL".to_owned(), "approved")] {
        assert!(sqlx::raw_sql(insert(&by, state)).execute(&mut admin).await.is_err(), "{by} {state}");
    }
    sqlx::raw_sql(insert(&format!("'{ada}'"), "refused")).execute(&mut admin).await?;
    let execute = format!("SELECT socle.destroy_keys_as_decided('{ada}', '{ada}', '2026-01-01')");
    assert!(sqlx::raw_sql(AssertSqlSafe(execute)).execute(&mut admin).await.is_err(), "refused is not approved");
    Ok(())
}
