//! Asking, using, ending, reviewing. Each leaves its audit row; none prolongs anything.

use serde_json::json;
use uuid::Uuid;

use super::model::Words;
use super::{LASTS, Opening, OpeningId, Review, Rules, Seen, Verdict, Wish, jobs, sql};
use crate::access::{Action, Resource};
use crate::db::{Person, Tx};
use crate::sealed::{Field, TenantKeys};
use crate::security::{Event, Severity};
use crate::web::Product;
use crate::{App, Caller, Error, Result, audit, security};

const TABLE: &str = "socle.break_glass";

/// The product's rules, for somebody who may do this in their tenant.
fn admitted<P: Product>(product: &P, person: &Person, which: fn(&Rules) -> Action) -> Result<&'static Rules> {
    let rules = product.break_glass().ok_or_else(Error::not_found)?;
    let allowed = product.policies().allows(person, which(rules), &Resource::of(person.tenant.0));
    if allowed { Ok(rules) } else { Err(Error::forbidden()) }
}

/// Opens one record for 30 minutes, in the session that asks.
///
/// # Errors
/// 403 when the role may not, or the second factor was not proved lately (`AUTH_STEP_UP`); 400 when the reason will not
/// do; 422 for a kind of record that is never opened; 404 when the tenant has no such record; 409 while another, or the
/// same, is open.
pub async fn ask<P: Product>(product: &P, caller: &Caller, wish: Wish) -> Result<Opening> {
    let person = caller.person()?;
    let rules = admitted(product, person, |rules| rules.ask)?;
    person.second_factor_lately(caller.now())?;
    let reason = wish.reason()?;
    let kind = rules.kinds.iter().find(|kind| **kind == wish.kind).ok_or_else(|| {
        Error::unprocessable("BIZ_BREAK_GLASS_KIND", "Records of this kind are never opened this way.")
    })?;
    let opening = Opening {
        id: OpeningId::fresh(caller.now()),
        account: person.account,
        session: person.session,
        kind: wish.kind.clone(),
        record: wish.record,
        opened_at: caller.now(),
        expires_at: caller.now() + LASTS,
    };
    let mut tx = caller.begin().await?;
    end_over(&mut tx).await?;
    if !product.glass_broken(&mut tx, &opening).await? {
        audit::record(&mut tx, audit::Entry::refused("break_glass.opened", kind, Some(wish.record))).await?;
        tx.commit().await?;
        return Err(Error::not_found());
    }
    let words = Words { text: reason.to_owned(), name: person.name.clone() };
    let asked = seal(product.app(), &mut tx, ("asked", opening.id), &words).await?;
    sql::insert(&mut tx, &opening, &asked).await?;
    let details = json!({ "opening": opening.id, "until": opening.expires_at });
    audit::record(&mut tx, audit::Entry::done("break_glass.opened", kind, opening.record).with(details)).await?;
    let told = jobs::tell(product, &mut tx, &opening, rules).await?;
    // With nobody to tell it is still opened: it is an emergency. Somebody outside must then look at it.
    let severity = if told > 0 { Severity::High } else { Severity::Critical };
    let event = Event::new("BREAK_GLASS", severity, Some(opening.account));
    security::record(&mut tx, event.with(json!({ "opening": opening.id, "told": told }))).await?;
    tx.commit().await?;
    Ok(opening)
}

/// Refuses what the person may not do to this record: neither by right nor, when they broke its glass in this very
/// session and its time is not over, by what the policies then open. Right comes first: ordinary decisions ask nothing
/// more. A use through broken glass is counted and audited in the transaction: **commit it, also after a mere read**.
///
/// # Errors
/// 404 when they may not even see it, 403 when they may see it but not do this.
pub async fn require<P: Product>(
    product: &P,
    tx: &mut Tx,
    (see, action): (Action, Action),
    (record, resource): (Uuid, Resource),
) -> Result<()> {
    let caller = tx.caller().clone();
    let (person, policies) = (caller.person()?, product.policies());
    let may_be_opened = product.break_glass().is_some_and(|rules| rules.kinds.contains(&action.on));
    if policies.allows(person, action, &resource) || !may_be_opened {
        return policies.require(person, (see, action), &resource);
    }
    let Some(opening) = sql::use_once(tx, (person.account, person.session), (action.on, record)).await? else {
        return policies.require(person, (see, action), &resource);
    };
    policies.require(person, (see, action), &resource.opened())?;
    let details = json!({ "opening": opening, "action": action.name });
    audit::record(tx, audit::Entry::done("break_glass.used", action.on, record).with(details)).await
}

/// What the caller has open, if anything.
///
/// # Errors
/// 403 when the role may not ask for it.
pub async fn mine<P: Product>(product: &P, caller: &Caller) -> Result<Option<Opening>> {
    let person = caller.person()?;
    admitted(product, person, |rules| rules.ask)?;
    let mut tx = caller.begin().await?;
    sql::open_of(&mut tx, person.account).await
}

