//! Rule A2: what the claims may be.

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
fn a2_what_is_shown_of_a_token_can_stand_in_a_frame() {
    for text in ["a\u{ffff}", "\u{fdd0}", "\u{1fffe}b"] {
        assert_eq!(read_with("sub", json!(text)), Err(Flaw::Subject), "{text:?}");
        assert_eq!(read_with("roles", json!(["host", text])), Err(Flaw::Roles), "{text:?}");
        assert_eq!(read_with("jti", json!(text)), Err(Flaw::TokenId), "{text:?}");
        for info in [json!({"name": text}), json!({text: 1})] {
            assert_eq!(read_with("info", info), Err(Flaw::Info), "{text:?}");
        }
    }
    for text in ["a\u{fffd}", "\u{10fffd}", "\u{1f600}"] {
        assert_eq!(read_with("sub", json!(text)).unwrap().user.as_str(), text);
        assert_eq!(read_with("roles", json!([text])).unwrap().roles, [text]);
    }
}

#[test]
fn a2_claims_that_are_no_object_or_name_one_claim_twice_are_refused() {
    let list = r#"["ann",1900000060,null,null,null,null,null,null,null,null]"#;
    let twice = r#"{"sub":"ann","exp":1900000060,"sub":"bob"}"#;
    for text in ["", "[]", "7", "null", "{", r#""sub""#, list, twice] {
        assert_eq!(claims_of(text), Err(Flaw::Claims), "{text}");
    }
}

#[test]
fn a2_iss_is_checked_where_configured() {
    let keys = Keys::parse(Some(SECRET), None, Some("https://issuer"), None).unwrap();
    let token = |iss| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("iss", &iss));
    assert!(keys.verify(&token(json!("https://issuer")), NOW).is_ok());
    assert_eq!(keys.verify(&token(json!("https://issuer/")), NOW), Err(Flaw::Issuer));
    assert_eq!(keys.verify(&token(json!(null)), NOW), Err(Flaw::Issuer));
    assert_eq!(keys.verify(&token(json!(["https://issuer"])), NOW), Err(Flaw::Claims));
    assert!(from_secret().verify(&token(json!("anyone")), NOW).is_ok());
}

#[test]
fn a2_aud_is_checked_where_configured_and_may_be_a_text_or_a_list() {
    let keys = Keys::parse(Some(SECRET), None, None, Some("chat")).unwrap();
    let token = |aud| hs256(SECRET, r#"{"alg":"HS256"}"#, &claims("aud", &aud));
    for aud in [json!("chat"), json!(["chat"]), json!(["shop", "chat"])] {
        assert!(keys.verify(&token(aud), NOW).is_ok());
    }
    for aud in [json!("shop"), json!([]), json!(["shop"]), json!(null), json!("chat2"), json!("")] {
        assert_eq!(keys.verify(&token(aud), NOW), Err(Flaw::Audience));
    }
    for aud in [json!(7), json!([7]), json!({"chat": true})] {
        assert_eq!(keys.verify(&token(aud), NOW), Err(Flaw::Claims));
    }
    assert!(from_secret().verify(&token(json!("anyone")), NOW).is_ok());
}

#[test]
fn a2_for_whom_a_token_is_comes_before_its_time() {
    let keys = Keys::parse(Some(SECRET), None, Some("us"), None).unwrap();
    let token = hs256(SECRET, r#"{"alg":"HS256"}"#, r#"{"sub":"ann","exp":1,"iss":"them"}"#);
    assert_eq!(keys.verify(&token, NOW), Err(Flaw::Issuer));
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

#[test]
fn a2_home_is_1_to_64_plain_characters() {
    for home in ["a", "acme", "Eu_1-a.b", &"x".repeat(64)] {
        assert_eq!(read_with("home", json!(home)).unwrap().home.as_deref(), Some(home));
    }
    for home in ["", &"x".repeat(65), "a/b", "a b", "ä", "a\n", "a%2f", "a:b"] {
        assert_eq!(read_with("home", json!(home)), Err(Flaw::Home), "{home:?}");
    }
    for home in [json!(7), json!(["a"])] {
        assert_eq!(read_with("home", home), Err(Flaw::Claims));
    }
    assert_eq!(read_with("home", json!(null)).unwrap().home, None);
}

fn with_info(info: &str) -> Result<Claims, Flaw> {
    claims_of(&format!(r#"{{"sub":"ann","exp":1900000060,"info":{info}}}"#))
}

#[test]
fn a2_info_is_an_object_kept_byte_for_byte() {
    for text in ["{}", "{ \"name\" :\t\"Ann\\u00e9\",\r\n\"n\":1.50e+01, \"deep\":{\"a\":[null]} }", r#"{"ü":"😀"}"#]
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
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(with_info(&deep(63)).is_ok());
    for text in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, r#"{"a":1,"a":2}"#, &deep(64), &deep(500)] {
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
    assert!(claims_of(&format!(r#"{{"sub":"ann","exp":1900000060,"x":{deep}}}"#)).is_ok());
    assert_eq!(claims_of(&format!(r#"{{"sub":"ann","exp":1900000060,"can":{deep}}}"#)), Err(Flaw::Claims));
}
