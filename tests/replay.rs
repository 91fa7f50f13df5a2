//! Coming back: what is replayed, what is behind, what is lost, and what reading back costs (rules D4, D6, D10).
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

use dormouse_core::storage::{Damage, Storage as _, StorageError};
use serde_json::{Value, json};
use support::{BEGIN, Client, FIRST_LIFE, Joiner, Rooms, Sleep, World, in_channel, in_room, say, seqs, unmetered};

const KIB: usize = 1_024;

/// Joins with a position as it would stand in the query.
fn at(user: &str, epoch: Option<&str>, after: Option<&str>) -> Joiner {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Joiner { epoch: own(epoch), after: own(after), ..Joiner::user(user) }
}

fn resume(id: &str, epoch: &str, after: impl Into<Value>) -> Value {
    json!({"type": "resume", "id": id, "epoch": epoch, "after": after.into()})
}

/// A room in which so many messages were kept, each in a row of its own, and the client that looked on.
fn kept(world: &mut World, count: usize) -> Client {
    let ann = world.joined(&Joiner::user("ann"));
    world.keep(count);
    world.pause();
    world.received(ann);
    ann
}

/// Keeps messages of this many bytes of data, at the same moment after the first.
fn keep_large(world: &mut World, user: &str, count: usize, bytes: usize) {
    let talker = world.joined(&unmetered(user));
    for number in 0..count {
        world.send(talker, say(&format!("{user}{number}"), "x".repeat(bytes)));
    }
    world.settle();
    world.leave(talker);
}

#[test]
fn d4_who_gives_no_position_is_fresh() {
    in_room(|world| {
        kept(world, 3);
        for joiner in [Joiner::user("bob"), at("bob", Some(FIRST_LIFE), None)] {
            let bob = world.joined(&joiner);
            let welcome = world.welcome(bob);
            assert_eq!(
                (&welcome["resume"], &welcome["seq"], &welcome["first"]),
                (&json!("fresh"), &json!(3), &json!(1))
            );
            assert_eq!(seqs(&world.socket(bob).frames), Vec::<u64>::new());
        }
    });
}

#[test]
fn d4_an_empty_channel_has_seq_0_and_first_1() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let welcome = world.welcome(ann);
        assert_eq!((&welcome["seq"], &welcome["first"]), (&json!(0), &json!(1)));
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 0));
        assert_eq!(world.welcome(bob)["resume"], "recovered");
    });
}

#[test]
fn d4_who_comes_back_gets_exactly_what_was_kept_after_its_position() {
    for after in 0..=7 {
        in_room(|world| {
            let ann = kept(world, 7);
            let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), after));
            assert_eq!(world.welcome(bob)["resume"], "recovered");
            assert_eq!(seqs(&world.socket(bob).frames), (after + 1..=7).collect::<Vec<_>>());
            world.pause();
            world.received(ann);
            let told = world.told(ann, resume("r", &world.epoch(ann), after));
            assert_eq!(
                told[0],
                json!({"type": "resumed", "id": "r", "resume": "recovered", "epoch": world.epoch(ann), "seq": 7, "first": 1})
            );
            assert_eq!(seqs(&told[1..]), (after + 1..=7).collect::<Vec<_>>());
        });
    }
}

#[test]
fn d4_what_is_replayed_reads_as_it_did_live() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.told(ann, json!([say("1", json!({"a": [1, "ü"]})), say("2", 2)]));
        world.told(ann, say("3", 3));
        world.pause();
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 0));
        let messages = |client| {
            world.socket(client).frames.iter().filter(|frame| frame["type"] == "message").cloned().collect::<Vec<_>>()
        };
        assert_eq!(messages(ann), messages(bob));
    });
}

