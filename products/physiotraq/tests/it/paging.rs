//! Lists for programs: every row once, whatever is added meanwhile; a mistake in the query is told by its field.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::{Value, json};
use testkit::{Licence, Stage};

use crate::programs::{Program, anonymous};
use crate::{answers, crew};

/// Starts and completes that many treatments; their ids, oldest first.
async fn history(stage: &Stage, licence: &Licence, program: &Program, count: usize) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        // Pairs begin at the same instant: the id decides between them.
        if number % 2 == 0 {
            stage.clock.advance(TimeDelta::minutes(1));
        }
        crew::online(&licence.device).await?;
        let started = answers::json(program.post("/treatments", &anonymous(&licence.device)).await?, 201).await?;
        let id = started["id"].as_str().context("no id")?.to_owned();
        answers::json(program.post(&format!("/treatments/{id}/complete"), &json!({})).await?, 200).await?;
        ids.push(id);
    }
    Ok(ids)
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the cursors of a list to its end; the ids of each page.
async fn walk(program: &Program, path: &str) -> Result<Vec<Vec<String>>> {
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = answers::json(program.get(&next).await?, 200).await?;
        pages.push(ids(&page));
        let Some(cursor) = page["pagination"]["cursor"].as_str() else {
            assert_eq!(page["pagination"]["hasMore"], false);
            return Ok(pages);
        };
        assert_eq!(page["pagination"]["hasMore"], true);
        next = format!("{path}&cursor={cursor}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_every_treatment_once_newest_first_even_while_some_are_added() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.operator);
    let made = history(&stage, &licence, &program, 7).await?;
    let pages = walk(&program, "/treatments?limit=3").await?;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let mut newest: Vec<String> = made.clone();
    newest.reverse();
    let walked = pages.concat();
    let mut sorted = walked.clone();
    sorted.sort();
    let mut all = made.clone();
    all.sort();
    assert_eq!(sorted, all, "every one once");
    assert_eq!(walked[0], newest[0], "the last one alone has the newest instant");
    let first = answers::json(program.get("/treatments?limit=3").await?, 200).await?;
    assert_eq!(first["pagination"]["limit"], 3);
    history(&stage, &licence, &program, 2).await?;
    let cursor = first["pagination"]["cursor"].as_str().context("no cursor")?;
    let second = answers::json(program.get(&format!("/treatments?limit=3&cursor={cursor}")).await?, 200).await?;
    assert_eq!(ids(&second), pages[1], "what was added stands before the first page");
    let whole = answers::json(program.get("/treatments").await?, 200).await?;
    assert_eq!(whole["pagination"], json!({ "cursor": null, "hasMore": false, "limit": 20 }));
    assert_eq!(ids(&whole).len(), 9);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_pages_through_their_own_and_the_owner_through_all_of_the_licence() -> Result<()> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let operator = Program::of(&stage, &first.operator);
    let owner = Program::of(&stage, &first.owner);
    let operators = history(&stage, &first, &operator, 2).await?;
    let owners = history(&stage, &first, &owner, 2).await?;
    history(&stage, &second, &Program::of(&stage, &second.operator), 2).await?;
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(walk(&operator, "/treatments?limit=1").await?.concat()), sorted(operators.clone()));
    let all = [operators, owners].concat();
    assert_eq!(sorted(walk(&owner, "/treatments?limit=1").await?.concat()), sorted(all));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filters_are_those_of_the_page() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.operator);
    let [done] = history(&stage, &licence, &program, 1).await?.try_into().unwrap();
    crew::online(&licence.device).await?;
    let running = answers::json(program.post("/treatments", &anonymous(&licence.device)).await?, 201).await?;
    let running = running["id"].as_str().context("no id")?;
    let device = licence.device.id;
    let elsewhere = stage.device(&licence).await?.id;
    for (query, expected) in [
        ("status=completed".to_owned(), vec![done.as_str()]),
        ("status=in_progress".to_owned(), vec![running]),
        ("status=aborted".to_owned(), vec![]),
        (format!("device={device}&status=completed"), vec![done.as_str()]),
        (format!("device={elsewhere}"), vec![]),
        ("from=2026-11-21&to=2026-11-21&status=completed".to_owned(), vec![done.as_str()]),
        ("from=2026-11-22".to_owned(), vec![]),
        ("to=2026-11-20".to_owned(), vec![]),
    ] {
        let page = answers::json(program.get(&format!("/treatments?{query}")).await?, 200).await?;
        assert_eq!(ids(&page), expected, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_cannot_be_read_is_refused_by_its_fields() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.operator);
    for (query, fields) in [
        ("treatments?cursor=x", vec!["cursor"]),
        ("treatments?limit=0", vec!["limit"]),
        ("treatments?limit=101&cursor=", vec!["limit", "cursor"]),
        ("treatments?status=done&device=5&from=yesterday&to=2026-13-01", vec!["status", "device", "from", "to"]),
        ("treatments?status=done&limit=many", vec!["status", "limit"]),
        ("devices?limit=-1", vec!["limit"]),
        ("devices?cursor=e30", vec!["cursor"]),
    ] {
        let refused = answers::json(program.get(&format!("/{query}")).await?, 400).await?;
        assert_eq!(refused["error"]["code"], "VAL_FIELDS", "{query}: {refused}");
        let details = refused["error"]["details"].as_array().context("no details")?;
        let named: Vec<&str> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named, fields, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_paged_too_and_an_operator_sees_the_assigned_ones() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut all = vec![licence.device.id.to_string()];
    for _ in 0..3 {
        all.push(stage.device(&licence).await?.id.to_string());
    }
    all.sort();
    let owner = Program::of(&stage, &licence.owner);
    let pages = walk(&owner, "/devices?limit=2").await?;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    let mut walked = pages.concat();
    walked.sort();
    assert_eq!(walked, all);
    let operator = Program::of(&stage, &licence.operator);
    let page = answers::json(operator.get("/devices").await?, 200).await?;
    assert_eq!(ids(&page), [licence.device.id.to_string()]);
    assert_eq!(page["data"][0]["status"], "unknown", "never heard");
    let stranger = Program::of(&stage, &stage.licence().await?.owner);
    let theirs = answers::json(stranger.get("/devices").await?, 200).await?;
    assert!(ids(&theirs).iter().all(|id| !all.contains(id)), "{theirs}");
    Ok(())
}
