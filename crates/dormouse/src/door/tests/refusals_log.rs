//! Every refusal is in the log with its code and what was missing, and with nothing that was sent in confidence (rule R2).

use super::{House, Request};
use crate::door::Visitor as _;
use dormouse_core::effect::{Level, LogLine};

const JOIN: &str = "/v1/channels/chat:a";

fn told(line: &LogLine) -> (Option<&str>, &str) {
    assert_eq!((line.level, line.event), (Level::Warn, "refused"));
    (line.code, line.detail.as_deref().unwrap_or_default())
}

#[test]
fn r2_a_foreign_origin_a_foreign_sub_protocol_and_an_unknown_channel_are_in_the_log() {
    let house = House::plain();
    for (request, code, part) in [
        (Request::upgrade(JOIN).header("Origin", "https://evil.example"), "forbidden", "no `https://evil.example`"),
        (Request::post(&format!("{JOIN}/messages")).header("Origin", "null"), "forbidden", "no `null`"),
        (Request::preflight(JOIN, "https://evil.example"), "forbidden", "ALLOWED_ORIGINS"),
        (Request::upgrade(JOIN).header("Sec-WebSocket-Protocol", "bearer.s3cret"), "bad_frame", "dormouse.v1 is none"),
        (
            Request::upgrade("/v1/channels/chart:a"),
            "no_such_channel",
            "no pattern of the contract fits the name: `chart:a`",
        ),
        (Request::upgrade("/v1/channels/chat:a%20b"), "no_such_channel", "no channel's name: `chat:a%20b`"),
        (Request::get("/v1/channels/chart:a/members"), "not_found", "`chart:a`"),
        (Request::get(JOIN), "upgrade_required", ""),
        (Request::new("PUT", JOIN), "method_not_allowed", ""),
        (Request::get("/v1/nothing"), "not_found", ""),
    ] {
        let line = house.refused(&request).line;
        let (told, detail) = told(&line);
        assert!(told == Some(code) && detail.contains(part), "{line:?}");
        assert!(!format!("{line:?}").contains("s3cret"), "{line:?}");
    }
    let long = house.refused(&Request::upgrade(&format!("/v1/channels/{}", "x".repeat(9_000)))).line;
    assert!(long.detail.unwrap().len() < 200);
}

#[test]
fn r2_no_token_is_told_apart_from_an_expired_one() {
    let house = House::plain();
    let none = house.admitted(&Request::upgrade(JOIN)).unwrap_err();
    assert_eq!(told(&none.line), (Some("token_expired"), "there is no token"));
    let late = format!("Bearer {}", house.token_at("ann", super::NOW - 300_000));
    let late = house.admitted(&Request::upgrade(JOIN).header("Authorization", &late)).unwrap_err();
    assert_eq!(told(&late.line), (Some("token_expired"), "the token has expired"));
}

#[test]
fn r2_who_lacks_an_ability_is_in_the_log_with_its_name_what_it_needs_and_what_it_has() {
    let house = House::plain();
    let can = [("chat:*".to_owned(), vec!["publish".to_owned(), "history".to_owned()])].into_iter().collect();
    let user = dormouse_protocol::name::UserId::parse("ann").unwrap();
    let token = house.config.keys.mint(&user, &can, &[], super::NOW, 60_000).unwrap();
    let bearer = format!("Bearer {token}");
    for (request, code, needed) in [
        (Request::upgrade(JOIN), "forbidden", "join"),
        (Request::get(&format!("{JOIN}/members")), "forbidden", "presence"),
        (Request::get(&format!("{JOIN}/meter")), "forbidden", "meter"),
    ] {
        let line = house.admitted(&request.header("Authorization", &bearer)).unwrap_err().line;
        let detail = format!("needs `{needed}`; the token and the contract grant history, publish");
        assert_eq!(told(&line), (Some(code), detail.as_str()));
        assert_eq!(line.user.as_ref(), Some(&user));
    }
    let nobody = house.admitted(&Request::get("/v1/channels/public:a/members")).unwrap_err().line;
    assert_eq!(told(&nobody).1, "needs `presence`; there is no token, and anyone is granted join");
}

#[test]
fn a2_a_pattern_that_fits_no_channel_is_named_once_a_join_and_with_the_refusal_that_it_causes() {
    let house = House::plain();
    let bearer = |patterns: &[&str]| {
        let can = patterns.iter().map(|pattern| ((*pattern).to_owned(), vec!["join".to_owned()])).collect();
        let user = dormouse_protocol::name::UserId::parse("ann").unwrap();
        format!("Bearer {}", house.config.keys.mint(&user, &can, &[], super::NOW, 60_000).unwrap())
    };
    let refused = house.admitted(&Request::upgrade(JOIN).header("Authorization", &bearer(&["chat*"]))).unwrap_err();
    let detail = refused.line.detail.unwrap();
    assert!(detail.starts_with("needs `join`; the token and the contract grant nothing here; `can`: "), "{detail}");
    assert!(detail.contains("`chat*`"), "{detail}");

    let mut noted = Vec::new();
    let mut admit = |patterns: &[&str], path: &str| {
        let request = if path == JOIN { Request::upgrade(path) } else { Request::get(path) };
        let request = house.channel_request(&request.header("Authorization", &bearer(patterns)));
        request.admit_noting(&house.config.keys, super::NOW, |line| noted.push(line.clone())).is_ok()
    };
    assert!(admit(&["chat:*"], JOIN));
    assert!(admit(&["chat:*", "chat*"], JOIN));
    let [line] = noted.as_slice() else { panic!("{noted:?}") };
    assert_eq!((line.level, line.event, line.channel.as_deref()), (Level::Warn, "unfit_pattern", Some("chat:a")));
    assert!(line.detail.as_ref().unwrap().contains("`chat*`") && line.user.is_some(), "{line:?}");
}
