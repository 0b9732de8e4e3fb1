//! A small KMS that speaks the wire format of Vault's transit engine over HTTP, and can be away, slow or wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The token it takes.
pub const TOKEN: &str = "kms-token-of-the-tests";

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It does what it is asked.
    Well,
    /// It closes connections without a word.
    Down,
    /// It answers 503, as Vault does while it is sealed.
    Sealed,
    /// It takes its time.
    Slow(Duration),
    /// It answers 200 with something else.
    Nonsense,
    /// It unwraps to another key of the right length.
    OtherKey,
    /// It wraps so that it cannot unwrap any more.
    Forgetful,
}

#[derive(Default)]
struct State {
    mood: Option<Mood>,
    version: u32,
    calls: usize,
    /// By ciphertext: the key's name, the plaintext and what it was wrapped for, both in base64.
    wrapped: HashMap<String, (String, String, String)>,
}

/// The KMS; it ends with the test.
#[derive(Clone)]
pub struct Kms {
    /// `http://127.0.0.1:port`
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Kms {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let kms = Self { url, state: Arc::new(Mutex::new(State { version: 1, ..State::default() })) };
        let inside = kms.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kms = inside.clone();
                tokio::spawn(async move { kms.answer(stream).await });
            }
        });
        Ok(kms)
    }

    /// From now on it behaves like this.
    pub fn set(&self, mood: Mood) {
        self.state().mood = Some(mood);
    }

    /// A new version of its key: what it wraps from now on says so.
    pub fn rotate(&self) {
        self.state().version += 1;
    }

    /// How many calls have come.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let (path, authorised, body) = request(&mut stream).await?;
        let mood = {
            let mut state = self.state();
            state.calls += 1;
            state.mood.unwrap_or(Mood::Well)
        };
        let (status, answer) = match mood {
            Mood::Down => return Ok(()),
            Mood::Sealed => (503, json!({ "errors": ["Vault is sealed"] })),
            Mood::Nonsense => (200, json!({ "hello": "world" })),
            Mood::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.transit(&path, authorised, &body, mood)
            }
            Mood::Well | Mood::OtherKey | Mood::Forgetful => self.transit(&path, authorised, &body, mood),
        };
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).await?;
        Ok(())
    }

    fn transit(&self, path: &str, authorised: bool, body: &Value, mood: Mood) -> (u16, Value) {
        if !authorised {
            return (403, json!({ "errors": ["permission denied"] }));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut state = self.state();
        if let Some(key) = path.strip_prefix("/v1/transit/encrypt/") {
            let ciphertext = format!("vault:v{}:{:08}", state.version, state.wrapped.len());
            let kept = (key.to_owned(), text("plaintext"), text("associated_data"));
            if mood != Mood::Forgetful {
                state.wrapped.insert(ciphertext.clone(), kept);
            }
            return (200, json!({ "data": { "ciphertext": ciphertext } }));
        }
        let known = state.wrapped.get(&text("ciphertext"));
        let of_key =
            known.filter(|(key, _, aad)| path.ends_with(&format!("/decrypt/{key}")) && *aad == text("associated_data"));
        match of_key {
            Some(_) if mood == Mood::OtherKey => {
                (200, json!({ "data": { "plaintext": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" } }))
            }
            Some((_, plaintext, _)) => (200, json!({ "data": { "plaintext": plaintext } })),
            None => (400, json!({ "errors": ["cipher: message authentication failed"] })),
        }
    }
}

/// Path, whether the token is the right one, and body of a request.
async fn request(stream: &mut TcpStream) -> Result<(String, bool, Value)> {
    let mut read = Vec::new();
    let end = loop {
        let mut chunk = [0_u8; 4_096];
        let count = stream.read(&mut chunk).await?;
        read.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        anyhow::ensure!(count > 0, "cut off");
    };
    let head = String::from_utf8_lossy(read.get(..end).unwrap_or_default()).into_owned();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").context("no length")?.parse()?;
    let mut body = read.split_off(end);
    while body.len() < length {
        let mut chunk = vec![0_u8; length - body.len()];
        let count = stream.read(&mut chunk).await?;
        anyhow::ensure!(count > 0, "cut off");
        body.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((path, header("x-vault-token").as_deref() == Some(TOKEN), serde_json::from_slice(&body)?))
}
