//! Who pays for a request (rules R5, R7).

use dormouse_protocol::name::{Address, ConnectionId, UserId};

/// Whose rates they are: the user's on this channel, however many connections; or an anonymous connection's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// A user with all its connections.
    User(UserId),
    /// A connection without a user.
    Connection(ConnectionId),
    /// All without a user who come from one address.
    Address(Address),
    /// All HTTP requests without a token whose address is not known, together.
    Nobody,
}

impl Payer {
    /// Its name, which is no other's; none where nobody can be told from anybody else.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::User(user) => Some(format!("u{user}")),
            Self::Connection(connection) => Some(format!("c{connection}")),
            Self::Address(_) | Self::Nobody => None,
        }
    }

    /// Whose share is used by one of this user, or without a user from this address (rule R7).
    pub fn of(user: Option<&UserId>, address: Option<Address>) -> Self {
        match (user, address) {
            (Some(user), _) => Self::User(user.clone()),
            (None, Some(address)) => Self::Address(address),
            (None, None) => Self::Nobody,
        }
    }
}
