//! Makes tokens, for development alone: in production the application's own server does.

use std::collections::BTreeMap;

use jwt_compact::alg::Hs256;
use jwt_compact::{AlgorithmExt, Claims as Envelope, Header};
use serde::Serialize;

use super::Keys;
use dormouse_protocol::name::{Millis, UserId};

/// The claims of a token that these keys would accept.
#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a UserId,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    can: &'a BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [String],
}

impl Keys {
    /// Makes a token for a user that lasts so many milliseconds, signed with `JWT_SECRET`; `None` without a secret.
    ///
    /// Whoever reaches this can be anyone: call it only where `DEV_TOKENS=1`.
    pub fn mint(
        &self,
        user: &UserId,
        can: &BTreeMap<String, Vec<String>>,
        roles: &[String],
        now: Millis,
        lasts: Millis,
    ) -> Option<String> {
        let demands = self.demands();
        let claims = Minted {
            sub: user,
            iat: now / 1000,
            exp: now.saturating_add(lasts) / 1000,
            iss: demands.issuer.as_deref(),
            aud: demands.audience.as_deref(),
            can,
            roles,
        };
        Hs256.token(&Header::empty().with_token_type("JWT"), &Envelope::new(claims), self.secret()?).ok()
    }
}
