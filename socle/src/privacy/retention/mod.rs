//! How long rows are kept. One table of rules says what goes when, and why; the nightly job applies it, `docs/retention.md`
//! is written from it, and a test finds tables of the database that it forgets.
//!
//! Every rule runs in bounded batches, each a transaction of its own: a run that is interrupted is taken up by the next, and
//! of two servers at once each row is deleted by one. What a legal hold names stays.

mod page;
mod rules;
mod sql;

use chrono::{DateTime, Datelike, Days, Months, Utc};
use http::StatusCode;
use serde_json::json;

pub use page::page;
pub use rules::{KEPT, RULES};

use crate::db::Db;
use crate::jobs::{Job, Outcome};
use crate::{App, Result, audit};

/// A length of time, as laws and calendars count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// At once.
    None,
    /// Days of 24 hours.
    Days(u64),
    /// Calendar months; the last day of a shorter month stands for the days that it has not.
    Months(u32),
}

impl Span {
    /// The instant this long before another.
    #[must_use]
    pub fn before(self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::None => at,
            Self::Days(days) => at.checked_sub_days(Days::new(days)).unwrap_or(DateTime::<Utc>::MIN_UTC),
            Self::Months(months) => at.checked_sub_months(Months::new(months)).unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }

    /// The instant this long after another.
    #[must_use]
    pub fn after(self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::None => at,
            Self::Days(days) => at.checked_add_days(Days::new(days)).unwrap_or(at),
            Self::Months(months) => at.checked_add_months(Months::new(months)).unwrap_or(at),
        }
    }
}

/// What happens to rows whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They are deleted.
    Delete,
    /// They stay, without what the rule names.
    Empty,
    /// Whole months go at once.
    DropPartitions,
}

/// How long rows of a table are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `schema.table`.
    pub table: &'static str,
    /// Which of its rows.
    pub rows: &'static str,
    /// The column that the time counts from.
    pub column: &'static str,
    /// How long they are in use.
    pub active: Span,
    /// How long they are kept after that, as evidence.
    pub archive: Span,
    /// Why so long: a law, or a line of domain/rgpd-hds.md, DESIGN.md or decisions.md.
    pub basis: &'static str,
    /// What happens then.
    pub action: Action,
    /// Rows (or months) at once.
    pub batch: i32,
    /// Whether a legal hold can stop it.
    pub holds: bool,
    /// One batch: deletes at most `$2` of what was over at `$1`, now being `$3`; answers how many. Of
    /// [`Action::DropPartitions`]: whether something stands in its way at `$1`.
    pub statement: &'static str,
}

impl Rule {
    /// Rows whose column is at or before this instant are over.
    #[must_use]
    pub fn over_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.active.before(self.archive.before(now))
    }
}

/// A table that holds personal data and that no rule empties.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// `schema.table`.
    pub table: &'static str,
    /// Until when, and why.
    pub reason: &'static str,
}

/// The kernel's rule for the rows of a table.
#[must_use]
pub fn rule(table: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.table == table)
}

/// Applies one rule until nothing of it is left; how many rows (or months) went.
///
/// # Errors
/// 503 when the database cannot be reached. What was deleted until then stays deleted.
pub async fn apply(app: &App, rule: &Rule, now: DateTime<Utc>) -> Result<i64> {
    match rule.action {
        Action::Delete | Action::Empty => sweep(&app.db, rule, now).await,
        Action::DropPartitions => drop_months(app, rule, now).await,
    }
}

/// Months of the audit trail go as a whole, chained and signed off by the trail itself; none while a hold stands.
async fn drop_months(app: &App, rule: &Rule, now: DateTime<Utc>) -> Result<i64> {
    let over = rule.over_at(now).date_naive();
    let Some(day) = over.with_day(1) else { return Ok(0) };
    if sql::stands(&app.db, rule, now).await? {
        return Ok(0);
    }
    match audit::drop_before(app, day).await {
        Ok(dropped) => Ok(i64::from(dropped)),
        // Rows of those months wait to be sealed: tomorrow, then.
        Err(error) if error.status == StatusCode::CONFLICT => Ok(0),
        Err(error) => Err(error),
    }
}

/// Applies a rule of rows until nothing of it is left; how many went.
///
/// # Errors
/// 503 when the database cannot be reached. What was deleted until then stays deleted.
pub async fn sweep(db: &Db, rule: &Rule, now: DateTime<Utc>) -> Result<i64> {
    let mut all = 0;
    loop {
        let gone = sql::batch(db, rule, now).await?;
        all += gone;
        if gone < i64::from(rule.batch) {
            return Ok(all);
        }
    }
}

/// The nightly job: every rule in turn, and a line in the audit trail for each that found something.
pub(super) async fn nightly(app: &App, job: &Job, rules: &[Rule]) -> Outcome {
    for rule in rules {
        let gone = apply(app, rule, job.caller.now()).await?;
        if gone == 0 {
            continue;
        }
        tracing::info!(table = rule.table, rows = rule.rows, gone, "retention");
        let mut tx = job.caller.begin().await?;
        let details = json!({ "table": rule.table, "rows": rule.rows, "gone": gone });
        audit::record(&mut tx, audit::Entry::done("retention.applied", "Job", job.id.0).with(details)).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(Span::Months(12).before(at("2028-02-29T10:00:00Z")), at("2027-02-28T10:00:00Z"));
        assert_eq!(Span::Months(1).after(at("2027-01-31T10:00:00Z")), at("2027-02-28T10:00:00Z"));
        assert_eq!(Span::Days(30).before(at("2027-03-31T10:00:00Z")), at("2027-03-01T10:00:00Z"));
        assert_eq!(Span::None.before(at("2027-01-01T00:00:00Z")), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_rule_counts_use_and_archive_together() {
        let rule = Rule { active: Span::Months(12), archive: Span::Months(48), ..RULES[0] };
        assert_eq!(rule.over_at(at("2031-05-10T00:00:00Z")), at("2026-05-10T00:00:00Z"));
    }
}
