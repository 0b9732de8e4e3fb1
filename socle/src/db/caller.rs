//! Who asks: the value without which no transaction begins.

use std::net::IpAddr;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Db, Tx};
use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, SessionId, TenantId};

/// How long a proof of password or second factor is good for sensitive changes.
pub const PROVED_FOR: TimeDelta = TimeDelta::minutes(10);

/// A person, a device or the system, bound to one tenant, with the trace of the request it came by.
#[derive(Clone, Debug)]
pub struct Caller {
    db: Db,
    clock: Clock,
    realm: &'static str,
    who: Who,
    trace: Trace,
}

/// The kinds of caller.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody is signed in; row-level security shows nothing.
    Nobody,
    /// A signed-in person; role and tenant were read from the database for this request.
    Person(Box<Person>),
    /// Somebody whose password, link or refresh token was proved, before a session acts for them; in a tenant when one is
    /// chosen already.
    Account(AccountId, Option<TenantId>),
    /// A device with its own credential.
    Device(Machine),
    /// The platform itself, for one tenant.
    System(TenantId),
    /// The platform itself, for no tenant: its own nightly work. Row-level security shows it no tenant's rows.
    Platform,
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The browser session.
    pub session: SessionId,
    /// The account, which is also the key of the product's user row.
    pub account: AccountId,
    /// The tenant of the membership in use.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The role in that tenant, as the product's table spells it.
    pub role: String,
    /// First and last name.
    pub name: String,
    /// Sign-in address.
    pub email: String,
    /// `fr` or `en`.
    pub language: String,
    /// Granular permissions on top of the role; the policies say what they do.
    pub permissions: Vec<String>,
    /// Password or second factor last proved in this session.
    pub authenticated_at: DateTime<Utc>,
    /// Second factor last proved in this session; `None` when the account has none.
    pub second_factor_at: Option<DateTime<Utc>>,
    /// What must be done before anything else.
    pub due: Option<Due>,
    /// What else the product reads with the session (units, zone).
    pub profile: serde_json::Value,
}

/// What a signed-in person must do before anything else is open to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Choose a new password: it was given by somebody else, or is too old.
    Password,
    /// Set up a second factor: the role requires one.
    SecondFactor,
}

impl Person {
    /// Refuses a sensitive change unless password or second factor was proved within the last ten minutes.
    ///
    /// # Errors
    /// 403 `AUTH_STEP_UP`: pages lead to the page that asks for it, programs call `auth/reauthenticate`.
    pub fn proved_lately(&self, now: DateTime<Utc>) -> Result<()> {
        if now - self.authenticated_at <= PROVED_FOR { Ok(()) } else { Err(crate::Error::step_up()) }
    }

    /// Refuses unless the second factor itself was proved within the last ten minutes.
    ///
    /// # Errors
    /// 403 `AUTH_STEP_UP`.
    pub fn second_factor_lately(&self, now: DateTime<Utc>) -> Result<()> {
        match self.second_factor_at {
            Some(at) if now - at <= PROVED_FOR => Ok(()),
            _ => Err(crate::Error::step_up()),
        }
    }
}

/// A device that presented its credential.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The device's id.
    pub device: Uuid,
    /// The tenant that claimed it.
    pub tenant: TenantId,
}

/// Where a request came from, for audit rows and logs.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// `req_…`, also in the answer's `X-Request-Id`.
    pub request_id: String,
    /// The client's address (a configured proxy's word is believed, nobody else's).
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header, cut to 300 characters.
    pub user_agent: Option<String>,
    /// When the request arrived, on this process's own clock: how long it took is counted from here.
    pub started: Option<Instant>,
}

impl Caller {
    /// A caller of a realm. Requests get theirs from the route's gate; jobs use [`Caller::system`].
    #[must_use]
    pub fn new(db: Db, clock: Clock, realm: &'static str, who: Who, trace: Trace) -> Self {
        Self { db, clock, realm, who, trace }
    }

    /// The platform itself, acting for one tenant.
    #[must_use]
    pub fn system(db: Db, clock: Clock, realm: &'static str, tenant: TenantId) -> Self {
        Self::new(db, clock, realm, Who::System(tenant), Trace::default())
    }

    /// The same request, with another identity: after a sign-in, or once a device's tenant is known.
    #[must_use]
    pub fn becoming(&self, who: Who) -> Self {
        Self { who, ..self.clone() }
    }

    /// Opens the transaction in which this caller sees its tenant's rows and no others.
    ///
    /// # Errors
    /// 503 when no connection is free within two seconds.
    pub async fn begin(&self) -> Result<Tx> {
        let account = match &self.who {
            Who::Person(person) => Some(person.account),
            Who::Account(account, _) => Some(*account),
            Who::Nobody | Who::Device(_) | Who::System(_) | Who::Platform => None,
        };
        Tx::begin(self.clone(), self.tenant(), account).await
    }

    /// Opens a transaction that sees the rows of one account (its sessions and credentials) and, when one is named, of one
    /// tenant: signing in, accepting an invitation.
    ///
    /// # Errors
    /// 503 when no connection is free within two seconds.
    pub(crate) async fn begin_as_account(&self, account: AccountId, tenant: Option<TenantId>) -> Result<Tx> {
        self.becoming(Who::Account(account, tenant)).begin().await
    }

    /// Opens a transaction that reads one consistent picture of what an account may see, however long it takes: its export.
    /// It sees no tenant until it steps into one, and writes nothing.
    ///
    /// # Errors
    /// 503 when no connection is free within two seconds.
    pub(crate) async fn begin_snapshot(&self, account: AccountId) -> Result<Tx> {
        Tx::begin_snapshot(self.becoming(Who::Account(account, None)), account).await
    }

    /// The tenant this caller is bound to.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        match &self.who {
            Who::Nobody | Who::Platform => None,
            Who::Person(person) => Some(person.tenant),
            Who::Account(_, tenant) => *tenant,
            Who::Device(machine) => Some(machine.tenant),
            Who::System(tenant) => Some(*tenant),
        }
    }

    /// The signed-in person.
    ///
    /// # Errors
    /// 401 when the caller is not a person.
    pub fn person(&self) -> Result<&Person> {
        match &self.who {
            Who::Person(person) => Ok(person),
            _ => Err(crate::Error::unauthenticated("AUTH_REQUIRED", "Sign in first.")),
        }
    }

    /// The device.
    ///
    /// # Errors
    /// 401 when the caller is not a device.
    pub fn machine(&self) -> Result<Machine> {
        match &self.who {
            Who::Device(machine) => Ok(*machine),
            _ => Err(crate::Error::unauthenticated("AUTH_DEVICE", "Send the device's credential as a bearer token.")),
        }
    }

    /// Who it is.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Where the request came from.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The realm: the product's name.
    #[must_use]
    pub fn realm(&self) -> &'static str {
        self.realm
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The database, for lookups before a tenant is known.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
}
