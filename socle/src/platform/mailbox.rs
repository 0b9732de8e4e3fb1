//! The development mailbox: what was sent by this process. Not there in production.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::Platform;
use crate::mail::{Kept, Mailbox};
use crate::web::{Access, Method, Page, Path, Product, Routes, html};
use crate::{Error, Result};

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes
        .page(Method::Get, "/dev/mail", Access::Public, list)
        .page(Method::Get, "/dev/mail/{number}", Access::Public, show)
        .page(Method::Get, "/dev/mail/{number}/html", Access::Public, body)
}

#[derive(Template)]
#[template(path = "platform/mailbox.html")]
struct MailboxPage {
    page: Page,
    mails: Vec<Kept>,
    shown: Option<Kept>,
}

fn mailbox(product: &Platform) -> Result<&Mailbox> {
    let app = product.app();
    app.mail.mailbox().filter(|_| app.config.environment.allows_dev_pages()).ok_or_else(Error::not_found)
}

async fn list(State(product): State<Platform>, page: Page) -> Result<Response> {
    let mails = mailbox(&product)?.all();
    Ok(html(&MailboxPage { page, mails, shown: None })?.into_response())
}

async fn show(State(product): State<Platform>, page: Page, Path(number): Path<usize>) -> Result<Response> {
    let mailbox = mailbox(&product)?;
    let shown = mailbox.find(number).ok_or_else(Error::not_found)?;
    Ok(html(&MailboxPage { page, mails: mailbox.all(), shown: Some(shown) })?.into_response())
}

/// The HTML part alone, as a mail program would show it: no script, and the styles of the letter itself.
async fn body(State(product): State<Platform>, Path(number): Path<usize>) -> Result<Response> {
    let kept = mailbox(&product)?.find(number).filter(|kept| !kept.is_text()).ok_or_else(Error::not_found)?;
    let csp = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, csp)];
    Ok((headers, kept.letter.html).into_response())
}
