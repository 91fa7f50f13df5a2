//! Ids that nobody can guess, from the platform's randomness.

use dormouse_core::channel::Fresh;
use dormouse_protocol::name::{ConnectionId, Epoch};

/// The letters of base64url: 64 of them, so that six bits of a random byte choose one without a bias.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A connection id of 128 bits or more and an epoch of 96; `None` where the platform gives no randomness.
pub(crate) fn fresh() -> Option<Fresh> {
    Some(Fresh { connection: ConnectionId::parse(&letters::<22>()?)?, epoch: Epoch::parse(&letters::<16>()?)? })
}

/// The id of something that went wrong, told to the sender and written to the log (rule R2).
pub(crate) fn trouble_id() -> String {
    letters::<12>().unwrap_or_else(|| "unknown".to_owned())
}

fn letters<const N: usize>() -> Option<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    bytes.iter().map(|byte| LETTERS.get(usize::from(byte & 63)).map(|letter| char::from(*letter))).collect()
}
