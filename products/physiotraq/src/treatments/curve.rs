//! A curve as scripts read it: numbers and epoch milliseconds, a whole session in one answer.

use serde::Serialize;
use socle::Caller;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::Treatment;
use super::sql::AlertRow;
use crate::measurements::Quality;
use crate::measurements::sql::Point;
use crate::people;
use crate::units::Celsius;

/// The readings of a treatment, or of the last half hour of a device without one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Curve {
    /// The treatment, if one runs or ran.
    treatment: Option<Uuid>,
    /// Its start, in epoch milliseconds.
    #[schema(example = json!(1_795_255_200_000_i64))]
    started_at: Option<i64>,
    /// Its end, in epoch milliseconds.
    ended_at: Option<i64>,
    /// From where on a value is coloured.
    limits: CurveLimits,
    /// In what the caller reads temperatures: celsius or fahrenheit. The values here are always °C.
    #[schema(example = "celsius")]
    unit: &'static str,
    /// Each is [device time in epoch milliseconds, °C, quality]; quality 0 good, 1 below the reliability limit, 2
    /// implausible.
    #[schema(value_type = Vec<Vec<f64>>, example = json!([[1_795_255_200_000_i64, 38.712, 0]]))]
    points: Vec<(i64, f64, u8)>,
    /// The warmest good value.
    max: Option<CurveMaximum>,
    /// Alerts, oldest first.
    alerts: Vec<CurveAlert>,
}

/// From where on a value is coloured, in °C.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurveLimits {
    /// Orange.
    #[schema(example = 39.0)]
    watch: f64,
    /// Red.
    #[schema(example = 40.0)]
    critical: f64,
}

/// The warmest good value.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurveMaximum {
    /// Device time in epoch milliseconds.
    t: i64,
    /// °C.
    #[schema(example = 39.312)]
    c: f64,
}

/// An alert of the treatment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CurveAlert {
    /// temperature, no_data or low_reliability.
    #[schema(example = "temperature")]
    kind: String,
    /// 39 or 40; 0 when it is about the equipment.
    #[schema(example = 39)]
    level: i16,
    /// Device time in epoch milliseconds.
    raised_at: i64,
}

impl Curve {
    /// The curve of a treatment, or of a device without one.
    pub(crate) fn of(caller: &Caller, treatment: Option<&Treatment>, points: &[Point], alerts: &[AlertRow]) -> Self {
        let (watch, critical) = treatment.map_or((Celsius(39_000), Celsius(40_000)), |t| t.limits);
        let good = points.iter().filter(|point| point.quality == Quality::Good);
        let warmest = good.max_by_key(|point| (point.value, std::cmp::Reverse(point.at)));
        let point = |point: &Point| (point.at.timestamp_millis(), point.value.degrees(), point.quality.number());
        let alert = |alert: &AlertRow| CurveAlert {
            kind: alert.kind.clone(),
            level: alert.level,
            raised_at: alert.raised_at.timestamp_millis(),
        };
        Self {
            treatment: treatment.map(|t| t.id.0),
            started_at: treatment.map(|t| t.started_at.timestamp_millis()),
            ended_at: treatment.and_then(|t| t.ended_at).map(|at| at.timestamp_millis()),
            limits: CurveLimits { watch: watch.degrees(), critical: critical.degrees() },
            unit: people::unit_of(caller).name(),
            points: points.iter().map(point).collect(),
            max: warmest.map(|point| CurveMaximum { t: point.at.timestamp_millis(), c: point.value.degrees() }),
            alerts: alerts.iter().map(alert).collect(),
        }
    }
}
