//! Tokens made by hand, so that header and claims can be anything; signatures by RFC 7515 and RFC 8037.

mod claims;
mod grants;
mod hostile;
mod minting;
mod operators;
mod rotation;
mod signatures;
mod time;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, Hs512, Hs512Key, SigningKey};
use jwt_compact::{Algorithm, AlgorithmSignature};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use dormouse_protocol::name::{ChannelName, UserId};

const NOW: Millis = 1_900_000_000_000;
const SECRET: &str = "a secret of exactly thirty-two b";
const OTHER_SECRET: &str = "another one, of thirty-two bytes";

/// RFC 7515, appendix A.1.
const A1_KEY: &str =
    r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const A1_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7515, appendix A.3.
const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const A3_PRIVATE: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// The claims of both.
const JOE: &str = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
/// RFC 8037, appendices A.1, A.2 and A.4.
const A4_PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const A4_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const A4_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn set(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn with(key: &str, member: &str) -> String {
    key.replacen('{', &format!("{{{member},"), 1)
}

fn from_secret() -> Keys {
    Keys::parse(Some(SECRET), None, None, None).unwrap()
}

fn from_set(keys: &[&str]) -> Keys {
    Keys::parse(None, Some(&set(keys)), None, None).unwrap()
}

/// What is signed: any header, any text of claims.
fn unsigned(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        Base64UrlUnpadded::encode_string(header.as_bytes()),
        Base64UrlUnpadded::encode_string(claims.as_bytes())
    )
}

fn sign<A: Algorithm>(algorithm: &A, key: &A::SigningKey, header: &str, claims: &str) -> String {
    let text = unsigned(header, claims);
    let signature = algorithm.sign(key, text.as_bytes());
    format!("{text}.{}", Base64UrlUnpadded::encode_string(&signature.as_bytes()))
}

fn hs256(secret: &str, header: &str, claims: &str) -> String {
    sign(&Hs256, &Hs256Key::new(secret), header, claims)
}

fn es256(header: &str, claims: &str) -> String {
    let key = Base64UrlUnpadded::decode_vec(A3_PRIVATE).unwrap();
    sign(&Es256, &SigningKey::<Es256>::from_slice(&key).unwrap(), header, claims)
}

fn eddsa(header: &str, claims: &str) -> String {
    let key = Base64UrlUnpadded::decode_vec(A4_PRIVATE).unwrap();
    sign(&Ed25519, &SigningKey::<Ed25519>::from_slice(&key).unwrap(), header, claims)
}

/// Good claims with one changed, or with one left out where the change is `null`.
fn claims(name: &str, value: &Value) -> String {
    let mut all = json!({"sub": "ann", "exp": NOW / 1000 + 60, "can": {"chat:*": ["join"]}});
    all[name] = value.clone();
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all.to_string()
}

fn good() -> String {
    claims("sub", &json!("ann"))
}

/// What becomes of a well-signed token with these claims.
fn claims_of(claims: &str) -> Result<Claims, Flaw> {
    from_secret().verify(&hs256(SECRET, r#"{"alg":"HS256"}"#, claims), NOW)
}

fn read_with(name: &str, value: Value) -> Result<Claims, Flaw> {
    claims_of(&claims(name, &value))
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}
