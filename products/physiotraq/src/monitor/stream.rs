//! The live stream: one connection for all topics of a page, last value first, rights looked at again every three
//! seconds, so that a removed right ends it within five.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as SseEvent, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, SelectAll};
use serde::Deserialize;
use serde_json::json;
use socle::error::Envelope;
use socle::live::Event;
use socle::web::Query;
use socle::{Caller, Error, Result, identity};
use tokio::sync::broadcast;
use tokio::time::{Interval, MissedTickBehavior};

use crate::devices::{self, DeviceId};
use crate::monitoring::{Monitor, clock};
use crate::{Physiotraq, people, roles};

/// How often rights are looked at again; the server's time is sent every fifth time.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
const CLOCK_EVERY: u32 = 5;
/// Topics of one stream at most.
const TOPICS: usize = 50;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    topic: Vec<String>,
}

/// What happens on devices, as server-sent events.
///
/// The last value of everything first, then each event as it happens: reading, treatment, alarm, presence, clock, end.
/// It ends within five seconds after the caller's right to one of the devices has ended.
#[utoipa::path(
    get,
    path = "/live",
    operation_id = "watch",
    tag = "live",
    params(("topic" = Vec<String>, Query, description = "1 to 50 times device:<id>.")),
    responses(
        (status = 200, description = "The stream; it does not end by itself.", body = String,
         content_type = "text/event-stream"),
        (status = 400, description = "No topic, or more than 50.", body = Envelope),
        (status = 404, description = "One of the devices is not there, or not yours to watch.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn live(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    let devices = parse(&wanted.topic)?;
    authorise(&product, &caller, &devices).await?;
    let stream = Stream::open(product, caller, devices);
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        let event = SseEvent::default().event(event.name).data(&*event.data);
        Some((Ok::<_, Infallible>(event), stream))
    });
    Ok(Sse::new(events).into_response())
}

fn parse(topics: &[String]) -> Result<Vec<DeviceId>> {
    if topics.is_empty() || topics.len() > TOPICS {
        return Err(Error::malformed("Ask for 1 to 50 topics: topic=device:<id>."));
    }
    let device = |topic: &String| topic.strip_prefix("device:").and_then(|id| id.parse().ok());
    topics.iter().map(|topic| device(topic).ok_or_else(Error::not_found)).collect()
}

/// Whether the caller may still watch every one of the devices; the session is read again too.
async fn authorise(product: &Physiotraq, caller: &Caller, wanted: &[DeviceId]) -> Result<()> {
    let mut tx = caller.begin().await?;
    let session = people::present(&mut tx).await?;
    for device in wanted {
        let device = devices::sql::find(&mut tx, *device).await?;
        product.policies.require(session.as_ref(), (roles::SEE_DEVICE, roles::WATCH_DEVICE), &device.resource())?;
    }
    Ok(())
}

struct Stream {
    product: Physiotraq,
    caller: Caller,
    devices: Vec<DeviceId>,
    received: SelectAll<stream::BoxStream<'static, (DeviceId, Option<Event>)>>,
    waiting: VecDeque<Event>,
    looks: Interval,
    closing: tokio::sync::watch::Receiver<bool>,
    looked: u32,
    touched: DateTime<Utc>,
    ended: bool,
}

impl Stream {
    /// Subscribes first and takes the snapshot then, so that nothing falls between.
    fn open(product: Physiotraq, caller: Caller, devices: Vec<DeviceId>) -> Self {
        let live = &product.app.live;
        let topics = devices.iter().map(|device| topic(*device, live.subscribe(&Monitor::topic(*device))));
        let received = stream::select_all(topics);
        let waiting = devices.iter().flat_map(|device| product.monitor.snapshot(*device)).collect();
        let mut looks = tokio::time::interval(LOOK_AGAIN);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closing = live.closing();
        let touched = caller.now();
        Self { product, caller, devices, received, waiting, looks, closing, looked: 0, touched, ended: false }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                received = self.received.next() => match received {
                    Some((_, Some(event))) => return Some(event),
                    // Too slow: what was missed is replaced by the last value of everything.
                    Some((device, None)) => self.waiting.extend(self.product.monitor.snapshot(device)),
                    None => return None,
                },
                _ = self.looks.tick() => self.look_again().await,
                _ = self.closing.changed() => self.end("shutdown"),
            }
        }
    }

    async fn look_again(&mut self) {
        self.looked = self.looked.wrapping_add(1);
        self.keep_awake().await;
        match authorise(&self.product, &self.caller, &self.devices).await {
            Ok(()) if self.looked.is_multiple_of(CLOCK_EVERY) => self.waiting.push_back(clock(self.caller.now())),
            Ok(()) => {}
            Err(error) if error.status.is_server_error() => {
                tracing::warn!(%error, "rights of a live stream could not be looked at again");
            }
            Err(error) if error.status == http::StatusCode::UNAUTHORIZED => self.end("signed_out"),
            Err(_) => self.end("right_ended"),
        }
    }

    /// An open stream counts as activity of its session. (It may also be the clock that was put back.)
    async fn keep_awake(&mut self) {
        let now = self.caller.now();
        if (now - self.touched).abs() <= identity::TOUCH_AFTER {
            return;
        }
        match identity::actions::touch(&self.caller).await {
            Ok(()) => self.touched = now,
            Err(error) => tracing::warn!(%error, "a live stream could not keep its session awake"),
        }
    }

    fn end(&mut self, reason: &str) {
        self.ended = true;
        self.waiting.push_back(Event::new("end", &json!({ "reason": reason })));
    }
}

/// A topic's events; `None` stands for "you missed some".
fn topic(
    device: DeviceId,
    receiver: broadcast::Receiver<Event>,
) -> stream::BoxStream<'static, (DeviceId, Option<Event>)> {
    let events = stream::unfold(receiver, move |mut receiver| async move {
        match receiver.recv().await {
            Ok(event) => Some(((device, Some(event)), receiver)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(((device, None), receiver)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    });
    events.boxed()
}
