//! Networks that the members of a tenant, or one of them, are let in from. An empty list lets everybody in. Held at
//! sign-in, at every request, and on open live streams.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::json;
use uuid::Uuid;

use super::{requests, sql, subject};
use crate::db::{Caller, Tx};
use crate::ids::{AccountId, TenantId};
use crate::security::{Event, Severity};
use crate::{App, Error, Result, audit, security};

/// Networks of one list at most.
pub const MOST: usize = 50;

/// A tenant's lists.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// For everybody.
    pub tenant: Vec<String>,
    /// For one member each; who has none is not in it.
    pub members: Vec<(Uuid, Vec<String>)>,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This is no network.
    NoNetwork(String),
    /// There are more than [`MOST`].
    TooMany,
}

/// Reads a list: one network or address to a line, or with commas between. Bits beyond the prefix are cut.
///
/// # Errors
/// The first word that is no network.
pub fn parse(text: &str) -> Result<Vec<IpNet>, Fault> {
    let words = text.split(['\n', ',', ' ', '\r', '\t']).map(str::trim).filter(|word| !word.is_empty());
    let network = |word: &str| {
        let read = word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
        read.map(|network| network.trunc()).map_err(|_| Fault::NoNetwork(word.chars().take(60).collect()))
    };
    let mut networks: Vec<IpNet> = words.take(MOST + 1).map(network).collect::<Result<_, _>>()?;
    if networks.len() > MOST {
        return Err(Fault::TooMany);
    }
    networks.sort();
    networks.dedup();
    Ok(networks)
}

/// Whether an address is in one of the networks, or there is none. What cannot be read lets nobody in.
#[must_use]
pub fn admits(networks: &[String], ip: Option<IpAddr>) -> bool {
    let ip = ip.map(|ip| ip.to_canonical());
    let inside =
        |network: &String| network.parse::<IpNet>().is_ok_and(|network| ip.is_some_and(|ip| network.contains(&ip)));
    networks.is_empty() || networks.iter().any(inside)
}

/// The lists of the transaction's tenant.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn of_tenant(tx: &mut Tx) -> Result<Lists> {
    Ok(Lists { tenant: sql::tenant_networks(tx).await?, members: sql::member_networks(tx).await? })
}

/// Sets the list of the caller's tenant. Members elsewhere are refused from their next request on.
///
/// # Errors
/// 422 when the caller would lock themselves out.
pub async fn restrict_tenant(tx: &mut Tx, networks: &[IpNet]) -> Result<()> {
    let tenant = tx.caller().person()?.tenant;
    let networks = keeps_in(tx.caller(), networks)?;
    sql::set_tenant_networks(tx, &networks).await?;
    let entry = audit::Entry::done("networks.restricted", "Tenant", tenant.0);
    audit::record(tx, entry.with(json!({ "networks": networks }))).await
}

/// Sets the list of one member of the caller's tenant.
///
/// # Errors
/// 404 when they are none; 422 when the caller would lock themselves out.
pub async fn restrict_member(tx: &mut Tx, account: AccountId, networks: &[IpNet]) -> Result<()> {
    let networks = if tx.caller().person()?.account == account {
        keeps_in(tx.caller(), networks)?
    } else {
        networks.iter().map(IpNet::to_string).collect()
    };
    if !sql::set_member_networks(tx, account, &networks).await? {
        return Err(Error::not_found());
    }
    let entry = audit::Entry::done("networks.restricted", "Account", account.0);
    audit::record(tx, entry.with(json!({ "networks": networks }))).await
}

fn keeps_in(caller: &Caller, networks: &[IpNet]) -> Result<Vec<String>> {
    let networks: Vec<String> = networks.iter().map(IpNet::to_string).collect();
    if admits(&networks, caller.trace().ip) {
        return Ok(networks);
    }
    let message = "Your own address is in none of these networks: you would lock yourself out.";
    Err(Error::unprocessable("BIZ_LOCKED_OUT", message))
}

/// Refuses a session that is about to be opened in the transaction's tenant.
///
/// # Errors
/// 403 `AUTHZ_NETWORK` from elsewhere; 401 when the membership has ended or the tenant is suspended.
pub(crate) async fn require(tx: &mut Tx, (account, tenant): (AccountId, TenantId)) -> Result<()> {
    let ip = tx.caller().trace().ip;
    let gone = || Error::unauthenticated("AUTH_REQUIRED", "The membership has ended a moment ago.");
    let (own, of_tenant) = sql::networks_of(tx, (account, tenant)).await?.ok_or_else(gone)?;
    if admits(&own, ip) && admits(&of_tenant, ip) { Ok(()) } else { Err(Error::network()) }
}

/// Writes the security event of a refused address: once in a while for the same one, not for every request of a loop.
///
/// # Errors
/// 503 when the database cannot be reached.
pub(crate) async fn refused(app: &App, caller: &Caller, (account, tenant): (AccountId, TenantId)) -> Result<()> {
    let network = subject::network(caller.trace().ip).to_string();
    if !requests::first_time(app, caller, &["elsewhere", &account.to_string(), &network]).await? {
        return Ok(());
    }
    let mut tx = caller.begin_as_account(account, Some(tenant)).await?;
    security::record(&mut tx, Event::new("NETWORK_REFUSED", Severity::Medium, Some(account))).await?;
    tx.commit().await
}
