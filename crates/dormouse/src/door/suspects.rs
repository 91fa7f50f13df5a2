//! Addresses that send bad tokens (rule R5). To find a token bad costs a check by every key that fits, so whoever
//! sends many of them is counted before the next is looked at.

use std::collections::BTreeMap;

use dormouse_core::bucket::Bucket;
use dormouse_core::contract::Rate;
use dormouse_protocol::name::Millis;

/// How many bad tokens an address may send without being suspected: twenty at once, and two a second.
const PATIENCE: Rate = Rate { per_second: 2.0, burst: 20.0 };

/// The most addresses remembered. With more than that at once, all are forgotten: each may try again.
const ADDRESSES_MAX: usize = 1_000;

/// The addresses that sent bad tokens lately, as far as this isolate saw them.
#[derive(Debug)]
pub struct Suspects(BTreeMap<String, Bucket>);

impl Suspects {
    /// Nobody is suspected yet.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Notes a bad token; `address` is as it is counted.
    pub fn note(&mut self, address: &str, now: Millis) {
        if !self.0.contains_key(address) {
            self.make_room(now);
            self.0.insert(address.to_owned(), Bucket::full(PATIENCE, now));
        }
        if let Some(bucket) = self.0.get_mut(address) {
            // One that is empty stays so: the address is suspected as long as it goes on.
            drop(bucket.take(PATIENCE, now));
        }
    }

    /// Whether the address is to be counted before its next token is looked at.
    pub fn has(&self, address: &str, now: Millis) -> bool {
        self.0.get(address).is_some_and(|bucket| is_empty(*bucket, now))
    }

    fn make_room(&mut self, now: Millis) {
        if self.0.len() < ADDRESSES_MAX {
            return;
        }
        self.0.retain(|_, bucket| is_empty(*bucket, now));
        if self.0.len() >= ADDRESSES_MAX {
            self.0.clear();
        }
    }
}

impl Default for Suspects {
    fn default() -> Self {
        Self::new()
    }
}

fn is_empty(mut bucket: Bucket, now: Millis) -> bool {
    bucket.take(PATIENCE, now).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_an_address_is_suspected_after_twenty_bad_tokens_and_not_for_its_neighbours() {
        let mut suspects = Suspects::new();
        for _ in 0..20 {
            assert!(!suspects.has("192.0.2.7", 1_000));
            suspects.note("192.0.2.7", 1_000);
        }
        assert!(suspects.has("192.0.2.7", 1_000));
        assert!(!suspects.has("192.0.2.8", 1_000));
        suspects.note("192.0.2.7", 1_100);
        assert!(suspects.has("192.0.2.7", 1_499) && !suspects.has("192.0.2.7", 1_500), "it has been quiet for a while");
    }

    #[test]
    fn r5_ever_new_addresses_take_no_more_room() {
        let mut suspects = Suspects::new();
        for _ in 0..30 {
            suspects.note("worst", 0);
        }
        for n in 0..5_000 {
            suspects.note(&format!("address {n}"), 0);
            assert!(suspects.0.len() <= ADDRESSES_MAX);
            assert!(suspects.has("worst", 0), "those in good standing are forgotten before it");
        }
    }
}
