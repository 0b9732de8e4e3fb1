//! Lists for programs: at most a hundred rows an answer, and an opaque cursor that leads to the next ones. Rows that
//! are added while somebody pages are neither shown twice nor do they push others out of sight, as offsets would.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Detail;

/// Rows of an answer when the request does not say.
const USUAL: u16 = 20;
/// Rows of an answer at most.
const MOST: u16 = 100;
/// The last second of the year 9999: what is later was not written by this server.
const LATEST: i64 = 253_402_300_799;

/// A place in a list that is ordered by an instant and, within it, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The instant the list is ordered by.
    pub at: DateTime<Utc>,
    /// Decides between equal instants.
    pub id: Uuid,
}

/// How much of a list is asked for, and after which place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    limit: u16,
    after: Option<Cursor>,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Send it as `cursor` to get what follows; null on the last page. Do not look inside: its form may change.
    #[schema(
        example = "eyJhdCI6IjIwMjYtMTEtMjFUMTA6MDA6MDBaIiwiaWQiOiIwMTlhYTQ3Ni0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ"
    )]
    cursor: Option<String>,
    /// Whether there is more behind this page.
    has_more: bool,
    /// Rows an answer holds at most.
    #[schema(minimum = 1, maximum = 100, example = 20)]
    limit: u16,
}

impl Cursor {
    /// As clients carry it: base64url of JSON.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// What [`Cursor::text`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor: Self = serde_json::from_slice(&json).ok()?;
        (0..=LATEST).contains(&cursor.at.timestamp()).then_some(cursor)
    }
}

impl Paging {
    /// Reads `limit` and `cursor` of a query: 1 to 100 rows, 20 when nothing is said; from the beginning without a
    /// cursor.
    ///
    /// # Errors
    /// One entry per field that cannot be read.
    pub fn read(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Vec<Detail>> {
        let rows = match limit {
            None => Some(USUAL),
            Some(limit) => limit.parse::<u16>().ok().filter(|rows| (1..=MOST).contains(rows)),
        };
        let after = cursor.map(Cursor::parse);
        let mut faults = Vec::new();
        if rows.is_none() {
            faults.push(Detail::new("limit", "INVALID_FORMAT", "limit is a whole number from 1 to 100."));
        }
        if after == Some(None) {
            let message = "cursor is what pagination.cursor of the page before says. Leave it out to begin anew.";
            faults.push(Detail::new("cursor", "INVALID_FORMAT", message));
        }
        match rows {
            Some(limit) if faults.is_empty() => Ok(Self { limit, after: after.flatten() }),
            _ => Err(faults),
        }
    }

    /// The place after which the page begins.
    #[must_use]
    pub fn after(&self) -> Option<Cursor> {
        self.after
    }

    /// How many rows to read: one more than is shown says whether there is more.
    #[must_use]
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page out of the rows read, and where it goes on.
    pub fn cut<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> Cursor) -> (Vec<T>, Pagination) {
        let has_more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let cursor = rows.last().filter(|_| has_more).map(|last| place(last).text());
        (rows, Pagination { cursor, has_more, limit: self.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(second: i64) -> Cursor {
        Cursor { at: DateTime::from_timestamp(1_795_255_200 + second, 123_456_000).unwrap(), id: Uuid::from_u128(7) }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went_to_the_microsecond() {
        assert_eq!(Cursor::parse(&place(1).text()), Some(place(1)));
        assert!(place(1).text().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    }

    #[test]
    fn what_the_server_did_not_write_is_refused_by_name() {
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let id = Uuid::from_u128(7);
        for broken in [
            String::new(),
            "x".to_owned(),
            encoded("{}"),
            encoded("null"),
            encoded(&format!("{{\"at\":\"+99999-01-01T00:00:00Z\",\"id\":\"{id}\"}}")),
            encoded(&format!("{{\"at\":\"2026-11-21T10:00:00Z\",\"id\":\"{id}\",\"more\":1}}")),
            format!("{} ", place(1).text()),
        ] {
            let faults = Paging::read(None, Some(&broken)).unwrap_err();
            assert_eq!(faults.len(), 1, "{broken:?}");
            assert_eq!(faults[0].field, "cursor", "{broken:?}");
        }
        for limit in ["0", "101", "-1", "", "ten", "1.5"] {
            let faults = Paging::read(Some(limit), Some("x")).unwrap_err();
            assert_eq!(faults.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), ["limit", "cursor"], "{limit:?}");
        }
    }

    #[test]
    fn one_row_more_than_shown_says_that_there_is_more() {
        let paging = Paging::read(Some("2"), None).unwrap();
        assert_eq!((paging.rows(), paging.after()), (3, None));
        let (page, pagination) = paging.cut(vec![3, 2, 1], |second| place(*second));
        assert_eq!(page, [3, 2]);
        assert_eq!(pagination, Pagination { cursor: Some(place(2).text()), has_more: true, limit: 2 });
        let (page, pagination) = paging.cut(vec![1], |second| place(*second));
        assert_eq!(page, [1]);
        assert_eq!(pagination, Pagination { cursor: None, has_more: false, limit: 2 });
        assert_eq!(Paging::read(None, None).unwrap().rows(), 21);
    }
}
