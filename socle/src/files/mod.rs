//! Files: uploaded, checked, kept in a folder or in S3, and handed out only to whoever may have them.
//!
//! A product declares its [`Kind`]s and calls, in this order: [`receive`] streams an upload into the store, bounded, with
//! its SHA-256 computed and its content looked at on the way; [`complete`] makes it a file, in the very transaction that
//! writes what it belongs to. What is not completed is nobody's, and the sweep takes it away. A kind that demands a virus
//! scanner is usable once the scanner has found nothing; without a scanner it is never usable.
//!
//! Every byte is served by us, behind the access of a product's route: [`find`], then [`answer`], which knows ranges, ETags
//! and If-Range. A link that is good for a few minutes and for one asker is made and checked by [`Links`].

mod actions;
mod answer;
mod jobs;
mod links;
mod model;
mod scanner;
pub mod signature;
mod sql;
mod store;

pub use actions::{Received, complete, discard, find, receive, remove};
pub use answer::answer;
pub use jobs::jobs;
pub use links::{Links, Signed};
pub use model::{File, FileId, Kind, State};
pub use scanner::Scanner;

use std::sync::Arc;

use crate::config;
use store::Store;

/// What files need of a server. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    store: Store,
    scanner: Option<Arc<Scanner>>,
    /// Links to files, signed and short-lived.
    pub links: Links,
}

impl Files {
    /// From the settings, and a secret that all servers share.
    ///
    /// # Errors
    /// A sentence: the folder cannot be made, the bucket's settings are not whole.
    pub fn open(settings: &config::Files, secret: &[u8; 32]) -> Result<Self, String> {
        Ok(Self {
            store: Store::open(settings)?,
            scanner: settings.clamd.as_deref().map(|address| Arc::new(Scanner::at(address))),
            links: Links::new(secret),
        })
    }
}
