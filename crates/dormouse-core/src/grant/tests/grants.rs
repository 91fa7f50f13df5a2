//! Rules A2, A3 and H3: what of the claims concerns one channel.

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
    for can in [json!([]), json!("chat:*"), json!({"chat:*": "join"}), json!({"chat:*": [1]}), json!({"chat:*": null})]
    {
        assert_eq!(read_with("can", can), Err(Flaw::Claims));
    }
    let patterns = |count: usize| Value::Object((0..count).map(|n| (format!("c{n}"), json!(["join"]))).collect());
    assert_eq!(read_with("can", patterns(64)).unwrap().can.len(), 64);
    assert_eq!(read_with("can", patterns(65)), Err(Flaw::Can));
    let abilities = |count: usize| json!({"chat:*": (0..count).map(|n| format!("publish:{n}")).collect::<Vec<_>>()});
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
    let full = claims_of(&text).unwrap().grant(&channel("chat:lobby"));
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
