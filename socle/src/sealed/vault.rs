//! The vault: finds, makes and unwraps the data keys of a transaction's tenant or of a person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use uuid::Uuid;

use super::cache::Cache;
use super::crypt::{self, Key};
use super::keys::{DataKeys, PersonKeys, Sealer, TenantKeys, indexed};
use super::refusals::{Refusals, Witness};
use super::service::{KeyService, Wrapped};
use super::sql::{self, NewKey, Registered};
use super::store::KeyStore;
use super::{Custody, Purpose, Subject, wrapped_for};
use crate::clock::Clock;
use crate::db::{Caller, Db, Trace, Tx, Who};
use crate::error::KEYS_UNAVAILABLE;
use crate::ids::{AccountId, TenantId};
use crate::{Error, Result, ids};

/// The platform itself: whose the root is.
const PLATFORM: Subject = Subject::Tenant(TenantId(Uuid::nil()));
/// A key that was made and not registered, because its transaction was undone, is used by the next one within this time.
const SPARE_FOR: Duration = Duration::from_secs(300);

/// Sealed fields of one platform. Cheap to share behind an `Arc`.
pub struct Vault {
    pub(super) service: KeyService,
    pub(super) store: KeyStore,
    pub(super) cache: Cache,
    root: Arc<Key>,
    refusals: Arc<Refusals>,
    spares: Mutex<HashMap<(Subject, Purpose), Spare>>,
}

/// A key that is made and wrapped, and lies in the key store if it is a person's.
#[derive(Clone)]
struct Spare {
    id: Uuid,
    key: Arc<Key>,
    wrapped: Wrapped,
    made: Instant,
}

impl Vault {
    /// Opens the vault of a database; the first server ever makes the platform's root.
    ///
    /// # Errors
    /// When the key service does not give the root: nobody could sign in at this server, so it must not start.
    pub async fn open(custody: Custody, db: &Db, clock: &Clock) -> Result<Self> {
        let Custody { service, store } = custody;
        let (cache, refusals, spares) = (Cache::default(), Refusals::start(), Mutex::default());
        let mut vault = Self { service, store, cache, root: Arc::default(), refusals, spares };
        let platform = Who::System(TenantId(Uuid::nil()));
        let mut tx = Caller::new(db.clone(), clock.clone(), "platform", platform, Trace::default()).begin().await?;
        if root_of(&sql::registered(&mut tx, PLATFORM).await?).is_none() {
            vault.make(&mut tx, PLATFORM, Purpose::Root).await?;
        }
        let registered = sql::registered(&mut tx, PLATFORM).await?;
        tx.commit().await?;
        let root = root_of(&registered).ok_or_else(|| Error::internal("the platform's root is not there"))?;
        vault.root = vault.unwrapped(PLATFORM, root).await?;
        Ok(vault)
    }