#[test]
fn d4_a_position_that_is_none_is_lost_and_nothing_is_replayed() {
    in_room(|world| {
        let ann = kept(world, 3);
        for (epoch, after) in [
            (Some(FIRST_LIFE), Some("4")),
            (Some(FIRST_LIFE), Some("18446744073709551616")),
            (Some(FIRST_LIFE), Some("-1")),
            (Some(FIRST_LIFE), Some("1.5")),
            (Some(FIRST_LIFE), Some("")),
            (Some(FIRST_LIFE), Some("+1")),
            (Some(FIRST_LIFE), Some(" 1")),
            (Some(FIRST_LIFE), Some("one")),
            (Some("other"), Some("1")),
            (Some(""), Some("1")),
            (None, Some("1")),
        ] {
            let bob = world.joined(&at("bob", epoch, after));
            assert_eq!(world.welcome(bob)["resume"], "lost", "{epoch:?} {after:?}");
            assert_eq!(world.welcome(bob)["first"], 1);
            assert_eq!(seqs(&world.socket(bob).frames), Vec::<u64>::new());
            world.leave(bob);
            world.pause();
        }
        world.received(ann);
        for frame in [
            resume("r", FIRST_LIFE, 4),
            resume("r", FIRST_LIFE, -1),
            resume("r", FIRST_LIFE, 1.5),
            resume("r", FIRST_LIFE, "1"),
            resume("r", FIRST_LIFE, Value::Null),
            resume("r", "other", 1),
            json!({"type": "resume", "id": "r", "epoch": FIRST_LIFE}),
            json!({"type": "resume", "id": "r", "after": 1}),
            json!({"type": "resume", "id": "r"}),
        ] {
            let told = world.told(ann, frame.clone());
            assert_eq!(
                told,
                [json!({"type": "resumed", "id": "r", "resume": "lost", "epoch": FIRST_LIFE, "seq": 3, "first": 1})],
                "{frame}"
            );
        }
    });
}

#[test]
fn d4_what_is_out_of_bounds_is_lost_and_first_says_what_is_held() {
    in_channel("brief:a", |world| {
        let ann = kept(world, 9);
        for (after, told) in [(3, "lost"), (4, "recovered")] {
            let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), after));
            let welcome = world.welcome(bob);
            assert_eq!((&welcome["resume"], &welcome["seq"], &welcome["first"]), (&json!(told), &json!(9), &json!(5)));
            let expected: Vec<u64> = if told == "lost" { vec![] } else { (5..=9).collect() };
            assert_eq!(seqs(&world.socket(bob).frames), expected);
        }
    });
}

#[test]
fn d4_a_hole_or_a_row_that_cannot_be_read_is_lost_and_what_is_after_it_is_not() {
    for damaged in [false, true] {
        in_room(|world| {
            let ann = kept(world, 5);
            match damaged {
                true => world.storage.damage(3, Damage::Text),
                false => world.storage.lose(3),
            }
            for (after, told) in [(1, "lost"), (2, "lost"), (3, "recovered")] {
                let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), after));
                assert_eq!(world.welcome(bob)["resume"], told, "{after}");
                let expected: Vec<u64> = if told == "lost" { vec![] } else { vec![4, 5] };
                assert_eq!(seqs(&world.socket(bob).frames), expected);
            }
        });
    }
}

#[test]
fn e2_a_page_goes_on_behind_rows_that_cannot_be_read() {
    in_room(|world| {
        world.limits.replay_bytes = 100;
        let ann = kept(world, 9);
        (2..=7).for_each(|seq| world.storage.damage(seq, Damage::Text));
        let mut page = |field: &str, seq: u64| {
            let page = world.told(ann, json!({"type": "history", "id": "p", field: seq, "limit": 2}))[0].clone();
            (seqs(page["messages"].as_array().unwrap()), page["more"].clone())
        };
        assert_eq!(page("after", 1), (vec![8], json!(true)));
        assert_eq!(page("before", 8), (vec![1], json!(false)));
    });
}

