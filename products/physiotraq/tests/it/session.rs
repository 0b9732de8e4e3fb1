//! A running treatment whose device measures along with the settable clock.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Licence, Stage};
use uuid::Uuid;

use crate::{behind, crew};

/// An operator's running treatment.
pub struct Session {
    /// The server.
    pub stage: Stage,
    /// The first licence of the stage.
    pub licence: Licence,
    /// The treatment.
    pub treatment: Uuid,
    /// A look behind the scenes.
    pub admin: PgConnection,
}

/// An alert as it is stored.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Alert {
    /// Its id.
    pub id: Uuid,
    /// 39 or 40.
    pub level: i16,
    /// The value that raised it.
    pub value: f64,
    /// Device time of the first value at or above the limit.
    pub condition_at: DateTime<Utc>,
    /// Device time of the value that confirmed it.
    pub raised_at: DateTime<Utc>,
    /// When somebody took note.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who.
    pub acknowledged_by: Option<Uuid>,
    /// What they wrote.
    pub note: Option<String>,
    /// When it was over.
    pub cleared_at: Option<DateTime<Utc>>,
}

/// A treatment's flags, and its maximum: 39, 40, °C.
pub type Marks = (bool, bool, Option<f64>);

impl Session {
    /// The operator of a fresh licence starts a treatment on its device.
    pub async fn new() -> Result<Self> {
        let stage = Stage::new().await?;
        let licence = stage.licence().await?;
        crew::online(&licence.device).await?;
        let treatment = licence.operator.start(&licence.device).await?.parse()?;
        let admin = stage.database.admin().await?;
        Ok(Self { stage, licence, treatment, admin })
    }

    /// The device measures every `gap` seconds and sends what it has once a minute; all of it is evaluated then.
    pub async fn feed(&self, gap: i64, values: &[f64]) -> Result<()> {
        let at_once = usize::try_from((60 / gap).max(1))?;
        for group in values.chunks(at_once) {
            let mut readings = Vec::with_capacity(at_once);
            for celsius in group {
                self.stage.clock.advance(TimeDelta::seconds(gap));
                readings.push((self.stage.clock.now(), *celsius));
            }
            let said = self.licence.device.batch(&readings).await?;
            ensure!(said["stored"] == json!(readings.len()), "{said}");
        }
        match values.last() {
            Some(last) => self.settle(*last).await,
            None => Ok(()),
        }
    }

    /// Sends the reading of this moment again: it is answered once everything before it has been evaluated.
    pub async fn settle(&self, celsius: f64) -> Result<()> {
        let said = self.licence.device.batch(&[(self.stage.clock.now(), celsius)]).await?;
        ensure!(said["duplicate"] == json!(1), "{said}");
        Ok(())
    }

    /// Every physiological alert of the treatment, oldest first.
    pub async fn alerts(&mut self) -> Result<Vec<Alert>> {
        let statement = "SELECT id, level, value::float8 AS value, condition_at, raised_at, acknowledged_at,
                                acknowledged_by, note, cleared_at
                         FROM physiotraq.alerts WHERE treatment_id = $1 AND kind = 'temperature'
                         ORDER BY raised_at, level";
        Ok(sqlx::query_as::<_, Alert>(statement).bind(self.treatment).fetch_all(&mut self.admin).await?)
    }

    /// The levels of all alerts, oldest first.
    pub async fn levels(&mut self) -> Result<Vec<i16>> {
        Ok(self.alerts().await?.iter().map(|alert| alert.level).collect())
    }

    /// The treatment's flags and maximum, as saved by now.
    pub async fn marks(&mut self) -> Result<Marks> {
        self.stage.product.monitor().save().await;
        let statement = "SELECT alert_39_triggered, alert_40_triggered, max_temperature::float8
                         FROM physiotraq.treatments WHERE id = $1";
        Ok(sqlx::query_as::<_, Marks>(statement).bind(self.treatment).fetch_one(&mut self.admin).await?)
    }

    /// How many events of a type the treatment has.
    pub async fn events(&mut self, event_type: &str) -> Result<i64> {
        behind::events(&mut self.admin, event_type, self.treatment).await
    }

    /// One figure about the treatment.
    pub async fn figure(&mut self, statement: &'static str) -> Result<i64> {
        behind::figure(&mut self.admin, statement, self.treatment).await
    }

    /// The alarms as live pages show them at this moment.
    pub fn alarm(&self) -> Value {
        self.shown("alarm")
    }

    /// The last value of one kind as live pages show it at this moment.
    pub fn shown(&self, name: &str) -> Value {
        let events = self.stage.product.monitor().snapshot(self.licence.device.id);
        let event = events.into_iter().find(|event| event.name == name).unwrap();
        serde_json::from_str(&event.data).unwrap()
    }

    /// The operator takes note of an alert; the status.
    pub async fn acknowledge(&self, alert: Uuid, note: &str) -> Result<u16> {
        let path = format!("/physiotraq/app/monitor/{}/acknowledge", self.licence.device.id);
        let alert = alert.to_string();
        let answer = self.licence.operator.post(&path, &[("alert", alert.as_str()), ("note", note)]).await?;
        Ok(answer.status().as_u16())
    }

    /// The operator ends the treatment by `stop` or `abort`; the status.
    pub async fn end(&self, how: &str) -> Result<u16> {
        let path = format!("/physiotraq/app/monitor/{}/{how}", self.licence.device.id);
        Ok(self.licence.operator.post(&path, &[]).await?.status().as_u16())
    }

    /// The server dies and comes back; everybody signs in again.
    pub async fn after_a_crash(mut self) -> Result<Self> {
        self.stage = self.stage.crash_and_restart().await?;
        let accounts = (self.licence.owner.account, self.licence.operator.account);
        self.licence.owner = self.stage.sign_in("owner1@test.fr").await?.with_account(accounts.0);
        self.licence.operator = self.stage.sign_in("operator1@test.fr").await?.with_account(accounts.1);
        self.licence.device = self.licence.device.at(self.stage.url());
        Ok(self)
    }
}
