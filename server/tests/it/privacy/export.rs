//! The export of everything about me: what is in it and what is not, how it is kept, and who can download it.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use physiotraq::seed;
use socle::identity::members::{self, Newcomer};
use socle::ids::TenantId;
use socle::privacy::export;
use testkit::Licence;
use zip::ZipArchive;

use super::*;

const OPERATOR: &str = "operator1@test.fr";

async fn asked(stage: &Stage, email: &str) -> Result<Visitor> {
    let person = Visitor::at(stage, "physiotraq", email).await?;
    let answer = person.post("/account/data/exports", &[]).await?;
    assert_eq!(testkit::Person::location(&answer), "/physiotraq/account/data?notice=export-asked");
    mailed(stage, email, "Votre copie est prête").await?;
    Ok(person)
}

/// Where the download is, as the page's button leads to it.
async fn link(person: &Visitor) -> Result<String> {
    let page = person.get("/account/data").await?.text().await?;
    let (_, rest) = page.split_once("/account/data/exports/").context("no button")?;
    let id = rest.get(..36).context("no id")?;
    let answer = person.post(&format!("/account/data/exports/{id}"), &[]).await?;
    let location = testkit::Person::location(&answer);
    Ok(location.strip_prefix("/physiotraq").context("no link")?.to_owned())
}

/// The files of an export.
struct Files(ZipArchive<Cursor<Vec<u8>>>);

impl Files {
    async fn of(person: &Visitor) -> Result<Self> {
        let answer = person.get(&link(person).await?).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(answer.headers()["content-disposition"].to_str()?.starts_with("attachment; filename=\"physiotraq-"));
        Ok(Self(ZipArchive::new(Cursor::new(answer.bytes().await?.to_vec()))?))
    }

