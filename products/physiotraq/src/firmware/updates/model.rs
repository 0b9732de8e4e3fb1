//! Which release a device is offered, and what its report means; pure.

use chrono::{DateTime, TimeDelta, Utc};
use socle::files::FileId;
use socle::{tokens, typed_id};

use crate::devices::DeviceId;
use crate::firmware::rollouts::RolloutId;
use crate::firmware::{ReleaseId, Version};

typed_id!(InstallId, "a release on its way to a device");

/// How often a device is offered a release that it does not manage to install.
pub const ATTEMPTS: i16 = 3;

/// What a running rollout has.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The rollout.
    pub rollout: RolloutId,
    /// The release.
    pub release: ReleaseId,
    /// A rollback: only for devices that run this.
    pub replaces: Option<Version>,
    /// The release's version.
    pub version: Version,
    /// For everybody.
    pub is_stable: bool,
    /// The oldest version that can take it.
    pub min_compatible: Option<Version>,
    /// The binary.
    pub file: FileId,
    /// Its length.
    pub bytes: i64,
    /// Its SHA-256.
    pub checksum: String,
    /// The vendor's signature.
    pub signature: String,
    /// The rollout's stage.
    pub stage: i16,
    /// Per cent of the devices that it is for now.
    pub percent: i16,
    /// How long a device has.
    pub install: TimeDelta,
}

/// A device that asks.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Which.
    pub device: DeviceId,
    /// What it runs.
    pub running: Version,
    /// Whether it takes versions that are not stable.
    pub beta: bool,
}

/// Why a device is offered nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing newer for it.
    UpToDate,
    /// There is, and its turn has not come.
    NotYet,
    /// There is, and it must be brought to another version first.
    Incompatible,
    /// Its owner does not want updates.
    AutoUpdateOff,
    /// A treatment runs on it.
    InTreatment,
    /// It has been tried often enough.
    GivenUp,
}

impl Refusal {
    /// On the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::NotYet => "not_yet",
            Self::Incompatible => "incompatible",
            Self::AutoUpdateOff => "auto_update_off",
            Self::InTreatment => "in_treatment",
            Self::GivenUp => "given_up",
        }
    }
}

/// Whether a device is among so many per cent for a release: always the same answer, another for each release, so that it is
/// not the same few who go first every time.
#[must_use]
pub fn is_among(device: DeviceId, release: ReleaseId, percent: i16) -> bool {
    let hash = tokens::hash(&format!("{release}/{device}"));
    let drawn = hash.iter().take(8).fold(0_u64, |drawn, byte| drawn << 8 | u64::from(*byte));
    drawn % 10_000 < u64::try_from(percent).unwrap_or_default() * 100
}

/// What the device is to be given: a rollback of what it runs before anything else, else the highest version that it can
/// take and whose turn is its.
///
/// # Errors
/// Why there is nothing.
pub fn choose<'a>(asking: &Asking, offers: &'a [Offer]) -> Result<&'a Offer, Refusal> {
    let turn = |offer: &&Offer| is_among(asking.device, offer.release, offer.percent);
    let back = |offer: &&Offer| offer.replaces.as_ref() == Some(&asking.running);
    if let Some(offer) = offers.iter().filter(back).max_by(|one, other| one.version.cmp(&other.version)) {
        return if turn(&offer) { Ok(offer) } else { Err(Refusal::NotYet) };
    }
    let newer =
        |offer: &&Offer| offer.replaces.is_none() && offer.version > asking.running && (offer.is_stable || asking.beta);
    let can = |offer: &&Offer| offer.min_compatible.as_ref().is_none_or(|oldest| *oldest <= asking.running);
    let newer: Vec<&Offer> = offers.iter().filter(newer).collect();
    if newer.is_empty() {
        return Err(Refusal::UpToDate);
    }
    let able: Vec<&Offer> = newer.into_iter().filter(can).collect();
    if able.is_empty() {
        return Err(Refusal::Incompatible);
    }
    let highest = able.into_iter().filter(turn).max_by(|one, other| one.version.cmp(&other.version));
    highest.ok_or(Refusal::NotYet)
}

/// How an install stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallState {
    /// Offered, and nothing known yet.
    Waiting,
    /// The device has reported the wanted version.
    Installed,
    /// It has not, though its time was over.
    Failed(Why),
}

/// Why an install failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The device reports the version that it ran before.
    OldVersion,
    /// It reports a third one.
    OtherVersion,
    /// It says itself that it could not.
    Reported,
    /// It says nothing at all.
    Silent,
}

impl InstallState {
    /// As the table spells it: state and reason.
    #[must_use]
    pub fn stored(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Waiting => ("waiting", None),
            Self::Installed => ("installed", None),
            Self::Failed(Why::OldVersion) => ("failed", Some("old_version")),
            Self::Failed(Why::OtherVersion) => ("failed", Some("other_version")),
            Self::Failed(Why::Reported) => ("failed", Some("reported")),
            Self::Failed(Why::Silent) => ("failed", Some("silent")),
        }
    }

    /// From the table's two columns.
    #[must_use]
    pub fn parse(state: &str, reason: Option<&str>) -> Self {
        match (state, reason) {
            ("installed", _) => Self::Installed,
            ("failed", Some("old_version")) => Self::Failed(Why::OldVersion),
            ("failed", Some("other_version")) => Self::Failed(Why::OtherVersion),
            ("failed", Some("silent")) => Self::Failed(Why::Silent),
            ("failed", _) => Self::Failed(Why::Reported),
            _ => Self::Waiting,
        }
    }
}

/// The release that a device was offered last.
#[derive(Clone, Debug)]
pub struct Install {
    /// Id.
    pub id: InstallId,
    /// The rollout that gives it.
    pub rollout: RolloutId,
    /// The release.
    pub release: ReleaseId,
    /// What it ran.
    pub from: Version,
    /// What it is to run.
    pub wanted: Version,
    /// How it stands.
    pub state: InstallState,
    /// How often it was offered.
    pub attempts: i16,
    /// When it was offered.
    pub offered_at: DateTime<Utc>,
    /// Until when it has time.
    pub deadline: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
}

/// What a device says it runs, and when that was so.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What it runs.
    pub version: Version,
    /// When.
    pub at: DateTime<Utc>,
    /// It says so after an update, whether that went well or not.
    pub confirms: bool,
}

/// What a report means for the release that is wanted; `None` when it changes nothing. A report from before the offer, or
/// from the time that the device still has, means nothing.
#[must_use]
pub fn weigh(install: &Install, reported: &Reported) -> Option<InstallState> {
    let old = || if reported.version == install.from { Why::OldVersion } else { Why::OtherVersion };
    let to = match (install.state, reported.version == install.wanted) {
        (InstallState::Installed, true) => return None,
        (_, true) if reported.at >= install.offered_at => InstallState::Installed,
        (InstallState::Waiting, false) if reported.confirms => InstallState::Failed(Why::Reported),
        (InstallState::Waiting, false) if reported.at > install.deadline => InstallState::Failed(old()),
        // It went back by itself: an update that did not last was none.
        (InstallState::Installed, false) if install.decided_at.is_some_and(|at| reported.at > at) => {
            InstallState::Failed(old())
        }
        _ => return None,
    };
    Some(to)
}

#[cfg(test)]
mod tests;
