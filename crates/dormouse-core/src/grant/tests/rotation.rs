//! Rule A1: several live keys, told apart by `kid`.

use super::*;

fn oct(secret: &str, kid: &str) -> String {
    json!({"kty": "oct", "k": Base64UrlUnpadded::encode_string(secret.as_bytes()), "kid": kid}).to_string()
}

fn two() -> Keys {
    from_set(&[&oct(SECRET, "old"), &oct(OTHER_SECRET, "new"), &with(A3_KEY, r#""kid":"curve""#)])
}

fn named(secret: &str, kid: &str) -> String {
    hs256(secret, &json!({"alg": "HS256", "kid": kid}).to_string(), &good())
}

#[test]
fn a1_several_keys_are_live_at_once_and_kid_picks_one() {
    assert!(two().verify(&named(SECRET, "old"), NOW).is_ok());
    assert!(two().verify(&named(OTHER_SECRET, "new"), NOW).is_ok());
    assert!(two().verify(&es256(r#"{"alg":"ES256","kid":"curve"}"#, &good()), NOW).is_ok());
}

#[test]
fn a1_a_kid_picks_exactly_that_key_even_where_another_would_fit() {
    assert_eq!(two().verify(&named(SECRET, "new"), NOW), Err(Flaw::Signature));
    assert_eq!(two().verify(&named(SECRET, "curve"), NOW), Err(Flaw::Algorithm));
    assert_eq!(two().verify(&named(SECRET, "gone"), NOW), Err(Flaw::UnknownKey));
    assert_eq!(two().verify(&named(SECRET, ""), NOW), Err(Flaw::UnknownKey));
    assert_eq!(from_secret().verify(&named(SECRET, "old"), NOW), Err(Flaw::UnknownKey));
}

#[test]
fn a1_a_token_without_kid_is_tried_against_every_key_of_its_algorithm() {
    for secret in [SECRET, OTHER_SECRET] {
        assert!(two().verify(&hs256(secret, r#"{"alg":"HS256"}"#, &good()), NOW).is_ok());
    }
    assert_eq!(two().verify(&hs256("x", r#"{"alg":"HS256"}"#, &good()), NOW), Err(Flaw::Signature));
}

#[test]
fn a1_a_retired_key_is_refused() {
    let keys = from_set(&[&oct(OTHER_SECRET, "new")]);
    assert_eq!(keys.verify(&named(SECRET, "old"), NOW), Err(Flaw::UnknownKey));
    assert_eq!(keys.verify(&hs256(SECRET, r#"{"alg":"HS256"}"#, &good()), NOW), Err(Flaw::Signature));
}

#[test]
fn a1_a_secret_and_a_set_are_live_together() {
    let keys = Keys::parse(Some(SECRET), Some(&set(&[A4_KEY])), None, None).unwrap();
    assert!(keys.verify(&hs256(SECRET, r#"{"alg":"HS256"}"#, &good()), NOW).is_ok());
    assert!(keys.verify(&eddsa(r#"{"alg":"EdDSA"}"#, &good()), NOW).is_ok());
}

#[test]
fn a1_a_kid_that_is_no_text_is_no_token() {
    let token = hs256(SECRET, r#"{"alg":"HS256","kid":7}"#, &good());
    assert_eq!(from_secret().verify(&token, NOW), Err(Flaw::Malformed));
}
