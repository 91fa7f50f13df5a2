//! `POST /dev/token`: there for a page on this very machine, and for nobody else.

use serde_json::{Value, json};

use super::{House, NOW, Request, said};
use crate::door::{Decision, Reply, Unread};
use dormouse_core::grant::Verifier;
use dormouse_protocol::name::ChannelName;

fn asking(host: &str) -> Request {
    Request::post("/dev/token").at(host)
}

#[track_caller]
fn mint(house: &House, body: &str) -> Reply {
    match house.route(&asking("127.0.0.1:8787")) {
        Decision::DevToken(tokens) => tokens.mint(Ok(body), &house.config.keys, NOW),
        other => panic!("no tokens here: {other:?}"),
    }
}

/// What a minted token grants on a channel.
fn granted(house: &House, minted: &Reply, channel: &str) -> (String, Vec<String>) {
    let body: Value = serde_json::from_str(minted.body.as_ref().unwrap()).unwrap();
    let claims = house.config.keys.verify(body["token"].as_str().unwrap(), NOW).unwrap();
    let mut grant = claims.grant(&ChannelName::parse(channel).unwrap());
    grant.abilities.sort();
    (grant.user.to_string(), grant.abilities)
}

#[test]
fn a_deployment_has_no_development_tokens() {
    for house in [House::plain(), House::with(&[("DEV_TOKENS", "0")])] {
        for host in ["127.0.0.1:8787", "localhost", "chat.example"] {
            assert_eq!(house.answer(&asking(host)).error(), said(404, "not_found"), "{host}");
        }
        let preflight = Request::preflight("/dev/token", "http://localhost:3000").at("127.0.0.1:8787");
        assert_eq!(house.answer(&preflight).status, 404);
    }
}

#[test]
fn development_tokens_are_for_this_very_machine_alone() {
    let house = House::of_a_developer();
    for host in ["127.0.0.1:8787", "localhost:1", "[::1]:8787", "localhost", "[::1]"] {
        assert!(matches!(house.route(&asking(host)), Decision::DevToken(_)), "{host}");
    }
    for host in
        ["chat.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.7:8787", "[::1]x", "[::1"]
    {
        assert_eq!(house.answer(&asking(host)).error(), said(404, "not_found"), "{host}");
    }
    let from = |address: &str| Request {
        headers: vec![("Host".into(), "localhost".into()), ("CF-Connecting-IP".into(), address.into())],
        ..asking("localhost")
    };
    for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
        assert!(matches!(house.route(&from(address)), Decision::DevToken(_)), "{address}");
    }
    for address in ["192.168.0.7", "fe80::1", "::ffff:192.168.0.7", "localhost", "", "127.0.0.1, 192.168.0.7"] {
        assert_eq!(house.answer(&from(address)).error(), said(404, "not_found"), "{address:?} knows to say localhost");
    }
    let unknown = Request { headers: vec![], ..asking("localhost") };
    assert_eq!(house.answer(&unknown).status, 404, "nobody says where it comes from");
    let disguised = Request::post("/dev/token").header("Host", "localhost").header("CF-Connecting-IP", "127.0.0.1");
    assert_eq!(house.answer(&disguised).status, 404, "the URL says another host");
    let rebound = Request {
        headers: vec![("Host".into(), "evil.example".into()), ("CF-Connecting-IP".into(), "127.0.0.1".into())],
        ..asking("127.0.0.1")
    };
    assert_eq!(house.answer(&rebound).status, 404, "the header says another host");
}

#[test]
fn development_tokens_are_not_for_a_foreign_page() {
    let house = House::of_a_developer();
    for origin in ["null", "https://evil.example"] {
        let answer = house.answer(&asking("127.0.0.1:8787").header("Origin", origin));
        assert_eq!(answer.error(), said(403, "forbidden"), "{origin}");
    }
    let page = asking("127.0.0.1:8787").header("Origin", "http://localhost:5173");
    let Decision::DevToken(tokens) = house.route(&page) else { panic!("a page of this machine may") };
    let minted = tokens.mint(Ok(r#"{"user":"ann"}"#), &house.config.keys, NOW);
    assert_eq!(minted.header("Access-Control-Allow-Origin"), Some("http://localhost:5173"));
}

#[test]
fn a_minted_token_holds_for_an_hour_and_grants_everything_unless_told() {
    let house = House::of_a_developer();
    let minted = mint(&house, r#"{"user":"ann"}"#);
    let body: Value = serde_json::from_str(minted.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["expires"], json!(NOW + 3_600_000));
    let everything = ["call", "history", "join", "presence", "publish"].map(str::to_owned).to_vec();
    assert_eq!(granted(&house, &minted, "app:a:b"), ("ann".to_owned(), everything));

    let narrow = mint(&house, r#"{"user":"bob","can":{"chat:*":["join"]}}"#);
    assert_eq!(granted(&house, &narrow, "chat:a"), ("bob".to_owned(), vec!["join".to_owned()]));
    assert_eq!(granted(&house, &narrow, "app:a").1, Vec::<String>::new());
}

#[test]
fn f5_a_minted_token_carries_the_roles_that_are_asked_for() {
    let house = House::of_a_developer();
    let roles = |body: &str| {
        let body: Value = serde_json::from_str(mint(&house, body).body.as_ref().unwrap()).unwrap();
        let claims = house.config.keys.verify(body["token"].as_str().unwrap(), NOW).unwrap();
        claims.roles
    };
    assert_eq!(roles(r#"{"user":"ann","roles":["editor","staff"]}"#), ["editor", "staff"]);
    assert_eq!(roles(r#"{"user":"ann"}"#), Vec::<String>::new());
}

#[test]
fn a_minted_token_carries_what_the_deployment_demands() {
    let house = House::with(&[("DEV_TOKENS", "1"), ("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "them")]);
    let minted = mint(&house, r#"{"user":"ann"}"#);
    assert_eq!(granted(&house, &minted, "chat:a").0, "ann");
}

#[test]
fn a_request_for_a_token_that_makes_no_sense_is_told_the_shape() {
    let house = House::of_a_developer();
    let long = format!(r#"{{"user":"{}"}}"#, "x".repeat(129));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"user":""}"#,
        r#"{"user":7}"#,
        r#"{"user":"a\uffff"}"#,
        r#"{"user":"a","cna":{}}"#,
        &long,
    ] {
        let answer = mint(&house, body);
        assert_eq!(answer.error(), said(400, "bad_frame"), "{body}");
        assert!(answer.body.unwrap().contains("user"));
    }
    let Decision::DevToken(tokens) = house.route(&asking("localhost")) else { panic!("no tokens here") };
    assert_eq!(tokens.mint(Err(Unread::TooLarge), &house.config.keys, NOW).error(), said(413, "too_large"));
}

#[test]
fn a_token_is_asked_for_by_post() {
    let answer = House::of_a_developer().answer(&Request::get("/dev/token").at("localhost"));
    assert_eq!(answer.error(), said(405, "method_not_allowed"));
}
