//! Rule A4: where a token is found, and what comes of one that does not hold.

use super::{House, NOW, Request, said};
use crate::door::Decision;

const JOIN: &str = "/v1/channels/chat:a";

fn bearing(token: &str) -> Request {
    Request::upgrade(JOIN).header("Authorization", &format!("Bearer {token}"))
}

#[test]
fn a4_a_token_comes_by_header_sub_protocol_or_where_allowed_by_query() {
    let house = House::with(&[("ALLOW_QUERY_TOKEN", "1")]);
    let token = house.token("ann");
    for request in [
        bearing(&token),
        Request::upgrade(JOIN).header("Authorization", &format!("bearer  {token} ")),
        Request::upgrade(JOIN).header("Sec-WebSocket-Protocol", &format!("dormouse.v1, bearer.{token}")),
        Request::upgrade(&format!("{JOIN}?token={token}")),
        Request::get(&format!("{JOIN}/members?token={token}")),
    ] {
        assert_eq!(house.admitted(&request).unwrap().as_deref(), Some("ann"));
    }
}

#[test]
fn a4_a_query_token_is_nothing_where_it_is_not_allowed() {
    let house = House::plain();
    let refused = house.admitted(&Request::upgrade(&format!("{JOIN}?token={}", house.token("ann")))).unwrap_err();
    assert_eq!(refused.told(), said(4300, "token_expired"));
}

#[test]
fn a4_the_first_found_wins_and_the_others_are_not_tried() {
    let house = House::with(&[("ALLOW_QUERY_TOKEN", "1")]);
    let (ann, bob, eve) = (house.token("ann"), house.token("bob"), house.token("eve"));
    let all = |header: &str| {
        Request::upgrade(&format!("{JOIN}?token={eve}"))
            .header("Sec-WebSocket-Protocol", &format!("dormouse.v1, bearer.{bob}"))
            .header("Authorization", header)
    };
    assert_eq!(house.admitted(&all(&format!("Bearer {ann}"))).unwrap().as_deref(), Some("ann"));
    assert_eq!(house.admitted(&all("Basic YW5uOmFubg==")).unwrap().as_deref(), Some("bob"));
    assert_eq!(house.admitted(&all("Bearer broken")).unwrap_err().told(), said(4009, "bad_token"));
    assert_eq!(house.admitted(&all("Bearer")).unwrap_err().told(), said(4009, "bad_token"));
}

#[test]
fn a4_a_bad_token_closes_with_4009_and_an_expired_or_missing_one_with_4300() {
    let house = House::plain();
    let cases = [
        (bearing("abc"), said(4009, "bad_token")),
        (bearing(&format!("{}x", house.token("ann"))), said(4009, "bad_token")),
        (bearing(&house.token_at("ann", NOW + 300_000)), said(4009, "bad_token")),
        (bearing(&house.token_at("ann", NOW - 300_000)), said(4300, "token_expired")),
        (Request::upgrade(JOIN), said(4300, "token_expired")),
    ];
    for (request, told) in cases {
        assert_eq!(house.admitted(&request).unwrap_err().told(), told);
    }
}

#[test]
fn a4_over_http_each_of_them_is_401_with_what_to_do() {
    let house = House::plain();
    let expired = house.token_at("ann", NOW - 300_000);
    let mut told = Vec::new();
    for token in ["abc", &expired, ""] {
        let request = Request::get("/v1/channels/chat:a/members");
        let request =
            if token.is_empty() { request } else { request.header("Authorization", &format!("Bearer {token}")) };
        let refused = house.admitted(&request).unwrap_err();
        assert_eq!(refused.told(), said(401, "unauthenticated"));
        let Decision::Answer(reply) = &refused.decision else { panic!("no answer") };
        assert_eq!(reply.header("WWW-Authenticate"), Some("Bearer"));
        let Decision::Answer(reply) = refused.decision else { panic!("no answer") };
        told.push(reply.body.unwrap());
    }
    told.dedup();
    assert_eq!(told.len(), 3, "each is told what to do");
}

#[test]
fn a4_without_a_token_one_comes_in_as_nobody_where_the_contract_allows() {
    let house = House::plain();
    for path in ["/v1/channels/public:a:b", "/v1/channels/door:a"] {
        assert_eq!(house.admitted(&Request::upgrade(path)).unwrap(), None, "{path}");
    }
}

#[test]
fn a4_a_bad_token_is_refused_also_where_none_is_needed() {
    let house = House::plain();
    for path in ["/v1/channels/public:a:b", "/v1/channels/door:a"] {
        let refused = house.admitted(&Request::upgrade(path).header("Authorization", "Bearer abc")).unwrap_err();
        assert_eq!(refused.told(), said(4009, "bad_token"), "{path}");
    }
}

#[test]
fn r2_what_is_logged_of_a_refusal_says_why_and_never_shows_the_token() {
    let house = House::plain();
    let token = house.token_at("ann", NOW - 300_000);
    let line = house.admitted(&bearing(&token)).unwrap_err().line;
    let logged = serde_json::to_value(&line).unwrap();
    assert_eq!(logged["event"], "refused");
    assert_eq!(logged["channel"], "chat:a");
    assert_eq!(logged["code"], "token_expired");
    assert!(logged["detail"].is_string());
    for part in token.split('.') {
        assert!(!logged.to_string().contains(part));
        assert!(!format!("{:?}", house.channel_request(&bearing(&token))).contains(part));
    }
}

#[test]
fn a3_a_token_wakes_no_channel_that_it_opens_no_door_of() {
    let house = House::plain();
    let foreign = format!("Bearer {}", house.token_for("ann", "chat:elsewhere", NOW));
    for request in [
        Request::upgrade(JOIN),
        Request::get(&format!("{JOIN}/members")),
        Request::get(&format!("{JOIN}/messages")),
        Request::get(&format!("{JOIN}/meter")),
        Request::post(&format!("{JOIN}/messages")),
    ] {
        let refused = house.admitted(&request.header("Authorization", &foreign)).unwrap_err();
        assert!(matches!(refused.line.code, Some("forbidden")), "{refused:?}");
    }
}
