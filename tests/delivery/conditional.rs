//! Conditional publishes, and what cannot be conditional (rules D8, F2).

use crate::if_seq;
use crate::support::{
    Client, Joiner, Rooms, World, in_channel_both_ways, in_room_both_ways, publish, say, seqs, unmetered,
};
use serde_json::{Value, json};

#[test]
fn d8_if_seq_publishes_only_at_this_head() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        assert_eq!(seqs(&world.told(ann, if_seq("1", 0))), [1]);
        world.received(bob);
        world.pause();
        for seq in [0, 2, 1 << 53] {
            let refusal = world.refuses(bob, if_seq("b", seq), "conflict");
            assert_eq!((&refusal["id"], &refusal["seq"]), (&json!("b"), &json!(1)));
        }
        world.pause();
        assert_eq!(seqs(&world.told(bob, if_seq("b", 1))), [2]);
    });
}

#[test]
fn d8_reservations_count_and_of_two_rivals_one_wins() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.send(ann, say("a0", 0));
        world.send(ann, if_seq("a1", 1));
        world.send(bob, if_seq("b1", 1));
        world.send(bob, if_seq("b2", 2));
        world.drain();
        assert_eq!(world.answers_to(ann, "a1")[0]["seq"], 2);
        let lost = &world.answers_to(bob, "b1")[0];
        assert_eq!((&lost["code"], &lost["seq"]), (&json!("conflict"), &json!(2)));
        assert_eq!(world.answers_to(bob, "b2")[0]["seq"], 3);
    });
}

#[test]
fn d8_a_conflict_over_http_is_409_with_the_head() {
    in_room_both_ways(|world| {
        world.keep(3);
        world.pause();
        let (status, answer) = world.post(&unmetered("ann"), json!({"event": "say", "data": 1, "if_seq": 2}));
        assert_eq!((status, &answer["error"]["code"], &answer["error"]["seq"]), (409, &json!("conflict"), &json!(3)));
        let (status, answer) = world.post(&unmetered("ann"), json!({"event": "say", "data": 1, "if_seq": 3}));
        assert_eq!((status, &answer["seq"]), (200, &json!(4)));
    });
}

#[test]
fn d8_if_seq_on_what_is_not_kept_is_refused_as_such() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let mut ephemeral = publish("wave", "1", 1);
        ephemeral["if_seq"] = json!(0);
        world.refuses(ann, ephemeral, "not_kept");
        let mut directed = if_seq("2", 0);
        directed["to"] = json!({"users": ["bob"]});
        world.refuses(ann, directed, "not_kept");
        for wrong in [json!(-1), json!(0.5), json!("0"), json!(null)] {
            let mut frame = say("3", 3);
            frame["if_seq"] = wrong;
            world.refuses(ann, frame, "bad_frame");
        }
    });
}

#[test]
fn d8_history_and_resume_where_nothing_is_kept_are_refused_as_such() {
    in_channel_both_ways("air:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.refuses(ann, json!({"type": "history", "id": "1"}), "not_kept");
        world.refuses(ann, json!({"type": "resume", "id": "1", "epoch": world.epoch(ann), "after": 0}), "not_kept");
        let (status, answer) = world.messages(&Joiner::user("ann"), None, None, None);
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("not_kept")));
    });
}

/// What one connection was promised an answer to, when it loses the right to be here in the same array.
fn losing_join(world: &mut World, ann: Client) -> Vec<Value> {
    let token = Joiner::user("ann").can(&["publish"]).token();
    world.told(ann, json!([say("1", 1), say("2", 2), {"type": "auth", "id": "3", "token": token}, say("4", 4)]))
}

#[test]
fn f2_what_was_accepted_before_a_grant_lost_join_is_answered_first() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let told = losing_join(world, ann);
        let told: Vec<_> = told.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert_eq!(told, ["message", "message", "ack", "bye"]);
    });
}
