//! [`Joiner`]: who joins or asks, and with what.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::tokens::Tokens;
use crate::grant::{Grant, Verifier as _};
use dormouse_protocol::name::{ChannelName, Millis};

/// What a joiner brings.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// The user of its token; without one it has no token either.
    pub user: Option<String>,
    /// The abilities that the token gives, on every channel.
    pub can: Vec<String>,
    /// The roles that the token gives.
    pub roles: Vec<String>,
    /// What the token has members shown of the user.
    pub info: Option<Value>,
    /// When the token ends, in milliseconds since 1970; an hour from now where it does not say.
    pub expires: Option<Millis>,
    /// `epoch` in the query, as it is written there.
    pub epoch: Option<String>,
    /// `after` in the query, as it is written there.
    pub after: Option<String>,
    /// `connection` in the query: the one that it had before.
    pub connection: Option<String>,
    /// The IP address that it comes from.
    pub address: Option<String>,
}

impl Joiner {
    /// A user who may join, publish, ask calls, be seen and read back.
    pub fn user(name: &str) -> Self {
        Self { user: Some(name.to_owned()), ..Self::anonymous() }
            .can(&["join", "publish", "call", "presence", "history"])
    }

    /// One without a token.
    pub const fn anonymous() -> Self {
        Self {
            user: None,
            can: Vec::new(),
            roles: Vec::new(),
            info: None,
            expires: None,
            epoch: None,
            after: None,
            connection: None,
            address: None,
        }
    }

    /// The same, from this IP address.
    pub fn from_address(self, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..self }
    }

    /// The same with these abilities, and no others.
    pub fn can(self, can: &[&str]) -> Self {
        Self { can: can.iter().map(|ability| (*ability).to_owned()).collect(), ..self }
    }

    /// The same with these roles, and no others.
    pub fn roles(self, roles: &[&str]) -> Self {
        Self { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..self }
    }

    /// The same, of whom members are shown this.
    pub fn info(self, info: Value) -> Self {
        Self { info: Some(info), ..self }
    }

    /// The same with a token that ends then, in milliseconds since 1970.
    pub fn expires(self, at: Millis) -> Self {
        Self { expires: Some(at), ..self }
    }

    /// The same, who comes back with a position: it has heard all up to this seq of this epoch.
    pub fn after(self, epoch: &str, after: u64) -> Self {
        Self { epoch: Some(epoch.to_owned()), after: Some(after.to_string()), ..self }
    }

    /// The same, who comes back as the connection that it was.
    pub fn connection(self, connection: &str) -> Self {
        Self { connection: Some(connection.to_owned()), ..self }
    }

    /// The token that says the same, for a frame `auth`. Only a world takes it for one.
    pub fn token(&self) -> String {
        let mut said = json!({"user": self.user, "can": self.can, "roles": self.roles});
        if let Some(info) = &self.info {
            said["info"] = info.clone();
        }
        if let Some(expires) = self.expires {
            said["expires"] = json!(expires);
        }
        Tokens::sign(&said)
    }

    /// What the entry would have read from the token.
    pub(super) fn grant(&self, channel: &ChannelName, now: Millis) -> Option<Grant> {
        self.user.as_ref()?;
        // A joiner whose token has expired is brought as it is, for the machine to turn away.
        let fresh = Self { expires: None, ..self.clone() };
        let mut grant = Tokens.verify(&fresh.token(), now).ok()?.grant(channel);
        grant.expires = self.expires.unwrap_or(grant.expires);
        Some(grant)
    }
}

/// What a world takes for a joiner: a [`Joiner`], or the name of one that is [`Joiner::user`].
pub trait AsJoiner {
    /// The joiner that is meant.
    fn as_joiner(&self) -> Cow<'_, Joiner>;
}

impl AsJoiner for Joiner {
    fn as_joiner(&self) -> Cow<'_, Joiner> {
        Cow::Borrowed(self)
    }
}

impl AsJoiner for str {
    fn as_joiner(&self) -> Cow<'_, Joiner> {
        Cow::Owned(Joiner::user(self))
    }
}