#[test]
fn d4_more_than_256_kib_is_behind_and_pages_lead_up_to_what_is_live() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        keep_large(world, "zoe", 5, 60 * KIB);
        world.pause();
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 0));
        let welcome = world.welcome(bob);
        assert_eq!((&welcome["resume"], &welcome["seq"]), (&json!("behind"), &json!(5)));
        assert_eq!(seqs(&world.socket(bob).frames), Vec::<u64>::new());
        world.told(ann, say("live", 6));
        assert_eq!(seqs(&world.received(bob)), [6]);
        let (mut paged, mut pages) = (Vec::new(), 0);
        while paged.last() != Some(&5) {
            let page = world.told(
                bob,
                json!({"type": "history", "id": "p", "after": paged.last().copied().unwrap_or(0), "limit": 100}),
            )[0]
            .clone();
            assert!(page.to_string().len() <= 257 * KIB);
            paged.extend(seqs(page["messages"].as_array().unwrap()));
            pages += 1;
            paged.retain(|seq| *seq <= 5);
        }
        assert_eq!((paged, pages), (vec![1, 2, 3, 4, 5], 2));
    });
}

#[test]
fn d4_256_kib_are_replayed_also_out_of_the_end_of_a_larger_row() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        // The first leaves alone; the five after it are one row of 300 KiB, and the last is one more.
        keep_large(world, "zoe", 6, 60 * KIB);
        world.keep(1);
        world.pause();
        let rows: Vec<_> = world.storage.rows().map(|row| row.key().count).collect();
        assert_eq!(rows, [1, 5, 1]);
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 4));
        assert_eq!(world.welcome(bob)["resume"], "recovered");
        assert_eq!(seqs(&world.socket(bob).frames), [5, 6, 7]);
        let cat = world.joined(&Joiner::user("cat").after(&world.epoch(ann), 1));
        assert_eq!(world.welcome(cat)["resume"], "behind");
    });
}

#[test]
fn d4_resumed_comes_before_its_messages_and_both_before_anything_newer() {
    in_room(|world| {
        let ann = kept(world, 3);
        let bob = world.joined(&unmetered("bob"));
        world.pause();
        world.received(ann);
        world.send(bob, say("4", 4));
        world.send(bob, say("5", 5));
        world.send(ann, resume("r", &world.epoch(ann), 2));
        world.settle();
        let told = world.received(ann);
        let kinds: Vec<_> = told.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["seq"].as_u64())).collect();
        assert_eq!(
            kinds,
            [
                ("message", Some(4)),
                ("resumed", Some(4)),
                ("message", Some(3)),
                ("message", Some(4)),
                ("message", Some(5))
            ]
        );
    });
}

#[test]
fn d4_trouble_with_the_storage_is_never_told_as_lost() {
    let mut world = World::room();
    let ann = kept(&mut world, 3);
    world.storage.fail_next_read(StorageError::Failed("broken".to_owned()));
    world.refuses(ann, resume("r", &world.epoch(ann), 1), "internal");
    world.sleep();
    world.storage.fail_next_read(StorageError::Failed("broken".to_owned()));
    world.refuses(ann, resume("r", &world.epoch(ann), 1), "internal");
    assert_eq!(seqs(&world.told(ann, resume("r", &world.epoch(ann), 1))), [2, 3]);
    world.storage.fail_next_read(StorageError::Failed("broken".to_owned()));
    let bob = world.join(&Joiner::user("bob").after(&world.epoch(ann), 1));
    let bye = world.receives(bob);
    assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!(4100)));
    world.settle();
    let presences = world.received(ann);
    assert_eq!(presences, Vec::<Value>::new(), "who was turned away was never shown");
}

