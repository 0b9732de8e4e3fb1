//! Licences with people and devices, made through the same actions as real ones: for the demo and for tests.

use secrecy::SecretString;
use socle::db::{Person, Trace, Who};
use socle::identity::actions::create_account;
use socle::identity::members::{self, Newcomer};
use socle::ids::{AccountId, SessionId, TenantId};
use socle::web::Product;
use socle::{Caller, Result, tokens};

use crate::devices::actions::{self as devices, Registration};
use crate::devices::{Claim, DeviceId};
use crate::licences::{self, NewLicence};
use crate::{BRANDING, Physiotraq, vendor};

/// A person to make.
#[derive(Clone, Copy, Debug)]
pub struct SeedPerson<'a> {
    /// Sign-in address.
    pub email: &'a str,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// `admin` or `operator`.
    pub role: &'a str,
}

/// A device to make.
#[derive(Clone, Copy, Debug)]
pub struct SeedDevice<'a> {
    /// Serial number.
    pub serial: &'a str,
    /// MAC address.
    pub mac: &'a str,
    /// Name.
    pub name: &'a str,
}

/// A device that was made, claimed, assigned to everybody of the licence and registered.
#[derive(Clone, Debug)]
pub struct Seeded {
    /// Id.
    pub id: DeviceId,
    /// Serial number.
    pub serial: String,
    /// MAC address.
    pub mac: String,
    /// The claim secret of its QR code.
    pub secret: String,
    /// Its credential.
    pub credential: String,
}

/// Makes a licence with its people; the first is its owner. Returns the accounts in order.
///
/// # Errors
/// When an address is taken or the database cannot be reached.
pub async fn licence(
    product: &Physiotraq,
    new: NewLicence<'_>,
    password: &str,
    team: &[SeedPerson<'_>],
) -> Result<Vec<AccountId>> {
    let app = product.app();
    let nobody = app.nobody(BRANDING.realm.name, Trace::default());
    let system = app.system(BRANDING.realm.name, new.id);
    let mut tx = system.begin().await?;
    licences::create(&mut tx, new).await?;
    tx.commit().await?;
    let mut accounts = Vec::with_capacity(team.len());
    for member in team {
        let password = SecretString::from(password.to_owned());
        let account = create_account(&nobody, &app.passwords, &BRANDING.realm, (member.email, password)).await?;
        join(product, new, account, member).await?;
        accounts.push(account);
    }
    Ok(accounts)
}

/// Adds an account to a licence, as an accepted invitation does.
///
/// # Errors
/// 409 when they belong to it already, or it has its one owner already.
pub async fn join(
    product: &Physiotraq,
    licence: NewLicence<'_>,
    account: AccountId,
    member: &SeedPerson<'_>,
) -> Result<()> {
    let newcomer = Newcomer {
        account,
        tenant: licence.id,
        tenant_name: licence.name.to_owned(),
        role: member.role.to_owned(),
        first_name: member.first_name.to_owned(),
        last_name: member.last_name.to_owned(),
    };
    let mut tx = product.app().system(BRANDING.realm.name, licence.id).begin().await?;
    members::join(&mut tx, &BRANDING.realm, &newcomer).await?;
    product.joined(&mut tx, &newcomer).await?;
    tx.commit().await
}

/// The owner of a licence as a caller, without a browser.
#[must_use]
pub fn owner(product: &Physiotraq, license: TenantId, account: AccountId) -> Caller {
    person(product, license, account, "admin")
}

/// A field user of a licence as a caller, without a browser.
#[must_use]
pub fn operator(product: &Physiotraq, license: TenantId, account: AccountId) -> Caller {
    person(product, license, account, "operator")
}

/// Somebody of the vendor as a caller, without a browser.
#[must_use]
pub fn vendor(product: &Physiotraq, account: AccountId) -> Caller {
    person(product, vendor::TENANT, account, vendor::ROLE)
}

fn person(product: &Physiotraq, license: TenantId, account: AccountId, role: &str) -> Caller {
    let person = Person {
        session: SessionId::fresh(product.app().clock.now()),
        account,
        tenant: license,
        tenant_name: String::new(),
        role: role.to_owned(),
        name: String::new(),
        email: String::new(),
        language: "fr".to_owned(),
        permissions: Vec::new(),
        authenticated_at: product.app().clock.now(),
        second_factor_at: None,
        due: None,
        profile: serde_json::Value::Null,
    };
    product.app().nobody(BRANDING.realm.name, Trace::default()).becoming(Who::Person(Box::new(person)))
}

/// Imports a device into the vendor's stock, claims it, assigns it to `people` and registers it.
///
/// # Errors
/// When the licence has no unit left, or the serial is taken.
pub async fn device(product: &Physiotraq, owner: &Caller, new: SeedDevice<'_>, people: &[AccountId]) -> Result<Seeded> {
    let secret = tokens::fresh()?;
    devices::import(owner.db(), (new.serial, new.mac), &secret, owner.now()).await?;
    let claim = Claim { serial_number: new.serial.to_owned(), secret: secret.clone(), name: new.name.to_owned() };
    let id = devices::claim(product, owner, claim).await?;
    let people: Vec<_> = people.iter().map(|account| account.0).collect();
    devices::assign(product, owner, id, &people).await?;
    let registration = Registration {
        serial_number: new.serial.to_owned(),
        mac_address: new.mac.to_owned(),
        secret: secret.clone(),
        firmware_version: Some("03.1.0".to_owned()),
    };
    let (_, credential) = devices::register(owner, &registration).await?;
    Ok(Seeded { id, serial: new.serial.to_owned(), mac: new.mac.to_owned(), secret, credential })
}
