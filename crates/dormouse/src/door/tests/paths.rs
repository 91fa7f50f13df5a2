//! Rules E1 to E4: the paths there are, the methods they take, and the shape of an answer.

use super::{House, Request, said};
use crate::door::{Decision, Operation};
use dormouse_core::contract::{Channel, Contract, Event};

#[test]
fn e1_an_upgrade_to_a_channel_is_a_join() {
    let house = House::plain();
    for upgrade in ["websocket", "WebSocket", "WEBSOCKET", " websocket "] {
        let channel_request = house.channel_request(&Request::get("/v1/channels/chat:a").header("Upgrade", upgrade));
        assert_eq!(channel_request.operation, Operation::Join { protocol: None }, "{upgrade}");
        assert_eq!(channel_request.channel.as_str(), "chat:a");
    }
}

#[test]
fn e1_without_the_upgrade_a_join_is_told_to_upgrade() {
    let other = ["h2c", "websocket, h2c", "h2c, websocket", "websocket,websocket", "websocket/13", "websockets", ""];
    let offering = other.map(|upgrade| Request::get("/v1/channels/chat:a").header("Upgrade", upgrade));
    for request in offering.into_iter().chain([Request::get("/v1/channels/chat:a")]) {
        let answer = House::plain().answer(&request);
        assert_eq!(answer.error(), said(426, "upgrade_required"));
        assert_eq!(answer.header("Upgrade"), Some("websocket"));
    }
}

#[test]
fn e2_the_same_channel_is_served_over_http() {
    let house = House::plain();
    for (method, path, operation) in [
        ("GET", "members", Operation::Members),
        ("HEAD", "members", Operation::Members),
        ("GET", "messages", Operation::Messages),
        ("POST", "messages", Operation::Publish),
        ("GET", "meter", Operation::Meter),
    ] {
        let channel_request = house.channel_request(&Request::new(method, &format!("/v1/channels/chat:a/{path}")));
        assert_eq!(
            (channel_request.operation, channel_request.channel.as_str()),
            (operation, "chat:a"),
            "{method} {path}"
        );
    }
}

#[test]
fn e2_the_query_is_decoded_once_and_its_first_value_counts() {
    let query = "?after=4%31&limit=&before=a+b%2Bc&epoch=%C3%BC%ff&after=9&connection";
    let channel_request =
        House::plain().channel_request(&Request::get(&format!("/v1/channels/chat:a/messages{query}")));
    let named = |name: &str| channel_request.query.owned(name);
    assert_eq!(named("after").as_deref(), Some("41"));
    assert_eq!(named("limit").as_deref(), Some(""));
    assert_eq!(named("before").as_deref(), Some("a b+c"));
    assert_eq!(named("epoch").as_deref(), Some("ü\u{fffd}"));
    assert_eq!(named("connection").as_deref(), Some(""));
    assert_eq!(named("nothing"), None);
}

#[test]
fn e3_health_tells_the_version() {
    let answer = House::plain().answer(&Request::get("/v1/health"));
    let body: serde_json::Value = serde_json::from_str(&answer.body.unwrap()).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(body, serde_json::json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
}

#[test]
fn e3_a_contract_with_a_mistake_of_types_is_misconfigured_where_a_deployment_is_looked_at() {
    #[derive(serde::Deserialize, schemars::JsonSchema, garde::Validate)]
    struct Open {
        #[garde(skip)]
        _at: u8,
    }
    let contract = Contract::new().channel("chat:*", Channel::with_token().event::<Open>("point", Event::ephemeral()));
    let house = House::of(contract, &[]);
    for path in ["/v1/health", "/v1/contract"] {
        let Decision::Misconfigured(mistakes) = house.route(&Request::get(path)) else { panic!("{path}") };
        assert_eq!(mistakes.len(), 1);
        let mistake = mistakes.first().unwrap();
        assert!(mistake.contains("paths.rs:") && mistake.contains("lets unknown fields pass"), "{mistake}");
    }
    // A join does not wait for schemas.
    let join = Request::get("/v1/channels/chat:a").header("Upgrade", "websocket");
    assert_eq!(house.channel_request(&join).channel.as_str(), "chat:a");
}

#[test]
fn e3_the_contract_is_told() {
    let answer = House::plain().answer(&Request::get("/v1/contract"));
    assert_eq!(answer.status, 200);
    assert!(answer.body.unwrap().contains("chat:*"));
}

#[test]
fn e4_an_unknown_path_of_ours_is_not_found() {
    for path in [
        "/v1",
        "/v1/",
        "/v2x/../v1/nothing",
        "/v1/channels",
        "/v1/channels/a/b",
        "/v1/channels/chat:a/",
        "/v1/channels/chat:a/members/",
        "/v1//health",
        "/v1/health/",
        "/v1/Health",
        "/dev",
        "/dev/tokens",
    ] {
        let path = path.replace("/v2x/..", "");
        for request in [Request::get(&path), Request::upgrade(&path)] {
            assert_eq!(House::plain().answer(&request).error(), said(404, "not_found"), "{path}");
        }
    }
}

#[test]
fn e4_every_other_path_is_the_pages() {
    for path in ["/", "/index.html", "/v1x", "/devtools", "/V1/health"] {
        assert!(matches!(House::plain().route(&Request::get(path)), Decision::Assets), "{path}");
    }
}

#[test]
fn e4_a_method_that_a_path_does_not_take_is_told_which_it_takes() {
    let house = House::plain();
    for (method, path, allowed) in [
        ("POST", "/v1/health", "GET"),
        ("DELETE", "/v1/contract", "GET"),
        ("PUT", "/v1/channels/chat:a", "GET"),
        ("POST", "/v1/channels/chat:a/members", "GET"),
        ("PATCH", "/v1/channels/chat:a/messages", "GET, POST"),
        ("get", "/v1/health", "GET"),
    ] {
        let answer = house.answer(&Request::new(method, path));
        assert_eq!(answer.error(), said(405, "method_not_allowed"), "{method} {path}");
        assert_eq!(answer.header("Allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn e4_an_answer_is_json_that_nobody_keeps_or_sniffs() {
    for path in ["/v1/health", "/v1/nothing", "/v1/channels/chat:a"] {
        let answer = House::plain().answer(&Request::get(path));
        assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"), "{path}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn e4_retry_after_is_in_whole_seconds_rounded_up() {
    use crate::door::Reply;
    use dormouse_protocol::error::Refusal;
    for (millis, seconds) in [(1, "1"), (1000, "1"), (1001, "2"), (60_000, "60")] {
        let reply = Reply::from(Refusal::rate_limited(millis));
        assert_eq!(reply.header("Retry-After"), Some(seconds));
        assert!(reply.body.unwrap().contains(&format!("\"retry_after\":{millis}")));
    }
}

#[test]
fn r2_an_internal_error_tells_its_id_and_nothing_else() {
    let reply = crate::door::Reply::internal("abc123");
    assert_eq!(reply.error(), said(500, "internal"));
    assert!(reply.body.unwrap().contains("abc123"));
}
