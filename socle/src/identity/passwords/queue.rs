//! Hashes: Argon2id (19 MiB, t = 2, p = 1) behind a bounded queue, so that a burst of sign-ins can neither take
//! the memory nor all the cores.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::policy::{self, Context, Fault};
use crate::error::Detail;
use crate::{Error, Result};

/// Hashes computed at once.
const AT_ONCE: usize = 2;
/// Sign-ins that may wait for their turn; the next is answered 503.
const WAITING: usize = 64;

/// The bounded queue. Cheap to clone; clones share the queue.
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Verified against when no account has that address, so that both cases take the same time.
    nobody: Arc<str>,
}

/// A place in the queue, given back when it is dropped.
pub(in crate::identity) struct Place {
    _place: OwnedSemaphorePermit,
}

impl Passwords {
    /// A queue of its own.
    ///
    /// # Errors
    /// When the parameters are refused by the library.
    pub fn new() -> Result<Self> {
        let nobody = hash(&SecretString::from("no account has this password"))?;
        Ok(Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            nobody: nobody.into(),
        })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        let place = self.place()?;
        self.in_turn(place, move || hash(&password)).await
    }

    /// The PHC string of a newly chosen password, unless the policy refuses it.
    ///
    /// # Errors
    /// 400 with the faulty field, 503 when too many are waiting.
    pub async fn choose(&self, field: &'static str, password: SecretString, context: Context) -> Result<String> {
        let place = self.place()?;
        let chosen = self.in_turn(place, move || match policy::judge(password.expose_secret(), &context) {
            Ok(()) => hash(&password).map(Ok),
            Err(fault) => Ok(Err(fault)),
        });
        chosen.await?.map_err(|fault: Fault| Error::invalid(vec![Detail::new(field, fault.code(), fault.message())]))
    }

    /// Whether the password fits the hash. `None` (no such account) takes as long and is false; so is what is longer than a
    /// password can be.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let place = self.place()?;
        self.verify_in(place, password, stored).await
    }

    /// A place in the queue, taken before the database is asked for anything: a storm of sign-ins must not take the
    /// connections that readers wait for.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub(in crate::identity) fn place(&self) -> Result<Place> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Error::unavailable(2))?;
        Ok(Place { _place: place })
    }

    /// [`Passwords::verify`] by somebody who has a place.
    ///
    /// # Errors
    /// 500 when the stored hash is none.
    pub(in crate::identity) async fn verify_in(
        &self,
        place: Place,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool> {
        let possible = password.expose_secret().chars().nth(*policy::LENGTH.end()).is_none();
        let (password, stored) = if possible { (password, stored) } else { (SecretString::default(), None) };
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        let fits = self.in_turn(place, move || verify(&password, &stored)).await?;
        Ok(known && fits)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        _place: Place,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Error::unavailable(2))?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|e| Error::internal(format!("password worker: {e}")))?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| Error::internal(format!("argon2: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &SecretString) -> Result<String> {
    let hashed = argon2()?.hash_password(password.expose_secret().as_bytes());
    Ok(hashed.map_err(|e| Error::internal(format!("argon2: {e}")))?.to_string())
}

fn verify(password: &SecretString, stored: &str) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(|e| Error::internal(format!("stored hash: {e}")))?;
    Ok(argon2()?.verify_password(password.expose_secret().as_bytes(), &stored).is_ok())
}
