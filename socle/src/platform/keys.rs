//! Keys of sealed fields: how many there are, how far a rotation is, and the requests to destroy some, which another
//! person decides.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::{APPROVE_KEY_DESTRUCTION, Platform, REQUEST_KEY_DESTRUCTION, SEE_KEYS};
use crate::error::Detail;
use crate::sealed::destruction::{self, Destruction, Word};
use crate::sealed::rotation::{self, Rotation};
use crate::sealed::{Count, Subject};
use crate::web::{
    Access, Choice, FieldError, Form, Method, Page, Path, Product, Routes, field_errors, html, problem, see_other,
};
use crate::{Caller, Error, Result};

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes
        .page(Method::Get, "/keys", Access::To(SEE_KEYS), show)
        .page(Method::Post, "/keys/destructions", Access::To(REQUEST_KEY_DESTRUCTION), request)
        .page(Method::Post, "/keys/destructions/{id}", Access::To(APPROVE_KEY_DESTRUCTION), decide)
}

#[derive(Template)]
#[template(path = "platform/keys.html")]
struct KeysPage {
    page: Page,
    /// `None` while the key service does not answer.
    current: Option<String>,
    counts: Vec<Count>,
    rotations: Vec<Rotation>,
    destructions: Vec<Destruction>,
    kinds: Vec<Choice>,
    asked: Asked,
    problems: Vec<FieldError>,
    me: Uuid,
    may_request: bool,
    may_approve: bool,
}

impl KeysPage {
    fn time(at: &DateTime<Utc>) -> String {
        super::time(at)
    }

    fn state(&self, state: &str) -> String {
        self.page.t(&format!("keys-state-{}", state))
    }

    fn kind(&self, kind: &str) -> String {
        self.page.t(&format!("keys-kind-{}", kind))
    }

    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

/// What was typed, so that a refused form comes back as it was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    kind: String,
    subject: String,
    reason: String,
}

async fn show(State(product): State<Platform>, caller: Caller, page: Page) -> Result<Response> {
    keys(&product, &caller, page, (Asked::default(), Vec::new())).await
}

async fn keys(
    product: &Platform,
    caller: &Caller,
    page: Page,
    (asked, faults): (Asked, Vec<Detail>),
) -> Result<Response> {
    let (app, person) = (product.app(), caller.person()?);
    let keks = app.vault.keks().await.unwrap_or_default();
    let kind = |kind: &str| Choice {
        value: kind.to_owned(),
        label: page.t(&format!("keys-kind-{kind}")),
        selected: asked.kind == kind,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let may = |action| product.policies().allows_at_best(person, action);
    let shown = KeysPage {
        current: keks.into_iter().next(),
        counts: app.vault.counts(&app.db).await?,
        rotations: rotation::last(caller).await?,
        destructions: destruction::last(caller).await?,
        kinds: vec![kind("person"), kind("tenant")],
        problems: field_errors(&page, &faults),
        me: person.account.0,
        may_request: may(REQUEST_KEY_DESTRUCTION),
        may_approve: may(APPROVE_KEY_DESTRUCTION),
        asked,
        page,
    };
    Ok((status, html(&shown)?).into_response())
}

async fn request(
    State(product): State<Platform>,
    caller: Caller,
    page: Page,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let subject = asked.subject.trim().parse().ok().and_then(|id| Subject::of(&asked.kind, id));
    let asking = match subject {
        Some(subject) => destruction::request(&caller, subject, &asked.reason).await.map(drop),
        None => Err(Error::invalid(vec![Detail::new("subject", "INVALID_FORMAT", "keys-subject-wrong")])),
    };
    let faults = match asking {
        Ok(()) => return Ok(see_other("/platform/keys?notice=destruction-requested")),
        Err(error) => faults(error)?,
    };
    keys(&product, &caller, page, (asked, faults)).await
}

/// What is wrong with a field is shown there; any other refusal is the answer.
fn faults(error: Error) -> Result<Vec<Detail>> {
    let message = match &*error.code {
        "BIZ_NO_KEYS" => "keys-none",
        "BIZ_TENANT_NOT_SUSPENDED" => "keys-not-suspended",
        "BIZ_PLATFORM_KEYS" => "keys-platform",
        "BIZ_ASKED_ALREADY" => "keys-asked-already",
        "VAL_FIELDS" => return Ok(error.details),
        _ => return Err(error),
    };
    Ok(vec![Detail::new("subject", error.code, message)])
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    word: String,
}

async fn decide(
    State(product): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Form(form): Form<Decision>,
) -> Result<Response> {
    let (word, notice) = match form.word.as_str() {
        "approve" => (Word::Approve, "destruction-approved"),
        "refuse" => (Word::Refuse, "destruction-refused"),
        _ => return Err(Error::malformed("word is approve or refuse.")),
    };
    destruction::decide(&product.app().vault, &caller, id, word).await?;
    Ok(see_other(&format!("/platform/keys?notice={notice}")))
}
