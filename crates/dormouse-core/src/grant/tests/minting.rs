//! Tokens made for development.

use std::collections::BTreeMap;

use super::*;

fn mint(keys: &Keys) -> Option<String> {
    let can = BTreeMap::from_iter([("chat:*".to_owned(), vec!["join".to_owned(), "publish".to_owned()])]);
    keys.mint(&UserId::parse("ann").unwrap(), &can, &[], NOW + 999, 60_000)
}

#[test]
fn a_minted_token_is_accepted_and_says_what_was_asked() {
    let keys = Keys::parse(Some(SECRET), Some(&set(&[A1_KEY])), Some("us"), Some("chat")).unwrap();
    let claims = keys.verify(&mint(&keys).unwrap(), NOW).unwrap();
    assert_eq!((claims.user.as_str(), claims.expires, claims.issued), ("ann", NOW + 60_000, Some(NOW)));
    assert_eq!(claims.grant(&channel("chat:lobby")).abilities, ["join", "publish"]);
    assert!(claims.grant(&channel("door:lobby")).abilities.is_empty());
}

#[test]
fn a_minted_token_is_accepted_by_nobody_with_another_secret() {
    let token = mint(&from_secret()).unwrap();
    let other = Keys::parse(Some(OTHER_SECRET), None, None, None).unwrap();
    assert_eq!(other.verify(&token, NOW), Err(Flaw::Signature));
}

#[test]
fn without_a_secret_nothing_is_minted() {
    assert_eq!(mint(&from_set(&[A3_KEY, A4_KEY])), None);
}
