//! A secret of one purpose is worth nothing at the door of another: each kind is tried at each door.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use reqwest::Method;
use reqwest::header::{ACCEPT, COOKIE};
use serde_json::json;
use socle::db::Who;
use socle::identity::challenges::{self, Purpose};
use socle::web::Product;
use testkit::{Stage, trial};

use super::{ANNA, BERT, Pair, Program, SESSION, STEP, Scene, json_of};

/// What the doors open for, and what is at each of them.
const DOORS: [(&str, &str); 9] = [
    ("session cookie", "cookie"),
    ("bearer", "access"),
    ("access cookie", "access"),
    ("refresh", "refresh"),
    ("refresh cookie", "refresh"),
    ("choice, page", "step"),
    ("choice, program", "step"),
    ("invitation", "invitation"),
    ("device", "credential"),
];

/// Secrets of every kind, all of them good at this moment.
async fn secrets(scene: &Scene, licence: &testkit::Licence) -> Result<Vec<(&'static str, String)>> {
    let program = scene.program();
    let browser = scene.signed_in(ANNA).await?;
    let Pair { access, refresh } = program.sign_in(ANNA).await?;
    // Bert has three sessions already: his next sign-in waits.
    for _ in 0..3 {
        program.sign_in(BERT).await?;
    }
    let step = json_of(program.login(BERT).await?, 202).await?["challengeToken"].as_str().context("none")?.to_owned();
    let mut all = vec![
        ("cookie", browser.cookie(SESSION).to_owned()),
        ("access", access),
        ("refresh", refresh),
        ("step", step),
        ("known device", browser.device().context("no device")?.1),
        ("credential", licence.device.seeded.credential.clone()),
        ("claim", licence.device.seeded.secret.clone()),
    ];
    let mut tx = scene.acting(Who::Account(scene.anna, None)).begin().await?;
    for (name, purpose) in [
        ("reset", Purpose::ResetPassword),
        ("address", Purpose::VerifyEmail),
        ("phone", Purpose::VerifyPhone),
        ("new address", Purpose::ChangeEmail),
        ("new passkey", Purpose::NewPasskey),
        ("passkey", Purpose::Passkey),
    ] {
        let new = challenges::New { purpose, lifetime: TimeDelta::hours(1), payload: json!({}), sealed: None };
        let realm = &trial::BRANDING.realm;
        let issued = challenges::issue(scene.stage.trial.app(), &mut tx, realm, scene.anna, new).await?;
        all.push((name, issued.secret));
    }
    tx.commit().await?;
    all.push(("invitation", invitation(&scene.stage, licence).await?));
    Ok(all)
}

/// The secret in the link of an invitation.
async fn invitation(stage: &Stage, licence: &testkit::Licence) -> Result<String> {
    let fields = [("email", "invited@test.fr"), ("first_name", ""), ("last_name", "")];
    assert_eq!(licence.owner.post("/physiotraq/admin/team", &fields).await?.status(), 303);
    let mailbox = stage.product.app().mail.mailbox().context("no mailbox")?.clone();
    let started = std::time::Instant::now();
    loop {
        let text = mailbox.all().into_iter().find_map(|kept| {
            let rest = kept.letter.text.split_once("invitation?token=")?.1.to_owned();
            rest.split_whitespace().next().map(ToOwned::to_owned)
        });
        if let Some(secret) = text {
            return Ok(secret);
        }
        anyhow::ensure!(started.elapsed() < crate::jobs::SOON, "no mail came");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Whether a door opens for a secret.
async fn opens(stage: &Stage, program: &Program, door: &str, secret: &str) -> Result<bool> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let trial = format!("{}/trial", stage.url());
    let get = |path: &str| http.get(format!("{trial}{path}")).header(ACCEPT, "text/html");
    let post = |path: &str| http.post(format!("{trial}/api/v1{path}"));
    let of = |name: &str| format!("{SESSION}{name}={secret}");
    let request = match door {
        "session cookie" => get("/app").header(COOKIE, of("")),
        "bearer" => get("/app").bearer_auth(secret),
        "access cookie" => get("/app").header(COOKIE, of("-access")),
        "refresh" => post("/auth/refresh").json(&json!({ "refreshToken": secret })),
        "refresh cookie" => post("/auth/refresh").header(COOKIE, of("-refresh")).json(&json!({})),
        "choice, page" => get("/sign_in/sessions").header(COOKIE, format!("{STEP}={secret}")),
        "choice, program" => {
            return Ok(program.call(Method::GET, "/auth/sessions/replace", secret).await?.status() == 200);
        }
        "invitation" => {
            http.get(format!("{}/physiotraq/invitation?token={secret}", stage.url())).header(ACCEPT, "text/html")
        }
        _ => http
            .post(format!("{}/physiotraq/api/v1/devices/heartbeat", stage.url()))
            .bearer_auth(secret)
            .json(&json!({})),
    };
    Ok(request.send().await?.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_secret_opens_its_own_doors_and_no_other() -> Result<()> {
    let scene = Scene::new().await?;
    let licence = scene.stage.licence().await?;
    let secrets = secrets(&scene, &licence).await?;
    let program = scene.program();
    let mut opened = 0;
    for (kind, secret) in &secrets {
        for (door, wanted) in DOORS {
            let opens = opens(&scene.stage, &program, door, secret).await?;
            assert_eq!(opens, *kind == wanted, "{kind} at {door}");
            opened += usize::from(opens);
        }
    }
    assert_eq!((secrets.len(), opened), (14, DOORS.len()), "every door was to open for one kind");
    Ok(())
}
