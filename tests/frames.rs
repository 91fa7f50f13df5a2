//! Frames: what a client may ask, how it is answered, and whom it reaches (section F of the protocol).
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

use dormouse_core::channel::Unreadable;
use serde_json::{Value, json};
use support::{Joiner, Rooms, World, in_channel, in_room, publish, say, seqs, unmetered};

#[test]
fn f_an_array_means_its_members_in_order() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let heard = world.told(ann, json!([say("1", "a"), publish("wave", "2", "b"), say("3", "c")]));
        assert_eq!(heard.iter().map(|message| &message["id"]).collect::<Vec<_>>(), ["1", "2", "3"]);
    });
}

#[test]
fn f_an_empty_array_is_nothing() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        assert_eq!(world.told(ann, json!([])), Vec::<Value>::new());
    });
}

#[test]
fn f_a_hundred_members_are_taken_and_of_a_hundred_and_one_nothing_is() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        let many = |count: usize| (1..=count).map(|number| say(&number.to_string(), number)).collect::<Vec<_>>();
        let refusal = world.refuses(ann, json!(many(101)), "too_large");
        assert_eq!(refusal.get("id"), None);
        assert_eq!(seqs(&world.told(ann, json!(many(100)))), (1..=100).collect::<Vec<_>>());
    });
}

#[test]
fn f_an_array_in_an_array_is_a_bad_frame_and_its_neighbours_are_taken() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let heard = world.told(ann, json!([say("1", 1), [say("2", 2)], 7, null, say("3", 3)]));
        assert_eq!(seqs(&heard), [1, 2]);
        let refusals: Vec<_> = heard.iter().filter(|frame| frame["type"] == "error").collect();
        assert_eq!(refusals.len(), 3);
        assert!(refusals.iter().all(|refusal| refusal["code"] == "bad_frame" && refusal.get("id").is_none()));
    });
}

#[test]
fn f_a_binary_frame_is_a_bad_frame_and_the_socket_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send_unreadable(ann, Unreadable::Binary);
        world.assert_refused(ann, "bad_frame");
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn f1_unknown_fields_are_ignored_the_reserved_one_too() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let mut frame = say("1", "hello");
        frame["channel"] = json!("room:b");
        frame["color"] = json!({"deep": [1, 2, 3]});
        let heard = world.told(ann, frame);
        assert_eq!(seqs(&heard), [1]);
        assert_eq!(heard[0].get("color"), None);
        assert_eq!(heard[0].get("channel"), None);
    });
}

#[test]
fn f1_an_unknown_type_is_answered_by_its_id() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let refusal = world.refuses(ann, json!({"type": "dance", "id": "1"}), "unknown_type");
        assert_eq!(refusal["id"], "1");
        world.refuses(ann, json!({"type": "welcome"}), "unknown_type");
    });
}

#[test]
fn f1_a_type_that_is_missing_or_no_text_is_a_bad_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for kind in [json!({"id": "1"}), json!({"id": "1", "type": 7}), json!({"id": "1", "type": null})] {
            assert_eq!(world.refuses(ann, kind, "bad_frame")["id"], "1");
        }
    });
}

#[test]
fn f2_an_echoed_publish_is_answered_by_its_own_message_alone() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let own = world.connection(ann);
        world.pause();
        for (number, event) in ["say", "wave"].into_iter().enumerate() {
            let id = number.to_string();
            let heard = world.told(ann, publish(event, &id, "hello"));
            assert_eq!(heard.len(), 1, "{heard:#?}");
            assert_eq!((&heard[0]["type"], &heard[0]["id"]), (&json!("message"), &json!(id)));
            assert_eq!(heard[0]["from"]["connection"], own);
        }
    });
}

#[test]
fn f2_a_publish_that_is_not_echoed_is_answered_by_an_ack_with_its_seq() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let mut frame = say("1", "hello");
        frame["echo"] = json!(false);
        assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "1", "seq": 1})]);
        assert_eq!(world.receives(bob)["seq"], 1);
        let mut frame = publish("wave", "2", "hello");
        frame["echo"] = json!(false);
        assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "2"})]);
        assert_eq!(world.receives(bob)["id"], "2");
    });
}

#[test]
fn f2_a_request_without_an_id_is_answered_only_when_refused() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        for frame in [
            json!({"type": "publish", "event": "say", "data": 1, "echo": false}),
            json!({"type": "publish", "event": "wave", "data": 1, "to": {"users": ["bob"]}}),
            json!({"type": "presence", "data": {"mood": "good"}}),
            json!({"type": "auth", "token": Joiner::user("ann").token()}),
        ] {
            let told = world.told(ann, frame);
            assert!(told.iter().all(|frame| frame["type"] == "presence"), "{told:#?}");
        }
        assert_eq!(world.received(bob).len(), 3);
        let refusal = world.refuses(ann, json!({"type": "publish", "event": "sing", "data": 1}), "unknown_event");
        assert_eq!(refusal.get("id"), None);
    });
}

