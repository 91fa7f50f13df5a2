//! Rule E7: origins and CORS.

use super::{House, Request, said};
use crate::door::Decision;

const JOIN: &str = "/v1/channels/chat:a";

fn listing() -> House {
    House::with(&[("ALLOWED_ORIGINS", "https://app.example, https://*.pages.example")])
}

/// Origins that are not on the list of [`listing`].
const FOREIGN: [&str; 9] = [
    "null",
    "https://evil.example",
    "http://app.example",
    "https://app.example:444",
    "https://app.example.evil",
    "https://app.example, https://evil.example",
    "http://localhost:3000",
    "https://APP.example",
    "",
];

#[test]
fn e7_a_listed_origin_and_none_at_all_may_join() {
    for origin in ["https://app.example", "https://a.pages.example", "https://chat.example"] {
        assert!(matches!(listing().route(&Request::upgrade(JOIN).header("Origin", origin)), Decision::Channel(_)));
    }
    assert!(matches!(listing().route(&Request::upgrade(JOIN)), Decision::Channel(_)));
}

#[test]
fn e7_the_services_own_page_is_not_foreign_however_its_host_is_written() {
    let own =
        [("http", "chat.test", ["CHAT.test", "chat.test:80"]), ("https", "chat.test", ["Chat.Test", "chat.test:443"])];
    for (scheme, name, hosts) in own {
        for host in hosts.into_iter().chain([name]) {
            let url = format!("{scheme}://{name}{JOIN}");
            let request = |origin: &str| {
                Request { url: url.clone(), ..Request::upgrade(JOIN) }.header("Host", host).header("Origin", origin)
            };
            assert!(
                matches!(House::plain().route(&request(&format!("{scheme}://{name}"))), Decision::Channel(_)),
                "{host}"
            );
            for origin in
                [format!("{scheme}://{name}:8080"), format!("{scheme}://CHAT.test"), format!("{scheme}://evil.test")]
            {
                assert_eq!(House::plain().answer(&request(&origin)).error(), said(403, "forbidden"), "{host} {origin}");
            }
        }
    }
    let other = Request::upgrade(JOIN).header("Host", "chat.example:80").header("Origin", "https://chat.example");
    assert_eq!(House::plain().answer(&other).error(), said(403, "forbidden"), "80 is not the port of https");
}

#[test]
fn e7_any_other_origin_is_refused_before_an_object_is_touched() {
    for origin in FOREIGN {
        let answer = listing().answer(&Request::upgrade(JOIN).header("Origin", origin));
        assert_eq!(answer.error(), said(403, "forbidden"), "{origin}");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), None, "{origin}");
    }
}

#[test]
fn e7_the_services_own_page_passes_by_the_host_it_was_asked_for() {
    let own = |host: &str, origin: &str| Request::upgrade(JOIN).at(host).header("Origin", origin);
    assert!(matches!(House::plain().route(&own("chat.test:8080", "http://chat.test:8080")), Decision::Channel(_)));
    for (host, origin) in [("chat.test:8080", "https://chat.test:8080"), ("chat.test", "http://chat.test:8080")] {
        assert_eq!(House::plain().answer(&own(host, origin)).status, 403, "{host} {origin}");
    }
}

#[test]
fn e7_in_development_every_port_of_this_machine_passes() {
    let house = House::of_a_developer();
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:1", "http://localhost"] {
        let request = Request::upgrade(JOIN).at("127.0.0.1:8787").header("Origin", origin);
        assert!(matches!(house.route(&request), Decision::Channel(_)), "{origin}");
    }
    for origin in ["null", "http://localhost.evil.example", "http://evil.example:8787", "http://127.0.0.2:1"] {
        let request = Request::upgrade(JOIN).at("127.0.0.1:8787").header("Origin", origin);
        assert_eq!(house.answer(&request).status, 403, "{origin}");
    }
}

#[test]
fn e7_a_foreign_page_can_read_nothing_and_post_nothing() {
    for origin in FOREIGN {
        let read = listing().answer(&Request::get("/v1/health").header("Origin", origin));
        assert_eq!((read.status, read.header("Access-Control-Allow-Origin")), (200, None), "{origin}");
        let posted = listing().answer(&Request::post("/v1/channels/chat:a/messages").header("Origin", origin));
        assert_eq!(posted.error(), said(403, "forbidden"), "{origin}");
    }
}

#[test]
fn e7_a_listed_page_can_read_every_answer_refusals_too() {
    let house = listing();
    for path in ["/v1/health", "/v1/nothing", "/v1/channels/nothing/members", JOIN] {
        let answer = house.answer(&Request::get(path).header("Origin", "https://app.example"));
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("https://app.example"), "{path}");
        assert_eq!(
            answer.header("Access-Control-Expose-Headers"),
            Some("Retry-After, Allow, WWW-Authenticate"),
            "{path}"
        );
        assert_eq!(answer.header("Vary"), Some("Origin"), "{path}");
    }
    let request = Request::get("/v1/channels/chat:a/members").header("Origin", "https://app.example");
    let refused = house.admitted(&request).unwrap_err();
    let Decision::Answer(reply) = refused.decision else { panic!("no answer") };
    assert_eq!((reply.status, reply.header("Access-Control-Allow-Origin")), (401, Some("https://app.example")));
}

#[test]
fn e7_an_answer_varies_by_origin_even_without_one() {
    assert_eq!(listing().answer(&Request::get("/v1/health")).header("Vary"), Some("Origin"));
}

#[test]
fn e7_a_preflight_of_a_listed_origin_names_methods_and_headers() {
    let answer = listing().answer(&Request::preflight("/v1/channels/chat:a/messages", "https://app.example"));
    assert_eq!((answer.status, answer.body.as_deref()), (204, None));
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("https://app.example"));
    assert_eq!(answer.header("Access-Control-Allow-Methods"), Some("GET, POST"));
    assert_eq!(answer.header("Access-Control-Allow-Headers"), Some("Authorization, Content-Type, Idempotency-Key"));
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
}

#[test]
fn e7_a_preflight_of_any_other_origin_or_path_is_refused() {
    for origin in FOREIGN {
        let answer = listing().answer(&Request::preflight("/v1/channels/chat:a/messages", origin));
        assert_eq!(answer.error(), said(403, "forbidden"), "{origin}");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), None, "{origin}");
    }
    assert_eq!(listing().answer(&Request::preflight("/v1/nothing", "https://app.example")).status, 404);
}
