//! A file in MaxMind's format, as small as one can be: https://maxmind.github.io/MaxMind-DB/.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// What a value begins with: its type in three bits, its size in five; from 29 on the rest of the size follows.
fn control(kind: u8, size: usize) -> Vec<u8> {
    let size = u8::try_from(size).unwrap();
    if size < 29 { vec![kind << 5 | size] } else { vec![kind << 5 | 29, size - 29] }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = control(2, text.len());
    bytes.extend(text.as_bytes());
    bytes
}

fn double(value: f64) -> Vec<u8> {
    let mut bytes = control(3, 8);
    bytes.extend(value.to_be_bytes());
    bytes
}

/// An unsigned integer of type 5 (16 bits) or 6 (32 bits).
fn number(kind: u8, value: u32) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip(if kind == 5 { 2 } else { 0 }).collect();
    let mut all = control(kind, bytes.len());
    all.extend(bytes);
    all
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = control(7, entries.len());
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}

/// A node's two records: another node, nothing, or data at an offset.
#[derive(Clone, Copy)]
enum Record {
    Node(u32),
    Nothing,
    Data(u32),
}

/// A place of a network: country, town in French and English, region, latitude and longitude.
#[derive(Clone, Copy, Debug)]
pub struct Town<'a> {
    pub country: &'a str,
    pub city: [&'a str; 2],
    pub region: &'a str,
    pub point: (f64, f64),
}

fn named([fr, en]: [&str; 2]) -> Vec<u8> {
    map(&[("names", map(&[("fr", text(fr)), ("en", text(en))]))])
}

fn point((latitude, longitude): (f64, f64)) -> Vec<u8> {
    map(&[("latitude", double(latitude)), ("longitude", double(longitude))])
}

/// A list of one.
fn list(only: Vec<u8>) -> Vec<u8> {
    // Type 11 is written as 0 with the rest of its number in the next byte.
    [control(0, 1), vec![4], only].concat()
}

/// Writes a file that knows these networks (the first three bytes of an address), each with country and point.
pub fn write(places: &[(&str, &str, (f64, f64))]) -> Result<PathBuf> {
    let record = |country: &str, at| map(&[("country", map(&[("iso_code", text(country))])), ("location", point(at))]);
    let records: Vec<(&str, Vec<u8>)> =
        places.iter().map(|(prefix, country, at)| (*prefix, record(country, *at))).collect();
    write_records(&records)
}

/// Writes a file that knows these networks, each with its town.
pub fn write_towns(places: &[(&str, Town<'_>)]) -> Result<PathBuf> {
    let record = |town: &Town<'_>| {
        map(&[
            ("country", map(&[("iso_code", text(town.country))])),
            ("subdivisions", list(named([town.region; 2]))),
            ("city", named(town.city)),
            ("location", point(town.point)),
        ])
    };
    let records: Vec<(&str, Vec<u8>)> = places.iter().map(|(prefix, town)| (*prefix, record(town))).collect();
    write_records(&records)
}

fn write_records(places: &[(&str, Vec<u8>)]) -> Result<PathBuf> {
    let (mut nodes, mut data) = (vec![[Record::Nothing; 2]], Vec::<u8>::new());
    for (prefix, record) in places {
        let bytes: Vec<u8> = prefix.split('.').map(str::parse).collect::<Result<_, _>>()?;
        let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| usize::from(byte >> bit & 1)));
        let bits: Vec<usize> = bits.collect();
        let (last, path) = bits.split_last().context("no prefix")?;
        let mut at = 0_usize;
        for bit in path {
            at = match nodes[at][*bit] {
                Record::Node(next) => usize::try_from(next)?,
                _ => {
                    let next = nodes.len();
                    nodes[at][*bit] = Record::Node(u32::try_from(next)?);
                    nodes.push([Record::Nothing; 2]);
                    next
                }
            };
        }
        nodes[at][*last] = Record::Data(u32::try_from(data.len())?);
        data.extend(record);
    }
    let count = u32::try_from(nodes.len())?;
    let mut file = Vec::new();
    for record in nodes.into_iter().flatten() {
        let value = match record {
            Record::Node(node) => node,
            Record::Nothing => count,
            Record::Data(offset) => count + 16 + offset,
        };
        file.extend(value.to_be_bytes().into_iter().skip(1));
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        // Type 9 (64 bits) is written as 0 with the rest of its number in the next byte: no byte of it is zero.
        ("build_epoch", vec![0, 2]),
        ("database_type", text("Test-City")),
        ("description", map(&[])),
        ("ip_version", number(5, 4)),
        ("languages", vec![0, 4]),
        ("node_count", number(6, count)),
        ("record_size", number(5, 24)),
    ]));
    let name = format!("socle-places-{}-{}.mmdb", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, file)?;
    Ok(path)
}
