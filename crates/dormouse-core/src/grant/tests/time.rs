//! Rule A2: `exp`, `nbf` and `iat`.

use super::*;

const SECOND: Millis = NOW / 1000;

#[test]
fn a2_exp_has_no_leeway() {
    let expires = NOW + 60_000;
    let token = hs256(SECRET, r#"{"alg":"HS256"}"#, &good());
    assert_eq!(from_secret().verify(&token, expires - 1).unwrap().expires, expires);
    assert_eq!(from_secret().verify(&token, expires), Err(Flaw::Expired));
    assert_eq!(from_secret().verify(&token, expires + 1), Err(Flaw::Expired));
    assert_eq!(from_secret().verify(&token, Millis::MAX), Err(Flaw::Expired));
}

#[test]
fn a2_exp_is_required_and_a_number_of_seconds() {
    assert_eq!(read_with("exp", json!(null)), Err(Flaw::Expiry));
    assert_eq!(claims_of(r#"{"sub":"ann","exp":null}"#), Err(Flaw::Expiry));
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
    assert_eq!(claims_of(&text), Err(Flaw::Expired));
}

#[test]
fn a2_the_sender_learns_whether_to_wait_to_renew_or_to_give_up() {
    let told = |flaw: Flaw| TokenError::from(flaw);
    assert_eq!(told(Flaw::Expired), TokenError::Expired);
    assert_eq!(told(Flaw::NotYet), TokenError::NotYet);
    for flaw in Flaw::ALL.iter().filter(|flaw| !matches!(flaw, Flaw::Expired | Flaw::NotYet)) {
        assert_eq!(told(*flaw), TokenError::Invalid, "{flaw:?}");
    }
    assert_eq!(TokenError::Expired.close().number(), 4300);
    assert_eq!([TokenError::Invalid.close().number(), TokenError::NotYet.close().number()], [4009, 4009]);
    let hints = [TokenError::Invalid, TokenError::NotYet, TokenError::Expired].map(TokenError::hint);
    for inside in ["key", "kid", "signature", "secret", "claim", "alg", "iss", "aud"] {
        assert!(hints.iter().all(|hint| !hint.contains(inside)), "{inside}");
    }
}
