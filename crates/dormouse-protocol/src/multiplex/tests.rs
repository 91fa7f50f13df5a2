//! Rules M1 to M6: what is asked of a connection that carries many channels.

use super::*;

fn one(text: &str) -> Asked<'_> {
    let mut all = parse(text, 100).expect("a frame");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[track_caller]
fn refused(text: &str) -> (Option<String>, String) {
    let asked = one(text);
    let refusal = asked.asks.expect_err("it is refused");
    assert_eq!(refusal.code, Code::BadFrame);
    (asked.id.map(|id| id.to_string()), refusal.message)
}

#[test]
fn m2_a_join_names_its_channel_and_what_a_query_would() {
    let asked = one(
        r#"{"type":"join","id":"j1","channel":"chat:lobby","epoch":"e","after":41,"connection":"c","token":"t","x":1}"#,
    );
    assert_eq!(asked.id.unwrap().as_str(), "j1");
    let Ok(Asks::Join(join)) = asked.asks else { panic!("no join") };
    assert_eq!((&*join.channel, join.token.as_deref()), ("chat:lobby", Some("t")));
    assert_eq!(
        (join.epoch.as_deref(), join.after.as_deref(), join.connection.as_deref()),
        (Some("e"), Some("41"), Some("c"))
    );
    let Ok(Asks::Join(join)) = one(r#"{"type":"join","channel":"a","after":"7","epoch":7}"#).asks else { panic!() };
    assert_eq!((join.after.as_deref(), join.epoch.as_deref()), (Some("7"), Some("")));
    assert_eq!(refused(r#"{"type":"join","id":"j"}"#).0.as_deref(), Some("j"));
    assert!(refused(r#"{"type":"join","channel":"a","token":7}"#).1.contains("token"));
    assert!(refused(r#"{"type":"join","channel":7}"#).1.contains("channel"));
}

#[test]
fn m3_a_request_is_handed_on_as_it_was_written() {
    let text = r#"{"type":"publish","channel":"a","event":"say","data":{"n":1e1}}"#;
    let frames = format!("[{text} , {{\"type\":\"leave\",\"channel\":\"b\"}}]");
    let asked = parse(&frames, 2).unwrap();
    assert!(
        matches!(&asked[0].asks, Ok(Asks::Request { channel, text: written }) if channel == "a" && *written == text)
    );
    assert!(matches!(&asked[1].asks, Ok(Asks::Leave { channel }) if channel == "b"));
    assert_eq!(parse(&frames, 1).unwrap_err().code, Code::TooLarge);
    // What names no channel is nobody's, but `auth`, which is the connection's.
    assert!(refused(r#"{"type":"publish","id":"p","event":"say","data":1}"#).1.contains("channel"));
    assert!(matches!(one(r#"{"type":"auth","token":"t"}"#).asks, Ok(Asks::Auth { token }) if token == "t"));
    assert!(matches!(one(r#"{"type":"auth","token":"t","channel":"a"}"#).asks, Ok(Asks::Request { .. })));
}

#[test]
fn m3_what_two_readers_could_read_differently_is_refused() {
    refused(r#"{"type":"publish","channel":"a","channel":"b"}"#);
    refused(r#"{"type":"publish","type":"join","channel":"a"}"#);
    refused(r#"{"type":"publish","channel":"a","chann\u0065l":"b"}"#);
    refused(r#"{"type":"join","channel":"a","after":1,"x":{"y":1,"y":2}}"#);
    refused("7");
    refused("[]".replace("[]", "\"x\"").as_str());
    for text in ["", "{", "[", "[{}", "nonsense", "{\"type\":\"join\"", "\u{feff}{}"] {
        assert_eq!(parse(text, 100).unwrap_err().code, Code::BadFrame, "{text}");
    }
    assert!(parse("[]", 100).unwrap().is_empty());
}

#[test]
fn m4_frames_travel_byte_for_byte() {
    assert_eq!(inside("a:b", r#"{"x":1}"#), r#"{"type":"in","channel":"a:b","frames":[{"x":1}]}"#);
    assert_eq!(inside("a", r#"[{"x":1},{"y":2}]"#), r#"{"type":"in","channel":"a","frames":[{"x":1},{"y":2}]}"#);
    let at: serde_json::Value = serde_json::from_str(&at("a", "e", 7)).unwrap();
    assert_eq!(at, serde_json::json!({"type": "at", "channel": "a", "epoch": "e", "seq": 7}));
}

#[test]
fn m1_a_connection_is_greeted_with_what_it_may_send() {
    let (connection, user) = (ConnectionId::parse("c").unwrap(), UserId::parse("ann").unwrap());
    let limits = HelloLimits { channels: CHANNELS_MAX, frame_bytes: 65_536, batch: 100 };
    let text = hello(&Hello { connection: &connection, user: Some(&user), expires: Some(9), limits, now: 7 });
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let limits = serde_json::json!({"channels": 200, "frame_bytes": 65_536, "batch": 100});
    assert_eq!(
        told,
        serde_json::json!({"type": "hello", "connection": "c", "user": "ann", "expires": 9, "limits": limits, "now": 7})
    );
}
