//! Text messages: to Twilio's public HTTP API, or in development to the mailbox.
//!
//! Twilio takes no key by which it would recognise a message that it was given before: after a crash between its answer and
//! our note of it, a text can arrive twice.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Mailbox, Refusal};
use crate::config::{Config, SmsTransport};

/// How long Twilio may take.
const WITHIN: Duration = Duration::from_secs(20);

/// The way of text messages.
pub(super) enum Texts {
    /// The development mailbox.
    Mailbox(Mailbox),
    /// Twilio.
    Twilio(Twilio),
    /// None: production without a service for it.
    Nowhere,
}

/// An account of Twilio's.
pub(super) struct Twilio {
    http: Client,
    address: String,
    account: SecretString,
    token: SecretString,
    from: String,
}

/// What Twilio says of a message that it does not take.
#[derive(Deserialize, Default)]
struct Said {
    /// Its own number of the fault, e.g. 21211: not a phone number.
    code: Option<i64>,
}

impl Texts {
    pub(super) fn new(config: &Config, mailbox: &Mailbox) -> Result<Self, String> {
        match config.sms.transport {
            SmsTransport::Mailbox if config.environment.allows_stand_ins() => Ok(Self::Mailbox(mailbox.clone())),
            SmsTransport::Mailbox => Ok(Self::Nowhere),
            SmsTransport::Twilio => Twilio::new(config).map(Self::Twilio),
        }
    }
}

impl Twilio {
    fn new(config: &Config) -> Result<Self, String> {
        let sms = &config.sms;
        let account = sms.account_sid.clone().ok_or("sms.account_sid is not set")?;
        let token = sms.auth_token.clone().ok_or("sms.auth_token is not set")?;
        let from = sms.from.clone().ok_or("sms.from is not set")?;
        let http = Client::builder().timeout(WITHIN).redirect(Policy::none()).build();
        let http = http.map_err(|e| format!("sms: {e}"))?;
        let base = sms.url.trim_end_matches('/');
        let address = format!("{base}/2010-04-01/Accounts/{}/Messages.json", account.expose_secret());
        Ok(Self { http, address, account, token, from })
    }

    /// Hands a text over.
    pub(super) async fn send(&self, to: &str, text: &str) -> Result<(), Refusal> {
        let form = [("To", to), ("From", self.from.as_str()), ("Body", text)];
        let request = self.http.post(&self.address).form(&form);
        let request = request.basic_auth(self.account.expose_secret(), Some(self.token.expose_secret()));
        // The error's own words hold the address, and that holds the account.
        let answer = request.send().await;
        let answer = answer.map_err(|_| Refusal::Later("the SMS service cannot be reached".to_owned()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said: Said = answer.json().await.unwrap_or_default();
        let reason = match said.code {
            Some(code) => format!("refused: {} ({code})", status.as_u16()),
            None => format!("refused: {}", status.as_u16()),
        };
        // Only a fault of this very message is final; a wrong token, a full queue or an outage can be put right.
        Err(if status == StatusCode::BAD_REQUEST { Refusal::Never(reason) } else { Refusal::Later(reason) })
    }
}
