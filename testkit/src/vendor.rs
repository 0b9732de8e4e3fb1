//! Somebody of the vendor, with the offline key that the server trusts.

use anyhow::{Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use physiotraq::firmware::{Version, message};
use physiotraq::{BRANDING, vendor};
use reqwest::Response;
use socle::files::signature;
use socle::identity::factors::{self, Enrolled};
use socle::ids::AccountId;
use socle::web::Product;

use crate::stage::PASSWORD;
use crate::{Person, Stage};

/// The seed of the vendor's signing key (RFC 8032 §7.1, test 2).
pub const SIGNING_KEY: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
/// Its public key, which every stage trusts.
pub const PUBLIC_KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
/// The hardware of the thermometers.
pub const HARDWARE: &str = "CT1";

/// Somebody of the vendor, signed in.
pub struct Vendor {
    /// The account.
    pub account: AccountId,
    /// The sign-in address.
    pub email: String,
    /// The authenticator app.
    pub app: Enrolled,
    /// The browser they are signed in with.
    pub browser: Person,
}

/// A binary as a thermometer takes it: no known kind of file.
#[must_use]
pub fn binary(version: &str, bytes: usize) -> Vec<u8> {
    let seed = version.bytes().fold(17_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let noise = (0..bytes).map(|at| u8::try_from(at * 7 % 251).unwrap_or_default().wrapping_add(seed));
    [0xe9, 0x05, 0x02, 0x20, 0x00].into_iter().chain(noise).collect()
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The vendor's signature of a binary.
///
/// # Errors
/// When the key is none.
pub fn signed(binary: &[u8], version: &str, hardware: &str) -> Result<String> {
    let message = message(&sha256(binary), version, hardware);
    Ok(signature::sign(SIGNING_KEY, &message).map_err(anyhow::Error::msg)?.0)
}

impl Stage {
    /// Makes somebody of the vendor as the command line makes the first one, with an authenticator app, signed in by both
    /// steps.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn vendor(&self) -> Result<Vendor> {
        let email = format!("vendor{}@test.fr", self.number());
        let account = vendor::person(self.product.app(), (&email, PASSWORD.into()), ("Vera", "Essai")).await?;
        let app = factors::enrol(self.product.app(), &BRANDING.realm, (vendor::TENANT, account), &email).await?;
        let code = app.code(self.clock.now());
        let browser = self.sign_in_twice("/physiotraq", (&email, PASSWORD), &code).await?.with_account(account);
        Ok(Vendor { account, email, app, browser })
    }
}

impl Vendor {
    /// Uploads a release as it is to be; the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn upload(&self, version: &str, binary: &[u8], changes: &[(&str, &str)]) -> Result<Response> {
        let signature = signed(binary, version, HARDWARE)?;
        let mut fields = vec![
            ("version", version),
            ("hardware", HARDWARE),
            ("release_notes", "Mesure plus stable."),
            ("min_compatible_version", ""),
            ("signature", &signature),
            ("is_stable", "on"),
        ];
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        self.browser.upload("/physiotraq/vendor/firmware", &fields, ("binary_file", "core.bin", binary)).await
    }

    /// Uploads a release; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn release(&self, version: &str, binary: &[u8], changes: &[(&str, &str)]) -> Result<String> {
        ensure!(Version::parse(version).is_some(), "{version} is no version");
        let answer = self.upload(version, binary, changes).await?;
        let (status, location) = (answer.status(), Person::location(&answer));
        let id = location.strip_prefix("/physiotraq/vendor/firmware/").and_then(|rest| rest.split('?').next());
        ensure!(status == 303 && id.is_some(), "upload refused: {status} {location} {}", answer.text().await?);
        Ok(id.unwrap_or_default().to_owned())
    }

    /// Begins a rollout; `changes` to a plan of one stage that tolerates nothing but judges from one device on.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn roll_out(&self, release: &str, changes: &[(&str, &str)]) -> Result<()> {
        let mut fields = vec![
            ("stages", "100"),
            ("min_sample", "1"),
            ("success_percent", "95"),
            ("error_percent", "5"),
            ("install_minutes", "60"),
        ];
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.push((name, value));
        }
        let answer = self.browser.post(&format!("/physiotraq/vendor/firmware/{release}/rollouts"), &fields).await?;
        let status = answer.status();
        ensure!(status == 303, "rollout refused: {status} {}", answer.text().await?);
        Ok(())
    }
}
