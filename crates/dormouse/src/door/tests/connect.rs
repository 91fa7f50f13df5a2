//! Rule E8: a connection for many channels, as far as it is decided before a relay wakes.

use super::{House, NOW, Request, said};
use crate::door::{Count, Counter, PROTOCOL, Suspects, Visitor as _, pool};
use dormouse_core::grant::Claims;
use dormouse_protocol::name::UserId;

const CONNECT: &str = "/v1/connect";

fn bearing(token: &str) -> Request {
    Request::upgrade(CONNECT).header("Authorization", &format!("Bearer {token}"))
}

/// What a connection comes in with, or what it is refused with.
fn admitted(house: &House, request: &Request) -> Result<Option<Claims>, (u16, String)> {
    house.connect_request(request).admit(&house.config.keys, NOW).map_err(|refused| refused.told())
}

#[test]
fn e8_an_upgrade_opens_a_connection_for_many_channels() {
    let house = House::plain();
    assert_eq!(house.connect_request(&Request::upgrade(CONNECT)).protocol, None);
    let offering = Request::upgrade(CONNECT).header("Sec-WebSocket-Protocol", "dormouse.v1, bearer.abc");
    assert_eq!(house.connect_request(&offering).protocol, Some(PROTOCOL));
    let foreign = Request::upgrade(CONNECT).header("Sec-WebSocket-Protocol", "graphql-ws");
    assert_eq!(house.answer(&foreign).error(), said(400, "bad_frame"));
}

#[test]
fn e8_without_the_upgrade_it_is_told_to_upgrade_and_with_another_method_which_there_is() {
    let house = House::plain();
    let plain = house.answer(&Request::get(CONNECT));
    assert_eq!((plain.error(), plain.header("Upgrade")), (said(426, "upgrade_required"), Some("websocket")));
    for method in ["POST", "PUT", "get"] {
        let answer = house.answer(&Request::new(method, CONNECT));
        assert_eq!(
            (answer.error(), answer.header("Allow")),
            (said(405, "method_not_allowed"), Some("GET")),
            "{method}"
        );
    }
    for path in ["/v1/connect/", "/v1/connect/a", "/v1/Connect"] {
        assert_eq!(house.answer(&Request::upgrade(path)).error(), said(404, "not_found"), "{path}");
    }
}

#[test]
fn e8_where_there_are_no_relays_there_is_no_such_path() {
    let house = House::without_relays();
    for request in [Request::upgrade(CONNECT), Request::get(CONNECT), Request::post(CONNECT)] {
        assert_eq!(house.answer(&request).error(), said(404, "not_found"));
    }
    assert_eq!(house.admitted(&Request::upgrade("/v1/channels/public:a")).unwrap(), None);
}

#[test]
fn e7_a_connection_of_a_foreign_page_is_refused() {
    let house = House::plain();
    let foreign = Request::upgrade(CONNECT).header("Origin", "https://evil.example");
    assert_eq!(house.answer(&foreign).error(), said(403, "forbidden"));
    house.connect_request(&Request::upgrade(CONNECT).header("Origin", "https://chat.example"));
}

#[test]
fn a4_a_token_of_many_channels_is_found_where_that_of_one_is() {
    let house = House::with(&[("ALLOW_QUERY_TOKEN", "1")]);
    let token = house.token("ann");
    for request in [
        bearing(&token),
        Request::upgrade(CONNECT).header("Sec-WebSocket-Protocol", &format!("dormouse.v1, bearer.{token}")),
        Request::upgrade(&format!("{CONNECT}?token={token}")),
    ] {
        assert_eq!(admitted(&house, &request).unwrap().unwrap().user.as_str(), "ann");
    }
    assert_eq!(admitted(&house, &Request::upgrade(CONNECT)), Ok(None), "each channel decides for itself");
}

#[test]
fn a4_a_bad_token_is_told_by_bye_before_a_relay_wakes() {
    let house = House::plain();
    assert_eq!(admitted(&house, &bearing("abc")), Err(said(4009, "bad_token")));
    let expired = house.token_at("ann", NOW - 300_000);
    assert_eq!(admitted(&house, &bearing(&expired)), Err(said(4300, "token_expired")));
    let shown = format!("{:?}", house.connect_request(&bearing(&expired)));
    assert!(expired.split('.').all(|part| !shown.contains(part)));
}

#[test]
fn a4_a_bad_token_for_many_channels_makes_its_address_suspected() {
    let (house, mut suspects) = (House::plain(), Suspects::new());
    for _ in 0..20 {
        let connect_request = house.connect_request(&bearing("abc").header("CF-Connecting-IP", "192.0.2.7"));
        let refused = connect_request.admit(&house.config.keys, NOW).unwrap_err();
        connect_request.suspect(&refused, &mut suspects, NOW);
    }
    assert!(suspects.has("192.0.2.7", NOW) && !suspects.has("192.0.2.8", NOW));
}

#[test]
fn r5_a_connection_is_counted_as_a_join_is() {
    let house = House::plain();
    let connect_request = house.connect_request(&bearing(&house.token("ann")).header("CF-Connecting-IP", "192.0.2.7"));
    let by_address = connect_request.counted_address(&Suspects::new(), NOW).unwrap();
    assert_eq!((by_address.counter, by_address.key.as_str()), (Counter::JoinsPerAddress, "192.0.2.7"));
    let claims = connect_request.admit(&house.config.keys, NOW).unwrap();
    let by_user = connect_request.counted_user(claims.as_ref()).unwrap();
    assert_eq!((by_user.counter, by_user.key.as_str()), (Counter::JoinsPerUser, "ann"));
    assert!(connect_request.counted_user(None).is_none());
    let count = Count { counter: Counter::JoinsPerUser, key: "ann".to_owned() };
    let refused = connect_request.too_often(&count);
    assert_eq!(refused.told(), said(4100, "rate_limited"));
    assert_eq!(refused.line.user.as_ref().map(UserId::as_str), Some("ann"));
}

#[test]
fn r2_a_relay_out_of_reach_or_without_room_has_one_come_back() {
    let connect_request = House::plain().connect_request(&Request::upgrade(CONNECT));
    let full = connect_request.no_room("acme");
    assert_eq!(full.told(), said(4100, "over_capacity"));
    assert_eq!(full.line.detail.as_deref(), Some("RELAY_CONNECTIONS: no relay of `acme` has room"));
    let gone = connect_request.unreachable(false, "abc123", "the inside");
    assert_eq!(gone.told(), said(4100, "over_capacity"));
    assert_eq!(gone.line.detail.as_deref(), Some("abc123: the inside"));
}

#[test]
fn e8_the_home_of_a_token_is_the_pool_of_its_relays() {
    let house = House::plain();
    let mut claims = admitted(&house, &bearing(&house.token("ann"))).unwrap();
    assert_eq!(pool(claims.as_ref()), "");
    assert_eq!(pool(None), "");
    if let Some(claims) = &mut claims {
        claims.home = Some("acme".to_owned());
    }
    assert_eq!(pool(claims.as_ref()), "acme");
}