/// Ends one before its time: one's own, or as a reviewer anybody's.
///
/// # Errors
/// 404 when it is not open, or not theirs to end.
pub async fn end<P: Product>(product: &P, caller: &Caller, id: OpeningId) -> Result<()> {
    let person = caller.person()?;
    let mut tx = caller.begin().await?;
    let (account, record) = sql::end(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if account != person.account {
        admitted(product, person, |rules| rules.review).map_err(|_| Error::not_found())?;
    }
    ended(&mut tx, (id, record), "early").await?;
    tx.commit().await
}

/// Ends what is over in the transaction's tenant, each with its audit row.
pub(super) async fn end_over(tx: &mut Tx) -> Result<()> {
    for over in sql::end_over(tx).await? {
        ended(tx, over, "over").await?;
    }
    Ok(())
}

async fn ended(tx: &mut Tx, (id, record): (OpeningId, Uuid), how: &'static str) -> Result<()> {
    let details = json!({ "how": how, "record": record });
    audit::record(tx, audit::Entry::done("break_glass.ended", "BreakGlass", id.0).with(details)).await
}

/// What waits for a review, oldest first, then what was reviewed last.
///
/// # Errors
/// 403 when the role may not review.
pub async fn queue<P: Product>(product: &P, caller: &Caller) -> Result<Vec<Seen>> {
    admitted(product, caller.person()?, |rules| rules.review)?;
    let mut tx = caller.begin().await?;
    let rows = sql::queue(&mut tx).await?;
    let keys = product.app().vault.keys(&mut tx).await?;
    // The first look makes the tenant's key.
    tx.commit().await?;
    rows.into_iter().map(|row| seen(&keys, row)).collect()
}

fn seen(keys: &TenantKeys, row: sql::Row) -> Result<Seen> {
    let id = row.opening.id;
    let asked = open(keys, ("asked", id), &row.asked)?;
    let review = match row.review {
        None => None,
        Some((words, verdict, at)) => {
            let words = open(keys, ("review", id), &words)?;
            let verdict = Verdict::parse(&verdict).ok_or_else(|| Error::internal(format!("verdict of {id}")))?;
            Some(Review { verdict, note: words.text, reviewer: words.name, at })
        }
    };
    let (opening, uses, ended_at) = (row.opening, row.uses, row.ended_at);
    Ok(Seen { opening, person: asked.name, reason: asked.text, uses, ended_at, review })
}

/// Says whether it was justified.
///
/// # Errors
/// 404 when there is no such opening; 403 for one's own; 409 while it is open, or when it was reviewed already; 400 when
/// the note will not do.
pub async fn review<P: Product>(
    product: &P,
    caller: &Caller,
    id: OpeningId,
    (verdict, note): (Verdict, &str),
) -> Result<()> {
    let person = caller.person()?;
    admitted(product, person, |rules| rules.review)?;
    let note = verdict.note(note)?;
    let mut tx = caller.begin().await?;
    let standing = sql::standing(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if standing.account == person.account {
        audit::record(&mut tx, audit::Entry::refused("break_glass.reviewed", "BreakGlass", Some(id.0))).await?;
        tx.commit().await?;
        return Err(Error { code: "AUTHZ_OWN_REVIEW".into(), ..Error::forbidden() });
    }
    if standing.reviewed {
        return Err(Error::conflict("BIZ_REVIEWED", "Somebody has reviewed this already; reload the list."));
    }
    if !standing.over {
        return Err(Error::conflict("BIZ_BREAK_GLASS_OPEN", "It is still open. Review it once it has ended."));
    }
    let words = Words { text: note.to_owned(), name: person.name.clone() };
    let words = seal(product.app(), &mut tx, ("review", id), &words).await?;
    sql::review(&mut tx, id, person.account, (verdict, &words)).await?;
    if verdict == Verdict::NotJustified {
        let event = Event::new("BREAK_GLASS_NOT_JUSTIFIED", Severity::High, Some(standing.account));
        security::record(&mut tx, event.with(json!({ "opening": id }))).await?;
    }
    let details = json!({ "verdict": verdict.name(), "record": standing.record });
    audit::record(&mut tx, audit::Entry::done("break_glass.reviewed", "BreakGlass", id.0).with(details)).await?;
    tx.commit().await
}

fn field((column, id): (&'static str, OpeningId)) -> Field<'static> {
    Field { table: TABLE, column, row: id.0 }
}

async fn seal(app: &App, tx: &mut Tx, place: (&'static str, OpeningId), words: &Words) -> Result<Vec<u8>> {
    let text = serde_json::to_string(words).map_err(|e| Error::internal(format!("break-glass: {e}")))?;
    app.vault.keys(tx).await?.seal(field(place), &text)
}

fn open(keys: &TenantKeys, place: (&'static str, OpeningId), sealed: &[u8]) -> Result<Words> {
    let text = keys.open(field(place), sealed)?;
    serde_json::from_str(&text).map_err(|e| Error::internal(format!("break-glass: {e}")))
}
