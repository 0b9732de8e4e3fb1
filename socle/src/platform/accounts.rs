//! An operator suspends an account, or lets it in again: by realm and address, one at a time. Accounts are not listed.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{DECIDE_ACCOUNTS, Platform};
use crate::identity::accounts::{self, Word};
use crate::web::{self, Access, FieldError, Form, Method, Page, Routes, html, see_other};
use crate::{Caller, Error, Result};

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes.page(Method::Get, "/accounts", Access::To(DECIDE_ACCOUNTS), show).page(
        Method::Post,
        "/accounts",
        Access::To(DECIDE_ACCOUNTS),
        decide,
    )
}

#[derive(Template)]
#[template(path = "platform/accounts.html")]
struct AccountsPage {
    page: Page,
    typed: Fields,
    problems: Vec<FieldError>,
}

impl AccountsPage {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    realm: String,
    email: String,
    word: String,
}

async fn show(page: Page) -> Result<Response> {
    Ok(html(&AccountsPage { page, typed: Fields::default(), problems: Vec::new() })?.into_response())
}

async fn decide(caller: Caller, page: Page, Form(form): Form<Fields>) -> Result<Response> {
    let (word, notice) = match form.word.as_str() {
        "suspend" => (Word::Suspend, "suspended-account"),
        "reactivate" => (Word::Reactivate, "reactivated-account"),
        _ => return Err(Error::malformed("word is suspend or reactivate.")),
    };
    match accounts::decide(&caller, (form.realm.trim(), &form.email), word).await {
        Ok(()) => Ok(see_other(&format!("/platform/accounts?notice={notice}"))),
        Err(error) if matches!(error.status, StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
            let own = error.status == StatusCode::CONFLICT;
            let message = page.t(if own { "accounts-own" } else { "accounts-none" });
            let problems = vec![FieldError { field: "email".into(), message }];
            Ok((error.status, html(&AccountsPage { page, typed: form, problems })?).into_response())
        }
        Err(error) => Err(error),
    }
}
