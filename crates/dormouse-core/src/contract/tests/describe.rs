//! What `GET /v1/contract` says (rule E3).

use serde_json::{Value, json};

use super::app::App;
use crate::contract::{Application, Channel, Contract, Event, HOUR, HistoryBounds, Json, KIB, MIB, Presence};

fn described(contract: Contract) -> Vec<Value> {
    let Value::Array(channels) = contract.check().unwrap().describe(64 * KIB)["channels"].take() else {
        panic!("no channels")
    };
    channels
}

fn channel(pattern: &str) -> Value {
    described(App::contract()).into_iter().find(|channel| channel["pattern"] == pattern).unwrap()
}

#[test]
fn e3_the_channels_are_told_the_most_specific_first() {
    let contract = ["**", "b:*", "a:b", "a:**"]
        .iter()
        .fold(Contract::new(), |all, pattern| all.channel(pattern, Channel::with_token()));
    let patterns: Vec<_> = described(contract).iter().map(|channel| channel["pattern"].clone()).collect();
    assert_eq!(patterns, ["a:b", "a:**", "b:*", "**"]);
}

#[test]
fn e3_chat_is_told_in_full() {
    let said = json!({
        "say": {
            "schema": {
                "description": "Something said in a room.",
                "type": "object",
                "properties": {
                    "text": {"description": "What is said.", "type": "string", "minLength": 1, "maxLength": 4_000},
                },
                "required": ["text"],
                "additionalProperties": false,
            },
            "ability": "publish",
            "rate": {"per_second": 10, "burst": 30},
            "kept": true,
            "directed": true,
            "max_bytes": 65_536,
        },
        "typing": {
            "schema": {
                "description": "Whether someone is about to say something.",
                "type": "object",
                "properties": {
                    "on": {
                        "description": "True from the first letter, false when the line is empty again.",
                        "type": "boolean",
                    },
                },
                "required": ["on"],
                "additionalProperties": false,
            },
            "ability": "publish",
            "rate": {"per_second": 5, "burst": 5},
            "kept": false,
            "directed": false,
            "max_bytes": 65_536,
        },
    });
    let chat = json!({
        "pattern": "chat:*",
        "join": "token",
        "granted": [],
        "events": said,
        "presence": {"data": true, "mode": "list"},
        "history": {"count": 1_000, "age_ms": 86_400_000, "bytes": 8_388_608},
    });
    assert_eq!(channel("chat:*"), chat);
    let mut door = chat;
    door["pattern"] = "door:*".into();
    door["join"] = "later".into();
    assert_eq!(channel("door:*"), door);
}

#[test]
fn e3_public_cursor_and_app_are_told_as_their_table_has_them() {
    let public = channel("public:**");
    assert_eq!(public["join"], "anyone");
    assert_eq!(public["granted"], json!(["join", "presence", "history"]));
    assert_eq!(public["presence"], json!({"data": true, "mode": "count"}));
    let message = json!({
        "schema": true, "ability": "publish", "rate": {"per_second": 10, "burst": 30},
        "kept": true, "directed": false, "max_bytes": 16_384,
    });
    assert_eq!(public["events"], json!({"message": message}));

    let cursor = channel("cursor:*");
    assert_eq!(cursor["join"], "token");
    assert_eq!(cursor["history"], Value::Null);
    assert_eq!(cursor["presence"], json!({"data": true, "mode": "list"}));
    assert_eq!(cursor["events"]["move"]["rate"], json!({"per_second": 60, "burst": 120}));
    let share = &cursor["events"]["move"]["schema"]["properties"]["x"];
    assert_eq!((&share["minimum"], &share["maximum"]), (&json!(0.0), &json!(1.0)));

    let app = channel("app:**");
    let said = |kept: bool| {
        json!({
            "schema": true, "ability": "publish", "rate": {"per_second": 20, "burst": 40},
            "kept": kept, "directed": true, "max_bytes": 32_768,
        })
    };
    assert_eq!(app["events"], json!({"message": said(true), "signal": said(false)}));
}

#[test]
fn e3_what_is_not_there_is_null_and_what_was_declared_is_told() {
    let bounds = HistoryBounds { count: 5, age: HOUR, bytes: MIB };
    let event = Event::kept().rate(0.5).reserved_for("host");
    let contract = Contract::new()
        .channel("a", Channel::with_token())
        .channel("b", Channel::with_token().event::<Json>("x", event).history(bounds));
    let told = described(contract);
    assert_eq!(
        (&told[0]["presence"], &told[0]["history"], &told[0]["events"]),
        (&Value::Null, &Value::Null, &json!({}))
    );
    assert_eq!(told[1]["history"], json!({"count": 5, "age_ms": 3_600_000, "bytes": 1_048_576}));
    assert_eq!(told[1]["events"]["x"]["rate"], json!({"per_second": 0.5, "burst": 1}));
    assert_eq!(told[1]["events"]["x"]["ability"], "publish:host");
    let seen = Contract::new().channel("a", Channel::with_token().presence::<Json>(Presence::count()));
    assert_eq!(described(seen)[0]["presence"]["mode"], "count");
}

#[test]
fn r2_the_schemas_name_no_type_of_ours() {
    let text = App::contract().describe(64 * KIB).to_string();
    for name in ["\"title\"", "Say", "Typing", "\"Move\"", "dormouse", "String", "f64"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}
