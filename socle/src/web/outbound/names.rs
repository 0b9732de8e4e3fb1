//! Names to addresses, checked between the answer and the connection: nothing is resolved twice.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Limits;

/// Finds the addresses of a host.
pub trait Names: Send + Sync + 'static {
    /// All addresses of a host.
    fn look_up(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Names for System {
    fn look_up(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver whose answers are checked.
pub(super) struct Checked {
    names: Arc<dyn Names>,
    limits: Arc<Limits>,
}

impl Checked {
    pub fn new(names: impl Names, limits: Arc<Limits>) -> Self {
        Self { names: Arc::new(names), limits }
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, limits) = (Arc::clone(&self.names), Arc::clone(&self.limits));
        Box::pin(async move {
            let found = names.look_up(name.as_str().to_owned()).await?;
            // One that leads inside spoils the others: an honest name has none.
            if let Some(inside) = found.iter().find(|address| !limits.may_reach(**address)) {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{inside} is inside")).into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