    /// A secret for another purpose, the same in every server process of this database: signing access tokens, deriving
    /// refresh tokens. It comes from the platform's root, which no rotation changes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        crypt::mac(&self.root, format!("derive\u{1f}{purpose}").as_bytes())
    }

    /// The blind index of a text among all persons of a realm: to find whose phone it is, and that nobody else has it.
    #[must_use]
    pub fn realm_index(&self, realm: &str, column: &str, text: &str) -> Vec<u8> {
        let key = zeroize::Zeroizing::new(self.derive(&format!("index of {realm}")));
        crypt::mac(&key, indexed(column, text).as_bytes()).to_vec()
    }

    /// The data keys of the transaction's tenant, made on first use.
    ///
    /// # Errors
    /// 503 [`KEYS_UNAVAILABLE`] while keys cannot be reached; 404 when they were destroyed.
    pub async fn keys(&self, tx: &mut Tx) -> Result<TenantKeys> {
        let tenant = tx.caller().tenant().ok_or_else(|| Error::internal("sealed fields need a tenant"))?;
        self.of(tx, Subject::Tenant(tenant)).await
    }

    /// The same for showing what goes on without them: `None` while keys cannot be reached.
    ///
    /// # Errors
    /// 503 when the database cannot be reached; 404 when the keys were destroyed.
    pub async fn keys_if_reachable(&self, tx: &mut Tx) -> Result<Option<TenantKeys>> {
        match self.keys(tx).await {
            Ok(keys) => Ok(Some(keys)),
            Err(error) if error.code == KEYS_UNAVAILABLE => {
                tracing::warn!(cause = error.cause, "sealed fields are shown as unavailable");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The data keys of a person: what is theirs alone, whatever the tenant; made on first use.
    ///
    /// # Errors
    /// 503 [`KEYS_UNAVAILABLE`] while keys cannot be reached; 404 when they were destroyed.
    pub async fn person_keys(&self, tx: &mut Tx, account: AccountId) -> Result<PersonKeys> {
        self.of(tx, Subject::Person(account)).await
    }

    async fn of(&self, tx: &mut Tx, subject: Subject) -> Result<DataKeys> {
        let mut registered = sql::registered(tx, subject).await?;
        refuse_destroyed(&registered)?;
        let missing: Vec<Purpose> = [Purpose::Seal, Purpose::Index]
            .into_iter()
            .filter(|purpose| active(&registered, *purpose).is_none())
            .collect();
        if !missing.is_empty() {
            for purpose in missing {
                self.make(tx, subject, purpose).await?;
            }
            registered = sql::registered(tx, subject).await?;
            refuse_destroyed(&registered)?;
        }
        let usable = registered.iter().filter(|row| row.purpose != Purpose::Root.name());
        let opened = usable.map(async |row| Ok::<_, Error>((row.id, self.unwrapped(subject, row).await?)));
        // Each to its end: after an outage one call tries the key service and the others are refused at once, which must not
        // break off the one that tries.
        let mut keys = join_all(opened).await.into_iter().collect::<Result<Vec<(Uuid, Arc<Key>)>>>()?;
        let lost = || Error::internal("a data key vanished");
        let active_seal = active(&registered, Purpose::Seal).ok_or_else(lost)?.id;
        let active_index = active(&registered, Purpose::Index).ok_or_else(lost)?.id;
        let index = keys.iter().position(|(id, _)| *id == active_index).map(|at| keys.swap_remove(at).1);
        let sealer = Sealer { subject: subject.id(), active: active_seal, keys, index: index.ok_or_else(lost)? };
        Ok(DataKeys::new(sealer, Witness::new(&self.refusals, subject, tx.caller())))
    }

    /// A new sealing key for a subject; the one before opens what it has sealed and seals nothing more. The id of the new.
    ///
    /// # Errors
    /// 503 while keys cannot be reached; 404 when they were destroyed.
    pub async fn renew(&self, tx: &mut Tx, subject: Subject) -> Result<Uuid> {
        refuse_destroyed(&sql::registered(tx, subject).await?)?;
        // What lies ready may be the very key that is active now.
        self.spares().remove(&(subject, Purpose::Seal));
        let spare = self.spare(tx, subject, Purpose::Seal).await?;
        sql::retire(tx, subject).await?;
        self.register(tx, (subject, Purpose::Seal), &spare).await?;
        let registered = sql::registered(tx, subject).await?;
        refuse_destroyed(&registered)?;
        let active = active(&registered, Purpose::Seal).ok_or_else(|| Error::internal("a data key vanished"))?;
        Ok(active.id)
    }

    /// Makes a key and registers it; when another transaction was first, its key stays.
    async fn make(&self, tx: &mut Tx, subject: Subject, purpose: Purpose) -> Result<()> {
        let spare = self.spare(tx, subject, purpose).await?;
        self.register(tx, (subject, purpose), &spare).await
    }

    async fn register(&self, tx: &mut Tx, (subject, purpose): (Subject, Purpose), spare: &Spare) -> Result<()> {
        let new = NewKey {
            id: spare.id,
            subject,
            purpose,
            wrapped: &spare.wrapped,
            check_value: &crypt::check_value(&spare.key),
        };
        if !sql::register(tx, new).await? {
            // Somebody else's key is registered, or this very one by another transaction of ours.
            self.spares().remove(&(subject, purpose));
        }
        Ok(())
    }

    /// A key ready to be registered: one that a transaction made and then did not commit, or a new one. Many pages only
    /// look at a tenant that has sealed nothing yet; they must not fill the key store.
    async fn spare(&self, tx: &Tx, subject: Subject, purpose: Purpose) -> Result<Spare> {
        if let Some(spare) = self.spares().get(&(subject, purpose)).filter(|spare| spare.made.elapsed() < SPARE_FOR) {
            return Ok(spare.clone());
        }
        let (id, key) = (ids::fresh(tx.caller().now()), crypt::fresh()?);
        let wrapped = self.service.wrap(&wrapped_for(subject, purpose.name(), id), &key).await?;
        if let Subject::Person(_) = subject {
            self.store.put(id, &wrapped).await?;
        }
        let spare = Spare { id, key: Arc::new(key), wrapped, made: Instant::now() };
        let mut spares = self.spares();
        spares.retain(|_, spare| spare.made.elapsed() < SPARE_FOR);
        spares.insert((subject, purpose), spare.clone());
        Ok(spare)
    }

    /// A key of the registry, from memory or from the key service.
    async fn unwrapped(&self, subject: Subject, row: &Registered) -> Result<Arc<Key>> {
        if let Some(key) = self.cache.get(row.id) {
            return Ok(key);
        }
        let made = self.spares().values().find(|spare| spare.id == row.id).map(|spare| Arc::clone(&spare.key));
        let key = match made {
            Some(key) => key,
            None => {
                let wrapped = self.wrapped(subject, row).await?;
                let aad = wrapped_for(subject, &row.purpose, row.id);
                Arc::new(self.service.unwrap_checked(&aad, &wrapped, &row.check_value).await?)
            }
        };
        self.cache.put(row.id, Arc::clone(&key));
        Ok(key)
    }

    /// A wrapped key, from where it lies.
    async fn wrapped(&self, subject: Subject, row: &Registered) -> Result<Wrapped> {
        match (subject, &row.wrapped) {
            (Subject::Tenant(_), Some(bytes)) => Ok(Wrapped { kek_id: row.kek_id.clone(), bytes: bytes.clone() }),
            (Subject::Tenant(_), None) => Err(Error::internal(format!("data key {} has nothing wrapped", row.id))),
            (Subject::Person(_), _) => (self.store.get(row.id).await?)
                .ok_or_else(|| Error::keys_unavailable(format!("the key store has no key {}", row.id))),
        }
    }

    fn spares(&self) -> MutexGuard<'_, HashMap<(Subject, Purpose), Spare>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets keys that are destroyed, at once.
    pub(super) fn forget(&self, keys: &[Uuid]) {
        self.cache.forget(keys);
        self.spares().retain(|_, spare| !keys.contains(&spare.id));
    }
}

fn active(registered: &[Registered], purpose: Purpose) -> Option<&Registered> {
    registered.iter().find(|row| row.state == "active" && row.purpose == purpose.name())
}

fn root_of(registered: &[Registered]) -> Option<&Registered> {
    active(registered, Purpose::Root)
}

/// Keys are destroyed all together, and for good.
fn refuse_destroyed(registered: &[Registered]) -> Result<()> {
    if registered.iter().any(|row| row.state == "destroyed") { Err(Error::erased()) } else { Ok(()) }
}
