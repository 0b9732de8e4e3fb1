//! Canaries: phrases are written into every sealed field there is, and then looked for everywhere the platform leaves
//! bytes: a dump of the whole database, its files and its write-ahead log, jobs, temporary files, the key store, people's
//! exports, the server's log. None is found; and each of these searches does find a phrase that was written in the clear.

mod search;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{ACCEPT, COOKIE};
use reqwest::{Client, Method, Response, redirect};
use serde_json::json;
use socle::clock::Clock;
use socle::db::Who;
use socle::ids::AccountId;
use socle::sealed::Field;
use socle::web::Product;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Database, Device, Stage, trial};
use tokio::process::Command;
use uuid::Uuid;

use crate::binary::Binary;
use crate::staff::{Member, eventually};
use search::Searcher;

/// Every sealed column, and how a phrase gets into it here. A new one has to be added, with its canary.
const SEALED: [(&str, &str); 12] = [
    ("physiotraq.treatments.patient_first_name", "the patient form"),
    ("physiotraq.treatments.patient_last_name", "the patient form"),
    ("physiotraq.wifi_credentials.password", "the form of a device's networks"),
    ("socle.accounts.phone", "the vault"),
    ("socle.authenticator_apps.secret", "the setting up of an app: its secret"),
    ("socle.break_glass.asked", "the reason of an emergency"),
    ("socle.break_glass.review", "the reviewer's note on it"),
    ("socle.challenges.sealed", "the vault"),
    ("socle.idempotency_keys.body", "the answer of a creation with a key"),
    ("socle.mails.content", "an invitation: the secret of its link"),
    // Keys are no phrases; they are here because they are ciphertexts too. What an export's key opens holds the phone.
    ("socle.data_keys.wrapped", "the first use of a tenant's key"),
    ("socle.personal_exports.sealed_key", "a copy of one's data"),
];

/// Columns of bytes that hold hashes, and what is hashed there.
const HASHES: [(&str, &str); 24] = [
    ("physiotraq.device_credentials.token_hash", "256 random bits"),
    ("physiotraq.device_stock.secret_hash", "the claim secret"),
    ("physiotraq.treatments.patient_last_name_index", "a name, keyed"),
    ("socle.accounts.phone_index", "a phone, keyed"),
    ("socle.audit_chain.hash", "a link and all before it"),
    ("socle.audit_chain.row_hash", "an audit row, which holds nothing that is sealed"),
    ("socle.audit_floors.hash", "a link and all before it"),
    ("socle.audit_floors.signature", "no hash, but a signature of one"),
    ("socle.challenges.code_hash", "a typed code, keyed"),
    ("socle.challenges.secret_hash", "256 random bits"),
    ("socle.data_keys.check_value", "a data key"),
    ("socle.files.sha256", "a content, which names nobody by itself"),
    ("socle.idempotency_keys.request_hash", "a request, keyed"),
    ("socle.invitations.token_hash", "256 random bits"),
    ("socle.known_devices.token_hash", "256 random bits"),
    ("socle.limit_counters.key", "an address, name or account, keyed"),
    ("socle.migrations_kernel.checksum", "a migration"),
    ("socle.migrations_platform.checksum", "a migration"),
    ("socle.passkey_ceremonies.secret_hash", "256 random bits"),
    ("socle.passkeys.credential_id", "no hash, but an id that the authenticator made up; it is public"),
    ("socle.personal_exports.link_hash", "256 random bits"),
    ("socle.recovery_codes.code_hash", "a code, keyed"),
    ("socle.refresh_tokens.token_hash", "256 random bits"),
    ("socle.sessions.token_hash", "256 random bits"),
];

/// A phrase is this word and the field's name, so that one search finds them all.
fn word() -> Result<String> {
    Ok(socle::tokens::hash(&socle::tokens::fresh()?).iter().take(8).fold("canari".to_owned(), |word, byte| {
        format!("{word}{}{}", char::from(b'g' + byte / 16), char::from(b'g' + byte % 16))
    }))
}

/// A browser at the real server.
struct Browser {
    http: Client,
    base: String,
    cookie: String,
}

impl Browser {
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        let answer = request.header(ACCEPT, "text/html").form(fields).send().await?;
        ensure!(answer.status() == 303, "{path}: {}", answer.status());
        Ok(answer)
    }

    async fn page(&self, path: &str) -> Result<String> {
        let request = self.http.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        Ok(request.header(ACCEPT, "text/html").send().await?.error_for_status()?.text().await?)
    }
}

