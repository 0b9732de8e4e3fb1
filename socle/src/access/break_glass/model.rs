//! What may be opened, what was opened, and what was said of it afterwards.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Action;
use crate::error::Detail;
use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, typed_id};

typed_id!(OpeningId, "an opened record");

/// How long a record stays open.
pub const LASTS: TimeDelta = TimeDelta::minutes(30);
/// Reviewers are reminded of what nobody has reviewed after this long, and again after as long.
pub const REVIEW_WITHIN: TimeDelta = TimeDelta::hours(48);
/// Characters of a reason, and of a reviewer's note that says why something was not justified.
pub const REASON: RangeInclusive<usize> = 10..=1000;

/// What a product lets be opened, and who answers for it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Asking: an action on the tenant. The policies say which roles may.
    pub ask: Action,
    /// Reviewing what others have opened: an action on the tenant. The holders of its roles are told by mail.
    pub review: Action,
    /// Kinds of records, as the policies spell them. One that is not named here is never opened.
    pub kinds: &'static [&'static str],
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The kind of record.
    pub kind: String,
    /// The one record.
    pub record: Uuid,
    /// Why.
    pub reason: String,
}

impl Wish {
    /// The reason without blanks around it.
    ///
    /// # Errors
    /// 400 with the field when it has too few or too many characters, or some that are no text.
    pub(super) fn reason(&self) -> Result<&str> {
        let reason = self.reason.trim();
        if is_text(reason) && REASON.contains(&reason.chars().count()) {
            return Ok(reason);
        }
        let message = "Say in 10 to 1000 characters why this record is needed now.";
        Err(Error::invalid(vec![Detail::new("reason", "INVALID_FORMAT", message)]))
    }
}

fn is_text(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

/// A record that was opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Id of the opening.
    pub id: OpeningId,
    /// By whom.
    pub account: AccountId,
    /// In which session.
    pub session: SessionId,
    /// The kind of record.
    pub kind: String,
    /// The record.
    pub record: Uuid,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// Until when at most.
    pub expires_at: DateTime<Utc>,
}

/// An opening as a reviewer sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The opening.
    pub opening: Opening,
    /// Name of the person at that time.
    pub person: String,
    /// The reason given.
    pub reason: String,
    /// How often the record was looked at or acted on through it.
    pub uses: i32,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What was said of it.
    pub review: Option<Review>,
}

/// What a reviewer said.
#[derive(Clone, Debug)]
pub struct Review {
    /// Whether it was justified.
    pub verdict: Verdict,
    /// The note.
    pub note: String,
    /// The reviewer's name.
    pub reviewer: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether breaking the glass was justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was.
    Justified,
    /// It was not: a security event, and a matter for people.
    NotJustified,
}

impl Verdict {
    /// As the table and forms spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Justified => "justified",
            Self::NotJustified => "not_justified",
        }
    }

    /// The verdict of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Justified, Self::NotJustified].into_iter().find(|verdict| verdict.name() == name)
    }

    /// The note without blanks around it: who finds something not justified says why.
    ///
    /// # Errors
    /// 400 with the field.
    pub(super) fn note(self, note: &str) -> Result<&str> {
        let (note, length) = (note.trim(), note.trim().chars().count());
        let short = self == Self::NotJustified && length < *REASON.start();
        if !short && is_text(note) && length <= *REASON.end() {
            return Ok(note);
        }
        let message = "Say in 10 to 1000 characters why it was not justified; otherwise the note may be left empty.";
        Err(Error::invalid(vec![Detail::new("note", "INVALID_FORMAT", message)]))
    }
}

/// What is sealed of an opening: the reason, or the reviewer's note, and whose it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Words {
    pub text: String,
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> bool {
        let wish = Wish { kind: "Case".to_owned(), record: Uuid::nil(), reason: text.to_owned() };
        wish.reason().is_ok()
    }

    #[test]
    fn a_reason_has_ten_to_a_thousand_characters_of_text() {
        assert!(reason("  urgence.10 ") && reason(&"é".repeat(1000)) && reason("première ligne\nseconde"));
        for bad in ["", "trop peu.", &" ".repeat(40), &"x".repeat(1001), "une raison\0nulle", "une raison\u{1b}[31m"] {
            assert!(!reason(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_a_verdict_of_not_justified_needs_a_note() {
        assert_eq!(Verdict::Justified.note(" ").unwrap(), "");
        assert!(Verdict::NotJustified.note("non").is_err());
        assert_eq!(Verdict::NotJustified.note(" simple curiosité ").unwrap(), "simple curiosité");
        assert!(Verdict::Justified.note(&"x".repeat(1001)).is_err());
        for verdict in [Verdict::Justified, Verdict::NotJustified] {
            assert_eq!(Verdict::parse(verdict.name()), Some(verdict));
        }
        assert_eq!(Verdict::parse("perhaps"), None);
    }
}
