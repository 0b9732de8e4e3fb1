//! Firmware: who publishes it, what is accepted as a release, and what owners see of it.

mod fleet;
mod rollouts;
mod updates;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use physiotraq::vendor;
use reqwest::StatusCode;
use socle::web::Product;
use testkit::vendor::{HARDWARE, PUBLIC_KEY, binary, signed};
use testkit::{PASSWORD, Person, Stage, sha256};

const VENDOR: &str = "/physiotraq/vendor/firmware";

/// One column of one row, as a superuser sees it.
async fn scalar(stage: &Stage, query: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(&mut stage.database.admin().await?).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_owners_and_operators_publish_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    let stranger = stage.anybody().get(VENDOR).await?;
    assert!(Person::location(&stranger).starts_with("/physiotraq/sign_in"), "{}", stranger.status());
    for person in [&licence.owner, &licence.operator] {
        for path in [VENDOR.to_owned(), format!("{VENDOR}/new"), format!("{VENDOR}/{release}")] {
            assert_eq!(person.get(&path).await?.status(), StatusCode::FORBIDDEN, "{path}");
        }
        let refused = person.upload(VENDOR, &[("version", "1")], ("binary_file", "x", b"x")).await?;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let refused = person.post(&format!("{VENDOR}/{release}/rollouts"), &[("stages", "100")]).await?;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(scalar(&stage, "SELECT count(*) FROM physiotraq.firmware_releases").await?, 1);
    assert_eq!(scalar(&stage, "SELECT count(*) FROM physiotraq.firmware_rollouts").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_needs_a_second_factor_and_sees_no_licence() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    vendor::person(stage.product.app(), ("bare@test.fr", PASSWORD.into()), ("Vera", "Essai")).await?;
    let bare = stage.sign_in("bare@test.fr").await?;
    assert_eq!(Person::location(&bare.get(VENDOR).await?), "/physiotraq/account/factors");
    let vendor = stage.vendor().await?;
    assert_eq!(Person::location(&vendor.browser.get("/physiotraq/app").await?), VENDOR, "where they land");
    let device = format!("/physiotraq/admin/devices/{}", licence.device.id);
    for path in ["/physiotraq/admin/devices", &device, "/physiotraq/admin/team", "/physiotraq/admin/firmware"] {
        assert_eq!(vendor.browser.get(path).await?.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let page = vendor.browser.get(VENDOR).await?.text().await?;
    assert!(!page.contains("Clinique"), "no customer is named");
    // Nobody of a licence is one of the vendor, whatever a program writes.
    let admin = &mut stage.database.admin().await?;
    let promoted = sqlx::query("UPDATE socle.memberships SET role = 'vendor' WHERE account_id = $1")
        .bind(licence.owner.account.0)
        .execute(admin)
        .await;
    assert!(promoted.unwrap_err().to_string().contains("memberships_physiotraq_vendor"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_what_was_signed_and_nothing_else() -> Result<()> {
    let stage = Stage::new().await?;
    let vendor = stage.vendor().await?;
    let binary = binary("03.1.0", 70_000);
    let (other, elsewhere) = (signed(&binary, "03.2.0", HARDWARE)?, signed(&binary, "03.1.0", "CT2")?);
    let nonsense = "ab".repeat(64);
    for signature in [&other, &elsewhere, &nonsense] {
        let refused = vendor.upload("03.1.0", &binary, &[("signature", signature)]).await?;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.text().await?.contains("signature-error"), "it is said at the field");
    }
    let mut changed = binary.clone();
    *changed.last_mut().context("empty")? ^= 1;
    let right = signed(&binary, "03.1.0", HARDWARE)?;
    assert_eq!(vendor.upload("03.1.0", &changed, &[("signature", &right)]).await?.status(), StatusCode::BAD_REQUEST);
    assert_eq!(scalar(&stage, "SELECT count(*) FROM physiotraq.firmware_releases").await?, 0);
    assert_eq!(contents(&stage)?, 0, "nothing that was refused stays in the store");

    let id = vendor.release("03.1.0", &binary, &[]).await?;
    let page = vendor.browser.get(&format!("{VENDOR}/{id}")).await?.text().await?;
    for shown in [sha256(&binary), right, PUBLIC_KEY.to_owned()] {
        assert!(page.contains(&shown), "{shown}");
    }
    assert_eq!(contents(&stage)?, 1);
    let twice = vendor.upload("3.01", &binary, &[]).await?;
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST, "the same numbers are the same version");
    assert_eq!(contents(&stage)?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_binary_is_refused_and_the_form_keeps_what_was_typed() -> Result<()> {
    let stage = Stage::new().await?;
    let vendor = stage.vendor().await?;
    for content in [b"%PDF-1.7\n".as_slice(), b"PK\x03\x04\x14\x00", "du texte".as_bytes(), b""] {
        let refused = vendor.upload("03.1.0", content, &[("release_notes", "Plus court, plus calme.")]).await?;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let page = refused.text().await?;
        assert!(page.contains("binary_file-error") && page.contains("Plus court, plus calme."), "{content:?}");
    }
    let empty = vendor.browser.upload(VENDOR, &[("version", "x")], ("binary_file", "", b"")).await?.text().await?;
    for field in ["version", "hardware", "release_notes", "signature", "binary_file"] {
        assert!(empty.contains(&format!("{field}-error")), "{field}");
    }
    assert_eq!(contents(&stage)?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_asks_for_a_proof_of_the_last_ten_minutes() -> Result<()> {
    let stage = Stage::new().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    stage.clock.advance(TimeDelta::minutes(11));
    let asked = vendor.browser.get(&format!("{VENDOR}/new")).await?;
    assert!(Person::location(&asked).starts_with("/physiotraq/reauthenticate"), "before the file is chosen");
    let asked = vendor.upload("03.2.0", &binary("03.2.0", 1_000), &[]).await?;
    assert!(Person::location(&asked).starts_with("/physiotraq/reauthenticate"));
    let delete = vendor.browser.post(&format!("{VENDOR}/{release}/delete"), &[]).await?;
    assert!(Person::location(&delete).starts_with("/physiotraq/reauthenticate"));
    assert_eq!(vendor.browser.get(VENDOR).await?.status(), StatusCode::OK, "looking needs none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_see_what_is_published_and_set_their_devices() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let released = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    let kept_back = vendor.release("03.2.0", &binary("03.2.0", 1_000), &[]).await?;
    let list = "/physiotraq/admin/firmware";
    assert!(!licence.owner.get(list).await?.text().await?.contains("03.1.0"), "nothing runs out yet");
    vendor.roll_out(&released, &[]).await?;
    let page = licence.owner.get(list).await?.text().await?;
    assert!(page.contains("03.1.0") && !page.contains("03.2.0"));
    let one = licence.owner.get(&format!("{list}/{released}")).await?.text().await?;
    assert!(one.contains("Mesure plus stable."));
    assert_eq!(licence.owner.get(&format!("{list}/{kept_back}")).await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(licence.operator.get(list).await?.status(), StatusCode::FORBIDDEN);

    let device = format!("/physiotraq/admin/devices/{}", licence.device.id);
    let set = licence.owner.post(&format!("{device}/firmware"), &[("beta", "on")]).await?;
    assert_eq!(set.status(), StatusCode::SEE_OTHER);
    let flags = "SELECT count(*) FROM physiotraq.devices WHERE NOT firmware_auto_update AND firmware_beta";
    assert_eq!(scalar(&stage, flags).await?, 1);
    let other = stage.licence().await?;
    let refused = other.owner.post(&format!("{device}/firmware"), &[("auto_update", "on")]).await?;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    Ok(())
}

/// How many contents lie in the store.
fn contents(stage: &Stage) -> Result<usize> {
    let folder = stage.database.folder().join("files/physiotraq/firmware");
    if !folder.is_dir() {
        return Ok(0);
    }
    Ok(std::fs::read_dir(folder)?.count())
}
