//! What devices are given: a device asks, is offered what a rollout has for it, fetches it in ranges, and says what it runs.
//! At every contact the version it reports is compared with the wanted one; only that report makes an update a success.

pub mod actions;
pub(super) mod api;
mod model;
mod sql;
mod wanted;

pub use model::{Asking, Install, InstallId, InstallState, Offer, Refusal, Reported, Why, choose, weigh};
pub(crate) use wanted::Wanted;

use chrono::{DateTime, Utc};
use socle::Caller;

use crate::Physiotraq;
use crate::firmware::Version;

/// A contact: what a device says it runs is compared with what it was to run. What cannot be compared now is compared at the
/// next contact; the contact itself is not refused for that.
pub(crate) async fn compare(product: &Physiotraq, caller: &Caller, (version, at): (Option<&str>, DateTime<Utc>)) {
    let Some(version) = version.and_then(Version::parse) else { return };
    let reported = Reported { version, at, confirms: false };
    if let Err(error) = actions::heard(product, caller, &reported).await {
        tracing::warn!(%error, "a reported firmware version could not be compared");
    }
}
