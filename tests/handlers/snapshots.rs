//! Snapshots that cannot be told (rule C5): the join works all the same, and the log says why.

use std::collections::BTreeMap;

use dormouse::{
    Application, Call, Calls, Channel, Contract, Event, Presence, Refused, Said, State, Turn, Verdict, payload, state,
};
use dormouse_core::testing::{Client, World, assert_same_asleep_in};
use serde_json::{Value, json};

use crate::support::Joiner;

const SAY: Said<Number> = Said::new("say");
const FILL: Call<Number, Number> = Call::new("fill");

/// The most bytes of a snapshot.
const MOST: usize = 64 * 1_024;
/// What stands around the text of one: `{"text":"","board":{}}`.
const AROUND: usize = 22;
/// A state of so many bytes cannot be shown.
const BROKEN: usize = 13;

struct Long;

impl Application for Long {
    fn contract() -> Contract {
        Contract::new().channel(
            "long:*",
            Channel::with_token()
                .state::<Text>()
                .snapshot(shown)
                .judged(SAY, Event::kept().rate(100), say)
                .call(FILL, Calls::plain(), fill)
                .presence::<Number>(Presence::list()),
        )
    }
}

#[state]
struct Text {
    text: String,
}

fn say(_: &mut State<Text>, _: &mut Turn<'_>, _: &Number) -> Result<Verdict<Number>, Refused> {
    Ok(Verdict::AsSaid)
}

fn fill(state: &mut State<Text>, _: &mut Turn<'_>, to: &Number) -> Result<Number, Refused> {
    state.text = "s".repeat(to.n);
    Ok(Number { n: to.n })
}

fn shown(state: &Text) -> Shown {
    // The key of an object in JSON is a text: this is how an owner comes to have a snapshot that is none.
    let board = if state.text.len() == BROKEN { [((1, 2), 3)].into() } else { BTreeMap::new() };
    Shown { text: state.text.clone(), board }
}

#[payload]
struct Number {
    n: usize,
}

#[payload]
struct Shown {
    text: String,
    board: BTreeMap<(u8, u8), u8>,
}

#[track_caller]
fn in_long(script: impl Fn(&mut World<Long>)) {
    assert_same_asleep_in(|sleep| World::under(Long::contract(), "long:a", sleep), script);
}

/// Who fills the state with so many bytes.
fn filled(world: &mut World<Long>, n: usize) -> Client {
    let ann = world.joined("ann");
    world.call(ann, FILL, &Number { n }).unwrap();
    ann
}

/// What the log says of snapshots.
fn untold(world: &World<Long>) -> Vec<String> {
    let lines = world.logs().iter().filter(|line| line.event == "internal").filter_map(|line| line.detail.clone());
    lines.filter(|detail| detail.contains("no snapshot is told")).collect()
}

/// Bob joins, is welcomed as everybody is but for the snapshot, and is a member as any other.
#[track_caller]
fn joins_without(world: &mut World<Long>, ann: Client, joiner: &Joiner, resume: &str) -> Client {
    world.received(ann);
    let bob = world.join(joiner);
    let welcome = world.received(bob)[0].clone();
    assert_eq!((&welcome["type"], &welcome["resume"]), (&json!("welcome"), &json!(resume)));
    assert_eq!(welcome.get("snapshot"), None, "not even null");
    assert_eq!((&welcome["seq"], welcome["members"].as_array().unwrap().len()), (&json!(0), 2));
    world.drain();
    assert_eq!(world.receives(ann)["join"][0]["user"], "bob");
    world.publish(ann, "say", json!({"n": 1}));
    assert_eq!((&world.receives(bob)["seq"], &world.receives(ann)["seq"]), (&json!(1), &json!(1)));
    world.publish(bob, "say", json!({"n": 2}));
    assert_eq!((&world.receives(ann)["seq"], &world.receives(bob)["seq"]), (&json!(2), &json!(2)));
    bob
}

#[test]
fn c5_a_snapshot_of_64_kib_is_told_and_one_of_a_byte_more_is_not_but_logged_and_the_join_works() {
    in_long(|world| {
        filled(world, MOST - AROUND);
        let bob = world.joined("bob");
        assert_eq!(world.welcome(bob)["snapshot"].to_string().len(), MOST);
        assert_eq!(untold(world), Vec::<String>::new());
    });
    in_long(|world| {
        let ann = filled(world, MOST - AROUND + 1);
        joins_without(world, ann, &Joiner::user("bob"), "fresh");
        let lines = untold(world);
        let [line] = lines.as_slice() else { panic!("one line was expected, not {lines:#?}") };
        assert!(line.contains("has 65537 bytes, at most 65536 are allowed"), "{line}");
    });
}

#[test]
fn c5_a_snapshot_that_cannot_be_encoded_is_not_told_but_logged_and_the_join_works() {
    in_long(|world| {
        let ann = filled(world, BROKEN);
        joins_without(world, ann, &Joiner::user("bob"), "fresh");
        let lines = untold(world);
        let [line] = lines.as_slice() else { panic!("one line was expected, not {lines:#?}") };
        assert!(line.contains("key must be a string"), "{line}");
        assert!(!line.contains(&"s".repeat(BROKEN)), "nothing of the state is in the log");
    });
}

#[test]
fn c5_whoever_is_lost_and_shown_no_snapshot_is_told_the_rest() {
    in_long(|world| {
        let ann = filled(world, BROKEN);
        let bob = joins_without(world, ann, &Joiner::user("bob").after("another", 5), "lost");
        let resumed = world.told(bob, json!({"type": "resume", "id": "r", "epoch": "another", "after": 5}));
        let [resumed] = resumed.as_slice() else { panic!("one frame was expected, not {resumed:#?}") };
        assert_eq!(
            (&resumed["type"], &resumed["resume"], &resumed["seq"]),
            (&json!("resumed"), &json!("lost"), &json!(2))
        );
        assert_eq!((resumed.get("snapshot"), untold(world).len()), (None, 2));
        // Who has missed nothing is shown none, and nothing is said of it.
        let epoch = world.epoch(bob);
        world.told(bob, json!({"type": "resume", "id": "s", "epoch": epoch, "after": 2}));
        assert_eq!(untold(world).len(), 2);
    });
}

#[test]
fn c5_a_snapshot_is_told_again_once_it_can_be() {
    in_long(|world| {
        let ann = filled(world, BROKEN);
        let eve = world.joined("eve");
        assert_eq!(world.welcome(eve).get("snapshot"), None);
        world.call(ann, FILL, &Number { n: 3 }).unwrap();
        let bob = world.joined("bob");
        assert_eq!(world.welcome(bob)["snapshot"], json!({"text": "sss", "board": {}}));
        // And what was shown is not shown on where the state has become another.
        world.call(ann, FILL, &Number { n: MOST }).unwrap();
        let bea = world.joined("bea");
        assert_eq!(world.welcome(bea).get("snapshot"), None);
        // Nor after death.
        world.crash();
        let cid = world.joined("cid");
        assert_eq!(
            (world.welcome(cid).get("snapshot"), world.welcome(cid)["type"].clone()),
            (None, Value::from("welcome"))
        );
    });
}

#[test]
fn r7_a_snapshot_that_nobody_can_be_shown_does_not_fill_the_log() {
    in_long(|world| {
        filled(world, BROKEN);
        for nth in 0..300 {
            let client = world.joined(format!("user-{nth}").as_str());
            assert_eq!(world.welcome(client)["type"], "welcome");
        }
        assert!((10..=140).contains(&untold(world).len()), "{} lines", untold(world).len());
    });
}
