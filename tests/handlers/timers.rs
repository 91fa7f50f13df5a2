//! Timers (rule C6).

use super::board::{Board, Pin, RATE, SCORE, Score};
use super::on_board;
use crate::support::app::App;
use crate::support::{Joiner, Sleep, in_app};
use dormouse_core::storage::{Commit, RECORD_FORMAT, Record, RecordKind, Storage as _};
use dormouse_core::testing::World;
use serde_json::json;

#[test]
fn c6_a_timer_fires_once_at_its_time_in_sleep_too_and_after_everybody_has_left() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 100_000, "text": "tea"}));
        world.received(ann);
        world.advance(99_999);
        world.refute_received(ann);
        world.advance(1);
        world.drain();
        assert_eq!(world.receives(ann)["data"], json!({"by": "ann", "text": "tea"}));
        world.advance(1_000_000);
        world.refute_received(ann);

        world.ask(ann, "remind", json!({"after_ms": 1_000_000, "text": "later"}));
        world.leave(ann);
        world.advance(2_000_000);
        let bob = world.joined("bob");
        world.send(bob, json!({"type": "history", "id": "h"}));
        let page = world.receives(bob);
        let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|it| it["data"]["text"].clone()).collect();
        assert_eq!(texts, ["tea", "later"]);
    });
}

#[test]
fn c6_a_timer_that_is_set_again_replaces_the_one_before() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 1_000, "text": "early"}));
        world.ask(ann, "remind", json!({"after_ms": 60_000, "text": "late"}));
        world.received(ann);
        world.advance(59_000);
        world.refute_received(ann);
        world.advance(1_000);
        world.drain();
        assert_eq!(world.receives(ann)["data"]["text"], "late");
    });
}

#[test]
fn c6_a_timer_set_over_http_wakes_a_channel_that_nobody_has_joined() {
    in_app("demo:a", |world| {
        world.post_call(&Joiner::user("ann"), "remind", None, json!({"after_ms": 5_000, "text": "tea"}));
        world.advance(30_000);
        let bob = world.joined("bob");
        assert_eq!(world.welcome(bob)["seq"], 1);
    });
}

#[test]
fn c6_a_firing_that_cannot_be_written_is_tried_again() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 1_000, "text": "tea"}));
        world.received(ann);
        world.trouble.write = Some(0);
        world.advance(60_000);
        world.drain();
        assert_eq!(world.receives(ann)["data"]["text"], "tea");
    });
}

#[test]
fn c6_a_firing_that_could_not_read_the_disk_is_tried_again_soon() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "later"}));
    world.received(ann);
    // The first reading finds what is due, the second is the handler's.
    world.trouble.read = Some(1);
    world.advance(60_000);
    world.refute_received(ann);
    assert!(world.logs().iter().any(|line| line.event == "internal"));
    world.advance(60_000);
    world.drain();
    assert_eq!(world.receives(ann)["data"]["text"], "later");
}

#[test]
fn c6_a_timer_of_another_release_is_kept_as_it_is_and_looked_at_again_later() {
    let mut world = World::<App>::with("demo:a", Sleep::Never);
    let ann = world.joined("ann");
    world.ask(ann, "remind", json!({"after_ms": 1_000, "text": "tea"}));
    let first = || world_record(Some(1_000));
    let unknown = [("reminder:ann", RECORD_FORMAT + 1), ("of_another:ann", RECORD_FORMAT)];
    let records = unknown.map(|(key, format)| Record { key: key.to_owned(), format, ..first() });
    world.storage.commit(&Commit { put: &records, ..Commit::default() }).unwrap();
    world.advance(60_000);
    assert!(world.logs().iter().filter(|line| line.event == "internal").count() <= 2, "{:?}", world.logs());
    for record in &records {
        let kept = world.storage.record(RecordKind::Timer, &record.key).unwrap().unwrap();
        assert_eq!((kept.format, &kept.data), (record.format, &record.data));
        assert!(kept.due > Some(world.now()));
    }
}

fn world_record(due: Option<u64>) -> Record {
    let data = r#"{"by":"ann","text":"tea"}"#.to_owned();
    Record { kind: RecordKind::Timer, key: String::new(), due, format: RECORD_FORMAT, data }
}

#[test]
fn c6_a_timer_that_sets_itself_again_at_once_fires_once_a_second() {
    on_board(|world| {
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "again"}));
        world.received(ann);
        world.advance(10_000);
        world.drain();
        assert_eq!(world.received(ann).iter().filter(|frame| frame["event"] == "scored").count(), 10);
    });
}

#[test]
fn c6_a_timer_and_a_job_that_start_each_other_do_so_once_a_second() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.call(ann, RATE, &Pin { text: "round".into() }).unwrap();
    let (end, mut rounds) = (world.now() + 10_000, 0);
    while world.now() < end && rounds < 1_000 {
        if world.running(SCORE).is_empty() {
            world.advance(1);
        } else {
            world.finish(SCORE, &Score { text: "round".into(), points: 1 });
            rounds += 1;
        }
    }
    assert!((10..=11).contains(&rounds), "{rounds} rounds in ten seconds");
}

#[test]
fn c6_a_timer_that_cannot_run_is_put_off_for_long_also_after_one_that_could_not_read() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.publish(ann, "pin", json!({"text": "later"}));
    world.trouble.read = Some(1);
    world.advance(60_000);
    world.note_panic("timer late:one");
    let turns = world.turns();
    world.advance(600_000);
    assert!(world.turns() - turns <= 10, "{} turns in ten minutes", world.turns() - turns);
}
