//! Shares: nobody costs more than its own, in places, rates, replays, unread bytes and texts (rule R7).
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

use dormouse_core::channel::HttpOperation;
use serde_json::{Value, json};
use support::{BEGIN, Client, Joiner, Rooms, World, in_channel, in_room, publish, say, unmetered};

const MIB: u64 = 1_048_576;

#[test]
fn r7_one_on_its_way_out_leaves_its_users_place_at_once_and_takes_it_again_when_it_does_not_go() {
    in_room(|world| {
        world.limits.connections_per_user = 1;
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 1_000));
        let other = world.join(&Joiner::user("ann"));
        assert_eq!(world.receives(other)["code"], 4100);
        world.leave(other);
        world.advance(1_000);
        world.handle_http(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(world.receives(ann)["code"], 4300);
        let again = world.join(&Joiner::user("ann"));
        assert_eq!(world.received(again)[0]["type"], "welcome");
        world.leave(again);
        world.advance(2_000);
        let late = world.join(&Joiner::user("ann"));
        assert_eq!(world.receives(late)["code"], 4100, "the first was closed from here and is still there");
        world.leave(late);
        world.leave(ann);
        let last = world.join(&Joiner::user("ann"));
        assert_eq!(world.received(last)[0]["type"], "welcome");
    });
}

#[test]
fn r7_one_who_joins_again_and_again_and_closes_nothing_leaves_room_for_others() {
    in_room(|world| {
        world.limits.members = 30;
        let mut name = String::new();
        let mut joined = 0;
        for _ in 0..40 {
            let ann = world.join(&Joiner::user("ann").connection(&name));
            match world.received(ann)[0].clone() {
                welcome if welcome["type"] == "welcome" => {
                    joined += 1;
                    name = world.connection(ann);
                }
                bye => {
                    assert_eq!(bye["code"], 4100);
                    world.leave(ann);
                }
            }
        }
        assert_eq!(joined, 15, "as many as are left free");
        let bob = world.join(&Joiner::user("bob"));
        assert_eq!(world.received(bob)[0]["type"], "welcome");
    });
}

#[test]
fn r7_an_address_takes_at_most_as_many_unsigned_places_as_it_leaves_free() {
    in_channel("door:a", |world| {
        let join = |world: &mut World, address: &str| {
            let joined = world.join(&Joiner::anonymous().from_address(address));
            let welcome = world.received(joined)[0]["type"] == "welcome";
            if !welcome {
                world.leave(joined);
            }
            welcome
        };
        assert_eq!((0..120).filter(|_| join(world, "192.0.2.1")).count(), 50);
        assert_eq!((0..120).filter(|_| join(world, "2001:db8::1")).count(), 25);
        assert!(!join(world, "2001:db8::ffff"), "the same network");
        for visitor in 2..12 {
            assert!(join(world, &format!("192.0.2.{visitor}")), "another visitor gets in");
        }
    });
}

#[test]
fn r7_an_address_keeps_its_places_while_its_connections_are_open_also_in_sleep() {
    in_channel("open:a", |world| {
        world.limits.members = 20;
        let joiner = |address: &str| Joiner::anonymous().from_address(address);
        let crowd: Vec<_> = (0..5).map(|_| world.joined(&joiner("192.0.2.1"))).collect();
        world.pause();
        let sixth = world.join(&joiner("192.0.2.1"));
        assert_eq!(world.receives(sixth)["code"], 4100);
        world.leave(sixth);
        let other = world.join(&joiner("192.0.2.2"));
        assert_eq!(world.received(other)[0]["type"], "welcome");
        world.leave(other);
        world.pause();
        world.leave(crowd[0]);
        let again = world.join(&joiner("192.0.2.1"));
        assert_eq!(world.received(again)[0]["type"], "welcome");
    });
}

#[test]
fn r7_one_address_pays_for_all_its_connections_without_a_user() {
    let mut world = World::new("public:a");
    let crowd: Vec<_> = (0..6).map(|_| world.joined(&Joiner::anonymous().from_address("192.0.2.1"))).collect();
    let other = world.joined(&Joiner::anonymous().from_address("192.0.2.2"));
    let refused = |world: &mut World, client| {
        (0..200)
            .filter(|_| {
                world.send_text(client, "[]");
                !world.received(client).is_empty()
            })
            .count()
    };
    let spent: Vec<_> = crowd.iter().map(|client| refused(&mut world, *client)).collect();
    assert_eq!(spent[..5], [0; 5]);
    assert!(spent[5] >= 20, "{spent:?}");
    assert_eq!(refused(&mut world, other), 0);
}