#[test]
fn d6_a_client_that_sees_a_jump_resumes_and_goes_on_in_order() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let mut held = Vec::new();
        for round in 1..=5 {
            world.keep(2);
            let mut heard = seqs(&world.received(ann));
            if round == 3 {
                heard.remove(0);
            }
            held.extend(heard);
        }
        let jump = (1..held.len()).find(|each| held[*each] != held[*each - 1] + 1).unwrap();
        held.truncate(jump);
        held.extend(seqs(&world.told(ann, resume("r", &world.epoch(ann), *held.last().unwrap()))));
        assert_eq!(held, (1..=10).collect::<Vec<_>>());
    });
}

#[test]
fn d10_without_the_ability_one_resumes_two_minutes_back_and_no_more() {
    for (pause, told) in [(120_000, "recovered"), (120_001, "lost")] {
        in_room(|world| {
            let hearer = Joiner::user("bob").can(&["join"]);
            let ann = world.joined(&Joiner::user("ann"));
            let bob = world.joined(&hearer);
            world.keep(2);
            let kept_at = world.storage.rows().last().unwrap().key().at;
            world.advance(kept_at + pause - world.now());
            world.received(bob);
            let frames = world.told(bob, resume("r", &world.epoch(ann), 1));
            assert_eq!(frames[0]["resume"], told);
            assert_eq!(seqs(&frames[1..]).len(), usize::from(told == "recovered"));
            let again = world.joined(&hearer.clone().after(&world.epoch(ann), 1));
            assert_eq!(world.welcome(again)["resume"], told);
            let able = world.joined(&Joiner::user("cat").after(&world.epoch(ann), 1));
            assert_eq!(seqs(&world.socket(able).frames), [2]);
        });
    }
}

#[test]
fn d10_without_the_ability_history_is_forbidden_and_too_much_to_replay_is_lost() {
    in_room(|world| {
        let hearer = Joiner::user("bob").can(&["join"]);
        let bob = world.joined(&hearer);
        keep_large(world, "zoe", 5, 60 * KIB);
        world.received(bob);
        world.refuses(bob, json!({"type": "history", "id": "h"}), "forbidden");
        let (status, answer) = world.messages(&hearer, None, None, None);
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("forbidden")));
        // One that may not page could never catch up from `behind`.
        assert_eq!(world.told(bob, resume("r", &world.epoch(bob), 0))[0]["resume"], "lost");
        assert_eq!(world.told(bob, resume("r", &world.epoch(bob), 1))[0]["resume"], "recovered");
    });
}

#[test]
fn d10_reading_back_is_refused_while_more_than_256_kib_are_unsent() {
    in_room(|world| {
        let ann = kept(world, 3);
        for frame in [json!({"type": "history", "id": "r"}), resume("r", FIRST_LIFE, 0)] {
            world.socket_mut(ann).unsent = 262_145;
            let refusal = world.refuses(ann, frame.clone(), "rate_limited");
            assert!(refusal["retry_after"].as_u64().unwrap() > 0);
            world.socket_mut(ann).unsent = 262_144;
            assert_ne!(world.told(ann, frame)[0]["type"], "error");
        }
    });
}

#[test]
fn d10_bytes_replayed_count_against_the_users_budget_over_sockets_and_http() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let tab = world.joined(&Joiner::user("ann"));
        keep_large(world, "zoe", 4, 60 * KIB);
        world.pause();
        world.received(ann);
        let page = json!({"type": "history", "id": "h", "limit": 4});
        let mut told = Vec::new();
        for _ in 0..18 {
            told.extend(world.told(ann, page.clone()));
            told.extend(world.told(tab, page.clone()));
        }
        let refused: Vec<_> = told.iter().filter(|frame| frame["code"] == "rate_limited").collect();
        assert!(told.len() == 36 && (1..=2).contains(&refused.len()), "{} of {}", refused.len(), told.len());
        let wait = refused[0]["retry_after"].as_u64().unwrap();
        world.refuses(ann, resume("r", &world.epoch(ann), 0), "rate_limited");
        let (status, _) = world.messages(&Joiner::user("ann"), None, None, None);
        assert_eq!(status, 429);
        let (status, _) = world.messages(&Joiner::user("bob"), None, None, None);
        assert_eq!(status, 200);
        let behind = world.joined(&Joiner::user("ann").after(&world.epoch(ann), 0));
        assert_eq!(world.welcome(behind)["resume"], "behind", "one in debt pages for it, and pays");
        world.advance(wait);
        assert_eq!(world.told(ann, page)[0]["type"], "history");
    });
}

