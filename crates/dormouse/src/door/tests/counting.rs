//! Rule R5, as far as it is decided before an object wakes: what is counted, and what the many hear.

use super::{House, NOW, Request, said};
use crate::door::{ChannelRequest, Count, Counter, Decision, Suspects, Visitor as _};
use dormouse_protocol::name::UserId;

const JOIN: &str = "/v1/channels/chat:a";
const ASK: &str = "/v1/channels/chat:a/messages";

fn bearing(house: &House, request: &Request) -> Request {
    request.clone().header("Authorization", &format!("Bearer {}", house.token("ann")))
}

/// A request as the platform hands it on, which says where it comes from.
fn from(request: &Request, address: &str) -> Request {
    request.clone().header("CF-Connecting-IP", address)
}

fn counted(channel_request: &ChannelRequest) -> Option<(Counter, String)> {
    channel_request.counted_address(&Suspects::new(), NOW).map(|count| (count.counter, count.key))
}

/// How the user of a request to a channel is counted.
fn counted_user(house: &House, channel_request: &ChannelRequest) -> Option<(Counter, String)> {
    let grant = channel_request.admit(&house.config.keys, NOW).unwrap();
    channel_request.counted_user(grant.as_ref()).map(|count| (count.counter, count.key))
}

#[test]
fn r5_a_join_is_counted_by_address_and_by_user() {
    let house = House::plain();
    let channel_request = house.channel_request(&from(&bearing(&house, &Request::upgrade(JOIN)), "192.0.2.7"));
    assert_eq!(counted(&channel_request), Some((Counter::JoinsPerAddress, "192.0.2.7".to_owned())));
    assert_eq!(counted_user(&house, &channel_request), Some((Counter::JoinsPerUser, "ann".to_owned())));
    assert_eq!(counted(&house.channel_request(&bearing(&house, &Request::upgrade(JOIN)))), None);
    assert_eq!(channel_request.counted_user(None), None);
}

#[test]
fn r5_what_is_asked_with_a_token_is_counted_by_user_on_whatever_channel_and_without_one_by_address() {
    let house = House::plain();
    for channel in ["chat:a", "chat:b", "public:a:b"] {
        for request in [Request::post, Request::get] {
            let channel_request = house.channel_request(&from(
                &bearing(&house, &request(&format!("/v1/channels/{channel}/messages"))),
                "192.0.2.7",
            ));
            assert_eq!(counted(&channel_request), None, "an office shares an address");
            assert_eq!(counted_user(&house, &channel_request), Some((Counter::AsksPerUser, "ann".to_owned())));
        }
    }
    let anonymous = house.channel_request(&from(&Request::get("/v1/channels/public:a/messages"), "192.0.2.7"));
    assert_eq!(counted(&anonymous), Some((Counter::AsksPerAddress, "192.0.2.7".to_owned())));
}

#[test]
fn r5_a_backend_that_is_unmetered_here_asks_uncounted_and_joins_counted() {
    let house = House::plain();
    let all = ["join", "publish", "history", "unmetered"].map(str::to_owned).to_vec();
    let can = [("chat:*".to_owned(), all), ("public:**".to_owned(), vec!["publish".to_owned()])].into_iter().collect();
    let token = house.config.keys.mint(&UserId::parse("shop").unwrap(), &can, &[], NOW, 60_000).unwrap();
    let with = |request: Request| house.channel_request(&request.header("Authorization", &format!("Bearer {token}")));
    assert_eq!(counted_user(&house, &with(Request::post(ASK))), None);
    assert_eq!(counted_user(&house, &with(Request::get(ASK))), None);
    let elsewhere = with(Request::post("/v1/channels/public:a/messages"));
    assert_eq!(counted_user(&house, &elsewhere), Some((Counter::AsksPerUser, "shop".to_owned())));
    assert_eq!(counted_user(&house, &with(Request::upgrade(JOIN))), Some((Counter::JoinsPerUser, "shop".to_owned())));
}

