//! Signing in and out: what is answered, what the cookie carries, how long a session lives, who may ask for a change.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use testkit::{Person, Stage};

use crate::{answers, behind};

/// Everybody's password on the stage.
const PASSWORD: &str = "une phrase de passe pour les tests";
const SIGN_IN: &str = "/physiotraq/sign_in";
const SIGN_OUT: &str = "/physiotraq/sign_out";
const HOME: &str = "/physiotraq/app";
const PREFERENCES: &str = "/physiotraq/app/profile/preferences";

/// The line that sets the session cookie.
fn session_line(answer: &Response) -> Option<String> {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.map(ToOwned::to_owned).find(|line| line.starts_with("__Host-physiotraq="))
}

/// Asks for another unit with one header more; the status.
async fn ask_with(stage: &Stage, person: &Person, (name, value): (&str, &str)) -> Result<u16> {
    let http = Client::builder().redirect(Policy::none()).build()?;
    let request = http.post(format!("{}{PREFERENCES}", stage.url())).header(COOKIE, person.cookie());
    let answer = request.header(name, value).form(&[("unit", "fahrenheit")]).send().await?;
    Ok(answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_opens_a_session_in_a_host_cookie() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let fields = [("email", "Owner1@Test.fr"), ("password", PASSWORD)];
    let answer = stage.anybody().post(SIGN_IN, &fields).await?;
    assert_eq!(answer.status(), 303);
    assert_eq!(Person::location(&answer), HOME);
    let line = session_line(&answer).unwrap_or_default();
    for flag in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
        assert!(line.contains(flag), "{flag} is missing in {line}");
    }
    assert!(!line.contains("Domain"), "{line}");
    assert!(line.split(';').next().unwrap_or_default().len() > 50, "the value is too short to be random: {line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_an_unknown_address_and_a_suspended_account_are_not_told_apart() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    sqlx::query("UPDATE socle.accounts SET status = 'suspended' WHERE id = $1")
        .bind(licence.operator.account.0)
        .execute(&mut admin)
        .await?;
    let mut pages = Vec::new();
    for (email, password) in
        [("owner1@test.fr", "not the password"), ("nobody@test.fr", PASSWORD), ("operator1@test.fr", PASSWORD)]
    {
        let answer = stage.anybody().post(SIGN_IN, &[("email", email), ("password", password)]).await?;
        assert!(session_line(&answer).is_none(), "{email} got a cookie");
        pages.push(answers::text(answer, 401).await?.replace(email, ""));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert!(pages[0].contains("id=\"sign-in-error\""));
    let refused = "SELECT count(*) FROM socle.audit_log WHERE action = 'session.refused' AND outcome = 'refused'";
    assert_eq!(sqlx::query_scalar::<_, i64>(refused).fetch_one(&mut admin).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_account_loses_its_open_sessions_at_once() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    assert_eq!(licence.operator.get(HOME).await?.status(), 200);
    let mut admin = stage.database.admin().await?;
    sqlx::query("UPDATE socle.accounts SET status = 'suspended' WHERE id = $1")
        .bind(licence.operator.account.0)
        .execute(&mut admin)
        .await?;
    assert_eq!(licence.operator.get(HOME).await?.status(), 303);
    assert_eq!(licence.owner.get(HOME).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_page_leads_to_sign_in_and_from_there_back() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let anybody = stage.anybody();
    let answer = anybody.get("/physiotraq/app/treatments?q=2026&status=completed").await?;
    assert_eq!(answer.status(), 303);
    let next = "%2Fphysiotraq%2Fapp%2Ftreatments%3Fq%3D2026%26status%3Dcompleted";
    assert_eq!(Person::location(&answer), format!("{SIGN_IN}?next={next}"));
    let wanted = "/physiotraq/app/treatments?q=2026&status=completed";
    let fields = [("email", "owner1@test.fr"), ("password", PASSWORD), ("next", wanted)];
    assert_eq!(Person::location(&anybody.post(SIGN_IN, &fields).await?), wanted);
    for page in ["/physiotraq/app", "/physiotraq/app/monitor", "/physiotraq/admin", "/physiotraq/admin/devices"] {
        let answer = anybody.get(page).await?;
        assert_eq!(answer.status(), 303, "{page}");
        assert!(Person::location(&answer).starts_with(SIGN_IN), "{page}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_program_gets_401_in_the_envelope() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let device = licence.device.id;
    for path in [
        format!("/physiotraq/api/v1/devices/{device}"),
        format!("/physiotraq/live?topic=device:{device}"),
        format!("/physiotraq/app/monitor/{device}/curve"),
        "/physiotraq/app/treatments/export".to_owned(),
        "/physiotraq/admin/treatments/export".to_owned(),
    ] {
        let refused = answers::refusal(stage.anybody().get_json(&path).await?).await?;
        assert_eq!(refused, (401, "AUTH_REQUIRED".to_owned()), "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_led_to_another_site() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let elsewhere = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/physiotraq.evil.example/",
        "/physiotraq@evil.example/",
        "/physiotraq/\r\nSet-Cookie: a=b",
        "/physiotraq/\\evil.example",
        "javascript:alert(1)",
        "/",
        "",
    ];
    for next in elsewhere {
        let fields = [("email", "owner1@test.fr"), ("password", PASSWORD), ("next", next)];
        let answer = stage.anybody().post(SIGN_IN, &fields).await?;
        assert_eq!(Person::location(&answer), HOME, "sign-in with next {next:?}");
        let fields = [("lang", "en"), ("back", next)];
        let answer = licence.owner.post("/physiotraq/language", &fields).await?;
        assert_eq!(Person::location(&answer), HOME, "language with back {next:?}");
    }
    for back in ["https://evil.example/", "//evil.example/", "/physiotraq.evil.example/"] {
        let answer = licence.owner.post(PREFERENCES, &[("unit", "celsius"), ("back", back)]).await?;
        assert_eq!(Person::location(&answer), HOME, "preferences with back {back:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_this_session_at_once_and_no_other() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let elsewhere = stage.sign_in("operator1@test.fr").await?;
    let answer = licence.operator.post(SIGN_OUT, &[]).await?;
    assert_eq!(answer.status(), 303);
    assert!(Person::location(&answer).starts_with(SIGN_IN));
    assert!(session_line(&answer).is_some_and(|line| line.contains("Max-Age=0")));
    assert_eq!(licence.operator.get(HOME).await?.status(), 303);
    assert_eq!(licence.operator.get_json("/physiotraq/app/treatments/export").await?.status(), 401);
    assert_eq!(elsewhere.get(HOME).await?.status(), 200);
    assert_eq!(licence.operator.post(SIGN_OUT, &[]).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_another_site_asks_for_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let changed = "SELECT count(*) FROM physiotraq.users WHERE id = $1 AND temperature_unit = 'fahrenheit'";
    let own = stage.url();
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "anything else"),
    ];
    for header in foreign {
        assert_eq!(ask_with(&stage, &licence.owner, header).await?, 403, "{header:?}");
    }
    assert_eq!(behind::figure(&mut admin, changed, licence.owner.account.0).await?, 0);
    for header in [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")] {
        assert_eq!(ask_with(&stage, &licence.owner, header).await?, 303, "{header:?}");
    }
    assert_eq!(behind::figure(&mut admin, changed, licence.owner.account.0).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_another_site_asks_for_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let fields = [("email", "owner1@test.fr"), ("password", PASSWORD)];
    let request = Client::new().post(format!("{}{SIGN_IN}", stage.url())).header("sec-fetch-site", "cross-site");
    let answer = request.form(&fields).send().await?;
    assert!(session_line(&answer).is_none());
    assert_eq!(answers::refusal(answer).await?, (403, "AUTHZ_ORIGIN".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_twelve_idle_hours() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for _ in 0..2 {
        stage.clock.advance(TimeDelta::hours(12) - TimeDelta::seconds(1));
        assert_eq!(licence.owner.get(HOME).await?.status(), 200);
    }
    stage.clock.advance(TimeDelta::hours(12));
    assert_eq!(licence.owner.get(HOME).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_seven_days_however_busy_it_is() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for hours in (11..168).step_by(11) {
        stage.clock.advance(TimeDelta::hours(11));
        let status = licence.owner.get(HOME).await?.status();
        ensure!(status == 200, "{status} after {hours} hours");
    }
    stage.clock.advance(TimeDelta::hours(3));
    assert_eq!(licence.owner.get(HOME).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_that_is_nobodys_is_nobody() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    for value in ["x", "", "' OR '1'='1", "../../etc/passwd"] {
        let http = Client::builder().redirect(Policy::none()).build()?;
        let request = http.get(format!("{}{HOME}", stage.url())).header("accept", "text/html");
        let answer = request.header(COOKIE, format!("__Host-physiotraq={value}")).send().await?;
        assert_eq!(answer.status(), 303, "{value:?}");
    }
    Ok(())
}
