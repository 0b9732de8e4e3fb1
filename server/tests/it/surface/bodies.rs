//! Too much of anything is refused quickly, and costs nobody anything.

use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use testkit::Stage;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const QUICKLY: Duration = Duration::from_secs(3);

/// Resident memory of this process, server included, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4_096
}

async fn refused(request: RequestBuilder, status: u16, what: &str) -> Result<()> {
    let started = Instant::now();
    let answer = request.send().await?;
    assert_eq!(answer.status(), status, "{what}");
    assert!(started.elapsed() < QUICKLY, "{what} took {:?}", started.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_megabytes_of_json_are_refused_and_leave_memory_as_it_was() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let body = format!("{{\"email\":\"{}\"}}", "x".repeat(5 * 1024 * 1024)).into_bytes();
    let login = format!("{}/physiotraq/api/v1/auth/login", stage.url());
    let start = format!("{}/physiotraq/api/v1/treatments", stage.url());
    let http = Client::new();
    let before = resident();
    for _ in 0..10 {
        let json = |url: &str| http.post(url).header(CONTENT_TYPE, "application/json").body(body.clone());
        refused(json(&login), 413, "a sign-in of 5 MB").await?;
        refused(json(&start).header(COOKIE, licence.operator.cookie()), 413, "a creation of 5 MB").await?;
        assert_eq!(licence.device.post_raw("/measurements", body.clone()).await?.status(), 413);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "150 MB were sent, and {grown} bytes stayed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_ten_thousand_deep_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for deep in [format!("{{\"email\":{open}{close}}}"), format!("{{\"unknown\":{open}{close}}}"), objects] {
        for path in ["/physiotraq/api/v1/auth/login", "/physiotraq/api/v1/treatments", "/trial/api/v1/auth/refresh"] {
            let request = Client::new().post(format!("{}{path}", stage.url())).header(CONTENT_TYPE, "application/json");
            let request = request.header(COOKIE, licence.operator.cookie()).body(deep.clone());
            refused(request, 400, path).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_at_most_256_kilobytes_and_a_thousand_fields() -> Result<()> {
    let stage = Stage::new().await?;
    let sign_in = format!("{}/physiotraq/sign_in", stage.url());
    let form = |body: String| {
        let request = Client::new().post(&sign_in).header(ACCEPT, "text/html");
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    };
    let padded = |length: usize| {
        let head = "email=a%40b.fr&password=x&pad=";
        format!("{head}{}", "p".repeat(length - head.len()))
    };
    refused(form(padded(256 * 1024)), 401, "exactly as much as is taken").await?;
    refused(form(padded(256 * 1024 + 1)), 413, "a byte more").await?;
    refused(form(padded(5 * 1024 * 1024)), 413, "5 MB").await?;
    refused(form(format!("email=a%40b.fr&password=x{}", "&a=1".repeat(998))), 401, "a thousand fields").await?;
    refused(form(format!("email=a%40b.fr&password=x{}", "&a=1".repeat(999))), 400, "one more").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_filters_are_refused_at_once() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let filters = vec!["q=x"; 10_000].join("&");
    for path in ["/physiotraq/app/treatments", "/physiotraq/admin/treatments", "/physiotraq/admin/devices"] {
        let request = Client::new().get(format!("{}{path}?{filters}", stage.url())).header(ACCEPT, "text/html");
        refused(request.header(COOKIE, licence.owner.cookie()), 400, path).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_given_twice_is_refused_and_never_chosen_from() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let twice = [("email", "owner1@test.fr"), ("email", "operator1@test.fr"), ("password", "x")];
    assert_eq!(stage.anybody().post("/physiotraq/sign_in", &twice).await?.status(), 400);
    let twice = [("lang", "fr"), ("lang", "en")];
    assert_eq!(licence.owner.post("/physiotraq/language", &twice).await?.status(), 400);
    let twice = licence.owner.get("/physiotraq/admin/treatments?status=completed&status=in_progress").await?;
    assert_eq!(twice.status(), 400);
    let body = r#"{"email":"owner1@test.fr","email":"operator1@test.fr","password":"x"}"#;
    let login = Client::new().post(format!("{}/physiotraq/api/v1/auth/login", stage.url()));
    let answer = login.header(CONTENT_TYPE, "application/json").body(body).send().await?;
    assert_eq!(answer.status(), 400, "in JSON as well");
    Ok(())
}

/// Forty clients that send a byte and then nothing: everybody else is served as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_hold_up_nobody_and_hold_no_connection_to_the_database() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let url = stage.url();
    let address = url.trim_start_matches("http://");
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "POST /physiotraq/app/treatments HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: 200000\r\n\r\nd",
            licence.operator.cookie()
        );
        stream.write_all(head.as_bytes()).await?;
        slow.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    for _ in 0..10 {
        assert_eq!(licence.owner.get("/physiotraq/app").await?.status(), 200);
    }
    let me: Value = licence.owner.get_json("/physiotraq/api/v1/auth/me").await?.json().await?;
    assert_eq!(me["role"], json!("admin"));
    assert!(started.elapsed() < QUICKLY, "{:?}", started.elapsed());
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    let open: i64 = sqlx::query_scalar(open).fetch_one(&mut stage.database.admin().await?).await?;
    assert_eq!(open, 0, "no transaction waits for a body");
    drop(slow);
    Ok(())
}