#[test]
fn r5_an_address_of_bad_tokens_is_counted_before_the_next_is_looked_at() {
    let house = House::plain();
    let mut suspects = Suspects::new();
    let ask = |token: &str, address| {
        house.channel_request(&from(&Request::get(ASK).header("Authorization", &format!("Bearer {token}")), address))
    };
    let counted = |suspects: &Suspects, address, now| ask("any", address).counted_address(suspects, now).is_some();
    for _ in 0..20 {
        assert!(!counted(&suspects, "192.0.2.7", NOW));
        let channel_request = ask("not.a.token", "192.0.2.7");
        let refused = channel_request.admit(&house.config.keys, NOW).unwrap_err();
        channel_request.suspect(&refused, &mut suspects, NOW);
    }
    assert!(counted(&suspects, "192.0.2.7", NOW) && !counted(&suspects, "192.0.2.8", NOW));
    assert!(!counted(&suspects, "192.0.2.7", NOW + 10_000), "it has been quiet");

    let mut suspects = Suspects::new();
    let forbidden = house.channel_request(&from(&Request::get("/v1/channels/public:a/meter"), "192.0.2.7"));
    for _ in 0..50 {
        let refused = forbidden.admit(&house.config.keys, NOW).unwrap_err();
        forbidden.suspect(&refused, &mut suspects, NOW);
    }
    assert!(!counted(&suspects, "192.0.2.7", NOW), "who has no token sends no bad one");
}

#[test]
fn r5_an_address_of_ipv6_is_counted_with_its_network() {
    let house = House::plain();
    let counted = |address: &str| counted(&house.channel_request(&from(&Request::upgrade(JOIN), address))).unwrap().1;
    assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2::1"));
    assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
    assert_ne!(counted("::ffff:192.0.2.7"), counted("::ffff:192.0.2.8"));
    assert_eq!(counted("no address"), "no address");
}

fn count(counter: Counter, key: &str) -> Count {
    Count { counter, key: key.to_owned() }
}

#[test]
fn r5_who_comes_too_often_is_told_when_to_come_back() {
    let house = House::plain();
    let join = house.channel_request(&Request::upgrade(JOIN)).too_often(&count(Counter::JoinsPerAddress, "192.0.2.7"));
    assert_eq!(join.told(), said(4100, "rate_limited"));
    let Decision::RejectedUpgrade(rejected) = &join.decision else { panic!("not rejected") };
    assert_eq!(rejected.bye(), r#"{"type":"bye","code":4100,"reason":"rate_limited","retry_after":10000}"#);

    let ask = house.channel_request(&Request::get(ASK)).too_often(&count(Counter::AsksPerUser, "ann"));
    assert_eq!(join.line.detail.as_deref(), Some("JOINS_PER_ADDRESS"));
    assert_eq!(join.line.user, None, "an address is no user, and is in no log");
    assert_eq!(ask.line.detail.as_deref(), Some("ASKS_PER_USER"));
    assert_eq!(ask.line.user.as_ref().map(|user| user.as_str()), Some("ann"));
    assert_eq!(ask.told(), said(429, "rate_limited"));
    let Decision::Answer(reply) = &ask.decision else { panic!("no answer") };
    assert_eq!(reply.header("Retry-After"), Some("10"));
}

#[test]
fn r2_an_object_out_of_reach_is_our_fault_and_its_cause_is_for_the_log_alone() {
    let house = House::plain();
    for (overloaded, told) in [(false, said(500, "internal")), (true, said(503, "over_capacity"))] {
        let refused = house.channel_request(&Request::get(ASK)).unreachable(overloaded, "abc123", "the inside");
        assert_eq!(refused.told(), told);
        assert_eq!(refused.line.detail.as_deref(), Some("abc123: the inside"));
        let Decision::Answer(reply) = &refused.decision else { panic!("no answer") };
        assert!(!reply.body.as_ref().unwrap().contains("the inside"));
    }
    let join = house.channel_request(&Request::upgrade(JOIN)).unreachable(false, "abc123", "the inside");
    assert_eq!(join.told(), said(4100, "over_capacity"), "a client backs off and comes back");
}