#[test]
fn f2_auth_and_presence_are_answered_by_an_ack() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let ack = |id: &str| json!({"type": "ack", "id": id});
        let token = Joiner::user("ann").token();
        assert_eq!(world.told(ann, json!({"type": "auth", "id": "1", "token": token})), [ack("1")]);
        let told = world.told(ann, json!({"type": "presence", "id": "2", "data": {"mood": "good"}}));
        assert_eq!(told.iter().filter(|frame| frame["type"] == "ack").collect::<Vec<_>>(), [&ack("2")]);
    });
}

#[test]
fn f2_an_id_of_1_to_64_characters_is_taken() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for id in ["x", "\u{0}\"\\", &"ü".repeat(64), &"😀".repeat(64)] {
            let heard = world.told(ann, say(id, id.len()));
            assert_eq!(heard[0]["id"], id);
        }
    });
}

#[test]
fn f2_an_invalid_id_is_a_bad_frame_without_id() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for id in [json!(""), json!("x".repeat(65)), json!(7), json!(null), json!(["1"]), json!(true)] {
            let mut frame = say("1", "hello");
            frame["id"] = id;
            assert_eq!(world.refuses(ann, frame, "bad_frame").get("id"), None);
        }
    });
}

#[test]
fn f2_echoes_and_acks_with_a_seq_come_in_the_order_of_the_requests() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        let frames: Vec<_> = (1..=20)
            .map(|number| {
                let mut frame = say(&number.to_string(), number);
                frame["echo"] = json!(number % 3 != 0);
                frame
            })
            .collect();
        let heard = world.told(ann, json!(frames));
        assert_eq!(
            heard.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
            (1..=20).collect::<Vec<_>>()
        );
    });
}

#[test]
fn f3_data_that_breaks_the_contract_is_refused_with_its_path() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for (data, path) in [
            (json!({"text": ""}), "text"),
            (json!({"text": "far too long a text"}), "text"),
            (json!({"text": "ok", "tags": ["a", 7]}), "tags[1]"),
            (json!({"text": "ok", "color": "red"}), "color"),
            (json!({}), "text"),
        ] {
            let refusal = world.refuses(ann, publish("note", "1", data), "invalid_data");
            assert!(refusal["message"].as_str().unwrap().contains(path), "{refusal}");
        }
        assert_eq!(seqs(&world.told(ann, publish("note", "1", json!({"text": "ok", "tags": ["a"]})))), [1]);
    });
}

#[test]
fn f5_a_directed_message_reaches_the_union_of_its_targets_and_never_comes_back() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").roles(&["crew"]));
        let anns_other = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat").roles(&["crew"]));
        let dan = world.joined(&Joiner::user("dan"));
        let eve = world.joined(&Joiner::user("eve"));
        world.pause();
        let mut frame = publish("wave", "1", "psst");
        frame["to"] = json!({"users": ["ann", "bob"], "connections": [world.connection(dan), world.connection(bob)], "roles": ["crew"]});
        assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "1", "delivered": 4})]);
        for client in [anns_other, bob, cat, dan] {
            let heard = world.receives(client);
            assert_eq!((&heard["data"], heard.get("seq")), (&json!("psst"), None));
        }
        world.refute_received(eve);
    });
}

#[test]
fn f5_a_directed_message_of_a_kept_event_is_never_kept() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let mut frame = say("1", "psst");
        frame["to"] = json!({"users": ["bob"]});
        assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "1", "delivered": 1})]);
        assert_eq!(world.receives(bob).get("seq"), None);
        world.pause();
        assert_eq!(world.told(ann, json!({"type": "history", "id": "2"}))[0]["messages"], json!([]));
        assert_eq!(world.storage.rows().count(), 0);
    });
}

#[test]
fn f5_delivered_is_told_only_to_a_grant_with_presence() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").can(&["join", "publish"]));
        world.joined(&Joiner::user("bob"));
        world.pause();
        let mut frame = publish("wave", "1", "psst");
        frame["to"] = json!({"users": ["bob"]});
        assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "1"})]);
    });
}

#[test]
fn f5_a_message_to_nobody_who_is_here_is_delivered_to_none() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        for to in
            [json!({}), json!({"users": ["zoe", "ann"]}), json!({"connections": ["gone"]}), json!({"roles": ["crew"]})]
        {
            let mut frame = publish("wave", "1", "psst");
            frame["to"] = to;
            assert_eq!(world.told(ann, frame), [json!({"type": "ack", "id": "1", "delivered": 0})]);
        }
        world.refute_received(bob);
    });
}

#[test]
fn f5_what_cannot_be_directed_or_is_directed_to_no_list_of_names_is_refused() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let to = |event: &str, to: Value| {
            let mut frame = publish(event, "1", "psst");
            frame["to"] = to;
            frame
        };
        world.refuses(ann, to("nod", json!({"users": ["bob"]})), "forbidden");
        for wrong in [
            json!(null),
            json!([]),
            json!(["bob"]),
            json!([["bob"], [], []]),
            json!("bob"),
            json!({"users": "bob"}),
            json!({"users": [7]}),
            json!({"roles": null}),
        ] {
            world.refuses(ann, to("wave", wrong), "bad_frame");
        }
        world.refute_received(bob);
    });
}

