//! Networks and their versions; pure.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use socle::error::Detail;

/// Networks that a device can keep (specs/physiotraq.md: a limit of the hardware).
pub const SLOTS: i16 = 4;

/// The password of a network that is written.
#[derive(Clone, Debug)]
pub enum Password {
    /// The one that the device's network of that name has already: it is never shown, so it need not be typed again.
    Keep,
    /// None: an open network.
    Open,
    /// This one.
    New(SecretString),
}

impl Password {
    /// Whether a WPA2 network can have it: 8 to 63 characters, or a key of 64 hexadecimal digits.
    fn is_possible(&self) -> bool {
        let Self::New(password) = self else { return true };
        let password = password.expose_secret();
        let length = password.chars().count();
        let key = length == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit());
        (key || (8..=63).contains(&length)) && !password.chars().any(char::is_control)
    }
}

/// One network that is written.
#[derive(Clone, Debug)]
pub struct Slot {
    /// 1 is tried first.
    pub priority: i16,
    /// Its name: 1 to 32 bytes.
    pub ssid: String,
    /// Its password.
    pub password: Password,
}

/// What is wrong with a set of networks, given the names that the device has already; messages are keys of texts. The
/// fields are those of the form: `ssid_1`, `password_1`.
pub(crate) fn faults(slots: &[Slot], known: &[&str]) -> Vec<Detail> {
    let mut faults = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        let before = slots.iter().take(index);
        let fault = |field: &str, code: &'static str, key: &'static str| {
            Detail::new(format!("{field}_{}", slot.priority), code, key)
        };
        if !(1..=SLOTS).contains(&slot.priority) || before.clone().any(|other| other.priority == slot.priority) {
            faults.push(fault("priority", "INVALID_VALUE", "wifi-error-priority"));
        }
        if !(1..=32).contains(&slot.ssid.len()) || slot.ssid.chars().any(char::is_control) {
            faults.push(fault("ssid", "INVALID_LENGTH", "wifi-error-ssid"));
        } else if before.clone().any(|other| other.ssid == slot.ssid) {
            faults.push(fault("ssid", "DUPLICATE", "wifi-error-twice"));
        }
        match &slot.password {
            Password::Keep if !known.contains(&slot.ssid.as_str()) => {
                faults.push(fault("password", "REQUIRED", "wifi-error-password-missing"));
            }
            password if !password.is_possible() => {
                faults.push(fault("password", "INVALID_LENGTH", "wifi-error-password"));
            }
            _ => {}
        }
    }
    faults
}

/// A device's set of networks and how far it has come, without passwords.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    /// Name and priority, by priority.
    pub networks: Vec<(i16, String)>,
    /// Version that is wanted; 0 while nothing was ever set.
    pub wanted: i32,
    /// When it was set.
    pub wanted_at: Option<DateTime<Utc>>,
    /// Version that the device says it has applied.
    pub applied: Option<i32>,
    /// When it said so first.
    pub applied_at: Option<DateTime<Utc>>,
}

/// Whether a device has applied what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Nothing was ever set here.
    Nothing,
    /// It has, since then.
    Yes(Option<DateTime<Utc>>),
    /// It has not, since then.
    NotSince(Option<DateTime<Utc>>),
}

impl Set {
    /// Wanted against applied. A device that reports a version that was never set has not applied what is wanted either.
    pub fn state(&self) -> Applied {
        match (self.wanted, self.applied) {
            (0, None | Some(0)) => Applied::Nothing,
            (wanted, Some(applied)) if wanted == applied => Applied::Yes(self.applied_at),
            _ => Applied::NotSince(self.wanted_at.or(self.applied_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(priority: i16, ssid: &str, password: Password) -> Slot {
        Slot { priority, ssid: ssid.to_owned(), password }
    }

    fn new(password: &str) -> Password {
        Password::New(SecretString::from(password.to_owned()))
    }

    fn codes(slots: &[Slot], known: &[&str]) -> Vec<(String, String)> {
        faults(slots, known).into_iter().map(|fault| (fault.field.into_owned(), fault.code.into_owned())).collect()
    }

    #[test]
    fn four_networks_in_order_are_a_set_and_a_known_name_keeps_its_password() {
        let all: Vec<Slot> = (1..=4).map(|n| slot(n, &format!("Hospital-{n}"), new("huit lettres"))).collect();
        assert_eq!(codes(&all, &[]), []);
        assert_eq!(
            codes(&[slot(2, "Hospital-1", Password::Keep), slot(1, "Café", Password::Open)], &["Hospital-1"]),
            []
        );
        assert_eq!(codes(&[slot(1, "x", new(&"0f".repeat(32)))], &[]), []);
    }

    #[test]
    fn what_no_device_can_keep_is_refused_at_its_field() {
        let wrong = |field: &str, code: &str| vec![(field.to_owned(), code.to_owned())];
        assert_eq!(codes(&[slot(5, "a", Password::Open)], &[]), wrong("priority_5", "INVALID_VALUE"));
        let twice = [slot(1, "a", Password::Open), slot(1, "b", Password::Open)];
        assert_eq!(codes(&twice, &[]), wrong("priority_1", "INVALID_VALUE"));
        let twice = [slot(1, "a", Password::Open), slot(2, "a", Password::Open)];
        assert_eq!(codes(&twice, &[]), wrong("ssid_2", "DUPLICATE"));
        for ssid in ["", "a\u{7}b", "é".repeat(17).as_str()] {
            assert_eq!(codes(&[slot(1, ssid, Password::Open)], &[]), wrong("ssid_1", "INVALID_LENGTH"), "{ssid:?}");
        }
        assert_eq!(codes(&[slot(3, "a", Password::Keep)], &["b"]), wrong("password_3", "REQUIRED"));
        for password in ["", "sept 77", "tab\tulation", "x".repeat(64).as_str()] {
            assert_eq!(codes(&[slot(1, "a", new(password))], &[]), wrong("password_1", "INVALID_LENGTH"), "{password}");
        }
    }

    #[test]
    fn wanted_and_applied_differ_until_the_device_says_the_same() {
        let at = DateTime::from_timestamp(1_795_255_200, 0);
        let set = |wanted, applied| Set { wanted, applied, wanted_at: at, ..Set::default() };
        assert_eq!(Set::default().state(), Applied::Nothing);
        assert_eq!(set(1, None).state(), Applied::NotSince(at));
        assert_eq!(set(2, Some(1)).state(), Applied::NotSince(at));
        assert_eq!(set(2, Some(3)).state(), Applied::NotSince(at), "a version that was never set");
        assert_eq!(set(2, Some(2)).state(), Applied::Yes(None));
    }
}
