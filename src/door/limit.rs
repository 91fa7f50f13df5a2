//! The joins that are counted before an object wakes (rule R5).

use std::net::{IpAddr, Ipv6Addr};

use crate::name::Millis;

/// When one who joined too often may try again: the counters of wrangler.toml run over ten seconds and tell no more.
pub(super) const RETRY_AFTER: Millis = 10_000;

/// What stands for an address in the count: of IPv6 its network, since one host has 2^64 addresses to choose from.
pub(super) fn address_key(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => network(address),
        Ok(IpAddr::V6(_) | IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

fn network(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
}
