//! The team: who may invite and remove whom, which addresses can be one, and what a removal ends.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use testkit::Person;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{INVITATION, NADIA, PASSWORD, Scene, TEAM, acceptance};
use crate::listener::Listener;
use crate::{answers, crew};

const HOME: &str = "/physiotraq/app";
/// A right that ended ends its streams within this.
const CUT_WITHIN: Duration = Duration::from_secs(5);

/// Every change of the team that somebody could ask for.
fn changes(invitation: Uuid, member: &Person) -> [String; 4] {
    [
        TEAM.to_owned(),
        format!("{TEAM}/invitations/{invitation}/resend"),
        format!("{TEAM}/invitations/{invitation}/cancel"),
        format!("{TEAM}/{}/remove", member.account),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_neither_sees_nor_changes_the_team_and_nobody_else_is_let_in() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let changes = changes(scene.pending().await?, &scene.licence.owner);
    let before = scene.trace().await?;
    let (operator, anybody) = (scene.licence.operator.clone(), scene.stage.anybody());
    assert_eq!(operator.get(TEAM).await?.status(), 403);
    assert!(!answers::text(operator.get(HOME).await?, 200).await?.contains(TEAM), "the way there is shown");
    for path in &changes {
        assert_eq!(operator.post(path, &[("email", "zoe@test.fr")]).await?.status(), 403, "{path}");
        let answer = anybody.post(path, &[("email", "zoe@test.fr")]).await?;
        assert_eq!(answer.status(), 303, "{path}");
        assert!(Person::location(&answer).starts_with("/physiotraq/sign_in"), "{path}");
    }
    assert_eq!(scene.trace().await?, before);
    assert_eq!(scene.look(&secret).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_another_licence_finds_neither_invitation_nor_member() -> Result<()> {
    let mut scene = Scene::new().await?;
    let second = scene.stage.licence().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let changes = changes(scene.pending().await?, &scene.licence.operator);
    let before = scene.trace().await?;
    for path in &changes[1..] {
        assert_eq!(second.owner.post(path, &[]).await?.status(), 404, "{path}");
    }
    for id in ["x", "00000000-0000-0000-0000-000000000000"] {
        for path in [format!("invitations/{id}/resend"), format!("invitations/{id}/cancel"), format!("{id}/remove")] {
            assert_eq!(second.owner.post(&format!("{TEAM}/{path}"), &[]).await?.status(), 404, "{path}");
        }
    }
    assert_eq!(scene.trace().await?, before);
    assert_eq!(scene.look(&secret).await?.status(), 200);
    let team = answers::text(second.owner.get(TEAM).await?, 200).await?;
    assert!(!team.contains(NADIA) && !team.contains("Lien valable"), "{team}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_an_address_is_refused_at_its_field() -> Result<()> {
    let mut scene = Scene::new().await?;
    let long = format!("{}@clinique.fr", "n".repeat(250));
    let addresses = [
        "",
        "nadia",
        "nadia@",
        "@clinique.fr",
        "na dia@clinique.fr",
        "nadia@clin ique.fr",
        "nadia@clinique..fr",
        "nadia@clinique.fr, zoe@clinique.fr",
        "Nadia <nadia@clinique.fr>",
        "nadia@clinique.fr\r\nBcc: zoe@clinique.fr",
        "nadia\0@clinique.fr",
        long.as_str(),
    ];
    for address in addresses {
        let fields = [("email", address), ("first_name", "Nadia")];
        let page = answers::text(scene.licence.owner.post(TEAM, &fields).await?, 422).await?;
        for words in ["href=\"#email\"", "id=\"email-error\"", "Indiquez une adresse e-mail", "value=\"Nadia\""] {
            assert!(page.contains(words), "{address:?}: {words} is missing in {page}");
        }
    }
    assert_eq!(scene.count("SELECT count(*) FROM socle.invitations").await?, 0);
    assert_eq!(scene.count("SELECT count(*) FROM socle.mails").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_the_team_is_not_invited_again() -> Result<()> {
    let mut scene = Scene::new().await?;
    for member in ["operator1@test.fr", "OWNER1@test.fr"] {
        let page = answers::text(scene.licence.owner.post(TEAM, &[("email", member)]).await?, 422).await?;
        for words in ["href=\"#email\"", "id=\"email-error\"", "Cette personne fait déjà partie de l’équipe."] {
            assert!(page.contains(words), "{words} is missing in {page}");
        }
    }
    assert_eq!(scene.count("SELECT count(*) FROM socle.invitations").await?, 0);
    assert_eq!(scene.count("SELECT count(*) FROM socle.mails").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_invited_by_several_clicks_at_once_has_one_pending_invitation() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut clicks = JoinSet::new();
    for _ in 0..4 {
        let owner = scene.licence.owner.clone();
        clicks.spawn(async move { owner.post(TEAM, &[("email", NADIA)]).await });
    }
    while let Some(answer) = clicks.join_next().await {
        let status = answer??.status();
        assert!(!status.is_server_error(), "{status}");
    }
    let pending = "SELECT count(*) FROM socle.invitations WHERE accepted_at IS NULL AND revoked_at IS NULL";
    assert_eq!(scene.count(pending).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_is_out_at_once_and_their_name_stays_on_what_they_did() -> Result<()> {
    let scene = Scene::new().await?;
    let (stage, licence) = (&scene.stage, &scene.licence);
    crew::online(&licence.device).await?;
    let treatment = licence.operator.start(&licence.device).await?;
    let mut stream = Listener::open(&stage.url(), licence.operator.cookie(), licence.device.id).await?;
    let remove = format!("{TEAM}/{}/remove", licence.operator.account);
    let answer = licence.owner.post(&remove, &[]).await?;
    assert_eq!(Person::location(&answer), format!("{TEAM}?notice=member-removed"));
    assert_eq!(licence.operator.get(HOME).await?.status(), 303);
    assert_eq!(licence.operator.get_json("/physiotraq/api/v1/devices").await?.status(), 401);
    let (end, _) = stream.hears(CUT_WITHIN, |name, _| name == "end").await?;
    assert_eq!(end["reason"], "signed_out");
    assert!(stage.sign_in("operator1@test.fr").await.is_err());
    let path = format!("/physiotraq/api/v1/treatments/{treatment}");
    let shown = answers::json(licence.owner.get_json(&path).await?, 200).await?;
    assert_eq!((&shown["operatorName"], &shown["status"]), (&json!("Paul Essai"), &json!("in_progress")));
    let team = answers::text(licence.owner.get(TEAM).await?, 200).await?;
    assert!(team.contains("Odile Essai") && !team.contains("Paul Essai"), "{team}");
    assert_eq!(licence.owner.post(&remove, &[]).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_signs_in_again_and_no_session_of_before_lives() -> Result<()> {
    let scene = Scene::new().await?;
    let licence = &scene.licence;
    let remove = format!("{TEAM}/{}/remove", licence.operator.account);
    assert_eq!(licence.owner.post(&remove, &[]).await?.status(), 303);
    scene.stage.clock.advance(TimeDelta::minutes(1));
    let secret = scene.invited(&licence.owner, "operator1@test.fr", 1).await?;
    let answer = scene.stage.anybody().post(INVITATION, &acceptance(&secret, PASSWORD)).await?;
    assert_eq!(answer.status(), 303);
    let back = scene.stage.sign_in("operator1@test.fr").await?;
    assert_eq!(back.get(HOME).await?.status(), 200);
    assert_eq!(licence.operator.get(HOME).await?.status(), 303, "a cookie of before the removal opens the licence");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_cannot_be_removed() -> Result<()> {
    let mut scene = Scene::new().await?;
    let before = scene.trace().await?;
    let remove = format!("{TEAM}/{}/remove", scene.licence.owner.account);
    assert_eq!(scene.licence.owner.post(&remove, &[]).await?.status(), 409);
    assert_eq!(scene.trace().await?, before);
    let team = answers::text(scene.licence.owner.get(TEAM).await?, 200).await?;
    assert!(!team.contains(&remove), "the button is offered");
    Ok(())
}
