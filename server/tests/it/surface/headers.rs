//! Every answer, whoever makes it, carries the same guards.

use std::collections::BTreeSet;

use anyhow::Result;
use reqwest::Response;
use reqwest::header::{ACCEPT, COOKIE};
use socle::clock::Clock;
use testkit::{Stage, start_of_tests};

use crate::unauthorised::calls::Call;
use crate::unauthorised::scene;

/// Header and what must be in it.
const GUARDS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", "default-src 'none'"),
    ("content-security-policy", "frame-ancestors 'none'"),
];
/// What no policy of ours may say.
const NEVER: [&str; 4] = ["unsafe-inline", "unsafe-eval", "http:", "*"];

fn faults(headers: &str, of: &str) -> Vec<String> {
    let value = |name: &str| {
        let prefix = format!("{name}: ");
        headers.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
    };
    let missing = GUARDS.iter().filter(|(name, part)| !value(name).contains(part));
    let mut faults: Vec<String> = missing.map(|(name, part)| format!("{of}: {name} without {part}")).collect();
    let policy = value("content-security-policy");
    faults.extend(NEVER.iter().filter(|word| policy.contains(*word)).map(|word| format!("{of}: {policy} has {word}")));
    let cached = value("cache-control");
    if !cached.contains("no-store") {
        faults.push(format!("{of}: cache-control is {cached:?}"));
    }
    faults
}

/// `name: value` per line.
fn lines(answer: &Response) -> String {
    let line = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap_or_default())
    };
    answer.headers().iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_every_product_answers_with_the_guards_to_strangers_and_insiders() -> Result<()> {
    let scene = scene::scene().await?;
    let mut found = Vec::new();
    let mut statuses = BTreeSet::new();
    for mounted in scene.mounted() {
        for caller in [scene::Caller::default(), scene.insider(&mounted)] {
            for route in &mounted.routes {
                if !crate::unauthorised::calls::may_be_called(route) {
                    continue;
                }
                let call = Call::new(mounted.base, route, &scene.objects(&mounted));
                let told = call.by(&scene.http, &scene.url, &caller).await?;
                statuses.insert(told.status);
                let of = format!("{} {} as {:?}", route.method.name(), call.path, caller.name);
                found.extend(faults(&told.lines, &of));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(statuses.len() >= 5, "pages, refusals and redirects were to be among them: {statuses:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_no_product_answers_with_the_guards_too() -> Result<()> {
    let stage = Stage::new().await?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    for path in
        ["/", "/nowhere", "/health", "/health/ready", "/assets/nothing.css", "/physiotraq/nowhere", "/physiotraq"]
    {
        let answer = http.get(format!("{}{path}", stage.url())).header(ACCEPT, "text/html").send().await?;
        assert!(!answer.headers().contains_key("strict-transport-security"), "{path}: not over http");
        let found = faults(&lines(&answer), path);
        assert!(found.is_empty(), "{found:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reached_over_https_every_answer_says_that_it_stays_so() -> Result<()> {
    let https = |hsts: Option<&'static str>| {
        Stage::with(Clock::settable(start_of_tests()), move |config| {
            config.http.public_url = Some("https://socle.example".to_owned());
            config.http.hsts = hsts.map(ToOwned::to_owned);
        })
    };
    let stage = https(None).await?;
    for path in ["/", "/health", "/physiotraq/sign_in", "/physiotraq/api/v1/devices", "/assets/x", "/trial/nowhere"] {
        let answer = reqwest::get(format!("{}{path}", stage.url())).await?;
        let said = answer.headers().get("strict-transport-security").and_then(|value| value.to_str().ok());
        assert_eq!(said, Some("max-age=63072000; includeSubDomains; preload"), "{path}");
    }
    for (setting, said) in [("max-age=600", Some("max-age=600")), ("", None)] {
        let stage = https(Some(setting)).await?;
        let answer = reqwest::get(format!("{}/health", stage.url())).await?;
        let header = answer.headers().get("strict-transport-security").and_then(|value| value.to_str().ok());
        assert_eq!(header, said);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_tells_the_browser_to_forget_on_the_page_and_in_the_api() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let forget = "\"cache\", \"storage\"";
    let out = licence.owner.post("/physiotraq/sign_out", &[]).await?;
    assert_eq!(out.headers()["clear-site-data"], forget);
    let url = format!("{}/physiotraq/api/v1/auth/logout", stage.url());
    let out = reqwest::Client::new().post(url).header(COOKIE, licence.operator.cookie()).send().await?;
    assert_eq!((out.status().as_u16(), out.headers()["clear-site-data"].to_str()?), (204, forget));
    Ok(())
}
