//! What must never happen and what must happen exactly once, over random scripts (rules F2, F3, D1, D2, D7, H1).
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

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::relayed::assert_same_heard;
use support::room::{config, contract};
use support::script::{CAST, POOL, PendingPost, Played, Step, long_scripts, scripts};
use support::{Client, Joiner, Sleep, World, answers, unmetered};

/// How long scripts are.
const STEPS: usize = 60;

fn room(sleep: Sleep) -> World {
    World::under(contract(), "room:a", sleep)
}

fn play(script: &[Step]) -> Played {
    Played::play(room(Sleep::Always), script, |_| {})
}

/// Every kept message on disk: its seq and its text.
fn stored(world: &World) -> BTreeMap<u64, String> {
    world
        .storage
        .rows()
        .flat_map(|row| row.frames().map(|(seq, text)| (seq, text.to_owned())).collect::<Vec<_>>())
        .collect()
}

/// The kept messages that a client heard live, in order: each seq, with the message or, in the place of one of its own
/// that it wanted no echo of, nothing. Replays of `resume` are taken out.
fn live(world: &World, client: Client) -> Vec<(u64, Option<Value>)> {
    let mut live = Vec::new();
    for frame in without_replays(world, client) {
        let Some(seq) = frame["seq"].as_u64() else { continue };
        match frame["type"].as_str().unwrap() {
            "message" => live.push((seq, Some(frame))),
            "ack" if frame.get("duplicate").is_none() => live.push((seq, None)),
            _ => {}
        }
    }
    live
}

