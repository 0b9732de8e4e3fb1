//! A small stand-in for Twilio: it speaks the form and the JSON of `Messages.json`, checks the account, keeps what it took,
//! and refuses what a test tells it to refuse.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The account that it knows.
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// Its token.
pub const TOKEN: &str = "the token of the tests' account";
/// `ACCOUNT:TOKEN` in base64.
const BASIC: &str = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0aGUgdG9rZW4gb2YgdGhlIHRlc3RzJyBhY2NvdW50";

/// A text message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `To`.
    pub to: String,
    /// `From`.
    pub from: String,
    /// `Body`.
    pub body: String,
}

#[derive(Default)]
struct Held {
    taken: Vec<Text>,
    refusals: VecDeque<(u16, i64)>,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Twilio {
    url: String,
    held: Arc<Mutex<Held>>,
}

impl Twilio {
    /// On a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let twilio = Self { url: format!("http://{}", listener.local_addr()?), held: Arc::default() };
        let server = twilio.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.answer(stream).await });
            }
        });
        Ok(twilio)
    }

    /// For the setting `sms.url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it took, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Text> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).taken.clone()
    }

    /// The next message is refused with this status and fault.
    pub fn refuse(&self, status: u16, code: i64) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).refusals.push_back((status, code));
    }

    async fn answer(&self, stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).await?;
        let (mut length, mut basic) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "authorization" => value.clone_into(&mut basic),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await?;
        let (status, said) = self.judge(&first, &basic, &String::from_utf8(body)?)?;
        let said = said.to_string();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            said.len()
        );
        reader.get_mut().write_all(format!("{head}{said}").as_bytes()).await?;
        Ok(())
    }

    fn judge(&self, first: &str, basic: &str, body: &str) -> Result<(u16, Value)> {
        let fault = |status: u16, code: i64| {
            let more = format!("https://www.twilio.com/docs/errors/{code}");
            (status, json!({ "code": code, "message": "refused", "more_info": more, "status": status }))
        };
        if !first.starts_with(&format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json ")) {
            return Ok(fault(404, 20_404));
        }
        if basic != BASIC {
            return Ok(fault(401, 20_003));
        }
        let form = Url::parse(&format!("http://form/?{body}"))?;
        let field = |name: &str| form.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let text = Text {
            to: field("To").context("no To")?,
            from: field("From").context("no From")?,
            body: field("Body").context("no Body")?,
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((status, code)) = held.refusals.pop_front() {
            return Ok(fault(status, code));
        }
        let said = json!({
            "sid": format!("SM{:032}", held.taken.len()), "account_sid": ACCOUNT, "status": "queued",
            "to": text.to, "from": text.from, "body": text.body, "num_segments": "1", "error_code": null,
        });
        held.taken.push(text);
        Ok((201, said))
    }
}
