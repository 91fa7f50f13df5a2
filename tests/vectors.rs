//! The vectors in `tests/vectors/`: what the wire looks like, read by the client's tests too.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

use dormouse_protocol::error::{CLOSE_TOO_BIG, Close, Code, Refusal};
use dormouse_protocol::frame::Bye;
use dormouse_protocol::frame::{self, Ack, Here, Message, Resumed, Standing, Welcome};
use dormouse_protocol::ijson;
use dormouse_protocol::name::{ConnectionId, RequestId, UserId};
use dormouse_protocol::request::{self, From, Incoming, Page, Publish, Request, Targets};
use serde_json::{Map, Value, json};

fn vectors(file: &str) -> Value {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a Vec<Value> {
    vectors[name].as_array().unwrap()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

#[test]
fn r1_the_table_of_codes_is_the_one_written_down() {
    let codes: Vec<_> = Code::ALL
        .iter()
        .map(|code| json!({"code": code.as_str(), "status": code.status(), "retryable": code.retryable(), "text": code.text()}))
        .collect();
    assert_eq!(&codes, list(&vectors("errors.json"), "codes"));
}

#[test]
fn r3_the_table_of_close_codes_is_the_one_written_down_and_each_is_in_its_range() {
    let errors = vectors("errors.json");
    let ranges = list(&errors, "ranges");
    let advice = |number: u16| {
        let holds = |range: &&Value| (range["from"].as_u64()..=range["to"].as_u64()).contains(&Some(u64::from(number)));
        let fitting: Vec<_> = ranges.iter().filter(holds).collect();
        assert_eq!(fitting.len(), 1, "{number}");
        fitting[0]["advice"].clone()
    };
    let closes: Vec<_> = Close::ALL
        .iter()
        .map(|close| json!({"code": close.number(), "reason": close.reason(), "advice": advice(close.number())}))
        .collect();
    assert_eq!(&closes, list(&errors, "closes"));
    let others = list(&errors, "others");
    let too_big = others.iter().find(|other| other["code"] == CLOSE_TOO_BIG).unwrap();
    assert_eq!(too_big["advice"], "stop");
}

#[test]
fn r4_a_text_is_i_json_or_not_as_written_down() {
    let vectors = vectors("ijson.json");
    for vector in list(&vectors, "accepted") {
        assert_eq!(ijson::check(text(vector, "text")), Ok(()), "{vector}");
    }
    for vector in list(&vectors, "refused") {
        let refused = ijson::check(text(vector, "text"));
        assert!(refused.is_err(), "{vector}");
    }
    assert!(list(&vectors, "accepted").len() > 20 && list(&vectors, "refused").len() > 40);
}

#[test]
fn f_every_frame_of_the_service_looks_as_written_down() {
    let vectors = vectors("frames.json");
    let golden: Vec<_> =
        list(&vectors, "server").iter().map(|vector| (text(vector, "name"), text(vector, "frame"))).collect();
    let frames = server_frames();
    let encoded: Vec<_> = frames.iter().map(|(name, frame)| (*name, frame.as_str())).collect();
    assert_eq!(encoded, golden);
    for (name, frame) in golden {
        assert_eq!(ijson::check(frame), Ok(()), "{name}");
    }
}

#[test]
fn f_every_frame_of_a_client_is_read_as_written_down() {
    for vector in list(&vectors("frames.json"), "client") {
        let read = match request::parse(text(vector, "text"), 100) {
            Ok(members) => json!(members.iter().map(describe).collect::<Vec<_>>()),
            Err(refusal) => json!({"refused": refusal.code.as_str()}),
        };
        assert_eq!(read, vector["read"], "{}", vector["name"]);
    }
}

#[test]
fn e2_every_body_of_a_post_is_read_as_written_down() {
    for vector in list(&vectors("frames.json"), "post") {
        let read = match request::parse_body(text(vector, "text"), 100) {
            Ok((members, array)) => {
                json!({"array": array, "members": members.iter().map(describe).collect::<Vec<_>>()})
            }
            Err(refusal) => json!({"refused": refusal.code.as_str()}),
        };
        assert_eq!(read, vector["read"], "{}", vector["name"]);
    }
}

fn server_frames() -> Vec<(&'static str, String)> {
    let mut frames = welcomes();
    frames.extend(messages());
    frames.extend(answers());
    frames.extend(presences());
    frames.extend(byes());
    frames
}

fn id(id: &str) -> Option<RequestId> {
    RequestId::parse(id)
}

const SNAPSHOT: &str = r#"{"count":3,"muted":[]}"#;

fn welcomes() -> Vec<(&'static str, String)> {
    let (ann, own) = (UserId::parse("ann").unwrap(), ConnectionId::parse("c1").unwrap());
    let member = frame::member(Some(&ann), &own, Some(r#"{"name":"Ann"}"#), None);
    let members = [member.as_str()];
    let can = ["history".to_owned(), "join".to_owned(), "publish:say".to_owned()];
    let standing = |resumed| Some(Standing { epoch: "e1", seq: 41, first: 7, resumed });
    let told = |resumed, here, (snapshot, remembers): (Option<&str>, &[&str])| {
        frame::welcome(&Welcome {
            channel: "chat:lobby",
            connection: &own,
            user: Some(&ann),
            standing: standing(resumed),
            expires: Some(1_700_003_600_000),
            can: &can,
            here,
            snapshot,
            remembers,
            frame_bytes: 65_536,
            batch: 100,
            per_second: 20.0,
            burst: 40.0,
            now: 1_700_000_000_000,
        })
    };
    let full = |resumed, here| told(resumed, here, (None, &[]));
    let unsigned = frame::welcome(&Welcome {
        channel: "door:a",
        connection: &own,
        user: None,
        standing: None,
        expires: None,
        can: &[],
        here: None,
        snapshot: None,
        remembers: &[],
        frame_bytes: 65_536,
        batch: 100,
        per_second: 0.5,
        burst: 40.0,
        now: 1_700_000_000_000,
    });
    vec![
        ("welcome, fresh, with members", full(Resumed::Fresh, Some(Here::Members(&members)))),
        ("welcome, recovered, with a count", full(Resumed::Recovered, Some(Here::Count(1203)))),
        ("welcome, behind, without presence", full(Resumed::Behind, None)),
        ("welcome, lost", full(Resumed::Lost, None)),
        ("welcome, fresh, with a snapshot", told(Resumed::Fresh, None, (Some(SNAPSHOT), &[]))),
        ("welcome, fresh, with what it remembers", told(Resumed::Fresh, None, (None, &["count", "put"]))),
        ("welcome before signing in", unsigned),
    ]
}

fn messages() -> Vec<(&'static str, String)> {
    let (ann, own) = (UserId::parse("ann \"Q\"").unwrap(), ConnectionId::parse("c1").unwrap());
    let message = |seq, id: Option<&RequestId>, data: &str, from: &str| {
        frame::message(&Message { seq, id, event: "say", data, from, at: 1_700_000_000_000 })
    };
    let own = frame::from(Some(&ann), Some(&own));
    let (by_http, by_nobody) = (frame::from(Some(&ann), None), frame::from(None, None));
    vec![
        ("message, kept", message(Some(42), id("a-1").as_ref(), r#"{"text":"hello"}"#, &own)),
        (
            "message, kept, its data as written",
            message(Some(43), id("ü\n").as_ref(), "{ \"n\" : 1.0e2,\"s\":\"\\u00fc/\\/\" }", &own),
        ),
        ("message, ephemeral, without id", message(None, None, "null", &own)),
        ("message over HTTP", message(Some(44), None, "[1,2]", &by_http)),
        ("message over HTTP without a token", message(Some(45), None, "7", &by_nobody)),
        ("message of the service", message(Some(46), None, r#"{"n":4}"#, frame::FROM_SERVICE)),
    ]
}

fn answers() -> Vec<(&'static str, String)> {
    let request = id("a-1");
    let request = request.as_ref();
    let standing = |resumed| Standing { epoch: "e1", seq: 44, first: 7, resumed };
    let limited = Refusal::rate_limited(500);
    let conflict = Refusal {
        seq: Some(41),
        ..Refusal::new(Code::Conflict, "The channel has moved on: `seq` is its newest message.")
    };
    let muted = Refusal {
        reason: Some("muted"),
        ..Refusal::new(Code::Refused, "You are muted for a minute after sending spam.")
    };
    let asked = RequestId::parse("a-1").unwrap();
    vec![
        ("ack", frame::ack(request, Ack::default())),
        ("ack, kept", frame::ack(request, Ack { seq: Some(42), ..Ack::default() })),
        ("ack, duplicate", frame::ack(request, Ack { seq: Some(42), duplicate: true, delivered: None })),
        ("ack, directed", frame::ack(request, Ack { delivered: Some(2), ..Ack::default() })),
        ("ack over HTTP without id", frame::ack(None, Ack { seq: Some(42), ..Ack::default() })),
        ("result", frame::result(&asked, r#"{"by":"ann","n":4}"#, false)),
        ("result, given before", frame::result(&asked, r#"{"count":3}"#, true)),
        ("error", frame::error(request, &limited)),
        ("error with the head", frame::error(request, &conflict)),
        ("error with a reason", frame::error(request, &muted)),
        ("error without id", frame::error(None, &Code::BadFrame.into())),
        ("error over HTTP", frame::http_error(&limited)),
        ("error over HTTP with the head", frame::http_error(&conflict)),
        ("error over HTTP with a reason", frame::http_error(&muted)),
        (
            "history",
            frame::history(
                request,
                r#"{"type":"message","seq":1,"event":"say","data":1,"from":{"user":"ann"},"at":1}"#,
                true,
            ),
        ),
        ("history, empty", frame::history(None, "", false)),
        ("resumed, recovered", frame::resumed(request, &standing(Resumed::Recovered), None)),
        ("resumed, behind", frame::resumed(request, &standing(Resumed::Behind), None)),
        ("resumed, lost", frame::resumed(None, &standing(Resumed::Lost), None)),
        ("resumed, lost, with a snapshot", frame::resumed(None, &standing(Resumed::Lost), Some(SNAPSHOT))),
    ]
}

fn presences() -> Vec<(&'static str, String)> {
    let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
    let (one, two) = (ConnectionId::parse("c1").unwrap(), ConnectionId::parse("c2").unwrap());
    let full = frame::member(Some(&ann), &one, Some(r#"{"name":"Ann"}"#), Some(r#"{"mood":"good"}"#));
    let plain = frame::member(Some(&bob), &two, None, None);
    let nobody = frame::member(None, &two, None, Some("1"));
    vec![
        ("presence, join", frame::changes(&[&full, &plain], &[], &[])),
        ("presence, update and leave", frame::changes(&[], &[&full], &[&plain])),
        ("presence, all", frame::changes(&[&nobody], &[&full], &[&plain])),
        ("presence, count", frame::count(1203)),
        ("presence, members", frame::members(&[&full, &plain])),
        ("several frames", frame::batch(["{\"type\":\"ack\"}", "{\"type\":\"presence\",\"count\":1}"]).unwrap()),
    ]
}

fn byes() -> Vec<(&'static str, String)> {
    vec![
        ("bye", frame::bye(Bye { close: Close::TokenExpired, retry_after: None })),
        ("bye, to come back later", frame::bye(Bye { close: Close::OverCapacity, retry_after: Some(10_000) })),
    ]
}

/// What was read out of a frame: a request with its fields, or why it is none.
fn describe(incoming: &Incoming<'_>) -> Value {
    let mut read = Map::new();
    if let Some(id) = &incoming.id {
        read.insert("id".to_owned(), json!(id.as_str()));
    }
    let (name, value) = match &incoming.request {
        Ok(Request::Publish(publish)) => ("publish", describe_publish(publish)),
        Ok(Request::Call(call)) => ("call", json!({"name": call.name, "data": call.data.get()})),
        Ok(Request::Auth { token }) => ("auth", json!({"token": token})),
        Ok(Request::Presence { data }) => ("presence", json!({"data": data.get()})),
        Ok(Request::History(page)) => ("history", describe_page(page)),
        Ok(Request::Resume { epoch, after }) => ("resume", json!({"epoch": epoch, "after": after})),
        Err(refusal) => ("refused", json!(refusal.code.as_str())),
    };
    read.insert(name.to_owned(), value);
    Value::Object(read)
}

fn describe_publish(publish: &Publish<'_>) -> Value {
    let mut read = json!({"event": publish.event, "data": publish.data.get(), "echo": publish.echo});
    if let Some(Targets { users, connections, roles }) = &publish.to {
        read["to"] = json!({"users": users, "connections": connections, "roles": roles});
    }
    if let Some(seq) = publish.if_seq {
        read["if_seq"] = json!(seq);
    }
    read
}

fn describe_page(page: &Page) -> Value {
    match page.from {
        From::Before(before) => json!({"before": before, "limit": page.size}),
        From::After(after) => json!({"after": after, "limit": page.size}),
        From::Head => json!({"limit": page.size}),
    }
}
