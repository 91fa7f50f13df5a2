//! The order in which a request is checked (rule F7): one that breaks two rules is refused for the earlier.
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

use serde_json::{Value, json};
use support::{FIRST_LIFE, Joiner, World, in_channel, in_room, publish, say, seqs};

/// What can be wrong with a publish, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    HardRate,
    Size,
    IJson,
    Shape,
    SignedIn,
    Event,
    Ability,
    Fields,
    Data,
    Dedupe,
    EventRate,
    IfSeq,
}

impl Flaw {
    const ALL: [Self; 12] = [
        Self::HardRate,
        Self::Size,
        Self::IJson,
        Self::Shape,
        Self::SignedIn,
        Self::Event,
        Self::Ability,
        Self::Fields,
        Self::Data,
        Self::Dedupe,
        Self::EventRate,
        Self::IfSeq,
    ];

    /// The code, and words that only this refusal has.
    const fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::Size => ("too_large", "A frame has at most"),
            Self::IJson => ("bad_frame", "I-JSON"),
            Self::Shape => ("bad_frame", "`echo`"),
            Self::SignedIn => ("unauthenticated", "Sign in first"),
            Self::HardRate | Self::EventRate => ("rate_limited", "Too fast"),
            Self::Event => ("unknown_event", "no such event"),
            Self::Ability => ("forbidden", "does not allow"),
            Self::Fields => ("forbidden", "cannot be directed"),
            Self::Data => ("invalid_data", "text"),
            Self::Dedupe => ("conflict", "another message"),
            Self::IfSeq => ("conflict", "moved on"),
        }
    }
}

/// A publish with these flaws and no others, in a world where they are flaws; answers what its sender was told.
fn refused(world: &mut World, flaws: &[Flaw]) -> Value {
    let has = |flaw| flaws.contains(&flaw);
    let ann = if has(Flaw::SignedIn) { Joiner::anonymous() } else { Joiner::user("ann") };
    let speaks = world.joined(&Joiner::user("ann"));
    let said = world.told(speaks, publish("memo", "used", json!({"text": "first"})));
    assert_eq!(seqs(&said).len(), 1);
    if !has(Flaw::EventRate) {
        world.advance(9_000);
    }
    let client = world.joined(&if has(Flaw::Ability) { ann.can(&["join"]) } else { ann });
    if has(Flaw::HardRate) {
        // Every frame costs one of it, and these cost nothing else.
        (0..200).for_each(|_| world.send_text(client, "[]"));
        world.received(client);
    }
    world.send_text(client, &text(flaws));
    world.drain();
    world.receives(client)
}

fn text(flaws: &[Flaw]) -> String {
    let has = |flaw| flaws.contains(&flaw);
    let mut frame = publish("memo", "new", json!({"text": "second"}));
    if has(Flaw::Dedupe) {
        frame["id"] = json!("used");
    }
    if has(Flaw::Event) {
        frame["event"] = json!("sing");
    }
    if has(Flaw::Fields) {
        frame["to"] = json!({"users": ["bob"]});
    }
    if has(Flaw::Data) {
        frame["data"] = json!({"text": 7});
    }
    if has(Flaw::IfSeq) {
        frame["if_seq"] = json!(999);
    }
    if has(Flaw::Shape) {
        frame["echo"] = json!("perhaps");
    }
    let mut text = frame.to_string();
    text.pop();
    if has(Flaw::IJson) {
        text.push_str(",\"x\":1,\"x\":2");
    }
    if has(Flaw::Size) {
        text.push_str(&format!(",\"pad\":\"{}\"", "x".repeat(65_536)));
    }
    text + "}"
}

#[test]
fn f7_a_publish_that_breaks_two_rules_is_refused_for_the_earlier() {
    for (index, first) in Flaw::ALL.into_iter().enumerate() {
        for second in &Flaw::ALL[index + 1..] {
            in_channel("door:a", |world| {
                let refusal = refused(world, &[first, *second]);
                let (code, words) = first.refusal();
                let message = refusal["message"].as_str().unwrap_or_default();
                assert!(refusal["code"] == code && message.contains(words), "{first:?} and {second:?}: {refusal}");
            });
        }
    }
}

#[test]
fn f7_each_flaw_alone_is_refused_and_none_is_accepted() {
    for flaw in Flaw::ALL {
        in_channel("door:a", |world| {
            let refusal = refused(world, &[flaw]);
            let (code, words) = flaw.refusal();
            assert!(
                refusal["code"] == code && refusal["message"].as_str().unwrap().contains(words),
                "{flaw:?}: {refusal}"
            );
        });
    }
    in_channel("door:a", |world| assert_eq!(refused(world, &[])["seq"], 2));
}

