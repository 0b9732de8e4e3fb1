//! The search page, its export and its endpoint: who sees what, and what is written is shown as what it is.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::header::{CONTENT_DISPOSITION, USER_AGENT};
use sqlx::PgConnection;
use testkit::Licence;

use super::*;
use crate::platform::Browser;

const PAGE: &str = "/physiotraq/admin/audit";
const FILE: &str = "/physiotraq/admin/audit/export";
const API: &str = "/physiotraq/api/v1/audit-logs";

async fn text(answer: reqwest::Response) -> Result<String> {
    ensure!(answer.status() == 200, "{}", answer.status());
    Ok(answer.text().await?)
}

async fn count(admin: &mut PgConnection, action: &str, account: Uuid) -> Result<i64> {
    let statement = "SELECT count(*) FROM socle.audit_log WHERE action = $1 AND actor_id = $2 AND outcome = 'done'";
    Ok(sqlx::query_scalar(statement).bind(action).bind(account).fetch_one(admin).await?)
}

/// A row that the licence's system wrote, under a request with this user agent.
async fn written(stage: &Stage, licence: &Licence, agent: &str, details: Value) -> Result<()> {
    let trace = socle::db::Trace { user_agent: Some(agent.to_owned()), ..Default::default() };
    let nobody = stage.product.app().nobody("physiotraq", trace);
    write_one(&nobody.becoming(socle::db::Who::System(licence.id)), details).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_sees_the_licences_trail_a_field_user_none_and_another_licence_not_this_one() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    written(&stage, &licence, "agent-of-the-first", json!({ "mark": "only-here" })).await?;
    for path in [PAGE, FILE, API] {
        let stranger = stage.anybody().get_json(path).await?.status();
        assert!(stranger == 401 || stranger == 303, "{path}: {stranger}");
        assert_eq!(licence.operator.get_json(path).await?.status(), 403, "{path}");
        let own = text(licence.owner.get_json(path).await?).await?;
        assert!(own.contains("agent-of-the-first") && own.contains("only-here"), "{path}: {own}");
        let others = text(other.owner.get_json(path).await?).await?;
        for theirs in ["agent-of-the-first", "only-here", &licence.id.to_string(), &licence.owner.account.to_string()] {
            assert!(!others.contains(theirs), "{path} shows {theirs} of another licence");
        }
    }
    let query = format!("{API}?actor={}", licence.owner.account);
    let found: Value = other.owner.get_json(&query).await?.json().await?;
    assert_eq!(found["data"], json!([]), "asking for another licence's person finds nothing");
    assert_eq!(other.owner.get_json(&format!("{API}?scope=system")).await?.status(), 400);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_and_exporting_are_themselves_recorded() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let owner = licence.owner.account.0;
    assert_eq!(count(&mut admin, "audit.viewed", owner).await?, 0);
    text(licence.owner.get(&format!("{PAGE}?outcome=refused")).await?).await?;
    text(licence.owner.get_json(API).await?).await?;
    assert_eq!(count(&mut admin, "audit.viewed", owner).await?, 2);
    text(licence.owner.get(FILE).await?).await?;
    assert_eq!(count(&mut admin, "audit.exported", owner).await?, 1);
    let viewed: (String, String, Value) = sqlx::query_as(
        "SELECT event_type, actor_role, details FROM socle.audit_log WHERE action = 'audit.viewed' ORDER BY number LIMIT 1",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!(viewed, ("security".to_owned(), "admin".to_owned(), json!({ "outcome": "refused" })));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_narrow_and_what_cannot_be_read_is_said_at_the_field() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    written(&stage, &licence, "morning", json!({})).await?;
    stage.clock.advance(TimeDelta::days(2));
    written(&stage, &licence, "later", json!({})).await?;
    // Back, or the session would be over.
    stage.clock.set(start_of_tests());
    let found = async |query: &str| -> Result<Vec<String>> {
        let answer: Value = licence.owner.get_json(&format!("{API}?limit=100&{query}")).await?.json().await?;
        let rows = answer["data"].as_array().context("rows")?;
        Ok(rows.iter().map(|row| row["userAgent"].as_str().unwrap_or("-").to_owned()).collect())
    };
    assert_eq!(found("action=test.written").await?, ["later", "morning"]);
    assert_eq!(found("action=test").await?, ["later", "morning"], "the beginning, up to a point");
    assert_eq!(found("action=tes").await?, [""; 0]);
    assert_eq!(found("action=test&from=2026-11-22").await?, ["later"]);
    assert_eq!(found("action=test&to=2026-11-21").await?, ["morning"]);
    assert_eq!(found("action=test&outcome=refused").await?, [""; 0]);
    assert_eq!(found(&format!("action=test&resource={}", Uuid::from_u128(9))).await?.len(), 2);
    assert_eq!(found(&format!("action=test&resource={}", Uuid::from_u128(8))).await?, [""; 0]);
    assert_eq!(found(&format!("action=test&actor={}", licence.owner.account)).await?, [""; 0]);
    for (field, value) in [
        ("action", "a%20b"),
        ("actor", "x"),
        ("outcome", "well"),
        ("resource", "1"),
        ("from", "x"),
        ("to", "x"),
        ("limit", "0"),
    ] {
        let answer = licence.owner.get_json(&format!("{API}?{field}={value}")).await?;
        assert_eq!(answer.status(), 400, "{field}");
        let body: Value = answer.json().await?;
        assert_eq!(body["error"]["details"][0]["field"], field, "{body}");
        if field != "limit" {
            let page = text(licence.owner.get(&format!("{PAGE}?{field}={value}")).await?).await?;
            assert!(page.contains(&format!("id=\"{field}-error\"")) && page.contains("error-summary"), "{field}");
            assert!(!page.contains("test.written"), "a mistyped filter shows nothing");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_forth_and_back_without_loss() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for row in 0..120 {
        written(&stage, &licence, &format!("agent-{row:03}"), json!({})).await?;
    }
    let agents = |page: &str| -> Vec<String> {
        page.match_indices("agent-").map(|(at, _)| page[at..at + 9].to_owned()).collect()
    };
    let link = |page: &str, rel: &str| -> Option<String> {
        let (_, rest) = page.split_once(&format!("rel=\"{rel}\" href=\""))?;
        Some(rest.split('"').next()?.replace("&amp;", "&").replace("&#38;", "&"))
    };
    let first = text(licence.owner.get(&format!("{PAGE}?action=test")).await?).await?;
    assert!(first.contains("1–50") && link(&first, "prev").is_none(), "{first}");
    let second = text(licence.owner.get(&link(&first, "next").context("next")?).await?).await?;
    assert!(second.contains("51–100"));
    let third = text(licence.owner.get(&link(&second, "next").context("next")?).await?).await?;
    assert!(third.contains("101–120") && link(&third, "next").is_none());
    let mut all = [agents(&first), agents(&second), agents(&third)].concat();
    assert_eq!(all.len(), 120);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 120, "no row twice, none left out");
    let back = text(licence.owner.get(&link(&third, "prev").context("prev")?).await?).await?;
    assert_eq!(agents(&back), agents(&second));
    assert!(back.contains("51–100"));
    let beginning = text(licence.owner.get(&link(&back, "prev").context("prev")?).await?).await?;
    assert_eq!(agents(&beginning), agents(&first));
    assert!(beginning.contains("1–50") && link(&beginning, "prev").is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_breaks_escapes_json_and_markup_are_data_and_shown_as_such() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let agent = "x\r\n\u{1b}[2J\",\"outcome\":\"done\" <script>alert(1)</script> \u{202e}gpj";
    written(&stage, &licence, agent, json!({ "name": "=HYPERLINK(\"http://evil\")\n\u{1b}[31m" })).await?;
    stage.clock.advance(TimeDelta::seconds(1));
    written(&stage, &licence, "=1+1", json!({})).await?;
    let page = text(licence.owner.get(&format!("{PAGE}?action=test")).await?).await?;
    assert!(!page.contains("<script>alert") && !page.contains(['\u{1b}', '\u{202e}', '\r']), "{page}");
    assert!(page.contains("\\u{1b}[2J") && page.contains("\\u{202e}gpj"));
    let api: Value = licence.owner.get_json(&format!("{API}?action=test")).await?.json().await?;
    assert_eq!(api["data"][1]["userAgent"], agent, "programs get it back as it came");
    let file = licence.owner.get(&format!("{FILE}?action=test")).await?;
    assert!(file.headers()[CONTENT_DISPOSITION].to_str()?.starts_with("attachment; filename=\"physiotraq-audit-"));
    let file = text(file).await?;
    assert!(!file.contains(['\u{1b}', '\u{202e}', '\r']), "{file}");
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let header = reader.headers()?.clone();
    let column = header.iter().position(|name| name == "user_agent").context("a column")?;
    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(rows.len(), 2, "a line break starts no row");
    assert_eq!(&rows[0][column], "'=1+1", "a spreadsheet runs no formula");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_programs_answer_has_the_form_of_the_specification_and_pages_by_cursor() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for row in 0..3 {
        stage.clock.advance(TimeDelta::seconds(1));
        written(&stage, &licence, &format!("agent-{row}"), json!({ "row": row })).await?;
    }
    let first: Value = licence.owner.get_json(&format!("{API}?action=test&limit=2")).await?.json().await?;
    let row = &first["data"][0];
    assert_eq!((row["eventType"].as_str(), row["eventableType"].as_str()), (Some("test.written"), Some("Test")));
    assert_eq!((row["userAgent"].as_str(), &row["metadata"]), (Some("agent-2"), &json!({ "row": 2 })));
    assert_eq!(row["createdAt"], json!(stage.clock.now()));
    let cursor = first["pagination"]["cursor"].as_str().context("a cursor")?;
    let rest: Value =
        licence.owner.get_json(&format!("{API}?action=test&limit=2&cursor={cursor}")).await?.json().await?;
    let agents = |page: &Value| -> Vec<String> {
        page["data"].as_array().into_iter().flatten().map(|row| row["userAgent"].to_string()).collect()
    };
    let mut all = [agents(&first), agents(&rest)].concat();
    all.sort();
    assert_eq!(all, ["\"agent-0\"", "\"agent-1\"", "\"agent-2\""]);
    assert_eq!(rest["pagination"]["hasMore"], false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_role_agent_and_how_long_it_took() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let answer = reqwest::Client::new()
        .get(format!("{}{PAGE}", stage.url()))
        .header(reqwest::header::COOKIE, licence.owner.cookie())
        .header(USER_AGENT, "a browser of 2026");
    assert_eq!(answer.send().await?.status(), 200);
    let mut admin = stage.database.admin().await?;
    let row: (String, String, String, i64) = sqlx::query_as(
        "SELECT actor_role, user_agent, request_id, processing_us FROM socle.audit_log WHERE action = 'audit.viewed'",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!((row.0.as_str(), row.1.as_str()), ("admin", "a browser of 2026"));
    assert!(row.2.starts_with("req_") && (1..60_000_000).contains(&row.3), "{row:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_the_platforms_own_trail_and_what_belongs_to_nobody_and_no_licences() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    written(&stage, &licence, "agent-of-a-licence", json!({ "mark": "only-there" })).await?;
    assert!(testkit::Person::sign_in(stage.url(), "owner1@test.fr", "not the password").await.is_err());
    let (account, operator) = Browser::of_an_operator(&stage).await?;
    let mut admin = stage.database.admin().await?;
    // As if the second factor had been set up and proved: operators are let in with it alone.
    for statement in [
        "UPDATE socle.accounts SET second_factor_since = created_at WHERE id = $1",
        "UPDATE socle.sessions SET second_factor_at = authenticated_at WHERE account_id = $1",
    ] {
        sqlx::query(statement).bind(account.0).execute(&mut admin).await?;
    }
    let own = text(operator.get("/platform/audit").await?).await?;
    assert!(own.contains("session.opened") && own.contains("Olga Essai"), "{own}");
    let system = text(operator.get("/platform/audit?scope=system").await?).await?;
    assert!(system.contains("session.refused"), "{system}");
    let file = text(operator.get("/platform/audit/export?scope=system").await?).await?;
    assert!(file.contains("session.refused"));
    for shown in [own, system, file] {
        for theirs in ["agent-of-a-licence", "only-there", "license.created", &licence.id.to_string()] {
            assert!(!shown.contains(theirs), "an operator sees {theirs}");
        }
    }
    assert_eq!(count(&mut admin, "audit.exported", account.0).await?, 1);
    Ok(())
}
