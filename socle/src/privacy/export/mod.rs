//! The export of everything about me (GDPR art. 15 and 20): asked for by somebody who has just proved who they are, put
//! together by a job from one snapshot of the database, kept sealed for a day, downloaded by a link of fifteen minutes that
//! works in the person's own session only.
//!
//! Other people's data are never in it: the kernel's part is narrowed to the account by its function, the products' parts by
//! row-level security, tenant by tenant. A PDF comes with the reports; until then the readable part is an HTML file.

mod file;
mod kernel;
mod pages;
mod sections;
mod sql;

use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

pub use sections::{Section, Sections};
pub use sql::Export;

use self::file::{Archive, FileKey};
use super::products::Hooks;
use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::jobs::{self, Failure, Job, MAINTENANCE, NewJob, Outcome};
use crate::mail::{self, Letter};
use crate::sealed::Field;
use crate::web::{Lang, Product, Routes};
use crate::{App, Error, Result, audit, ids, tokens, typed_id};

typed_id!(ExportId, "an export");

/// The kind of the job.
pub(super) const BUILD: &str = "privacy.export";
/// How long an export is there.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long a download link works.
pub const LINK: TimeDelta = TimeDelta::minutes(15);
/// A download that broke off may be taken up again this often.
const USES: i32 = 3;

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    pages::routes(routes)
}

/// The caller's export: being put together, or ready.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn present(caller: &Caller) -> Result<Option<Export>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::present(&mut tx, account).await
}

/// Asks for an export.
///
/// # Errors
/// 403 `AUTH_STEP_UP` unless password or second factor was proved lately, 409 when there is one already.
pub async fn ask(caller: &Caller, lang: Lang) -> Result<ExportId> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let id = ExportId(ids::fresh(caller.now()));
    let mut tx = caller.begin().await?;
    // One that failed, or was not fetched in time, makes room.
    sql::clear(&mut tx, person.account).await?;
    if !sql::insert(&mut tx, id, (person.account, person.tenant), lang.code()).await? {
        return Err(Error::conflict("BIZ_EXPORT_EXISTS", "There is an export already. Download it, or wait a day."));
    }
    let job = NewJob::now(BUILD, MAINTENANCE, json!({ "export": id, "account": person.account }));
    jobs::enqueue(&mut tx, job.once(id.to_string())).await?;
    audit::record(&mut tx, audit::Entry::done("export.asked", "Export", id.0)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Makes the link of a ready export anew; its secret.
///
/// # Errors
/// 403 `AUTH_STEP_UP` unless proved lately, 404 when there is no ready export of that id.
pub async fn link(caller: &Caller, id: ExportId) -> Result<String> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let secret = tokens::fresh()?;
    let mut tx = caller.begin().await?;
    if !sql::link(&mut tx, id, &tokens::hash(&secret), caller.now() + LINK).await? {
        return Err(Error::not_found());
    }
    tx.commit().await?;
    Ok(secret)
}

/// A download that may begin.
pub struct Download {
    /// The archive.
    pub body: Body,
    /// Its length.
    pub bytes: u64,
    /// When the export was asked for.
    pub asked_at: DateTime<Utc>,
}

/// Opens an export by its link, in the session of the account it belongs to.
///
/// # Errors
/// 404 when the link is over, was used too often, or belongs to somebody else.
pub async fn download(app: &App, caller: &Caller, secret: &str) -> Result<Download> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let found = sql::use_link(&mut tx, &tokens::hash(secret), USES).await?.ok_or_else(Error::not_found)?;
    let keys = app.vault.person_keys(&mut tx, account).await?;
    let key = FileKey::from_hex(&keys.open(field(found.id), &found.sealed_key)?)?;
    audit::record(&mut tx, audit::Entry::done("export.downloaded", "Export", found.id.0)).await?;
    tx.commit().await?;
    let stream = file::open(&app.config.export_folder(), found.id, &key).await?;
    let bytes = u64::try_from(found.bytes).unwrap_or_default();
    Ok(Download { body: Body::from_stream(stream), bytes, asked_at: found.asked_at })
}

fn field(id: ExportId) -> Field<'static> {
    Field { table: "socle.personal_exports", column: "sealed_key", row: id.0 }
}

