//! Networks that members are let in from: at sign-in, at every request, on open live streams.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::Stage;

use super::{At, HOME, PASSWORD, SIGN_IN, behind_a_proxy, events, refusal};

const NETWORK: &str = "/physiotraq/admin/network";
const ME: &str = "/physiotraq/api/v1/auth/me";
const OPERATOR: &str = "operator1@test.fr";

/// The clinic's own network, and somewhere else.
const HERE: &str = "10.1.0.5";
const ELSEWHERE: &str = "198.51.100.7";

async fn people(stage: &Stage) -> Result<(At, At)> {
    let here = At::new(stage, HERE)?;
    Ok((here.signed_in("owner1@test.fr").await?, here.signed_in(OPERATOR).await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licence_lets_its_people_in_from_its_networks_only() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let (owner, operator) = people(&stage).await?;
    let (token, refresh) = operator.tokens(OPERATOR).await?;
    let away = At { address: ELSEWHERE.to_owned(), ..operator.clone() };
    assert_eq!(away.page(HOME).await?.status(), 200);
    let answer = owner.post(NETWORK, &[("networks", "10.1.0.0/16\n2001:db8::/32")]).await?;
    assert_eq!(answer.status(), 303);
    // Cookie and bearer, from the next request on; not who is where they may be.
    let page = away.page(HOME).await?;
    assert_eq!(page.status(), 403);
    ensure!(page.text().await?.contains("Réseau non autorisé"));
    assert_eq!(refusal(away.bearer(ME, &token).await?).await?, (403, "AUTHZ_NETWORK".to_owned()));
    let body = json!({ "refreshToken": refresh });
    let renewed = away.json("/physiotraq/api/v1/auth/refresh", &body).await?;
    assert_eq!(refusal(renewed).await?, (403, "AUTHZ_NETWORK".to_owned()));
    assert_eq!(operator.page(HOME).await?.status(), 200);
    assert_eq!(operator.bearer(ME, &token).await?.status(), 200);
    // At sign-in, once the password has fitted; a wrong one learns nothing.
    let answer = away.with("").tries(OPERATOR, PASSWORD).await?;
    assert_eq!(answer.status(), 403);
    ensure!(answer.text().await?.contains("depuis ce réseau"));
    assert_eq!(away.with("").tries(OPERATOR, "not the password").await?.status(), 401);
    let body = json!({ "email": OPERATOR, "password": PASSWORD });
    let refused = refusal(away.json("/physiotraq/api/v1/auth/login", &body).await?).await?;
    assert_eq!(refused, (403, "AUTHZ_NETWORK".to_owned()));
    // The sign-in page itself is for everybody, and the event is written once for all of this.
    assert_eq!(away.page(SIGN_IN).await?.status(), 200);
    assert_eq!(events(&stage, "NETWORK_REFUSED").await?, 1);
    assert_eq!(owner.post(NETWORK, &[("networks", "")]).await?.status(), 303);
    assert_eq!(away.page(HOME).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_has_a_list_of_their_own() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let (owner, operator) = people(&stage).await?;
    let of_operator = format!("{NETWORK}/{}", licence.operator.account);
    assert_eq!(owner.post(&of_operator, &[("networks", "192.0.2.7")]).await?.status(), 303);
    assert_eq!(operator.page(HOME).await?.status(), 403);
    assert_eq!(At { address: "192.0.2.7".to_owned(), ..operator }.page(HOME).await?.status(), 200);
    assert_eq!(owner.page(HOME).await?.status(), 200);
    let page = owner.page(NETWORK).await?.text().await?;
    ensure!(page.contains("192.0.2.7/32") && page.contains(HERE), "the list, and one's own address");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_locks_themselves_out_and_a_bad_list_says_what_is_wrong() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let (owner, _) = people(&stage).await?;
    let own = format!("{NETWORK}/{}", licence.owner.account);
    for (path, list, said) in [
        (NETWORK, "192.0.2.0/24", "Votre propre adresse"),
        (own.as_str(), "192.0.2.0/24", "Votre propre adresse"),
        (NETWORK, "10.1.0.0/16, clinic", "« clinic »"),
        (NETWORK, "10.1.0.0/64", "« 10.1.0.0/64 »"),
    ] {
        let answer = owner.post(path, &[("networks", list)]).await?;
        assert_eq!(answer.status(), 422, "{path} {list}");
        let page = answer.text().await?;
        ensure!(page.contains(said) && page.contains("id=\"error-summary\""), "{list}: {page}");
        ensure!(page.contains(list), "what was typed is kept");
    }
    assert_eq!(owner.page(HOME).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_changes_lists_of_their_own_licence_and_each_change_is_audited() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let other = stage.licence().await?;
    let (owner, operator) = people(&stage).await?;
    for path in [NETWORK.to_owned(), format!("{NETWORK}/{}", licence.operator.account)] {
        assert_eq!(operator.post(&path, &[("networks", "")]).await?.status(), 403);
    }
    let of_other = format!("{NETWORK}/{}", other.operator.account);
    assert_eq!(owner.post(&of_other, &[("networks", HERE)]).await?.status(), 404);
    assert_eq!(owner.post(NETWORK, &[("networks", "10.1.0.0/16")]).await?.status(), 303);
    let mut admin = stage.database.admin().await?;
    let rows: Vec<(String, serde_json::Value)> = sqlx::query_as(
        "SELECT resource_type, details FROM socle.audit_log WHERE action = 'networks.restricted' AND tenant_id = $1",
    )
    .bind(licence.id.0)
    .fetch_all(&mut admin)
    .await?;
    assert_eq!(rows, [("Tenant".to_owned(), json!({ "networks": ["10.1.0.0/16"] }))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_live_stream_ends_within_five_seconds() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let (owner, _) = people(&stage).await?;
    // The stage's own operator signed in without a proxy: from 127.0.0.1.
    let path = format!("/physiotraq/live?topic=device:{}", licence.device.id);
    let mut stream = licence.operator.get_json(&path).await?;
    assert_eq!(stream.status(), 200);
    assert_eq!(owner.post(NETWORK, &[("networks", "10.1.0.0/16")]).await?.status(), 303);
    let (since, mut read) = (Instant::now(), String::new());
    while let Some(bytes) = tokio::time::timeout(Duration::from_secs(8), stream.chunk()).await?? {
        read.push_str(&String::from_utf8_lossy(&bytes));
    }
    ensure!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    ensure!(read.contains("event: end") || read.contains("event:end"), "{read}");
    Ok(())
}
