//! Running it: figures, traces, settings, and an end that nobody notices. Where it matters, on the real binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use socle::clock::Clock;
use socle::config::{Environment, MailTransport};
use testkit::{Database, Stage, start_of_tests};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// A trace that a caller began.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A `socle serve` with settings of a test's own; killed when it is dropped.
struct Running {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Running {
    async fn start(database: &Database, name: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("operations-{name}.log"));
        let mut child = socle("serve", settings)
            .env("DATABASE_URL", database.app_url())
            .env("SOCLE_DATABASE__APP_PASSWORD", password(database.app_url())?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", password(database.ingest_url())?)
            .env("SOCLE_SEALED__KEY", testkit::KEK)
            .env("SOCLE_SEALED__KEY_STORE", database.key_store())
            .env("SOCLE_PORT", "0")
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("ready ") {
                    return Ok(url.to_owned());
                }
            }
            bail!("it ended before it was ready; see {}", log.display())
        };
        let url = tokio::time::timeout(Duration::from_secs(60), ready).await.context("not ready after a minute")??;
        Ok(Self { child, url, log })
    }

    async fn status(&self, path: &str) -> Result<u16> {
        Ok(reqwest::get(format!("{}{path}", self.url)).await?.status().as_u16())
    }

    /// SIGTERM.
    async fn ask_to_end(&self) -> Result<()> {
        let id = self.child.id().context("it has ended already")?;
        ensure!(Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?.success());
        Ok(())
    }

    async fn ended(&mut self) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        Ok(ended.context("it did not end within 20 seconds")??)
    }
}

/// The binary, with nothing of this process's own settings.
fn socle(command: &str, settings: &[(&str, &str)]) -> Command {
    let mut socle = Command::new(env!("CARGO_BIN_EXE_socle"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOCLE_") || name == "DATABASE_URL") {
        socle.env_remove(name);
    }
    socle.arg(command).envs(settings.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    socle
}

/// The password in a `postgres://user:password@…` URL.
fn password(url: &str) -> Result<String> {
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).context("no user")?.0;
    Ok(user.split_once(':').context("no password")?.1.to_owned())
}

async fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}

/// Whether a line of the figures has a name and all of these labels.
fn shows(figures: &str, name: &str, labels: &[&str]) -> bool {
    let mut lines = figures.lines().filter(|line| line.starts_with(name));
    lines.any(|line| labels.iter().all(|label| line.contains(label)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_name_routes_and_never_what_was_asked_for() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    licence.device.measure(start_of_tests(), 37.5).await?;
    let (owner, device) = (&licence.owner, licence.device.id.to_string());
    owner.get(&format!("/physiotraq/app/monitor/{device}")).await?;
    owner.get("/physiotraq/made-up-by-a-stranger").await?;
    owner.get("/made-up-by-a-stranger").await?;
    let stream = owner.get(&format!("/physiotraq/live?topic=device:{device}")).await?;
    let figures = owner.get("/metrics").await?.text().await?;
    drop(stream);
    let seen = ["method=\"GET\"", "path=\"/physiotraq/app/monitor/{device}\"", "status=\"200\""];
    assert!(shows(&figures, "http_requests_total{", &seen), "{figures}");
    assert!(shows(&figures, "http_request_duration_seconds_bucket{", &[seen[1], "le=\"0.005\""]), "{figures}");
    assert!(shows(&figures, "http_requests_total{", &["path=\"unmatched\"", "status=\"404\""]), "{figures}");
    assert!(shows(&figures, "readings_total{", &["outcome=\"stored\""]), "{figures}");
    let open = figures.lines().find_map(|line| line.strip_prefix("live_streams ")?.parse::<f64>().ok());
    assert!(open.is_some_and(|open| open >= 1.0), "a stream was open: {open:?}");
    assert!(!figures.contains("made-up-by-a-stranger") && !figures.contains(&device), "{figures}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_never_on_the_public_listener_of_production() -> Result<()> {
    let production = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.environment = Environment::Production;
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp_url = Some("smtp://127.0.0.1:1".into());
    });
    assert_eq!(production.await?.anybody().get("/metrics").await?.status(), 404);

    let database = Database::fresh().await?;
    let address = free_address().await?;
    let running = Running::start(&database, "figures", &[("SOCLE_OPS__METRICS_ADDRESS", &address)]).await?;
    assert_eq!(running.status("/metrics").await?, 404, "they have a listener of their own");
    let figures = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
    assert!(figures.contains("process_resident_memory_bytes "), "{figures}");
    assert_eq!(reqwest::get(format!("http://{address}/health")).await?.status(), 404, "figures and nothing else");
    Ok(())
}

/// A collector of traces: it keeps what it is sent.
async fn collect(listener: TcpListener, kept: Arc<Mutex<Vec<u8>>>) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let kept = Arc::clone(&kept);
        tokio::spawn(async move {
            let (mut request, mut buffer) = (Vec::new(), vec![0; 65_536]);
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                request.extend_from_slice(&buffer[..read]);
                if is_whole(&request) {
                    kept.lock().unwrap().append(&mut request);
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
                }
            }
            anyhow::Ok(())
        });
    }
}

