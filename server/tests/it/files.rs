//! Files: an upload is nobody's until it is completed; what is refused, unfinished, removed or over leaves nothing behind;
//! a virus scanner says what may be used; in a folder and in S3 alike.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use axum::body::{Bytes, to_bytes};
use chrono::TimeDelta;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use socle::clock::Clock;
use socle::files::{self, FileId, Kind, Received};
use socle::ids::TenantId;
use socle::web::Product;
use socle::{App, Caller};
use testkit::clamd::{Clamd, EICAR};
use testkit::s3::{self, S3};
use testkit::{Stage, start_of_tests};
use uuid::Uuid;

use crate::staff::eventually;

const MIB: usize = 1024 * 1024;
const TENANT: TenantId = TenantId(Uuid::from_u128(0xf11e5));
const ELSEWHERE: TenantId = TenantId(Uuid::from_u128(0xf11e6));

static NOTES: Kind = Kind {
    name: "test_notes",
    most_bytes: 12 * 1024 * 1024,
    accepts: &["text/plain", "application/octet-stream"],
    scanned: false,
    kept_days: Some(30),
};
static SCANNED: Kind = Kind { name: "test_scanned", scanned: true, kept_days: None, ..NOTES };

fn app(stage: &Stage) -> &App {
    stage.product.app()
}

fn of(stage: &Stage, tenant: TenantId) -> Caller {
    app(stage).system(physiotraq::BRANDING.realm.name, tenant)
}

async fn received(stage: &Stage, kind: &'static Kind, content: &[u8]) -> socle::Result<Received> {
    let pieces: Vec<_> =
        content.chunks(100_000).map(|piece| std::io::Result::Ok(Bytes::copy_from_slice(piece))).collect();
    files::receive(app(stage), &of(stage, TENANT), (kind, "../notes.txt"), stream::iter(pieces)).await
}

async fn completed(stage: &Stage, kind: &'static Kind, content: &[u8]) -> Result<FileId> {
    let received = received(stage, kind, content).await?;
    let mut tx = of(stage, TENANT).begin().await?;
    files::complete(app(stage), &mut tx, &received).await?;
    tx.commit().await?;
    Ok(received.id)
}

/// Status, headers and content of a file as an answer.
async fn answered(stage: &Stage, id: FileId, range: Option<&'static str>) -> Result<(StatusCode, HeaderMap, Bytes)> {
    let file = files::find(&mut of(stage, TENANT).begin().await?, id).await?;
    let mut headers = HeaderMap::new();
    headers.extend(range.map(|range| (http::header::RANGE, HeaderValue::from_static(range))));
    let answer = files::answer(app(stage), &file, &headers).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    Ok((status, headers, to_bytes(answer.into_body(), usize::MAX).await?))
}

/// The code with which a file is refused.
async fn refusal(stage: &Stage, tenant: TenantId, id: FileId) -> Result<String> {
    let found = files::find(&mut of(stage, tenant).begin().await?, id).await;
    Ok(found.err().context("it was to be refused")?.code.into_owned())
}

fn folder(stage: &Stage, kind: &Kind) -> PathBuf {
    stage.database.folder().join("files/physiotraq").join(kind.name)
}

fn contents(stage: &Stage, kind: &Kind) -> Result<usize> {
    let folder = folder(stage, kind);
    Ok(if folder.is_dir() { std::fs::read_dir(folder)?.count() } else { 0 })
}

const ROWS: &str = "SELECT count(*) FROM socle.files";