/// The job: puts an export together. Run again, it begins anew.
pub(super) async fn build(hooks: &dyn Hooks, job: &Job) -> Outcome {
    let (id, account): (ExportId, AccountId) = (job.field("export")?, job.field("account")?);
    let app = hooks.app();
    let mut tx = job.caller.begin_as_account(account, None).await?;
    let Some(asked) = sql::asked(&mut tx, id).await? else { return Ok(()) };
    let phone = phone(app, &mut tx, account).await?;
    drop(tx);
    let key = FileKey::fresh()?;
    let built = Box::pin(write(hooks, &job.caller, (id, account), (&asked, &key, phone.as_deref()))).await;
    let mut tx = job.caller.begin_as_account(account, Some(asked.tenant)).await?;
    match built {
        Ok(bytes) => ready(app, hooks, &mut tx, Built { id, account, asked: &asked, key: &key, bytes }).await?,
        Err(error) if job.last => {
            sql::fail(&mut tx, id).await?;
            tx.commit().await?;
            return Err(Failure::GiveUp(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    Ok(())
}

/// The phone number, opened before the snapshot: keys are read where they may also be made.
async fn phone(app: &App, tx: &mut Tx, account: AccountId) -> Result<Option<String>> {
    let Some(sealed) = sql::phone(tx, account).await? else { return Ok(None) };
    let keys = app.vault.person_keys(tx, account).await?;
    keys.open(Field { table: "socle.accounts", column: "phone", row: account.0 }, &sealed).map(Some)
}

/// Writes the archive twice over, for programs and for people, from one snapshot: what changes meanwhile is in neither.
async fn write(
    hooks: &dyn Hooks,
    caller: &Caller,
    (id, account): (ExportId, AccountId),
    (asked, key, phone): (&sql::Asked, &FileKey, Option<&str>),
) -> Result<u64> {
    let branding = hooks.branding();
    let archive = Archive::create(&hooks.app().config.export_folder(), id, key).await?;
    let lang = Lang::parse(&asked.language).unwrap_or(Lang::Fr);
    let mut sections = Sections::new(archive, lang, branding.texts);
    let mut tx = caller.begin_snapshot(account).await?;
    let tenants = super::sql::tenants(&mut tx, account).await?;
    for people in [false, true] {
        if people {
            sections.for_people().await?;
        }
        sections.at(None);
        tx.step_into(None).await?;
        kernel::write(&mut tx, phone, &mut sections).await?;
        for (number, tenant) in (1..).zip(&tenants) {
            sections.at(Some((number, tenant.name.clone())));
            tx.step_into(Some(tenant.id)).await?;
            hooks.personal_data(&mut tx, account, &mut sections).await?;
        }
    }
    drop(tx);
    sections.finish().await
}

/// An archive that was written.
struct Built<'a> {
    id: ExportId,
    account: AccountId,
    asked: &'a sql::Asked,
    key: &'a FileKey,
    bytes: u64,
}

/// The key is sealed, and the person is told: without a word of what is in it.
async fn ready(app: &App, hooks: &dyn Hooks, tx: &mut Tx, built: Built<'_>) -> Result<()> {
    let Built { id, account, asked, key, bytes } = built;
    let keys = app.vault.person_keys(tx, account).await?;
    let sealed = keys.seal(field(id), &key.hex())?;
    sql::ready(tx, id, (&sealed, i64::try_from(bytes).unwrap_or(i64::MAX))).await?;
    let (email, language) = super::sql::address(tx, account).await?;
    let lang = Lang::parse(&language).unwrap_or(Lang::Fr);
    let page = format!("{}{}", hooks.branding().base, super::PAGE);
    let letter = Letter::new("export-ready", lang).to_account(account).link(&page);
    mail::send_by(app, tx, &email, letter).await?;
    let details = json!({ "bytes": bytes, "askedAt": asked.asked_at });
    audit::record(tx, audit::Entry::done("export.ready", "Export", id.0).with(details)).await
}

/// Deletes the files of exports whose day is over, whatever has become of their rows. An id tells when it was made.
///
/// # Errors
/// 500 when the folder cannot be read.
pub fn sweep(app: &App, now: DateTime<Utc>) -> Result<usize> {
    let folder = app.config.export_folder();
    let Ok(files) = std::fs::read_dir(&folder) else { return Ok(0) };
    let over = |path: &std::path::Path| {
        let id = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<uuid::Uuid>().ok());
        let made = id.and_then(|id| id.get_timestamp()).map(|stamp| stamp.to_unix());
        let made = made.and_then(|(seconds, _)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
        made.is_some_and(|made| made + KEPT <= now)
    };
    let mut gone = 0;
    for path in files.filter_map(|file| file.ok().map(|file| file.path())).filter(|path| over(path)) {
        std::fs::remove_file(&path).map_err(|e| Error::internal(format!("an export's file: {e}")))?;
        gone += 1;
    }
    Ok(gone)
}

/// Deletes the files of somebody who is erased.
pub(super) fn forget(app: &App, exports: &[ExportId]) {
    for id in exports {
        // Not there is what is wanted; what cannot be deleted now goes with the day's sweep.
        drop(std::fs::remove_file(file::path(&app.config.export_folder(), *id)));
    }
}

/// The exports of an account.
pub(super) async fn all_of(tx: &mut Tx, account: AccountId) -> Result<Vec<ExportId>> {
    sql::all_of(tx, account).await
}
