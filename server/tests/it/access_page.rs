//! `docs/access.md` says who may do what and who may knock where. It is written from the policies and the declared
//! routes and compared with them here; `SOCLE_BLESS=1` writes it anew.

use std::fmt::Write as _;

use anyhow::Result;
use physiotraq::roles::{self, ACTIONS, ROLES};
use serde_json::Value;
use socle::access::{Action, Policies, Resource};
use socle::db::Person;
use socle::ids::{AccountId, SessionId, TenantId};
use socle::platform;
use socle::web::{Access, Kind, Product, Route};
use testkit::Stage;
use uuid::Uuid;

use crate::sources;

const PAGE: &str = "docs/access.md";

const HEAD: &str = "# Access

Who may do what, and who may knock where. This page is written from the policies and from the routes as they are declared;
a test compares it with them. After a change run `SOCLE_BLESS=1 bin/test access_page`, and look at what changed in it.

How a person stands to a thing:

| | |
|---|---|
| own | it is theirs: a treatment they started |
| assigned | it is somebody else's of their licence, and assigned to them: a device they work with |
| licence | it is somebody else's of their licence |
| other licence | it belongs to another licence, whatever else may hold |

The action decides on the very thing, in the transaction that changes it. A route asks beforehand whether the person could
ever do this to anything; row-level security holds below both.
";

/// What is known of a product's access.
struct Rules {
    name: &'static str,
    base: &'static str,
    roles: Vec<&'static str>,
    actions: Vec<Action>,
    policies: Policies,
    routes: Vec<Route>,
    beyond: Vec<(&'static str, String)>,
}

/// What holds for a product beside its roles.
fn beyond<P: Product>(product: &P) -> Vec<(&'static str, String)> {
    let none = || "none".to_owned();
    let permissions = product
        .permissions()
        .map(|permissions| format!("{}; set by who may {}", permissions.names.join(", "), permissions.set_by.name));
    let glass = product.break_glass().map(|rules| {
        format!(
            "{}; asked by who may {}, reviewed by who may {}",
            rules.kinds.join(", "),
            rules.ask.name,
            rules.review.name
        )
    });
    let administrators = Some(product.administrators().join(", ")).filter(|roles| !roles.is_empty());
    vec![
        ("permissions on top of roles", permissions.unwrap_or_else(none)),
        ("records that broken glass opens", glass.unwrap_or_else(none)),
        ("roles of which one holder always stays", administrators.unwrap_or_else(none)),
    ]
}

/// The rules of every product.
fn products(stage: &Stage) -> Result<Vec<Rules>> {
    let routes = stage.product.clone().routes();
    let physiotraq = Rules {
        name: stage.product.branding().name,
        base: routes.base(),
        roles: ROLES.to_vec(),
        actions: ACTIONS.to_vec(),
        policies: roles::policies().map_err(anyhow::Error::msg)?,
        routes: routes.declared().to_vec(),
        beyond: beyond(&stage.product),
    };
    let routes = stage.platform.clone().routes();
    let platform = Rules {
        name: platform::BRANDING.name,
        base: routes.base(),
        roles: platform::ROLES.to_vec(),
        actions: platform::ACTIONS.to_vec(),
        policies: platform::policies().map_err(anyhow::Error::msg)?,
        routes: routes.declared().to_vec(),
        beyond: beyond(&stage.platform),
    };
    Ok(vec![physiotraq, platform])
}

/// A person of a licence, as the policies know one.
fn person(role: &str) -> Person {
    Person {
        session: SessionId(Uuid::from_u128(1)),
        account: AccountId(Uuid::from_u128(2)),
        tenant: TenantId(Uuid::from_u128(3)),
        tenant_name: String::new(),
        role: role.to_owned(),
        name: String::new(),
        email: String::new(),
        language: "fr".to_owned(),
        permissions: Vec::new(),
        authenticated_at: chrono::DateTime::UNIX_EPOCH,
        second_factor_at: None,
        due: None,
        profile: Value::Null,
    }
}

/// What a role may do: own, assigned, licence, other licence.
fn decisions(policies: &Policies, role: &str, action: Action) -> [&'static str; 4] {
    let person = person(role);
    let (me, somebody) = (person.account.0, Uuid::from_u128(4));
    let (here, elsewhere) = (person.tenant.0, Uuid::from_u128(5));
    let things = [
        Resource::of(here).owned_by(me),
        Resource::of(here).owned_by(somebody).assigned_to(vec![somebody, me]),
        Resource::of(here).owned_by(somebody).assigned_to(vec![somebody]),
        Resource::of(elsewhere).owned_by(me).assigned_to(vec![me]),
    ];
    things.map(|thing| if policies.allows(&person, action, &thing) { "yes" } else { "–" })
}

impl Rules {
    fn matrix(&self) -> String {
        let mut table = format!("\n## {}: who may do what\n\n", self.name);
        table.push_str(
            "| role | action | on | own | assigned | licence | other licence |\n|---|---|---|---|---|---|---|\n",
        );
        for role in &self.roles {
            for action in &self.actions {
                let cells = decisions(&self.policies, role, *action).join(" | ");
                writeln!(table, "| {role} | {} | {} | {cells} |", action.name, action.on).unwrap();
            }
        }
        table.push_str("\n| beside roles | |\n|---|---|\n");
        for (what, held) in &self.beyond {
            writeln!(table, "| {what} | {held} |").unwrap();
        }
        table
    }

