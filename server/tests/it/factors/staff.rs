//! Staff must have a second factor: before they have one they can set it up and nothing else, and they keep the last one.

use anyhow::Result;
use socle::web::{Access, Kind, Method};

use super::{STAFF, Visitor, enrolled, stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_without_a_factor_reach_only_what_is_about_their_account() -> Result<()> {
    let stage = stage().await?;
    let mut staff = Visitor::new(&stage)?;
    staff.password(STAFF).await?;
    let routes = stage.trial.clone().routes();
    let closed = routes.declared().iter().filter(|route| !matches!(route.access, Access::Public | Access::Account));
    let mut walked = 0;
    for route in closed {
        let path = route.path.replace("{id}", "019500a0-0000-7000-8000-000000000001");
        let method = route.method.name().parse()?;
        let answer = staff.send(staff.request(method, &path).header("accept", "text/html")).await?;
        let named = format!("{} {}", route.method.name(), route.path);
        match route.kind {
            Kind::Page => {
                assert_eq!((answer.status, answer.location.as_str()), (303, "/trial/account/factors"), "{named}");
            }
            Kind::Api => {
                assert_eq!((answer.status, answer.code()?.as_str()), (403, "AUTH_SECOND_FACTOR_DUE"), "{named}");
            }
        }
        walked += 1;
    }
    assert!(walked >= 5, "the routes were to be there: {walked}");
    let own = routes.declared().iter().filter(|route| route.access == Access::Account && route.method == Method::Get);
    for route in own {
        let answer = staff.get(route.path).await?;
        // What the account's other pages answer is up to them; this page is open.
        assert_ne!(answer.status, 403, "{}", route.path);
    }
    assert_eq!(staff.get("/account/factors").await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_factor_they_are_let_in_and_cannot_give_up_the_last_one() -> Result<()> {
    let stage = stage().await?;
    let (mut staff, telephone, _) = enrolled(&stage, STAFF).await?;
    assert_eq!(staff.get("/app").await?.status, 200);
    let refused = staff.post("/account/factors/app/remove", &[]).await?;
    assert_eq!(refused.status, 409);
    assert!(!staff.get("/account/factors").await?.body.contains("/account/factors/app/remove"), "nor is it offered");
    let mut again = Visitor::new(&stage)?;
    assert!(again.password(STAFF).await?.location.starts_with("/trial/sign_in/second_factor"));
    assert_eq!(again.code(&telephone.code(stage.clock.now())).await?.status, 303);
    // Somebody who changes telephones replaces the app; it is never missing in between.
    again.post("/account/factors/app", &[]).await?;
    let page = again.get("/account/factors/app").await?.body;
    let new = super::Telephone(super::totp::App::of(&super::secret_of(&super::otpauth(&page)?)?, "", "")?);
    let replaced = again.post("/account/factors/app/confirm", &[("code", &new.code(stage.clock.now()))]).await?;
    assert_eq!(replaced.location, "/trial/account/factors?notice=factor-added", "its recovery codes stay as they are");
    stage.clock.advance(super::NEXT_CODE);
    let mut last = Visitor::new(&stage)?;
    last.password(STAFF).await?;
    assert_eq!(last.code(&telephone.code(stage.clock.now())).await?.status, 401, "the old telephone");
    assert_eq!(last.code(&new.code(stage.clock.now())).await?.status, 303);
    Ok(())
}
