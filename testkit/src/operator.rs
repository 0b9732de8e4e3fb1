//! Somebody who runs the platform: with an authenticator app, because operators must have one.

use anyhow::{Context, Result, ensure};
use reqwest::Response;
use reqwest::header::SET_COOKIE;
use socle::identity::factors::{self, Enrolled};
use socle::ids::AccountId;
use socle::platform;
use socle::web::Product;

use crate::stage::PASSWORD;
use crate::{Person, Stage};

/// An operator, signed in.
pub struct Operator {
    /// The account.
    pub account: AccountId,
    /// The sign-in address.
    pub email: String,
    /// The authenticator app; its code of this moment is used.
    pub app: Enrolled,
    /// The browser they are signed in with.
    pub browser: Person,
}

impl Stage {
    /// Makes an operator as the command line makes the first one, gives them an authenticator app, and signs them in by
    /// both steps.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn operator(&self) -> Result<Operator> {
        let email = format!("operations{}@socle.test", self.number());
        let account = self.platform.operator((&email, PASSWORD.into()), ("Olga", "Essai")).await?;
        let realm = &platform::BRANDING.realm;
        let app = factors::enrol(self.platform.app(), realm, (platform::TENANT, account), &email).await?;
        let code = app.code(self.clock.now());
        let browser = self.sign_in_twice("/platform", (&email, PASSWORD), &code).await?.with_account(account);
        Ok(Operator { account, email, app, browser })
    }

    /// Signs somebody in at a product by password and a code of their app.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn sign_in_twice(&self, base: &str, (email, password): (&str, &str), code: &str) -> Result<Person> {
        let fields = [("email", email), ("password", password)];
        let first = self.anybody().post(&format!("{base}/sign_in"), &fields).await?;
        let step = cookie_of(&first, &format!("__Host-{}-step", &base.trim_start_matches('/')))?;
        ensure!(Person::location(&first).starts_with(&format!("{base}/sign_in/second_factor")), "no second step");
        let path = format!("{base}/sign_in/second_factor");
        let second = self.anybody().with_cookie(step).post(&path, &[("code", code)]).await?;
        Ok(self.anybody().with_cookie(cookie_of(&second, &format!("__Host-{}", base.trim_start_matches('/')))?))
    }
}

/// A cookie that an answer sets, as a browser sends it back: `name=value`.
fn cookie_of(answer: &Response, name: &str) -> Result<String> {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next()).filter_map(|pair| pair.split_once('='));
    let kept = pairs.find(|(key, value)| *key == name && !value.is_empty());
    let (key, value) = kept.with_context(|| format!("{} sets no cookie {name}", answer.status()))?;
    Ok(format!("{key}={value}"))
}