#[test]
fn d10_who_is_unmetered_has_no_budget() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        keep_large(world, "zoe", 4, 60 * KIB);
        for _ in 0..50 {
            assert_eq!(world.told(ann, json!({"type": "history", "id": "h", "limit": 4}))[0]["type"], "history");
            world.received(ann);
        }
    });
}

// --- D4: a position of nothing -----------------------------------------------------------------------------------

/// How long messages are held in `room:a`.
const AGE: u64 = 86_400_000;

/// Who comes back to `room:a` after so long with the position it was welcomed with, alone.
fn alone_again(world: &mut World, joiner: &Joiner, away: u64) -> (Client, Value) {
    let first = world.joined(joiner);
    assert_eq!(world.welcome(first)["seq"], 0);
    world.cut(first);
    world.advance(away);
    let back = world.join(&joiner.clone().after(&world.epoch(first), 0));
    world.settle();
    (back, world.welcome(back))
}

#[test]
fn d4_one_who_was_alone_where_nothing_was_kept_has_missed_nothing() {
    in_room(|world| {
        let (_, welcome) = alone_again(world, &Joiner::user("ann"), 60_000);
        assert_eq!((&welcome["resume"], &welcome["seq"]), (&json!("recovered"), &json!(0)));
    });
}

#[test]
fn d4_one_who_was_alone_where_nothing_was_kept_is_told_what_was_kept_since() {
    in_room(|world| {
        let first = world.joined(&Joiner::user("ann"));
        world.cut(first);
        world.advance(60_000);
        world.keep(2);
        world.advance(60_000);
        let back = world.join(&Joiner::user("ann").after(&world.epoch(first), 0));
        world.settle();
        assert_eq!(world.welcome(back)["resume"], "recovered");
        assert_ne!(world.epoch(back), world.epoch(first));
        assert_eq!(seqs(&world.socket(back).frames), [1, 2]);
        // Once more, over the same connection.
        let asked = json!({"type": "resume", "id": "r", "epoch": world.epoch(first), "after": 0});
        let told = world.told(back, asked);
        assert_eq!((&told[0]["resume"], seqs(&told)), (&json!("recovered"), vec![1, 2]));
        // One is no position of nothing.
        let asked = json!({"type": "resume", "id": "s", "epoch": world.epoch(first), "after": 1});
        assert_eq!(world.told(back, asked)[0]["resume"], "lost");
    });
}

#[test]
fn d4_of_a_life_that_began_too_long_ago_nobody_knows_what_was_missed() {
    for (away, resume) in [(AGE / 2 - 1, "recovered"), (AGE / 2, "lost"), (AGE + 1, "lost"), (9 * AGE, "lost")] {
        let mut world = World::room();
        let (_, welcome) = alone_again(&mut world, &Joiner::user("ann").expires(BEGIN + 99 * AGE), away);
        assert_eq!(welcome["resume"], resume, "after {away} ms");
    }
}

#[test]
fn d4_what_was_kept_since_and_is_out_of_bounds_is_lost() {
    in_channel("brief:a", |world| {
        let first = world.joined(&Joiner::user("ann"));
        world.cut(first);
        world.advance(60_000);
        world.keep(6);
        let back = world.join(&Joiner::user("ann").after(&world.epoch(first), 0));
        world.settle();
        assert_eq!(world.welcome(back)["resume"], "lost", "only five are held");
    });
}

