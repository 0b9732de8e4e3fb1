//! From outside an address with an account is not told from one without, nor a suspended one, nor one that waits for its
//! verification: bodies, headers, and a rough class of time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::Response;
use serde_json::{Value, json};

use super::{OTHER, PASSWORD, Scene, token_in};

/// What an address is; each has the same length.
const ADDRESSES: [(&str, &str); 4] = [
    ("known", "aaaaa@exemple.fr"),
    ("unknown", "bbbbb@exemple.fr"),
    ("suspended", "ccccc@exemple.fr"),
    ("unverified", "ddddd@exemple.fr"),
];
/// Tries of each, one after the other in turn, so that a busy machine is busy for all.
const ROUNDS: usize = 9;
/// Medians further apart than this tell something.
const FACTOR: f64 = 2.5;
/// Below this a difference is the machine's.
const FLOOR: Duration = Duration::from_millis(15);

async fn scene() -> Result<Scene> {
    let mut scene = Scene::new().await?;
    for (what, email) in ADDRESSES {
        let status = match what {
            "unknown" => continue,
            "suspended" => "suspended",
            "unverified" => "pending_verification",
            _ => "active",
        };
        let account = scene.member(email).await?;
        scene.execute(&format!("UPDATE socle.accounts SET status = '{status}' WHERE id = '{account}'")).await?;
    }
    Ok(scene)
}

/// Status, headers and body, without what is another in every answer, and with the address taken out.
async fn face(answer: Response, email: &str) -> Result<String> {
    let status = answer.status();
    // How many calls are left says how many were made, by whoever asks.
    let same = |name: &str| !matches!(name, "date" | "x-request-id" | "content-length" | "x-ratelimit-remaining");
    let headers: BTreeMap<String, String> = (answer.headers().iter())
        .filter(|(name, _)| same(name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let mut body = answer.text().await?.replace(email, "ADDRESS");
    if let Ok(mut json) = serde_json::from_str::<Value>(&body) {
        if let Some(error) = json.get_mut("error").and_then(Value::as_object_mut) {
            error.remove("requestId");
            error.remove("timestamp");
        }
        body = json.to_string();
    }
    Ok(format!("{status} {headers:?} {body}"))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Asks for every address in turn and compares all there is to see.
async fn alike<F>(scene: &Scene, what: &str, ask: F) -> Result<()>
where
    F: AsyncFn(&Scene, &str) -> Result<Response>,
{
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut faces: BTreeMap<&str, String> = BTreeMap::new();
    for round in 0..ROUNDS {
        for (kind, email) in ADDRESSES {
            let started = Instant::now();
            let answer = ask(scene, email).await?;
            let took = started.elapsed();
            // The first round warms pools and plans up.
            if round > 0 {
                times.entry(kind).or_default().push(took);
            }
            faces.insert(kind, face(answer, email).await?);
        }
    }
    let unknown = faces.get("unknown").context("not asked")?.clone();
    for (kind, face) in &faces {
        assert_eq!(*face, unknown, "{what}: {kind}");
    }
    let medians: BTreeMap<&str, Duration> = times.iter_mut().map(|(kind, times)| (*kind, median(times))).collect();
    let (least, most) = (medians.values().min().context("none")?, medians.values().max().context("none")?);
    let apart = most.saturating_sub(*least);
    assert!(apart < FLOOR || most.as_secs_f64() < least.as_secs_f64() * FACTOR, "{what}: {medians:?}");
    Ok(())
}

/// The right password, where there is one: what is suspended or unverified must not say that it fits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in() -> Result<()> {
    let mut scene = scene().await?;
    scene.execute("UPDATE socle.accounts SET password_hash = NULL WHERE email = 'aaaaa@exemple.fr'").await?;
    alike(&scene, "JSON", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await
    })
    .await?;
    alike(&scene, "form", async |scene: &Scene, email: &str| {
        scene.nobody()?.post("/trial/sign_in", &[("email", email), ("password", PASSWORD)]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password() -> Result<()> {
    let scene = scene().await?;
    alike(&scene, "JSON", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/login", &json!({ "email": email, "password": OTHER })).await
    })
    .await?;
    let endless = "x".repeat(100_000);
    alike(&scene, "longer than a password", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/login", &json!({ "email": email, "password": endless })).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password() -> Result<()> {
    let scene = scene().await?;
    alike(&scene, "JSON", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/password/reset-request", &json!({ "email": email })).await
    })
    .await?;
    alike(&scene, "form", async |scene: &Scene, email: &str| {
        scene.nobody()?.post("/trial/password/forgot", &[("email", email)]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registering_and_verifying() -> Result<()> {
    let mut scene = scene().await?;
    alike(&scene, "registration", async |scene: &Scene, email: &str| {
        let given = json!({ "email": email, "password": OTHER, "acceptTerms": true });
        scene.nobody()?.send("/trial/api/v1/auth/register", &given).await
    })
    .await?;
    scene.settled().await?;
    scene.execute("UPDATE socle.accounts SET status = 'deleted' WHERE email = 'bbbbb@exemple.fr'").await?;
    alike(&scene, "the form", async |scene: &Scene, email: &str| {
        let fields = [("email", email), ("password", OTHER), ("acceptTerms", "on")];
        scene.nobody()?.post("/trial/register", &fields).await
    })
    .await?;
    alike(&scene, "a wrong code", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/verify-email", &json!({ "email": email, "code": "000000" })).await
    })
    .await?;
    alike(&scene, "once more", async |scene: &Scene, email: &str| {
        scene.nobody()?.send("/trial/api/v1/auth/verify-email/resend", &json!({ "email": email })).await
    })
    .await
}

/// Who invites learns of their own members alone; who is invited and has an account is not told how it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inviting() -> Result<()> {
    let mut scene = Scene::new().await?;
    let (own, other) = (scene.stage.licence().await?, scene.stage.licence().await?);
    drop(other);
    scene.execute("UPDATE socle.accounts SET status = 'suspended' WHERE email = 'operator2@test.fr'").await?;
    let mut faces = Vec::new();
    for email in ["owner2@test.fr", "operator2@test.fr", "nobody2@test.fr"] {
        let fields = [("email", email), ("first_name", ""), ("last_name", "")];
        faces.push(face(own.owner.post("/physiotraq/admin/team", &fields).await?, email).await?);
    }
    assert_eq!(faces[0], faces[2]);
    assert_eq!(faces[1], faces[2]);
    // The suspended one's right password is a wrong one.
    let path = "/physiotraq/invitation";
    let mut refused = Vec::new();
    for (email, password) in
        [("owner2@test.fr", "not the password"), ("operator2@test.fr", "une phrase de passe pour les tests")]
    {
        let token = token_in(&scene.mail(email, "invite").await?, path)?;
        let fields = [("token", &*token), ("first_name", "A"), ("last_name", "B"), ("password", password)];
        let shown = face(scene.nobody()?.post(path, &fields).await?, email).await?;
        refused.push(shown.replace(&token, "TOKEN"));
    }
    assert_eq!(refused[0], refused[1]);
    Ok(())
}
