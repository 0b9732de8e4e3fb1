//! The arithmetic of authenticator apps: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which every app knows.
//!
//! The code of the step before and of the step after is taken too (RFC 6238 §5.2): a telephone's clock may be wrong by
//! half a minute, and a person needs time to type. Which step a code was of is told, so that it is taken once.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Steps of 30 seconds by which an app's clock may be off.
const SKEW: u16 = 1;

/// An authenticator app's secret, with the names that the app shows beside its codes.
pub struct App(Totp);

impl App {
    /// A new secret of 160 random bits (RFC 4226 §4, R6).
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn fresh(issuer: &str, account: &str) -> Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; 20]);
        rand::fill(bytes.as_mut()).map_err(|_| Error::internal("no randomness"))?;
        Self::over(Secret::from(bytes.as_slice()), issuer, account)
    }

    /// The app of a secret in base32.
    ///
    /// # Errors
    /// 500 when it is none.
    pub fn of(base32: &str, issuer: &str, account: &str) -> Result<Self> {
        let secret = Secret::try_from_base32(base32).map_err(|_| Error::internal("the app's secret is not base32"))?;
        Self::over(secret, issuer, account)
    }

    fn over(secret: Secret, issuer: &str, account: &str) -> Result<Self> {
        let builder = Builder::new().with_skew(SKEW).with_secret(secret);
        let builder = builder.with_issuer(Some(issuer)).with_account_name(account);
        builder.build().map(Self).map_err(|e| Error::internal(format!("authenticator app: {e:?}")))
    }

    /// The secret in base32, as apps take it by hand.
    #[must_use]
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The secret in groups of four, for reading and typing.
    #[must_use]
    pub fn secret_in_groups(&self) -> String {
        let secret: Vec<char> = self.secret().chars().collect();
        secret.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// `otpauth://totp/…`, which a telephone opens in its app.
    ///
    /// # Errors
    /// 500 when the names cannot stand in an address.
    pub fn url(&self) -> Result<String> {
        self.0.to_url().map_err(|e| Error::internal(format!("otpauth: {e:?}")))
    }

    /// The address as a QR code: an SVG in a `data:` address, which the content security policy lets an image have.
    ///
    /// # Errors
    /// 500 when it does not fit into a QR code.
    pub fn qr(&self) -> Result<String> {
        let code = QrCode::with_error_correction_level(self.url()?, EcLevel::M);
        let code = code.map_err(|e| Error::internal(format!("QR code: {e}")))?;
        let image = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
        Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(image)))
    }

    /// The code at an instant.
    #[must_use]
    pub fn code(&self, at: DateTime<Utc>) -> String {
        self.0.generate(seconds(at)).to_string()
    }

    /// The step that a typed code is of, among those taken at an instant.
    #[must_use]
    pub fn step_of(&self, typed: &str, at: DateTime<Utc>) -> Option<i64> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        self.0.check(&digits, seconds(at)).and_then(|step| i64::try_from(step).ok())
    }
}

fn seconds(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// The secret of the vectors of RFC 6238, appendix B, for SHA-1: `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let app = App::of(SECRET, "Socle", "a@b.fr").unwrap();
        // The appendix has eight digits; six are its last ones.
        for (time, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(app.code(at(time)), code[2..], "{time}");
            assert_eq!(app.step_of(&code[2..], at(time)), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn one_step_before_and_after_is_taken_and_told_and_no_other() {
        let app = App::of(SECRET, "Socle", "a@b.fr").unwrap();
        let noon = at(1_795_255_200);
        let code = app.code(noon);
        for (seconds, taken) in [(-31, false), (-30, true), (0, true), (29, true), (30, true), (59, true), (60, false)]
        {
            let found = app.step_of(&code, noon + TimeDelta::seconds(seconds));
            assert_eq!(found, taken.then_some(1_795_255_200 / 30), "{seconds} s later");
        }
    }

    #[test]
    fn spaces_are_no_mistake_and_other_characters_are() {
        let app = App::of(SECRET, "Socle", "a@b.fr").unwrap();
        for (typed, taken) in [
            ("287082", true),
            (" 287 082 ", true),
            ("28708", false),
            ("2870822", false),
            ("28708a", false),
            ("", false),
        ] {
            assert_eq!(app.step_of(typed, at(59)).is_some(), taken, "{typed:?}");
        }
    }

    #[test]
    fn secret_address_and_picture_are_what_apps_read() {
        let app = App::of(SECRET, "Trial", "marie@test.fr").unwrap();
        assert_eq!(app.secret_in_groups(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let url = app.url().unwrap();
        assert!(url.starts_with("otpauth://totp/Trial:marie%40test.fr?secret=GEZDGNBV"), "{url}");
        assert!(url.contains("issuer=Trial"), "{url}");
        assert!(app.qr().unwrap().starts_with("data:image/svg+xml;base64,"));
        let (one, two) = (App::fresh("Trial", "a@b.fr").unwrap(), App::fresh("Trial", "a@b.fr").unwrap());
        assert!(one.secret().len() == 32 && one.secret() != two.secret());
    }
}
