//! An export's file: a ZIP, sealed while it is written, so that nothing of it ever lies on the disk in the clear.
//!
//! It is cut into frames of 64 KiB, each AES-256-GCM under a random key of this one file. The nonce is the frame's number,
//! which no other frame under that key has; the associated data is the export's id and whether it is the last frame, so that
//! frames cannot be left out, moved or cut off without notice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use uuid::Uuid;
use zeroize::Zeroizing;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::ExportId;
use crate::{Error, Result};

const FRAME: usize = 64 * 1024;
/// Pieces that may wait for the disk: at most some hundred KiB are in memory.
const WAITING: usize = 8;

/// The random key of one file.
pub struct FileKey(Zeroizing<[u8; 32]>);

impl FileKey {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn fresh() -> Result<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        rand::fill(key.as_mut()).map_err(|_| Error::internal("no randomness"))?;
        Ok(Self(key))
    }

    /// As text, to be sealed.
    pub fn hex(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// From the text.
    ///
    /// # Errors
    /// 500 when it is not one.
    pub fn from_hex(hex: &str) -> Result<Self> {
        let wrong = || Error::internal("the key of an export is not 64 hexadecimal digits");
        let mut key = Zeroizing::new([0_u8; 32]);
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(wrong());
        }
        for (byte, pair) in key.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(key))
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_ref()).map_err(|_| Error::internal("file key refused"))?;
        Ok(LessSafeKey::new(key))
    }
}

/// Number and place of a frame in its file.
#[derive(Clone, Copy)]
struct Frame {
    file: Uuid,
    number: u64,
    last: bool,
}

