//! A token taken apart (RFC 7515, section 7.1). Nothing that it says is believed yet.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

/// The parts of a token in its compact form.
pub(super) struct Token<'t> {
    pub(super) header: Header,
    /// What is signed: header and payload, as they stand in the token.
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
    payload: &'t str,
}

/// What counts of a header; other fields are nobody's business here.
///
/// By hand, where `jwt_compact` has a reader too: that one keeps every field for a type of the caller's, and is 16 KB of
/// wasm that V8 would compile while the first welcome waits. The signatures are its business.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// Whether extensions are demanded at all (section 4.1.11).
    #[serde(default, deserialize_with = "is_there")]
    pub(super) crit: bool,
}

impl<'t> Token<'t> {
    /// Takes a token apart; `None` where it is not three parts of base64url, the first of them a header.
    pub(super) fn parse(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header = String::from_utf8(decode(header)?).ok()?;
        // A struct can be read from a list too, by position; a header is an object.
        if !header.trim_start().starts_with('{') {
            return None;
        }
        Some(Self { header: serde_json::from_str(&header).ok()?, signed, signature: decode(signature)?, payload })
    }

    /// What is signed, for whoever has checked that.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        decode(self.payload)
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(part).ok()
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
