//! What a handler gets wrong, and guards (rules C2, C4).

use super::board::{BREAK, Board, Key, Pin, RATE, SCORE};
use super::on_board;
use crate::support::Joiner;
use dormouse_core::contract::{Application as _, Contract};
use dormouse_core::storage::{RECORD_FORMAT, RecordKind, Storage as _};
use dormouse_core::testing::{Sleep, World};
use serde_json::json;

#[test]
fn c4_a_guard_comes_before_whatever_is_said_or_asked() {
    on_board(|world| {
        let ann = world.joined("ann");
        let staff = world.joined(&Joiner::user("sue").roles(&["staff"]));
        world.publish(ann, "pin", json!({"text": "close"}));
        world.received(ann);
        world.publish(ann, "pin", json!({"text": "more"}));
        assert_eq!(world.assert_refused(ann, "refused")["reason"], "staff_only");
        world.publish(ann, "note", json!({"text": "more"}));
        assert_eq!(world.assert_refused(ann, "refused")["reason"], "staff_only");
        world.ask(ann, "here", json!({}));
        assert_eq!(world.assert_refused(ann, "refused")["reason"], "staff_only");
        world.received(staff);
        world.publish(staff, "pin", json!({"text": "more"}));
        assert_eq!(world.receives(staff)["type"], "message");
    });
}

#[test]
fn c4_what_a_handler_gets_wrong_is_internal_and_nothing_of_it_has_happened() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        for wrong in ["unfit", "unknown"] {
            world.publish(ann, "pin", json!({"text": wrong}));
            let refused = world.assert_refused(ann, "internal");
            assert!(!refused["message"].as_str().unwrap().contains("event"), "{refused}");
        }
        let refused = world.call(ann, BREAK, &Key { key: "it".into() }).unwrap_err();
        assert_eq!(refused["code"], "internal");
        assert!(world.logs().iter().any(|line| line.detail.as_deref().is_some_and(|it| it.contains("it is broken"))));
        world.refute_received(bob);
        world.publish(ann, "pin", json!({"text": "right"}));
        assert_eq!(world.receives(bob)["seq"], 1);
        let state = world.storage.record(RecordKind::State, "").unwrap().unwrap();
        assert!(state.data.contains("\"pins\":1"), "{}", state.data);
    });
}

#[test]
fn c1_a_request_over_which_the_code_has_panicked_is_refused_and_no_other() {
    on_board(|world| {
        let ann = world.joined("ann");
        world.note_panic(r#"["uann","one",null]"#);
        let pin = |id: &str| json!({"type": "publish", "id": id, "event": "pin", "data": {"text": "x"}});
        world.send(ann, pin("one"));
        world.drain();
        world.assert_refused(ann, "internal");
        world.send(ann, pin("two"));
        world.drain();
        assert_eq!(world.receives(ann)["seq"], 1);
    });
}

#[test]
fn c2_a_state_that_cannot_be_read_is_kept_and_told_as_internal_and_never_written_over() {
    for (format, data) in [(RECORD_FORMAT, "[1]"), (RECORD_FORMAT + 1, "{}")] {
        let mut world = World::<Board>::with("board:a", Sleep::Never);
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "first"}));
        let mut record = world.storage.record(RecordKind::State, "").unwrap().unwrap();
        (record.format, record.data) = (format, data.to_owned());
        let commit = dormouse_core::storage::Commit { put: std::slice::from_ref(&record), ..Default::default() };
        world.storage.commit(&commit).unwrap();
        world.crash();
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "second"}));
        world.assert_refused(ann, "internal");
        // What needs no code goes on.
        world.publish(ann, "scored", json!({"text": "x", "points": 1}));
        world.assert_refused(ann, "forbidden");
        assert_eq!(world.storage.record(RecordKind::State, "").unwrap().unwrap(), record);
        assert!(world.logs().iter().any(|line| line.code == Some("state_unreadable")));
    }
}

#[test]
fn c2_a_state_reads_what_another_release_has_written() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "first"}));
    let mut record = world.storage.record(RecordKind::State, "").unwrap().unwrap();
    record.data = r#"{"pins":7,"of_a_later_release":true}"#.to_owned();
    let commit = dormouse_core::storage::Commit { put: std::slice::from_ref(&record), ..Default::default() };
    world.storage.commit(&commit).unwrap();
    world.crash();
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "second"}));
    assert_eq!(world.receives(ann)["seq"], 2);
    assert!(world.storage.record(RecordKind::State, "").unwrap().unwrap().data.contains("\"pins\":8"));
}

