//! Rule C3 at the door: `POST /v1/channels/{channel}/calls/{name}` is let in, counted and refused as publishing is.

use super::{House, NOW, Request, said};
use crate::door::{
    ChannelRequest, Count, Counter, Decision, Operation, Refused, Reply, Suspects, Unread, Visitor as _,
};
use dormouse_core::contract::{self, Ability, Call, Calls, Channel, Contract, State, Turn};
use dormouse_protocol::name::UserId;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

const ROLL: Call<Roll, u64> = Call::new("roll");
const WAVE: Call<Roll, u64> = Call::new("wave");
const PATH: &str = "/v1/channels/chat:a/calls/roll";
const PAGE: &str = "https://app.example";

/// What is asked; it does not matter here.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Roll {}

fn answer(_: &mut State<()>, _: &mut Turn<'_>, _: &Roll) -> Result<u64, contract::Refused> {
    Ok(6)
}

/// A door with channels that answer, a page that may ask, and these variables.
fn house(variables: &[(&str, &str)]) -> House {
    let with_calls = |channel: Channel| {
        channel.call(ROLL, Calls::plain(), answer).call(WAVE, Calls::plain().needs(Ability::Join), answer)
    };
    let contract = Contract::new()
        .channel("chat:*", with_calls(Channel::with_token()))
        .channel("public:**", with_calls(Channel::for_anyone()))
        .channel("door:*", with_calls(Channel::sign_in_later()))
        .channel("plain:*", Channel::with_token());
    House::of(contract, &[&[("ALLOWED_ORIGINS", PAGE)], variables].concat())
}

/// A token that grants these abilities on every channel.
fn token(house: &House, user: &str, can: &[&str]) -> String {
    let can = [("**".to_owned(), can.iter().map(|&ability| ability.to_owned()).collect())].into_iter().collect();
    house.config.keys.mint(&UserId::parse(user).unwrap(), &can, &[], NOW, 60_000).unwrap()
}

fn bearing(house: &House, path: &str, can: &[&str]) -> Request {
    Request::post(path).header("Authorization", &format!("Bearer {}", token(house, "ann", can)))
}

/// What is counted of a request before its token is looked at, and after.
fn counted(house: &House, asked: &ChannelRequest) -> [Option<(Counter, String)>; 2] {
    let grant = asked.admit(&house.config.keys, NOW).unwrap();
    let counts = [asked.counted_address(&Suspects::new(), NOW), asked.counted_user(grant.as_ref())];
    counts.map(|count| count.map(|count| (count.counter, count.key)))
}

fn reply(refused: Refused) -> Reply {
    let Decision::Answer(reply) = refused.decision else { panic!("no answer: {refused:?}") };
    reply
}

#[test]
fn c3_a_call_is_asked_by_post_of_the_channel_and_the_name_in_its_path() {
    let house = house(&[]);
    for (path, channel, name) in [
        (PATH, "chat:a", "roll"),
        ("/v1/channels/chat%3Aa/calls/wave", "chat:a", "wave"),
        ("/v1/channels/public:a:b/calls/roll?after=1", "public:a:b", "roll"),
        ("/v1/channels/door:a/calls/roll", "door:a", "roll"),
    ] {
        let asked = house.channel_request(&Request::post(path));
        let told = asked.asked.as_ref().map(|(name, id)| (name.as_str(), id.as_deref()));
        assert_eq!((asked.operation, asked.channel.as_str(), told), (Operation::Call, channel, Some((name, None))));
    }
}

#[test]
fn e7_a_preflight_of_a_call_names_post_and_the_headers_of_one() {
    let answer = house(&[]).answer(&Request::preflight(PATH, PAGE));
    assert_eq!((answer.status, answer.body.as_deref()), (204, None));
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(PAGE));
    assert_eq!(answer.header("Access-Control-Allow-Methods"), Some("POST"));
    assert_eq!(answer.header("Access-Control-Allow-Headers"), Some("Authorization, Content-Type, Idempotency-Key"));
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
    assert_eq!(answer.header("Vary"), Some("Origin"));
    // One without an origin is told what the path takes.
    let answer = house(&[]).answer(&Request::new("OPTIONS", PATH));
    assert_eq!((answer.status, answer.header("Allow")), (204, Some("POST")));
}

