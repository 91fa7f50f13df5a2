//! What the code keeps, over releases that have no code or cannot read it (rules C2, C6).

use super::board::Board;
use crate::support::Joiner;
use crate::support::app::App;
use dormouse_core::contract::{Application as _, Channel, Contract, Event, Json};
use dormouse_core::storage::{Commit, RECORD_FORMAT, RecordKind, Storage as _};
use dormouse_core::testing::{Sleep, World};
use serde_json::json;

const DAY: u64 = 86_400_000;

/// The pattern and an event of it, by a release that has no code.
fn codeless(pattern: &str, event: &str) -> Contract {
    Contract::new().channel(pattern, Channel::with_token().event::<Json>(event, Event::kept()))
}

#[test]
fn c2_a_state_outlives_a_release_without_code_and_the_history_that_ends_under_it() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::<Board>::with("board:a", sleep);
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "first"}));
        world.leave(ann);
        let kept = world.storage.record(RecordKind::State, "").unwrap().unwrap();
        world.redeploy(codeless("board:*", "pin"));
        world.advance(10 * DAY);
        assert_eq!(world.storage.head(), Ok(None), "the history has ended");
        world.redeploy(Board::contract());
        let ann = world.joined("ann");
        world.publish(ann, "pin", json!({"text": "second"}));
        let now = world.storage.record(RecordKind::State, "").unwrap().unwrap();
        assert!(kept.data.contains("\"pins\":1") && now.data.contains("\"pins\":2"), "{} then {}", kept.data, now.data);
    }
}

#[test]
fn d9_a_channel_whose_code_keeps_nothing_leaves_nothing_behind() {
    let mut world = World::<Board>::with("plain:a", Sleep::Never);
    let ann = world.joined("ann");
    world.publish(ann, "say", json!("hello"));
    world.leave(ann);
    let cleared = world.storage.cleared();
    world.advance(10 * DAY);
    assert_eq!(world.storage.cleared(), cleared + 1);
    assert_eq!(world.alarm(), None);
}

#[test]
fn c6_a_timer_that_falls_due_while_no_code_can_run_fires_once_it_can_and_nobody_visits() {
    for without_code in [false, true] {
        let mut world = World::<App>::with("demo:a", Sleep::Never);
        world.post_call(&Joiner::user("ann"), "count", None, json!({}));
        world.post_call(&Joiner::user("ann"), "remind", None, json!({"after_ms": 60_000, "text": "tea"}));
        let state = world.storage.record(RecordKind::State, "").unwrap().unwrap();
        let unreadable = dormouse_core::storage::Record { format: RECORD_FORMAT + 1, ..state.clone() };
        let put = |world: &mut World<App>, record| {
            world.storage.commit(&Commit { put: std::slice::from_ref(record), ..Commit::default() }).unwrap();
            world.crash();
        };
        match without_code {
            true => world.redeploy(codeless("demo:*", "reminded")),
            false => put(&mut world, &unreadable),
        }
        world.advance(6 * 3_600_000);
        assert_eq!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().len(), 1);
        let turns = world.turns();
        world.advance(24 * 3_600_000);
        assert!(world.turns() - turns <= 25, "it is looked for once an hour: {} turns a day", world.turns() - turns);
        match without_code {
            true => world.redeploy(App::contract()),
            false => put(&mut world, &state),
        }
        world.advance(2 * 3_600_000);
        assert!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().is_empty(), "{without_code}");
    }
}
