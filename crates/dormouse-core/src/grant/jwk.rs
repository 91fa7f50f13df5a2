//! Reads a JWK set (RFC 7517): a key for what is not done here is passed over, one that is broken is a mistake. Either is
//! told without the key.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::Algorithm;
use jwt_compact::alg::{Ed25519, Es256, Hs256Key, SecretBytes};
use jwt_compact::jwk::JsonWebKey;
use serde::Deserialize;
use serde_json::Value;

use super::key::{Key, SECRET_MIN, Verifying};

/// The most keys in a set: a token without `kid` may be tried against each, and ES256 costs some 0.5 ms a key.
const KEYS_MAX: usize = 16;

/// What a set has for us.
#[derive(Default)]
pub(super) struct Set {
    pub(super) keys: Vec<Key>,
    /// A sentence for each key that is passed over.
    pub(super) passed_over: Vec<String>,
}

/// Why a key is not taken.
enum Refused {
    /// It is for something that is not done here: the set of a provider may have it (RFC 7517, section 5).
    Foreign(String),
    /// It is broken, or does not belong here.
    Mistake(String),
}

/// Parses a JWK set; one sentence for each mistake, which names a key by its place in the set.
///
/// Never inlined: V8 would compile it, 5 KB, before the first welcome of a deployment that has a secret alone.
#[inline(never)]
pub(super) fn parse_set(text: &str) -> Result<Set, Vec<String>> {
    let (mut set, mut mistakes, mut kids) = (Set::default(), Vec::new(), Vec::new());
    for (key, place) in list(text).map_err(|mistake| vec![mistake])?.iter().zip(1..) {
        let told = |what: &str| format!("Key {place} of JWT_JWKS {what}");
        match parse_key(key) {
            Ok(key) if key.kid.is_some() && kids.contains(&key.kid) => {
                mistakes.push(told("has the kid of another key: give each its own."));
            }
            Ok(key) => {
                kids.push(key.kid.clone());
                set.keys.push(key);
            }
            Err(Refused::Foreign(what)) => set.passed_over.push(told(&what)),
            Err(Refused::Mistake(what)) => mistakes.push(told(&what)),
        }
    }
    if mistakes.is_empty() { Ok(set) } else { Err(mistakes) }
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

fn parse_key(key: &Value) -> Result<Key, Refused> {
    let mistake = |what: &str| Refused::Mistake(what.to_owned());
    let foreign = |what: &str| Refused::Foreign(format!("is passed over: {what}"));
    let about = key.is_object().then(|| About::deserialize(key).ok()).flatten();
    let about = about.ok_or_else(|| mistake("is not a JWK: it needs kty, and texts for kid, alg and use."))?;
    if about.usage.is_some_and(|usage| usage != "sig") {
        return Err(foreign(r#"it is not for signatures, its use is not "sig"."#));
    }
    if about.key_ops.is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err(foreign(r#"it may not verify, its key_ops have no "verify"."#));
    }
    let expected = algorithm(&about.kty).ok_or_else(|| foreign(UNSUPPORTED))?;
    let curve = key.get("crv").and_then(Value::as_str);
    let known = |curve| matches!((expected, curve), ("ES256", "P-256") | ("EdDSA", "Ed25519") | ("HS256", _));
    if curve.is_some_and(|curve| !known(curve)) {
        return Err(foreign(UNSUPPORTED));
    }
    let second = (expected == "EdDSA").then_some("Ed25519");
    if about.alg.is_some_and(|alg| alg != expected && Some(alg.as_str()) != second) {
        return Err(foreign(&format!(r#"its alg is not "{expected}", the one that is supported for its kty."#)));
    }
    if about.kid.as_ref().is_some_and(String::is_empty) {
        return Err(mistake("has an empty kid: name the key, or leave kid out."));
    }
    if expected != "HS256" && key.get("d").is_some() {
        return Err(mistake(
            "is a private key: put in only its public part, without d, and keep d where tokens are made.",
        ));
    }
    let material = material(key, expected).ok_or_else(|| Refused::Mistake(incomplete(expected)))?;
    Ok(Key { kid: about.kid, verifying: verifying(&material, expected).map_err(Refused::Mistake)? })
}

const UNSUPPORTED: &str =
    "its kind is not supported; oct (HS256), EC with P-256 (ES256) and OKP with Ed25519 (EdDSA) are.";

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

fn algorithm(kty: &str) -> Option<&'static str> {
    match kty {
        "oct" => Some("HS256"),
        "EC" => Some("ES256"),
        "OKP" => Some("EdDSA"),
        _ => None,
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