#[test]
fn c2_a_state_outlives_everybodys_leaving_and_the_history_with_it() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "first"}));
    world.leave(ann);
    world.advance(10 * 24 * 3_600_000);
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "second"}));
    assert!(world.storage.record(RecordKind::State, "").unwrap().unwrap().data.contains("\"pins\":2"));
}

#[test]
fn c2_a_channel_without_code_reads_and_writes_nothing_for_it() {
    let mut world = World::<Board>::under(Board::contract(), "plain:a", Sleep::Always);
    let ann = world.joined("ann");
    world.publish(ann, "say", json!("hello"));
    assert_eq!(world.storage.rows_written(), 1);
    assert_eq!(world.storage.record(RecordKind::State, "").unwrap(), None);
}

#[test]
fn c3_what_the_contract_tells_of_code_is_told_only_where_there_is_any() {
    let contract: Contract = Board::contract().check().unwrap();
    let told = contract.describe(65_536);
    let channels = told["channels"].as_array().unwrap();
    let plain = channels.iter().find(|channel| channel["pattern"] == "plain:*").unwrap();
    assert_eq!((plain.get("calls"), plain.get("refusals"), plain.get("snapshot")), (None, None, None));
    let board = channels.iter().find(|channel| channel["pattern"] == "board:*").unwrap();
    assert_eq!(board["refusals"], json!(["pinned", "staff_only", "twice"]));
    assert_eq!(board["calls"]["put"]["refusals"], json!(["pinned", "staff_only", "twice"]));
    assert_eq!(board["events"]["pin"]["refusals"], json!(["pinned", "staff_only", "twice"]));
    assert_eq!(
        (&board["calls"]["rate"]["remembered"], &board["calls"]["put"]["remembered"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(board["calls"]["rate"]["ability"], "call");
    assert_eq!(
        (&board["events"]["scored"]["from_service"], board["events"]["pin"].get("from_service")),
        (&json!(true), None)
    );
    assert_eq!(board["snapshot"], json!(null));
}

#[test]
fn c2_what_is_too_much_to_be_kept_or_told_is_its_own_turns_fault_and_nobody_elses() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        let long = "x".repeat(60_000);
        world.send(
            ann,
            json!([
                {"type": "publish", "id": "1", "event": "pin", "data": {"text": "right"}},
                {"type": "call", "id": "2", "name": "fill", "data": {"text": long}},
                {"type": "call", "id": "3", "name": "tell_much", "data": {"text": "x"}}
            ]),
        );
        world.drain();
        let answers: Vec<_> = ["1", "2", "3"].map(|id| world.answers_to(ann, id)[0]["type"].clone()).into();
        assert_eq!(answers, ["message", "error", "error"]);
        assert_eq!(world.receives(bob)["data"]["text"], "right");
    });
}

#[test]
fn c6_what_is_due_waits_for_space_on_the_disk_and_keeps_the_channel_from_nothing_meanwhile() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::<Board>::with("board:a", sleep);
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "later"}));
        world.call(ann, RATE, &Pin { text: "hello".into() }).unwrap();
        world.storage.set_full(true);
        world.received(ann);
        world.advance(61_000);
        let turns = world.turns();
        world.advance(60_000);
        assert!(world.turns() - turns <= 100, "{} turns in a minute", world.turns() - turns);
        world.publish(ann, "pin", json!({"text": "more"}));
        world.assert_refused(ann, "over_capacity");
        world.storage.set_full(false);
        world.advance(11_000);
        world.drain();
        assert_eq!(world.receives(ann)["data"], json!({"text": "later", "points": 0}));
        assert_eq!(world.running(SCORE).len(), 2, "its try that was lost, and another");
    }
}

#[test]
fn r7_code_that_fails_over_each_message_does_not_fill_the_log() {
    on_board(|world| {
        let clients: Vec<_> = (0..60).map(|nth| world.joined(format!("user-{nth}").as_str())).collect();
        let internal = |world: &World<Board>| world.logs().iter().filter(|line| line.event == "internal").count();
        let break_it = |world: &mut World<Board>, client| {
            assert_eq!(world.call(client, BREAK, &Key { key: "it".into() }).unwrap_err()["code"], "internal");
        };
        for nth in 0..180 {
            break_it(world, clients[nth % 60]);
        }
        let at_once = internal(world);
        assert!((100..=140).contains(&at_once), "{at_once} lines");
        // The share comes back.
        world.advance(20_000);
        break_it(world, clients[0]);
        assert_eq!(internal(world), at_once + 1);
    });
}
