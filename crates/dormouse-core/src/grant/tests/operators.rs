//! Rule A1: what is told to whoever sets the keys.

use super::*;

fn refused(secret: Option<&str>, jwks: Option<&str>) -> String {
    Keys::parse(secret, jwks, None, None).unwrap_err()
}

fn refused_key(key: &str) -> String {
    refused(None, Some(&set(&[A1_KEY, key])))
}

#[test]
fn a1_a_deployment_without_any_key_is_a_mistake() {
    assert!(refused(None, None).contains("set one"));
}

#[test]
fn a1_a_secret_has_at_least_32_bytes_of_its_text() {
    assert!(Keys::parse(Some(&"x".repeat(32)), None, None, None).is_ok());
    assert!(Keys::parse(Some(&"ü".repeat(16)), None, None, None).is_ok());
    assert!(refused(Some(&"x".repeat(31)), None).contains("it has 31"));
    assert!(refused(Some(""), None).contains("it has 0"));
    assert!(refused(Some(&format!("{SECRET}\n")), None).contains("white space"));
    assert!(
        refused(Some("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), None).contains("JWT_JWKS")
    );
    let jwk = json!({"kty": "oct", "k": Base64UrlUnpadded::encode_string(&[7; 31])}).to_string();
    assert_eq!(refused_key(&jwk), "Key 2 of JWT_JWKS is too short: its k must have at least 32 bytes; it has 31.");
}

#[test]
fn a1_every_member_of_a_key_that_fits_is_accepted() {
    for member in
        [r#""alg":"ES256""#, r#""use":"sig""#, r#""key_ops":["verify"]"#, r#""x5c":["more"]"#, r#""alg":null"#]
    {
        assert!(Keys::parse(None, Some(&set(&[&with(A3_KEY, member)])), None, None).is_ok(), "{member}");
    }
}

#[test]
fn a1_a_key_that_cannot_be_used_is_told_by_its_place() {
    let off_curve = A3_KEY.replace("x_FEzRu9m36HLN", "x_FEzRu9m36HLM");
    let short = A4_KEY.replace("11qYAYKx", "");
    let padded = A4_KEY.replace("HURo\"", "HURo=\"");
    let weak = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"AQ{}"}}"#, "A".repeat(41));
    for (key, part) in [
        (with(A3_KEY, r#""d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI""#), "private key"),
        (with(A4_KEY, r#""kid":"""#), "empty kid"),
        (with(A4_KEY, r#""kid":7"#), "is not a JWK"),
        (r#"{"k":"AA"}"#.to_owned(), "is not a JWK"),
        ("7".to_owned(), "is not a JWK"),
        (r#"["oct",null,null,null,null]"#.to_owned(), "is not a JWK"),
        (off_curve, "not a whole key for ES256"),
        (r#"{"kty":"EC","crv":"P-256"}"#.to_owned(), "not a whole key for ES256"),
        (short, "not a whole key for EdDSA"),
        (padded, "not a whole key for EdDSA"),
        (weak, "not a whole key for EdDSA"),
        (r#"{"kty":"oct"}"#.to_owned(), "not a whole key for HS256"),
    ] {
        let told = refused_key(&key);
        assert!(told.starts_with("Key 2 of JWT_JWKS ") && told.contains(part), "{told}");
    }
}

#[test]
fn a1_a_key_for_what_is_not_done_here_is_passed_over_in_a_sentence_unless_no_key_is_left() {
    for (key, part) in [
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS256","use":"sig","kid":"provider"}"#.to_owned(), "its kind"),
        (A3_KEY.replace("P-256", "P-384"), "its kind"),
        (A4_KEY.replace("Ed25519", "X25519"), "its kind"),
        (with(A3_KEY, r#""alg":"HS256""#), r#"its alg is not "ES256""#),
        (with(A1_KEY, r#""alg":"HS512""#), r#"its alg is not "HS256""#),
        (with(A3_KEY, r#""use":"enc""#), "not for signatures"),
        (with(A3_KEY, r#""key_ops":["sign"]"#), "key_ops"),
    ] {
        let keys = Keys::parse(None, Some(&set(&[&key, A4_KEY])), None, None).unwrap();
        let [told] = keys.passed_over() else { panic!("{:?}", keys.passed_over()) };
        assert!(told.starts_with("Key 1 of JWT_JWKS is passed over: ") && told.contains(part), "{told}");
        assert!(keys.verify(&eddsa(r#"{"alg":"EdDSA"}"#, &good()), NOW).is_ok(), "the other verifies");
        assert!(Keys::parse(Some(SECRET), Some(&set(&[&key])), None, None).is_ok(), "the secret is left");
        assert!(refused(None, Some(&set(&[&key]))).starts_with("Key 1 of JWT_JWKS is passed over: "));
    }
    assert!(from_set(&[A1_KEY, A3_KEY]).passed_over().is_empty());
}

#[test]
fn a1_eddsa_is_called_ed25519_too_in_a_key_and_in_a_token() {
    for key in [A4_KEY.to_owned(), with(A4_KEY, r#""alg":"Ed25519""#), with(A4_KEY, r#""alg":"EdDSA""#)] {
        for header in [r#"{"alg":"EdDSA"}"#, r#"{"alg":"Ed25519"}"#] {
            assert!(from_set(&[&key]).verify(&eddsa(header, &good()), NOW).is_ok(), "{header} by {key}");
        }
    }
    assert_eq!(from_set(&[A3_KEY]).verify(&eddsa(r#"{"alg":"Ed25519"}"#, &good()), NOW), Err(Flaw::Algorithm));
}

#[test]
fn a1_a_set_has_one_to_16_keys_each_with_its_own_kid() {
    for (text, part) in [
        ("", "line 1, column 0"),
        ("{\"keys\":[\n}", "line 2, column 1"),
        ("[]", "JWK set"),
        (A3_KEY, "single key"),
        (r#"{"keys":{}}"#, "JWK set"),
        (r#"{"keys":[]}"#, "no key"),
    ] {
        assert!(refused(None, Some(text)).contains(part), "{text}");
    }
    assert!(Keys::parse(None, Some(&set(&[A3_KEY; 16])), None, None).is_ok());
    assert!(refused(None, Some(&set(&[A3_KEY; 17]))).contains("it has 17"));
    let twin = with(A3_KEY, r#""kid":"twin""#);
    let twins = set(&[A4_KEY, &twin, &with(A4_KEY, r#""kid":"twin""#)]);
    assert!(refused(None, Some(&twins)).starts_with("Key 3 of JWT_JWKS has the kid"));
}

#[test]
fn a1_every_mistake_is_told_at_once() {
    let told = Keys::collect(Some("short"), Some(&set(&[r#"{"kty":"RSA"}"#, A3_KEY, "7"])), Some(""), Some(""));
    assert_eq!(told.unwrap_err().len(), 4, "what is passed over is no mistake");
}

#[test]
fn r2_neither_debug_nor_a_mistake_shows_a_key() {
    let keys = Keys::parse(Some(SECRET), Some(&set(&[A1_KEY, A3_KEY, A4_KEY])), Some("us"), Some("chat")).unwrap();
    let debug = format!("{keys:?}");
    assert_eq!(
        debug,
        r#"Keys { keys: ["HS256", "HS256", "ES256", "EdDSA"], demands: Demands { issuer: Some("us"), audience: Some("chat") } }"#
    );
    let canary = "CANARY7canary7CANARY7canary7";
    let jwks = [
        format!(r#"{{"keys":[{{"kty":"oct","k":"{canary}"}}]}}"#),
        format!(r#"{{"keys":[{{"kty":"oct","k":"{canary}="}}]}}"#),
        format!(r#"{{"keys":[{{"kty":"oct","k":["{canary}"]}}]}}"#),
        format!(r#"{{"keys":[{{"kty":"{canary}","alg":"{canary}"}}]}}"#),
        format!(r#"{{"keys":[{{"kty":"EC","crv":"{canary}","x":"{canary}","y":"{canary}"}}]}}"#),
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{canary}","alg":"{canary}"}}]}}"#),
        format!(r#"{{"keys":["{canary}"]}}"#),
        format!(r#"{{"keys":"{canary}"}}"#),
        format!(r#"{{"keys":[{canary}]}}"#),
        canary.to_owned(),
    ];
    for text in jwks {
        let told = refused(Some(canary), Some(&text));
        assert!(!told.contains("CANARY") && !told.contains("canary"), "{told}");
    }
}
