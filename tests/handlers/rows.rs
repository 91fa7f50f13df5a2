//! Rows that the code keeps by key (rule C2).

use super::board::{Board, ITEMS, Item, Items, Key, LIST, Nothing, PUT, Page, TAKE};
use super::on_board;
use dormouse_core::limits::Limits;
use dormouse_core::storage::{RecordKind, Storage as _};
use dormouse_core::testing::{Client, Sleep, World};
use serde_json::json;

fn put<A>(world: &mut World<A>, client: Client, key: &str, text: &str) -> Result<Nothing, serde_json::Value> {
    world.call(client, PUT, &Item { key: key.into(), text: text.into() })
}

fn list<A>(world: &mut World<A>, client: Client, after: Option<&str>, limit: usize) -> Vec<(String, String)> {
    let Items { items } = world.call(client, LIST, &Page { after: after.map(str::to_owned), limit }).unwrap();
    items.into_iter().map(|Item { key, text }| (key, text)).collect()
}

#[test]
fn c2_rows_are_read_by_key_and_in_order_over_sleep_and_death() {
    on_board(|world| {
        let ann = world.joined("ann");
        for key in ["b", "a", "c%", "ä"] {
            put(world, ann, key, &format!("text of {key}")).unwrap();
        }
        world.crash();
        let ann = world.joined("ann");
        let keys = |rows: Vec<(String, String)>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(list(world, ann, None, 10)), ["a", "b", "c%", "ä"]);
        assert_eq!(keys(list(world, ann, Some("a"), 2)), ["b", "c%"]);
        world.call(ann, TAKE, &Key { key: "b".into() }).unwrap();
        assert_eq!(keys(list(world, ann, None, 2)), ["a", "c%"]);
        put(world, ann, "a", "another").unwrap();
        assert_eq!(list(world, ann, None, 1), [("a".to_owned(), "another".to_owned())]);
    });
}

#[test]
fn c2_a_row_of_a_turn_that_is_refused_or_cannot_be_written_is_not_there() {
    on_board(|world| {
        let ann = world.joined("ann");
        put(world, ann, "a", "refused").unwrap_err();
        assert_eq!(list(world, ann, None, 10), []);
        world.trouble.write = Some(0);
        put(world, ann, "a", "lost").unwrap_err();
        assert_eq!(list(world, ann, None, 10), []);
        put(world, ann, "a", "kept").unwrap();
        assert_eq!(list(world, ann, None, 10), [("a".to_owned(), "kept".to_owned())]);
    });
}

#[test]
fn c2_a_row_that_cannot_be_read_makes_the_turn_internal_and_stays() {
    on_board(|world| {
        let ann = world.joined("ann");
        put(world, ann, "a", "text").unwrap();
        let key = format!("{}:a", ITEMS.name());
        let mut record = world.storage.record(RecordKind::Row, &key).unwrap().unwrap();
        record.data = "{\"another\":1}".to_owned();
        let commit = dormouse_core::storage::Commit { put: std::slice::from_ref(&record), ..Default::default() };
        world.storage.commit(&commit).unwrap();
        let refused = world.call(ann, LIST, &Page { after: None, limit: 10 }).unwrap_err();
        assert_eq!(refused["code"], "internal");
        assert_eq!(world.storage.record(RecordKind::Row, &key).unwrap().unwrap(), record);
    });
}

#[test]
fn c2_what_turns_put_into_rows_counts_for_the_size_of_a_batch() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    world.limits = Limits { flush_bytes: 10_000, flush_cost_us_per_member: 1_000, ..Limits::default() };
    let clients: Vec<_> = (0..200).map(|nth| world.joined(format!("user-{nth}").as_str())).collect();
    // Several that leave together open a window of as long as they take to tell.
    let pin = |id| json!({"type": "publish", "id": id, "event": "pin", "data": {"text": "hello"}});
    world.send(clients[0], pin("1"));
    world.send(clients[0], json!([pin("2"), pin("3")]));
    world.drain_now();
    let written = world.storage.rows_written();
    let text = "x".repeat(3_000);
    let put =
        |key: usize| json!({"type": "call", "id": "p", "name": "put", "data": {"key": key.to_string(), "text": text}});
    for (nth, client) in clients.iter().enumerate().take(3) {
        world.send(*client, put(nth));
    }
    assert_eq!(world.storage.rows_written(), written, "it waits for others to leave with");
    world.send(clients[3], put(3));
    assert_eq!(world.storage.rows_written(), written + 4);
}
