//! Who may do what to what: the printed matrix against the snapshot, and the routes against the matrix.

use anyhow::{Result, ensure};
use physiotraq::roles::{self, ACTIONS, ROLES};
use serde_json::Value;
use socle::access::{Action, Policies, Resource};
use socle::db::Person as Caller;
use socle::ids::{AccountId, SessionId, TenantId};
use testkit::{Licence, Person, Stage};
use uuid::Uuid;

use crate::crew;

/// How a caller stands to a thing.
const RELATIONS: [&str; 4] = ["own", "assigned", "other", "other tenant"];
const OWN: usize = 0;
const ASSIGNED: usize = 1;
const OTHER: usize = 2;
const OTHER_TENANT: usize = 3;

/// A person of a licence, as the policies know one.
fn caller(role: &str) -> Caller {
    Caller {
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

/// What a role may do, by relation.
fn decisions(policies: &Policies, role: &str, action: Action) -> [bool; 4] {
    let caller = caller(role);
    let (me, somebody) = (caller.account.0, Uuid::from_u128(4));
    let (here, elsewhere) = (caller.tenant.0, Uuid::from_u128(5));
    let things = [
        Resource::of(here).owned_by(me),
        Resource::of(here).owned_by(somebody).assigned_to(vec![somebody, me]),
        Resource::of(here).owned_by(somebody).assigned_to(vec![somebody]),
        Resource::of(elsewhere).owned_by(me).assigned_to(vec![me]),
    ];
    things.map(|thing| policies.allows(&caller, action, &thing))
}

fn policies() -> Result<Policies> {
    roles::policies().map_err(anyhow::Error::msg)
}

/// The matrix as a reviewer reads it.
fn printed(policies: &Policies) -> String {
    let row = |role: &str, action: &str, cells: [&str; 4]| {
        format!(
            "{role:<10}{action:<20}{:<6}{:<10}{:<7}{}\n",
            cells[OWN], cells[ASSIGNED], cells[OTHER], cells[OTHER_TENANT]
        )
    };
    let mut matrix = row("role", "action", RELATIONS);
    for role in ROLES {
        for action in ACTIONS {
            let cells = decisions(policies, role, action).map(|allowed| if allowed { "yes" } else { "-" });
            matrix.push_str(&row(role, action.name, cells));
        }
    }
    matrix
}

#[test]
#[expect(clippy::print_stdout, reason = "the printed matrix is what a reviewer of a changed policy reads")]
fn the_matrix_of_roles_actions_and_relations_is_the_reviewed_one() -> Result<()> {
    let matrix = printed(&policies()?);
    println!("{matrix}");
    assert_eq!(matrix, include_str!("snapshots/access.txt"));
    Ok(())
}

#[test]
fn nothing_is_allowed_across_licences_or_to_a_role_nobody_knows() -> Result<()> {
    let policies = policies()?;
    for action in ACTIONS {
        for role in ROLES {
            assert!(!decisions(&policies, role, action)[OTHER_TENANT], "{role} {} elsewhere", action.name);
        }
        for role in ["", "Admin", "owner", "operator "] {
            let mut allowed = decisions(&policies, role, action);
            // An assignment is what lets somebody start: the role comes from the table, which knows two.
            allowed[ASSIGNED] &= action != roles::START_TREATMENT;
            assert_eq!(allowed, [false; 4], "{role:?} {}", action.name);
        }
    }
    Ok(())
}

/// The things that a caller meets: devices and treatments by relation; a treatment comes with its device.
struct Scene {
    stage: Stage,
    first: Licence,
    devices: Vec<(usize, String)>,
    treatments: Vec<(usize, String, String)>,
}

/// A scene as the owner or the operator of the first licence sees it.
async fn scene(role: &str) -> Result<Scene> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let theirs = crew::devices(&stage, &first, 1).await?.remove(0);
    let unassigned = stage.device(&first).await?;
    for device in [&first.device, &second.device, &unassigned] {
        crew::online(device).await?;
    }
    let (me, colleague) =
        if role == "admin" { (&first.owner, &first.operator) } else { (&first.operator, &first.owner) };
    let own = me.start(&first.device).await?;
    let other = colleague.start(&theirs).await?;
    let foreign = second.operator.start(&second.device).await?;
    let [mine, elsewhere] = [&first.device, &second.device].map(|device| device.id.to_string());
    let devices = vec![(ASSIGNED, mine.clone()), (OTHER, unassigned.id.to_string()), (OTHER_TENANT, elsewhere.clone())];
    let treatments = vec![(OWN, own, mine), (OTHER, other, theirs.id.to_string()), (OTHER_TENANT, foreign, elsewhere)];
    Ok(Scene { stage, first, devices, treatments })
}

/// Asks for a page and compares the answer with the matrix.
async fn compare(person: &Person, path: &str, (action, allowed): (Action, bool)) -> Result<()> {
    let answer = person.get(path).await?;
    let status = answer.status().as_u16();
    let expected: &[u16] = if allowed { &[200] } else { &[403, 404] };
    ensure!(expected.contains(&status), "{}: {path} answered {status}, allowed is {allowed}", action.name);
    Ok(())
}

/// Compares the routes of every action for a role.
async fn routes_follow_the_matrix(role: &str) -> Result<()> {
    let (policies, scene) = (policies()?, scene(role).await?);
    let me = if role == "admin" { &scene.first.owner } else { &scene.first.operator };
    let base = "/physiotraq";
    for (action, path) in [
        (roles::USE_APP, "/app"),
        (roles::LIST_ALL_TREATMENTS, "/admin/treatments"),
        (roles::LIST_ALL_TREATMENTS, "/admin/treatments/export"),
        (roles::CLAIM_DEVICE, "/admin/devices"),
        (roles::CLAIM_DEVICE, "/admin/devices/new"),
        (roles::LIST_ALL_TREATMENTS, "/admin"),
        (roles::MANAGE_TEAM, "/admin/team"),
        (roles::MANAGE_TEAM, "/admin/team/new"),
        (roles::MANAGE_TEAM, "/api/v1/team"),
        (roles::SEE_AUDIT, "/admin/events"),
        (roles::SEE_AUDIT, "/api/v1/events"),
        (roles::SEE_FIRMWARE, "/admin/firmware"),
        (roles::MANAGE_FIRMWARE, "/vendor/firmware"),
    ] {
        compare(me, &format!("{base}{path}"), (action, decisions(&policies, role, action)[OWN])).await?;
    }
    for (relation, device) in &scene.devices {
        for (action, path) in [
            (roles::SEE_DEVICE, format!("/api/v1/devices/{device}")),
            (roles::WATCH_DEVICE, format!("/app/monitor/{device}")),
            (roles::WATCH_DEVICE, format!("/app/monitor/{device}/curve")),
            (roles::WATCH_DEVICE, format!("/live?topic=device:{device}")),
            (roles::START_TREATMENT, format!("/app/treatments/new?device={device}")),
            (roles::MANAGE_DEVICE, format!("/admin/devices/{device}")),
            (roles::MANAGE_DEVICE, format!("/admin/devices/{device}/edit")),
            (roles::MANAGE_DEVICE, format!("/admin/devices/{device}/location")),
            (roles::MANAGE_DEVICE, format!("/api/v1/devices/{device}/wifi")),
            (roles::MANAGE_DEVICE, format!("/api/v1/devices/{device}/location")),
        ] {
            compare(me, &format!("{base}{path}"), (action, decisions(&policies, role, action)[*relation])).await?;
        }
    }
    for (relation, treatment, device) in &scene.treatments {
        for (action, path) in [
            (roles::SEE_TREATMENT, format!("/app/treatments/{treatment}")),
            (roles::SEE_TREATMENT, format!("/app/treatments/{treatment}/curve")),
            (roles::EXPORT_TREATMENT, format!("/app/treatments/{treatment}/export")),
        ] {
            compare(me, &format!("{base}{path}"), (action, decisions(&policies, role, action)[*relation])).await?;
        }
        let allowed = decisions(&policies, role, roles::OPERATE_TREATMENT)[*relation];
        let status = me.post(&format!("{base}/app/monitor/{device}/stop"), &[]).await?.status().as_u16();
        ensure!((status == 303) == allowed, "stopping {}: {status}", RELATIONS[*relation]);
        ensure!([303, 403, 404].contains(&status), "stopping {}: {status}", RELATIONS[*relation]);
    }
    let nobody = scene.stage.anybody().get(&format!("{base}/app")).await?.status();
    ensure!(nobody == 303, "without a session: {nobody}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owners_routes_follow_the_matrix() -> Result<()> {
    Box::pin(routes_follow_the_matrix("admin")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_routes_follow_the_matrix() -> Result<()> {
    Box::pin(routes_follow_the_matrix("operator")).await
}
