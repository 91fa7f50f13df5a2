//! The same script played directly and through a relay, and what each client heard of it (rule M5).

use std::collections::BTreeMap;

use serde_json::Value;

use super::World;

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
            let mut fields: serde_json::Map<_, _> =
                fields.into_iter().map(|(field, value)| (field, named(value, names))).collect();
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

/// The codes with which each client's channel ended for it.
fn ends(world: &World) -> Vec<Option<u16>> {
    (0..world.clients()).map(|client| world.nth(client).hung_up).collect()
}

/// Each client has heard the same, frame by frame, and every request over HTTP was answered the same.
#[track_caller]
pub fn assert_same_heard(direct: &World, relayed: &World) {
    for (client, (direct, relayed)) in heard(direct).iter().zip(&heard(relayed)).enumerate() {
        assert_eq!(direct, relayed, "client {client} directly, and through a relay");
    }
    assert_eq!(direct.clients(), relayed.clients());
    assert_eq!(ends(direct), ends(relayed), "how they ended directly, and through a relay");
    assert_eq!(direct.answers().len(), relayed.answers().len(), "what was answered over HTTP");
}
