//! One key, and the signatures that it verifies (rule A1).

use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key};
use jwt_compact::{Algorithm, AlgorithmSignature};

/// The shortest secret for HS256, in bytes (rule A1).
pub(super) const SECRET_MIN: usize = 32;

/// One key that verifies, and the name by which tokens may ask for it.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) verifying: Verifying,
}

/// The three kinds of keys. Each is used with its own algorithm and with no other.
pub(super) enum Verifying {
    Hs256(Hs256Key),
    Es256(<Es256 as Algorithm>::VerifyingKey),
    EdDsa(<Ed25519 as Algorithm>::VerifyingKey),
}

impl Verifying {
    /// The name of the algorithm, as tokens have it.
    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    /// Whether tokens name this algorithm so: EdDSA has a second name for its one curve here (RFC 9864).
    pub(super) fn is_called(&self, alg: &str) -> bool {
        alg == self.algorithm() || (alg == "Ed25519" && self.algorithm() == "EdDSA")
    }

    /// Whether a signature of these bytes is by this key.
    pub(super) fn holds(&self, signature: &[u8], signed: &[u8]) -> bool {
        match self {
            Self::Hs256(key) => is_signed(&Hs256, key, signature, signed),
            Self::Es256(key) => is_signed(&Es256, key, signature, signed),
            Self::EdDsa(key) => is_signed(&Ed25519, key, signature, signed),
        }
    }
}

fn is_signed<A: Algorithm>(algorithm: &A, key: &A::VerifyingKey, signature: &[u8], signed: &[u8]) -> bool {
    // The length first: what reads the bytes of a signature panics on any other.
    if A::Signature::LENGTH.is_none_or(|length| length.get() != signature.len()) {
        return false;
    }
    A::Signature::try_from_slice(signature).is_ok_and(|signature| algorithm.verify_signature(&signature, key, signed))
}
