//! Who may speak: a token is verified once, at the border, and becomes [`Claims`] (rules A1 and A2).

mod claims;
mod jwk;
mod key;
mod keys;
mod mint;
mod rights;
#[cfg(test)]
mod tests;
mod token;

pub use claims::{Claims, Grant};
pub use keys::Keys;
pub use rights::Rights;

use std::rc::Rc;

use crate::contract::Who;
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::Millis;

/// Who somebody is to the application's code, by a token alone.
pub(crate) fn who(grant: Option<&Grant>) -> Who {
    let roles = grant.map_or_else(Rc::default, |grant| grant.roles.as_slice().into());
    Who { user: grant.map(|grant| grant.user.clone()), connection: None, roles }
}

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// Verifies tokens; the only thing the machine knows of keys and signatures.
pub trait Verifier {
    /// What a token says, once its signature, its claims and its time hold at `now`.
    ///
    /// # Errors
    /// The exact flaw, for the log; who sent the token is told a [`TokenError`].
    fn verify(&self, token: &str, now: Millis) -> Result<Claims, Flaw>;
}

/// Why a token is not accepted, as far as whoever sent it needs to know (rule R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It can never be accepted: close code 4009.
    Invalid,
    /// Its time has not come, by more than the leeway: close code 4009.
    NotYet,
    /// Its time is over: close code 4300.
    Expired,
}

impl TokenError {
    /// How a connection ends that came with such a token (rule A4): with an expired one the client renews it and comes
    /// back, with any other it stops.
    pub const fn close(self) -> Close {
        match self {
            Self::Invalid | Self::NotYet => Close::BadToken,
            Self::Expired => Close::TokenExpired,
        }
    }

    /// What the sender can do about it; tells nothing of our keys or of what was looked at.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Invalid => "This token cannot be accepted: sign in with one that your application's server has made.",
            Self::NotYet => "This token is not valid yet: check the clock of the server that made it.",
            Self::Expired => "This token has expired: get a new one.",
        }
    }
}

/// Declares the flaws: name in code, what the sender hears of it, text for the operator's log.
macro_rules! flaws {
    ($($(#[$doc:meta])* $name:ident $told:ident $text:literal;)*) => {
        /// Why exactly a token is not accepted: for the operator's log and never for the sender.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Flaw { $($(#[$doc])* $name,)* }

        impl Flaw {
            /// Every flaw, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The sentence of the log; holds nothing of the token.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl From<Flaw> for TokenError {
            fn from(flaw: Flaw) -> Self {
                match flaw { $(Flaw::$name => Self::$told,)* }
            }
        }
    };
}

/// Told as little as [`TokenError::hint`] says, with the exact flaw for the log (rule R2).
impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Self::new(Code::Unauthenticated, TokenError::from(flaw).hint()).because(flaw.text())
    }
}

flaws! {
    /// Longer than [`TOKEN_BYTES`].
    TooLong Invalid "the token is longer than 8,192 bytes";
    /// Not three parts of base64url, or a header that is not one.
    Malformed Invalid "this is not a signed JWT in compact form";
    /// The header demands an extension by `crit`; we know none.
    Critical Invalid "the token's header demands an extension (crit), and none is supported";
    /// No key has the token's `kid`.
    UnknownKey Invalid "no key has the token's kid: add the key to JWT_JWKS, or sign without kid for a key that has none";
    /// The key that would be used is for another algorithm.
    Algorithm Invalid "no fitting key is for the token's algorithm: sign with HS256, ES256 or EdDSA, as the key decides";
    /// No key's signature.
    Signature Invalid "the signature is not by one of our keys: it is forged, or made with another secret";
    /// The claims are no JSON object, or one of them has the wrong type.
    Claims Invalid "the claims are not a JSON object, or one has the wrong type";
    /// `sub` is missing, empty or too long.
    Subject Invalid "sub must be a text of 1 to 128 characters, no Unicode noncharacters among them";
    /// `exp` is missing, or no date.
    Expiry Invalid "exp is required, in seconds since 1970 and before the year 10000: are these milliseconds?";
    /// `nbf` or `iat` is no date.
    Date Invalid "nbf and iat must be seconds since 1970";
    /// `iss` is not the one configured.
    Issuer Invalid "iss is not what JWT_ISSUER asks for";
    /// `aud` has not the one configured.
    Audience Invalid "aud does not name what JWT_AUDIENCE asks for";
    /// `can` has too many patterns or abilities.
    Can Invalid "can must have at most 64 patterns of at most 64 abilities each";
    /// `roles` are too many, too long or not plain.
    Roles Invalid "roles must be at most 32 texts of 1 to 64 bytes without control characters or noncharacters";
    /// `info` is no object, or too large.
    Info Invalid "info must be a JSON object of at most 1,024 bytes";
    /// `jti` is empty or too long.
    TokenId Invalid "jti must be a text of 1 to 128 bytes without control characters or noncharacters";
    /// `home` is empty, too long or has other characters.
    Home Invalid "home must be a text of 1 to 64 letters, digits, `_`, `-` or `.`";
    /// `exp` has come.
    Expired Expired "the token has expired";
    /// `nbf` or `iat` is more than the leeway ahead.
    NotYet NotYet "nbf or iat is more than 30 s ahead of our clock";
}
