//! Where messages go: mails to an SMTP server, text messages to their service; in development both to the mailbox.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use lettre::message::{Mailbox as Address, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::sms::Texts;
use super::{Channel, MailId, Mailbox, Rendered};
use crate::config::{Config, Environment, MailTransport};

/// Why a message did not go out. The text never holds an address or a number.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The server may take it later.
    Later(String),
    /// It never will.
    Never(String),
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outlet(Arc<Inner>);

struct Inner {
    way: Way,
    texts: Texts,
    from: Address,
    base: OnceLock<String>,
}

enum Way {
    Mailbox(Mailbox),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Outlet {
    /// As the settings say.
    ///
    /// # Errors
    /// When the sender's address or the SMTP URL cannot be read, or production would send into the mailbox.
    pub fn new(config: &Config) -> Result<Self, String> {
        let from = config.mail.from.parse().map_err(|e| format!("mail.from: {e}"))?;
        let mailbox = Mailbox::default();
        let texts = Texts::new(config, &mailbox)?;
        let way = match config.mail.transport {
            MailTransport::Mailbox if config.environment == Environment::Production => {
                return Err("mail.transport = \"mailbox\" sends nothing; production needs \"smtp\"".to_owned());
            }
            MailTransport::Mailbox => Way::Mailbox(mailbox),
            MailTransport::Smtp => {
                let url = config.mail.smtp_url.as_ref().ok_or("mail.smtp_url is not set")?;
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret());
                let builder = builder.map_err(|e| format!("mail.smtp_url: {e}"))?;
                Way::Smtp(builder.timeout(Some(std::time::Duration::from_secs(20))).build())
            }
        };
        let base = OnceLock::new();
        if let Some(url) = &config.http.public_url {
            base.get_or_init(|| url.trim_end_matches('/').to_owned());
        }
        Ok(Self(Arc::new(Inner { way, texts, from, base })))
    }

    /// Says where this server is reached, when the settings do not.
    pub fn reached_at(&self, url: &str) {
        self.0.base.get_or_init(|| url.to_owned());
    }

    /// The public address of the platform, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> String {
        self.0.base.get().cloned().unwrap_or_else(|| "http://localhost:8080".to_owned())
    }

    /// The development mailbox, when mails or text messages go there.
    #[must_use]
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match (&self.0.way, &self.0.texts) {
            (Way::Mailbox(mailbox), _) | (Way::Smtp(_), Texts::Mailbox(mailbox)) => Some(mailbox),
            (Way::Smtp(_), Texts::Twilio(_) | Texts::Nowhere) => None,
        }
    }

    /// Whether text messages can be sent at all.
    #[must_use]
    pub fn can_text(&self) -> bool {
        !matches!(self.0.texts, Texts::Nowhere)
    }

    /// Sends one text message to an E.164 number.
    ///
    /// # Errors
    /// When the service refuses this very message: never; anything else: later.
    pub async fn text(&self, to: &str, text: String, now: DateTime<Utc>) -> Result<(), Refusal> {
        match &self.0.texts {
            Texts::Mailbox(mailbox) => {
                let letter = Rendered { subject: String::new(), text, html: String::new() };
                mailbox.keep((Channel::Sms, to), letter, now);
                Ok(())
            }
            Texts::Twilio(twilio) => twilio.send(to, &text).await,
            Texts::Nowhere => Err(Refusal::Later("no SMS service is configured".to_owned())),
        }
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// When the address cannot be one or the server refuses it for good: never; anything else: later.
    pub async fn send(&self, (id, to): (MailId, &str), letter: Rendered, now: DateTime<Utc>) -> Result<(), Refusal> {
        let smtp = match &self.0.way {
            Way::Mailbox(mailbox) => {
                mailbox.keep((Channel::Email, to), letter, now);
                return Ok(());
            }
            Way::Smtp(smtp) => smtp,
        };
        let to: Address = to.parse().map_err(|_| Refusal::Never("the address cannot be one".to_owned()))?;
        let message = Message::builder()
            .from(self.0.from.clone())
            .to(to)
            .subject(letter.subject)
            .date(now.into())
            // The same at every try: a mail that went out twice is recognised.
            .message_id(Some(format!("<{id}@{}>", self.0.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
            .map_err(|e| Refusal::Never(format!("the message cannot be built: {e}")))?;
        match smtp.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Refusal::Never(said(&error))),
            Err(error) => Err(Refusal::Later(said(&error))),
        }
    }
}

/// The server's status, without its words: they often repeat the address.
fn said(error: &lettre::transport::smtp::Error) -> String {
    error.status().map_or_else(|| "the mail server cannot be reached".to_owned(), |code| format!("refused: {code}"))
}
