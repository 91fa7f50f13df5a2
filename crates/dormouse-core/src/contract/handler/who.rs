//! Whose turn it is.

use std::rc::Rc;

use super::refused::Anonymous;
use dormouse_protocol::name::{ConnectionId, UserId};

/// Who says or asks something, or has come or gone; nobody where a timer has fired.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub(crate) user: Option<UserId>,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) roles: Rc<[String]>,
}

impl Who {
    /// The user by whom its token was made out; none without a token.
    ///
    /// # Errors
    /// There is none: a handler that hands this on by `?` refuses `unauthenticated`.
    pub fn user(&self) -> Result<&str, Anonymous> {
        self.user.as_ref().map(UserId::as_str).ok_or(Anonymous)
    }

    /// The connection, by the id that the members know it by; none over HTTP.
    pub fn connection(&self) -> Option<&str> {
        self.connection.as_ref().map(ConnectionId::as_str)
    }

    /// The roles of its token.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    /// Whether its token has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}