/// What a client was told but for the messages that `resume` brought again.
fn without_replays(world: &World, client: Client) -> Vec<Value> {
    let mut replayed = 0;
    let mut frames = Vec::new();
    for frame in &world.socket(client).frames {
        if frame["type"] == "resumed" && frame["resume"] == "recovered" {
            assert_eq!(replayed, 0, "a replay within a replay");
            let after: u64 = frame["id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
            replayed = frame["seq"].as_u64().unwrap() - after;
        }
        if replayed > 0 && frame["type"] == "message" {
            assert!(frame.get("seq").is_some(), "something else amid a replay");
            replayed -= 1;
        } else {
            frames.push(frame.clone());
        }
    }
    frames
}

fn same_asleep_and_awake(channel: &str, script: &[Step]) -> Result<(), TestCaseError> {
    let play = |sleep| Played::play(World::under(contract(), channel, sleep), script, |_| {}).world;
    let (awake, asleep) = (play(Sleep::Never), play(Sleep::Always));
    let headless = play(Sleep::Headless);
    assert_eq!(asleep.transcript(), headless.transcript(), "woken by heads, and by whole attachments");
    let closes = |world: &World| (0..world.clients()).map(|client| world.nth(client).hung_up).collect::<Vec<_>>();
    for (number, (awake, asleep)) in awake.transcript().iter().zip(&asleep.transcript()).enumerate() {
        prop_assert_eq!(awake, asleep, "client {} of {}", number, channel);
    }
    prop_assert_eq!(closes(&awake), closes(&asleep));
    prop_assert_eq!(awake.answers(), asleep.answers());
    Ok(())
}

/// Found by the property below: a relay that takes an array apart has the channel judge each request by itself.
#[test]
fn f6_after_one_that_came_too_fast_the_rest_of_an_array_is_refused_through_a_relay_too() {
    let says = |event| PendingPost::Publish { event, id: None, data: 0, echo: true, to: None, if_seq: None };
    let join = Step::Join { who: 3, resumes: false, returns: false };
    let script = [join, Step::Send(3, vec![says("rare")]), Step::Send(3, vec![says("rare"), says("say")])];
    let world = || World::under(contract(), "room:a", Sleep::Never);
    let direct = Played::play(world(), &script, |_| {}).world;
    assert_same_heard(&direct, &Played::play(world().through_relay(), &script, |_| {}).world);
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn m5_without_failures_a_relayed_member_hears_exactly_what_a_direct_one_does(script in scripts(STEPS)) {
        let fails = |step: &Step| matches!(step, Step::FailWrite(_) | Step::Crash);
        let script: Vec<_> = script.into_iter().filter(|step| !fails(step)).collect();
        for channel in ["room:a", "air:a", "dark:a", "brief:a"] {
            for sleep in [Sleep::Never, Sleep::Always] {
                let world = || World::under(contract(), channel, sleep);
                let direct = Played::play(world(), &script, |_| {}).world;
                assert_same_heard(&direct, &Played::play(world().through_relay(), &script, |_| {}).world);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn f2_a_request_with_an_id_is_answered_exactly_once(script in scripts(STEPS)) {
        let played = play(&script);
        let mut asked: BTreeMap<_, usize> = BTreeMap::new();
        for (client, id) in played.asked.iter().filter(|(client, _)| played.listens(*client)) {
            *asked.entry((*client, id.as_str())).or_default() += 1;
        }
        for ((client, id), count) in asked {
            let frames = without_replays(&played.world, client);
            let answers = answers(&frames, &played.world.connection(client), id);
            prop_assert_eq!(answers.len(), count, "id {} of {:?}: {:#?}", id, client, answers);
        }
    }

    #[test]
    fn d1_all_hear_one_order_without_a_gap(script in scripts(STEPS)) {
        let played = play(&script);
        let stored = stored(&played.world);
        prop_assert_eq!(stored.keys().copied().collect::<Vec<_>>(), (1..=stored.len() as u64).collect::<Vec<_>>());
        for (client, _, after) in &played.clients {
            let welcome = &played.world.socket(*client).frames[0];
            prop_assert!(welcome["type"] == "welcome" && welcome["resume"] != "behind");
            let start = match (welcome["resume"].as_str().unwrap(), after) {
                ("recovered", Some(after)) => *after,
                _ => welcome["seq"].as_u64().unwrap(),
            };
            let heard = live(&played.world, *client);
            let seqs: Vec<_> = heard.iter().map(|(seq, _)| *seq).collect();
            prop_assert_eq!(seqs, (start + 1..=start + heard.len() as u64).collect::<Vec<_>>());
            for (seq, message) in heard.iter().filter_map(|(seq, message)| Some((seq, message.as_ref()?))) {
                prop_assert_eq!(message, &serde_json::from_str::<Value>(&stored[seq]).unwrap());
            }
            if played.listens(*client) {
                prop_assert_eq!(start + heard.len() as u64, stored.len() as u64, "a member that is here has heard all");
            }
        }
    }

    #[test]
    fn d1_a_publishers_messages_keep_their_order_ephemeral_ones_among_them(script in scripts(STEPS)) {
        let played = play(&script);
        for (client, _, _) in &played.clients {
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            for frame in without_replays(&played.world, *client) {
                let Some(order) = frame["data"]["order"].as_u64().filter(|_| frame["type"] == "message") else { continue };
                let before = last.insert(frame["from"].to_string(), order);
                prop_assert!(before < Some(order), "{:?} before {} at {:?}", before, order, client);
            }
        }
    }

    #[test]
    fn d2_nothing_is_told_that_is_not_on_disk(script in scripts(STEPS)) {
        Played::play(room(Sleep::Always), &script, |world| {
            let head = world.storage.rows().last().map_or(0, |row| row.key().last());
            for client in 0..world.clients() {
                let frames = world.nth(client).frames.iter().rev().take(20);
                let named = frames.filter(|frame| frame["type"] != "error").filter_map(|frame| frame["seq"].as_u64());
                let told = named.max().unwrap_or(0);
                assert!(told <= head, "{told} was told, {head} is on disk");
            }
        });
    }

    #[test]
    fn d2_what_was_refused_as_internal_was_heard_by_nobody(script in scripts(STEPS)) {
        let played = play(&script);
        let stored: Vec<Value> = stored(&played.world).values().map(|text| serde_json::from_str(text).unwrap()).collect();
        for (client, who, _) in &played.clients {
            for id in 0..POOL {
                let id = id.to_string();
                let answers = played.world.answers_to(*client, &id);
                if !answers.iter().all(|answer| answer["code"] == "internal") || answers.is_empty() {
                    continue;
                }
                let own = played.world.connection(*client);
                let kept = stored.iter().any(|message| message["id"] == id && message["from"]["connection"] == own);
                prop_assert!(!kept, "{} of {} was refused and kept", id, CAST[*who].0);
            }
        }
    }

    #[test]
    fn d7_the_same_id_of_the_same_user_is_never_kept_twice(script in scripts(STEPS)) {
        let played = play(&script);
        let mut seen = BTreeSet::new();
        for text in stored(&played.world).values() {
            let message: Value = serde_json::from_str(text).unwrap();
            if let Some(id) = message["id"].as_str() {
                prop_assert!(seen.insert((message["from"]["user"].to_string(), id.to_owned())), "{} twice", text);
            }
        }
    }

    #[test]
    fn d7_an_ack_or_an_echo_of_an_id_always_names_the_same_seq(script in scripts(STEPS)) {
        let played = play(&script);
        let mut named: BTreeMap<(&str, String), u64> = BTreeMap::new();
        for (client, who, _) in &played.clients {
            let welcomed = played.world.socket(*client).frames.iter().any(|frame| frame["type"] == "welcome");
            for id in (0..POOL).map(|id| id.to_string()).filter(|_| welcomed) {
                for answer in played.world.answers_to(*client, &id).iter().filter(|answer| answer["type"] != "error") {
                    let Some(seq) = answer["seq"].as_u64() else { continue };
                    let first = *named.entry((CAST[*who].0, id.clone())).or_insert(seq);
                    prop_assert_eq!(first, seq, "id {} of {}", id, CAST[*who].0);
                }
            }
        }
    }

    #[test]
    fn h1_a_script_reads_the_same_asleep_and_awake(script in scripts(STEPS)) {
        for channel in ["room:a", "brief:a", "dark:a"] {
            same_asleep_and_awake(channel, &script)?;
        }
    }

    #[test]
    fn h1_a_script_of_hours_reads_the_same_asleep_and_awake(script in long_scripts(STEPS)) {
        for channel in ["room:a", "brief:a"] {
            same_asleep_and_awake(channel, &script)?;
        }
    }

    #[test]
    fn f3_data_reaches_everyone_as_it_was_written(data in json_text()) {
        let mut world = room(Sleep::Never);
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let epoch = world.epoch(ann);
        for event in ["say", "wave"] {
            world.send_text(ann, &format!("{{\"type\":\"publish\" ,\"event\":\"{event}\",\"data\":{data} }}"));
            world.drain();
            for client in [ann, bob] {
                prop_assert_eq!(raw_data(world.socket(client).texts.last().unwrap()), vec![data.clone()]);
            }
        }
        world.pause();
        let late = world.joined(&Joiner::user("cat").after(&epoch, 0));
        prop_assert_eq!(raw_data(&world.socket(late).texts[0]), vec![data.clone()]);
        world.send(bob, json!({"type": "history", "id": "h"}));
        let page: Page<'_> = serde_json::from_str(world.socket(bob).texts.last().unwrap()).unwrap();
        prop_assert_eq!(page.messages[0].data.unwrap().get(), &data);
    }
}

#[derive(serde::Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    messages: Vec<Frame<'a>>,
}

#[derive(serde::Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default, deserialize_with = "as_written")]
    data: Option<&'a RawValue>,
}

fn as_written<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// The data of the messages of one text, as it stands there.
fn raw_data(text: &str) -> Vec<String> {
    let frames: Vec<Frame<'_>> = match text.starts_with('[') {
        true => serde_json::from_str(text).unwrap(),
        false => vec![serde_json::from_str(text).unwrap()],
    };
    frames.into_iter().filter_map(|frame| frame.data).map(|data| data.get().to_owned()).collect()
}

/// JSON as a person or another library might write it: any spacing, any escapes, any way to write a number.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.0e2",
            "1E-7",
            "0.10",
            "9007199254740992",
            "\"\""
        ])
        .prop_map(str::to_owned),
        "\"([a-zü😀 {}\\[\\],:]|\\\\n|\\\\\"|\\\\\\\\|\\\\/|\\\\u00e9|\\\\ud83d\\\\ude00){0,12}\"",
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f32>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let list = prop::collection::vec((inner, "[ \\t\\n\\r]{0,2}"), 0..5);
        prop_oneof![
            list.clone().prop_map(|items| {
                let items: Vec<_> = items.iter().map(|(item, space)| format!("{space}{item}{space}")).collect();
                format!("[{}]", items.join(","))
            }),
            list.prop_map(|items| {
                let fields: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(key, (item, space))| format!("{space}\"k{key}\"{space}:{item}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}
