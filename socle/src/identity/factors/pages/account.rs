//! One's own second factors: what there is, set up, removed; recovery codes.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Locale, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::Caller;
use crate::error::Detail;
use crate::identity::api::{Delivery, hand_over};
use crate::identity::factors::totp::App as Totp;
use crate::identity::factors::{self, Added, Held, api, apps, passkeys};
use crate::web::{self, Access, FieldError, Form, Lang, Method, Page, Path, Product, Routes, html, see_other};
use crate::{Error, Result};

const FACTORS: &str = "/account/factors";

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, FACTORS, Access::Account, show::<P>)
        .page(Method::Post, "/account/factors/app", Access::Account, set_up::<P>)
        .page(Method::Get, "/account/factors/app", Access::Account, being_set_up::<P>)
        .page(Method::Post, "/account/factors/app/confirm", Access::Account, confirm::<P>)
        .page(Method::Post, "/account/factors/app/remove", Access::Account, remove_app::<P>)
        .page(Method::Post, "/account/factors/recovery_codes", Access::Account, renew_codes::<P>)
        .page(Method::Post, "/account/factors/passkeys/options", Access::Account, api::registration_options::<P>)
        .page(Method::Post, "/account/factors/passkeys", Access::Account, register::<P>)
        .page(Method::Post, "/account/factors/passkeys/{id}/remove", Access::Account, remove_passkey::<P>)
}

#[derive(Template)]
#[template(path = "factors/account.html")]
struct Account {
    page: Page,
    held: Held,
    /// Since when there is an app, in words.
    app_since: Option<String>,
    passkeys: Vec<Row>,
    /// The role demands a second factor.
    required: bool,
    /// Passkeys can be used at this address.
    available: bool,
    name: String,
    problems: Vec<FieldError>,
}

struct Row {
    id: Uuid,
    name: String,
    since: String,
    used: Option<String>,
}

impl Account {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }

    /// The only factor of somebody who must have one.
    fn only(&self) -> bool {
        self.required && self.held.count() == 1
    }
}

async fn show<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    Ok(html(&account(&product, &caller, page).await?)?.into_response())
}

async fn account<P: Product>(product: &P, caller: &Caller, page: Page) -> Result<Account> {
    let held = factors::own(caller).await?;
    let lang = page.language();
    let row = |passkey: &factors::PasskeyInfo| Row {
        id: passkey.id,
        name: passkey.name.clone(),
        since: day(passkey.created_at, lang),
        used: passkey.last_used_at.map(|at| day(at, lang)),
    };
    Ok(Account {
        app_since: held.app_since.map(|at| day(at, lang)),
        passkeys: held.passkeys.iter().map(row).collect(),
        required: product.branding().realm.rules.second_factor.contains(&caller.person()?.role.as_str()),
        available: passkeys::available(product.app()),
        name: String::new(),
        problems: Vec::new(),
        held,
        page,
    })
}

/// A day in words.
fn day(at: DateTime<Utc>, lang: Lang) -> String {
    let (locale, format) = match lang {
        Lang::Fr => (Locale::fr_FR, "%-d %B %Y"),
        Lang::En => (Locale::en_GB, "%-d %B %Y"),
    };
    at.with_timezone(&chrono_tz::Europe::Paris).format_localized(format, locale).to_string()
}

async fn set_up<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    apps::set_up(&product, &caller).await?;
    Ok(see_other(&format!("{}/account/factors/app", product.branding().base)))
}

#[derive(Template)]
#[template(path = "factors/app.html")]
struct SettingUp {
    page: Page,
    app: Totp,
    url: String,
    qr: String,
    problems: Vec<FieldError>,
}

impl SettingUp {
    fn new(page: Page, app: Totp, problems: Vec<FieldError>) -> Result<Self> {
        Ok(Self { url: app.url()?, qr: app.qr()?, page, app, problems })
    }

    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

async fn being_set_up<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    match apps::being_set_up(&product, &caller).await {
        Ok(app) => Ok(html(&SettingUp::new(page, app, Vec::new())?)?.into_response()),
        Err(error) if error.code == "BIZ_NO_SETUP" => Ok(see_other(&format!("{}{FACTORS}", product.branding().base))),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Code {
    #[serde(default)]
    code: String,
}

async fn confirm<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Code>,
) -> Result<Response> {
    match apps::confirm(&product, &caller, &form.code).await {
        Ok(added) => shown(&product, &caller, page, added).await,
        Err(error) if error.code == "VAL_FIELDS" => {
            let app = apps::being_set_up(&product, &caller).await?;
            let problems = vec![FieldError { field: "code".into(), message: page.t("factors-code-not-of-app") }];
            super::again(&error, &SettingUp::new(page, app, problems)?)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "factors/codes.html")]
struct Codes {
    page: Page,
    /// A factor was added just now.
    added: bool,
    codes: Vec<String>,
    home: String,
}

/// The recovery codes, this once, with the cookie of the session that goes on.
async fn shown<P: Product>(product: &P, caller: &Caller, page: Page, added: Added) -> Result<Response> {
    let branding = product.branding();
    let Added { recovery_codes: codes, opened, client } = added;
    let response = if codes.is_empty() {
        see_other(&format!("{}{FACTORS}?notice=factor-added", branding.base))
    } else {
        html(&Codes { page, added: true, codes, home: branding.landing("") })?.into_response()
    };
    hand_over(product, caller, (opened, client, Delivery::Cookies), |_| response).await
}

async fn renew_codes<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    let codes = factors::renew_recovery_codes(&product, &caller).await?;
    let home = product.branding().landing("");
    Ok(html(&Codes { page, added: false, codes, home })?.into_response())
}

async fn remove_app<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    factors::remove_app(&product, &caller).await?;
    Ok(see_other(&format!("{}{FACTORS}?notice=factor-removed", product.branding().base)))
}

async fn remove_passkey<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response> {
    factors::remove_passkey(&product, &caller, id).await?;
    Ok(see_other(&format!("{}{FACTORS}?notice=factor-removed", product.branding().base)))
}

#[derive(Deserialize)]
struct NewPasskey {
    #[serde(default)]
    name: String,
    #[serde(default)]
    credential: String,
}

async fn register<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<NewPasskey>,
) -> Result<Response> {
    let credential = serde_json::from_str(&form.credential);
    let credential = credential.map_err(|_| Error::malformed("The credential is none that a browser makes."))?;
    let error = match passkeys::register(&product, &caller, (&form.name, &credential)).await {
        Ok(added) => return shown(&product, &caller, page, added).await,
        Err(error) if error.code == "VAL_FIELDS" || error.code == "BIZ_PASSKEY_EXISTS" => error,
        Err(error) => return Err(error),
    };
    let named = |fault: &Detail| fault.field == "name";
    let key = match (&*error.code, error.details.iter().any(named)) {
        ("BIZ_PASSKEY_EXISTS", _) => "factors-passkey-known",
        (_, true) => "factors-passkey-name-error",
        (_, false) => "factors-passkey-failed",
    };
    let problems = vec![FieldError { field: "name".into(), message: page.t(key) }];
    let shown = account(&product, &caller, page).await?;
    super::again(&error, &Account { name: form.name, problems, ..shown })
}
