//! The overview of an account.

use anyhow::Result;

use super::{ANNA, Browser, Scene, location, text_of};

async fn overview(browser: &mut Browser) -> Result<String> {
    text_of(browser.get("/account").await?, 200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_who_it_is_and_leads_to_everything_with_its_state() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = scene.signed_in(ANNA).await?;
    let page = overview(&mut browser).await?;
    for said in [
        ANNA,
        "PATIENT",
        "Organisation",
        "valable jusqu’au 19 févr. 2027",
        "Adresse confirmée. Aucun téléphone.",
        "le mot de passe suffit",
        "Une session ouverte.",
        "Un appareil connu, aucun de confiance.",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for path in ["password", "contact", "factors", "sessions", "devices", "data"] {
        assert!(page.contains(&format!("href=\"/trial/account/{path}\"")), "{path}");
    }
    assert!(!page.contains("À faire"), "nothing is due: {page}");
    let home = text_of(browser.get("/account/sessions").await?, 200).await?;
    assert!(home.contains("href=\"/trial/account\""), "the menu does not lead there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_open_to_whoever_owes_something_and_says_what() -> Result<()> {
    let scene = Scene::new().await?;
    scene.change("UPDATE socle.memberships SET role = 'OPS' WHERE account_id = $1", scene.anna).await?;
    let mut browser = scene.signed_in(ANNA).await?;
    assert_eq!(overview(&mut browser).await?.matches("À faire").count(), 1);
    scene.change("UPDATE socle.accounts SET force_password_change = true WHERE id = $1", scene.anna).await?;
    let page = overview(&mut browser).await?;
    assert!(page.contains("choisissez le vôtre") && page.contains("À faire"), "{page}");
    assert_eq!(location(&browser.get("/app").await?), "/trial/account/password");
    scene.change("UPDATE socle.accounts SET force_password_change = false WHERE id = $1", scene.anna).await?;
    let over = "UPDATE socle.accounts SET password_expires_at = created_at WHERE id = $1";
    scene.change(over, scene.anna).await?;
    assert!(overview(&mut browser).await?.contains("Arrivé à échéance"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_in_english_too() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = scene.signed_in(ANNA).await?;
    scene.signed_in(ANNA).await?;
    browser.post("/language", &[("lang", "en"), ("back", "/trial/account")]).await?;
    let page = overview(&mut browser).await?;
    for said in ["My account", "2 open sessions.", "2 known devices, none of them trusted.", "Address confirmed."] {
        assert!(page.contains(said), "{said}: {page}");
    }
    Ok(())
}
