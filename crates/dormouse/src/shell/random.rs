//! Ids that nobody can guess, from the platform's randomness.

use base64ct::{Base64UrlUnpadded, Encoding};
use dormouse_core::channel::Fresh;
use dormouse_protocol::name::{ConnectionId, Epoch};

/// A connection id of 128 bits and an epoch of 96; `None` where the platform gives no randomness.
pub(crate) fn fresh() -> Option<Fresh> {
    Some(Fresh { connection: ConnectionId::parse(&id::<16>()?)?, epoch: Epoch::parse(&id::<12>()?)? })
}

/// The id of something that went wrong, told to the sender and written to the log (rule R2): 72 bits.
pub(crate) fn trouble_id() -> String {
    id::<9>().unwrap_or_else(|| "unknown".to_owned())
}

/// So many random bytes as base64url.
fn id<const BYTES: usize>() -> Option<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).ok()?;
    Some(Base64UrlUnpadded::encode_string(&bytes))
}
