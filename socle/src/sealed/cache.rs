//! Unwrapped data keys in memory, so that the key service is not asked for every request: few, and for a short life.
//! Whether a key may still be used is read from the registry for every transaction; the cache never decides that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::crypt::Key;

/// How long an unwrapped key stays in memory at most.
const LIFE: Duration = Duration::from_secs(300);
/// How many keys stay in memory at most.
const MOST: usize = 10_000;

/// Unwrapped keys by id.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<Uuid, (Instant, Arc<Key>)>>);

impl Cache {
    pub fn get(&self, id: Uuid) -> Option<Arc<Key>> {
        self.get_at(id, Instant::now())
    }

    pub fn put(&self, id: Uuid, key: Arc<Key>) {
        self.put_at(id, key, Instant::now());
    }

    /// Forgets keys at once.
    pub fn forget(&self, ids: &[Uuid]) {
        let mut keys = self.keys();
        for id in ids {
            keys.remove(id);
        }
    }

    fn get_at(&self, id: Uuid, now: Instant) -> Option<Arc<Key>> {
        let mut keys = self.keys();
        let (since, key) = keys.get(&id)?;
        if now.duration_since(*since) < LIFE {
            return Some(Arc::clone(key));
        }
        keys.remove(&id);
        None
    }

    fn put_at(&self, id: Uuid, key: Arc<Key>, now: Instant) {
        let mut keys = self.keys();
        if keys.len() >= MOST {
            keys.retain(|_, (since, _)| now.duration_since(*since) < LIFE);
        }
        // All of them are young: starting over costs one unwrapping each, and the memory stays bounded.
        if keys.len() >= MOST {
            keys.clear();
        }
        keys.insert(id, (now, key));
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Uuid, (Instant, Arc<Key>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::crypt;
    use super::*;

    fn key() -> Arc<Key> {
        Arc::new(crypt::key_of(&[1; 32]).unwrap())
    }

    #[test]
    fn a_key_is_kept_for_five_minutes_or_until_it_is_forgotten() {
        let (cache, now) = (Cache::default(), Instant::now());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        cache.put_at(one, key(), now);
        cache.put_at(two, key(), now);
        assert!(cache.get_at(one, now + LIFE - Duration::from_secs(1)).is_some());
        assert!(cache.get_at(one, now + LIFE).is_none());
        assert!(cache.get_at(one, now).is_none(), "what was found too old is gone");
        cache.forget(&[two]);
        assert!(cache.get_at(two, now).is_none());
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let (cache, now) = (Cache::default(), Instant::now());
        for number in 0..MOST {
            cache.put_at(Uuid::from_u128(number as u128), key(), now);
        }
        assert_eq!(cache.keys().len(), MOST);
        cache.put_at(Uuid::from_u128(u128::MAX), key(), now + LIFE / 2);
        assert_eq!(cache.keys().len(), 1);
        assert!(cache.get_at(Uuid::from_u128(u128::MAX), now + LIFE / 2).is_some());
    }
}
