//! The embedded web files live in a folder that a fresh checkout does not have until `bin/setup` has built it.

use std::io::Error;

fn main() -> Result<(), Error> {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/dist");
    std::fs::create_dir_all(dist)?;
    println!("cargo:rerun-if-changed={dist}");
    Ok(())
}
