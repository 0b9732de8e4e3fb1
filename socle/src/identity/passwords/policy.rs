//! Which passwords are taken: 8 to 128 characters, as they are, that are not soon guessed.
//!
//! A character is a Unicode scalar value. Blanks, also at the ends, emoji and letters of any script are kept unmodified;
//! no normalisation is applied (NFC neither): the same keyboard sends the same characters, and what was hashed is what was
//! typed. Longer passwords are refused, not cut. There is no rule about kinds of characters (ASVS 5.0, 6.2.5).
//!
//! What is soon guessed is judged by zxcvbn, which knows common passwords, names, dates, keyboard rows and repetitions. The
//! threshold is 10⁸ guesses: what it gives to eight characters without any pattern (ten for each), so that the shortest
//! password that is allowed can be a good one. Behind the slow hash and the sign-in's limits that is far. Words about the person and the product count as known to whoever
//! guesses, so that a password made of them is refused, while a long sentence may well hold one.

use std::ops::RangeInclusive;

use zxcvbn::zxcvbn;

use crate::web::Branding;

/// The shortest and longest password (ASVS 5.0, 6.2.1 and 6.2.9).
pub const LENGTH: RangeInclusive<usize> = 8..=128;
/// Guesses that a password must bear.
const ENOUGH: u64 = 100_000_000;
/// Guesses that what is left must bear, without the words that are known: four characters without any pattern.
const ENOUGH_BESIDES: u64 = 10_000;
/// The name of the house: known to whoever guesses.
const HOUSE: &str = "socle";
/// Parts of words shorter than this are no hint.
const SHORTEST_WORD: usize = 3;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Fewer than 8 characters.
    Short,
    /// More than 128 characters.
    Long,
    /// Among common passwords, or put together like them.
    Common,
    /// It would do, but for the words about the person or the product that it is made of.
    Personal,
    /// The present one.
    Same,
}

impl Fault {
    /// All of them.
    const ALL: [Self; 5] = [Self::Short, Self::Long, Self::Common, Self::Personal, Self::Same];

    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Short => "TOO_SHORT",
            Self::Long => "TOO_LONG",
            Self::Common => "TOO_COMMON",
            Self::Personal => "TOO_PERSONAL",
            Self::Same => "UNCHANGED",
        }
    }

    /// What is wrong and what to do, for programmers.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Short => "A password has at least 8 characters. A sentence is easy to remember.",
            Self::Long => "A password has at most 128 characters.",
            Self::Common => {
                "This password is soon guessed. Take several words that have nothing to do with each other."
            }
            Self::Personal => {
                "This password is made of your name, your address or the product's name. Take other words."
            }
            Self::Same => "This is the present password. Take another one.",
        }
    }

    /// The key of the text for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Short => "password-fault-short",
            Self::Long => "password-fault-long",
            Self::Common => "password-fault-common",
            Self::Personal => "password-fault-personal",
            Self::Same => "password-fault-same",
        }
    }

    /// The fault behind a code of an error's details.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}

/// Words that whoever guesses would try first: the product, the address, the person.
#[derive(Clone, Debug)]
pub struct Context(Vec<String>);

impl Context {
    /// What holds for everybody of a product.
    #[must_use]
    pub fn of(branding: &Branding) -> Self {
        Self(vec![HOUSE.to_owned()]).and(branding.name).and(branding.realm.name)
    }

    /// Adds an address, a name or a user name, as a whole and in its parts.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let labels = text.split(['@', '.', ' ']);
        let parts = text.split(|c: char| !c.is_alphanumeric());
        for word in parts.chain(labels).chain([text.as_str()]).map(ToOwned::to_owned) {
            if word.chars().count() >= SHORTEST_WORD && !self.0.contains(&word) {
                self.0.push(word);
            }
        }
        self
    }
}

