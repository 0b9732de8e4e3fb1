//! What a product's API says of itself: an OpenAPI 3.1 document put together from the parts beside the handlers, served
//! at `/api/openapi.json`, and a page that shows it to people at `/api/docs`, without any script.

mod reader;
mod sample;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Header, OpenApi, Ref, RefOr, Response as Answer};

use super::{Access, Branding, Method, Page, Product, Routes, html};
use crate::identity::factors::api as factors;
use crate::identity::{Registration, api, contact, devices, passwords, recovery, registration, sessions, verification};
use crate::{Error, Result};

/// Adds document and reader to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.api(Method::Get, "/api/openapi.json", Access::Public, document::<P>).page(
        Method::Get,
        "/api/docs",
        Access::Public,
        docs::<P>,
    )
}

/// What signs a person's program in: the same for every product that mounts it.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    api::login,
    api::refresh,
    api::logout,
    api::me,
    sessions::api::mine,
    sessions::api::others,
    sessions::api::one,
    sessions::api::choices,
    sessions::api::choose,
    devices::api::mine,
    devices::api::one,
    factors::verify,
    factors::factors,
    factors::set_up,
    factors::enable,
    factors::disable,
    factors::renew_codes,
    factors::reauthenticate,
    factors::second_step_options,
    factors::sign_in_options,
    factors::passkey_login,
    factors::registration_options,
    factors::register,
    factors::remove,
    factors::step_up_options,
    recovery::api::request,
    recovery::api::confirm,
    passwords::api::change,
    contact::api::contact,
    contact::api::ask_email,
    contact::api::confirm_email,
    contact::api::ask_phone,
    contact::api::confirm_phone,
    contact::api::remove_phone,
    contact::api::ask_user_name,
))]
struct SignIn;

/// What somebody registers with, where a realm leaves that open.
#[derive(utoipa::OpenApi)]
#[openapi(paths(registration::api::register, verification::api::verify, verification::api::resend))]
struct Registering;

/// The words of a product's document.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Its title.
    pub title: &'static str,
    /// What the API is for, and what holds for all of it.
    pub description: &'static str,
    /// Name and meaning of each group of operations, in the order of the page.
    pub groups: &'static [(&'static str, &'static str)],
}

/// The frame of a product's document: title, where it lies, who may call and how they sign in (the product mounts
/// [`crate::identity::api::routes`]). The features merge their parts into it.
///
/// It is written as the JSON that it becomes. `openapi` says 3.1, which every generator of clients reads.
#[must_use]
pub fn frame(branding: &Branding, words: Words) -> OpenApi {
    let group = |(name, description): &(&str, &str)| json!({ "name": name, "description": description });
    let frame = json!({
        "openapi": "3.1.0",
        "info": { "title": words.title, "description": words.description, "version": "1" },
        "servers": [{ "url": branding.base }],
        "tags": words.groups.iter().map(group).collect::<Vec<_>>(),
        "paths": { "/api/openapi.json": { "get": {
            "tags": ["api"],
            "operationId": "getDocument",
            "summary": "This document.",
            "security": [{}],
            "responses": { "200": {
                "description": "OpenAPI 3.1, for generators of clients.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            } },
        } } },
        "components": { "schemas": {}, "responses": {}, "securitySchemes": {
            "device": {
                "type": "http", "scheme": "bearer",
                "description": "The credential a thermometer got when it registered.",
            },
            "person": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token of a person's program: 15 minutes, renewed with its refresh token.",
            },
            "session": {
                "type": "apiKey", "in": "cookie", "name": branding.realm.cookie,
                "description": "The session of a signed-in browser.",
            },
        } },
    });
    // A frame that is no document would be empty: the snapshot of each product shows that it is not.
    let mut frame: OpenApi = serde_json::from_value(frame).unwrap_or_default();
    frame.merge(SignIn::openapi());
    if branding.realm.rules.registration == Registration::Open {
        frame.merge(Registering::openapi());
    }
    frame
}

/// Writes into every operation whose calls are counted, of people's programs and at the open doors of signing in, the
/// headers of each answer, and 429.
#[must_use]
pub fn with_limits(mut document: OpenApi) -> OpenApi {
    let Some(components) = document.components.as_mut() else { return document };
    for (name, description) in LIMITS {
        let header = json!({ "description": description, "schema": { "type": "integer" } });
        if let Ok(header) = serde_json::from_value::<RefOr<Header>>(header) {
            components.headers.insert(name.to_owned(), header);
        }
    }
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in
            operations.into_iter().flatten().filter(|operation| is_for_people(operation) || is_door(operation))
        {
            count(operation);
        }
    }
    document
}

/// The headers of an answer that was counted.
const LIMITS: [(&str, &str); 3] = [
    (
        "X-RateLimit-Limit",
        "Calls of one window: per account with an access token; per address at the open doors of signing in.",
    ),
    ("X-RateLimit-Remaining", "Calls that are left in this window."),
    ("X-RateLimit-Reset", "When the next window begins, in seconds since 1970."),
];

fn is_for_people(operation: &Operation) -> bool {
    let security = serde_json::to_value(&operation.security).unwrap_or_default();
    security.as_array().is_some_and(|all| all.iter().any(|one| one.get("person").is_some()))
}

/// A door of the sign-in that counts calls; the sign-in itself counts failures.
fn is_door(operation: &Operation) -> bool {
    let tagged = operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "auth"));
    tagged && operation.security.is_none() && operation.operation_id.as_deref() != Some("login")
}

fn count(operation: &mut Operation) {
    let refused = json!({
        "description": "Too many calls in this window; Retry-After says when the next one begins.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Envelope" } } },
    });
    if let Ok(refused) = serde_json::from_value::<RefOr<Answer>>(refused) {
        operation.responses.responses.entry("429".to_owned()).or_insert(refused);
    }
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if status.starts_with('2') || status == "429" {
            for (name, _) in LIMITS {
                let header = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
                answer.headers.insert(name.to_owned(), header);
            }
        }
    }
}

fn value_of<P: Product>(product: &P) -> Result<Value> {
    serde_json::to_value(product.api_document()).map_err(|error| Error::internal(format!("the document: {error}")))
}

async fn document<P: Product>(State(product): State<P>) -> Result<Response> {
    Ok(axum::Json(value_of(&product)?).into_response())
}

#[derive(Template)]
#[template(path = "api/docs.html")]
struct Docs {
    page: Page,
    title: String,
    description: String,
    base: &'static str,
    callers: Vec<reader::Scheme>,
    groups: Vec<reader::Group>,
    schemas: Vec<reader::Schema>,
}

async fn docs<P: Product>(State(product): State<P>, page: Page) -> Result<Response> {
    let document = value_of(&product)?;
    let base = product.branding().base;
    let docs = Docs {
        page,
        title: reader::text(&document, "/info/title"),
        description: reader::text(&document, "/info/description"),
        base,
        callers: reader::schemes(&document),
        groups: reader::groups(&document, base),
        schemas: reader::schemas(&document),
    };
    Ok(html(&docs)?.into_response())
}
