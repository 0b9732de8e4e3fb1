//! Releases of firmware: what the vendor types, what is signed; pure.

use chrono::{DateTime, Utc};
use socle::error::Detail;
use socle::files::{FileId, Kind};
use socle::typed_id;

use super::Version;

typed_id!(ReleaseId, "a release of firmware");

/// What an upload of firmware may be. No virus scanner: the signature proves where it comes from.
pub static BINARY: Kind = Kind {
    name: "firmware",
    most_bytes: 64 * 1024 * 1024,
    accepts: &["application/octet-stream"],
    scanned: false,
    kept_days: None,
};

/// What the vendor's offline key signs: these lines and nothing else, each ended by a line feed. A signature is thereby
/// good for one content as one version for one hardware.
#[must_use]
pub fn message(sha256: &str, version: &str, hardware: &str) -> Vec<u8> {
    format!("physiotraq firmware 1\n{sha256}\n{version}\n{hardware}\n").into_bytes()
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Id.
    pub id: ReleaseId,
    /// As it was signed.
    pub version: Version,
    /// The hardware that it is for.
    pub hardware: String,
    /// What is new.
    pub notes: String,
    /// The binary.
    pub file: FileId,
    /// Its length.
    pub bytes: i64,
    /// Its SHA-256, in hexadecimal digits.
    pub checksum: String,
    /// Ed25519 over [`message`], in hexadecimal digits.
    pub signature: String,
    /// The public key that verified it.
    pub signed_by: String,
    /// For everybody, not only for devices that ask for what is not stable yet.
    pub is_stable: bool,
    /// The oldest version that can take it.
    pub min_compatible: Option<Version>,
    /// When its first rollout began.
    pub released_at: Option<DateTime<Utc>>,
    /// Its rollout was aborted, or it is being rolled back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
}

/// A release as owners and devices may know it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Id.
    pub id: ReleaseId,
    /// As it was signed.
    pub version: Version,
    /// The hardware that it is for.
    pub hardware: String,
    /// What is new.
    pub notes: String,
    /// The binary's length.
    pub bytes: i64,
    /// Its SHA-256, in hexadecimal digits.
    pub checksum: String,
    /// For everybody.
    pub is_stable: bool,
    /// The oldest version that can take it.
    pub min_compatible: Option<String>,
    /// When its first rollout began.
    pub released_at: DateTime<Utc>,
    /// Nobody should have it any more.
    pub withdrawn: bool,
}

/// The newest of what is published: stable ones only, or all when the device takes beta versions (spec: `latest_stable`).
#[must_use]
pub fn latest(published: &[Published], beta: bool) -> Option<&Published> {
    let fit = published.iter().filter(|release| !release.withdrawn && (release.is_stable || beta));
    fit.max_by(|one, other| one.version.cmp(&other.version))
}

/// Whether a device that runs this version should be updated (spec: `needs_firmware_update?`). One that has not said what it
/// runs is not known to need it.
#[must_use]
pub fn needs_update(running: Option<&str>, latest: Option<&Published>) -> bool {
    let running = running.and_then(Version::parse);
    running.zip(latest).is_some_and(|(running, latest)| running < latest.version)
}

/// A release as the vendor types it.
#[derive(Clone, Debug, Default)]
pub struct ReleaseForm {
    /// `03.1.0`.
    pub version: String,
    /// `CT1`.
    pub hardware: String,
    /// What is new.
    pub notes: String,
    /// Empty, or the oldest version that can take it.
    pub min_compatible: String,
    /// 128 hexadecimal digits.
    pub signature: String,
    /// For everybody.
    pub is_stable: bool,
}

/// A form that is in order, but for its signature.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// As it was signed.
    pub version: Version,
    /// The hardware that it is for.
    pub hardware: String,
    /// What is new.
    pub notes: String,
    /// The oldest version that can take it.
    pub min_compatible: Option<Version>,
    /// 128 hexadecimal digits.
    pub signature: String,
    /// For everybody.
    pub is_stable: bool,
}

