//! What becomes of a grant that ends (rule A6).

use dormouse_core::channel::HttpOperation;
use serde_json::json;

use crate::support::{BEGIN, Joiner, in_room, say, seqs};
use crate::{ack, auth, bye, may, presence, users};

#[test]
fn a6_an_expired_grant_says_nothing_and_is_told_bye_for_its_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(59_999);
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
        world.drain();
        world.advance(BEGIN + 60_000 - world.now());
        world.received(bob);
        assert_eq!(world.told(ann, json!([say("2", 2), say("3", 3)])), [bye(4300, "token_expired")]);
        assert_eq!(world.socket(ann).hung_up, Some(4300), "in its own turn");
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn a6_an_expired_grant_hears_nothing_and_is_told_bye_before_what_is_told() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(59_990);
        world.told(bob, say("1", 1));
        assert_eq!(seqs(&world.received(ann)), [1]);
        world.advance(BEGIN + 60_000 - world.now());
        let told = world.told(bob, say("2", 2));
        assert_eq!(
            told[1],
            json!({"type": "presence", "leave": [{"user": "ann", "connection": world.connection(ann)}]})
        );
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
        world.advance(1_000);
        assert_eq!(presence(world, bob).len(), 0, "its leave came with the message");
        world.told(bob, say("3", 3));
        world.advance(5_000);
        world.refute_received(ann);
        assert_eq!(world.socket(ann).hung_up, Some(4300));
    });
}

#[test]
fn a6_a_new_token_before_the_end_moves_the_end() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(50_000);
        assert_eq!(world.told(ann, auth("a", &Joiner::user("ann").expires(BEGIN + 90_000))), [ack("a")]);
        world.advance(30_000);
        world.told(bob, say("1", 1));
        assert_eq!(seqs(&world.received(ann)), [1]);
        world.advance(10_000);
        world.told(bob, say("2", 2));
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}

#[test]
fn a6_inside_an_array_a_grant_that_ends_ends_the_rest() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let told =
            world.told(ann, json!([say("1", 1), auth("a", &may("ann", &["publish"])), say("2", 2), say("3", 3)]));
        assert_eq!(seqs(&told), [1]);
        assert_eq!(told.last().unwrap(), &bye(4003, "forbidden"));
        assert_eq!(world.storage.rows().count(), 1);
    });
}

#[test]
fn a6_a_token_that_expired_on_the_way_does_not_join() {
    in_room(|world| {
        let late = world.join(&Joiner::user("ann").expires(BEGIN));
        assert_eq!(world.receives(late), bye(4300, "token_expired"));
        assert_eq!(world.socket(late).hung_up, Some(4300));
        let early = world.join(&Joiner::user("ann").expires(BEGIN + 1));
        assert_eq!(world.received(early)[0]["type"], "welcome");
    });
}

#[test]
fn a6_whoever_asks_for_the_members_finds_the_expired_gone() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        world.advance(59_999);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(users(&answer["members"]), ["ann"]);
        world.advance(1);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(users(&answer["members"]), Vec::<&str>::new());
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}

#[test]
fn a6_a_directed_message_does_not_reach_an_expired_grant() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        let to_ann =
            |id: &str| json!({"type": "publish", "id": id, "event": "wave", "data": 1, "to": {"users": ["ann"]}});
        world.advance(59_000);
        assert_eq!(world.told(bob, to_ann("1"))[0]["delivered"], 1);
        world.received(ann);
        world.advance(1_000);
        let told = world.told(bob, to_ann("2"));
        assert_eq!(told.iter().find(|frame| frame["id"] == "2").unwrap()["delivered"], 0);
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}
