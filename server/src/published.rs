//! What the demo's vendor has published: three releases, one of which is on its way to the devices.

use std::convert::Infallible;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures_util::stream;
use physiotraq::firmware::rollouts::{self, PlanForm};
use physiotraq::firmware::{ReleaseForm, ReleaseId, actions, message};
use physiotraq::{BRANDING, Physiotraq, seed, vendor};
use socle::Caller;
use socle::files::signature;
use socle::identity::factors::{self, Enrolled};
use socle::web::Product;

use crate::demo::PASSWORD;

/// The vendor's address.
pub const VENDOR: &str = "vendor@demo.physiotraq.fr";
/// The hardware of the demo's thermometers.
pub const HARDWARE: &str = "CT1";
/// Signs for the demo alone: no other server trusts it.
const SIGNING_KEY: &str = "64656d6f2064656d6f2064656d6f2064656d6f2064656d6f2064656d6f206b65";

/// The key that the demo's server trusts.
pub fn public_key() -> Result<String> {
    Ok(signature::sign(SIGNING_KEY, &[]).map_err(|e| anyhow!(e))?.1)
}

/// Somebody of the vendor with an authenticator app, and their releases.
pub async fn seed(product: &Physiotraq) -> Result<Enrolled> {
    let account = vendor::person(product.app(), (VENDOR, PASSWORD.into()), ("Vera", "Lenoir")).await?;
    let app = factors::enrol(product.app(), &BRANDING.realm, (vendor::TENANT, account), VENDOR).await?;
    let caller = seed::vendor(product, account);
    let first = release(product, &caller, ("03.1.0", true), "Première version publiée.").await?;
    let notes = "Mesure plus stable lorsque le capteur est humide.\nLa batterie dure environ 10 % de plus.";
    let second = release(product, &caller, ("03.2.0", true), notes).await?;
    release(product, &caller, ("04.0.0", false), "Bêta : nouvelle gestion du WiFi.").await?;
    roll_out(product, &caller, (first, "100")).await?;
    roll_out(product, &caller, (second, "5, 25, 100")).await?;
    Ok(app)
}

/// Uploads a release as the page does, signed with the demo's key.
async fn release(
    product: &Physiotraq,
    caller: &Caller,
    (version, is_stable): (&str, bool),
    notes: &str,
) -> Result<ReleaseId> {
    let mut binary = vec![0xe9, 0x05, 0x02, 0x20, 0x00];
    binary.extend(version.bytes().cycle().take(400_000));
    let content = stream::iter([Ok::<_, Infallible>(Bytes::from(binary))]);
    let received = actions::receive(product, caller, &format!("coretraq-{version}.bin"), content).await?;
    let message = message(&received.checksum(), version, HARDWARE);
    let form = ReleaseForm {
        version: version.to_owned(),
        hardware: HARDWARE.to_owned(),
        notes: notes.to_owned(),
        min_compatible: String::new(),
        signature: signature::sign(SIGNING_KEY, &message).map_err(|e| anyhow!(e))?.0,
        is_stable,
    };
    Ok(actions::publish(product, caller, &form, &received).await?)
}

async fn roll_out(product: &Physiotraq, caller: &Caller, (release, stages): (ReleaseId, &str)) -> Result<()> {
    let plan = PlanForm { stages: stages.to_owned(), ..PlanForm::usual() };
    let plan = plan.checked().map_err(|faults| anyhow!("{faults:?}"))?;
    rollouts::actions::start(product, caller, release, &plan).await?;
    Ok(())
}