/// Writes phrases at PhysioTraq's doors. The mail's is no phrase but a secret, which is the answer.
async fn write(browser: &Browser, device: &Device, word: &str) -> Result<String> {
    let phrase = |field: &str| format!("{word} {field}");
    let status = device.post("/devices/heartbeat", &json!({ "firmware_version": "03.1.0" })).await?.status();
    ensure!(status == 200, "the heartbeat answered {status}");
    let id = device.id.to_string();
    let (first, last) = (phrase("first name"), phrase("last name"));
    let form = [("device", id.as_str()), ("patient_first_name", &first), ("patient_last_name", &last)];
    browser.post("/physiotraq/app/treatments", &form).await?;
    ensure!(browser.page("/physiotraq/app/treatments").await?.contains(&last), "the phrase is shown to who may see it");
    browser.page(&format!("/physiotraq/app/treatments?q={word}")).await?;
    browser.post(&format!("/physiotraq/app/monitor/{id}/stop"), &[]).await?;
    let body = json!({ "deviceId": id, "anonymous": false, "patientFirstName": first, "patientLastName": last });
    let request = browser.http.post(format!("{}/physiotraq/api/v1/treatments", browser.base)).json(&body);
    let answer = request.header(COOKIE, &browser.cookie).header("idempotency-key", "canary").send().await?;
    ensure!(answer.status() == 201, "the creation answered {}", answer.status());
    let password = phrase("network");
    let networks = [("ssid_1", "Hospital-WiFi"), ("password_1", password.as_str())];
    browser.post(&format!("/physiotraq/admin/devices/{id}/wifi"), &networks).await?;
    let url = format!("{}/physiotraq/api/v1/devices/wifi_credentials", browser.base);
    let fetched = browser.http.get(url).bearer_auth(&device.seeded.credential).send().await?.text().await?;
    ensure!(fetched.contains(&password), "the device gets its password: {fetched}");
    let invitation = [("email", "nadia@test.fr"), ("first_name", "Nadia"), ("last_name", "Benali")];
    browser.post("/physiotraq/admin/team", &invitation).await?;
    for _ in 0..600 {
        let page = browser.page("/platform/dev/mail/1").await.unwrap_or_default();
        if let Some((_, rest)) = page.split_once("invitation?token=") {
            let secret = rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter));
            return Ok(secret.collect());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the mail never came")
}

/// Writes phrases where the pages would take a number or an address only, as the code behind them does: sealed with the
/// person's key.
async fn write_with_the_vault(stage: &Stage, account: AccountId, word: &str) -> Result<()> {
    let app = stage.product.app();
    let caller = app.nobody("trial", Default::default()).becoming(Who::Account(account, None));
    let mut tx = caller.begin().await?;
    let keys = app.vault.person_keys(&mut tx, account).await?;
    let seal = |table, column| keys.seal(Field { table, column, row: account.0 }, &format!("{word} {column}"));
    let (phone, address) = (seal("socle.accounts", "phone")?, seal("socle.challenges", "sealed")?);
    let index = app.vault.realm_index("trial", "phone", &format!("{word} phone"));
    tx.commit().await?;
    let mut admin = stage.database.admin().await?;
    let statement = "UPDATE socle.accounts SET phone = $2, phone_index = $3 WHERE id = $1";
    sqlx::query(statement).bind(account.0).bind(phone).bind(index).execute(&mut admin).await?;
    sqlx::query(
        "INSERT INTO socle.challenges (id, realm, account_id, purpose, secret_hash, sealed, created_at, expires_at)
         VALUES ($1, 'trial', $1, 'change_email', 'hash', $2, $3, $3)",
    )
    .bind(account.0)
    .bind(address)
    .bind(stage.clock.now())
    .execute(&mut admin)
    .await?;
    Ok(())
}

