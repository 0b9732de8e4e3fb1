//! Whom an address stands for.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

/// The network that is counted as one: an IPv4 address, or the /64 that one IPv6 subscriber has at the least. Requests
/// without an address (none of a real listener) count together.
pub(super) fn network(ip: Option<IpAddr>) -> IpNet {
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(v4)) => IpAddr::V4(v4).into(),
        Some(IpAddr::V6(v6)) => Ipv6Net::new_assert(v6, 64).trunc().into(),
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED).into(),
    }
}
