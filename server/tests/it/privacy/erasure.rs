//! Erasure: asked for, undone by signing in, done on its day and not before; what stops it; what is done after a restore.

use chrono::TimeDelta;
use socle::privacy::{Products, erasure};

use super::*;

const OPERATOR: &str = "operator1@test.fr";

/// 02:45 in Paris, so many days after the tests' first.
fn erasing(days: i64) -> DateTime<Utc> {
    "2026-11-21T01:45:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(days)
}

async fn asked(stage: &Stage, email: &str) -> Result<Response> {
    Visitor::at(stage, "physiotraq", email).await?.post("/account/data/erasure", &[("sure", "on")]).await
}

async fn name(admin: &mut PgConnection, id: uuid::Uuid) -> Result<String> {
    let name = sqlx::query_scalar("SELECT first_name || ' ' || last_name FROM physiotraq.users WHERE id = $1");
    Ok(name.bind(id).fetch_one(admin).await?)
}

fn products(stage: &Stage) -> Products {
    Products::default().with(stage.product.clone()).with(stage.platform.clone()).with(stage.trial.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_becomes_of_what_and_signing_in_undoes_it() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let person = Visitor::at(&stage, "physiotraq", OPERATOR).await?;
    let page = person.get("/account/data/erasure").await?.text().await?;
    for said in ["Nom dans la licence", "Anonymisées", "Séances conduites", "R.1112-7", "Jusqu’au", "2046", "cinq ans"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert_eq!(person.post("/account/data/erasure", &[]).await?.status(), 422, "the box is not ticked");
    stage.clock.advance(TimeDelta::minutes(11));
    let late = person.post("/account/data/erasure", &[("sure", "on")]).await?;
    assert!(late.status() != 303 || testkit::Person::location(&late).contains("reauthenticate"), "not proved lately");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.erasures").await?, 0);

    let answer = asked(&stage, OPERATOR).await?;
    assert_eq!(testkit::Person::location(&answer), "/physiotraq/sign_in?notice=erasure-asked");
    for session in [&person.cookie, licence.operator.cookie()] {
        let old = Visitor { base: person.base.clone(), cookie: session.to_owned(), http: person.http.clone() };
        assert_eq!(old.get("/account/data").await?.status(), 303, "every session has ended");
    }
    let told = mailed(&stage, OPERATOR, "Effacement demandé").await?;
    assert!(told.contains("21/12/2026"), "{told}");

    Visitor::at(&stage, "physiotraq", OPERATOR).await?;
    mailed(&stage, OPERATOR, "Effacement annulé").await?;
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.erasures WHERE undone_at IS NOT NULL").await?, 1);
    night(&stage, "privacy.erasures", erasing(60)).await?;
    assert_eq!(name(&mut admin, licence.operator.account.0).await?, "Paul Essai", "undone is undone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_its_day_the_person_is_gone_and_the_records_stay() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let account = licence.operator.account.0;
    let mut admin = stage.database.admin().await?;
    licence.device.post("/devices/heartbeat", &serde_json::json!({ "firmware_version": "03.1.0" })).await?;
    licence.operator.start(&licence.device).await?;
    assert_eq!(asked(&stage, OPERATOR).await?.status(), 303);
    night(&stage, "privacy.erasures", erasing(25)).await?;
    mailed(&stage, OPERATOR, "bientôt").await?;
    night(&stage, "privacy.erasures", erasing(30)).await?;
    assert_eq!(name(&mut admin, account).await?, "Paul Essai", "a few hours before its time is not its time");
    let trail = format!("SELECT count(*) FROM socle.audit_log WHERE actor_id = '{account}'");
    let before = count(&mut admin, &trail).await?;
    night(&stage, "privacy.erasures", erasing(31)).await?;

    assert_eq!(name(&mut admin, account).await?, "Utilisateur supprimé");
    let row: (String, Option<String>, String) =
        sqlx::query_as("SELECT email, password_hash, status FROM socle.accounts WHERE id = $1")
            .bind(account)
            .fetch_one(&mut admin)
            .await?;
    assert_eq!(row, (format!("erased-{account}@erased.invalid"), None, "deleted".to_owned()));
    for table in ["socle.sessions", "socle.refresh_tokens", "socle.mails", "socle.known_devices"] {
        let left = format!("SELECT count(*) FROM {table} WHERE account_id = '{account}'");
        assert_eq!(count(&mut admin, &left).await?, 0, "{table}");
    }
    let links = "SELECT count(*) FROM physiotraq.events WHERE ip_address IS NOT NULL OR user_agent IS NOT NULL";
    assert_eq!(count(&mut admin, links).await?, 0, "events keep what happened");
    let run = format!("SELECT count(*) FROM physiotraq.treatments WHERE user_id = '{account}'");
    assert_eq!(count(&mut admin, &run).await?, 1, "patients' records stay");
    assert!(count(&mut admin, &trail).await? >= before, "the audit trail stays, under a number");
    assert_eq!(count(&mut admin, "SELECT count(DISTINCT subject_id) FROM socle.data_keys WHERE state = 'destroyed' AND subject_kind = 'person'").await?, 1);
    let told = mailed(&stage, OPERATOR, "est effacé").await?;
    assert!(told.contains("Nom dans la licence : Anonymisées") && told.contains("R.1112-7"), "{told}");
    let receipt: Value = sqlx::query_scalar("SELECT outcomes FROM socle.erasures").fetch_one(&mut admin).await?;
    assert!(receipt.as_array().unwrap().len() >= 10 && !receipt.to_string().contains("Paul"), "{receipt}");
    assert!(Visitor::at(&stage, "physiotraq", OPERATOR).await.is_err(), "nobody signs in as them");
    let again = stage.sign_in("owner1@test.fr").await?.get("/physiotraq/admin/team").await?.text().await?;
    assert!(!again.contains("Paul Essai"), "not in the team");

    let app = stage.product.app();
    let realm = &physiotraq::BRANDING.realm;
    let nobody = app.nobody(realm.name, socle::db::Trace::default());
    let anew = socle::identity::actions::create_account(&nobody, &app.passwords, realm, (OPERATOR, PASSWORD.into()));
    assert_ne!(anew.await?.0, account, "the address is free for an account that has nothing to do with it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_hands_over_first() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    run(&mut admin, "UPDATE physiotraq.licenses SET stripe_subscription_id = 'sub_1'").await?;
    let answer = asked(&stage, "owner1@test.fr").await?;
    assert_eq!(answer.status(), 409);
    let page = answer.text().await?;
    assert!(page.contains("Clinique 1") && page.contains("d’autres y travaillent"), "{page}");
    assert!(page.contains("son abonnement court"), "every use is named: {page}");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.erasures").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legal_hold_stops_it_until_it_is_lifted_and_says_no_more_than_it_may() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let operator = operator(&stage).await?;
    let account = licence.operator.account.to_string();
    let hold = |told: bool, subject: &str| {
        let fields = [("kind", "account"), ("reason", "Réquisition du tribunal"), ("basis", "CPP art. 60-1")];
        let mut fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fields.push(("subject".to_owned(), subject.to_owned()));
        if told {
            fields.push(("told".to_owned(), "on".to_owned()));
        }
        fields
    };
    async fn place(operator: &Visitor, fields: Vec<(String, String)>) -> Result<u16> {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ok(operator.post("/holds", &fields).await?.status().as_u16())
    }
    assert_eq!(place(&operator, hold(true, "00000000-0000-0000-0000-00000000dead")).await?, 422, "there is no such");
    assert_eq!(place(&operator, hold(false, &account)).await?, 303);
    let person = Visitor::at(&stage, "physiotraq", OPERATOR).await?;
    let page = person.get("/account/data/erasure").await?.text().await?;
    assert!(!page.contains("CPP") && !page.contains("obligation légale"), "an inquiry is not given away: {page}");
    assert_eq!(place(&operator, hold(true, &account)).await?, 303);
    let page = person.get("/account/data/erasure").await?.text().await?;
    assert!(
        page.contains("CPP art. 60-1") && !page.contains("tribunal"),
        "the basis, not the operators' words: {page}"
    );

    assert_eq!(asked(&stage, OPERATOR).await?.status(), 303);
    night(&stage, "privacy.erasures", erasing(31)).await?;
    assert_eq!(name(&mut admin, licence.operator.account.0).await?, "Paul Essai");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.erasures WHERE waits_for = 'hold'").await?, 1);
    run(&mut admin, "UPDATE socle.legal_holds SET lifted_at = placed_at, lifted_by = placed_by").await?;
    night(&stage, "privacy.erasures", erasing(32)).await?;
    assert_eq!(name(&mut admin, licence.operator.account.0).await?, "Utilisateur supprimé");
    let audited = "SELECT count(*) FROM socle.audit_log WHERE action = 'hold.placed'";
    assert_eq!(count(&mut admin, audited).await?, 2);
    Ok(())
}

/// Somebody who runs the platform, with the second factor that it asks for.
async fn operator(stage: &Stage) -> Result<Visitor> {
    let email = "olga@socle.test";
    stage.platform.operator((email, PASSWORD.into()), ("Olga", "Essai")).await?;
    let operator = Visitor::at(stage, "platform", email).await?;
    let proved = "UPDATE socle.sessions s SET second_factor_at = s.created_at FROM socle.accounts a
                  WHERE a.id = s.account_id AND a.realm = 'platform';
                  UPDATE socle.accounts SET second_factor_since = created_at WHERE realm = 'platform'";
    run(&mut stage.database.admin().await?, proved).await?;
    Ok(operator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_the_journal_erases_again_and_twice_is_once() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let account = licence.operator.account.0;
    let mut admin = stage.database.admin().await?;
    assert_eq!(asked(&stage, OPERATOR).await?.status(), 303);
    night(&stage, "privacy.erasures", erasing(31)).await?;
    until(&mut admin, "SELECT count(*) FROM socle.erasures WHERE journaled_at IS NOT NULL", 1).await?;
    let entry = stage.database.folder().join(format!("erasures/physiotraq/{account}.json"));
    let entry = std::fs::read_to_string(entry)?;
    assert!(entry.contains(&account.to_string()) && !entry.contains("Paul") && !entry.contains("test.fr"), "{entry}");
    assert!(erasure::missing(stage.product.app()).await?.is_empty());

    // The database of the day before: the erasure is not in it, the person is.
    let restored = format!(
        "DELETE FROM socle.erasures;
         UPDATE socle.accounts SET status = 'active', email = '{OPERATOR}', password_hash = 'x' WHERE id = '{account}';
         UPDATE socle.memberships SET ended_at = NULL WHERE account_id = '{account}';
         UPDATE physiotraq.users SET first_name = 'Paul', last_name = 'Essai' WHERE id = '{account}'"
    );
    run(&mut admin, &restored).await?;
    let missing = erasure::missing(stage.product.app()).await?;
    assert_eq!(missing.iter().map(|entry| entry.account.0).collect::<Vec<_>>(), [account]);
    let page = operator(&stage).await?.get("/holds").await?.text().await?;
    assert!(page.contains("socle admin privacy replay"), "operators are told: {page}");

    let products = products(&stage);
    assert_eq!(erasure::replay(stage.product.app(), &products).await?, 1);
    assert_eq!(name(&mut admin, account).await?, "Utilisateur supprimé");
    assert_eq!(erasure::replay(stage.product.app(), &products).await?, 0, "twice is once");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.accounts WHERE status = 'deleted'").await?, 1);
    Ok(())
}
