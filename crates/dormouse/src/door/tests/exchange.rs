//! The calls between objects: nobody outside has a way to make one.

use super::{House, Request, said};
use crate::door::{Call, Decision, EXCHANGE_URL, is_exchange};
use proptest::prelude::*;

/// Whether an object would take a request for a call of another object's.
fn is_taken(request: &Request) -> bool {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    is_exchange(&Call::new(&request.method, &request.url, &header))
}

#[test]
fn an_object_takes_a_call_at_its_url_by_post_alone() {
    let request = |method: &str, url: &str| Request { method: method.to_owned(), url: url.to_owned(), headers: vec![] };
    assert!(is_taken(&request("POST", EXCHANGE_URL)));
    for method in ["GET", "PUT", "post", "HEAD", "OPTIONS"] {
        assert!(!is_taken(&request(method, EXCHANGE_URL)), "{method}");
    }
    for path in ["/", "/more", "%2f", "e"] {
        assert!(!is_taken(&request("POST", &format!("{EXCHANGE_URL}{path}"))), "{path}");
    }
}

#[test]
fn the_path_of_calls_between_objects_is_not_found_at_the_door() {
    for method in ["POST", "GET", "PUT", "OPTIONS"] {
        let request = Request::new(method, "/v1/exchange").header("Upgrade", "websocket");
        for house in [House::plain(), House::of_a_developer(), House::without_relays()] {
            assert_eq!(house.answer(&request).error(), said(404, "not_found"), "{method}");
            assert_eq!(house.answer(&request.clone().at("dormouse")).error(), said(404, "not_found"), "{method}");
        }
    }
}

/// A segment of a path: often one that there is, written in some way.
fn segment() -> impl Strategy<Value = String> {
    let known =
        ["v1", "exchange", "channels", "chat:a", "public:a", "connect", "members", "messages", "dev", "..", ".", ""];
    let bent = ["%65xchange", "Exchange", "exchange%2f", "v%31", "%2e%2e", "exchange;", "exchange "];
    prop_oneof![
        6 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(bent.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
    ]
}

fn url() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["dormouse", "chat.example", "127.0.0.1:8787", "[::1]", ""]);
    let scheme = prop::sample::select(vec!["http://", "https://", "", "ws://"]);
    let tail = prop::sample::select(vec!["", "?", "?token=a", "#", "#/v1/exchange", "?/v1/exchange"]);
    let path = prop::collection::vec(segment(), 0..6).prop_map(|segments| segments.join("/"));
    (scheme, host, path, tail).prop_map(|(scheme, host, path, tail)| format!("{scheme}{host}/{path}{tail}"))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop::sample::select(vec![
        "Host",
        "Upgrade",
        "Authorization",
        "Origin",
        "Sec-WebSocket-Protocol",
        "CF-Connecting-IP",
        "Idempotency-Key",
        "X-Original-URL",
        "X-HTTP-Method-Override",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec!["websocket", "dormouse", "POST", "/v1/exchange", "dormouse.v1", "http://dormouse"])
            .prop_map(str::to_owned),
        "[ -~]{0,12}",
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn what_the_door_hands_on_no_object_takes_for_a_call_of_another(
        method in prop_oneof![prop::sample::select(vec!["GET", "POST", "PUT"]).prop_map(str::to_owned), "[A-Za-z]{1,7}"],
        url in prop_oneof![url(), Just("https://chat.example/v1/exchange".to_owned()), Just(EXCHANGE_URL.to_owned())],
        headers in headers(),
    ) {
        let request = Request { method, url, headers };
        for house in [House::plain(), House::of_a_developer(), House::without_relays()] {
            let handed_on = matches!(house.route(&request), Decision::Channel(_) | Decision::Connect(_));
            prop_assert!(!(handed_on && is_taken(&request)), "{} {}", request.method, request.url);
            if is_taken(&request) {
                prop_assert_eq!(house.answer(&request).error().0, 404);
            }
        }
    }
}
