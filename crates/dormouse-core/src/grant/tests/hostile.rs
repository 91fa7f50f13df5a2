//! Rules A1 and A2 as properties over random input.

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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a1_a_token_changed_anywhere_never_verifies(
        (_, token) in any_good(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let keys = all_kinds();
        prop_assert!(keys.verify(&token, NOW).is_ok());
        let changed = mutations.iter().fold(token.clone(), |token, mutation| mutate(&token, mutation));
        prop_assume!(changed != token);
        prop_assert!(keys.verify(&changed, NOW).is_err(), "{}", changed);
    }

    #[test]
    fn a1_no_signature_is_good_for_other_claims(user in "[a-z]{1,8}", (_, token) in any_good()) {
        prop_assume!(user != "ann");
        let (header, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let other = Base64UrlUnpadded::encode_string(claims("sub", &json!(user)).as_bytes());
        prop_assert_eq!(all_kinds().verify(&format!("{header}.{other}.{signature}"), NOW), Err(Flaw::Signature));
    }

    #[test]
    fn a1_no_text_is_a_token(text in "\\PC{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 3)) {
        prop_assert!(all_kinds().verify(&text, NOW).is_err());
        prop_assert!(all_kinds().verify(&parts.join("."), NOW).is_err());
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
            prop_assert!(named["alg"] == "HS256" || from_secret().verify(&token, NOW).is_err(), "{}", header);
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
        prop::sample::select(vec!["join", "chat:*", "**", "HS256", "alg", "kty", "oct", "EC"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("(alg|kid|crit|kty|k|x|d|chat:\\*|\\PC{0,6})", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
