//! The same script played directly and through a relay, and what each client heard of it (rule M5).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Sleep, World};

/// What every client heard, for comparing a world whose joiners come through a relay with one without: what a relayed
/// connection is called is chance, and with it the order of a list. So each connection is called by the first client that
/// was welcomed with it, each life by its number, and lists are sorted. All else is as it was told, frame by frame.
fn heard(world: &World) -> Vec<Vec<Value>> {
    let mut names = BTreeMap::new();
    let transcript = world.transcript();
    for (client, frames) in transcript.iter().enumerate() {
        for welcome in frames.iter().filter(|frame| frame["type"] == "welcome") {
            if let Some(connection) = welcome["connection"].as_str() {
                names.entry(connection.to_owned()).or_insert_with(|| format!("connection {client}"));
            }
        }
    }
    for epoch in transcript.iter().flatten().filter_map(|frame| frame["epoch"].as_str()) {
        let number = names.len();
        names.entry(epoch.to_owned()).or_insert_with(|| format!("epoch {number}"));
    }
    transcript.into_iter().map(|frames| frames.into_iter().map(|frame| named(frame, &names)).collect()).collect()
}

fn named(value: Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => names.get(&text).cloned().unwrap_or(text).into(),
        Value::Array(values) => values.into_iter().map(|value| named(value, names)).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            // What a client calls its requests is its own.
            let named = |field: &str, value| if field == "id" { value } else { named(value, names) };
            let mut fields: serde_json::Map<_, _> =
                fields.into_iter().map(|(field, value)| (field.clone(), named(&field, value))).collect();
            for list in ["members", "join", "update", "leave"] {
                if let Some(Value::Array(members)) = fields.get_mut(list) {
                    members.sort_by_key(ToString::to_string);
                }
            }
            fields.into()
        }
        other => other,
    }
}

/// Plays a script directly and through a relay, the channel awake all the time and asleep wherever the platform could, and
/// compares what every client heard.
#[track_caller]
pub fn assert_same_through_relay(world: impl Fn(Sleep) -> World, script: impl Fn(&mut World)) {
    for sleep in [Sleep::Never, Sleep::Always] {
        let play = |mut world: World| {
            script(&mut world);
            world.drain();
            world
        };
        assert_same_heard(&play(world(sleep)), &play(world(sleep).through_relay()));
    }
}

/// Each client has heard the same, frame by frame, and every request over HTTP was answered the same.
#[track_caller]
pub fn assert_same_heard(direct: &World, relayed: &World) {
    for (client, (direct, relayed)) in heard(direct).iter().zip(&heard(relayed)).enumerate() {
        for (place, (direct, relayed)) in direct.iter().zip(relayed).enumerate() {
            assert_eq!(direct, relayed, "frame {place} of client {client} directly, and through a relay");
        }
        assert_eq!(direct.len(), relayed.len(), "how much client {client} heard directly, and through a relay");
    }
    assert_eq!(direct.clients(), relayed.clients());
    assert_eq!(direct.answers().len(), relayed.answers().len(), "what was answered over HTTP");
}
