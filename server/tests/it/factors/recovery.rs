//! Recovery codes: each once, a new set instead of the old, and a warning in time.

use anyhow::Result;

use super::{PATIENT, Visitor, codes_of, enrolled, events, stage};
use testkit::Stage;

async fn fits(stage: &Stage, code: &str) -> Result<bool> {
    let mut visitor = Visitor::new(stage)?;
    visitor.password(PATIENT).await?;
    Ok(visitor.post("/sign_in/second_factor", &[("recovery_code", code)]).await?.status == 303)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_code_signs_in_once_however_it_is_typed() -> Result<()> {
    let stage = stage().await?;
    let (_, _, codes) = enrolled(&stage, PATIENT).await?;
    assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 10);
    assert!(fits(&stage, &codes[0]).await?);
    assert!(!fits(&stage, &codes[0]).await?, "the same code again");
    assert!(fits(&stage, &codes[1].to_lowercase().replace('-', " ")).await?);
    assert!(!fits(&stage, "0000-0000-0000").await? && !fits(&stage, " ").await?);
    assert_eq!(events(&stage, "RECOVERY_CODE_USED").await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_codes_are_warned_of_and_a_new_set_replaces_the_old() -> Result<()> {
    let stage = stage().await?;
    let (mut visitor, _, codes) = enrolled(&stage, PATIENT).await?;
    for (used, code) in codes.iter().take(7).enumerate() {
        let page = visitor.get("/account/factors").await?.body;
        assert!(!page.contains("id=\"few-codes\"") && page.contains("id=\"codes-left\""), "{used} used");
        assert!(fits(&stage, code).await?);
    }
    assert!(fits(&stage, &codes[7]).await? && visitor.get("/account/factors").await?.body.contains("id=\"few-codes\""));
    let renewed = visitor.post("/account/factors/recovery_codes", &[]).await?;
    let renewed = codes_of(&renewed.body);
    assert_eq!(renewed.len(), 10);
    assert!(!visitor.get("/account/factors").await?.body.contains("id=\"few-codes\""));
    assert!(!fits(&stage, &codes[9]).await?, "a code of the former set");
    assert!(fits(&stage, &renewed[9]).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_hashes_are_kept_and_another_account_has_no_use_for_a_code() -> Result<()> {
    let stage = stage().await?;
    let (_, _, own) = enrolled(&stage, PATIENT).await?;
    let (_, _, other) = enrolled(&stage, super::STAFF).await?;
    assert!(!fits(&stage, &other[0]).await?);
    assert!(fits(&stage, &own[0]).await?);
    let kept = "SELECT string_agg(t::text, ' ') FROM socle.recovery_codes t";
    let kept: String = sqlx::query_scalar(kept).fetch_one(&mut stage.database.admin().await?).await?;
    for code in own.iter().chain(&other) {
        let bare = code.replace('-', "");
        let hex: String = bare.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!kept.contains(code) && !kept.contains(&bare) && !kept.contains(&hex));
    }
    Ok(())
}
