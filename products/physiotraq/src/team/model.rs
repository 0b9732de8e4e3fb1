//! Members, and what may be changed of them; pure.

use chrono::{DateTime, Utc};
use socle::error::Detail;
use uuid::Uuid;

/// A member of the licence as its owner sees them. (The address they sign in with is the account's, not the licence's.)
#[derive(Clone, Debug)]
pub struct Member {
    /// The account.
    pub id: Uuid,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// `admin` or `operator`.
    pub role: String,
    /// When they joined.
    pub since: DateTime<Utc>,
    /// Names of the devices that are assigned to them.
    pub devices: Vec<String>,
}

impl Member {
    /// First and last name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// A device that is assigned to somebody.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The device.
    pub device: Uuid,
    /// Its name.
    pub name: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// First and last name, trimmed.
///
/// # Errors
/// One entry per name that is empty, longer than 80 characters or has a control character; messages are keys of texts.
pub fn names(first: &str, last: &str) -> Result<(String, String), Vec<Detail>> {
    let (first, last) = (first.trim(), last.trim());
    let good = |name: &str| (1..=80).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let wrong = [("first_name", first), ("last_name", last)].into_iter().filter(|(_, name)| !good(name));
    let faults: Vec<Detail> =
        wrong.map(|(field, _)| Detail::new(field, "INVALID_FORMAT", "invitation-name-error")).collect();
    if faults.is_empty() { Ok((first.to_owned(), last.to_owned())) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_80_characters_and_no_control_character() {
        assert_eq!(names(" Zoé ", "d’Alès").unwrap(), ("Zoé".to_owned(), "d’Alès".to_owned()));
        assert!(names(&"é".repeat(80), "x").is_ok());
        for (first, last, wrong) in [
            ("", "x", vec!["first_name"]),
            ("x", &*"x".repeat(81), vec!["last_name"]),
            ("a\0b", " ", vec!["first_name", "last_name"]),
        ] {
            let faults = names(first, last).unwrap_err();
            assert_eq!(faults.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), wrong);
        }
    }
}