#[test]
fn f5_a_hundred_targets_are_taken_and_a_hundred_and_one_are_too_many() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let names = |count: usize| (0..count).map(|number| format!("u{number}")).collect::<Vec<_>>();
        let mut frame = publish("wave", "1", "psst");
        frame["to"] = json!({"users": names(60), "roles": names(40)});
        assert_eq!(world.told(ann, frame.clone())[0]["delivered"], 0);
        frame["to"] = json!({"users": names(60), "roles": names(41)});
        world.refuses(ann, frame, "too_large");
    });
}

#[test]
fn f5_echo_false_leaves_out_the_connection_and_not_its_users_others() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let other = world.joined(&Joiner::user("ann"));
        world.pause();
        let mut frame = say("1", "hello");
        frame["echo"] = json!(false);
        assert_eq!(world.told(ann, frame.clone()), [json!({"type": "ack", "id": "1", "seq": 1})]);
        assert_eq!(world.receives(other)["seq"], 1);
        for echo in [json!(null), json!("false"), json!(0)] {
            frame["echo"] = echo;
            world.refuses(ann, frame.clone(), "bad_frame");
        }
    });
}

#[test]
fn f5_the_ack_of_an_unechoed_publish_stands_in_its_messages_place() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        // The first leaves at once; what comes after leaves together.
        world.send(bob, say("b1", 1));
        let mut frame = say("a1", 2);
        frame["echo"] = json!(false);
        world.send(ann, frame);
        world.send(bob, say("b2", 3));
        world.drain();
        let ids: Vec<_> =
            world.received(ann).iter().map(|frame| (frame["type"].clone(), frame["seq"].clone())).collect();
        assert_eq!(ids, [(json!("message"), json!(1)), (json!("ack"), json!(2)), (json!("message"), json!(3))]);
    });
}

#[test]
fn f6_a_refusal_never_closes_the_socket_and_the_rest_of_an_array_goes_on() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let frames = json!([
            say("1", 1),
            publish("sing", "2", 2),
            publish("note", "3", 3),
            publish("edict", "4", 4),
            {"type": "dance", "id": "5"},
            {"type": "history", "id": "6", "before": "now"},
            {"type": "auth", "id": "7", "token": "bad"},
            say("8", 8),
        ]);
        let told = world.told(ann, frames);
        assert_eq!(seqs(&told), [1, 2]);
        let refused: Vec<_> = told
            .iter()
            .filter(|frame| frame["type"] == "error")
            .map(|frame| (frame["id"].as_str().unwrap(), frame["code"].as_str().unwrap()))
            .collect();
        assert_eq!(
            refused,
            [
                ("2", "unknown_event"),
                ("3", "invalid_data"),
                ("4", "forbidden"),
                ("5", "unknown_type"),
                ("6", "bad_frame"),
                ("7", "unauthenticated")
            ]
        );
        assert_eq!(world.socket(ann).hung_up, None);
    });
}

#[test]
fn f6_after_a_rate_limited_publish_the_later_publishes_of_its_array_are_too() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let frames = json!([
            publish("rare", "1", 1),
            publish("rare", "2", 2),
            say("3", 3),
            publish("rare", "1", 1),
            publish("sing", "4", 4),
            {"type": "history", "id": "5"},
            publish("wave", "6", 6),
        ]);
        let told = world.told(ann, frames);
        assert_eq!(seqs(&told), [1]);
        let answers = |id: &str| world.answers_to(ann, id);
        for id in ["2", "3", "6"] {
            assert_eq!(answers(id)[0]["code"], "rate_limited", "{id}");
        }
        assert_eq!(answers("1")[1], json!({"type": "ack", "id": "1", "seq": 1, "duplicate": true}));
        assert_eq!(answers("4")[0]["code"], "unknown_event");
        assert_eq!(answers("5")[0]["type"], "history");
        // In the next array it passes.
        assert_eq!(seqs(&world.told(ann, json!([say("3", 3)]))), [2]);
    });
}

#[test]
fn f2_an_anonymous_publisher_has_no_user_and_knows_its_own_message_by_the_connection() {
    in_channel("open:a", |world| {
        let one = world.joined(&Joiner::anonymous());
        let two = world.joined(&Joiner::anonymous());
        world.pause();
        let heard = world.told(one, say("1", "hello"));
        assert_eq!(heard[0]["from"], json!({"user": null, "connection": world.connection(one)}));
        assert_eq!(world.received(two), heard);
    });
}

#[test]
fn f4_members_with_the_same_rights_hear_the_same_text() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    let deaf = world.joined(&Joiner::user("cat").can(&["join"]));
    world.send(ann, json!([say("1", 1), {"type": "presence", "data": {"mood": "good"}}]));
    world.drain();
    let last = |client| world.socket(client).texts.last().unwrap().clone();
    assert_eq!(last(ann), last(bob));
    assert_ne!(last(bob), last(deaf));
    assert_eq!(seqs(&world.received(deaf)), [1]);
}
