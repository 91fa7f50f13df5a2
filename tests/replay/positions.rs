//! What a position is met with: fresh, recovered, behind or lost (rules D4, D6, E2).

use dormouse_core::storage::{Damage, StorageError};
use serde_json::{Value, json};

use crate::support::{FIRST_LIFE, Joiner, Rooms, World, in_channel, in_room, say, seqs, unmetered};
use crate::{KIB, at, keep_large, kept, resume};

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
        world.drain();
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
    world.drain();
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
            world.drain();
            let told = world.received(ann);
            assert_eq!(told[0]["resume"], resume, "{after}");
            world.advance(1_000);
        }
        world.send_text(ann, r#"{"type":"history","id":"h","before":4.2e1,"limit":1.0}"#);
        world.drain();
        assert_eq!(seqs(world.received(ann)[0]["messages"].as_array().unwrap()), [41]);
        let bob = world.joined(&Joiner { after: Some("41.0".to_owned()), ..Joiner::user("bob").after(&epoch, 41) });
        assert_eq!(world.welcome(bob)["resume"], "lost", "in a query it is digits only");
    });
}
