//! Whose request it is: all that judging it needs to know.

use std::rc::Rc;

use super::payer::Payer;
use crate::contract::{Ability, Who};
use crate::effect::{AskerKey, SessionKey};
use crate::grant::Rights;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{Address, RequestId};
use xxhash_rust::xxh64::xxh64;

/// Who asked, and so who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A connection.
    Session(SessionKey),
    /// One of the publishes of an HTTP request that waits.
    Http {
        /// The request.
        asker: AskerKey,
        /// Which of its publishes.
        slot: usize,
    },
}

impl Asker {
    /// The connection that asked; none where it came over HTTP.
    pub(crate) const fn session(self) -> Option<SessionKey> {
        match self {
            Self::Session(key) => Some(key),
            Self::Http { .. } => None,
        }
    }
}

/// One who asks, with what it may and who pays for it.
#[derive(Clone)]
pub(crate) struct Speaker {
    pub(crate) asker: Asker,
    pub(crate) payer: Payer,
    /// Where one without a user comes from, as far as that is known.
    pub(crate) address: Option<Address>,
    pub(crate) rights: Rc<Rights>,
    /// `from` of its messages, encoded once.
    pub(crate) from: Rc<str>,
    pub(crate) signed_in: bool,
    /// Who it is to the application's code, where there is any.
    pub(crate) who: Option<Rc<Who>>,
}

impl Speaker {
    /// Who it is to the application's code.
    pub(crate) fn who(&self) -> Rc<Who> {
        self.who.clone().unwrap_or_default()
    }

    /// A request of this one, by a name that is no other's: by its id, or by what it says where it has none.
    pub(crate) fn request(&self, id: Option<&RequestId>, name: &str, data: &str) -> String {
        let whose = self.payer.name();
        let said = id.is_none().then(|| xxh64(format!("{name} {data}").as_bytes(), 0));
        serde_json::to_string(&(whose, id, said)).unwrap_or_default()
    }

    /// The refusal of one who lacks a right: sign in, or get another token.
    pub(crate) fn lacks(&self, needed: &Ability, message: &str) -> Refusal {
        let code = if self.signed_in { Code::Forbidden } else { Code::Unauthenticated };
        Refusal::new(code, message).because(self.rights.lacks(&needed.to_string(), self.signed_in))
    }
}
