//! Legal holds, for operators: place, see, lift; and whether a restore has brought back somebody who was erased.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::{DECIDE_HOLDS, Platform, SEE_HOLDS};
use crate::access::Resource;
use crate::privacy::holds::{self, Hold, HoldId, NewHold, Subject};
use crate::privacy::{erasure, moment};
use crate::web::{
    Access, FieldError, Form, Lang, Method, Page, Path, Product, Routes, field_errors, html, problem, see_other,
};
use crate::{Caller, Error, Result};

const PAGE: &str = "/platform/holds";

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes
        .page(Method::Get, "/holds", Access::To(SEE_HOLDS), list)
        .page(Method::Post, "/holds", Access::To(DECIDE_HOLDS), place)
        .page(Method::Post, "/holds/{id}/lift", Access::To(DECIDE_HOLDS), lift)
}

#[derive(Template)]
#[template(path = "privacy/holds.html")]
struct Holds {
    page: Page,
    holds: Vec<Row>,
    /// Erased accounts that a restore has brought back.
    back: usize,
    asked: Asked,
    problems: Vec<FieldError>,
}

impl Holds {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

struct Row {
    id: String,
    account: bool,
    subject: String,
    reason: String,
    basis: String,
    may_be_told: bool,
    placed: String,
    until: Option<String>,
    lifted: Option<String>,
}

impl Row {
    fn new(hold: Hold, lang: Lang) -> Self {
        Self {
            id: hold.id.to_string(),
            account: hold.kind == "account",
            subject: hold.subject.to_string(),
            reason: hold.reason,
            basis: hold.basis,
            may_be_told: hold.may_be_told,
            placed: moment(hold.placed_at, lang),
            until: hold.until.map(|at| moment(at, lang)),
            lifted: hold.lifted_at.map(|at| moment(at, lang)),
        }
    }
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    basis: String,
    /// The first day on which it does not stand any more.
    #[serde(default)]
    until: String,
    told: Option<String>,
}

impl Asked {
    /// The hold, or the fields that cannot be read; their messages are keys of texts.
    fn read(&self) -> Result<NewHold> {
        let fault = |field: &'static str, key: &'static str| {
            Error::invalid(vec![crate::error::Detail::new(field, "INVALID_FORMAT", key)])
        };
        let id: Uuid = self.subject.trim().parse().map_err(|_| fault("subject", "holds-subject-error"))?;
        let subject = if self.kind == "tenant" { Subject::Tenant(id) } else { Subject::Account(id) };
        let until = match self.until.trim() {
            "" => None,
            day => {
                let day: NaiveDate = day.parse().map_err(|_| fault("until", "holds-until-error"))?;
                Some(day.and_time(chrono::NaiveTime::MIN).and_utc())
            }
        };
        let (reason, basis) = (self.reason.clone(), self.basis.clone());
        Ok(NewHold { subject, reason, basis, may_be_told: self.told.is_some(), until })
    }
}

async fn list(State(product): State<Platform>, caller: Caller, page: Page) -> Result<Response> {
    show(&product, &caller, page, (Asked::default(), Vec::new())).await
}

async fn show(
    product: &Platform,
    caller: &Caller,
    page: Page,
    (asked, problems): (Asked, Vec<FieldError>),
) -> Result<Response> {
    may(product, caller, SEE_HOLDS)?;
    let lang = page.language();
    let holds = holds::all(caller).await?.into_iter().map(|hold| Row::new(hold, lang)).collect();
    let back = erasure::missing(product.app()).await?.len();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&Holds { page, holds, back, asked, problems })?).into_response())
}

fn may(product: &Platform, caller: &Caller, action: crate::access::Action) -> Result<()> {
    let person = caller.person()?;
    if product.policies().allows(person, action, &Resource::of(person.tenant.0)) {
        Ok(())
    } else {
        Err(Error::forbidden())
    }
}

async fn place(
    State(product): State<Platform>,
    caller: Caller,
    page: Page,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    may(&product, &caller, DECIDE_HOLDS)?;
    let placed = match asked.read() {
        Ok(new) => holds::place(&caller, new).await.map(drop),
        Err(error) => Err(error),
    };
    match placed {
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let problems = field_errors(&page, &error.details);
            show(&product, &caller, page, (asked, problems)).await
        }
        other => other.map(|()| see_other(&format!("{PAGE}?notice=hold-placed"))),
    }
}

async fn lift(State(product): State<Platform>, caller: Caller, Path(id): Path<HoldId>) -> Result<Response> {
    may(&product, &caller, DECIDE_HOLDS)?;
    holds::lift(&caller, id).await?;
    Ok(see_other(&format!("{PAGE}?notice=hold-lifted")))
}
