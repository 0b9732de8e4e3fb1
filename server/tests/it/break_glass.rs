//! Breaking the glass: one record, one person, one session, half an hour; told, audited, reviewed.

mod reviews;

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use socle::ids::TenantId;
use testkit::Stage;
use testkit::trial::TENANT;
use uuid::Uuid;

use crate::staff::{Member, eventually};

const REASON: &str = "Patiente sans connaissance, allergies inconnues.";
const ASK: &str = "/api/v1/break-glass";
const OPENED: &str = "SELECT count(*) FROM socle.break_glass";

/// A patient with two cases, two people of operations, two reviewers.
struct Scene {
    stage: Stage,
    case: Uuid,
    second: Uuid,
    patient: Member,
    ops: Member,
    colleague: Member,
    reviewer: Member,
}

async fn scene() -> Result<Scene> {
    let stage = Stage::new().await?;
    let patient = Member::new(&stage, TENANT, "patient@test.fr", "PATIENT").await?;
    let ops = Member::new(&stage, TENANT, "ops@test.fr", "OPS").await?;
    let colleague = Member::new(&stage, TENANT, "colleague@test.fr", "OPS").await?;
    let reviewer = Member::new(&stage, TENANT, "compliance@test.fr", "COMPLIANCE_ADMIN").await?;
    let cases = stage.trial.cases();
    let (case, second) = (cases.add(TENANT, patient.account), cases.add(TENANT, patient.account));
    Ok(Scene { stage, case, second, patient, ops, colleague, reviewer })
}

fn wish(record: Uuid) -> Value {
    json!({ "kind": "Case", "recordId": record, "reason": REASON })
}

impl Scene {
    /// Asks; the status and the code or id.
    async fn ask(&self, member: &Member, wish: &Value) -> Result<(u16, String)> {
        let (status, body) = member.told(Method::POST, ASK, Some(wish)).await?;
        let said = if status == 201 { &body["id"] } else { &body["error"]["code"] };
        Ok((status, said.as_str().unwrap_or_default().to_owned()))
    }

    /// Opens the case for operations; the id of the opening.
    async fn opened(&self) -> Result<String> {
        let (status, id) = self.ask(&self.ops, &wish(self.case)).await?;
        assert_eq!(status, 201, "{id}");
        Ok(id)
    }

    async fn sees(&self, member: &Member, case: Uuid) -> Result<u16> {
        member.status(&format!("/cases/{case}")).await
    }