/// Whether a request has arrived with its body.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_becomes_a_span_at_the_collector_and_continues_its_callers_trace() -> Result<()> {
    let database = Database::fresh().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let kept = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(collect(listener, Arc::clone(&kept)));
    let mut running = Running::start(&database, "traces", &[("SOCLE_TRACING__OTLP_ENDPOINT", &endpoint)]).await?;
    let request = reqwest::Client::new().get(format!("{}/physiotraq/sign_in?next=private", running.url));
    let answer = request.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-00")).send().await?;
    let request_id = answer.headers()["x-request-id"].to_str()?.to_owned();
    running.ask_to_end().await?;
    ensure!(running.ended().await?.success(), "the end waits for the collector");

    let sent = kept.lock().unwrap().clone();
    let holds = |part: &[u8]| sent.windows(part.len()).any(|window| window == part);
    assert!(sent.starts_with(b"POST /v1/traces "), "{}", String::from_utf8_lossy(&sent));
    for text in ["GET /physiotraq/sign_in", "http.route", "http.response.status_code", request_id.as_str(), "socle"] {
        assert!(holds(text.as_bytes()), "{text}: {}", String::from_utf8_lossy(&sent));
    }
    assert!(!holds(b"private"), "the address that was asked for stays here");
    let trace: Vec<u8> = (0..32).step_by(2).map(|at| u8::from_str_radix(&TRACE[at..at + 2], 16).unwrap()).collect();
    assert!(holds(&trace), "the caller's trace goes on");
    let log = std::fs::read_to_string(&running.log)?;
    let mut lines = log.lines().filter(|line| line.contains("\"message\":\"request\""));
    let line = lines.find(|line| line.contains(&request_id)).context("the request was not logged")?;
    assert!(line.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_in_force_are_shown_and_no_secret_with_them() -> Result<()> {
    let settings = [
        ("DATABASE_URL", "postgres://admin:s3cret-url@db.example/socle"),
        ("SOCLE_DATABASE__APP_PASSWORD", "s3cret-app"),
        ("SOCLE_SEALED__KEY", "s3cret-key"),
        ("SOCLE_SEALED__KMS_TOKEN", "s3cret-token"),
        ("SOCLE_MAIL__SMTP_URL", "smtp://mailer:s3cret-smtp@mail.example:587"),
        ("SOCLE_HTTP__HOSTS", "physio.example=physiotraq"),
        ("SOCLE_HTTP__PORT", "4321"),
    ];
    let output = socle("config", &settings).current_dir(env!("CARGO_TARGET_TMPDIR")).output().await?;
    let shown = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!shown.contains("s3cret"), "{shown}");
    for line in ["port = 4321", "app_password = \"***\"", "\"physio.example\" = \"physiotraq\"", "poll_seconds = 1"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.starts_with("# The settings in force. Later sources win"), "{shown}");

    let database = Database::fresh().await?;
    let running = Running::start(&database, "settings", &[("SOCLE_MAIL__SMTP_URL", settings[4].1)]).await?;
    let log = std::fs::read_to_string(&running.log)?;
    let line = log.lines().find(|line| line.contains("smtp://mailer:***@")).context("not said at start")?;
    assert!(!log.contains("s3cret") && !log.contains(&password(database.app_url())?), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_does_not_start_with_settings_that_are_not_fit_for_it() -> Result<()> {
    let settings = [("SOCLE_ENVIRONMENT", "production"), ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")];
    let output = socle("serve", &settings).current_dir(env!("CARGO_TARGET_TMPDIR")).output().await?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    for setting in ["sealed.key_file", "sealed.key_store", "http.public_url", "mail.transport"] {
        assert!(said.contains(setting), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_at_the_end_is_answered_and_no_new_ones_are_sent_here() -> Result<()> {
    let database = Database::fresh().await?;
    let mut running = Running::start(&database, "drain", &[("SOCLE_HTTP__DRAIN_SECONDS", "2")]).await?;
    let place = running.url.trim_start_matches("http://").to_owned();
    let (begin, rest) = ("email=nobody%40test.fr&", "password=wrong");
    let mut slow = TcpStream::connect(&place).await?;
    let head = format!(
        "POST /physiotraq/sign_in HTTP/1.1\r\nhost: {place}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{begin}",
        begin.len() + rest.len()
    );
    slow.write_all(head.as_bytes()).await?;
    assert_eq!(running.status("/health/ready").await?, 200);

    running.ask_to_end().await?;
    let mut looks = 0;
    while running.status("/health/ready").await? != 503 {
        looks += 1;
        ensure!(looks < 100, "it still says that it is ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(running.status("/health").await?, 200, "it lives, and answers whoever has not noticed yet");
    while TcpStream::connect(&place).await.is_ok() {
        looks += 1;
        ensure!(looks < 400, "it still accepts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    slow.write_all(rest.as_bytes()).await?;
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(running.ended().await?.code(), Some(0));
    Ok(())
}
