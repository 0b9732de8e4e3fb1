//! Looks for words in bytes, however they may have got there: plain, base64 at any alignment, hexadecimal, UTF-16, and
//! all of it inside gzip and zlib.

use std::io::Read;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flate2::read::{GzDecoder, ZlibDecoder};

/// Inflated at most, of each stream found.
const MOST: u64 = 4_000_000;
/// What a gzip member begins with, and what a zlib stream may begin with.
const STREAMS: [&[u8]; 5] = [b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"];

/// Searches for words.
pub struct Searcher {
    words: AhoCorasick,
    names: Vec<String>,
    streams: AhoCorasick,
}

impl Searcher {
    pub fn new(words: &[&str]) -> Result<Self> {
        let forms: Vec<(String, Vec<u8>)> = words.iter().flat_map(|word| forms(word)).collect();
        let (names, patterns): (Vec<String>, Vec<Vec<u8>>) = forms.into_iter().unzip();
        let words = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns)?;
        Ok(Self { words, names, streams: AhoCorasick::new(STREAMS)? })
    }

    /// The forms of words found in bytes, each once.
    pub fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.plain(bytes, "");
        for stream in self.streams.find_iter(bytes) {
            let rest = &bytes[stream.start()..];
            let mut inflated = Vec::new();
            // What can be inflated before an error counts; most of these are no streams at all.
            let read = if rest[0] == 0x1f {
                GzDecoder::new(rest).take(MOST).read_to_end(&mut inflated)
            } else {
                ZlibDecoder::new(rest).take(MOST).read_to_end(&mut inflated)
            };
            drop(read);
            found.extend(self.plain(&inflated, "compressed "));
        }
        found.sort();
        found.dedup();
        found
    }

    fn plain(&self, bytes: &[u8], how: &str) -> Vec<String> {
        let found = self.words.find_overlapping_iter(bytes);
        let mut names: Vec<String> = found.map(|found| format!("{how}{}", self.names[found.pattern()])).collect();
        names.sort();
        names.dedup();
        names
    }

    /// …in a file, or in every file below a folder; each with the file's name.
    pub fn find_below(&self, place: &Path) -> Result<Vec<String>> {
        if !place.is_dir() {
            // A table that was dropped meanwhile is not there any more.
            let bytes = match std::fs::read(place) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                other => other.with_context(|| format!("{}", place.display()))?,
            };
            return Ok(self.find(&bytes).into_iter().map(|form| format!("{}: {form}", place.display())).collect());
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(place)? {
            found.extend(self.find_below(&entry?.path())?);
        }
        Ok(found)
    }
}

/// A word in every form, each with its name.
fn forms(word: &str) -> Vec<(String, Vec<u8>)> {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let units = |bytes: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let mut forms = vec![
        ("plain".to_owned(), word.as_bytes().to_vec()),
        ("hex".to_owned(), hex.clone().into_bytes()),
        ("upper-case hex".to_owned(), hex.to_uppercase().into_bytes()),
        ("UTF-16LE".to_owned(), units(u16::to_le_bytes)),
        ("UTF-16BE".to_owned(), units(u16::to_be_bytes)),
    ];
    for alignment in 0..3 {
        for (alphabet, engine) in [("", &STANDARD), ("URL-safe ", &URL_SAFE)] {
            let encoded = engine.encode([vec![0; alignment], word.as_bytes().to_vec()].concat());
            // Only the letters that depend on nothing but the word.
            let (first, last) = ((alignment * 8).div_ceil(6), (alignment + word.len()) * 8 / 6);
            forms.push((format!("{alphabet}base64 at {alignment}"), encoded.as_bytes()[first..last].to_vec()));
        }
    }
    forms.into_iter().map(|(name, bytes)| (format!("{word} ({name})"), bytes)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const WORD: &str = "canari7f3k9x2q";

    fn around(bytes: &[u8]) -> Vec<u8> {
        [b"\x00before \xff", bytes, b" after\x78\x9c\x00"].concat()
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let searcher = Searcher::new(&[WORD, "another"]).unwrap();
        assert_eq!(searcher.find(&around(b"nothing of the kind")), Vec::<String>::new());
        for (name, bytes) in forms(WORD) {
            assert!(searcher.find(&around(&bytes)).contains(&name), "{name}");
        }
        for before in ["", "x", "xy", "xyz"] {
            let encoded = STANDARD.encode(format!("{before}{WORD} and more"));
            let found = searcher.find(encoded.as_bytes());
            let at = format!("base64 at {}", before.len() % 3);
            assert!(found.iter().any(|form| form.contains(&at)), "{before}: {found:?}");
        }
    }

    #[test]
    fn compressed_words_are_found_inside_other_bytes() {
        let searcher = Searcher::new(&[WORD]).unwrap();
        let text = format!("{} {WORD} {}", "a".repeat(500), "b".repeat(500));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text.as_bytes()).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text.as_bytes()).unwrap();
        for bytes in [gzip.finish().unwrap(), zlib.finish().unwrap()] {
            assert_eq!(searcher.find(&around(&bytes)), [format!("compressed {WORD} (plain)")]);
            // Cut off in the middle of the disk's page: what is there is found all the same.
            let cut = &bytes[..bytes.len() - 6];
            assert_eq!(searcher.find(cut), [format!("compressed {WORD} (plain)")]);
        }
    }
}