    async fn figure(&self, query: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(query).fetch_one(&mut self.stage.database.admin().await?).await?)
    }

    /// Actions and outcomes of the audit trail on broken glass, by name: all happen at one instant of the set clock.
    async fn trail(&self) -> Result<Vec<String>> {
        let query = "SELECT action || ' ' || outcome FROM socle.audit_log WHERE action LIKE 'break_glass.%' ORDER BY 1";
        Ok(sqlx::query_scalar(query).fetch_all(&mut self.stage.database.admin().await?).await?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_reason_role_or_a_factor_just_proved_nothing_is_opened() -> Result<()> {
    let scene = scene().await?;
    for reason in ["", "urgent", "          ", &"x".repeat(1001), "une raison\u{0}"] {
        let asked = json!({ "kind": "Case", "recordId": scene.case, "reason": reason });
        assert_eq!(scene.ask(&scene.ops, &asked).await?, (400, "VAL_FIELDS".to_owned()), "{reason:?}");
    }
    let missing = json!({ "kind": "Case", "recordId": scene.case });
    assert_eq!(scene.ask(&scene.ops, &missing).await?.0, 400);
    assert_eq!(scene.ask(&scene.patient, &wish(scene.case)).await?, (403, "AUTHZ_FORBIDDEN".to_owned()));
    assert_eq!(scene.patient.page("/break_glass", "en").await?.0, 403);
    let note = json!({ "kind": "Note", "recordId": scene.case, "reason": REASON });
    assert_eq!(scene.ask(&scene.ops, &note).await?, (422, "BIZ_BREAK_GLASS_KIND".to_owned()));
    scene.stage.clock.advance(TimeDelta::minutes(11));
    assert_eq!(scene.ask(&scene.ops, &wish(scene.case)).await?, (403, "AUTH_STEP_UP".to_owned()));
    assert_eq!(scene.figure(OPENED).await?, 0);
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    // The right things do open it: what was refused above was not refused by accident.
    scene.ops.proves_again(&scene.stage).await?;
    scene.opened().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_opens_this_record_for_this_person_in_this_session_and_to_be_seen_only() -> Result<()> {
    let scene = scene().await?;
    assert_eq!(scene.sees(&scene.patient, scene.case).await?, 200);
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    scene.opened().await?;
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 200);
    assert_eq!(scene.sees(&scene.ops.elsewhere(), scene.case).await?, 404, "another session of the same person");
    assert_eq!(scene.sees(&scene.ops, scene.second).await?, 404, "another record");
    assert_eq!(scene.sees(&scene.colleague, scene.case).await?, 404, "another person");
    assert_eq!(scene.sees(&scene.reviewer, scene.case).await?, 404, "who reviews does not see it");
    let change = scene.ops.form(&format!("/cases/{}", scene.case), &[]).await?;
    assert_eq!(change.status(), 403, "it may be seen now, and still not be changed");
    assert_eq!(scene.ops.status(&format!("/cases/{}/note", scene.case)).await?, 404, "a kind that is never opened");
    assert_eq!(scene.figure("SELECT uses::bigint FROM socle.break_glass").await?, 1, "what was refused is no use");
    assert_eq!(scene.stage.trial.cases().log_of(scene.case), [scene.ops.account], "the record's own log");
    assert_eq!(scene.sees(&scene.patient, scene.case).await?, 200, "the owner's right is the ordinary one");
    assert_eq!(scene.figure("SELECT uses::bigint FROM socle.break_glass").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_half_an_hour_it_is_over_and_nothing_prolongs_it() -> Result<()> {
    let scene = scene().await?;
    scene.opened().await?;
    scene.stage.clock.advance(TimeDelta::minutes(20));
    scene.ops.proves_again(&scene.stage).await?;
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 200);
    let again = scene.ask(&scene.ops, &wish(scene.case)).await?;
    assert_eq!(again, (409, "BIZ_BREAK_GLASS_OPEN".to_owned()), "the same record again");
    let another = scene.ask(&scene.ops, &wish(scene.second)).await?;
    assert_eq!(another, (409, "BIZ_BREAK_GLASS_OPEN".to_owned()), "a second record");
    scene.stage.clock.advance(TimeDelta::seconds(599));
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 200);
    scene.stage.clock.advance(TimeDelta::seconds(1));
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    // The end is written down although nobody asks for anything any more.
    eventually(&scene.stage, 1, "SELECT count(*) FROM socle.audit_log WHERE action = 'break_glass.ended'").await?;
    scene.ops.proves_again(&scene.stage).await?;
    scene.opened().await?;
    assert_eq!(scene.figure(OPENED).await?, 2, "needed longer, it is another opening with a review of its own");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_each_use_and_the_end_are_audited_and_the_reason_is_sealed() -> Result<()> {
    let scene = scene().await?;
    let id = scene.opened().await?;
    for _ in 0..2 {
        assert_eq!(scene.sees(&scene.ops, scene.case).await?, 200);
    }
    let path = format!("{ASK}/{id}");
    assert_eq!(scene.colleague.told(Method::DELETE, &path, None).await?.0, 404, "it is not theirs to end");
    assert_eq!(scene.ops.told(Method::DELETE, &path, None).await?.0, 204);
    assert_eq!(scene.ops.told(Method::DELETE, &path, None).await?.0, 404, "it has ended");
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    let used = "break_glass.used done";
    assert_eq!(scene.trail().await?, ["break_glass.ended done", "break_glass.opened done", used, used]);
    let told = "SELECT count(*) FROM socle.audit_log WHERE action = 'break_glass.used' AND resource_type = 'Case'
                  AND resource_id IS NOT NULL AND actor_id IS NOT NULL AND details ? 'opening'";
    assert_eq!(scene.figure(told).await?, 2);
    assert_eq!(scene.figure("SELECT count(*) FROM socle.security_events WHERE type = 'BREAK_GLASS'").await?, 1);
    let clear = "SELECT count(*) FROM socle.break_glass b, socle.audit_log a
                 WHERE b::text LIKE '%connaissance%' OR a::text LIKE '%connaissance%'
                    OR position('connaissance'::bytea IN b.asked) > 0";
    assert_eq!(scene.figure(clear).await?, 0, "the reason is for reviewers alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_another_tenant_is_not_there_and_the_attempt_is_recorded() -> Result<()> {
    let scene = scene().await?;
    let elsewhere = TenantId(Uuid::from_u128(0x7121_a200));
    let theirs = Member::new(&scene.stage, elsewhere, "theirs@test.fr", "PATIENT").await?;
    let foreign = scene.stage.trial.cases().add(elsewhere, theirs.account);
    let nothing = Uuid::from_u128(42);
    let told = scene.ask(&scene.ops, &wish(foreign)).await?;
    assert_eq!(told, (404, "BIZ_NOT_FOUND".to_owned()));
    assert_eq!(scene.ask(&scene.ops, &wish(nothing)).await?, told, "the same answer for what is nowhere");
    assert_eq!(scene.figure(OPENED).await?, 0);
    assert!(scene.stage.trial.cases().log_of(foreign).is_empty());
    assert_eq!(scene.trail().await?, ["break_glass.opened refused", "break_glass.opened refused"]);
    assert_eq!(scene.sees(&scene.ops, foreign).await?, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_asks_at_once_one_opens() -> Result<()> {
    let scene = scene().await?;
    let asks = (0..8).map(|n| {
        let (ops, wish) = (scene.ops.clone(), wish(if n % 2 == 0 { scene.case } else { scene.second }));
        tokio::spawn(async move { ops.told(Method::POST, ASK, Some(&wish)).await })
    });
    let mut statuses = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        statuses.push(ask.await??.0);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(scene.figure(OPENED).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_ask_sees_only_what_the_policies_open_for_the_role() -> Result<()> {
    let scene = scene().await?;
    assert_eq!(scene.ask(&scene.reviewer, &wish(scene.case)).await?.0, 201);
    assert_eq!(scene.sees(&scene.reviewer, scene.case).await?, 404, "the policies open cases for operations alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_has_ended_takes_the_open_record_with_it() -> Result<()> {
    let scene = scene().await?;
    scene.opened().await?;
    assert_eq!(scene.ops.form("/sign_out", &[]).await?.status(), 303);
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 303, "to the sign-in page");
    let other = scene.ops.elsewhere();
    assert_eq!(scene.sees(&other, scene.case).await?, 404, "no other session inherits it");
    assert_eq!(scene.ask(&other, &wish(scene.case)).await?.0, 409, "and it waits for its end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_asks_keeps_what_was_typed_and_says_what_is_open() -> Result<()> {
    let scene = scene().await?;
    for (language, title) in [("fr", "Accès d’urgence à un dossier"), ("en", "Emergency access to a record")] {
        let (status, page) = scene.ops.page("/break_glass", language).await?;
        assert_eq!(status, 200);
        assert!(page.contains(title), "{page}");
    }
    let record = scene.case.to_string();
    let refused = scene.ops.form("/break_glass", &[("kind", "Case"), ("record", &record), ("reason", "vite")]).await?;
    assert_eq!(refused.status(), 422);
    let page = refused.text().await?;
    assert!(page.contains("vite") && page.contains(&record) && page.contains("id=\"reason-error\""), "{page}");
    let nowhere = [("kind", "Case"), ("record", "not an id"), ("reason", REASON)];
    assert!(scene.ops.form("/break_glass", &nowhere).await?.text().await?.contains("id=\"record-error\""));
    let asked = scene.ops.form("/break_glass", &[("kind", "Case"), ("record", &record), ("reason", REASON)]).await?;
    assert_eq!(asked.status(), 303);
    let (_, page) = scene.ops.page("/break_glass?notice=glass-broken", "en").await?;
    assert!(page.contains("Open until 2026-11-21 11:30 CET") && page.contains(&record), "{page}");
    let (_, page) = scene.ops.elsewhere().page("/break_glass", "en").await?;
    assert!(page.contains("open in another of your sessions"), "{page}");
    let id: Uuid = sqlx::query_scalar("SELECT id FROM socle.break_glass")
        .fetch_one(&mut scene.stage.database.admin().await?)
        .await?;
    let ended = scene.ops.form(&format!("/break_glass/{id}/end"), &[]).await?;
    assert_eq!(ended.headers()["location"], "/trial/break_glass?notice=glass-whole");
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    Ok(())
}
