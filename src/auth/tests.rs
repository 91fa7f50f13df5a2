//! Tokens made by hand, so that header and claims can be anything; signatures by RFC 7515 and RFC 8037.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, Hs512, Hs512Key, SigningKey};
use jwt_compact::{Algorithm, AlgorithmSignature};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::name::{ChannelName, UserId};

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
fn read(claims: &str) -> Result<Claims, Flaw> {
    from_secret().inspect(&hs256(SECRET, r#"{"alg":"HS256"}"#, claims), NOW)
}

fn read_with(name: &str, value: Value) -> Result<Claims, Flaw> {
    read(&claims(name, &value))
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

mod signatures {
    use super::*;

    #[test]
    fn a1_the_examples_of_the_standards_verify_and_give_back_what_was_signed() {
        for (key, token, signed) in
            [(A1_KEY, A1_TOKEN, JOE), (A3_KEY, A3_TOKEN, JOE), (A4_KEY, A4_TOKEN, "Example of Ed25519 signing")]
        {
            assert_eq!(from_set(&[key]).check_signature(token), Ok(signed.as_bytes().to_vec()));
        }
    }

    #[test]
    fn a1_the_examples_of_the_standards_with_one_letter_changed_do_not_verify() {
        for (key, token) in [(A1_KEY, A1_TOKEN), (A3_KEY, A3_TOKEN), (A4_KEY, A4_TOKEN)] {
            let keys = from_set(&[key]);
            for (at, letter) in token.char_indices().filter(|(_, letter)| *letter != '.') {
                let other = if letter == 'A' { "B" } else { "A" };
                let mut forged = token.to_owned();
                forged.replace_range(at..=at, other);
                assert!(keys.check_signature(&forged).is_err(), "{forged}");
            }
        }
    }

    #[test]
    fn a1_a_token_of_each_algorithm_is_accepted_by_the_key_of_that_algorithm() {
        let tokens = [
            (from_secret(), hs256(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, &good())),
            (from_set(&[A3_KEY]), es256(r#"{"alg":"ES256"}"#, &good())),
            (from_set(&[A4_KEY]), eddsa(r#"{"alg":"EdDSA"}"#, &good())),
        ];
        for (keys, token) in tokens {
            assert_eq!(keys.verify(&token, NOW).unwrap().user.as_str(), "ann");
        }
    }

    #[test]
    fn a1_another_secret_is_refused() {
        let token = hs256(OTHER_SECRET, r#"{"alg":"HS256"}"#, &good());
        assert_eq!(from_secret().inspect(&token, NOW), Err(Flaw::Signature));
    }

    #[test]
    fn a1_none_is_refused_in_every_spelling_with_and_without_a_signature() {
        let signature = hs256(SECRET, r#"{"alg":"none"}"#, &good()).rsplit_once('.').unwrap().1.to_owned();
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let text = unsigned(&json!({ "alg": alg }).to_string(), &good());
            for keys in [from_secret(), from_set(&[A1_KEY, A3_KEY, A4_KEY])] {
                assert_eq!(keys.inspect(&format!("{text}."), NOW), Err(Flaw::Algorithm));
                assert_eq!(keys.inspect(&format!("{text}.{signature}"), NOW), Err(Flaw::Algorithm));
            }
        }
    }

    #[test]
    fn a1_the_token_never_decides_the_algorithm() {
        // Signed with the right secret, named as something else; and really signed with a longer hash.
        for alg in ["HS384", "HS512", "RS256", "PS256", "ES256", "ES256K", "EdDSA", "Ed25519", "hs256"] {
            let token = hs256(SECRET, &json!({ "alg": alg }).to_string(), &good());
            assert_eq!(from_secret().inspect(&token, NOW), Err(Flaw::Algorithm), "{alg}");
        }
        let long = sign(&Hs512, &Hs512Key::new(SECRET), r#"{"alg":"HS512"}"#, &good());
        assert_eq!(from_secret().inspect(&long, NOW), Err(Flaw::Algorithm));
    }

    #[test]
    fn a1_a_public_key_is_never_used_as_a_secret() {
        for key in [A3_KEY, A4_KEY] {
            let jwk: Value = serde_json::from_str(key).unwrap();
            let x = jwk["x"].as_str().unwrap();
            let bytes = Base64UrlUnpadded::decode_vec(x).unwrap();
            let keys = from_set(&[key]);
            for secret in [&bytes[..], x.as_bytes(), key.as_bytes()] {
                let token = sign(&Hs256, &Hs256Key::new(secret), r#"{"alg":"HS256"}"#, &good());
                assert_eq!(keys.inspect(&token, NOW), Err(Flaw::Algorithm));
                let token = sign(&Hs256, &Hs256Key::new(secret), &json!({"alg": jwk_alg(key)}).to_string(), &good());
                assert_eq!(keys.inspect(&token, NOW), Err(Flaw::Signature));
            }
        }
    }

    fn jwk_alg(key: &str) -> &'static str {
        if key == A3_KEY { "ES256" } else { "EdDSA" }
    }

    #[test]
    fn a1_a_signature_of_the_wrong_length_is_refused() {
        for (keys, token) in
            [(from_set(&[A1_KEY]), A1_TOKEN), (from_set(&[A3_KEY]), A3_TOKEN), (from_set(&[A4_KEY]), A4_TOKEN)]
        {
            let (signed, _) = token.rsplit_once('.').unwrap();
            for length in (0..=200).filter(|length| *length != if token == A1_TOKEN { 32 } else { 64 }) {
                let signature = Base64UrlUnpadded::encode_string(&vec![7; length]);
                assert_eq!(keys.check_signature(&format!("{signed}.{signature}")), Err(Flaw::Signature));
            }
        }
    }

    #[test]
    fn a1_signatures_of_zeros_are_refused() {
        for (key, token) in [(A1_KEY, A1_TOKEN), (A3_KEY, A3_TOKEN), (A4_KEY, A4_TOKEN)] {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let zeros = "A".repeat(signature.len());
            assert_eq!(from_set(&[key]).check_signature(&format!("{signed}.{zeros}")), Err(Flaw::Signature));
        }
    }

    #[test]
    fn a1_what_is_no_token_is_refused() {
        let token = hs256(SECRET, r#"{"alg":"HS256"}"#, &good());
        let no_object = unsigned("[]", &good());
        let no_alg = unsigned("{}", &good());
        let number = unsigned(r#"{"alg":256}"#, &good());
        let twice = unsigned(r#"{"alg":"HS256","alg":"none"}"#, &good());
        for text in [
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            "ey.ey.ey",
            "{}",
            " ",
            "\0",
            "ü.ü.ü",
            token.trim_start_matches('e'),
            &format!("{token}."),
            &format!("{token}="),
            &format!("{token} "),
            &format!("Bearer {token}"),
            &format!("{no_object}.AAAA"),
            &format!("{no_alg}.AAAA"),
            &format!("{number}.AAAA"),
            &format!("{twice}.AAAA"),
        ] {
            assert_eq!(from_secret().inspect(text, NOW), Err(Flaw::Malformed), "{text}");
        }
    }

    #[test]
    fn a1_a_token_of_8_kib_is_looked_at_and_a_longer_one_is_not() {
        let padded = |fill: usize| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("fill", &json!("x".repeat(fill))));
        let longest = (6_000..6_144).map(padded).take_while(|token| token.len() <= TOKEN_BYTES).last().unwrap();
        assert!(longest.len() > TOKEN_BYTES - 4);
        assert!(from_secret().inspect(&longest, NOW).is_ok());
        assert_eq!(from_secret().inspect(&padded(6_144), NOW), Err(Flaw::TooLong));
    }

    #[test]
    fn a1_a_header_that_demands_an_extension_is_refused() {
        for crit in [r#"["b64"]"#, "[]", "null", "true"] {
            let token = hs256(SECRET, &format!(r#"{{"alg":"HS256","crit":{crit},"b64":false}}"#), &good());
            assert_eq!(from_secret().inspect(&token, NOW), Err(Flaw::Critical), "{crit}");
        }
    }
}

mod rotation {
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
        assert!(two().inspect(&named(SECRET, "old"), NOW).is_ok());
        assert!(two().inspect(&named(OTHER_SECRET, "new"), NOW).is_ok());
        assert!(two().inspect(&es256(r#"{"alg":"ES256","kid":"curve"}"#, &good()), NOW).is_ok());
    }

    #[test]
    fn a1_a_kid_picks_exactly_that_key_even_where_another_would_fit() {
        assert_eq!(two().inspect(&named(SECRET, "new"), NOW), Err(Flaw::Signature));
        assert_eq!(two().inspect(&named(SECRET, "curve"), NOW), Err(Flaw::Algorithm));
        assert_eq!(two().inspect(&named(SECRET, "gone"), NOW), Err(Flaw::UnknownKey));
        assert_eq!(two().inspect(&named(SECRET, ""), NOW), Err(Flaw::UnknownKey));
        assert_eq!(from_secret().inspect(&named(SECRET, "old"), NOW), Err(Flaw::UnknownKey));
    }

    #[test]
    fn a1_a_token_without_kid_is_tried_against_every_key_of_its_algorithm() {
        for secret in [SECRET, OTHER_SECRET] {
            assert!(two().inspect(&hs256(secret, r#"{"alg":"HS256"}"#, &good()), NOW).is_ok());
        }
        assert_eq!(two().inspect(&hs256("x", r#"{"alg":"HS256"}"#, &good()), NOW), Err(Flaw::Signature));
    }

    #[test]
    fn a1_a_retired_key_is_refused() {
        let keys = from_set(&[&oct(OTHER_SECRET, "new")]);
        assert_eq!(keys.inspect(&named(SECRET, "old"), NOW), Err(Flaw::UnknownKey));
        assert_eq!(keys.inspect(&hs256(SECRET, r#"{"alg":"HS256"}"#, &good()), NOW), Err(Flaw::Signature));
    }

    #[test]
    fn a1_a_secret_and_a_set_are_live_together() {
        let keys = Keys::parse(Some(SECRET), Some(&set(&[A4_KEY])), None, None).unwrap();
        assert!(keys.inspect(&hs256(SECRET, r#"{"alg":"HS256"}"#, &good()), NOW).is_ok());
        assert!(keys.inspect(&eddsa(r#"{"alg":"EdDSA"}"#, &good()), NOW).is_ok());
    }

    #[test]
    fn a1_a_kid_that_is_no_text_is_no_token() {
        let token = hs256(SECRET, r#"{"alg":"HS256","kid":7}"#, &good());
        assert_eq!(from_secret().inspect(&token, NOW), Err(Flaw::Malformed));
    }
}

mod time {
    use super::*;

    const SECOND: Millis = NOW / 1000;

    #[test]
    fn a2_exp_has_no_leeway() {
        let expires = NOW + 60_000;
        let token = hs256(SECRET, r#"{"alg":"HS256"}"#, &good());
        assert_eq!(from_secret().verify(&token, expires - 1).unwrap().expires, expires);
        assert_eq!(from_secret().verify(&token, expires), Err(TokenError::Expired));
        assert_eq!(from_secret().verify(&token, expires + 1), Err(TokenError::Expired));
        assert_eq!(from_secret().verify(&token, Millis::MAX), Err(TokenError::Expired));
    }

    #[test]
    fn a2_exp_is_required_and_a_number_of_seconds() {
        assert_eq!(read_with("exp", json!(null)), Err(Flaw::Expiry));
        assert_eq!(read(r#"{"sub":"ann","exp":null}"#), Err(Flaw::Expiry));
        assert_eq!(read_with("exp", json!(-1)), Err(Flaw::Expiry));
        assert_eq!(read_with("exp", json!(1e300)), Err(Flaw::Expiry));
        assert_eq!(read_with("exp", json!("1900000060")), Err(Flaw::Claims));
        assert_eq!(read_with("exp", json!(true)), Err(Flaw::Claims));
        assert_eq!(read_with("exp", json!(1_900_000_060.5)).unwrap().expires, NOW + 60_500);
    }

    #[test]
    fn a2_exp_in_milliseconds_by_mistake_is_refused_instead_of_lasting_for_ever() {
        assert_eq!(read_with("exp", json!(NOW + 60_000)), Err(Flaw::Expiry));
        assert_eq!(read_with("exp", json!(253_402_300_800_u64)), Err(Flaw::Expiry));
        assert_eq!(read_with("exp", json!(253_402_300_799_u64)).unwrap().expires, 253_402_300_799_000);
    }

    #[test]
    fn a2_nbf_and_iat_have_thirty_seconds_of_leeway() {
        for name in ["nbf", "iat"] {
            assert!(read_with(name, json!(SECOND - 1)).is_ok());
            assert!(read_with(name, json!(SECOND + 30)).is_ok());
            assert_eq!(read_with(name, json!(SECOND as f64 + 30.5)), Err(Flaw::NotYet));
            assert_eq!(read_with(name, json!(SECOND + 31)), Err(Flaw::NotYet));
            assert_eq!(read_with(name, json!(-1)), Err(Flaw::Date));
            assert_eq!(read_with(name, json!("now")), Err(Flaw::Claims));
        }
        assert_eq!(read_with("iat", json!(SECOND - 1)).unwrap().issued, Some(NOW - 1000));
        assert_eq!(read_with("nbf", json!(SECOND - 1)).unwrap().issued, None);
    }

    #[test]
    fn a2_what_has_expired_before_it_began_has_expired() {
        let text = json!({"sub": "ann", "exp": SECOND - 1, "nbf": SECOND + 100}).to_string();
        assert_eq!(read(&text), Err(Flaw::Expired));
    }

    #[test]
    fn a2_the_sender_learns_whether_to_wait_to_renew_or_to_give_up() {
        let told = |flaw: Flaw| TokenError::from(flaw);
        assert_eq!(told(Flaw::Expired), TokenError::Expired);
        assert_eq!(told(Flaw::NotYet), TokenError::NotYet);
        for flaw in Flaw::ALL.iter().filter(|flaw| !matches!(flaw, Flaw::Expired | Flaw::NotYet)) {
            assert_eq!(told(*flaw), TokenError::Invalid, "{flaw:?}");
        }
        let hints = [TokenError::Invalid, TokenError::NotYet, TokenError::Expired].map(TokenError::hint);
        for inside in ["key", "kid", "signature", "secret", "claim", "alg", "iss", "aud"] {
            assert!(hints.iter().all(|hint| !hint.contains(inside)), "{inside}");
        }
    }
}

mod claims {
    use super::*;

    #[test]
    fn a2_sub_is_one_to_128_characters() {
        for user in ["a", "ann", "ü", &"ü".repeat(128), "auth0|5f7c", "x y"] {
            assert_eq!(read_with("sub", json!(user)).unwrap().user.as_str(), user);
        }
        assert_eq!(read_with("sub", json!("")), Err(Flaw::Subject));
        assert_eq!(read_with("sub", json!("ü".repeat(129))), Err(Flaw::Subject));
        assert_eq!(read_with("sub", json!(null)), Err(Flaw::Subject));
        assert_eq!(read_with("sub", json!(7)), Err(Flaw::Claims));
    }

    #[test]
    fn a2_claims_that_are_no_object_or_name_one_claim_twice_are_refused() {
        let list = r#"["ann",1900000060,null,null,null,null,null,null,null,null]"#;
        let twice = r#"{"sub":"ann","exp":1900000060,"sub":"bob"}"#;
        for text in ["", "[]", "7", "null", "{", r#""sub""#, list, twice] {
            assert_eq!(read(text), Err(Flaw::Claims), "{text}");
        }
    }

    #[test]
    fn a2_iss_is_checked_where_configured() {
        let keys = Keys::parse(Some(SECRET), None, Some("https://issuer"), None).unwrap();
        let token = |iss| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("iss", &iss));
        assert!(keys.inspect(&token(json!("https://issuer")), NOW).is_ok());
        assert_eq!(keys.inspect(&token(json!("https://issuer/")), NOW), Err(Flaw::Issuer));
        assert_eq!(keys.inspect(&token(json!(null)), NOW), Err(Flaw::Issuer));
        assert_eq!(keys.inspect(&token(json!(["https://issuer"])), NOW), Err(Flaw::Claims));
        assert!(from_secret().inspect(&token(json!("anyone")), NOW).is_ok());
    }

    #[test]
    fn a2_aud_is_checked_where_configured_and_may_be_a_text_or_a_list() {
        let keys = Keys::parse(Some(SECRET), None, None, Some("chat")).unwrap();
        let token = |aud| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("aud", &aud));
        for aud in [json!("chat"), json!(["chat"]), json!(["shop", "chat"])] {
            assert!(keys.inspect(&token(aud), NOW).is_ok());
        }
        for aud in [json!("shop"), json!([]), json!(["shop"]), json!(null), json!("chat2"), json!("")] {
            assert_eq!(keys.inspect(&token(aud), NOW), Err(Flaw::Audience));
        }
        for aud in [json!(7), json!([7]), json!({"chat": true})] {
            assert_eq!(keys.inspect(&token(aud), NOW), Err(Flaw::Claims));
        }
        assert!(from_secret().inspect(&token(json!("anyone")), NOW).is_ok());
    }

    #[test]
    fn a2_for_whom_a_token_is_comes_before_its_time() {
        let keys = Keys::parse(Some(SECRET), None, Some("us"), None).unwrap();
        let token = hs256(SECRET, r#"{"alg":"HS256"}"#, r#"{"sub":"ann","exp":1,"iss":"them"}"#);
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn a2_roles_are_at_most_32_of_64_bytes() {
        let many = |count: usize| json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(read_with("roles", many(32)).unwrap().roles.len(), 32);
        assert_eq!(read_with("roles", many(33)), Err(Flaw::Roles));
        assert_eq!(read_with("roles", json!(["ü".repeat(32)])).unwrap().roles, ["ü".repeat(32)]);
        for role in ["x".repeat(65), "ü".repeat(33), String::new(), "a\nb".into(), "\u{7f}".into()] {
            assert_eq!(read_with("roles", json!([role])), Err(Flaw::Roles));
        }
        assert_eq!(read_with("roles", json!("admin")), Err(Flaw::Claims));
        assert!(read_with("roles", json!(null)).unwrap().roles.is_empty());
    }

    #[test]
    fn a2_jti_is_kept_and_bounded() {
        assert_eq!(read_with("jti", json!("x".repeat(128))).unwrap().token_id, Some("x".repeat(128)));
        for jti in ["x".repeat(129), String::new(), "a\u{0}".into()] {
            assert_eq!(read_with("jti", json!(jti)), Err(Flaw::TokenId));
        }
        assert_eq!(read_with("jti", json!(7)), Err(Flaw::Claims));
    }

    fn with_info(info: &str) -> Result<Claims, Flaw> {
        read(&format!(r#"{{"sub":"ann","exp":1900000060,"info":{info}}}"#))
    }

    #[test]
    fn a2_info_is_an_object_kept_byte_for_byte() {
        for text in
            ["{}", "{ \"name\" :\t\"Ann\\u00e9\",\r\n\"n\":1.50e+01, \"deep\":{\"a\":[null]} }", r#"{"ü":"😀"}"#]
        {
            assert_eq!(with_info(text).unwrap().info.as_deref(), Some(text));
        }
        assert_eq!(with_info("null").unwrap().info, None);
        for text in ["[]", "7", r#""{}""#, "true"] {
            assert_eq!(with_info(text), Err(Flaw::Info), "{text}");
        }
    }

    #[test]
    fn a2_info_that_others_could_not_parse_is_refused() {
        for text in
            [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, &format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200))]
        {
            assert_eq!(with_info(text), Err(Flaw::Info), "{text}");
        }
    }

    #[test]
    fn a2_info_is_at_most_one_kib_of_text() {
        let info = |fill: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(fill));
        assert_eq!(info(1016).len(), 1024);
        assert!(with_info(&info(1016)).is_ok());
        assert_eq!(with_info(&info(1017)), Err(Flaw::Info));
    }

    #[test]
    fn f1_claims_of_others_are_ignored_however_deep() {
        assert!(read_with("email", json!({"deep": [1, 2]})).is_ok());
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        assert!(read(&format!(r#"{{"sub":"ann","exp":1900000060,"x":{deep}}}"#)).is_ok());
        assert_eq!(read(&format!(r#"{{"sub":"ann","exp":1900000060,"can":{deep}}}"#)), Err(Flaw::Claims));
    }
}

mod grants {
    use super::*;

    fn grant(can: Value, name: &str) -> Vec<String> {
        read_with("can", can).unwrap().grant(&channel(name)).abilities
    }

    #[test]
    fn a2_what_several_patterns_grant_adds_up_and_each_is_named_once() {
        let can = json!({"chat:*": ["join", "publish"], "chat:lobby": ["publish", "history"], "**": ["presence"], "shop:*": ["meter"]});
        assert_eq!(grant(can.clone(), "chat:lobby"), ["history", "join", "presence", "publish"]);
        assert_eq!(grant(can.clone(), "chat:attic"), ["join", "presence", "publish"]);
        assert_eq!(grant(can, "door"), ["presence"]);
    }

    #[test]
    fn a3_without_can_nothing_is_granted() {
        for can in [json!(null), json!({}), json!({"chat:*": []})] {
            assert!(grant(can, "chat:lobby").is_empty());
        }
    }

    #[test]
    fn a3_abilities_of_a_newer_release_are_kept_and_nonsense_is_left_out() {
        let can = json!({"chat:*": ["join", "publish:say", "moderate", "kick:any", "", " join", "jo in", "publish:", ":say",
            "publish:a:b", "ü", "join\n", "x".repeat(73)]});
        assert_eq!(grant(can, "chat:lobby"), ["join", "moderate", "kick:any", "publish:say"]);
        let longest = format!("publish:{}", "e".repeat(64));
        assert_eq!(grant(json!({"chat:*": [longest]}), "chat:lobby"), [longest]);
    }

    #[test]
    fn a3_a_pattern_that_is_none_grants_nothing_and_the_others_hold() {
        let can = json!({"chat:*": ["join"], "**:chat": ["publish"], "": ["publish"], "chat:lo*": ["publish"], "a b": ["publish"]});
        assert_eq!(grant(can, "chat:lobby"), ["join"]);
    }

    #[test]
    fn a2_can_is_an_object_of_lists_of_texts_and_bounded() {
        for can in
            [json!([]), json!("chat:*"), json!({"chat:*": "join"}), json!({"chat:*": [1]}), json!({"chat:*": null})]
        {
            assert_eq!(read_with("can", can), Err(Flaw::Claims));
        }
        let patterns = |count: usize| Value::Object((0..count).map(|n| (format!("c{n}"), json!(["join"]))).collect());
        assert_eq!(read_with("can", patterns(64)).unwrap().can.len(), 64);
        assert_eq!(read_with("can", patterns(65)), Err(Flaw::Can));
        let abilities =
            |count: usize| json!({"chat:*": (0..count).map(|n| format!("publish:{n}")).collect::<Vec<_>>()});
        assert_eq!(grant(abilities(64), "chat:lobby").len(), 64);
        assert_eq!(read_with("can", abilities(65)), Err(Flaw::Can));
    }

    #[test]
    fn a3_many_events_do_not_push_out_the_whole_abilities() {
        let events: Vec<_> = (0..64).map(|n| format!("a:{n}")).collect();
        let abilities = grant(json!({"chat:*": events, "**": ["join", "publish"]}), "chat:lobby");
        assert_eq!(abilities.len(), 64);
        assert_eq!(abilities[..2], ["join", "publish"]);
    }

    #[test]
    fn h3_a_grant_is_read_back_whole_and_by_releases_that_know_more_or_less() {
        let text = json!({"sub": "ann", "exp": 1_900_000_060, "iat": 1_900_000_000, "jti": "t", "roles": ["mod"],
            "info": {"name": "Ann"}, "can": {"chat:*": ["join"]}})
        .to_string();
        let full = read(&text).unwrap().grant(&channel("chat:lobby"));
        let written = serde_json::to_string(&full).unwrap();
        assert_eq!(
            written,
            r#"{"u":"ann","x":1900000060000,"a":["join"],"r":["mod"],"i":"{\"name\":\"Ann\"}","j":"t","t":1900000000000}"#
        );
        assert_eq!(serde_json::from_str::<Grant>(&written).unwrap(), full);
        let newer: Grant = serde_json::from_str(r#"{"u":"ann","x":7,"z":{"new":1}}"#).unwrap();
        assert_eq!(newer.user.as_str(), "ann");
        assert!(newer.abilities.is_empty() && newer.roles.is_empty() && newer.info.is_none());
        assert!(serde_json::from_str::<Grant>(r#"{"x":7}"#).is_err());
    }

    #[test]
    fn h3_the_largest_grant_leaves_room_in_an_attachment() {
        let quotes = |length: usize| "\"".repeat(length);
        let largest = Grant {
            user: UserId::parse(&"\u{1}".repeat(128)).unwrap(),
            expires: Millis::MAX,
            abilities: vec!["x".repeat(72); 64],
            roles: vec![quotes(64); 32],
            info: Some(quotes(1024).into()),
            token_id: Some(quotes(128)),
            issued: Some(Millis::MAX),
        };
        // An attachment has 16,384 bytes; presence data of 1 KiB, escaped, and the session's own state need 3,000.
        assert!(serde_json::to_string(&largest).unwrap().len() <= 13_000);
    }
}

mod operators {
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
            refused(Some("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), None)
                .contains("JWT_JWKS")
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
        let rsa = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#;
        let p384 = A3_KEY.replace("P-256", "P-384");
        let off_curve = A3_KEY.replace("x_FEzRu9m36HLN", "x_FEzRu9m36HLM");
        let short = A4_KEY.replace("11qYAYKx", "");
        let padded = A4_KEY.replace("HURo\"", "HURo=\"");
        let x25519 = A4_KEY.replace("Ed25519", "X25519");
        let weak = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"AQ{}"}}"#, "A".repeat(41));
        for (key, part) in [
            (with(A3_KEY, r#""alg":"HS256""#), r#"it must be "ES256""#),
            (with(A1_KEY, r#""alg":"HS512""#), r#"it must be "HS256""#),
            (with(A4_KEY, r#""alg":"Ed25519""#), r#"it must be "EdDSA""#),
            (with(A3_KEY, r#""use":"enc""#), "not for signatures"),
            (with(A3_KEY, r#""key_ops":["sign"]"#), "key_ops"),
            (with(A3_KEY, r#""d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI""#), "private key"),
            (with(A4_KEY, r#""kid":"""#), "empty kid"),
            (with(A4_KEY, r#""kid":7"#), "is not a JWK"),
            (r#"{"k":"AA"}"#.to_owned(), "is not a JWK"),
            ("7".to_owned(), "is not a JWK"),
            (r#"["oct",null,null,null,null]"#.to_owned(), "is not a JWK"),
            (rsa.to_owned(), "kty that is not supported"),
            (p384, "not a whole key for ES256"),
            (off_curve, "not a whole key for ES256"),
            (r#"{"kty":"EC","crv":"P-256"}"#.to_owned(), "not a whole key for ES256"),
            (short, "not a whole key for EdDSA"),
            (padded, "not a whole key for EdDSA"),
            (x25519, "not a whole key for EdDSA"),
            (weak, "not a whole key for EdDSA"),
            (r#"{"kty":"oct"}"#.to_owned(), "not a whole key for HS256"),
        ] {
            let told = refused_key(&key);
            assert!(told.starts_with("Key 2 of JWT_JWKS ") && told.contains(part), "{told}");
        }
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
        assert_eq!(told.unwrap_err().len(), 5);
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
}

mod hostile {
    use super::*;

    fn any_good() -> impl Strategy<Value = (usize, String)> {
        let tokens = [
            hs256(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, &good()),
            es256(r#"{"alg":"ES256","typ":"JWT"}"#, &good()),
            eddsa(r#"{"alg":"EdDSA","typ":"JWT"}"#, &good()),
        ];
        (0..tokens.len()).prop_map(move |kind| (kind, tokens[kind].clone()))
    }

    fn all_kinds() -> Keys {
        Keys::parse(Some(SECRET), Some(&set(&[A3_KEY, A4_KEY])), None, None).unwrap()
    }

    #[derive(Clone, Debug)]
    enum Mutation {
        Replace(prop::sample::Index, char),
        Insert(prop::sample::Index, char),
        Remove(prop::sample::Index),
        Swap(prop::sample::Index, prop::sample::Index),
        Cut(prop::sample::Index),
        Repeat(prop::sample::Index),
    }

    fn mutation() -> impl Strategy<Value = Mutation> {
        let letter = prop_oneof![
            4 => prop::char::range('A', 'z'),
            1 => Just('.'), 1 => Just('='), 1 => Just('-'), 1 => any::<char>(),
        ];
        let at = any::<prop::sample::Index>;
        prop_oneof![
            (at(), letter.clone()).prop_map(|(at, letter)| Mutation::Replace(at, letter)),
            (at(), letter).prop_map(|(at, letter)| Mutation::Insert(at, letter)),
            at().prop_map(Mutation::Remove),
            (at(), at()).prop_map(|(one, other)| Mutation::Swap(one, other)),
            at().prop_map(Mutation::Cut),
            at().prop_map(Mutation::Repeat),
        ]
    }

    fn mutate(token: &str, mutation: &Mutation) -> String {
        let mut letters: Vec<char> = token.chars().collect();
        let count = letters.len();
        match mutation {
            _ if count == 0 => {}
            Mutation::Replace(at, letter) => letters[at.index(count)] = *letter,
            Mutation::Insert(at, letter) => letters.insert(at.index(count), *letter),
            Mutation::Remove(at) => drop(letters.remove(at.index(count))),
            Mutation::Swap(one, other) => letters.swap(one.index(count), other.index(count)),
            Mutation::Cut(at) => letters.truncate(at.index(count)),
            Mutation::Repeat(at) => letters.extend_from_within(at.index(count)..),
        }
        letters.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a1_a_token_changed_anywhere_never_verifies(
            (_, token) in any_good(),
            mutations in prop::collection::vec(mutation(), 1..4),
        ) {
            let keys = all_kinds();
            prop_assert!(keys.inspect(&token, NOW).is_ok());
            let changed = mutations.iter().fold(token.clone(), |token, mutation| mutate(&token, mutation));
            prop_assume!(changed != token);
            prop_assert!(keys.inspect(&changed, NOW).is_err(), "{}", changed);
        }

        #[test]
        fn a1_no_signature_is_good_for_other_claims(user in "[a-z]{1,8}", (_, token) in any_good()) {
            prop_assume!(user != "ann");
            let (header, rest) = token.split_once('.').unwrap();
            let (_, signature) = rest.split_once('.').unwrap();
            let other = Base64UrlUnpadded::encode_string(claims("sub", &json!(user)).as_bytes());
            prop_assert_eq!(all_kinds().inspect(&format!("{header}.{other}.{signature}"), NOW), Err(Flaw::Signature));
        }

        #[test]
        fn a1_no_text_is_a_token(text in "\\PC{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 3)) {
            prop_assert!(all_kinds().inspect(&text, NOW).is_err());
            prop_assert!(all_kinds().inspect(&parts.join("."), NOW).is_err());
        }

        #[test]
        fn a2_signed_claims_of_any_shape_are_read_or_refused(
            name in prop::sample::select(vec!["sub", "exp", "nbf", "iat", "iss", "aud", "jti", "can", "roles", "info"]),
            value in any_json(),
        ) {
            // Whatever it is, what comes out is within the bounds that an attachment relies on.
            if let Ok(claims) = read_with(name, value) {
                let grant = claims.grant(&channel("chat:lobby"));
                prop_assert!(serde_json::to_string(&grant).unwrap().len() <= 13_000);
                prop_assert!(claims.expires > NOW);
            }
        }

        #[test]
        fn a1_any_header_is_read_or_refused(header in any_json(), text in "\\PC{0,80}") {
            for header in [header.to_string(), text] {
                let token = hs256(SECRET, &header, &good());
                let named: Value = serde_json::from_str(&header).unwrap_or_default();
                prop_assert!(named["alg"] == "HS256" || from_secret().inspect(&token, NOW).is_err(), "{}", header);
            }
        }

        #[test]
        fn a1_any_set_of_keys_is_read_or_refused(value in any_json(), text in "\\PC{0,80}") {
            for jwks in [value.to_string(), json!({"keys": [value]}).to_string(), text] {
                prop_assert!(Keys::parse(None, Some(&jwks), None, None).is_err(), "{}", jwks);
            }
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["join", "chat:*", "**", "HS256", "alg", "kty", "oct", "EC"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("(alg|kid|crit|kty|k|x|d|chat:\\*|\\PC{0,6})", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
