//! `socle firmware`: what the vendor does on a machine that is not on any network, with the key that signs releases. It
//! needs no settings and no database.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand;
use clap::Subcommand;
use physiotraq::firmware::{Version, is_hardware, message};
use socle::files::signature;

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// Makes a signing key; prints its public key, which goes into the servers' setting files.trusted_keys.
    Key {
        /// File that the key is written to; it must not be there yet, and stays on this machine.
        file: PathBuf,
    },
    /// Signs a release; prints the signature for the upload.
    Sign {
        /// File of the signing key.
        #[arg(long)]
        key: PathBuf,
        /// The version, as it will be uploaded: 03.1.0.
        #[arg(long)]
        version: String,
        /// The hardware that it is for: CT1.
        #[arg(long)]
        hardware: String,
        /// The binary.
        file: PathBuf,
    },
}

/// Does it.
pub fn run(action: &Action) -> Result<()> {
    match action {
        Action::Key { file } => key(file),
        Action::Sign { key, version, hardware, file } => sign(key, (version, hardware), file),
    }
}

fn key(file: &Path) -> Result<()> {
    let mut seed = [0_u8; 32];
    rand::fill(&mut seed).map_err(|_| anyhow!("this machine gives no randomness"))?;
    let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let (_, public) = signature::sign(&seed, &[]).map_err(|e| anyhow!(e))?;
    let place = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut written = place.with_context(|| format!("{}", file.display()))?;
    writeln!(written, "{seed}")?;
    written.sync_all()?;
    println!("{public}");
    Ok(())
}

fn sign(key: &Path, (version, hardware): (&str, &str), file: &Path) -> Result<()> {
    let seed = std::fs::read_to_string(key).with_context(|| format!("{}", key.display()))?;
    let version = Version::parse(version).context("a version is one to four numbers with dots: 03.1.0")?;
    if !is_hardware(hardware) {
        bail!("hardware is letters, digits, dots, dashes and underscores, at most 40");
    }
    let message = message(&checksum(file)?, version.text(), hardware);
    let (signature, public) = signature::sign(&seed, &message).map_err(|e| anyhow!(e))?;
    print!("{}", String::from_utf8_lossy(&message));
    println!("signature {signature}");
    println!("public key {public}");
    Ok(())
}

fn checksum(file: &Path) -> Result<String> {
    let mut opened = std::fs::File::open(file).with_context(|| format!("{}", file.display()))?;
    let (mut hash, mut piece) = (digest::Context::new(&SHA256), vec![0; 64 * 1024]);
    loop {
        let read = opened.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
    Ok(hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
