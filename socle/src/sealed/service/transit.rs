//! A KMS that speaks the wire format of HashiCorp Vault's transit engine, which OpenBao and others speak too:
//! `POST /v1/<mount>/encrypt/<key>` and `…/decrypt/<key>`, with base64 of a data key and of what it is wrapped for, and
//! a token in `X-Vault-Token`.
//!
//! Every call is over within [`LIMIT`], which is less than a request waits for a connection of the database: a slow KMS
//! keeps nobody out who needs no sealed field. After a failure nobody asks for [`PAUSE`], then one request tries.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::crypt::{self, Key};
use super::{Trouble, Wrapped};

/// The longest a call takes.
const LIMIT: Duration = Duration::from_millis(1_500);
/// Nobody asks for so long after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest answer that is read.
const MOST: usize = 16_384;

/// The connection to a KMS.
pub struct Transit {
    http: reqwest::Client,
    /// `https://kms.example.org/v1/transit`
    base: String,
    key: String,
    token: SecretString,
    away_until: Mutex<Option<Instant>>,
}

#[derive(Serialize)]
struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext: Option<&'a str>,
    associated_data: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    ciphertext: Option<String>,
    plaintext: Option<Zeroizing<String>>,
}

impl Transit {
    /// A KMS at an address, with the engine's mount, the name of the KEK that wraps new keys, and a token.
    ///
    /// # Errors
    /// When the address is neither https nor on this machine, or a name holds anything but letters, digits, `-` and `_`.
    pub fn new(address: &str, mount: &str, key: &str, token: SecretString) -> Result<Self, String> {
        let url = url::Url::parse(address).map_err(|e| format!("sealed.kms_url: {e}"))?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err("sealed.kms_url must be https://, or http:// on this machine: it carries a token".to_owned());
        }
        if !is_name(mount) || !is_name(key) {
            return Err("sealed.kms_mount and sealed.kms_key hold letters, digits, - and _ only".to_owned());
        }
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| format!("the KMS client: {e}"))?;
        let base = format!("{}/v1/{mount}", address.trim_end_matches('/'));
        Ok(Self { http, base, key: key.to_owned(), token, away_until: Mutex::default() })
    }

    pub(super) async fn wrap(&self, aad: &[u8], key: &Key) -> Result<Wrapped, Trouble> {
        let plaintext = Zeroizing::new(STANDARD.encode(key.as_ref()));
        let ask = Ask { plaintext: Some(&plaintext), ciphertext: None, associated_data: STANDARD.encode(aad) };
        let ciphertext = self.ask("encrypt", &self.key, &ask).await?.ciphertext;
        let ciphertext = ciphertext.ok_or_else(|| Trouble::Wrong("no ciphertext in its answer".to_owned()))?;
        let kek_id = kek_id(&self.key, &ciphertext)
            .ok_or_else(|| Trouble::Wrong("a ciphertext that does not name the version of its key".to_owned()))?;
        Ok(Wrapped { kek_id, bytes: ciphertext.into_bytes() })
    }

    pub(super) async fn unwrap(&self, aad: &[u8], wrapped: &Wrapped) -> Result<Key, Trouble> {
        let name = key_name(&wrapped.kek_id)
            .ok_or_else(|| Trouble::Wrong(format!("{} is no key of a KMS", wrapped.kek_id)))?;
        let ciphertext = std::str::from_utf8(&wrapped.bytes).map_err(|e| Trouble::Wrong(e.to_string()))?;
        let ask = Ask { plaintext: None, ciphertext: Some(ciphertext), associated_data: STANDARD.encode(aad) };
        let plaintext = self.ask("decrypt", name, &ask).await?.plaintext;
        let plain = plaintext.and_then(|text| STANDARD.decode(text.as_bytes()).ok()).map(Zeroizing::new);
        plain
            .and_then(|plain| crypt::key_of(&plain))
            .ok_or_else(|| Trouble::Wrong("what it unwrapped is no data key".to_owned()))
    }

    /// One call, unless it is known to be away.
    async fn ask(&self, verb: &str, key: &str, ask: &Ask<'_>) -> Result<Data, Trouble> {
        if !self.may_ask(Instant::now()) {
            return Err(Trouble::Away("it did not answer a moment ago".to_owned()));
        }
        let answered = self.call(verb, key, ask).await;
        *self.away_until.lock().unwrap_or_else(PoisonError::into_inner) = match &answered {
            Err(Trouble::Away(_)) => Some(Instant::now() + PAUSE),
            Ok(_) | Err(Trouble::Wrong(_)) => None,
        };
        if let Err(trouble) = &answered {
            tracing::error!(%trouble, verb, "the key service");
        }
        answered
    }

    /// Whether to ask; the first to come after the pause is the only one, until it knows more.
    fn may_ask(&self, now: Instant) -> bool {
        let mut away_until = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        match *away_until {
            Some(until) if now < until => false,
            Some(_) => {
                *away_until = Some(now + LIMIT);
                true
            }
            None => true,
        }
    }

    async fn call(&self, verb: &str, key: &str, ask: &Ask<'_>) -> Result<Data, Trouble> {
        let away = |e: reqwest::Error| Trouble::Away(e.without_url().to_string());
        let request = self.http.post(format!("{}/{verb}/{key}", self.base)).json(ask);
        let mut answer = request.header("X-Vault-Token", self.token.expose_secret()).send().await.map_err(away)?;
        let status = answer.status();
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > MOST {
                return Err(Trouble::Wrong("an answer without end".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        // 400: this ciphertext is none of this key; 404: there is no such key. Anything else may pass: sealed, a leader
        // being elected, a token that is over.
        match status.as_u16() {
            200 => serde_json::from_slice::<Answer>(&body)
                .map(|answer| answer.data)
                .map_err(|_| Trouble::Wrong("an answer that is not of its wire format".to_owned())),
            400 | 404 => Err(Trouble::Wrong(format!("{status} to {verb} with the key {key}"))),
            _ => Err(Trouble::Away(format!("{status} to {verb}"))),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `transit:<key>:v<version>`, from a ciphertext `vault:v<version>:…`.
fn kek_id(key: &str, ciphertext: &str) -> Option<String> {
    let mut parts = ciphertext.splitn(3, ':');
    let (_, version, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let number = version.strip_prefix('v').filter(|number| !rest.is_empty() && number.parse::<u32>().is_ok())?;
    Some(format!("transit:{key}:v{number}"))
}

/// The name in a KEK's id; it comes from the database and becomes a part of an address.
fn key_name(kek_id: &str) -> Option<&str> {
    let (name, _) = kek_id.strip_prefix("transit:")?.rsplit_once(":v")?;
    is_name(name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transit(address: &str) -> Result<Transit, String> {
        Transit::new(address, "transit", "socle", "token".into())
    }

    #[test]
    fn a_token_never_goes_over_a_plain_connection_to_another_machine() {
        for (address, fits) in [
            ("https://kms.example.org", true),
            ("http://127.0.0.1:8200", true),
            ("http://localhost:8200/", true),
            ("http://kms.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("http://localhost@kms.example.org", false),
            ("file:///etc/passwd", false),
            ("kms", false),
        ] {
            assert_eq!(transit(address).is_ok(), fits, "{address}");
        }
        assert!(Transit::new("https://kms", "transit", "../sys/seal", "t".into()).is_err());
        assert!(Transit::new("https://kms", "a/b", "socle", "t".into()).is_err());
    }

    #[test]
    fn a_key_is_named_with_the_version_that_wrapped() {
        assert_eq!(kek_id("socle", "vault:v3:abc=").as_deref(), Some("transit:socle:v3"));
        for wrong in ["", "vault", "vault:v3", "vault:v3:", "vault:3:abc", "vault:vx:abc"] {
            assert_eq!(kek_id("socle", wrong), None, "{wrong}");
        }
        assert_eq!(key_name("transit:socle:v3"), Some("socle"));
        for wrong in ["socle", "transit:socle", "transit:../../sys/seal:v1", "transit::v1", "a1b2c3"] {
            assert_eq!(key_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn after_a_failure_one_request_tries_and_the_others_are_answered_at_once() {
        let (transit, now) = (transit("https://kms").unwrap(), Instant::now());
        assert!(transit.may_ask(now) && transit.may_ask(now));
        *transit.away_until.lock().unwrap() = Some(now + PAUSE);
        assert!(!transit.may_ask(now));
        assert!(transit.may_ask(now + PAUSE), "one tries");
        assert!(!transit.may_ask(now + PAUSE), "the others do not wait for it");
        assert!(transit.may_ask(now + PAUSE + LIMIT), "…for ever");
    }
}