    /// Who may knock, and which roles could ever be let in.
    fn knocks(&self, access: Access) -> (String, String) {
        let Access::To(action) = access else {
            // Bold, so that the eye of a reviewer stops there.
            let public = access == Access::Public;
            let who = if public { "**anybody**".to_owned() } else { format!("{access:?}").to_lowercase() };
            return (who, "–".to_owned());
        };
        let allowed = |role: &&&str| self.policies.allows_at_best(&person(role), action);
        let roles: Vec<&str> = self.roles.iter().filter(allowed).copied().collect();
        (action.name.to_owned(), roles.join(", "))
    }

    fn knocking(&self) -> String {
        let mut table = format!("\n## {}: routes\n\n", self.name);
        table.push_str("Why a route is open to anybody: [public-routes.txt](public-routes.txt).\n\n");
        table.push_str("| path | method | who | roles | answers |\n|---|---|---|---|---|\n");
        let mut rows: Vec<String> = self.routes.iter().map(|route| self.row(route)).collect();
        rows.sort();
        table.push_str(&rows.concat());
        table
    }

    fn row(&self, route: &Route) -> String {
        let (who, roles) = self.knocks(route.access);
        let answers = if route.kind == Kind::Page { "page" } else { "data" };
        format!("| `{}{}` | {} | {who} | {roles} | {answers} |\n", self.base, route.path, route.method.name())
    }
}

/// The page as it should be.
fn written(stage: &Stage) -> Result<String> {
    let sections = products(stage)?.into_iter().map(|product| product.matrix() + &product.knocking());
    Ok(format!("{HEAD}{}", sections.collect::<String>()))
}

/// The first line in which two texts differ, to say it shortly.
fn first_difference(there: &str, expected: &str) -> Option<(usize, String, String)> {
    let longest = there.lines().count().max(expected.lines().count());
    let line = |text: &str, number| text.lines().nth(number).unwrap_or("(nothing)").to_owned();
    let differs = |number: &usize| line(there, *number) != line(expected, *number);
    (0..longest).find(differs).map(|number| (number + 1, line(there, number), line(expected, number)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_what_the_policies_and_routes_say() -> Result<()> {
    let stage = Stage::new().await?;
    let expected = written(&stage)?;
    if std::env::var_os("SOCLE_BLESS").is_some() {
        std::fs::write(sources::root().join(PAGE), &expected)?;
    }
    let there = sources::read(PAGE);
    let difference = first_difference(&there, &expected);
    assert_eq!(difference, None, "{PAGE} (line, there, should be); SOCLE_BLESS=1 bin/test access_page writes it anew");
    assert_eq!(there, expected, "{PAGE}: SOCLE_BLESS=1 bin/test access_page writes it anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_role_reaches_another_licence_and_every_closed_route_opens_for_somebody() -> Result<()> {
    let stage = Stage::new().await?;
    for product in products(&stage)? {
        for role in &product.roles {
            for action in &product.actions {
                let [.., elsewhere] = decisions(&product.policies, role, *action);
                assert_eq!(elsewhere, "–", "{role} {} in another licence", action.name);
            }
        }
        for route in &product.routes {
            if let Access::To(action) = route.access {
                assert!(!product.knocks(route.access).1.is_empty(), "{}: nobody may {}", route.path, action.name);
            }
        }
    }
    Ok(())
}