/// Writes phrases where the trial product alone has a door: an emergency with its review. Has the patient's
/// data copied, phone and all, and an authenticator app set up; what the app's secret is, is the answer.
async fn write_at_the_trial(stage: &Stage, patient: &Member, word: &str) -> Result<String> {
    const GLASS: &str = "/api/v1/break-glass";
    let ops = Member::new(stage, trial::TENANT, "ops@test.fr", "OPS").await?;
    let reviewer = Member::new(stage, trial::TENANT, "compliance@test.fr", "COMPLIANCE_ADMIN").await?;
    let case = stage.trial.cases().add(trial::TENANT, patient.account);
    let wish = json!({ "kind": "Case", "recordId": case, "reason": format!("{word} reason") });
    let (status, opened) = ops.told(Method::POST, GLASS, Some(&wish)).await?;
    ensure!(status == 201, "the emergency answered {status}: {opened}");
    let opening = format!("{GLASS}/{}", opened["id"].as_str().context("no id")?);
    let (status, body) = ops.told(Method::DELETE, &opening, None).await?;
    ensure!(status == 204, "the end of the emergency answered {status}: {body}");
    let review = json!({ "verdict": "justified", "note": format!("{word} note") });
    let (status, body) = reviewer.told(Method::POST, &format!("{opening}/review"), Some(&review)).await?;
    ensure!(status == 204, "the review answered {status}: {body}");
    let asked = patient.form("/account/data/exports", &[]).await?.status();
    ensure!(asked == 303, "the wish for a copy answered {asked}");
    eventually(stage, 1, "SELECT count(*) FROM socle.personal_exports WHERE status = 'ready'").await?;
    let (status, setup) = ops.told(Method::POST, "/api/v1/auth/mfa/setup", None).await?;
    ensure!(status == 200, "the setting up of an app answered {status}: {setup}");
    // The first mail of the next server is to be the invitation.
    eventually(stage, 0, "SELECT count(*) FROM socle.mails WHERE status = 'queued'").await?;
    Ok(setup["secret"].as_str().context("no secret")?.to_owned())
}

/// Everywhere the platform leaves bytes.
struct Places<'a> {
    database: &'a Database,
    log: PathBuf,
    temporary: PathBuf,
    /// The write-ahead log's position before anything was written.
    since: String,
}

/// The names of the places, in the order in which they are searched.
const PLACES: [&str; 8] =
    ["dump", "files", "write-ahead log", "jobs", "temporary files", "key store", "exports", "log"];

impl Places<'_> {
    /// Searches them all; what was found in each.
    async fn search(&self, searcher: &Searcher) -> Result<Vec<(&'static str, Vec<String>)>> {
        let mut admin = self.database.admin().await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut admin).await?;
        let data = self.database.cluster()?.folder().join("pg/data");
        let folder: String =
            sqlx::query_scalar("SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()")
                .fetch_one(&mut admin)
                .await?;
        let jobs: Vec<String> =
            sqlx::query_scalar("SELECT to_json(j)::text FROM socle.jobs j").fetch_all(&mut admin).await?;
        let mut log = Vec::new();
        for segment in self.segments(&mut admin).await? {
            log.extend(searcher.find_below(&data.join("pg_wal").join(segment))?);
        }
        let mut temporary = searcher.find_below(&self.temporary)?;
        let spilled = data.join("base/pgsql_tmp");
        if spilled.exists() {
            temporary.extend(searcher.find_below(&spilled)?);
        }
        let found = [
            searcher.find(&self.dump().await?),
            searcher.find_below(&data.join(folder))?,
            log,
            searcher.find(jobs.join("\n").as_bytes()),
            temporary,
            searcher.find_below(self.database.key_store())?,
            searcher.find_below(&self.exports())?,
            searcher.find_below(&self.log)?,
        ];
        Ok(PLACES.into_iter().zip(found).collect())
    }

    /// Where copies of people's data wait.
    fn exports(&self) -> PathBuf {
        self.database.folder().join("exports")
    }

    /// The write-ahead log since the test began; other tests write into it as well.
    async fn segments(&self, admin: &mut PgConnection) -> Result<Vec<String>> {
        let query = "SELECT DISTINCT pg_walfile_name(at) FROM (
                       SELECT $1::pg_lsn + step * 1048576::numeric AS at
                       FROM generate_series(0, (pg_current_wal_lsn() - $1::pg_lsn) / 1048576) AS step
                       UNION ALL SELECT pg_current_wal_lsn()) AS positions";
        Ok(sqlx::query_scalar(query).bind(&self.since).fetch_all(admin).await?)
    }

    async fn dump(&self) -> Result<Vec<u8>> {
        let mut command = Command::new(self.database.cluster()?.bin("pg_dump"));
        let output = command.args(["--dbname", self.database.admin_url()]).output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        ensure!(output.stdout.len() > 100_000, "the dump was to hold the whole database");
        Ok(output.stdout)
    }
}

