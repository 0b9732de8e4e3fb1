//! Queues and dead jobs: what waits, what was given up and why, try again or drop.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{DECIDE_JOBS, Platform, SEE_JOBS};
use crate::jobs::{self, Dead, JobId, Length, Word};
use crate::web::{Access, Form, Method, Page, Path, Product, Routes, html, see_other};
use crate::{Caller, Error, Result};

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes.page(Method::Get, "/jobs", Access::To(SEE_JOBS), list).page(
        Method::Post,
        "/jobs/{job}",
        Access::To(DECIDE_JOBS),
        decide,
    )
}

#[derive(Template)]
#[template(path = "platform/jobs.html")]
struct JobsPage {
    page: Page,
    lengths: Vec<Length>,
    dead: Vec<Dead>,
}

impl JobsPage {
    fn state(&self, state: &str) -> String {
        self.page.t(&format!("platform-state-{}", state))
    }

    fn time(at: &DateTime<Utc>) -> String {
        super::time(at)
    }
}

async fn list(State(product): State<Platform>, page: Page) -> Result<Response> {
    let lengths = jobs::lengths(&product.app().db).await?;
    let dead = jobs::dead(&product.app().db).await?;
    Ok(html(&JobsPage { page, lengths, dead })?.into_response())
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    word: String,
}

async fn decide(caller: Caller, Path(job): Path<JobId>, Form(form): Form<Decision>) -> Result<Response> {
    let word = match form.word.as_str() {
        "retry" => Word::Retry,
        "drop" => Word::Drop,
        _ => return Err(Error::malformed("word is retry or drop.")),
    };
    jobs::decide(&caller, job, word).await?;
    let notice = if word == Word::Retry { "job-retried" } else { "job-dropped" };
    Ok(see_other(&format!("/platform/jobs?notice={notice}")))
}
