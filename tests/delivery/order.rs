//! One order of what is kept, on disk before it is heard (rules D1, D2, E2).

use crate::if_seq;
use crate::support::{Joiner, Rooms, World, in_room_both_ways, publish, say, seqs, unmetered};
use dormouse_core::channel::HttpOperation;
use dormouse_core::effect::Effect;
use dormouse_core::storage::StorageError;
use serde_json::{Value, json};

fn broken() -> StorageError {
    StorageError::Failed("broken".to_owned())
}

fn refusals(frames: &[Value]) -> Vec<(&str, &str)> {
    let refusals = frames.iter().filter(|frame| frame["type"] == "error");
    refusals.map(|frame| (frame["id"].as_str().unwrap(), frame["code"].as_str().unwrap())).collect()
}

#[test]
fn d1_kept_messages_have_consecutive_seqs_from_1_over_sockets_and_http() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&unmetered("bob"));
        world.pause();
        for round in 0..3 {
            world.send(
                ann,
                json!([say(&format!("a{round}"), 1), publish("wave", "w", 2), say(&format!("b{round}"), 3)]),
            );
            world.send(bob, say(&format!("c{round}"), 4));
            world.keep(1);
            world.pause();
        }
        let heard = world.received(bob);
        assert_eq!(seqs(&heard), (1..=12).collect::<Vec<_>>());
        assert_eq!(world.received(ann), heard);
    });
}

#[test]
fn d1_ephemeral_messages_carry_no_seq_and_keep_their_publishers_order_among_its_others() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&unmetered("bob"));
        world.pause();
        for number in 0..30 {
            world.send(ann, publish(if number % 3 == 0 { "say" } else { "wave" }, &number.to_string(), number));
        }
        world.drain();
        let heard = world.received(bob);
        assert_eq!(
            heard.iter().map(|frame| frame["data"].as_u64().unwrap()).collect::<Vec<_>>(),
            (0..30).collect::<Vec<_>>()
        );
        assert!(heard.iter().all(|frame| frame.get("seq").is_some() == (frame["event"] == "say")));
    });
}

#[test]
fn d1_a_refused_publish_takes_no_seq() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let told = world.told(ann, json!([say("1", 1), publish("note", "2", 7), say("3", 3)]));
        assert_eq!(seqs(&told), [1, 2]);
    });
}

#[test]
fn d2_a_kept_message_is_on_disk_when_it_is_heard() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        for number in 1..=10 {
            world.send(ann, say(&number.to_string(), number));
            let told = seqs(&world.received(ann)).last().copied().unwrap_or(0);
            let written = world.storage.rows().last().map_or(0, |row| row.key().last());
            assert!(told <= written, "{told} told, {written} written");
        }
    });
}

#[test]
fn d2_what_arrives_together_is_one_row() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        world.told(ann, json!((1..=50).map(|id| say(&id.to_string(), id)).collect::<Vec<_>>()));
        assert_eq!(world.storage.rows().count(), 1);
    });
}

#[test]
fn d2_a_write_that_fails_refuses_each_with_internal_and_nobody_hears_of_it() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&unmetered("bob"));
        world.pause();
        world.storage.fail_next_write(broken());
        let mut quiet = say("2", 2);
        quiet["echo"] = json!(false);
        let told = world.told(ann, json!([say("1", 1), quiet, publish("wave", "w", 3)]));
        assert_eq!(refusals(&told), [("1", "internal"), ("2", "internal")]);
        let heard = world.received(bob);
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0]["id"], "w");
    });
}

#[test]
fn d2_what_a_write_that_fails_refuses_is_answered_in_the_order_in_which_it_was_said() {
    let world = &mut World::room();
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|user| world.joined(&unmetered(user)));
    world.pause();
    // The first is told at once; what comes with it leaves together, and is lost together.
    world.send(ann, say("a1", 1));
    assert_eq!(seqs(&world.received(cat)), [1]);
    world.send(cat, say("c1", 2));
    let first = world.handle_http(&unmetered("zoe"), post("z1"));
    world.send(ann, json!([say("a2", 3), say("a3", 4)]));
    world.send(bob, say("b1", 5));
    let second = world.handle_http(&unmetered("dan"), post("d1"));
    world.send(cat, if_seq("c2", 3));
    world.send(ann, say("a1", 1));
    world.send(bob, say("b2", 6));
    world.trouble.write = Some(0);
    world.take_effects();
    world.drain();
    let answered: Vec<_> = world.take_effects().iter().filter_map(answered).collect();
    let asked = [format!("{first:?}"), format!("{second:?}")];
    let [first, second] = asked.each_ref().map(String::as_str);
    assert_eq!(answered, ["c1", first, "a2", "a3", "b1", second, "c2", "b2", "a1"]);
    assert_eq!(world.received(ann)[3]["duplicate"], true, "what was written stands");
}

fn post(id: &str) -> HttpOperation {
    HttpOperation::Publish { body: json!({"id": id, "event": "say", "data": id}).to_string() }
}

