//! Known and trusted devices: what makes a browser known, what it is worth, and what ends that.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::TimeDelta;
use reqwest::Method;
use reqwest::header::SET_COOKIE;
use secrecy::SecretString;
use socle::db::{Trace, Who};
use socle::identity::actions::{self, Client};
use socle::identity::entry::{self, Found, Step, UnderWay, Waits, Wish};
use socle::identity::{challenges, devices};
use socle::ids::TenantId;
use socle::mail::Kept;
use socle::web::Product;
use testkit::trial;

use super::{
    ANNA, BERT, Browser, IPHONE, PASSWORD, SESSION, STEP, Scene, json_of, location, refusal, refused, text_of,
};
use crate::jobs::SOON;

const MAILS: &str = "SELECT count(*) FROM socle.mails m WHERE m.template = 'new-device' AND EXISTS (
                       SELECT 1 FROM socle.accounts a WHERE a.id = $1)";
const KNOWN: &str = "SELECT count(*) FROM socle.known_devices WHERE account_id = $1 AND forgotten_at IS NULL";
const NEW_DEVICES: &str = "SELECT count(*) FROM socle.security_events WHERE user_id = $1 AND type = 'NEW_DEVICE'";

/// Signs out and in again in the same browser.
async fn again(browser: Browser, email: &str) -> Result<Browser> {
    let mut browser = browser;
    browser.post("/sign_out", &[]).await?;
    let answer = browser.sign_in(email).await?;
    ensure!(location(&answer) == "/trial/app", "{}", location(&answer));
    Ok(browser)
}