#[test]
fn e7_a_foreign_page_asks_no_call_and_gets_no_preflight_of_one() {
    let house = house(&[("ALLOW_QUERY_TOKEN", "1")]);
    let all = token(&house, "ann", &["call"]);
    for origin in ["null", "https://evil.example", "https://app.example.evil", "http://app.example"] {
        let with_token = Request::post(&format!("{PATH}?token={all}"));
        for request in [Request::preflight(PATH, origin), with_token.header("Origin", origin)] {
            let answer = house.answer(&request);
            assert_eq!(answer.error(), said(403, "forbidden"), "{origin}");
            assert_eq!(answer.header("Access-Control-Allow-Origin"), None, "{origin}");
        }
    }
}

#[test]
fn e7_a_listed_page_reads_each_refusal_of_a_call() {
    let house = house(&[]);
    let from_page = |request: Request| request.header("Origin", PAGE);
    let asked = house.channel_request(&from_page(Request::post(PATH)));
    let over = Count { counter: Counter::AsksPerAddress, key: "192.0.2.7".to_owned() };
    for reply in [
        house.answer(&from_page(Request::get(PATH))),
        house.answer(&from_page(Request::post("/v1/channels/chat:a/calls/fly"))),
        house.answer(&from_page(Request::post("/v1/channels/chat:a/calls"))),
        house.answer(&from_page(Request::post("/v1/channels/a%20b/calls/roll"))),
        reply(*house.admitted(&from_page(Request::post(PATH))).unwrap_err()),
        reply(*house.admitted(&from_page(bearing(&house, PATH, &["publish"]))).unwrap_err()),
        reply(asked.too_often(&over)),
        reply(asked.unread(Unread::TooLarge)),
        reply(asked.unreachable(false, "abc123", "the inside")),
    ] {
        assert_eq!(reply.header("Access-Control-Allow-Origin"), Some(PAGE), "{reply:?}");
        assert_eq!(reply.header("Access-Control-Expose-Headers"), Some("Retry-After, Allow, WWW-Authenticate"));
        assert_eq!(reply.header("Vary"), Some("Origin"));
    }
}

#[test]
fn e4_a_call_is_asked_by_post_and_by_no_other_method() {
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "post"] {
        let answer = house(&[]).answer(&Request::new(method, PATH));
        assert_eq!(answer.error(), said(405, "method_not_allowed"), "{method}");
        assert_eq!(answer.header("Allow"), Some("POST"), "{method}");
    }
    // Nobody joins by it either.
    assert_eq!(house(&[]).answer(&Request::upgrade(PATH)).error(), said(405, "method_not_allowed"));
}

#[test]
fn e4_a_path_that_is_almost_that_of_a_call_is_not_found() {
    for path in [
        "/v1/channels/chat:a/calls",
        "/v1/channels/chat:a/calls/",
        "/v1/channels/chat:a/calls/roll/",
        "/v1/channels/chat:a/calls/roll/6",
        "/v1/channels/chat:a/call/roll",
        "/v1/channels/chat:a/Calls/roll",
        "/v1/channels/chat:a/calls//roll",
        "/v1/calls/roll",
        // A call that the channel does not have, a name that is none, and a channel without code.
        "/v1/channels/chat:a/calls/fly",
        "/v1/channels/chat:a/calls/Roll",
        "/v1/channels/chat:a/calls/r%20l",
        "/v1/channels/chat:a/calls/%ff",
        "/v1/channels/plain:a/calls/roll",
        "/v1/channels/nothing:a/calls/roll",
    ] {
        let house = house(&[]);
        assert_eq!(house.answer(&bearing(&house, path, &["call"])).error(), said(404, "not_found"), "{path}");
    }
    for path in ["/v1/channels//calls/roll", "/v1/channels/a%20b/calls/roll", "/v1/channels/%ff/calls/roll"] {
        assert_eq!(house(&[]).answer(&Request::post(path)).error(), said(400, "bad_name"), "{path}");
    }
}