impl Frame {
    fn nonce(self) -> Nonce {
        let mut nonce = [0_u8; 12];
        for (byte, of_number) in nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()) {
            *byte = of_number;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(self) -> Aad<Vec<u8>> {
        let mut aad = self.file.as_bytes().to_vec();
        aad.push(u8::from(self.last));
        Aad::from(aad)
    }
}

/// Where an export's file lies.
#[must_use]
pub fn path(folder: &Path, id: ExportId) -> PathBuf {
    folder.join(format!("{id}.sealed"))
}

/// Seals what is written to it.
struct Sealer<W: Write> {
    to: W,
    cipher: LessSafeKey,
    next: Frame,
    waiting: Vec<u8>,
    plain: u64,
}

impl<W: Write> Sealer<W> {
    fn frame(&mut self, last: bool) -> io::Result<()> {
        let mut piece = std::mem::take(&mut self.waiting);
        let frame = Frame { last, ..self.next };
        let sealed = self.cipher.seal_in_place_append_tag(frame.nonce(), frame.aad(), &mut piece);
        sealed.map_err(|_| io::Error::other("sealing failed"))?;
        let length = u32::try_from(piece.len()).map_err(io::Error::other)?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(&piece)?;
        self.next.number += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<(u64, W)> {
        self.frame(true)?;
        Ok((self.plain, self.to))
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = FRAME - self.waiting.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.waiting.extend_from_slice(taken);
        self.plain += taken.len() as u64;
        if self.waiting.len() == FRAME {
            self.frame(false)?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Piece {
    Entry(String),
    Bytes(Vec<u8>),
}

/// An archive being written by a thread of its own.
pub struct Archive {
    pieces: mpsc::Sender<Piece>,
    written: tokio::task::JoinHandle<io::Result<u64>>,
}

impl Archive {
    /// Begins the file of an export, under a name that nobody downloads yet.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub async fn create(folder: &Path, id: ExportId, key: &FileKey) -> Result<Self> {
        let failed = |e: io::Error| Error::internal(format!("the file of an export: {e}"));
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
        let (to, cipher) = (path(folder, id), key.cipher()?);
        let (pieces, received) = mpsc::channel(WAITING);
        let written = tokio::task::spawn_blocking(move || write(&to, id, cipher, received));
        Ok(Self { pieces, written })
    }

    /// Begins a file of the archive.
    ///
    /// # Errors
    /// When the disk has refused what came before.
    pub async fn entry(&mut self, name: &str) -> Result<()> {
        self.send(Piece::Entry(name.to_owned())).await
    }

    /// Goes on with the file of the archive.
    ///
    /// # Errors
    /// When the disk has refused what came before.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.send(Piece::Bytes(bytes)).await
    }

    /// Ends the archive; its length in the clear. Only now it lies under its name.
    ///
    /// # Errors
    /// When the disk refused something.
    pub async fn finish(self) -> Result<u64> {
        drop(self.pieces);
        let written = self.written.await.map_err(|e| Error::internal(format!("the file of an export: {e}")))?;
        written.map_err(|e| Error::internal(format!("the file of an export: {e}")))
    }

    async fn send(&mut self, piece: Piece) -> Result<()> {
        let sent = self.pieces.send(piece).await;
        sent.map_err(|_| Error::internal("the file of an export cannot be written"))
    }
}

/// Writes pieces until there are no more. What was begun and not ended is taken away.
fn write(to: &Path, id: ExportId, cipher: LessSafeKey, pieces: mpsc::Receiver<Piece>) -> io::Result<u64> {
    let part = to.with_extension("part");
    let written = write_part(&part, id, cipher, pieces).and_then(|bytes| std::fs::rename(&part, to).map(|()| bytes));
    if written.is_err() {
        drop(std::fs::remove_file(&part));
    }
    written
}

fn write_part(part: &Path, id: ExportId, cipher: LessSafeKey, mut pieces: mpsc::Receiver<Piece>) -> io::Result<u64> {
    let next = Frame { file: id.0, number: 0, last: false };
    let to = BufWriter::new(private(part)?);
    let sealer = Sealer { to, cipher, next, waiting: Vec::with_capacity(FRAME), plain: 0 };
    let mut zip = ZipWriter::new_stream(sealer);
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Entry(name) => zip.start_file(name, SimpleFileOptions::default().large_file(true))?,
            Piece::Bytes(bytes) => zip.write_all(&bytes)?,
        }
    }
    let (bytes, to) = zip.finish()?.into_inner().finish()?;
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(bytes)
}

/// A new file that only the server's own user reads.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// The archive in the clear, frame by frame.
///
/// # Errors
/// 404 when the file is gone.
pub async fn open(folder: &Path, id: ExportId, key: &FileKey) -> Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
    let file = tokio::fs::File::open(path(folder, id)).await.map_err(|_| Error::not_found())?;
    let length = file.metadata().await.map_err(|_| Error::not_found())?.len();
    let cipher = key.cipher()?;
    let first = (tokio::io::BufReader::new(file), Frame { file: id.0, number: 0, last: false }, length);
    Ok(futures_util::stream::try_unfold((first, cipher), |((mut file, frame, left), cipher)| async move {
        if left == 0 {
            // Ended by the last frame, or it would not have opened.
            return Ok(None);
        }
        let mut sealed = vec![0_u8; usize::try_from(file.read_u32().await?).map_err(io::Error::other)?.min(FRAME + 16)];
        file.read_exact(&mut sealed).await?;
        let left = left.saturating_sub(sealed.len() as u64 + 4);
        let this = Frame { last: left == 0, ..frame };
        let opened = cipher.open_in_place(this.nonce(), this.aad(), &mut sealed);
        let plain = opened.map_err(|_| io::Error::other("an export's file was altered"))?.len();
        sealed.truncate(plain);
        let next = Frame { number: frame.number + 1, ..frame };
        Ok(Some((Bytes::from(sealed), ((file, next, left), cipher))))
    }))
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn read(folder: &Path, id: ExportId, key: &FileKey) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = open(folder, id, key).await.map_err(io::Error::other)?.try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn a_file_opens_whole_with_its_own_key_and_not_when_something_is_missing() {
        let folder = std::env::temp_dir().join(format!("socle-file-{}", std::process::id()));
        let (id, key) = (ExportId(Uuid::from_u128(7)), FileKey::fresh().unwrap());
        let mut archive = Archive::create(&folder, id, &key).await.unwrap();
        archive.entry("a.json").await.unwrap();
        let mut noise = Vec::new();
        (0_u32..100_000).for_each(|n| noise.extend(n.wrapping_mul(2_654_435_761).to_be_bytes()));
        archive.write(noise.clone()).await.unwrap();
        let bytes = archive.finish().await.unwrap();

        let key = FileKey::from_hex(&key.hex()).unwrap();
        let whole = read(&folder, id, &key).await.unwrap();
        assert_eq!(whole.len() as u64, bytes);
        assert!(whole.starts_with(b"PK"), "a ZIP");
        let sealed = std::fs::read(path(&folder, id)).unwrap();
        assert!(sealed.len() > 5 * FRAME && !sealed.windows(6).any(|part| part == b"a.json"), "several frames, sealed");

        assert!(read(&folder, id, &FileKey::fresh().unwrap()).await.is_err(), "another key");
        std::fs::write(path(&folder, id), &sealed[..2 * (FRAME + 20)]).unwrap();
        assert!(read(&folder, id, &key).await.is_err(), "cut off between two frames");
        let mut altered = sealed.clone();
        altered[100] ^= 1;
        std::fs::write(path(&folder, id), &altered).unwrap();
        assert!(read(&folder, id, &key).await.is_err(), "altered");
        let other = ExportId(Uuid::from_u128(8));
        std::fs::write(path(&folder, other), &sealed).unwrap();
        assert!(read(&folder, other, &key).await.is_err(), "under another export's name");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
