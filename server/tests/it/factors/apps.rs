//! The authenticator app: set up, asked for, each code taken once, wrong ones counted, its secret sealed.

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;

use super::{NEXT_CODE, PATIENT, SESSION, STEP, Visitor, codes_of, enrolled, events, otpauth, secret_of, stage};
use testkit::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_set_up_confirmed_and_then_asked_for() -> Result<()> {
    let stage = stage().await?;
    let (mut visitor, mut elsewhere) = (Visitor::new(&stage)?, Visitor::new(&stage)?);
    for browser in [&mut visitor, &mut elsewhere] {
        assert_eq!(browser.password(PATIENT).await?.location, "/trial/app");
    }
    let before = visitor.cookie(SESSION);
    let begun = visitor.post("/account/factors/app", &[]).await?;
    assert_eq!((begun.status, begun.location.as_str()), (303, "/trial/account/factors/app"));
    let page = visitor.get("/account/factors/app").await?.body;
    assert!(page.contains("src=\"data:image/svg+xml;base64,") && !page.contains("style="), "{page}");
    let url = otpauth(&page)?;
    assert!(url.starts_with("otpauth://totp/Trial:patient%40test.fr?") && url.contains("issuer=Trial"), "{url}");
    let secret = secret_of(&url)?;
    let groups: Vec<&str> = (0..8).map(|group| &secret[group * 4..group * 4 + 4]).collect();
    assert!(page.contains(&groups.join(" ")), "the secret in groups of four");
    let telephone = super::Telephone(super::totp::App::of(&secret, "", "")?);
    let now = stage.clock.now();
    // Nothing has changed yet, and a wrong code changes nothing.
    let refused = visitor.post("/account/factors/app/confirm", &[("code", &telephone.wrong(now))]).await?;
    assert!(refused.status == 400 && refused.body.contains("id=\"code-error\""), "{}", refused.status);
    assert_eq!(Visitor::new(&stage)?.password(PATIENT).await?.location, "/trial/app");
    let shown = visitor.post("/account/factors/app/confirm", &[("code", &telephone.code(now))]).await?;
    assert_eq!((shown.status, codes_of(&shown.body).len()), (200, 10));
    // The present session goes on under a new id; every other one has ended, and so has the old id.
    assert!(visitor.cookie(SESSION) != before && visitor.inside().await?);
    assert!(!elsewhere.inside().await?, "another session lives on");
    visitor.cookies.insert(SESSION.to_owned(), before);
    assert!(!visitor.inside().await?, "the old id lives on");
    assert_eq!(events(&stage, "FACTOR_ADDED").await?, 1);
    let mails = "SELECT count(*) FROM socle.mails WHERE template = 'app-added'";
    let mails: i64 = sqlx::query_scalar(mails).fetch_one(&mut stage.database.admin().await?).await?;
    assert_eq!(mails, 1, "the account is told");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_begins_after_the_second_step_with_an_id_of_its_own() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, _) = enrolled(&stage, PATIENT).await?;
    let mut visitor = Visitor::new(&stage)?;
    // An id somebody has put there is not taken over.
    visitor.cookies.insert(SESSION.to_owned(), "fixed".to_owned());
    let first = visitor
        .post("/sign_in", &[("email", PATIENT), ("password", testkit::PASSWORD), ("next", "/trial/memberships")]);
    let first = first.await?;
    assert_eq!(first.location, "/trial/sign_in/second_factor?next=%2Ftrial%2Fmemberships");
    assert_eq!(visitor.cookie(SESSION), "fixed", "the password alone opens no session");
    assert!(!visitor.inside().await?);
    let step = visitor.cookie(STEP);
    visitor.cookies.insert(SESSION.to_owned(), step.clone());
    assert!(!visitor.inside().await?, "the secret of the step is no session");
    let page = visitor.get("/sign_in/second_factor?next=%2Ftrial%2Fmemberships").await?;
    assert!(page.status == 200 && page.body.contains("name=\"recovery_code\""), "{}", page.body);
    let code = telephone.code(stage.clock.now());
    let fields = [("code", code.as_str()), ("next", "/trial/memberships")];
    let second = visitor.post("/sign_in/second_factor", &fields).await?;
    assert_eq!((second.status, second.location.as_str()), (303, "/trial/memberships"));
    assert!(![step.as_str(), "fixed", ""].contains(&visitor.cookie(SESSION).as_str()) && visitor.inside().await?);
    assert_eq!(visitor.cookie(STEP), "", "the step is over");
    // Its secret opens nothing any more.
    let mut again = Visitor::new(&stage)?;
    again.cookies.insert(STEP.to_owned(), step);
    let again = again.get("/sign_in/second_factor").await?;
    assert!(again.status == 401 && again.body.contains("id=\"sign-in-error\""), "{}", again.status);
    Ok(())
}

