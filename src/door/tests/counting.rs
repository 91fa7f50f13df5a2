//! Rule R5, as far as it is decided before an object wakes: which joins are counted, and what the many hear.

use super::{House, Knock, said};
use crate::door::Decision;

const JOIN: &str = "/v1/channels/chat:a";
const ASK: &str = "/v1/channels/chat:a/messages";

fn bearing(house: &House, knock: &Knock) -> Knock {
    knock.clone().header("Authorization", &format!("Bearer {}", house.token("ann")))
}

/// A knock as the platform hands it on, which says where it comes from.
fn from(knock: &Knock, address: &str) -> Knock {
    knock.clone().header("CF-Connecting-IP", address)
}

#[test]
fn r5_a_join_is_counted_by_address_and_by_user() {
    let house = House::plain();
    let knock = bearing(&house, &Knock::upgrade(JOIN));
    let visitor = house.visitor(&from(&knock, "192.0.2.7"));
    let grant = visitor.admit(&house.config.keys, super::NOW).unwrap();
    assert_eq!(visitor.counted_address().as_deref(), Some("192.0.2.7"));
    assert_eq!(visitor.counted_user(grant.as_ref()).as_deref(), Some("ann"));
    assert_eq!(house.visitor(&knock).counted_address(), None);
    assert_eq!(visitor.counted_user(None), None);
}

#[test]
fn r5_a_request_with_a_token_is_left_to_the_channels_rates_and_one_without_is_counted() {
    let house = House::plain();
    let signed = house.visitor(&from(&bearing(&house, &Knock::post(ASK)), "192.0.2.7"));
    let grant = signed.admit(&house.config.keys, super::NOW).unwrap();
    assert_eq!((signed.counted_address(), signed.counted_user(grant.as_ref())), (None, None));
    let anonymous = house.visitor(&from(&Knock::get(ASK), "192.0.2.7"));
    assert_eq!(anonymous.counted_address().as_deref(), Some("192.0.2.7"));
}

#[test]
fn r5_an_address_of_ipv6_is_counted_with_its_network() {
    let house = House::plain();
    let counted = |address: &str| house.visitor(&from(&Knock::upgrade(JOIN), address)).counted_address().unwrap();
    assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2::1"));
    assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
    assert_ne!(counted("::ffff:192.0.2.7"), counted("::ffff:192.0.2.8"));
    assert_eq!(counted("no address"), "no address");
}

#[test]
fn r5_who_comes_too_often_is_told_when_to_come_back() {
    let house = House::plain();
    let join = house.visitor(&Knock::upgrade(JOIN)).too_often();
    assert_eq!(join.told(), said(4100, "over_capacity"));
    let Decision::TurnAway(turned) = &join.decision else { panic!("no turning away") };
    assert_eq!(turned.bye(), r#"{"type":"bye","code":4100,"reason":"over_capacity","retry_after":10000}"#);

    let ask = house.visitor(&Knock::get(ASK)).too_often();
    assert_eq!(ask.told(), said(429, "rate_limited"));
    let Decision::Answer(reply) = &ask.decision else { panic!("no answer") };
    assert_eq!(reply.header("Retry-After"), Some("10"));
}

#[test]
fn r2_an_object_out_of_reach_is_our_fault_and_its_cause_is_for_the_log_alone() {
    let house = House::plain();
    for (overloaded, told) in [(false, said(500, "internal")), (true, said(503, "over_capacity"))] {
        let refused = house.visitor(&Knock::get(ASK)).unreachable(overloaded, "abc123", "the inside");
        assert_eq!(refused.told(), told);
        assert_eq!(refused.line.detail.as_deref(), Some("abc123: the inside"));
        let Decision::Answer(reply) = &refused.decision else { panic!("no answer") };
        assert!(!reply.body.as_ref().unwrap().contains("the inside"));
    }
    let join = house.visitor(&Knock::upgrade(JOIN)).unreachable(false, "abc123", "the inside");
    assert_eq!(join.told(), said(4100, "over_capacity"), "a client backs off and comes back");
}
