//! The virus scanner: clamd, by its INSTREAM command, over TCP or a socket of the same machine.

use std::time::Duration;

use bytes::Bytes;
use clamav_client::tokio::{Socket, Tcp, scan_stream};
use futures_util::Stream;

/// What clamd has not said by then it will not say.
const WITHIN: Duration = Duration::from_secs(120);

/// Where clamd is.
#[derive(Clone, Debug)]
pub struct Scanner {
    address: String,
}

/// What clamd said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// Something; what it is called is in the log, not in our tables.
    Something,
}

impl Scanner {
    /// At `host:port`, or at the path of a socket.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    /// Has a content looked at.
    pub(super) async fn look<S>(&self, content: S) -> Result<Found, String>
    where
        S: Stream<Item = std::io::Result<Bytes>>,
    {
        let scan = async {
            if self.address.starts_with('/') {
                scan_stream(content, Socket { socket_path: self.address.as_str() }, None).await
            } else {
                scan_stream(content, Tcp { host_address: self.address.as_str() }, None).await
            }
        };
        let said = tokio::time::timeout(WITHIN, scan).await.map_err(|_| "clamd did not answer in time".to_owned())?;
        judge(&said.map_err(|error| format!("clamd: {error}"))?)
    }
}

/// `stream: OK`, `stream: Eicar-Signature FOUND`, or an error.
fn judge(said: &[u8]) -> Result<Found, String> {
    let text = String::from_utf8_lossy(said);
    let text = text.trim_matches(['\0', '\n', ' ']);
    if text.ends_with(" FOUND") {
        tracing::warn!(said = text, "the virus scanner found something");
        return Ok(Found::Something);
    }
    if text.ends_with(": OK") { Ok(Found::Nothing) } else { Err(format!("clamd said: {text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ok_is_clean() {
        assert_eq!(judge(b"stream: OK\0"), Ok(Found::Nothing));
        assert_eq!(judge(b"stream: Eicar-Test-Signature FOUND\0"), Ok(Found::Something));
        assert!(judge(b"INSTREAM size limit exceeded. ERROR\0").is_err());
        assert!(judge(b"").is_err());
    }
}
