//! A small stand-in for clamd: it speaks INSTREAM over TCP, finds the EICAR test file and nothing else, and can be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The file that every scanner finds and that harms nobody.
pub const EICAR: &[u8] = br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
/// What of it this one looks for.
const MARK: &[u8] = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE";
/// The command, as clients of the protocol's newer kind send it.
const INSTREAM: &[u8; 10] = b"zINSTREAM\0";
/// The real one refuses longer streams too.
const MOST: usize = 25 * 1024 * 1024;

/// The scanner; it ends with the test's runtime.
#[derive(Clone)]
pub struct Clamd {
    address: String,
    away: Arc<AtomicBool>,
}

impl Clamd {
    /// On a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let clamd = Self { address: listener.local_addr()?.to_string(), away: Arc::default() };
        let inside = clamd.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let clamd = inside.clone();
                tokio::spawn(async move { clamd.answer(stream).await });
            }
        });
        Ok(clamd)
    }

    /// For the setting `files.clamd`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on it closes connections without a word, or answers again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    async fn answer(&self, mut stream: TcpStream) -> Result<()> {
        if self.away.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut command = [0; 10];
        stream.read_exact(&mut command).await?;
        ensure!(&command == INSTREAM, "another command");
        let mut content = Vec::new();
        loop {
            let length = usize::try_from(stream.read_u32().await?)?;
            if length == 0 {
                break;
            }
            ensure!(content.len() + length <= MOST, "INSTREAM size limit exceeded");
            let mut piece = vec![0; length];
            stream.read_exact(&mut piece).await?;
            content.append(&mut piece);
        }
        let found = content.windows(MARK.len()).any(|window| window == MARK);
        let said: &[u8] = if found { b"stream: Eicar-Test-Signature FOUND\0" } else { b"stream: OK\0" };
        stream.write_all(said).await?;
        Ok(())
    }
}
