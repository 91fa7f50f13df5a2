//! What is counted before an object wakes: joins and what is asked over HTTP (rule R5).

use dormouse_protocol::name::Millis;

/// When one who came too often may try again: the counters of wrangler.toml run over ten seconds and tell no more.
pub(super) const RETRY_AFTER: Millis = 10_000;

/// A counter of the deployment, which has it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Joins by address.
    JoinsPerAddress,
    /// Joins by user.
    JoinsPerUser,
    /// What is asked over HTTP without a token, or by an address that is suspected.
    AsksPerAddress,
    /// What is asked over HTTP by user.
    AsksPerUser,
}

impl Counter {
    /// Every counter.
    pub const ALL: [Self; 4] = [Self::JoinsPerAddress, Self::JoinsPerUser, Self::AsksPerAddress, Self::AsksPerUser];

    /// Whether it counts by user.
    pub const fn is_per_user(self) -> bool {
        matches!(self, Self::JoinsPerUser | Self::AsksPerUser)
    }

    /// Its name in wrangler.toml.
    pub const fn binding(self) -> &'static str {
        match self {
            Self::JoinsPerAddress => "JOINS_PER_ADDRESS",
            Self::JoinsPerUser => "JOINS_PER_USER",
            Self::AsksPerAddress => "ASKS_PER_ADDRESS",
            Self::AsksPerUser => "ASKS_PER_USER",
        }
    }
}

/// One more of what a counter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Which counter.
    pub counter: Counter,
    /// Under which key.
    pub key: String,
}
