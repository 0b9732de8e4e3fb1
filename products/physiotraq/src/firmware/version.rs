//! Versions of firmware: "03.1.0" is 3, 1, 0 and is compared as numbers.

use std::cmp::Ordering;
use std::fmt;

/// A version as it is written, with its numbers. Two that differ in zeros alone are the same.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    key: [i32; 4],
}

impl Version {
    /// One to four numbers of at most six digits with dots between them; a `v` before them is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut key = [0; 4];
        let mut places = key.iter_mut();
        for part in text.split('.') {
            if part.is_empty() || part.len() > 6 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *places.next()? = part.parse().ok()?;
        }
        Some(Self { text: text.to_owned(), key })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its numbers, always four.
    #[must_use]
    pub fn key(&self) -> &[i32] {
        &self.key
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn leading_zeros_and_missing_parts_make_no_difference() {
        assert_eq!(version("03.1.0"), version("3.1"));
        assert_eq!(version("v03.1.0").text(), "03.1.0");
        assert!(version("03.9.0") < version("03.10.0"), "numbers, not letters");
        assert!(version("2.1.3") < version("03.1.0"));
        assert!(version("3.1.0") < version("3.1.0.1"));
    }

    #[test]
    fn what_is_no_version_is_none() {
        for odd in ["", "v", "3..1", ".3", "3.", "3.1-beta", "3.1.0.0.1", "-1", "1234567", "３.1", "3 .1"] {
            assert!(Version::parse(odd).is_none(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_numbers(one in prop::array::uniform4(0..1_000_000_i32), other in prop::array::uniform4(0..1_000_000_i32)) {
            let written = |key: [i32; 4]| version(&key.map(|part| format!("{part:06}")).join("."));
            prop_assert_eq!(written(one).cmp(&written(other)), one.cmp(&other));
        }
    }
}
