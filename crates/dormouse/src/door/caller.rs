//! Who sends a request, as far as it says so: nothing of it is believed yet.

use super::credential::credential;
use super::limit::{Count, Counter};
use super::{Call, Query, Suspects};
use crate::config::Config;
use dormouse_protocol::name::{Address, Millis, network};

/// Who sends a request.
pub struct Caller {
    /// The token it carries.
    pub(super) credential: Option<String>,
    /// What the platform says of where it comes from; a client cannot say it itself.
    address: Option<String>,
}

impl Caller {
    pub(super) fn of(call: &Call<'_>, query: &Query, config: &Config) -> Self {
        let address = call.header("CF-Connecting-IP").filter(|address| !address.is_empty());
        Self { credential: credential(call, query, config), address }
    }

    /// Where it comes from, as far as that is known: whoever has no user has the shares of an address (rule R7).
    pub fn address(&self) -> Option<Address> {
        self.address.as_deref().map(Address::of)
    }

    /// One more by its address.
    pub(super) fn counted(&self, counter: Counter) -> Option<Count> {
        Some(Count { counter, key: network(self.address.as_deref()?) })
    }

    /// Remembers its address, since its token was bad.
    pub(super) fn suspect(&self, suspects: &mut Suspects, now: Millis) {
        if let Some(address) = self.address.as_deref() {
            suspects.note(&network(address), now);
        }
    }
}