/// Whether a password is taken.
///
/// # Errors
/// The reason why it is not.
pub fn judge(password: &str, context: &Context) -> Result<(), Fault> {
    // One more than the longest is enough to know: the rest of an endless text is not counted.
    let length = password.chars().take(LENGTH.end().saturating_add(1)).count();
    if length < *LENGTH.start() {
        return Err(Fault::Short);
    }
    if length > *LENGTH.end() {
        return Err(Fault::Long);
    }
    let words: Vec<&str> = context.0.iter().map(String::as_str).collect();
    if zxcvbn(password, &words).guesses() >= ENOUGH && besides(password, words) >= ENOUGH_BESIDES {
        return Ok(());
    }
    Err(if zxcvbn(password, &[]).guesses() >= ENOUGH { Fault::Personal } else { Fault::Common })
}

/// What a password is worth without the words that are known: `socle.socle` is a point.
fn besides(password: &str, mut words: Vec<&str>) -> u64 {
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let whole = password.to_lowercase();
    let rest = words.into_iter().fold(whole, |rest, word| rest.replace(word, ""));
    zxcvbn(&rest, &[]).guesses()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marie() -> Context {
        Context(vec![HOUSE.to_owned()]).and("physiotraq").and("marie.durand@clinique-etoile.fr").and("Marie Durand")
    }

    /// Words without rhyme or reason, cut to a number of characters.
    fn long(characters: usize) -> String {
        let words = "velours trombone 41 glacier; nénuphar Où? tiroir wagon-lit 7 jujube kiosque étrier brume falaise ";
        words.chars().cycle().take(characters).collect()
    }

    #[test]
    fn eight_to_128_characters_are_taken_as_they_are() {
        for (password, verdict) in [
            ("kT9 vQz", Err(Fault::Short)),
            ("kT9 vQz!", Ok(())),
            ("  kT9vQz", Ok(())),
            ("kT9vQz  ", Ok(())),
            ("🦊🌵🎻🚲🧊🍋🛶🪁", Ok(())),
            ("🦊🌵🎻🚲🧊🍋🛶", Err(Fault::Short)),
            ("пароход уксус ель", Ok(())),
            ("", Err(Fault::Short)),
        ] {
            assert_eq!(judge(password, &marie()), verdict, "{password:?}");
        }
        for (characters, verdict) in [(64, Ok(())), (128, Ok(())), (129, Err(Fault::Long)), (200, Err(Fault::Long))] {
            assert_eq!(judge(&long(characters), &marie()), verdict, "{characters}");
        }
        assert_eq!(judge(&"🦊".repeat(129), &marie()), Err(Fault::Long), "characters are counted, not bytes");
    }

    #[test]
    fn what_is_soon_guessed_is_refused() {
        for password in
            ["password", "12345678", "azertyuiop", "qwerty123", "P@ssw0rd", "aaaaaaaaaaaa", "        ", "1987-06-12"]
        {
            assert_eq!(judge(password, &marie()), Err(Fault::Common), "{password:?}");
        }
        assert_eq!(judge(&"é".repeat(128), &marie()), Err(Fault::Common), "long, and yet soon guessed");
    }

    #[test]
    fn words_about_person_and_product_are_no_password_and_may_stand_in_a_sentence() {
        for password in ["physiotraq", "PhysioTraq1", "mariedurand", "clinique-etoile", "Durand2026", "socle.socle"] {
            let verdict = judge(password, &marie());
            assert!(matches!(verdict, Err(Fault::Common | Fault::Personal)), "{password:?}: {verdict:?}");
        }
        assert_eq!(judge("physiotraq", &marie()), Err(Fault::Personal));
        assert_eq!(judge("physiotraq, le vélo de Marie rouille au garage", &marie()), Ok(()));
    }

    #[test]
    fn every_fault_is_found_again_by_its_code() {
        for fault in Fault::ALL {
            assert_eq!(Fault::of(fault.code()), Some(fault));
        }
        assert_eq!(Fault::of("REQUIRED"), None);
    }
}