    fn text(&mut self, name: &str) -> Result<String> {
        let mut text = String::new();
        self.0.by_name(name).with_context(|| name.to_owned())?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn json(&mut self, name: &str) -> Result<Vec<Value>> {
        Ok(serde_json::from_str(&self.text(&format!("data/{name}.json"))?)?)
    }

    fn all(&mut self) -> Result<String> {
        let names: Vec<String> =
            (0..self.0.len()).map(|n| Ok(self.0.by_index(n)?.name()?.into_owned())).collect::<Result<_>>()?;
        names.iter().map(|name| self.text(name)).collect()
    }
}

/// Somebody joins a further licence.
async fn join(stage: &Stage, licence: &Licence, other: &Licence) -> Result<()> {
    let newcomer = Newcomer {
        account: licence.operator.account,
        tenant: other.id,
        tenant_name: "Clinique 2".to_owned(),
        role: "operator".to_owned(),
        first_name: "Paul".to_owned(),
        last_name: "Ailleurs".to_owned(),
    };
    let owner = seed::owner(&stage.product, other.id, other.owner.account);
    let mut tx = owner.begin().await?;
    members::join(&mut tx, &physiotraq::BRANDING.realm, &newcomer).await?;
    Product::joined(&stage.product, &mut tx, &newcomer).await?;
    tx.commit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_everything_about_me_in_every_licence_and_nothing_about_others() -> Result<()> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    join(&stage, &first, &second).await?;
    for licence in [&first, &second] {
        licence.device.post("/devices/heartbeat", &serde_json::json!({ "firmware_version": "03.1.0" })).await?;
    }
    let named = [
        ("device", first.device.id.to_string()),
        ("patient_first_name", "Jeanne".to_owned()),
        ("patient_last_name", "Confidentiel".to_owned()),
        ("patient_age", "45".to_owned()),
        ("patient_sex", "female".to_owned()),
        ("patient_weight", "62.5".to_owned()),
    ];
    let named: Vec<(&str, &str)> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let started = first.operator.post("/physiotraq/app/treatments", &named).await?;
    assert_eq!(started.status(), 303, "{}", started.text().await?);
    second.operator.start(&second.device).await?;

    let person = asked(&stage, OPERATOR).await?;
    let mut files = Files::of(&person).await?;
    assert_eq!(files.json("account")?[0]["email"], OPERATOR);
    let memberships = files.json("memberships")?;
    let names: Vec<&str> = memberships.iter().filter_map(|one| one["organisation"].as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(files.json("1-treatments")?.len(), 1);
    assert_eq!(files.json("2-treatments")?.len(), 0, "the other licence's treatment is somebody else's");
    assert_eq!(files.json("2-profile")?[0]["lastName"], "Ailleurs");
    assert!(!files.json("sessions")?.is_empty() && !files.json("audit")?.is_empty());
    let page = files.text("index.html")?;
    assert!(page.contains("<html lang=\"fr\">") && page.contains("Séances conduites"), "{page}");
    let all = files.all()?;
    let strangers = [second.operator.account, second.owner.account, first.owner.account].map(|id| id.to_string());
    for secret in ["Jeanne", "Confidentiel", "62.5", "operator2@test.fr", "owner1@test.fr"] {
        assert!(!all.contains(secret), "{secret} is not theirs to have");
    }
    for id in strangers {
        assert!(!all.contains(&id), "another's id");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_for_whoever_proved_lately_who_they_are_and_for_nobody_else() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let late = Visitor::at(&stage, "physiotraq", "owner1@test.fr").await?;
    stage.clock.advance(TimeDelta::minutes(11));
    let answer = late.post("/account/data/exports", &[]).await?;
    assert!(answer.status() == 403 || testkit::Person::location(&answer).contains("reauthenticate"), "{answer:?}");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.personal_exports").await?, 0);

    let person = asked(&stage, OPERATOR).await?;
    let again = person.post("/account/data/exports", &[]).await?;
    assert_eq!(again.status(), 303, "a second click asks for no second one");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.personal_exports").await?, 1);
    let link = link(&person).await?;
    assert_eq!(late.get(&link).await?.status(), 404, "somebody else's session");
    let nobody = Visitor { base: late.base.clone(), cookie: String::new(), http: late.http.clone() };
    assert_eq!(nobody.get(&link).await?.status(), 303, "no session");
    for _ in 0..3 {
        assert_eq!(person.get(&link).await?.status(), 200, "taken up again after a broken download");
    }
    assert_eq!(person.get(&link).await?.status(), 404, "and not for ever");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_is_over_after_a_quarter_of_an_hour_and_the_file_after_a_day() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let asked_at = stage.clock.now();
    let person = asked(&stage, OPERATOR).await?;
    let first = link(&person).await?;
    stage.clock.advance(TimeDelta::minutes(15));
    assert_eq!(person.get(&first).await?.status(), 404);
    let folder = stage.database.folder().join("exports");
    let file = std::fs::read_dir(&folder)?.next().context("no file")??.path();
    let sealed = std::fs::read(&file)?;
    for plain in [&b"PK"[..], b"operator1", b"account.json"] {
        let shown = sealed.windows(plain.len()).any(|part| part == plain);
        assert!(!shown || plain == b"PK", "it lies there sealed");
    }
    assert!(!sealed.starts_with(b"PK") && sealed.get(4..6) != Some(b"PK"));
    let app = Product::app(&stage.product);
    assert_eq!(export::sweep(app, asked_at + TimeDelta::hours(24) - TimeDelta::seconds(1))?, 0);
    assert!(file.exists());
    assert_eq!(export::sweep(app, asked_at + TimeDelta::hours(24))?, 1);
    assert!(!file.exists());
    stage.clock.set(asked_at + TimeDelta::hours(25));
    let later = Visitor::at(&stage, "physiotraq", OPERATOR).await?;
    let page = later.get("/account/data").await?.text().await?;
    assert!(!page.contains("/account/data/exports/"), "nothing to download: {page}");
    Ok(())
}

/// What this process has held at most, in KiB.
fn most_held() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Rows of the trail as two statements of one moment: `treatment.read` and `treatment.listed`, as many of each.
fn pairs(licence: &Licence, from: u32, count: u32) -> String {
    let (account, tenant) = (licence.operator.account, licence.id);
    format!(
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, actor_kind, actor_id, event_type, action, outcome)
         SELECT gen_random_uuid(), timestamptz '2026-11-01' + n * interval '1 second', 'physiotraq', '{tenant}', 'person',
                '{account}', 'data', action, 'done'
         FROM generate_series({from}, {}) n, unnest(ARRAY['treatment.read', 'treatment.listed']) action",
        from + count - 1
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_during_an_export_is_in_both_of_its_forms_whole_or_in_neither() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    run(&mut admin, &pairs(&licence, 1, 20_000)).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, pairs_of) = (Arc::clone(&stop), move |n| pairs(&licence, n, 1));
    let writer = tokio::spawn(async move {
        let mut written = 20_000;
        while !stopped.load(Ordering::Relaxed) {
            written += 1;
            run(&mut admin, &pairs_of(written)).await?;
        }
        anyhow::Ok(written)
    });
    let person = asked(&stage, OPERATOR).await?;
    stop.store(true, Ordering::Relaxed);
    let written = usize::try_from(writer.await??)?;
    let mut files = Files::of(&person).await?;
    let (programs, people) = (files.text("data/audit.json")?, files.text("index.html")?);
    let counted = |text: &str| ["treatment.read", "treatment.listed"].map(|action| text.matches(action).count());
    let [read, listed] = counted(&programs);
    assert_eq!(read, listed, "one statement, one moment");
    assert_eq!(counted(&people), [read, listed], "both forms are of one snapshot");
    assert!((20_000..written).contains(&read), "{read} of {written}: written before, during and after");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_audit_rows_fit_through_a_small_window() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let (account, tenant): (_, TenantId) = (licence.operator.account, licence.id);
    let rows = format!(
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, actor_kind, actor_id, event_type, action,
                                       outcome, user_agent)
         SELECT gen_random_uuid(), timestamptz '2026-11-01' + n * interval '1 second', 'physiotraq', '{tenant}', 'person',
                '{account}', 'data', 'treatment.read', 'done', md5(n::text) || md5((n + 1)::text)
         FROM generate_series(1, 100000) n; ANALYZE socle.audit_log"
    );
    run(&mut admin, &rows).await?;
    let before = most_held()?;
    let person = asked(&stage, OPERATOR).await?;
    let grown = most_held()? - before;
    assert!(grown < 48 * 1024, "an export of 100 000 rows took {grown} KiB");
    let mut files = Files::of(&person).await?;
    let audit = files.json("audit")?;
    assert!(audit.len() >= 100_000, "{}", audit.len());
    let distinct: std::collections::HashSet<String> = audit.iter().map(|row| row["at"].to_string()).collect();
    assert!(distinct.len() >= 100_000, "each once");
    Ok(())
}