/// Lets time pass until the sweep has been once more.
async fn sweep_after(stage: &Stage, time: TimeDelta) -> Result<()> {
    eventually(stage, 1, "SELECT count(*) FROM socle.schedules WHERE name = 'files.sweep'").await?;
    eventually(stage, 0, "SELECT count(*) FROM socle.jobs WHERE kind = 'files.sweep' AND state <> 'done'").await?;
    sqlx::query("DELETE FROM socle.jobs WHERE kind = 'files.sweep'")
        .execute(&mut stage.database.admin().await?)
        .await?;
    stage.clock.advance(time);
    eventually(stage, 1, "SELECT count(*) FROM socle.jobs WHERE kind = 'files.sweep' AND state = 'done'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_nobodys_until_it_is_completed() -> Result<()> {
    let stage = Stage::new().await?;
    let received = received(&stage, &NOTES, b"Bonjour").await?;
    assert_eq!((received.bytes, received.content_type), (7, "text/plain"));
    assert_eq!(received.checksum(), testkit::sha256(b"Bonjour"));
    assert_eq!(refusal(&stage, TENANT, received.id).await?, "BIZ_NOT_FOUND");
    let mut tx = of(&stage, TENANT).begin().await?;
    files::complete(app(&stage), &mut tx, &received).await?;
    drop(tx);
    assert_eq!(refusal(&stage, TENANT, received.id).await?, "BIZ_NOT_FOUND", "what it belongs to was not written");
    let mut tx = of(&stage, ELSEWHERE).begin().await?;
    let foreign = files::complete(app(&stage), &mut tx, &received).await;
    assert_eq!(foreign.unwrap_err().code, "BIZ_UPLOAD_OVER", "another tenant cannot make it its own");
    let mut tx = of(&stage, TENANT).begin().await?;
    files::complete(app(&stage), &mut tx, &received).await?;
    tx.commit().await?;
    let (status, headers, content) = answered(&stage, received.id, None).await?;
    assert_eq!((status, &*content), (StatusCode::OK, b"Bonjour".as_slice()));
    assert_eq!(headers["content-disposition"], "attachment; filename=\"notes.txt\"; filename*=UTF-8''notes%2Etxt");
    assert_eq!(refusal(&stage, ELSEWHERE, received.id).await?, "BIZ_NOT_FOUND", "another tenant's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_leaves_nothing_in_the_store() -> Result<()> {
    let stage = Stage::new().await?;
    let too_long = received(&stage, &NOTES, &vec![b'x'; 12 * MIB + 1]).await.unwrap_err();
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(too_long.message.contains("12 MiB"), "{}", too_long.message);
    let picture = received(&stage, &NOTES, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").await.unwrap_err();
    assert_eq!((picture.status, picture.code.as_ref()), (StatusCode::UNPROCESSABLE_ENTITY, "VAL_CONTENT"));
    assert_eq!(received(&stage, &NOTES, b"").await.unwrap_err().status, StatusCode::BAD_REQUEST);
    let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("the line broke"))];
    let cut = files::receive(app(&stage), &of(&stage, TENANT), (&NOTES, "cut"), stream::iter(pieces)).await;
    assert_eq!(cut.unwrap_err().status, StatusCode::BAD_REQUEST);
    let discarded = received(&stage, &NOTES, b"never mind").await?;
    files::discard(app(&stage), &discarded).await;
    assert_eq!(contents(&stage, &NOTES)?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_takes_what_was_not_finished_and_what_a_crash_left() -> Result<()> {
    let stage = Stage::new().await?;
    let kept = completed(&stage, &NOTES, b"kept").await?;
    let left = received(&stage, &NOTES, b"left").await?;
    // Pieces of uploads that a server which died had begun: yesterday's, and one that may still be written.
    let (old, young) = (folder(&stage, &NOTES).join("0196#1"), folder(&stage, &NOTES).join("0197#1"));
    std::fs::File::create(&old)?.set_modified(SystemTime::UNIX_EPOCH)?;
    std::fs::File::create(&young)?;
    sweep_after(&stage, TimeDelta::minutes(90)).await?;
    assert_eq!(contents(&stage, &NOTES)?, 3, "it might still be completed");
    assert!(!old.exists() && young.exists());
    let mut tx = of(&stage, TENANT).begin().await?;
    let late = files::complete(app(&stage), &mut tx, &left).await;
    assert_eq!(late.unwrap_err().code, "BIZ_UPLOAD_OVER", "the sweep may be at it");
    drop(tx);
    sweep_after(&stage, TimeDelta::minutes(45)).await?;
    eventually(&stage, 1, ROWS).await?;
    assert_eq!(contents(&stage, &NOTES)?, 2);
    assert_eq!(answered(&stage, kept, None).await?.2, b"kept".as_slice());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_goes_at_once_and_what_is_over_goes_unless_it_is_held() -> Result<()> {
    let stage = Stage::new().await?;
    let removed = completed(&stage, &NOTES, b"removed").await?;
    let over = completed(&stage, &NOTES, b"over").await?;
    let mut tx = of(&stage, TENANT).begin().await?;
    files::remove(&mut tx, removed).await?;
    tx.commit().await?;
    assert_eq!(refusal(&stage, TENANT, removed).await?, "BIZ_NOT_FOUND");
    eventually(&stage, 1, ROWS).await?;
    assert_eq!(contents(&stage, &NOTES)?, 1, "its content too");

    let operator = stage.platform.operator(("olga@test.fr", testkit::PASSWORD.into()), ("Olga", "Petit")).await?;
    let mut admin = stage.database.admin().await?;
    let hold =
        "INSERT INTO socle.legal_holds (id, tenant_id, subject_kind, subject_id, reason, legal_basis, may_be_told,
                                               placed_by, placed_at)
                VALUES ($1, '00000000-0000-0000-0000-000000000000', 'tenant', $1, 'An inquiry.', 'Law', true, $2, $3)";
    sqlx::query(hold).bind(TENANT.0).bind(operator.0).bind(stage.clock.now()).execute(&mut admin).await?;
    sweep_after(&stage, TimeDelta::days(31)).await?;
    assert_eq!(answered(&stage, over, None).await?.2, b"over".as_slice(), "it is held");
    let lift = "UPDATE socle.legal_holds SET lifted_at = $2, lifted_by = $1";
    sqlx::query(lift).bind(operator.0).bind(stage.clock.now()).execute(&mut admin).await?;
    stage.clock.advance(TimeDelta::minutes(15));
    eventually(&stage, 0, ROWS).await?;
    assert_eq!(contents(&stage, &NOTES)?, 0);
    Ok(())
}

const CLEAN: &str = "SELECT count(*) FROM socle.files WHERE state = 'clean'";
const REFUSED: &str = "SELECT count(*) FROM socle.files WHERE state = 'refused'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_is_scanned_is_usable_once_the_scanner_has_found_nothing() -> Result<()> {
    let clamd = Clamd::start().await?;
    let address = clamd.address().to_owned();
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| config.files.clamd = Some(address)).await?;
    let good = completed(&stage, &SCANNED, b"harmless").await?;
    let bad = completed(&stage, &SCANNED, EICAR).await?;
    eventually(&stage, 1, CLEAN).await?;
    eventually(&stage, 1, REFUSED).await?;
    assert_eq!(answered(&stage, good, None).await?.2, b"harmless".as_slice());
    assert_eq!(refusal(&stage, TENANT, bad).await?, "BIZ_FILE_REFUSED");
    for _ in 0..100 {
        if contents(&stage, &SCANNED)? == 1 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("its content was to go")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_scanner_nothing_is_usable_and_one_that_comes_back_is_asked_again() -> Result<()> {
    let without = Stage::new().await?;
    let waits = completed(&without, &SCANNED, b"harmless").await?;
    sweep_after(&without, TimeDelta::minutes(30)).await?;
    assert_eq!(refusal(&without, TENANT, waits).await?, "BIZ_FILE_PENDING");

    let clamd = Clamd::start().await?;
    clamd.set_away(true);
    let address = clamd.address().to_owned();
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| config.files.clamd = Some(address)).await?;
    let waits = completed(&stage, &SCANNED, b"harmless").await?;
    let tried = "SELECT count(*) FROM socle.jobs WHERE kind = 'files.scan' AND attempt > 0 AND state = 'waiting'";
    eventually(&stage, 1, tried).await?;
    // It was away for so long that every attempt is used up.
    sqlx::query("UPDATE socle.jobs SET state = 'dead', finished_at = created_at WHERE kind = 'files.scan'")
        .execute(&mut stage.database.admin().await?)
        .await?;
    assert_eq!(refusal(&stage, TENANT, waits).await?, "BIZ_FILE_PENDING");
    clamd.set_away(false);
    sweep_after(&stage, TimeDelta::minutes(30)).await?;
    eventually(&stage, 1, CLEAN).await?;
    assert_eq!(answered(&stage, waits, None).await?.0, StatusCode::OK);
    Ok(())
}

async fn in_s3(s3: &S3, key: &'static str) -> Result<Stage> {
    let endpoint = s3.url().to_owned();
    Stage::with(Clock::settable(start_of_tests()), move |config| {
        config.files.folder = None;
        config.files.s3_bucket = Some("clinic".to_owned());
        config.files.s3_endpoint = Some(endpoint);
        config.files.s3_access_key_id = Some(key.to_owned());
        config.files.s3_secret_access_key = Some(s3::SECRET.into());
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_bucket_it_is_the_same() -> Result<()> {
    let s3 = S3::start().await?;
    let stage = in_s3(&s3, s3::ACCESS_KEY_ID).await?;
    let content: Vec<u8> = (0..11 * MIB).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let id = completed(&stage, &NOTES, &content).await?;
    assert_eq!(s3.keys(), [format!("clinic/physiotraq/test_notes/{id}")]);
    let (status, headers, whole) = answered(&stage, id, None).await?;
    assert_eq!((status, headers["content-length"].to_str()?), (StatusCode::OK, content.len().to_string().as_str()));
    ensure!(whole == content, "in three parts, and whole again");
    let (status, headers, part) = answered(&stage, id, Some("bytes=5242870-5242890")).await?;
    assert_eq!((status, &*part), (StatusCode::PARTIAL_CONTENT, &content[5_242_870..=5_242_890]));
    assert_eq!(headers["content-range"], format!("bytes 5242870-5242890/{}", content.len()).as_str());
    let too_long = received(&stage, &NOTES, &vec![b'x'; 12 * MIB + 1]).await.unwrap_err();
    assert_eq!((too_long.status, s3.unfinished()), (StatusCode::PAYLOAD_TOO_LARGE, 0), "its parts are taken back");
    let mut tx = of(&stage, TENANT).begin().await?;
    files::remove(&mut tx, id).await?;
    tx.commit().await?;
    eventually(&stage, 1, ROWS).await?;
    assert!(s3.keys().is_empty(), "{:?}", s3.keys());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_out_of_reach_is_said_so_and_nothing_is_believed_stored() -> Result<()> {
    let s3 = S3::start().await?;
    let stage = in_s3(&s3, s3::ACCESS_KEY_ID).await?;
    let id = completed(&stage, &NOTES, b"there").await?;
    s3.set_away(true);
    let away = received(&stage, &NOTES, b"more").await.unwrap_err();
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    let read = answered(&stage, id, None).await.unwrap_err();
    let status = read.downcast_ref::<socle::Error>().map(|error| error.status);
    assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE), "{read}");
    s3.set_away(false);
    assert_eq!(answered(&stage, id, None).await?.2, b"there".as_slice());
    let stranger = in_s3(&s3, "AKIASOMEBODYELSE").await?;
    let refused = received(&stranger, &NOTES, b"more").await.unwrap_err();
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "an operator's matter, not the sender's");
    Ok(())
}
