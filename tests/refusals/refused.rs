//! What is told of a refusal, and how many in a row there may be (rules R2, R4).

use dormouse_core::storage::StorageError;
use serde_json::{Value, json};

use crate::support::{Client, Joiner, World, in_room, say, seqs, unmetered};

/// A frame that is refused by its shape and costs no rate.
fn bad() -> Value {
    json!({"type": "publish", "id": "bad"})
}

/// Sends so many frames that are refused, and answers everything told.
fn err(world: &mut World, client: Client, count: usize) -> Vec<Value> {
    (0..count).flat_map(|_| world.told(client, bad())).collect()
}

#[test]
fn r2_internal_carries_an_id_that_the_log_has_too_and_nothing_of_the_inside() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.storage.fail_next_write(StorageError::Failed("disk 7 of rack B is on fire".to_owned()));
        let refusal = world.refuses(ann, say("1", "hello"), "internal");
        let message = refusal["message"].as_str().unwrap();
        assert!(!message.contains("fire") && !message.contains("hello"), "{message}");
        let incident = message.split_whitespace().last().unwrap().trim_end_matches('.');
        let logged: Vec<_> = world.logs().iter().filter_map(|line| line.detail.as_deref()).collect();
        assert!(
            logged.iter().any(|detail| detail.contains(incident) && detail.contains("on fire")),
            "{incident}: {logged:?}"
        );
    });
}

#[test]
fn r2_two_incidents_have_two_ids() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let incident = |world: &mut World, id: &str| {
            world.storage.fail_next_write(StorageError::Failed("broken".to_owned()));
            world.refuses(ann, say(id, 1), "internal")["message"].clone()
        };
        let first = incident(world, "1");
        let second = incident(world, "2");
        world.pause();
        let third = incident(world, "3");
        assert!(first != second && second != third && first != third);
    });
}

#[test]
fn r4_the_twentieth_refusal_in_a_row_is_told_then_bye_and_the_rest_is_dropped() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(err(world, ann, 18).len(), 18);
        world.pause();
        let told = world.told(ann, json!([bad(), bad(), say("1", 1), bad()]));
        let types: Vec<_> = told.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["error", "error", "bye"]);
        assert_eq!(told[2], json!({"type": "bye", "code": 4101, "reason": "too_many_refusals"}));
        assert_eq!(world.socket(ann).hung_up, Some(4101));
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn r4_a_twentieth_refusal_that_names_a_seq_is_told_too() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let late = |number: usize| {
            let mut frame = say(&number.to_string(), number);
            frame["if_seq"] = json!(999);
            frame
        };
        let frames = [say("first", 0)].into_iter().chain((1..=25).map(late)).collect::<Vec<_>>();
        let told = world.told(ann, json!(frames));
        assert_eq!(seqs(&told), [1]);
        let refused: Vec<_> =
            told.iter().filter(|frame| frame["code"] == "conflict").map(|frame| frame["id"].clone()).collect();
        assert_eq!(refused, (1..=20).map(|number| json!(number.to_string())).collect::<Vec<_>>());
        assert_eq!(told.last().unwrap()["code"], 4101);
        assert_eq!(seqs(&world.received(bob)), [1]);
    });
}

#[test]
fn r4_an_accepted_request_ends_the_row_and_a_ping_does_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for accepted in [
            say("1", 1),
            say("1", 1),
            json!({"type": "presence", "data": 1}),
            json!({"type": "history"}),
            json!({"type": "resume"}),
            json!({"type": "auth", "token": Joiner::user("ann").token()}),
        ] {
            assert_eq!(err(world, ann, 19).len(), 19);
            world.ping(ann);
            world.pause();
            world.told(ann, accepted);
        }
        assert_eq!(world.socket(ann).hung_up, None);
        err(world, ann, 19);
        world.ping(ann);
        world.send(ann, json!([]));
        err(world, ann, 1);
        assert_eq!(world.socket(ann).hung_up, Some(4101));
    });
}

#[test]
fn r4_refusals_of_one_do_not_count_for_another() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let other = world.joined(&Joiner::user("ann"));
        world.pause();
        err(world, ann, 19);
        err(world, other, 19);
        assert_eq!((world.socket(ann).hung_up, world.socket(other).hung_up), (None, None));
    });
}
