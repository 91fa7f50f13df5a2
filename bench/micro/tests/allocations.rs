//! How often the machine asks for memory, by count: a time differs from machine to machine, this does not.

use dormouse_core::channel::Effects;
use dormouse_core::effect::Effect;
use dormouse_micro::Rig;
use dormouse_micro::judged;
use dormouse_micro::typed::{self, Board};

/// Messages over which the mean is taken, after as many that warm the channel up.
const MESSAGES: usize = 500;

/// What one message asks of the allocator.
#[derive(Clone, Copy, Debug)]
struct Cost {
    count: f64,
    bytes: f64,
}

/// The cost of a message of 64 bytes from one that speaks alone.
fn lone(event: &str, members: usize) -> Cost {
    let mut rig = Rig::new(members);
    let frames: Vec<String> = (0..MESSAGES * 2).map(|_| rig.frame(event, 64)).collect();
    let (warm, measured) = frames.split_at(MESSAGES);
    warm.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1));
    mean(|| measured.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1)))
}

/// The cost of a message where a hundred fall together.
fn crowd(event: &str, members: usize) -> Cost {
    let mut rig = Rig::new(members);
    let frames: Vec<String> = (0..MESSAGES * 2).map(|_| rig.frame(event, 64)).collect();
    let (warm, measured) = frames.split_at(MESSAGES);
    let mut run = |frames: &[String]| {
        for hundred in frames.chunks(100) {
            // The first leaves at once, the other ninety-nine together.
            assert_eq!(told(&rig.crowd(hundred.iter().map(String::as_str))), 2);
        }
    };
    run(warm);
    mean(|| run(measured))
}

fn mean(work: impl FnOnce()) -> Cost {
    let whole = allocation_counter::measure(work);
    let each = |total: u64| total as f64 / MESSAGES as f64;
    Cost { count: each(whole.count_total), bytes: each(whole.bytes_total) }
}

/// How many texts went to all; a refusal would be told to one.
fn told(effects: &Effects) -> usize {
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Tell { .. })), "{effects:?}");
    effects.iter().filter(|effect| matches!(effect, Effect::Broadcast { .. })).count()
}

#[track_caller]
fn assert_at_most(what: &str, Cost { count, .. }: Cost, most: f64) {
    assert!(count <= most, "{what}: {count} allocations a message instead of {most} at most");
}

#[test]
fn a_message_costs_no_more_memory_for_ten_thousand_members_than_for_one() {
    for event in ["hot", "kept"] {
        for (name, cost) in [("lone", lone as fn(&str, usize) -> Cost), ("crowd", crowd)] {
            let (few, many) = (cost(event, 1), cost(event, 10_000));
            // A byte a member would be 10,000 bytes a flush.
            let grows = many.count - few.count > 0.5 || many.bytes - few.bytes > 50.0;
            assert!(!grows, "{name} {event}: {few:?} for one member, {many:?} for 10,000");
        }
    }
}

/// The cost of a typed publish of 33 KB, and of reading its data into its type with serde_json and nothing else.
fn typed() -> (Cost, Cost) {
    let mut rig = Rig::under::<typed::App>(100);
    let data = typed::board(33 * 1_024);
    let frames: Vec<String> = (0..MESSAGES * 2).map(|id| typed::frame(id as u64, &data)).collect();
    let (warm, measured) = frames.split_at(MESSAGES);
    warm.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1));
    let publish = mean(|| measured.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1)));
    let alone = mean(|| (0..MESSAGES).for_each(|_| drop(serde_json::from_str::<Board>(&data).expect("a board"))));
    (publish, alone)
}

/// The cost of a typed publish of 64 bytes by one of the names of [`judged`].
fn judged(event: &str) -> Cost {
    let mut rig = Rig::under::<judged::App>(100);
    let frames: Vec<String> = (0..MESSAGES * 2).map(|id| judged::frame(event, id as u64, 64)).collect();
    let (warm, measured) = frames.split_at(MESSAGES);
    warm.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1));
    mean(|| measured.iter().for_each(|frame| assert_eq!(told(&rig.lone(frame)), 1)))
}

// The bounds are what was measured, rounded up. Whoever saves some lowers them; whoever needs more says why.

#[test]
fn a_lone_message_is_taken_in_and_told_in_few_allocations() {
    // With the attachment of one who is heard for the first time in ten seconds, whose head is a text of its own.
    assert_at_most("hot", lone("hot", 100), 17.0);
    assert_at_most("kept", lone("kept", 100), 30.0);
}

#[test]
fn a_message_among_many_costs_fewer_still() {
    assert_at_most("hot", crowd("hot", 100), 13.0);
    assert_at_most("kept", crowd("kept", 100), 19.0);
}

#[test]
fn a_typed_publish_asks_for_little_memory_beyond_what_its_type_holds() {
    let (publish, alone) = typed();
    // Of the texts with an escape, each is put together in the same place.
    assert_at_most("beyond the type", Cost { count: publish.count - alone.count, ..publish }, 10.0);
    // The message: its text once.
    let beyond = publish.bytes - alone.bytes;
    assert!(beyond <= 37_000.0, "{beyond} bytes a message beyond the type");
}

#[test]
fn code_that_judges_asks_for_little_memory_beyond_what_is_judged() {
    let plain = judged("plain");
    let beyond = |event| {
        let cost = judged(event);
        Cost { count: cost.count - plain.count, bytes: cost.bytes - plain.bytes }
    };
    assert_at_most("judged", beyond("judged"), 4.0);
    // Its state is encoded with each turn, so that one that cannot be fails alone.
    assert_at_most("counted", beyond("counted"), 10.0);
}