#[test]
fn r7_coming_again_gives_an_address_no_refusals_anew() {
    let mut world = World::new("public:a");
    let mut read = 0;
    for _ in 0..50 {
        let again = world.joined(&Joiner::anonymous().from_address("192.0.2.1"));
        for _ in 0..20 {
            world.send_text(again, "x");
        }
        read += world.received(again).iter().filter(|frame| frame["code"] == "bad_frame").count();
        world.leave(again);
    }
    assert!(read <= 100, "{read} were read of a rate of 1,000 of which each costs ten");
}

#[test]
fn r7_a_flood_that_is_not_even_read_lets_others_be_looked_at() {
    let mut world = World::new("public:a");
    let client = world.joined(&Joiner::anonymous());
    (0..200).for_each(|_| world.send_text(client, "[]"));
    assert_eq!(world.breaths(), 0, "what one may send is no flood");
    // Twenty are told, and the socket goes on after its bye.
    (0..80).for_each(|_| world.send_text(client, "[]"));
    assert_eq!(world.breaths(), 10);
}

/// Keeps four messages of 60 KiB, and lets every rate come back.
fn keep_large(world: &mut World) {
    for number in 0..4 {
        let body = json!({"event": "say", "data": "x".repeat(60 * 1_024), "id": number.to_string()});
        assert_eq!(world.post(&unmetered("keeper"), body).0, 200);
    }
    world.pause();
}

/// How many pages of four messages of 60 KiB one is given at once.
fn pages(world: &mut World, reader: Client) -> usize {
    let page = json!({"type": "history", "id": "h", "limit": 4});
    (0..39).take_while(|_| world.told(reader, page.clone())[0]["type"] == "history").count()
}

#[test]
fn r7_all_without_a_user_share_one_budget_of_replays_by_address() {
    in_channel("open:a", |world| {
        let from = |address: &str| Joiner::anonymous().from_address(address);
        let greedy: Vec<_> = (0..10).map(|_| world.joined(&from("192.0.2.1"))).collect();
        let other = world.joined(&from("192.0.2.2"));
        let third = world.joined(&from("192.0.2.3"));
        let ann = world.joined(&Joiner::user("ann"));
        keep_large(world);
        let drawn: usize = greedy.iter().map(|reader| pages(world, *reader)).sum();
        assert_eq!(drawn, 18, "half of 8 MiB, and the page by which it is in debt");
        assert_eq!(pages(world, other), 12, "a third");
        assert_eq!(pages(world, third), 9, "a quarter");
        assert_eq!(pages(world, ann), 35, "a user has a budget of its own");
        assert_eq!(world.messages(&from("192.0.2.1"), None, None, None).0, 429, "over HTTP it is the same");
        assert_eq!(world.messages(&from("192.0.2.4"), None, None, None).0, 200);
    });
}

#[test]
fn r7_http_without_a_token_is_paid_for_by_address() {
    in_channel("open:a", |world| {
        let from = |address: &str| Joiner::anonymous().from_address(address);
        let status = |world: &mut World, address| world.messages(&from(address), None, None, Some("1")).0;
        assert_eq!((0..50).filter(|_| status(world, "192.0.2.1") == 200).count(), 40);
        assert_eq!(status(world, "192.0.2.2"), 200);
        assert_eq!((0..50).filter(|_| world.messages(&Joiner::anonymous(), None, None, None).0 == 200).count(), 40);
    });
}

