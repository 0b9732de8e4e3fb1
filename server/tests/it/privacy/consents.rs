//! Consents: given, given once, in a later version, withdrawn; what needs one is refused without it.

use reqwest::Method;
use serde_json::json;
use socle::tokens;
use testkit::trial;
use tokio::task::JoinSet;

use super::*;

const EMAIL: &str = "jeanne@test.fr";
const FRENCH: &str = "J’accepte que mes données de santé soient enregistrées pour suivre mon état.";

async fn patient(stage: &Stage) -> Result<Visitor> {
    stage.trial.member(trial::TENANT, (EMAIL, PASSWORD), "PATIENT").await?;
    Visitor::at(stage, "trial", EMAIL).await
}

async fn mood(visitor: &Visitor) -> Result<(u16, Value)> {
    visitor.call(Method::POST, "/api/v1/moods", None).await
}

fn agreement(kind: &str, version: &str) -> Option<Value> {
    Some(json!({ "consentType": kind, "version": version, "language": "fr" }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_acts_on_the_next_request_and_deletes_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    let (patient, mut admin) = (patient(&stage).await?, stage.database.admin().await?);
    let (status, refused) = mood(&patient).await?;
    assert_eq!((status, refused["error"]["code"].as_str()), (403, Some("AUTHZ_CONSENT")));
    assert!(refused["error"]["message"].as_str().unwrap().contains("me/consents"), "it says what to do: {refused}");

    let page = patient.get("/account/data/consents").await?.text().await?;
    assert_eq!(page.matches("type=\"checkbox\"").count(), 3, "one box per purpose");
    assert!(!page.contains("checked"), "none is ticked beforehand");
    assert!(page.contains(FRENCH) && page.contains("/account/data/consents/HEALTH_DATA"), "{page}");
    let unticked = patient.post("/account/data/consents/HEALTH_DATA", &[("version", "1.2.0")]).await?;
    assert_eq!(unticked.status(), 422, "an empty box is no consent");
    assert_eq!(mood(&patient).await?.0, 403);

    let ticked = [("version", "1.2.0"), ("agree", "on")];
    assert_eq!(patient.post("/account/data/consents/HEALTH_DATA", &ticked).await?.status(), 303);
    assert_eq!(mood(&patient).await?.0, 200);
    let page = patient.get("/account/data/consents").await?.text().await?;
    assert!(page.contains("consents/HEALTH_DATA/withdraw"), "one button, like giving: {page}");
    assert_eq!(patient.post("/account/data/consents/HEALTH_DATA/withdraw", &[]).await?.status(), 303);
    assert_eq!(mood(&patient).await?.0, 403, "the very next request");

    assert_eq!(patient.call(Method::POST, "/api/v1/me/consents", agreement("HEALTH_DATA", "1.2.0")).await?.0, 204);
    assert_eq!(mood(&patient).await?.0, 200);
    let kept: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "SELECT text_hash, channel, withdrawn_at IS NOT NULL, ip_address IS NOT NULL FROM socle.consents
         ORDER BY withdrawn_at IS NULL",
    )
    .fetch_all(&mut admin)
    .await?;
    let hash: String = tokens::hash(FRENCH).iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [(hash.clone(), "page".to_owned(), true, true), (hash, "api".to_owned(), false, true)];
    assert_eq!(kept, expected, "both records, with the hash of the text that was shown");
    let trail = "SELECT count(*) FROM socle.audit_log WHERE action IN ('consent.given', 'consent.withdrawn')";
    assert_eq!(count(&mut admin, trail).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_twenty_times_at_once_it_is_one_consent() -> Result<()> {
    let stage = Stage::new().await?;
    let (patient, mut admin) = (std::sync::Arc::new(patient(&stage).await?), stage.database.admin().await?);
    let mut giving = JoinSet::new();
    for _ in 0..20 {
        let patient = std::sync::Arc::clone(&patient);
        let body = agreement("MARKETING", "1.0.0");
        giving.spawn(async move { patient.call(Method::POST, "/api/v1/me/consents", body).await });
    }
    while let Some(one) = giving.join_next().await {
        assert_eq!(one??.0, 204);
    }
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.consents").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_major_version_asks_again_and_closes_the_old_one_and_a_smaller_change_does_not() -> Result<()> {
    let stage = Stage::new().await?;
    let (patient, mut admin) = (patient(&stage).await?, stage.database.admin().await?);
    assert_eq!(patient.call(Method::POST, "/api/v1/me/consents", agreement("HEALTH_DATA", "1.2.0")).await?.0, 204);
    run(&mut admin, "UPDATE socle.consents SET version = '1.0.0'").await?;
    assert_eq!(mood(&patient).await?.0, 200, "1.0.0 holds under 1.2.0");
    run(&mut admin, "UPDATE socle.consents SET version = '0.9.0'").await?;
    assert_eq!(mood(&patient).await?.0, 403, "0.9.0 does not");
    let page = patient.get("/account/data/consents").await?.text().await?;
    assert!(page.contains("Le texte a changé depuis votre accord"), "{page}");
    let old = patient.call(Method::POST, "/api/v1/me/consents", agreement("HEALTH_DATA", "0.9.0")).await?;
    assert_eq!((old.0, old.1["error"]["code"].as_str()), (409, Some("BIZ_CONSENT_TEXT")), "not the text shown now");
    assert_eq!(patient.call(Method::POST, "/api/v1/me/consents", agreement("HEALTH_DATA", "1.2.0")).await?.0, 204);
    assert_eq!(mood(&patient).await?.0, 200);
    let closed = "SELECT count(*) FROM socle.consents WHERE version = '0.9.0' AND closed_at IS NOT NULL";
    assert_eq!(count(&mut admin, closed).await?, 1);
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.consents").await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_cannot_be_withdrawn_and_what_is_not_asked_for_cannot_be_given() -> Result<()> {
    let stage = Stage::new().await?;
    let patient = patient(&stage).await?;
    let give =
        |kind: &'static str, version| patient.call(Method::POST, "/api/v1/me/consents", agreement(kind, version));
    assert_eq!(give("TERMS_OF_SERVICE", "2.0.0").await?.0, 204);
    let terms = patient.call(Method::DELETE, "/api/v1/me/consents/TERMS_OF_SERVICE", None).await?;
    assert_eq!((terms.0, terms.1["error"]["code"].as_str()), (422, Some("BIZ_CONSENT_REQUIRED")));
    assert_eq!(give("BIOMETRY", "1.0.0").await?.0, 404);
    assert_eq!(patient.call(Method::DELETE, "/api/v1/me/consents/MARKETING", None).await?.0, 404, "never given");
    let wrong = Some(json!({ "consentType": "MARKETING", "version": "1.0.0", "language": "de" }));
    assert_eq!(patient.call(Method::POST, "/api/v1/me/consents", wrong).await?.0, 400);

    let (_, list) = patient.call(Method::GET, "/api/v1/me/consents", None).await?;
    let asked: Vec<(&str, bool)> = list["asked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| (text["consentType"].as_str().unwrap(), text["given"].as_bool().unwrap()))
        .collect();
    assert_eq!(asked, [("HEALTH_DATA", false), ("MARKETING", false), ("TERMS_OF_SERVICE", true)]);
    stage.trial.member(trial::TENANT, ("paul@test.fr", PASSWORD), "PATIENT").await?;
    let other = Visitor::at(&stage, "trial", "paul@test.fr").await?;
    let (_, list) = other.call(Method::GET, "/api/v1/me/consents", None).await?;
    assert_eq!(list["data"], json!([]), "nobody sees another's");
    Ok(())
}