/// Whether a code signs in.
async fn fits(stage: &Stage, code: &str) -> Result<bool> {
    let mut visitor = Visitor::new(stage)?;
    visitor.password(PATIENT).await?;
    let answer = visitor.code(code).await?;
    ensure!([303, 401].contains(&answer.status), "{} {}", answer.status, answer.body);
    Ok(answer.status == 303)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_taken_once_one_step_early_or_late_and_never_after_a_later_one() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, _) = enrolled(&stage, PATIENT).await?;
    stage.clock.advance(NEXT_CODE * 10);
    let now = stage.clock.now();
    let at = |steps: i32| telephone.code(now + NEXT_CODE * steps);
    for (what, code, taken) in [
        ("two steps early", at(2), false),
        ("two steps late", at(-2), false),
        ("one step late", at(-1), true),
        ("the same again", at(-1), false),
        ("the present one", at(0), true),
        ("the present one again", at(0), false),
        ("the one before it", at(-1), false),
        ("one step early", at(1), true),
        ("the present one after it", at(0), false),
    ] {
        assert_eq!(fits(&stage, &code).await?, taken, "{what}");
    }
    stage.clock.advance(NEXT_CODE);
    assert!(!fits(&stage, &at(1)).await?, "it was taken half a minute ago");
    stage.clock.advance(NEXT_CODE);
    assert!(fits(&stage, &at(2)).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_an_app_was_confirmed_by_is_taken_too() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, _) = enrolled(&stage, PATIENT).await?;
    assert!(!fits(&stage, &telephone.code(stage.clock.now() - NEXT_CODE)).await?);
    assert!(fits(&stage, &telephone.code(stage.clock.now())).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_code_sent_several_times_at_once_one_is_taken() -> Result<()> {
    let stage = stage().await?;
    let (session, telephone, _) = enrolled(&stage, PATIENT).await?;
    let mut signing_in = Visitor::new(&stage)?;
    signing_in.password(PATIENT).await?;
    let code = telephone.code(stage.clock.now());
    // Two in one sign-in, two in a session that proves itself once more.
    let requests = [&signing_in, &session, &signing_in, &session].map(|browser| {
        let (mut twin, code) = (browser.twin(), code.clone());
        let path = if twin.cookie(STEP).is_empty() { "/reauthenticate" } else { "/sign_in/second_factor" };
        tokio::spawn(async move { twin.post(path, &[("code", &code)]).await })
    });
    let mut taken = 0;
    for request in requests {
        // A twin that comes after its session got a new cookie is led to the sign-in.
        let answer = request.await??;
        taken += usize::from(answer.status == 303 && !answer.location.starts_with("/trial/sign_in"));
    }
    assert_eq!(taken, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_wrong_answers_end_the_sign_in_and_ten_pause_the_app() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, recovery) = enrolled(&stage, PATIENT).await?;
    let now = stage.clock.now();
    let wrong = telephone.wrong(now);
    for round in 1..=2 {
        let mut visitor = Visitor::new(&stage)?;
        visitor.password(PATIENT).await?;
        for attempt in 1..=4 {
            let refused = visitor.code(&wrong).await?;
            assert!(refused.status == 401 && refused.body.contains("id=\"code-error\""), "{round}, {attempt}");
        }
        let fifth = visitor.code(&wrong).await?;
        assert!(fifth.status == 401 && fifth.body.contains("action=\"/trial/sign_in\""), "back to the first step");
        assert!(fifth.body.contains("id=\"sign-in-error\""), "and told why");
        let after = visitor.code(&telephone.code(now)).await?;
        assert_eq!((after.status, visitor.cookie(SESSION).as_str()), (401, ""), "a right code comes too late");
    }
    assert_eq!((events(&stage, "SECOND_FACTOR_FAILED").await?, events(&stage, "SECOND_FACTOR_PAUSED").await?), (10, 1));
    // Paused: the right code is not looked at, and says nothing; a recovery code works.
    let mut visitor = Visitor::new(&stage)?;
    visitor.password(PATIENT).await?;
    for _ in 0..6 {
        let paused = visitor.code(&telephone.code(now)).await?;
        assert!(paused.status == 429 && paused.body.contains("id=\"code-error\""), "{}", paused.status);
    }
    let helped = visitor.post("/sign_in/second_factor", &[("recovery_code", &recovery[0])]).await?;
    assert_eq!(helped.status, 303);
    stage.clock.advance(TimeDelta::minutes(15));
    assert!(
        fits(&stage, &telephone.code(stage.clock.now())).await?,
        "after a quarter of an hour codes are taken again"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_code_between_makes_the_wrong_ones_count_anew() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, _) = enrolled(&stage, PATIENT).await?;
    for _ in 0..3 {
        for _ in 0..2 {
            let mut visitor = Visitor::new(&stage)?;
            visitor.password(PATIENT).await?;
            for _ in 0..4 {
                visitor.code(&telephone.wrong(stage.clock.now())).await?;
            }
        }
        assert!(fits(&stage, &telephone.code(stage.clock.now())).await?);
        stage.clock.advance(NEXT_CODE);
    }
    assert_eq!(events(&stage, "SECOND_FACTOR_PAUSED").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_stands_in_no_column_in_the_clear() -> Result<()> {
    let stage = stage().await?;
    let (mut visitor, _, _) = enrolled(&stage, PATIENT).await?;
    let confirmed = {
        // And one that is being set up.
        visitor.post("/account/factors/app", &[]).await?;
        secret_of(&otpauth(&visitor.get("/account/factors/app").await?.body)?)?
    };
    let app = super::totp::App::of(&confirmed, "", "")?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let raw = base32(&app.secret());
    let forms =
        [confirmed.clone(), hex(confirmed.as_bytes()), hex(&raw), STANDARD.encode(&raw), STANDARD.encode(&confirmed)];
    let mut admin = stage.database.admin().await?;
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut admin).await?;
    let mut seen = 0;
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
        for row in sqlx::query_scalar::<_, String>(rows).fetch_all(&mut admin).await? {
            seen += 1;
            for form in &forms {
                assert!(!row.to_lowercase().contains(&form.to_lowercase()), "{table}");
            }
        }
    }
    assert!(seen > 20, "the rows were to be there: {seen}");
    Ok(())
}

/// RFC 4648, for the test's own eyes.
fn base32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.chars() {
        bits = bits << 5 | u32::try_from(alphabet.find(letter).unwrap()).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).unwrap());
        }
    }
    bytes
}