/// The write-ahead log's position now. As long as this connection lives nothing written since is taken away: checkpoints,
/// of other tests too, would recycle it.
async fn position(admin: &mut PgConnection) -> Result<String> {
    let slot = format!("canary_{}", std::process::id());
    sqlx::query("SELECT pg_create_physical_replication_slot($1, true, true)").bind(slot).execute(&mut *admin).await?;
    Ok(sqlx::query_scalar("SELECT pg_current_wal_lsn()::text").fetch_one(admin).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_of_bytes_is_known_to_be_sealed_or_a_hash() -> Result<()> {
    let database = Database::fresh().await?;
    let query = "SELECT format('%s.%s', a.attrelid::regclass, a.attname) FROM pg_attribute a
                 JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
                   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
                   AND (a.atttypid = 'bytea'::regtype
                        OR a.attname ~ '(encrypted|sealed|auth_tag)' AND a.atttypid <> 'timestamptz'::regtype)";
    let mut found: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut database.admin().await?).await?;
    found.sort();
    let mut known: Vec<&str> = SEALED.iter().chain(HASHES.iter()).map(|(column, _)| *column).collect();
    known.sort_unstable();
    assert_eq!(found, known, "a new column is written a canary, or is a hash of what?");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_phrase_of_a_sealed_field_is_found_anywhere() -> Result<()> {
    let word = word()?;
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let database = std::sync::Arc::clone(&stage.database);
    let mut admin = database.admin().await?;
    let since = position(&mut admin).await?;
    let licence = stage.licence().await?;
    let ada = Member::new(&stage, trial::TENANT, "ada@test.fr", "PATIENT").await?;
    write_with_the_vault(&stage, ada.account, &word).await?;
    let app_secret = write_at_the_trial(&stage, &ada, &word).await?;
    stage.stop().await;

    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("canary-{}", std::process::id()));
    let places = Places { database: &database, log: own.join("server.log"), temporary: own.join("tmp"), since };
    std::fs::create_dir_all(&places.temporary)?;
    let temporary = places.temporary.to_str().context("a folder of another alphabet")?;
    let settings = [("TMPDIR", temporary), ("SOCLE_LOG__FILTER", "debug")];
    let binary = Binary::logging(&database, &places.log, &settings).await?;
    let http = Client::builder().redirect(redirect::Policy::none()).build()?;
    let browser = Browser { http, base: binary.url.clone(), cookie: licence.owner.cookie().to_owned() };
    let secret = write(&browser, &licence.device.at(binary.url.clone()), &word).await?;
    ensure!(secret.len() >= 40 && app_secret.len() >= 32, "the secrets of link and app: {secret}, {app_secret}");
    for (column, how) in SEALED {
        let (table, name) = column.rsplit_once('.').context("no column")?;
        let filled: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count({name}) FROM {table}")))
            .fetch_one(&mut admin)
            .await?;
        assert!(filled > 0, "{column} holds nothing: {how}");
    }

    assert!(std::fs::read_dir(places.exports())?.next().is_some(), "a copy of somebody's data was to be there");
    let searcher = Searcher::new(&[&word, &secret, &app_secret])?;
    let started = Instant::now();
    for (place, found) in places.search(&searcher).await? {
        assert!(found.is_empty(), "{place}: {found:?}");
    }
    tracing::info!(seconds = started.elapsed().as_secs(), "searched");

    // The self-check: written in the clear, the same word is found at each of these places.
    write_in_the_clear(&mut admin, &places, &word).await?;
    browser.page(&format!("/physiotraq/{word}")).await.err();
    for (place, found) in places.search(&searcher).await? {
        assert!(
            found.iter().any(|form| form.contains(&format!("{word} (plain)"))),
            "{place}: it would not be found: {found:?}"
        );
    }
    binary.stop().await?;
    Ok(std::fs::remove_dir_all(own)?)
}

/// A phrase in the clear, everywhere but in the log, to which an address brings it.
async fn write_in_the_clear(admin: &mut PgConnection, places: &Places<'_>, word: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO socle.jobs (id, realm, queue, kind, payload, state, max_attempts, run_at, created_at)
         VALUES ($1, 'platform', 'elsewhere', 'test.clear', jsonb_build_object('name', $2::text), 'waiting', 1, $3, $3)",
    )
    .bind(Uuid::from_u128(1))
    .bind(word)
    .bind(Clock::system().now())
    .execute(admin)
    .await?;
    std::fs::write(places.temporary.join("note.txt"), word)?;
    std::fs::write(places.exports().join("note.txt"), word)?;
    Ok(std::fs::write(places.database.key_store().join(format!("{}.json", Uuid::from_u128(1))), word)?)
}
