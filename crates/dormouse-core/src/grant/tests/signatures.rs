//! Rule A1: which signatures are good.

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
    assert_eq!(from_secret().verify(&token, NOW), Err(Flaw::Signature));
}

#[test]
fn a1_none_is_refused_in_every_spelling_with_and_without_a_signature() {
    let signature = hs256(SECRET, r#"{"alg":"none"}"#, &good()).rsplit_once('.').unwrap().1.to_owned();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let text = unsigned(&json!({ "alg": alg }).to_string(), &good());
        for keys in [from_secret(), from_set(&[A1_KEY, A3_KEY, A4_KEY])] {
            assert_eq!(keys.verify(&format!("{text}."), NOW), Err(Flaw::Algorithm));
            assert_eq!(keys.verify(&format!("{text}.{signature}"), NOW), Err(Flaw::Algorithm));
        }
    }
}

#[test]
fn a1_the_token_never_decides_the_algorithm() {
    // Signed with the right secret, named as something else; and really signed with a longer hash.
    for alg in ["HS384", "HS512", "RS256", "PS256", "ES256", "ES256K", "EdDSA", "Ed25519", "hs256"] {
        let token = hs256(SECRET, &json!({ "alg": alg }).to_string(), &good());
        assert_eq!(from_secret().verify(&token, NOW), Err(Flaw::Algorithm), "{alg}");
    }
    let long = sign(&Hs512, &Hs512Key::new(SECRET), r#"{"alg":"HS512"}"#, &good());
    assert_eq!(from_secret().verify(&long, NOW), Err(Flaw::Algorithm));
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
            assert_eq!(keys.verify(&token, NOW), Err(Flaw::Algorithm));
            let token = sign(&Hs256, &Hs256Key::new(secret), &json!({"alg": jwk_alg(key)}).to_string(), &good());
            assert_eq!(keys.verify(&token, NOW), Err(Flaw::Signature));
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
    let list = hs256(SECRET, r#"["HS256",null,false]"#, &good());
    let deep = unsigned(&format!(r#"{{"alg":"HS256","x":{}}}"#, "[".repeat(3_000)), &good());
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
        &list,
        &format!("{no_object}.AAAA"),
        &format!("{no_alg}.AAAA"),
        &format!("{number}.AAAA"),
        &format!("{twice}.AAAA"),
        &format!("{deep}.AAAA"),
    ] {
        assert_eq!(from_secret().verify(text, NOW), Err(Flaw::Malformed), "{text}");
    }
}

#[test]
fn a1_a_token_of_8_kib_is_looked_at_and_a_longer_one_is_not() {
    let padded = |fill: usize| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("fill", &json!("x".repeat(fill))));
    let (short, long): (Vec<_>, Vec<_>) = (6_000..6_144).map(padded).partition(|token| token.len() <= TOKEN_BYTES);
    let (longest, shortest) = (short.last().unwrap(), long.first().unwrap());
    assert!(longest.len() >= TOKEN_BYTES - 1 && shortest.len() <= TOKEN_BYTES + 1);
    assert!(from_secret().verify(longest, NOW).is_ok());
    assert_eq!(from_secret().verify(shortest, NOW), Err(Flaw::TooLong));
}

#[test]
fn a1_a_header_that_demands_an_extension_is_refused() {
    for crit in [r#"["b64"]"#, "[]", "null", "true"] {
        let token = hs256(SECRET, &format!(r#"{{"alg":"HS256","crit":{crit},"b64":false}}"#), &good());
        assert_eq!(from_secret().verify(&token, NOW), Err(Flaw::Critical), "{crit}");
    }
}