#[test]
fn r5_bodies_that_say_nothing_or_nonsense_are_paid_for() {
    for (body, most) in [("[]", 200), ("x", 20), (r#"{"event":"no","data":1}"#, 20)] {
        let mut world = World::room();
        let ann = Joiner::user("ann");
        let paid = (0..480).filter(|_| world.post_text(&ann, body).0 != 429).count();
        assert_eq!(paid, most, "{body}");
        assert_eq!(world.post_text(&Joiner::user("bob"), "[]").0, 200);
        world.advance(1_000);
        assert_ne!(world.post_text(&ann, body).0, 429, "a second later");
    }
}

#[test]
fn r7_who_holds_most_of_the_unread_bytes_is_told_so_before_anybody_else() {
    in_channel("open:a", |world| {
        let greedy: Vec<_> = (0..70).map(|_| world.joined(&Joiner::anonymous().from_address("192.0.2.1"))).collect();
        let slow = world.joined(&Joiner::anonymous().from_address("192.0.2.2"));
        let ann = world.joined(&Joiner::user("ann"));
        greedy.iter().for_each(|client| world.socket_mut(*client).unsent = MIB);
        world.socket_mut(slow).unsent = MIB - 1;
        world.received(greedy[0]);
        world.told(ann, say("1", 1));
        for client in &greedy {
            let told = world.received(*client);
            assert!(told.iter().any(|frame| frame["code"] == 4102), "{told:#?}");
        }
        assert!(world.received(slow).iter().all(|frame| frame["type"] != "bye"));

        // They keep what they hold: who brings more of it is not let in, and everybody else is.
        let again = world.join(&Joiner::anonymous().from_address("192.0.2.1"));
        assert_eq!(world.receives(again)["code"], 4100);
        let other = world.join(&Joiner::anonymous().from_address("192.0.2.3"));
        assert_eq!(world.received(other)[0]["type"], "welcome");
    });
}

#[test]
fn r7_a_crowd_within_the_sum_is_left_alone() {
    in_channel("open:a", |world| {
        let crowd: Vec<_> = (0..60).map(|_| world.joined(&Joiner::anonymous().from_address("192.0.2.1"))).collect();
        let ann = world.joined(&Joiner::user("ann"));
        crowd.iter().for_each(|client| world.socket_mut(*client).unsent = MIB);
        for id in 0..3 {
            world.told(ann, say(&id.to_string(), 1));
            world.advance(1_000);
        }
        assert!(crowd.iter().all(|client| world.received(*client).iter().all(|frame| frame["type"] != "bye")));
    });
}

#[test]
fn r7_a_user_who_breaks_off_again_and_again_is_listed_at_most_as_often_as_it_may_be_connected() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for _ in 0..60 {
            let greedy = world.joined(&Joiner::user("greedy"));
            world.told(greedy, json!({"type": "presence", "id": "p", "data": "x".repeat(1_000)}));
            world.cut(greedy);
            world.drain();
            world.received(ann);
        }
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        let members = answer["members"].as_array().expect("the list is no number");
        assert_eq!(members.iter().filter(|member| member["user"] == "greedy").count(), 20);
        let last = world.joined(&Joiner::user("greedy"));
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 21, "one who is here takes the place of a grace");
        world.pause();
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 2, "and none of them outstays its time");
        assert!(world.is_connected(last));
    });
}

#[test]
fn r6_one_that_was_never_heard_and_has_not_read_its_welcome_was_never_there() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for number in 0..25 {
            let ghost = world.join(&Joiner::user(if number < 20 { "gus" } else { "ann" }));
            world.socket_mut(ghost).unsent = 700;
        }
        let slow = world.join(&Joiner::user("slow"));
        world.socket_mut(slow).unsent = 700;
        world.advance(9_999);
        world.received(ann);
        world.socket_mut(slow).unsent = 0;
        world.advance(1);
        let told = world.received(ann);
        let left: usize = told.iter().filter_map(|frame| frame["leave"].as_array()).map(Vec::len).sum();
        assert_eq!(left, 25, "{told:#?}");
        assert_eq!(world.socket(slow).hung_up, None, "it has read its welcome in the meantime");
        let gus = world.joined(&Joiner::user("gus"));
        world.pause();
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 3, "ann, the slow one and gus: {answer}");
        assert!(world.is_connected(gus));
    });
}

#[test]
fn r6_one_that_reads_slowly_is_no_ghost_and_a_ghost_keeps_its_place() {
    // Awake all the time: in sleep what it leaves behind is forgotten.
    let world = &mut World::room();
    world.limits.members = 6;
    let ann = world.joined(&Joiner::user("ann"));
    let slow = world.join(&Joiner::user("slow"));
    let ghosts = [0; 2].map(|_| world.join(&Joiner::user("gus")));
    for left in (0..30).rev() {
        world.socket_mut(slow).unsent = 10_000 * left;
        ghosts.iter().for_each(|ghost| world.socket_mut(*ghost).unsent = MIB);
        world.advance(1_000);
    }
    assert_eq!(world.socket(slow).hung_up, None);
    assert!(ghosts.iter().all(|ghost| world.socket(*ghost).hung_up == Some(4201)));
    let third = world.join(&Joiner::user("gus"));
    assert_eq!(world.receives(third)["code"], 4100, "what it left behind are its places still");
    let bob = world.join(&Joiner::user("bob"));
    assert_eq!(world.received(bob)[0]["type"], "welcome");
    world.received(ann);
}

#[test]
fn r7_one_large_message_in_a_crowd_blames_nobody_who_reads() {
    in_channel("open:a", |world| {
        world.limits.unsent_total_bytes = MIB;
        let crowd: Vec<_> = (0..50).map(|number| world.joined(&Joiner::user(&format!("u{number}")))).collect();
        let stuck = world.joined(&Joiner::anonymous().from_address("192.0.2.1"));
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        for id in 0..5 {
            world.send(ann, say(&id.to_string(), "x".repeat(30 * 1_024)));
            // It is on its way to everybody, when the next event comes.
            crowd.iter().for_each(|client| world.socket_mut(*client).unsent = 30 * 1_024 + 200);
            world.socket_mut(stuck).unsent += 400 * 1_024;
            world.told(ann, publish("nod", "n", 1));
            crowd.iter().for_each(|client| world.socket_mut(*client).unsent = 0);
            world.advance(1_000);
        }
        assert!(crowd.iter().all(|client| world.received(*client).iter().all(|frame| frame["type"] != "bye")));
        assert!(world.received(stuck).iter().any(|frame| frame["code"] == 4102));
    });
}

