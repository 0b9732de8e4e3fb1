//! Doing it: in one transaction of the account, everything or nothing.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ADDRESS, AUDIT, Becomes, ErasureId, MEMBERSHIPS, Outcome, RECEIPT, REMINDER, fate_of, journal, letter, sql,
};
use crate::db::{Caller, Trace, Tx};
use crate::ids::{AccountId, TenantId};
use crate::jobs::{Failure, Job};
use crate::mail::{self, Letter};
use crate::privacy::export;
use crate::privacy::products::{Hooks, Products};
use crate::privacy::sql::{Place, tenants};
use crate::web::Lang;
use crate::{Error, Result, audit, ids};

/// Erasures looked at together.
const PAGE: i32 = 100;

/// Why an account is erased.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Its person asked for it, and the day has come.
    Due(ErasureId, TenantId),
    /// It had been erased before the database was restored.
    Again,
}

/// The nightly job: reminds, erases, and writes the journal. One that fails does not hold up the others.
pub(in crate::privacy) async fn nightly(products: &Products, job: &Job) -> crate::jobs::Outcome {
    let (db, now) = (job.caller.db(), job.caller.now());
    let (mut after, mut failed) = (Uuid::nil(), None);
    loop {
        let page = sql::open(db, now + REMINDER, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.0;
        for open in &page {
            if let Err(error) = Box::pin(one(products, &job.caller, open)).await {
                tracing::error!(%error, erasure = %open.id, "an erasure could not be done");
                failed = Some(error);
            }
        }
    }
    journal::catch_up(products, &job.caller).await?;
    failed.map_or(Ok(()), |error| Err(Failure::Retry(error.to_string())))
}

async fn one(products: &Products, caller: &Caller, open: &sql::Open) -> Result<()> {
    let hooks = products.of(&open.realm);
    let hooks = hooks.ok_or_else(|| Error::internal(format!("the product {} is not mounted", open.realm)))?;
    if open.due_at <= caller.now() {
        return execute(hooks, open.account, Order::Due(open.id, open.tenant)).await.map(drop);
    }
    if open.reminded {
        return Ok(());
    }
    let mut tx = begin(hooks, open.account, Some(open.tenant)).await?;
    if sql::reminded(&mut tx, open.id).await? {
        let (email, language) = crate::privacy::sql::address(&mut tx, open.account).await?;
        let lang = Lang::parse(&language).unwrap_or(Lang::Fr);
        let letter = letter(hooks.branding(), "erasure-soon", lang, open.account);
        let letter = letter.with("day", &crate::privacy::moment(open.due_at, lang));
        mail::send_by(hooks.app(), &mut tx, &email, letter).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A transaction of the account itself, in its own realm, whoever's job this is.
async fn begin(hooks: &dyn Hooks, account: AccountId, tenant: Option<TenantId>) -> Result<Tx> {
    let nobody = hooks.app().nobody(hooks.branding().realm.name, Trace::default());
    nobody.begin_as_account(account, tenant).await
}

/// Erases an account; whether it was done now. Held, in use, undone or done before, it is not.
pub(super) async fn execute(hooks: &dyn Hooks, account: AccountId, order: Order) -> Result<bool> {
    let mut tx = begin(hooks, account, None).await?;
    let Some((email, language, erased)) = sql::lock(&mut tx, account).await? else { return Ok(false) };
    if erased {
        return Ok(false);
    }
    let places = tenants(&mut tx, account).await?;
    if let Order::Due(id, _) = order {
        if !sql::is_due(&mut tx, id).await? {
            return Ok(false);
        }
        if let Some(reason) = waits_for(hooks, &mut tx, account, &places).await? {
            sql::waits(&mut tx, id, reason).await?;
            tx.commit().await?;
            return Ok(false);
        }
    }
    let exports = export::all_of(&mut tx, account).await?;
    let outcomes = erase(hooks, &mut tx, account, &places).await?;
    let now = tx.caller().now();
    match order {
        Order::Due(id, tenant) => {
            tx.step_into(Some(tenant)).await?;
            let lang = Lang::parse(&language).unwrap_or(Lang::Fr);
            // Not the account's any more: it goes like every mail, after its 90 days.
            let told = Letter::new("erasure-done", lang).with("outcomes", &told(hooks, &outcomes, lang, now));
            mail::send_by(hooks.app(), &mut tx, &email, told).await?;
            sql::executed(&mut tx, id, &receipt(&outcomes, now)).await?;
        }
        Order::Again => {
            let tenant = places.first().map_or(TenantId(Uuid::nil()), |place| place.id);
            let id = ErasureId(ids::fresh(now));
            sql::insert_replayed(&mut tx, id, (account, tenant), (&language, &receipt(&outcomes, now))).await?;
        }
    }
    audit::record(&mut tx, audit::Entry::done("account.erased", "Account", account.0)).await?;
    tx.commit().await?;
    export::forget(hooks.app(), &exports);
    Ok(true)
}

/// A legal hold, or somebody who depends on the person by now.
async fn waits_for(
    hooks: &dyn Hooks,
    tx: &mut Tx,
    account: AccountId,
    places: &[Place],
) -> Result<Option<&'static str>> {
    if !sql::holds(tx, account).await?.is_empty() {
        return Ok(Some("hold"));
    }
    for place in places.iter().filter(|place| place.active) {
        tx.step_into(Some(place.id)).await?;
        if !hooks.uses(tx, account).await?.is_empty() {
            return Ok(Some("uses"));
        }
    }
    tx.step_into(None).await?;
    Ok(None)
}

/// Everything of the account: the products' rows tenant by tenant, then the kernel's, its key and its own row.
async fn erase(hooks: &dyn Hooks, tx: &mut Tx, account: AccountId, places: &[Place]) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for place in places {
        tx.step_into(Some(place.id)).await?;
        hooks.erase(tx, account).await?.into_iter().for_each(|outcome| add(&mut outcomes, outcome));
        if place.active {
            hooks.leave(tx, account).await?;
        }
        sql::empty_membership(tx, account).await?;
        add(&mut outcomes, Outcome { fate: MEMBERSHIPS, rows: 1 });
    }
    tx.step_into(None).await?;
    for touched in sql::erase_account(tx, account).await? {
        add(&mut outcomes, Outcome { fate: fate_of(&touched.table), rows: touched.rows });
    }
    hooks.app().vault.destroy_person(tx, account).await?;
    sql::empty_account(tx, account).await?;
    [ADDRESS, AUDIT, RECEIPT].into_iter().for_each(|fate| add(&mut outcomes, Outcome { fate, rows: 1 }));
    Ok(outcomes)
}

/// One line per kind of data.
fn add(outcomes: &mut Vec<Outcome>, new: Outcome) {
    match outcomes.iter_mut().find(|outcome| outcome.fate.what == new.fate.what) {
        Some(same) => same.rows += new.rows,
        None => outcomes.push(new),
    }
}

/// What is kept of it: keys of texts, counts and days, no name.
fn receipt(outcomes: &[Outcome], now: DateTime<Utc>) -> Value {
    let line = |outcome: &Outcome| {
        json!({
            "what": outcome.fate.what,
            "becomes": outcome.fate.becomes,
            "reason": outcome.fate.reason,
            "until": outcome.fate.kept.map(|span| span.after(now).date_naive()),
            "rows": outcome.rows,
        })
    };
    outcomes.iter().map(line).collect()
}

/// The same for the person, a paragraph per kind.
fn told(hooks: &dyn Hooks, outcomes: &[Outcome], lang: Lang, now: DateTime<Utc>) -> String {
    let text = |key: &str| hooks.branding().texts.text(lang, key);
    let line = |outcome: &Outcome| {
        let (what, becomes) = (text(outcome.fate.what), text(super::pages::word(outcome.fate.becomes)));
        let reason = outcome.fate.reason.map(|key| format!(" {}", text(key))).unwrap_or_default();
        let until = outcome.fate.kept.map(|span| format!(" ({})", super::super::moment(span.after(now), lang)));
        format!("– {what} : {becomes}.{reason}{}", until.unwrap_or_default())
    };
    let order = |outcome: &&Outcome| match outcome.fate.becomes {
        Becomes::Deleted => 0,
        Becomes::Anonymised => 1,
        Becomes::Kept => 2,
    };
    let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
    sorted.sort_by_key(order);
    sorted.into_iter().map(line).collect::<Vec<_>>().join("\n\n")
}
