//! Rule E6: the sub-protocol.

use super::{House, Request, said};
use crate::door::Operation;

fn offering(protocols: &str) -> Request {
    Request::upgrade("/v1/channels/door:a").header("Sec-WebSocket-Protocol", protocols)
}

#[test]
fn e6_ours_is_taken_wherever_it_stands_and_the_credential_is_never_named() {
    let house = House::plain();
    for offer in ["dormouse.v1", "dormouse.v1, bearer.abc", "bearer.abc,dormouse.v1", " other , dormouse.v1 "] {
        assert_eq!(
            house.channel_request(&offering(offer)).operation,
            Operation::Join { protocol: Some("dormouse.v1") },
            "{offer}"
        );
    }
}

#[test]
fn e6_who_offers_nothing_is_taken_to_speak_ours() {
    let house = House::plain();
    for request in [Request::upgrade("/v1/channels/door:a"), offering(""), offering(" , ")] {
        assert_eq!(house.channel_request(&request).operation, Operation::Join { protocol: None });
    }
}

#[test]
fn e6_offers_without_ours_are_refused_by_status() {
    for offer in ["dormouse.v2", "chat", "bearer.abc", "DORMOUSE.V1", "dormouse.v1x"] {
        assert_eq!(House::plain().answer(&offering(offer)).error(), said(400, "bad_frame"), "{offer}");
    }
}

#[test]
fn e6_who_is_turned_away_gets_the_sub_protocol_too() {
    let offer = |path: &str| Request::upgrade(path).header("Sec-WebSocket-Protocol", "dormouse.v1");
    assert_eq!(House::plain().rejected(&offer("/v1/channels/nothing")).protocol, Some("dormouse.v1"));
    assert_eq!(House::plain().rejected(&Request::upgrade("/v1/channels/nothing")).protocol, None);
}