#[test]
fn r7_a_user_whose_network_went_away_without_a_word_has_all_its_connections_again() {
    in_room(|world| {
        let tabs: Vec<_> = (0..20).map(|_| world.joined(&Joiner::user("ann"))).collect();
        for tab in tabs {
            // The old one is dead and closes nothing.
            let again = world.join(&Joiner::user("ann").connection(&world.connection(tab)));
            assert_eq!(world.received(again)[0]["type"], "welcome");
            world.advance(2_500);
        }
        let one_more = world.join(&Joiner::user("ann"));
        assert_eq!(world.receives(one_more)["code"], 4100);
    });
}

#[test]
fn r6_one_that_speaks_is_no_ghost_and_one_that_came_back_has_its_grace() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let name = world.connection(bob);
        world.cut(bob);
        let back = world.join(&Joiner::user("bob").connection(&name));
        world.socket_mut(back).unsent = 700;
        let loud = world.join(&Joiner::user("loud"));
        world.socket_mut(loud).unsent = 700;
        world.send(loud, say("1", 1));
        world.advance(10_000);
        world.received(ann);
        assert_eq!((world.socket(loud).hung_up, world.socket(back).hung_up), (None, Some(4201)));
        let again = world.joined(&Joiner::user("bob").connection(&name));
        assert_eq!(world.connection(again), name);
        world.refute_received(ann);
    });
}

/// Plays a window in which seven large messages and many small directed ones leave together; answers the bytes of all
/// the texts that were made at once, and every message as each member heard it.
fn told_apart(members: usize, targets: &[Vec<String>]) -> (usize, Vec<Vec<Value>>) {
    let mut world = World::room();
    let crowd: Vec<_> = (0..members).map(|number| world.joined(&unmetered(&format!("u{number}")))).collect();
    let speaker = world.joined(&unmetered("ann"));
    world.text_made();
    // Two that find no window open it; what follows waits for it together.
    world.send(speaker, json!([publish("nod", "a", 0), publish("nod", "b", 0)]));
    world.send(speaker, json!([publish("nod", "c", 0), publish("nod", "d", 0)]));
    world.drain_now();
    crowd.iter().for_each(|client| drop(world.received(*client)));
    for number in 0..7 {
        world.send(speaker, publish("say", &format!("m{number}"), "x".repeat(31 * 1_024)));
    }
    let waves = targets.iter().enumerate().map(|(number, users)| {
        let wave = publish("wave", &format!("w{number}"), number);
        let mut wave = wave.as_object().unwrap().clone();
        wave.insert("to".to_owned(), json!({"users": users}));
        Value::from(wave)
    });
    world.send(speaker, Value::from(waves.collect::<Vec<_>>()));
    world.drain();
    let heard = crowd.iter().map(|client| {
        let told = world.received(*client);
        told.into_iter().filter(|frame| frame["type"] == "message").map(|frame| frame["id"].clone()).collect()
    });
    let heard: Vec<Vec<Value>> = heard.collect();
    let answered = world.received(speaker);
    assert_eq!(answered.iter().filter(|frame| frame["type"] == "ack").count(), targets.len(), "each is answered");
    (world.text_made(), heard)
}

#[test]
fn r7_one_event_makes_at_most_8_mib_of_text_whatever_is_directed_to_whom() {
    let members = 400;
    // Everybody is named by another choice of them, so that no two hear the same.
    let targets: Vec<Vec<String>> = (0..33)
        .map(|wave| (0..100).map(|at| format!("u{}", (at * 7 + wave * 13 + at * wave) % members)).collect())
        .collect();
    let (made, heard) = told_apart(members, &targets);
    assert!(made <= 9 * 1_048_576, "{made} bytes of text at once");
    for (number, heard) in heard.iter().enumerate() {
        let name = format!("u{number}");
        let waves = targets.iter().enumerate().filter(|(_, users)| users.contains(&name));
        let due: Vec<_> = (0..7).map(|it| format!("m{it}")).chain(waves.map(|(it, _)| format!("w{it}"))).collect();
        assert_eq!(*heard, due, "{name} hears what it is told, in order");
    }
}