/// The first mail that was sent.
async fn mail(scene: &Scene) -> Result<Kept> {
    let mailbox = scene.stage.trial.app().mail.mailbox().context("no mailbox")?.clone();
    let started = Instant::now();
    loop {
        if let Some(kept) = mailbox.all().pop() {
            return Ok(kept);
        }
        ensure!(started.elapsed() < SOON, "no mail came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_is_told_by_mail_and_the_very_first_is_not() -> Result<()> {
    let scene = Scene::new().await?;
    let browser = scene.signed_in(ANNA).await?;
    let browser = again(browser, ANNA).await?;
    assert_eq!((scene.figure(KNOWN, scene.anna).await?, scene.figure(MAILS, scene.anna).await?), (1, 0));

    let mut phone = scene.browser()?.called(IPHONE);
    phone.sign_in(ANNA).await?;
    assert_eq!((scene.figure(KNOWN, scene.anna).await?, scene.figure(MAILS, scene.anna).await?), (2, 1));
    assert_eq!(scene.figure(NEW_DEVICES, scene.anna).await?, 1);
    let told = mail(&scene).await?;
    assert_eq!((told.to.as_str(), told.letter.subject.as_str()), (ANNA, "Nouvelle connexion à votre compte Trial"));
    for said in ["Safari sur iPhone", "127.0.0.1", "21 nov. 2026"] {
        assert!(told.letter.text.contains(said), "{said}: {}", told.letter.text);
    }
    assert!(!told.letter.text.contains("http"), "it carries a link: {}", told.letter.text);

    // Neither is new any more; a browser that lost its cookies is.
    again(browser.clone(), ANNA).await?;
    again(phone, ANNA).await?;
    assert_eq!(scene.figure(MAILS, scene.anna).await?, 1);
    // Programs are no devices.
    scene.program().sign_in(ANNA).await?;
    assert_eq!((scene.figure(KNOWN, scene.anna).await?, scene.figure(MAILS, scene.anna).await?), (2, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_lasts_a_year_is_out_of_reach_and_renewed_at_each_sign_in() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = scene.browser()?;
    let answer = browser.sign_in(ANNA).await?;
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let lines: Vec<&str> = lines.filter(|line| line.starts_with("__Host-trial-device-")).collect();
    let [line] = lines.as_slice() else { bail!("{lines:?}") };
    for flag in ["; Path=/", "; Max-Age=31536000", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
        assert!(line.contains(flag), "{flag} is missing in {line}");
    }
    let first = browser.device().context("no device")?;
    let old = browser.clone();
    let browser = again(browser, ANNA).await?;
    let second = browser.device().context("no device")?;
    assert!(first.0 == second.0 && first.1 != second.1 && first.1.len() == 43, "{first:?} {second:?}");
    // Who copied the cookie before holds nothing now.
    let nobody = scene.acting(Who::Nobody);
    assert!(devices::known(&nobody, Some(scene.anna), Some(&second.1)).await?.is_some());
    assert!(devices::known(&nobody, Some(scene.anna), Some(&first.1)).await?.is_none());
    again(old, ANNA).await?;
    assert_eq!(scene.figure(MAILS, scene.anna).await?, 1, "a copied cookie passes for the device");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_share_a_browser_are_known_side_by_side_and_a_cookie_is_worth_nothing_for_another() -> Result<()> {
    let scene = Scene::new().await?;
    // Both have been seen elsewhere: from now on every new device is told.
    scene.signed_in(ANNA).await?;
    scene.signed_in(BERT).await?;
    let shared = again(scene.signed_in(ANNA).await?, BERT).await?;
    assert_eq!(scene.figure(MAILS, scene.anna).await?, 2);
    let shared = again(again(shared, ANNA).await?, BERT).await?;
    assert_eq!(scene.figure(MAILS, scene.anna).await?, 2, "one of the two was forgotten");

    let nobody = scene.acting(Who::Nobody);
    let cookies: Vec<&str> =
        shared.jar.iter().filter(|(name, _)| name.contains("device")).map(|(_, value)| value.as_str()).collect();
    let both = cookies.join(".");
    for account in [scene.anna, scene.bert] {
        assert!(devices::known(&nobody, Some(account), Some(&both)).await?.is_some());
        let mut fitting = 0;
        for cookie in &cookies {
            fitting += i32::from(devices::known(&nobody, Some(account), Some(cookie)).await?.is_some());
        }
        assert_eq!(fitting, i32::try_from(cookies.len())? - 1, "a cookie is good for both");
        for strange in ["", ".", "x", "x.y.z"] {
            assert!(devices::known(&nobody, Some(account), Some(strange)).await?.is_none(), "{strange:?}");
        }
        assert!(devices::known(&nobody, Some(account), None).await?.is_none());
    }
    Ok(())
}

/// Gives the second factor of a sign-in that waits for it, as its page does; the new value of the device cookie.
async fn give_factor(scene: &Scene, browser: &mut Browser, trust: bool) -> Result<()> {
    let (app, realm, nobody) = (scene.stage.trial.app(), &trial::BRANDING.realm, scene.acting(Who::Nobody));
    let found = entry::find(&nobody, realm, browser.cookie(STEP), Waits::SecondFactor).await?;
    let Found { mut tx, challenge, account, under_way } = found;
    challenges::use_up(&mut tx, challenge).await?;
    let under_way = UnderWay { second_factor_at: Some(scene.stage.clock.now()), trust, ..under_way };
    let Step::In(opened) = entry::admit(app, tx, realm, (account, under_way)).await? else { bail!("not in") };
    let (account, device) = opened.device.context("no device")?;
    let place = account.0.as_u128() % 8;
    browser.jar.insert(format!("__Host-trial-device-{place}"), device);
    browser.jar.insert(SESSION.to_owned(), opened.token);
    browser.jar.remove(STEP);
    Ok(())
}

/// Whether a sign-in in this browser is let in without a second factor.
async fn let_in(browser: &Browser, email: &str) -> Result<bool> {
    let mut browser = browser.clone().left();
    let to = location(&browser.sign_in(email).await?);
    match to.as_str() {
        "/trial/app" => {
            // The trial's copy goes away with its session, or three would soon be open.
            browser.post("/sign_out", &[]).await?;
            Ok(true)
        }
        to if to.starts_with("/trial/sign_in/second_factor") => Ok(false),
        to => bail!("led to {to}"),
    }
}

/// A browser that Anna trusts.
async fn trusted(scene: &Scene) -> Result<Browser> {
    scene.has_factor(scene.anna).await?;
    let mut browser = scene.browser()?;
    browser.sign_in(ANNA).await?;
    give_factor(scene, &mut browser, true).await?;
    assert!(browser.is_in().await?);
    Ok(browser)
}

/// Signs in once more in a trusted browser and keeps what it gets.
async fn go_on(browser: Browser) -> Result<Browser> {
    let mut browser = browser.left();
    browser.sign_in(ANNA).await?;
    assert!(browser.is_in().await?, "the trusted device was asked");
    browser.post("/sign_out", &[]).await?;
    Ok(browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_device_stands_for_the_second_factor_for_thirty_days() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = trusted(&scene).await?;
    let begun = scene.stage.clock.now();
    let list = json_of(browser.call(Method::GET, "/me/known_devices").await?, 200).await?;
    assert_eq!(list["data"][0]["trustedUntil"], serde_json::json!(begun + TimeDelta::days(30)));
    let page = text_of(browser.get("/account/devices").await?, 200).await?;
    assert!(page.contains("De confiance") && page.contains("21 déc. 2026"), "{page}");
    for after in [TimeDelta::hours(1), TimeDelta::days(15), TimeDelta::days(30) - TimeDelta::seconds(1)] {
        scene.stage.clock.set(begun + after);
        browser = go_on(browser).await?;
    }
    scene.stage.clock.set(begun + TimeDelta::days(30));
    assert!(!let_in(&browser, ANNA).await?, "trust does not end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_trusted_only_when_the_person_said_so() -> Result<()> {
    let scene = Scene::new().await?;
    scene.has_factor(scene.anna).await?;
    let mut browser = scene.browser()?;
    browser.sign_in(ANNA).await?;
    give_factor(&scene, &mut browser, false).await?;
    assert!(browser.is_in().await?);
    assert!(!let_in(&browser, ANNA).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trust_stands_for_a_second_factor_that_the_role_insists_on() -> Result<()> {
    let scene = Scene::new().await?;
    let browser = trusted(&scene).await?;
    scene.change("UPDATE socle.memberships SET role = 'OPS' WHERE account_id = $1", scene.anna).await?;
    assert!(!let_in(&browser, ANNA).await?);
    scene.stage.clock.advance(TimeDelta::minutes(1));
    // Nor can it be given there.
    let mut staff = browser.left();
    staff.sign_in(ANNA).await?;
    give_factor(&scene, &mut staff, true).await?;
    assert!(!let_in(&staff, ANNA).await?);
    let trusted = "SELECT count(*) FROM socle.known_devices WHERE account_id = $1 AND trusted_at > created_at";
    assert_eq!(scene.figure(trusted, scene.anna).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_to_a_role_that_insists_asks_whoever_came_in_by_trust() -> Result<()> {
    let scene = Scene::new().await?;
    let second = TenantId::fresh(scene.stage.clock.now());
    let mut browser = trusted(&scene).await?;
    let mut tx = scene.acting(super::organisation(second)).begin().await?;
    let newcomer = socle::identity::members::Newcomer {
        account: scene.anna,
        tenant: second,
        tenant_name: "Second".to_owned(),
        role: "OPS".to_owned(),
        first_name: String::new(),
        last_name: String::new(),
    };
    socle::identity::members::join(&mut tx, &trial::BRANDING.realm, &newcomer).await?;
    tx.commit().await?;
    scene.stage.clock.advance(TimeDelta::days(1));
    browser = browser.left();
    browser.sign_in(ANNA).await?;
    let wanted = second.to_string();
    let answer = browser.post("/memberships", &[("tenant", &wanted)]).await?;
    let led = testkit::Person::location(&answer);
    assert!(led.starts_with("/trial/reauthenticate"), "a trusted device opened a role that insists: {led}");
    // Who has given the factor itself changes at once.
    scene
        .change("UPDATE socle.sessions SET second_factor_at = authenticated_at WHERE account_id = $1", scene.anna)
        .await?;
    assert_eq!(location(&browser.post("/memberships", &[("tenant", &wanted)]).await?), "/trial/app");
    assert!(browser.is_in().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_ends_with_a_changed_password_or_factor() -> Result<()> {
    let scene = Scene::new().await?;
    let browser = trusted(&scene).await?;
    let mut tx = scene.acting(Who::Account(scene.anna, None)).begin().await?;
    devices::distrust_all(&mut tx, scene.anna).await?;
    tx.commit().await?;
    assert!(!let_in(&browser, ANNA).await?);
    assert_eq!(scene.figure(KNOWN, scene.anna).await?, 1, "it was to stay known");

    let scene = Scene::new().await?;
    let browser = trusted(&scene).await?;
    scene.stage.clock.advance(TimeDelta::seconds(1));
    scene.has_factor(scene.anna).await?;
    assert!(!let_in(&browser, ANNA).await?, "trust from before the present factors counts");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_cookie_of_one_is_worth_nothing_for_another() -> Result<()> {
    let scene = Scene::new().await?;
    let annas = trusted(&scene).await?;
    scene.has_factor(scene.bert).await?;
    let (_, stolen) = annas.device().context("no device")?;
    for place in 0..8 {
        let mut thief = scene.browser()?;
        thief.jar.insert(format!("__Host-trial-device-{place}"), stolen.clone());
        assert!(!let_in(&thief, BERT).await?);
    }
    // Nor is it of any use without the password.
    let mut thief = scene.browser()?;
    thief.jar.extend(annas.device());
    let fields = [("email", ANNA), ("password", "not the password")];
    assert_eq!(thief.post("/sign_in", &fields).await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_device_loses_its_sessions_and_its_trust() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = trusted(&scene).await?;
    let mut other = scene.browser()?.called(IPHONE);
    other.sign_in(ANNA).await?;
    give_factor(&scene, &mut other, false).await?;
    let list = json_of(other.call(Method::GET, "/me/known_devices").await?, 200).await?;
    let rows = list["data"].as_array().context("no data")?;
    let id = |current: bool| {
        let row = rows.iter().find(|row| row["current"] == current);
        row.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let answer = other.post(&format!("/account/devices/{}/forget", id(false)), &[]).await?;
    assert_eq!(location(&answer), "/trial/account/devices?notice=device-forgotten");
    assert!(!browser.is_in().await? && other.is_in().await?);
    assert!(!let_in(&browser, ANNA).await?);
    let again = other.call(Method::DELETE, &format!("/me/known_devices/{}", id(false))).await?;
    assert_eq!(refusal(again).await?, refused(404, "BIZ_NOT_FOUND"));

    // Somebody else's is not there; one's own present one signs out.
    let mut bert = scene.signed_in(BERT).await?;
    let foreign = bert.call(Method::DELETE, &format!("/me/known_devices/{}", id(true))).await?;
    assert_eq!(refusal(foreign).await?, refused(404, "BIZ_NOT_FOUND"));
    scene.stage.clock.advance(TimeDelta::seconds(601));
    let late = other.call(Method::DELETE, &format!("/me/known_devices/{}", id(true))).await?;
    assert_eq!(refusal(late).await?, refused(403, "AUTH_STEP_UP"));
    scene.stage.clock.advance(TimeDelta::seconds(-1));
    let own = other.post(&format!("/account/devices/{}/forget", id(true)), &[]).await?;
    assert_eq!(location(&own), "/trial/sign_in?notice=signed-out");
    assert!(own.headers().contains_key("clear-site-data") && !other.is_in().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_asked_for_the_second_factor_whatever_devices_are_trusted() -> Result<()> {
    let scene = Scene::new().await?;
    let browser = trusted(&scene).await?;
    assert_eq!(scene.program().login(ANNA).await?.status(), 202);
    let (app, realm) = (scene.stage.trial.app(), &trial::BRANDING.realm);
    let nobody = app.nobody(realm.name, Trace::default());
    let password = SecretString::from(PASSWORD);
    let known = actions::know(app, &nobody, realm, (ANNA, password), None).await?.context("refused")?;
    let wish = Wish { tenant: None, client: Client::Browser, device: browser.device().map(|(_, value)| value) };
    assert!(matches!(entry::enter(app, &nobody, realm, known, wish).await?, Step::In(_)), "the wish was to be met");
    Ok(())
}
