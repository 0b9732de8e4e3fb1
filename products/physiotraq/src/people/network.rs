//! The networks that members of the licence are let in from: everybody, and each of them.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use socle::ids::AccountId;
use socle::limits::networks::{self, Fault, Lists};
use socle::web::{Access, FieldError, Form, Method, Page, Path, Product, Routes, html, problem, see_other};
use socle::{Caller, Error, Result};

use super::{Member, members};
use crate::team::begin;
use crate::{Physiotraq, roles};

const NETWORK: &str = "/physiotraq/admin/network";

pub(super) fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let manage = Access::To(roles::MANAGE_TEAM);
    routes
        .page(Method::Get, "/admin/network", manage, show)
        .page(Method::Post, "/admin/network", manage, restrict_licence)
        .page(Method::Post, "/admin/network/{id}", manage, restrict_member)
}

#[derive(Template)]
#[template(path = "people/network.html")]
struct Network {
    page: Page,
    /// The address of whoever looks: it must stay in their lists.
    own: String,
    everybody: String,
    people: Vec<Row>,
    problems: Vec<FieldError>,
}

impl Network {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

struct Row {
    id: String,
    name: String,
    role: String,
    field: String,
    networks: String,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    networks: String,
}

/// What was refused: of everybody or of one member, and what was typed. A list that can be read would lock its writer out.
struct Refused {
    of: Option<AccountId>,
    typed: String,
}

async fn show(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    network(&product, &caller, page, None).await
}

async fn network(product: &Physiotraq, caller: &Caller, page: Page, refused: Option<Refused>) -> Result<Response> {
    let mut tx = begin(product, caller).await?;
    let people = members(&mut tx).await?;
    let lists = networks::of_tenant(&mut tx).await?;
    drop(tx);
    let typed = |of: Option<uuid::Uuid>, kept: &[String]| match &refused {
        Some(refused) if refused.of.map(|id| id.0) == of => refused.typed.clone(),
        _ => kept.join("\n"),
    };
    let row = |member: Member| Row {
        role: product.role_label(&member.role, page.language()),
        field: field(Some(member.id)),
        networks: typed(Some(member.id), of_member(&lists, member.id)),
        id: member.id.to_string(),
        name: member.name,
    };
    let (status, problems) = match &refused {
        Some(refused) => (StatusCode::UNPROCESSABLE_ENTITY, vec![fault(&page, refused)]),
        None => (StatusCode::OK, Vec::new()),
    };
    let own = caller.trace().ip.map(|ip| ip.to_string()).unwrap_or_default();
    let everybody = typed(None, &lists.tenant);
    let people = people.into_iter().map(row).collect();
    Ok((status, html(&Network { own, everybody, people, problems, page })?).into_response())
}

fn of_member(lists: &Lists, member: uuid::Uuid) -> &[String] {
    let own = lists.members.iter().find(|(id, _)| *id == member);
    own.map_or(&[], |(_, networks)| networks.as_slice())
}

fn field(of: Option<uuid::Uuid>) -> String {
    of.map_or_else(|| "networks".to_owned(), |id| format!("networks-{id}"))
}

fn fault(page: &Page, refused: &Refused) -> FieldError {
    let message = match networks::parse(&refused.typed) {
        Err(Fault::NoNetwork(word)) => page.t1("limits-no-network", "word", word),
        Err(Fault::TooMany) => page.t1("limits-too-many-networks", "most", networks::MOST),
        Ok(_) => page.t("limits-locked-out"),
    };
    FieldError { field: field(refused.of.map(|id| id.0)).into(), message }
}

async fn restrict_licence(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(given): Form<Given>,
) -> Result<Response> {
    let done = restrict(&product, &caller, None, &given.networks).await;
    answer(&product, &caller, page, (None, given.networks, done)).await
}

async fn restrict_member(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<AccountId>,
    Form(given): Form<Given>,
) -> Result<Response> {
    let done = restrict(&product, &caller, Some(id), &given.networks).await;
    answer(&product, &caller, page, (Some(id), given.networks, done)).await
}

async fn restrict(product: &Physiotraq, caller: &Caller, of: Option<AccountId>, typed: &str) -> Result<()> {
    let list = networks::parse(typed)
        .map_err(|_| Error::unprocessable("VAL_NETWORKS", "Write networks such as 192.0.2.0/24, one to a line."))?;
    let mut tx = begin(product, caller).await?;
    match of {
        None => networks::restrict_tenant(&mut tx, &list).await?,
        Some(member) => networks::restrict_member(&mut tx, member, &list).await?,
    }
    tx.commit().await
}

async fn answer(
    product: &Physiotraq,
    caller: &Caller,
    page: Page,
    (of, typed, done): (Option<AccountId>, String, Result<()>),
) -> Result<Response> {
    match done {
        Ok(()) => Ok(see_other(&format!("{NETWORK}?notice=networks-saved"))),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            network(product, caller, page, Some(Refused { of, typed })).await
        }
        Err(error) => Err(error),
    }
}
