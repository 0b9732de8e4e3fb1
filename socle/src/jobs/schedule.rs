//! Schedules: cron in a time zone. The next instant is a row; whoever finds it due enqueues the job and moves it on, in
//! one transaction, so that of many servers one does it. A schedule that was missed runs once, not once per miss.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use serde_json::json;

use super::{NewJob, Queue, enqueue, sql};
use crate::db::{Trace, Who};
use crate::{App, Error, Result};

/// A job of the platform that comes round.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Its own name.
    pub name: &'static str,
    /// Minute, hour, day, month, weekday.
    pub cron: &'static str,
    /// The zone of those hours: 09:00 stays 09:00 in summer; an hour that a change of clocks skips is run when it is over.
    pub zone: Tz,
    /// The kind of job.
    pub kind: &'static str,
    /// Where it waits.
    pub queue: Queue,
}

impl Schedule {
    /// The first instant after another.
    ///
    /// # Errors
    /// When the cron expression cannot be read or never comes round.
    pub fn next(&self, after: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let wrong = |e: croner::errors::CronError| Error::internal(format!("schedule {}: {e}", self.name));
        let cron = Cron::from_str(self.cron).map_err(wrong)?;
        let next = cron.find_next_occurrence(&after.with_timezone(&self.zone), false).map_err(wrong)?;
        Ok(next.with_timezone(&Utc))
    }
}

/// Enqueues what is due.
pub(super) async fn run_due(app: &App, realm: &'static str, schedules: &[Schedule]) -> Result<()> {
    let now = app.clock.now();
    let caller = app.nobody(realm, Trace::default()).becoming(Who::Platform);
    let mut tx = caller.begin().await?;
    for schedule in schedules {
        let due = sql::due(&mut tx, schedule.name, now).await?;
        let next = schedule.next(now)?;
        match due {
            sql::Due::Now(at) => {
                let job = NewJob::now(schedule.kind, schedule.queue, json!({ "due": at }));
                enqueue(&mut tx, job.once(format!("{}@{}", schedule.name, at.timestamp()))).await?;
                sql::set_next(&mut tx, schedule.name, next).await?;
            }
            sql::Due::New => sql::set_next(&mut tx, schedule.name, next).await?,
            sql::Due::NotYet => {}
        }
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &'static str, after: &str) -> String {
        let queue = super::super::MAINTENANCE;
        let schedule = Schedule { name: "x", cron, zone: chrono_tz::Europe::Paris, kind: "x", queue };
        schedule.next(after.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn hours_are_those_of_the_zone_in_winter_and_in_summer() {
        assert_eq!(next("0 9 * * *", "2026-01-10T10:00:00Z"), "2026-01-11T08:00:00+00:00");
        assert_eq!(next("0 9 * * *", "2026-07-10T10:00:00Z"), "2026-07-11T07:00:00+00:00");
        assert_eq!(next("*/15 * * * *", "2026-07-10T10:01:00Z"), "2026-07-10T10:15:00+00:00");
    }

    #[test]
    fn an_hour_that_the_spring_change_skips_still_comes_once() {
        // 29 March 2026: 02:00 becomes 03:00 in Paris.
        assert_eq!(next("30 2 * * *", "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00+00:00");
        assert_eq!(next("30 2 * * *", "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00+00:00");
    }

    #[test]
    fn an_hour_that_the_autumn_change_repeats_comes_once() {
        // 25 October 2026: 03:00 becomes 02:00 in Paris.
        let first = next("30 2 * * *", "2026-10-24T12:00:00Z");
        assert_eq!(first, "2026-10-25T00:30:00+00:00");
        assert_eq!(next("30 2 * * *", &first), "2026-10-26T01:30:00+00:00");
    }
}