#[test]
fn r4_a_call_whose_body_cannot_be_taken_is_refused_as_a_publish_is() {
    let house = house(&[]);
    for (unread, told) in [
        (Unread::TooLarge, said(413, "too_large")),
        (Unread::Late, said(408, "body_timeout")),
        (Unread::Broken, said(400, "bad_frame")),
        (Unread::NotUtf8, said(400, "bad_frame")),
    ] {
        let refused = house.channel_request(&Request::post(PATH)).unread(unread);
        assert_eq!(refused.told(), told);
        assert_eq!((refused.line.event, refused.line.channel.as_deref()), ("refused", Some("chat:a")));
    }
}

#[test]
fn r5_a_call_is_counted_by_user_on_whatever_channel_and_without_a_token_by_address() {
    let house = house(&[]);
    let from = |request: Request| request.header("CF-Connecting-IP", "192.0.2.7");
    for path in [PATH, "/v1/channels/chat:b/calls/roll", "/v1/channels/public:a:b/calls/wave"] {
        let asked = house.channel_request(&from(bearing(&house, path, &["call", "join"])));
        let by_user = (Counter::AsksPerUser, "ann".to_owned());
        assert_eq!(counted(&house, &asked), [None, Some(by_user)], "{path}: an office shares an address");
    }
    // `wave` takes what anyone has who may join.
    let anonymous = house.channel_request(&from(Request::post("/v1/channels/public:a/calls/wave")));
    let by_address = (Counter::AsksPerAddress, "192.0.2.7".to_owned());
    assert_eq!(counted(&house, &anonymous), [Some(by_address), None]);
    // A backend that is unmetered here asks uncounted.
    let backend = house.channel_request(&from(bearing(&house, PATH, &["call", "unmetered"])));
    assert_eq!(counted(&house, &backend), [None, None]);
}

#[test]
fn r5_an_address_of_bad_tokens_is_counted_before_its_next_call_is_looked_at() {
    let house = house(&[]);
    let request =
        Request::post(PATH).header("CF-Connecting-IP", "192.0.2.7").header("Authorization", "Bearer no.token");
    let asked = house.channel_request(&request);
    let mut suspects = Suspects::new();
    for _ in 0..20 {
        assert_eq!(asked.counted_address(&suspects, NOW), None);
        let refused = asked.admit(&house.config.keys, NOW).unwrap_err();
        assert_eq!(refused.told(), said(401, "unauthenticated"));
        asked.suspect(&refused, &mut suspects, NOW);
    }
    let count = asked.counted_address(&suspects, NOW).map(|count| (count.counter, count.key));
    assert_eq!(count, Some((Counter::AsksPerAddress, "192.0.2.7".to_owned())));
}

#[test]
fn r5_who_asks_calls_too_often_is_told_when_to_come_back() {
    let house = house(&[]);
    for (counter, key, user) in
        [(Counter::AsksPerUser, "ann", Some("ann")), (Counter::AsksPerAddress, "192.0.2.7", None)]
    {
        let refused = house.channel_request(&Request::post(PATH)).too_often(&Count { counter, key: key.to_owned() });
        assert_eq!(refused.line.user.as_ref().map(UserId::as_str), user, "an address is no user, and is in no log");
        assert_eq!(refused.line.detail.as_deref(), Some(counter.binding()));
        let reply = reply(refused);
        assert_eq!((reply.error(), reply.header("Retry-After")), (said(429, "rate_limited"), Some("10")));
    }
}