impl ReleaseForm {
    /// Trims, and finds what is wrong; messages are keys of texts.
    ///
    /// # Errors
    /// Every faulty field.
    pub fn checked(&self) -> Result<NewRelease, Vec<Detail>> {
        let mut faults = Vec::new();
        let version = Version::parse(&self.version);
        if version.is_none() {
            faults.push(Detail::new("version", "INVALID_FORMAT", "firmware-error-version"));
        }
        let hardware = self.hardware.trim().to_owned();
        if !is_hardware(&hardware) {
            faults.push(Detail::new("hardware", "INVALID_FORMAT", "firmware-error-hardware"));
        }
        let notes = self.notes.trim().to_owned();
        if notes.is_empty() || notes.chars().count() > 10_000 || notes.contains('\0') {
            faults.push(Detail::new("release_notes", "INVALID_LENGTH", "firmware-error-notes"));
        }
        let oldest = self.min_compatible.trim();
        let min_compatible = Version::parse(oldest);
        let too_new = min_compatible.as_ref().zip(version.as_ref()).is_some_and(|(oldest, version)| oldest > version);
        if !oldest.is_empty() && (min_compatible.is_none() || too_new) {
            faults.push(Detail::new("min_compatible_version", "INVALID_FORMAT", "firmware-error-min"));
        }
        let signature = self.signature.trim().to_lowercase();
        if signature.len() != 128 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            faults.push(Detail::new("signature", "INVALID_FORMAT", "firmware-error-signature-form"));
        }
        match version {
            Some(version) if faults.is_empty() => {
                Ok(NewRelease { version, hardware, notes, min_compatible, signature, is_stable: self.is_stable })
            }
            _ => Err(faults),
        }
    }
}

/// Letters, digits, dots, dashes and underscores, at most 40, as it is burnt into the device: `CT1`.
#[must_use]
pub fn is_hardware(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(version: &str, is_stable: bool, withdrawn: bool) -> Published {
        Published {
            id: ReleaseId(uuid::Uuid::nil()),
            version: Version::parse(version).unwrap(),
            hardware: "CT1".to_owned(),
            notes: String::new(),
            bytes: 1,
            checksum: String::new(),
            is_stable,
            min_compatible: None,
            released_at: DateTime::UNIX_EPOCH,
            withdrawn,
        }
    }

    #[test]
    fn the_latest_is_the_highest_number_that_is_fit_for_the_device() {
        let all = [
            published("03.9.0", true, false),
            published("03.10.0", true, false),
            published("03.11.0", true, true),
            published("04.0.0", false, false),
        ];
        let version = |beta| latest(&all, beta).unwrap().version.text().to_owned();
        assert_eq!(version(false), "03.10.0", "neither the withdrawn one nor the beta");
        assert_eq!(version(true), "04.0.0");
        assert!(latest(&[], true).is_none());
    }

    #[test]
    fn a_device_needs_an_update_when_its_number_is_lower() {
        let latest = published("03.1.0", true, false);
        assert!(needs_update(Some("03.0.9"), Some(&latest)));
        assert!(!needs_update(Some("3.1"), Some(&latest)), "the same");
        assert!(!needs_update(Some("10.0"), Some(&latest)), "newer, though its first letter is lower");
        assert!(!needs_update(None, Some(&latest)) && !needs_update(Some("?"), Some(&latest)));
        assert!(!needs_update(Some("01.0.0"), None));
    }

    #[test]
    fn a_form_says_what_is_wrong_with_each_field() {
        let fields = |form: &ReleaseForm| {
            form.checked().err().unwrap_or_default().into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        let all = ["version", "hardware", "release_notes", "signature"];
        assert_eq!(fields(&ReleaseForm::default()), all);
        let form = ReleaseForm {
            version: " v03.1.0 ".to_owned(),
            hardware: "CT1".to_owned(),
            notes: "Plus court.".to_owned(),
            min_compatible: "02.0".to_owned(),
            signature: "AB".repeat(64),
            is_stable: true,
        };
        let fit = form.checked().unwrap();
        assert_eq!((fit.version.text(), fit.signature), ("03.1.0", "ab".repeat(64)));
        assert_eq!(fields(&ReleaseForm { min_compatible: "03.2".to_owned(), ..form }), ["min_compatible_version"]);
    }

    #[test]
    fn a_signature_covers_content_version_and_hardware() {
        assert_eq!(message("ab", "03.1.0", "CT1"), b"physiotraq firmware 1\nab\n03.1.0\nCT1\n");
    }
}