#[test]
fn f7_a_duplicate_costs_none_of_the_rate_and_wins_over_if_seq() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.told(ann, publish("rare", "1", 1));
        let mut again = publish("rare", "1", 1);
        again["if_seq"] = json!(0);
        for _ in 0..25 {
            assert_eq!(
                world.told(ann, again.clone()),
                [json!({"type": "ack", "id": "1", "seq": 1, "duplicate": true})]
            );
        }
        world.refuses(ann, publish("rare", "2", 2), "rate_limited");
        world.advance(2_000);
        world.told(ann, again);
        assert_eq!(seqs(&world.told(ann, publish("rare", "2", 2))), [2]);
    });
}

#[test]
fn f7_a_refused_publish_costs_none_of_the_events_rate() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("used", 0));
        world.pause();
        for frame in [
            publish("memo", "1", json!({"text": 7})),
            publish("memo", "used", json!({"text": "x"})),
            json!({"type": "publish", "event": "memo", "data": {"text": "x"}, "to": {}}),
        ] {
            assert_eq!(world.told(ann, frame)[0]["type"], "error");
        }
        assert_eq!(seqs(&world.told(ann, publish("memo", "2", json!({"text": "x"})))), [2]);
    });
}

/// The flaws of a request that is no publish: shape, rate, whether anything is kept, ability, what is unread.
fn asked(world: &mut World, frame: &Value, tired: bool, can: &[&str], unread: bool) -> Value {
    let client = world.joined(&Joiner::user("ann").can(can));
    for number in 0..if tired { 40 } else { 0 } {
        world.send(client, json!({"type": "presence", "data": number}));
    }
    world.drain();
    world.received(client);
    if unread {
        world.socket_mut(client).unsent = 262_145;
    }
    let told = world.told(client, frame.clone());
    assert_eq!(told.len(), 1, "{told:#?}");
    told[0].clone()
}

#[test]
fn f7_a_page_that_cannot_be_is_a_bad_frame_before_all_else() {
    let page = json!({"type": "history", "id": "1", "before": 1, "after": 1});
    for channel in ["room:a", "air:a"] {
        in_channel(channel, |world| {
            let refusal = asked(world, &page, true, &["join", "presence"], true);
            assert_eq!((&refusal["code"], &refusal["id"]), (&json!("bad_frame"), &json!("1")));
        });
    }
    in_room(|world| {
        let refusal = asked(world, &json!({"type": "history", "limit": 0}), true, &["join", "presence"], false);
        assert_eq!(refusal["code"], "bad_frame");
    });
}

#[test]
fn f7_reading_back_is_checked_for_rate_then_keeping_then_ability_then_what_is_unread() {
    let all = ["join", "presence", "history"];
    let none = ["join", "presence"];
    let history = json!({"type": "history", "id": "1"});
    let resume = json!({"type": "resume", "id": "1", "epoch": FIRST_LIFE, "after": 0});
    for (channel, frame, tired, can, unread, code) in [
        ("air:a", &history, true, &none[..], true, "rate_limited"),
        ("air:a", &history, false, &none[..], true, "not_kept"),
        ("room:a", &history, false, &none[..], true, "forbidden"),
        ("room:a", &history, false, &all[..], true, "rate_limited"),
        ("air:a", &resume, true, &none[..], true, "rate_limited"),
        ("air:a", &resume, false, &none[..], true, "not_kept"),
        ("room:a", &resume, false, &none[..], true, "rate_limited"),
    ] {
        in_channel(channel, |world| {
            let told = asked(world, frame, tired, can, unread);
            assert_eq!((&told["code"], &told["id"]), (&json!(code), &json!("1")), "{channel} {frame} {can:?}");
        });
    }
    in_room(|world| assert_eq!(asked(world, &history, false, &all, false)["type"], "history"));
    in_room(|world| assert_eq!(asked(world, &resume, false, &none, false)["type"], "resumed"));
}

#[test]
fn f7_presence_is_checked_for_ability_then_size_then_data() {
    in_channel("dark:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.refuses(ann, json!({"type": "presence", "id": "1", "data": "x".repeat(2_000)}), "forbidden");
    });
    in_room(|world| {
        let deaf = world.joined(&Joiner::user("bob").can(&["join"]));
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let large = json!({"type": "presence", "id": "1", "data": "x".repeat(2_000)});
        world.refuses(deaf, large.clone(), "forbidden");
        world.refuses(ann, large, "too_large");
        world.refuses(ann, json!({"type": "presence", "id": "1"}), "bad_frame");
        assert!(
            world
                .told(ann, json!({"type": "presence", "id": "1", "data": "x"}))
                .contains(&json!({"type": "ack", "id": "1"}))
        );
    });
}
