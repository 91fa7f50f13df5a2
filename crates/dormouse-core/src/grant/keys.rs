//! The keys of a deployment, and the signatures they verify (rule A1).

use std::fmt;

use jwt_compact::alg::Hs256Key;

use super::claims::{Claims, Demands};
use super::key::{Key, SECRET_MIN, Verifying};
use super::token::Token;
use super::{Flaw, TOKEN_BYTES, Verifier, jwk};
use dormouse_protocol::name::Millis;

/// The live keys of a deployment and what it asks of `iss` and `aud`.
///
/// A key decides the algorithm, never the token. A token with a `kid` is verified by the key of that `kid` alone; one
/// without by any key of its algorithm.
pub struct Keys {
    keys: Vec<Key>,
    demands: Demands,
    passed_over: Vec<String>,
}

impl Keys {
    /// Parses the secret for HS256 and the set of JWKs; the error tells an operator what to change, and no key.
    pub fn parse(
        secret: Option<&str>,
        jwks: Option<&str>,
        issuer: Option<&str>,
        audience: Option<&str>,
    ) -> Result<Self, String> {
        Self::collect(secret, jwks, issuer, audience).map_err(|mistakes| mistakes.join(" "))
    }

    /// As [`Keys::parse`], with a sentence for each mistake.
    pub fn collect(
        secret: Option<&str>,
        jwks: Option<&str>,
        issuer: Option<&str>,
        audience: Option<&str>,
    ) -> Result<Self, Vec<String>> {
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        let mut mistakes = Vec::new();
        if secret.is_none() && jwks.is_none() {
            mistakes.push("JWT_SECRET and JWT_JWKS are both missing: set one, or no token can be verified.".to_owned());
        }
        match secret.map(parse_secret).transpose() {
            Ok(key) => keys.extend(key),
            Err(mistake) => mistakes.push(mistake),
        }
        match jwks.map(jwk::parse_set).transpose() {
            Ok(set) => {
                let set = set.unwrap_or_default();
                keys.extend(set.keys);
                passed_over = set.passed_over;
            }
            Err(more) => mistakes.extend(more),
        }
        if keys.is_empty() && mistakes.is_empty() {
            mistakes.append(&mut passed_over);
        }
        for (name, value) in [("JWT_ISSUER", issuer), ("JWT_AUDIENCE", audience)] {
            if value.is_some_and(str::is_empty) {
                mistakes.push(format!("{name} is empty: remove it, or say what every token must name."));
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let demands = Demands { issuer: issuer.map(Into::into), audience: audience.map(Into::into) };
        Ok(Self { keys, demands, passed_over })
    }

    /// A sentence for each key of the set that no token can be verified with here: a provider's set may have such.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The secret for HS256 that has no name: `JWT_SECRET`, or without it such a key of the set.
    pub(super) fn secret(&self) -> Option<&Hs256Key> {
        self.keys.iter().find_map(|key| match (&key.kid, &key.verifying) {
            (None, Verifying::Hs256(secret)) => Some(secret),
            _ => None,
        })
    }

    pub(super) fn demands(&self) -> &Demands {
        &self.demands
    }

    /// Checks form and signature, and only then hands out what was signed.
    pub(super) fn check_signature(&self, token: &str) -> Result<Vec<u8>, Flaw> {
        if token.len() > TOKEN_BYTES {
            return Err(Flaw::TooLong);
        }
        let token = Token::parse(token).ok_or(Flaw::Malformed)?;
        if token.header.crit {
            return Err(Flaw::Critical);
        }
        let kid = token.header.kid.as_deref();
        let named: Vec<&Key> = self.keys.iter().filter(|key| kid.is_none() || kid == key.kid.as_deref()).collect();
        if named.is_empty() {
            return Err(Flaw::UnknownKey);
        }
        let mut fitting = named.into_iter().filter(|key| key.verifying.is_called(&token.header.alg)).peekable();
        if fitting.peek().is_none() {
            return Err(Flaw::Algorithm);
        }
        if !fitting.any(|key| key.verifying.holds(&token.signature, token.signed.as_bytes())) {
            return Err(Flaw::Signature);
        }
        token.payload().ok_or(Flaw::Malformed)
    }
}

impl Verifier for Keys {
    fn verify(&self, token: &str, now: Millis) -> Result<Claims, Flaw> {
        let payload = self.check_signature(token)?;
        self.demands.accept(&payload, now)
    }
}

/// Never a key: this ends up in logs.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.keys.iter().map(|key| key.verifying.algorithm()).collect();
        f.debug_struct("Keys").field("keys", &kinds).field("demands", &self.demands).finish()
    }
}

fn parse_secret(secret: &str) -> Result<Key, String> {
    if secret.starts_with("-----BEGIN") {
        return Err("JWT_SECRET holds a PEM key: a secret for HS256 is random text; put public keys into JWT_JWKS as \
                    JWKs."
            .to_owned());
    }
    if secret.trim() != secret {
        return Err("JWT_SECRET begins or ends with white space: set it again without.".to_owned());
    }
    if secret.len() < SECRET_MIN {
        return Err(format!(
            "JWT_SECRET must have at least {SECRET_MIN} bytes; it has {}. Make one with: openssl rand -base64 48",
            secret.len()
        ));
    }
    Ok(Key { kid: None, verifying: Verifying::Hs256(Hs256Key::new(secret)) })
}