#[test]
fn d10_one_without_history_who_was_alone_is_told_of_two_minutes_at_most() {
    in_room(|world| {
        let joiner = Joiner::user("ann").can(&["join"]);
        let first = world.joined(&joiner);
        world.cut(first);
        world.advance(60_000);
        world.keep(1);
        world.advance(120_001);
        let back = world.join(&joiner.after(&world.epoch(first), 0));
        world.settle();
        assert_eq!(world.welcome(back)["resume"], "lost");
    });
}

/// What was kept in a life whose newest row cannot be read is gone before its time.
#[test]
fn d4_after_a_history_was_lost_a_position_of_nothing_is_not_believed() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::room_that(sleep);
        let ann = world.joined(&Joiner::user("ann"));
        let epoch = world.epoch(ann);
        world.leave(ann);
        world.pause();
        world.keep(1);
        world.storage.damage(1, Damage::Epoch);
        world.settle();
        world.sleep();
        let bob = world.joined(&Joiner::user("bob").after(&epoch, 0));
        assert_eq!((&world.welcome(bob)["seq"], &world.welcome(bob)["resume"]), (&json!(0), &json!("lost")));
        world.leave(bob);
        world.advance(AGE / 4);
        let bob = world.joined(&Joiner::user("bob").after(&epoch, 0));
        assert_eq!(world.welcome(bob)["resume"], "lost", "also after sleep");
        world.leave(bob);
        world.advance(AGE);
        let cat = Joiner::user("cat").expires(BEGIN + 99 * AGE);
        let (_, welcome) = alone_again(&mut world, &cat, 60_000);
        assert_eq!(welcome["resume"], "recovered", "all that was lost would be too old by now");
        assert_eq!(world.storage.graces().unwrap(), []);
    }
}

#[test]
fn d4_a_clock_that_is_set_makes_no_position_of_nothing_believed_that_missed_something() {
    for set in [AGE / 4, 2 * AGE] {
        let mut world = World::room_that(Sleep::Always);
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 99 * AGE));
        let epoch = world.epoch(ann);
        world.leave(ann);
        world.pause();
        world.keep(1);
        // Set on, and the life ends early; the clock is not set back.
        world.set_clock(world.now() + set);
        world.advance(1);
        let bob = world.joined(&Joiner::user("bob").expires(BEGIN + 99 * AGE).after(&epoch, 0));
        let resume = if set < AGE / 2 { "recovered" } else { "lost" };
        assert_eq!(world.welcome(bob)["resume"], resume);
        assert_eq!(seqs(&world.socket(bob).frames).len(), usize::from(set < AGE / 2));
    }
}

#[test]
fn d4_a_whole_number_is_a_position_however_it_is_written() {
    in_room(|world| {
        world.keep(41);
        let ann = world.joined(&Joiner::user("ann"));
        let epoch = world.epoch(ann);
        for (after, resume) in [
            ("41", "recovered"),
            ("41.0", "recovered"),
            ("4.1e1", "recovered"),
            ("410e-1", "recovered"),
            ("40.0", "recovered"),
            ("-0.0", "recovered"),
            ("41.5", "lost"),
            ("-41.0", "lost"),
            ("1e30", "lost"),
            ("\"41\"", "lost"),
        ] {
            world.received(ann);
            world.send_text(ann, &format!(r#"{{"type":"resume","id":"r","epoch":"{epoch}","after":{after}}}"#));
            world.settle();
            let told = world.received(ann);
            assert_eq!(told[0]["resume"], resume, "{after}");
            world.advance(1_000);
        }
        world.send_text(ann, r#"{"type":"history","id":"h","before":4.2e1,"limit":1.0}"#);
        world.settle();
        assert_eq!(seqs(world.received(ann)[0]["messages"].as_array().unwrap()), [41]);
        let bob = world.joined(&Joiner { after: Some("41.0".to_owned()), ..Joiner::user("bob").after(&epoch, 41) });
        assert_eq!(world.welcome(bob)["resume"], "lost", "in a query it is digits only");
    });
}
