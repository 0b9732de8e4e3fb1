//! Kinds and states of files, and what a content is; pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::ids::TenantId;
use crate::typed_id;

typed_id!(FileId, "a file");

/// Content of which nothing is known: bytes.
pub const BYTES: &str = "application/octet-stream";
/// Content that is text and nothing else that is known.
pub const TEXT: &str = "text/plain";

/// A kind of files, as a product declares it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name, in lower case with underscores: `firmware`.
    pub name: &'static str,
    /// Bytes of a file at most; whatever comes after them is not read.
    pub most_bytes: u64,
    /// The contents it may have, as [`content_type`] names them.
    pub accepts: &'static [&'static str],
    /// Whether a virus scanner must have looked at it before anybody may have it.
    pub scanned: bool,
    /// Days after which it goes; `None`: as long as what it belongs to.
    pub kept_days: Option<u32>,
}

impl Kind {
    /// When a file completed at `now` goes.
    #[must_use]
    pub fn expires(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.kept_days.map(|days| now + TimeDelta::days(i64::from(days)))
    }
}

/// Whether a file may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The scanner has not looked at it yet.
    Pending,
    /// It may be used.
    Clean,
    /// The scanner found something; the content is gone.
    Refused,
}

impl State {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Clean => "clean",
            Self::Refused => "refused",
        }
    }

    /// From the table.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "clean" => Self::Clean,
            "refused" => Self::Refused,
            _ => Self::Pending,
        }
    }
}

/// A file that is whole.
#[derive(Clone, Debug)]
pub struct File {
    /// Id.
    pub id: FileId,
    /// The realm it belongs to.
    pub realm: String,
    /// Its tenant.
    pub tenant: TenantId,
    /// The name of its kind.
    pub kind: String,
    /// What a download is called.
    pub name: String,
    /// Found in its content.
    pub content_type: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Whether it may be used.
    pub state: State,
}

/// What the beginning of a content is, whatever its sender calls it.
#[must_use]
pub fn content_type(beginning: &[u8]) -> &'static str {
    if let Some(known) = infer::get(beginning) {
        return known.mime_type();
    }
    // The beginning may end inside a character of several bytes.
    let text = match std::str::from_utf8(beginning) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    if text && !beginning.iter().any(control) { TEXT } else { BYTES }
}

/// A file's name without folders and without what a header or a terminal would take for something else.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = last
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let kept: String = kept.take(120).collect();
    let kept = kept.trim_matches([' ', '.']);
    if kept.is_empty() { "file".to_owned() } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_what_it_is_and_not_what_it_is_called() {
        assert_eq!(content_type(b"%PDF-1.7\n"), "application/pdf");
        assert_eq!(content_type(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
        assert_eq!(content_type(b"MZ\x90\0"), "application/vnd.microsoft.portable-executable");
        assert_eq!(content_type("Température\n".as_bytes()), TEXT);
        assert_eq!(content_type("Temp\u{e9}".as_bytes().split_last().unwrap().1), TEXT, "cut inside a character");
        assert_eq!(content_type(b"\xe9\x05\x02\x20\0\0"), BYTES);
        assert_eq!(content_type(b"text with a NUL\0"), BYTES);
    }

    #[test]
    fn a_name_leads_nowhere_and_says_nothing_to_a_header() {
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name("C:\\x\\image.bin"), "image.bin");
        assert_eq!(plain_name("a\"; filename=\"b\r\nSet-Cookie: c"), "a; filename=bSet-Cookie: c");
        assert_eq!(plain_name("cod\u{202e}gpj.exe"), "codgpj.exe");
        assert_eq!(plain_name(" .. "), "file");
    }
}
