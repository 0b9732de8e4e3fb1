//! COPY's binary format, over sqlx's own encoders: what PostgreSQL need not parse, it need not spend time on.

use sqlx::encode::IsNull;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, Postgres};

use super::Reading;
use crate::{Error, Result};

/// Signature, flags, length of the header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// A row being written.
pub struct CopyRow<'a> {
    bytes: &'a mut Vec<u8>,
    scratch: &'a mut PgArgumentBuffer,
}

impl CopyRow<'_> {
    /// Writes the next column with the encoder of its type.
    ///
    /// # Errors
    /// When the encoder refuses the value.
    pub fn put<'q, T: Encode<'q, Postgres>>(&mut self, value: T) -> Result<()> {
        self.scratch.clear();
        let encoded = value.encode(self.scratch).map_err(|e| Error::internal(format!("copy: {e}")))?;
        if matches!(encoded, IsNull::Yes) {
            self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        append(self.bytes, self.scratch)
    }

    /// Writes the next column from bytes that are already in PostgreSQL's binary form.
    ///
    /// # Errors
    /// When it is longer than 2 GB.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        append(self.bytes, bytes)
    }

    /// Writes NULL.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }
}

fn append(to: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let length = i32::try_from(bytes.len()).map_err(|_| Error::too_large())?;
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

/// All rows as one COPY body.
pub(super) fn body<R: Reading>(rows: &[&R]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEADER.len() + rows.len() * 256);
    let mut scratch = PgArgumentBuffer::default();
    bytes.extend_from_slice(HEADER);
    for row in rows {
        bytes.extend_from_slice(&R::TABLE.count.to_be_bytes());
        row.encode(&mut CopyRow { bytes: &mut bytes, scratch: &mut scratch })?;
    }
    bytes.extend_from_slice(&TRAILER);
    Ok(bytes)
}
