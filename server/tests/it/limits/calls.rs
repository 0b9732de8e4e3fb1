//! Calls of programs: counted per account over every server; pages and cookie sessions cost nothing.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use reqwest::Response;
use serde_json::{Value, json};
use socle::limits::Group;
use socle::web::openapi::{self, Words};
use socle::web::{Access, Kind, Product, Route};
use testkit::{Stage, trial};

use super::{At, HOME, behind_a_proxy, events, refusal, wait};

const ME: &str = "/physiotraq/api/v1/auth/me";
const DEVICES: &str = "/physiotraq/api/v1/devices";

/// Limit, remaining, reset.
fn standing(answer: &Response) -> Result<[i64; 3]> {
    let figure = |name: &str| {
        let value = answer.headers().get(name).with_context(|| name.to_owned())?;
        anyhow::Ok(value.to_str()?.parse()?)
    };
    Ok([figure("x-ratelimit-limit")?, figure("x-ratelimit-remaining")?, figure("x-ratelimit-reset")?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_counts_down_and_is_refused_until_the_next_window() -> Result<()> {
    let stage = behind_a_proxy(|config| config.limits.calls = 12).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    let (token, _) = at.tokens("owner1@test.fr").await?;
    stage.clock.advance(TimeDelta::seconds(20));
    let reset = (stage.clock.now() + TimeDelta::seconds(40)).timestamp();
    for left in (0..12).rev() {
        let answer = at.bearer(ME, &token).await?;
        assert_eq!(answer.status(), 200);
        assert_eq!(standing(&answer)?, [12, left, reset]);
    }
    for _ in 0..2 {
        let answer = at.bearer(DEVICES, &token).await?;
        assert_eq!((standing(&answer)?, wait(&answer)), ([12, 0, reset], Some(40)));
        assert_eq!(refusal(answer).await?, (429, "RATE_LIMITED".to_owned()));
    }
    assert_eq!(events(&stage, "RATE_LIMITED").await?, 1, "told once for a window");
    // Somebody else's program, and the next minute.
    let (other, _) = at.tokens("operator1@test.fr").await?;
    assert_eq!(at.bearer(ME, &other).await?.status(), 200);
    stage.clock.advance(TimeDelta::seconds(40));
    assert_eq!(at.bearer(ME, &token).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_cookie_sessions_and_devices_are_not_counted() -> Result<()> {
    let stage = behind_a_proxy(|config| config.limits.calls = 1).await?;
    let licence = stage.licence().await?;
    for _ in 0..3 {
        for answer in [licence.owner.get(HOME).await?, licence.owner.get_json(DEVICES).await?] {
            assert_eq!(answer.status(), 200);
            ensure!(standing(&answer).is_err(), "a cookie session has no limit to show");
        }
        licence.device.measure(stage.clock.now(), 37.5).await?;
        stage.clock.advance(TimeDelta::seconds(1));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_two_servers_are_called_together_they_give_the_limit_and_no_more() -> Result<()> {
    let first = behind_a_proxy(|config| config.limits.calls = 37).await?;
    first.licence().await?;
    let second = Stage::over(first.database.clone(), first.clock.clone(), |config| config.limits.calls = 37).await?;
    let at = At::new(&first, "198.51.100.1")?;
    let (token, _) = at.tokens("owner1@test.fr").await?;
    let servers = [at.clone(), at.to(&second)];
    let all = (0..100).map(|number| servers[number % 2].bearer(ME, &token));
    let mut taken = 0;
    for answer in futures_util::future::join_all(all).await {
        let answer = answer?;
        ensure!([200, 429].contains(&answer.status().as_u16()), "{}", answer.status());
        taken += usize::from(answer.status() == 200);
    }
    assert_eq!(taken, 37);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_doors_of_the_api_are_counted_per_address() -> Result<()> {
    let stage = behind_a_proxy(|config| config.limits.auth_per_address = 4).await?;
    let refresh = |at: At| async move {
        let body = json!({ "refreshToken": "nobody's" });
        anyhow::Ok(at.json("/physiotraq/api/v1/auth/refresh", &body).await?.status().as_u16())
    };
    let at = At::new(&stage, "198.51.100.1")?;
    for _ in 0..4 {
        assert_eq!(refresh(at.clone()).await?, 401);
    }
    assert_eq!(refresh(at).await?, 429);
    assert_eq!(refresh(At::new(&stage, "198.51.100.2")?).await?, 401);
    Ok(())
}

/// What the document says of an operation's answers: the headers of a counted call.
fn says_counted(document: &Value, route: &Route) -> bool {
    let method = route.method.name().to_lowercase();
    let answers = document["paths"][route.path][&method]["responses"].as_object();
    answers.is_some_and(|answers| answers["429"]["headers"]["X-RateLimit-Reset"].is_object())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_open_door_of_signing_in_is_counted_and_its_document_says_so() -> Result<()> {
    let stage = Stage::new().await?;
    // One product is joined by invitation, in the other anybody may register.
    let words = Words { title: "Trial", description: "Signing in.", groups: &[] };
    let documents = [stage.product.api_document(), openapi::with_limits(openapi::frame(&trial::BRANDING, words))];
    let declared =
        [stage.product.clone().routes().declared().to_vec(), stage.trial.clone().routes().declared().to_vec()];
    let mut doors = 0;
    for (routes, document) in declared.into_iter().zip(documents) {
        let document = serde_json::to_value(document)?;
        let open = |route: &&Route| route.kind == Kind::Api && route.access == Access::Public;
        for route in routes.iter().filter(open).filter(|route| route.path.starts_with("/api/v1/auth/")) {
            // The sign-in counts failures.
            let counted = route.path != "/api/v1/auth/login";
            assert_eq!(route.group == Group::Auth, counted, "{}", route.path);
            assert_eq!(says_counted(&document, route), counted, "{}", route.path);
            doors += usize::from(counted);
        }
    }
    assert!(doors > 15, "{doors}");
    Ok(())
}