#[test]
fn c3_the_idempotency_key_is_handed_on_as_it_is_and_an_empty_one_is_none() {
    let house = house(&[]);
    let id_of = |key: &str| house.channel_request(&Request::post(PATH).header("Idempotency-Key", key)).asked.unwrap().1;
    let long = "x".repeat(65);
    // One that is too long is known as such by the channel, which refuses it (see tests/handlers/replies.rs).
    for (key, id) in [("one", Some("one")), (" one ", Some("one")), (&long, Some(&*long)), ("", None), ("  ", None)] {
        assert_eq!(id_of(key).as_deref(), id, "{key:?}");
    }
    // Of no other request it is read.
    let members = house.channel_request(&Request::get("/v1/channels/chat:a/members").header("Idempotency-Key", "one"));
    assert_eq!(members.asked, None);
}

#[test]
fn a4_a_call_without_a_token_or_with_a_bad_or_expired_one_is_401_and_wakes_nobody() {
    let house = house(&[]);
    let expired = house.token_at("ann", NOW - 300_000);
    let with = |path: &str, token: &str| Request::post(path).header("Authorization", &format!("Bearer {token}"));
    for request in [
        Request::post(PATH),
        // Who may sign in later has no connection to sign in on.
        Request::post("/v1/channels/door:a/calls/roll"),
        // Anyone may join here, but `roll` takes `call`.
        Request::post("/v1/channels/public:a/calls/roll"),
        with(PATH, "abc"),
        with(PATH, &expired),
        with("/v1/channels/public:a/calls/wave", "abc"),
    ] {
        let refused = house.admitted(&request).unwrap_err();
        assert_eq!(refused.told(), said(401, "unauthenticated"), "{refused:?}");
        assert_eq!(reply(*refused).header("WWW-Authenticate"), Some("Bearer"));
    }
    assert_eq!(house.admitted(&Request::post("/v1/channels/public:a/calls/wave")).unwrap(), None);
}

#[test]
fn a4_a_call_takes_a_token_of_the_query_only_where_that_is_allowed() {
    let path = |house: &House| Request::post(&format!("{PATH}?token={}", token(house, "ann", &["call"])));
    let open = house(&[("ALLOW_QUERY_TOKEN", "1")]);
    assert_eq!(open.admitted(&path(&open)).unwrap().as_deref(), Some("ann"));
    // The header is found first, and then nothing else is tried.
    let both = |header: &str| path(&open).header("Authorization", header);
    let bob = format!("Bearer {}", token(&open, "bob", &["call"]));
    assert_eq!(open.admitted(&both(&bob)).unwrap().as_deref(), Some("bob"));
    assert_eq!(open.admitted(&both("Bearer abc")).unwrap_err().told(), said(401, "unauthenticated"));
    let shut = house(&[]);
    let refused = shut.admitted(&path(&shut)).unwrap_err();
    assert_eq!(refused.told(), said(401, "unauthenticated"));
    assert_eq!(refused.line.detail.as_deref(), Some("there is no token"));
}

#[test]
fn a3_a_call_takes_call_or_call_with_its_name_or_what_it_declares_and_not_join() {
    let house = house(&[]);
    let wave = "/v1/channels/chat:a/calls/wave";
    for (path, can, may) in [
        (PATH, &["call"][..], true),
        (PATH, &["call:roll"], true),
        (PATH, &["call:wave", "join", "publish", "publish:roll"], false),
        (PATH, &[], false),
        (wave, &["join"], true),
        (wave, &["call", "call:wave"], false),
    ] {
        let told = house.admitted(&bearing(&house, path, can)).map_err(|refused| {
            assert_eq!(refused.line.user.as_ref().map(UserId::as_str), Some("ann"));
            refused.told()
        });
        let expected = if may { Ok(Some("ann".to_owned())) } else { Err(said(403, "forbidden")) };
        assert_eq!(told, expected, "{path} {can:?}");
    }
}
