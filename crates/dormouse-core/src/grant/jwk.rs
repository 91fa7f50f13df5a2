//! Reads a JWK set (RFC 7517) strictly: every key in it must be usable, and a mistake is told without the key.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::Algorithm;
use jwt_compact::alg::{Ed25519, Es256, Hs256Key, SecretBytes};
use jwt_compact::jwk::JsonWebKey;
use serde::Deserialize;
use serde_json::Value;

use super::key::{Key, SECRET_MIN, Verifying};

/// The most keys in a set: a token without `kid` may be tried against each, and ES256 costs some 0.5 ms a key.
const KEYS_MAX: usize = 16;

/// Parses a JWK set; one sentence for each mistake, which names a key by its place in the set.
///
/// Never inlined: V8 would compile it, 5 KB, before the first welcome of a deployment that has a secret alone.
#[inline(never)]
pub(super) fn parse_set(text: &str) -> Result<Vec<Key>, Vec<String>> {
    let keys = list(text).map_err(|mistake| vec![mistake])?;
    let (keys, mistakes) = partition(
        keys.iter()
            .zip(1..)
            .map(|(key, place)| parse_key(key).map_err(|mistake| format!("Key {place} of JWT_JWKS {mistake}"))),
    );
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    match twice(&keys) {
        Some(place) => Err(vec![format!("Key {place} of JWT_JWKS has the kid of another key: give each its own.")]),
        None => Ok(keys),
    }
}

fn list(text: &str) -> Result<Vec<Value>, String> {
    // The parser's own message may quote the text, and the text may hold a secret: only the place is told.
    let set: Value = serde_json::from_str(text)
        .map_err(|error| format!("JWT_JWKS is not valid JSON (line {}, column {}).", error.line(), error.column()))?;
    let Some(Value::Array(keys)) = set.get("keys") else {
        return Err(r#"JWT_JWKS must be a JWK set, {"keys":[…]}: a single key goes inside the brackets."#.to_owned());
    };
    match keys.len() {
        0 => Err("JWT_JWKS has no key: put one in, or remove it.".to_owned()),
        1..=KEYS_MAX => Ok(keys.clone()),
        count => Err(format!("JWT_JWKS may have at most {KEYS_MAX} keys; it has {count}. Remove retired ones.")),
    }
}

/// What RFC 7517 says of a key beside its material.
#[derive(Deserialize)]
struct About {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

fn parse_key(key: &Value) -> Result<Key, String> {
    let about = key.is_object().then(|| About::deserialize(key).ok()).flatten();
    let about = about.ok_or("is not a JWK: it needs kty, and texts for kid, alg and use.")?;
    if about.usage.is_some_and(|usage| usage != "sig") {
        return Err(r#"is not for signatures: its use must be "sig", or left out."#.to_owned());
    }
    if about.key_ops.is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err(r#"may not verify: its key_ops must have "verify", or be left out."#.to_owned());
    }
    let expected = algorithm(&about.kty)?;
    if about.alg.is_some_and(|alg| alg != expected) {
        return Err(format!(r#"has an alg that does not fit its kty: it must be "{expected}", or left out."#));
    }
    if about.kid.as_ref().is_some_and(String::is_empty) {
        return Err("has an empty kid: name the key, or leave kid out.".to_owned());
    }
    if expected != "HS256" && key.get("d").is_some() {
        return Err(
            "is a private key: put in only its public part, without d, and keep d where tokens are made.".to_owned()
        );
    }
    let material = material(key, expected).ok_or_else(|| incomplete(expected))?;
    Ok(Key { kid: about.kid, verifying: verifying(&material, expected)? })
}

/// The key itself. Read field by field: what serde makes of the library's type is 10 KB of wasm.
fn material(key: &Value, algorithm: &'static str) -> Option<JsonWebKey<'static>> {
    let text = |field| key.get(field).and_then(Value::as_str);
    let bytes = |field| Base64UrlUnpadded::decode_vec(text(field)?).ok();
    let curve = || Some(text("crv")?.to_owned().into());
    Some(match algorithm {
        "HS256" => JsonWebKey::Symmetric { secret: SecretBytes::owned(bytes("k")?) },
        "ES256" => {
            JsonWebKey::EllipticCurve { curve: curve()?, x: bytes("x")?.into(), y: bytes("y")?.into(), secret: None }
        }
        _ => JsonWebKey::KeyPair { curve: curve()?, x: bytes("x")?.into(), secret: None },
    })
}

fn algorithm(kty: &str) -> Result<&'static str, String> {
    match kty {
        "oct" => Ok("HS256"),
        "EC" => Ok("ES256"),
        "OKP" => Ok("EdDSA"),
        _ => {
            Err("has a kty that is not supported: use oct (HS256), EC with P-256 (ES256) or OKP with Ed25519 (EdDSA)."
                .to_owned())
        }
    }
}

fn verifying(material: &JsonWebKey<'_>, algorithm: &'static str) -> Result<Verifying, String> {
    match material {
        JsonWebKey::Symmetric { secret } if secret.len() < SECRET_MIN => {
            Err(format!("is too short: its k must have at least {SECRET_MIN} bytes; it has {}.", secret.len()))
        }
        JsonWebKey::Symmetric { secret } => Ok(Verifying::Hs256(Hs256Key::new(secret))),
        JsonWebKey::EllipticCurve { .. } => <Es256 as Algorithm>::VerifyingKey::try_from(material)
            .map(Verifying::Es256)
            .map_err(|_| incomplete(algorithm)),
        JsonWebKey::KeyPair { .. } => <Ed25519 as Algorithm>::VerifyingKey::try_from(material)
            .ok()
            // A key of small order verifies signatures that nobody has made.
            .filter(|key| !key.is_weak())
            .map(Verifying::EdDsa)
            .ok_or_else(|| incomplete(algorithm)),
        _ => Err(incomplete(algorithm)),
    }
}

fn incomplete(algorithm: &str) -> String {
    let needs = match algorithm {
        "HS256" => "k",
        "ES256" => r#"crv "P-256" and a point of that curve, x and y of 32 bytes each"#,
        _ => r#"crv "Ed25519" and x, a public key of 32 bytes"#,
    };
    format!("is not a whole key for {algorithm}: it needs {needs}, in base64url without padding.")
}

/// The place of the first key whose `kid` stands before it too.
fn twice(keys: &[Key]) -> Option<usize> {
    let mut seen = Vec::new();
    let again = keys.iter().position(|key| {
        let Some(kid) = key.kid.as_deref() else { return false };
        let known = seen.contains(&kid);
        seen.push(kid);
        known
    });
    again.map(|index| index.saturating_add(1))
}

fn partition(results: impl Iterator<Item = Result<Key, String>>) -> (Vec<Key>, Vec<String>) {
    let mut keys = Vec::new();
    let mut mistakes = Vec::new();
    for result in results {
        match result {
            Ok(key) => keys.push(key),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    (keys, mistakes)
}