/// The request that an effect answers, by its id, or by its asker over HTTP.
fn answered(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Tell { text, .. } => {
            let frame: Value = serde_json::from_str(text).unwrap();
            Some(frame["id"].as_str()?.to_owned())
        }
        Effect::Answer { asker, .. } => Some(format!("{asker:?}")),
        _ => None,
    }
}

#[test]
fn d2_a_write_that_fails_takes_back_seqs_and_ids() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        world.told(ann, say("0", 0));
        world.storage.fail_next_write(broken());
        world.told(ann, json!([say("1", 1), say("2", 2)]));
        world.pause();
        assert_eq!(seqs(&world.told(ann, json!([say("2", 2), say("1", 1)]))), [2, 3]);
        assert_eq!(world.told(ann, if_seq("4", 3))[0]["seq"], 4);
    });
}

#[test]
fn d2_answers_that_name_a_reservation_fall_with_it() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        world.told(ann, say("0", 0));
        world.storage.fail_next_write(broken());
        let told = world.told(ann, json!([say("0", 0), say("1", 1), say("1", 1), if_seq("2", 2), if_seq("3", 9)]));
        assert_eq!(refusals(&told), [("1", "internal"), ("1", "internal"), ("2", "internal"), ("3", "internal")]);
        assert_eq!(world.answers_to(ann, "0")[1], json!({"type": "ack", "id": "0", "seq": 1, "duplicate": true}));
    });
}

#[test]
fn d2_of_a_batch_of_several_rows_what_was_written_is_told_and_the_rest_refused() {
    let mut world = World::room();
    world.limits.row_bytes = 65_536;
    let ann = world.joined(&unmetered("ann"));
    let bob = world.joined(&unmetered("bob"));
    world.told(ann, say("0", 0));
    world.send(bob, publish("wave", "w", 0));
    world.storage.fail_write_after(1, broken());
    for id in ["1", "2", "3"] {
        world.send(ann, say(id, "x".repeat(40_000)));
    }
    world.drain();
    assert_eq!(world.answers_to(ann, "1")[0]["seq"], 2);
    assert_eq!(world.answers_to(ann, "2")[0]["code"], "internal");
    assert_eq!(world.answers_to(ann, "3")[0]["code"], "internal");
    assert_eq!(seqs(&world.received(bob)), [1, 2]);
    assert_eq!(seqs(&world.told(ann, say("2", "again"))), [3]);
}

#[test]
fn d2_over_http_a_write_that_fails_is_500_and_a_full_disk_503() {
    in_room_both_ways(|world| {
        let ann = unmetered("ann");
        world.storage.fail_next_write(broken());
        let (status, answer) = world.post(&ann, json!({"id": "1", "event": "say", "data": 1}));
        assert_eq!((status, &answer["error"]["code"]), (500, &json!("internal")));
        world.storage.set_full(true);
        let (status, answer) = world.post(&ann, json!({"id": "1", "event": "say", "data": 1}));
        assert_eq!((status, &answer["error"]["code"]), (503, &json!("over_capacity")));
        world.storage.set_full(false);
        assert_eq!(
            world.post(&ann, json!({"id": "1", "event": "say", "data": 1})),
            (200, json!({"type": "ack", "id": "1", "seq": 1}))
        );
    });
}

#[test]
fn d2_what_was_accepted_and_not_written_when_the_process_dies_was_told_to_nobody() {
    let mut world = World::room();
    let ann = world.joined(&unmetered("ann"));
    let bob = world.joined(&unmetered("bob"));
    world.send(ann, say("1", 1));
    world.send(ann, say("2", 2));
    world.crash();
    assert_eq!(seqs(&world.received(bob)), [1]);
    let back = world.joined(&unmetered("ann"));
    assert_eq!(world.welcome(back)["seq"], 1);
    assert_eq!(world.told(back, say("1", 1))[0]["duplicate"], true);
    assert_eq!(seqs(&world.told(back, say("2", 2))), [2]);
}

#[test]
fn e2_a_backend_that_is_unmetered_sends_500_a_second() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        let backend = unmetered("backend");
        let before = world.now();
        for number in 0..500 {
            let (status, ack) = world.post(&backend, json!({"event": "say", "data": number, "id": number.to_string()}));
            assert_eq!((status, &ack["seq"]), (200, &json!(number + 1)));
        }
        assert!(world.now() - before < 1_000);
        let heard = world.received(ann);
        assert_eq!(seqs(&heard), (1..=500).collect::<Vec<_>>());
        let (status, refused) = world.post(
            &Joiner::user("metered"),
            json!((0..100).map(|n| json!({"event": "say", "data": n})).collect::<Vec<_>>()),
        );
        assert_eq!(status, 200);
        assert!(
            refused.as_array().unwrap().iter().any(|answer| answer["code"] == "rate_limited"),
            "others are metered"
        );
    });
}
