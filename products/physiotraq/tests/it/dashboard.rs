//! The owner's dashboard and list of devices: figures that are those of the tables, and what happened lately.

use anyhow::Result;
use chrono::TimeDelta;
use testkit::{Licence, Stage};

use crate::{answers, crew};

async fn dashboard(licence: &Licence) -> Result<String> {
    answers::text(licence.owner.get("/physiotraq/admin").await?, 200).await
}

/// The text of a tile: tags left out, blanks made one.
fn tile(page: &str, id: &str) -> String {
    let inside = page.split_once(&format!("id=\"{id}\"")).map(|(_, rest)| rest).unwrap_or_default();
    let inside = inside.split_once("</li>").map(|(tile, _)| tile).unwrap_or_default();
    let text = inside.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    text.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_is_the_owners() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    assert_eq!(licence.operator.get("/physiotraq/admin").await?.status(), 403);
    assert_eq!(stage.anybody().get("/physiotraq/admin").await?.status(), 303);
    let field = answers::text(licence.operator.get("/physiotraq/app").await?, 200).await?;
    assert!(!field.contains("href=\"/physiotraq/admin"), "the way there is shown");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tiles_count_licence_devices_treatments_and_team() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    crew::online(&other.device).await?;
    other.operator.start(&other.device).await?;
    let online = crew::devices(&stage, &licence, 2).await?;
    licence.owner.post("/physiotraq/admin/team", &[("email", "nadia@test.fr")]).await?;
    for device in &online {
        licence.operator.start(device).await?;
    }
    licence.operator.post(&format!("/physiotraq/app/monitor/{}/stop", online[0].id), &[]).await?;
    let page = dashboard(&licence).await?;
    assert!(tile(&page, "tile-licence").contains("Active Jusqu’au 21 nov. 2027"), "{}", tile(&page, "tile-licence"));
    let devices = tile(&page, "tile-devices");
    assert!(devices.contains("2 en ligne 1 hors ligne · 3 sur 20 de la licence"), "{devices}");
    assert!(tile(&page, "tile-treatments").contains("1 terminé 1 en cours"), "{}", tile(&page, "tile-treatments"));
    let team = tile(&page, "tile-team");
    assert!(team.contains("1 opérateur 1 responsable · une invitation en attente"), "{team}");
    // Tomorrow the day begins anew; what runs still runs.
    stage.clock.advance(TimeDelta::hours(15));
    let owner = stage.sign_in("owner1@test.fr").await?;
    let page = answers::text(owner.get("/physiotraq/admin").await?, 200).await?;
    assert!(tile(&page, "tile-treatments").contains("0 terminé 1 en cours"), "{}", tile(&page, "tile-treatments"));
    assert!(tile(&page, "tile-devices").contains("0 en ligne 3 hors ligne"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recent_activity_is_newest_first_and_the_licences_own() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    crew::online(&other.device).await?;
    crew::online(&licence.device).await?;
    licence.operator.start(&licence.device).await?;
    stage.clock.advance(TimeDelta::minutes(2));
    for _ in 0..3 {
        stage.clock.advance(TimeDelta::seconds(20));
        licence.device.measure(stage.clock.now(), 39.2).await?;
    }
    let alert = "Alerte\u{a0}: 39\u{a0}°C atteints";
    answers::eventually(true, async || Ok(dashboard(&licence).await?.contains(alert))).await?;
    stage.clock.advance(TimeDelta::seconds(20));
    licence.operator.post(&format!("/physiotraq/app/monitor/{}/stop", licence.device.id), &[]).await?;
    let page = dashboard(&licence).await?;
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    let order = ["Traitement terminé", alert, "Appareil connecté"].map(place);
    assert!(order.is_sorted(), "{order:?}");
    assert!(page.contains("Nouveau membre") && page.contains("Paul Essai"));
    assert_eq!(page.matches("Appareil connecté").count(), 1, "another licence's device is there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_devices_is_searched_and_sorted_and_names_who_has_each() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let second = crew::devices(&stage, &licence, 1).await?.remove(0);
    let list = async |query: &str| {
        answers::text(licence.owner.get(&format!("/physiotraq/admin/devices{query}")).await?, 200).await
    };
    let (one, two) = (format!("id=\"device-{}\"", licence.device.id), format!("id=\"device-{}\"", second.id));
    let at = |page: &str, id: &str| page.find(id);
    let (up, down) = (list("").await?, list("?sort=name&order=desc").await?);
    assert!(at(&up, &one) < at(&up, &two) && at(&down, &two) < at(&down, &one));
    assert!(up.contains("aria-sort=\"ascending\"") && down.contains("aria-sort=\"descending\""));
    assert!(up.contains("Odile Essai, Paul Essai") && up.contains("Connexion…"));
    let found = list(&format!("?q={}", second.seeded.serial.to_lowercase())).await?;
    assert!(found.contains(&two) && !found.contains(&one));
    let nothing = list("?q=zzz&status=online").await?;
    assert!(
        nothing.contains("Aucun appareil ne correspond") && nothing.contains("?status=offline&amp;q=zzz")
            || nothing.contains("?status=offline&#38;q=zzz")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_device_tells_what_was_done_with_it() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let monitor = format!("/physiotraq/app/monitor/{}", licence.device.id);
    for end in ["stop", "stop", "abort"] {
        crew::online(&licence.device).await?;
        licence.operator.start(&licence.device).await?;
        stage.clock.advance(TimeDelta::seconds(90));
        licence.operator.post(&format!("{monitor}/{end}"), &[]).await?;
    }
    let page =
        answers::text(licence.owner.get(&format!("/physiotraq/admin/devices/{}", licence.device.id)).await?, 200);
    let page = page.await?;
    let after = |term: &str| {
        let rest = page.split_once(&format!("<dt>{term}</dt>")).map(|(_, rest)| rest).unwrap_or_default();
        let value = rest.split_once("</dd>").map(|(value, _)| value).unwrap_or_default();
        value.rsplit_once('>').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(after("Traitements"), "3");
    assert_eq!((after("Temps total"), after("Durée moyenne")), ("00:04:30".to_owned(), "00:01:30".to_owned()));
    assert_eq!(after("Taux de réussite"), "67 %");
    assert!(page.contains("depuis le 21 nov. 2026"), "assignments have their date");
    assert_eq!(page.matches("/physiotraq/app/treatments/").count(), 3, "the recent treatments are listed");
    assert!(page.contains("Adresse MAC") && page.contains(&licence.device.seeded.mac));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_page_may_ask_for_the_camera_and_its_form_works_without() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let allowed = async |path: &str| -> Result<String> {
        let answer = licence.owner.get(path).await?;
        Ok(answer.headers().get("permissions-policy").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned())
    };
    assert!(allowed("/physiotraq/admin/devices/new").await?.contains("camera=(self)"));
    for path in ["/physiotraq/admin/devices", "/physiotraq/admin", "/physiotraq/app", "/physiotraq/sign_in"] {
        assert!(allowed(path).await?.contains("camera=()"), "{path}");
    }
    let code = "/physiotraq/admin/devices/new?serial=PT-2026-00077&secret=du-code";
    let page = answers::text(licence.owner.get(code).await?, 200).await?;
    assert!(page.contains("value=\"PT-2026-00077\"") && page.contains("value=\"du-code\""), "{page}");
    let refused = licence.owner.post("/physiotraq/admin/devices", &[("serial_number", "PT-2026-00077")]).await?;
    assert!(answers::text(refused, 400).await?.contains("value=\"PT-2026-00077\""));
    Ok(())
}
