//! Reviewers are told, say whether it was justified, and are reminded until somebody has.

use super::*;

const MAILS: &str = "SELECT count(*) FROM socle.mails WHERE template = 'break-glass-opened'";
const SENT: &str = "SELECT count(*) FROM socle.mails WHERE template = 'break-glass-opened' AND status = 'sent'";
const REMINDERS: &str = "SELECT count(*) FROM socle.mails WHERE template = 'break-glass-reminder'";

impl Scene {
    async fn review(&self, member: &Member, id: &str, verdict: &str, note: &str) -> Result<(u16, String)> {
        let body = json!({ "verdict": verdict, "note": note });
        let (status, body) = member.told(Method::POST, &format!("{ASK}/{id}/review"), Some(&body)).await?;
        Ok((status, body["error"]["code"].as_str().unwrap_or_default().to_owned()))
    }

    async fn queue(&self, member: &Member) -> Result<Vec<Value>> {
        let (status, body) = member.told(Method::GET, "/api/v1/break-glass/reviews", None).await?;
        assert_eq!(status, 200, "{body}");
        Ok(body["data"].as_array().cloned().unwrap_or_default())
    }

    /// Opened, used once and ended.
    async fn over(&self) -> Result<String> {
        let id = self.opened().await?;
        assert_eq!(self.sees(&self.ops, self.case).await?, 200);
        assert_eq!(self.ops.told(Method::DELETE, &format!("{ASK}/{id}"), None).await?.0, 204);
        Ok(id)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reviewer_of_the_tenant_is_told_and_nobody_else() -> Result<()> {
    let scene = scene().await?;
    Member::new(&scene.stage, TENANT, "second@test.fr", "COMPLIANCE_ADMIN").await?;
    let elsewhere = TenantId(Uuid::from_u128(0x7121_a200));
    Member::new(&scene.stage, elsewhere, "foreign@test.fr", "COMPLIANCE_ADMIN").await?;
    scene.opened().await?;
    assert_eq!(scene.figure(MAILS).await?, 2);
    eventually(&scene.stage, 2, SENT).await?;
    let told = "SELECT count(*) FROM socle.security_events WHERE type = 'BREAK_GLASS' AND severity = 'high'
                  AND meta_json ->> 'told' = '2'";
    assert_eq!(scene.figure(told).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_it_is_not_the_one_who_is_told_and_with_nobody_to_tell_the_event_is_critical() -> Result<()> {
    let scene = scene().await?;
    assert_eq!(scene.ask(&scene.reviewer, &wish(scene.case)).await?.0, 201);
    assert_eq!(scene.figure(MAILS).await?, 0);
    let critical = "SELECT count(*) FROM socle.security_events WHERE type = 'BREAK_GLASS' AND severity = 'critical'";
    assert_eq!(scene.figure(critical).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_reads_who_what_and_why_and_says_whether_it_was_justified() -> Result<()> {
    let scene = scene().await?;
    let id = scene.opened().await?;
    let early = scene.review(&scene.reviewer, &id, "justified", "").await?;
    assert_eq!(early, (409, "BIZ_BREAK_GLASS_OPEN".to_owned()), "not while it may still be used");
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 200);
    assert_eq!(scene.reviewer.told(Method::DELETE, &format!("{ASK}/{id}"), None).await?.0, 204, "ended by a reviewer");
    assert_eq!(scene.sees(&scene.ops, scene.case).await?, 404);
    let [waiting] = scene.queue(&scene.reviewer).await?.try_into().unwrap();
    assert_eq!((&waiting["reason"], &waiting["uses"]), (&json!(REASON), &json!(1)));
    assert_eq!((&waiting["recordId"], &waiting["verdict"]), (&json!(scene.case), &Value::Null));
    assert_eq!(waiting["person"], json!(scene.ops.email));
    assert_eq!(scene.review(&scene.reviewer, &id, "not_justified", "non").await?.0, 400, "why not?");
    let note = "Le dossier n’avait rien d’urgent.";
    assert_eq!(scene.review(&scene.reviewer, &id, "not_justified", note).await?.0, 204);
    let again = scene.review(&scene.reviewer, &id, "justified", "").await?;
    assert_eq!(again, (409, "BIZ_REVIEWED".to_owned()), "the first word stands");
    let [reviewed] = scene.queue(&scene.reviewer).await?.try_into().unwrap();
    assert_eq!((&reviewed["verdict"], &reviewed["note"]), (&json!("not_justified"), &json!(note)));
    assert_eq!(reviewed["reviewedBy"], json!(scene.reviewer.email));
    let event = "SELECT count(*) FROM socle.security_events WHERE type = 'BREAK_GLASS_NOT_JUSTIFIED'";
    assert_eq!(scene.figure(event).await?, 1);
    assert!(scene.trail().await?.contains(&"break_glass.reviewed done".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reviews_their_own_and_nobody_without_the_right_reviews_at_all() -> Result<()> {
    let scene = scene().await?;
    let id = scene.over().await?;
    for member in [&scene.ops, &scene.colleague, &scene.patient] {
        assert_eq!(scene.review(member, &id, "justified", "").await?.0, 403);
        assert_eq!(member.status("/api/v1/break-glass/reviews").await?, 403);
        assert_eq!(member.page("/admin/break_glass", "en").await?.0, 403);
    }
    let elsewhere = TenantId(Uuid::from_u128(0x7121_a200));
    let foreign = Member::new(&scene.stage, elsewhere, "foreign@test.fr", "COMPLIANCE_ADMIN").await?;
    assert_eq!(scene.review(&foreign, &id, "justified", "").await?, (404, "BIZ_NOT_FOUND".to_owned()));
    assert!(scene.queue(&foreign).await?.is_empty());
    // A reviewer's own opening is for another reviewer.
    let (status, own) = scene.ask(&scene.reviewer, &wish(scene.case)).await?;
    assert_eq!(status, 201);
    assert_eq!(scene.reviewer.told(Method::DELETE, &format!("{ASK}/{own}"), None).await?.0, 204);
    assert_eq!(scene.review(&scene.reviewer, &own, "justified", "").await?, (403, "AUTHZ_OWN_REVIEW".to_owned()));
    assert_eq!(scene.figure("SELECT count(*) FROM socle.break_glass WHERE verdict IS NOT NULL").await?, 0);
    assert!(scene.trail().await?.contains(&"break_glass.reviewed refused".to_owned()));
    let second = Member::new(&scene.stage, TENANT, "second@test.fr", "COMPLIANCE_ADMIN").await?;
    assert_eq!(scene.review(&second, &own, "justified", "").await?.0, 204);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reviews_is_brought_to_mind_every_48_hours() -> Result<()> {
    let scene = scene().await?;
    let id = scene.over().await?;
    scene.stage.clock.advance(TimeDelta::hours(47));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(scene.figure(REMINDERS).await?, 0);
    scene.stage.clock.advance(TimeDelta::hours(1));
    eventually(&scene.stage, 1, REMINDERS).await?;
    scene.stage.clock.advance(TimeDelta::hours(48));
    eventually(&scene.stage, 2, REMINDERS).await?;
    // By now the reviewer's session is over; the word is said behind the scenes.
    let said = "UPDATE socle.break_glass SET verdict = 'justified', reviewed_at = opened_at, review = asked,
                       reviewed_by = $1";
    let mut admin = scene.stage.database.admin().await?;
    sqlx::query(said).bind(scene.reviewer.account.0).execute(&mut admin).await?;
    scene.stage.clock.advance(TimeDelta::hours(48));
    let waiting = "SELECT count(*) FROM socle.jobs WHERE kind = 'break_glass.remind' AND finished_at IS NULL";
    eventually(&scene.stage, 0, waiting).await?;
    assert_eq!(scene.figure(REMINDERS).await?, 2, "{id}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_cannot_be_written_otherwise_by_the_server_itself() -> Result<()> {
    use sqlx::Connection;
    let scene = scene().await?;
    scene.over().await?;
    let mut app = sqlx::PgConnection::connect(scene.stage.database.app_url()).await?;
    for statement in [
        "UPDATE socle.break_glass SET asked = ''",
        "UPDATE socle.break_glass SET record_id = id",
        "UPDATE socle.break_glass SET expires_at = expires_at + interval '1 hour'",
        "UPDATE socle.break_glass SET session_id = id",
        "DELETE FROM socle.break_glass",
    ] {
        let refused = sqlx::query(statement).execute(&mut app).await.unwrap_err();
        assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"), "{statement}");
    }
    let mut admin = scene.stage.database.admin().await?;
    let own = "UPDATE socle.break_glass SET verdict = 'justified', reviewed_at = opened_at, review = asked,
                      reviewed_by = account_id";
    let refused = sqlx::query(own).execute(&mut admin).await.unwrap_err();
    let constraint = refused.as_database_error().and_then(|error| error.constraint());
    assert_eq!(constraint, Some("break_glass_not_ones_own"), "not even behind the scenes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reviewers_page_lists_says_and_keeps() -> Result<()> {
    let scene = scene().await?;
    let (_, empty) = scene.reviewer.page("/admin/break_glass", "fr").await?;
    assert!(empty.contains("Rien à relire") && empty.contains("Aucun accès relu"), "{empty}");
    let id = scene.over().await?;
    let (status, page) = scene.reviewer.page("/admin/break_glass", "en").await?;
    assert_eq!(status, 200);
    assert!(page.contains("One access to review") && page.contains("allergies inconnues"), "{page}");
    let path = format!("/admin/break_glass/{id}");
    let refused = scene.reviewer.form(&path, &[("verdict", "not_justified"), ("note", "")]).await?;
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await?.contains(&format!("id=\"note-{id}-error\"")), "said at the field");
    assert_eq!(scene.reviewer.form(&path, &[("verdict", "perhaps")]).await?.status(), 400);
    let said = scene.reviewer.form(&path, &[("verdict", "justified"), ("note", "<b>vu</b>")]).await?;
    assert_eq!(said.headers()["location"], "/trial/admin/break_glass?notice=glass-reviewed");
    let (_, page) = scene.reviewer.page("/admin/break_glass", "en").await?;
    assert!(page.contains("One access reviewed") && !page.contains("<b>vu</b>"), "{page}");
    Ok(())
}
