//! What reading back is allowed and costs (rule D10).

use serde_json::json;

use crate::support::{FIRST_LIFE, Joiner, Rooms, in_room, seqs, unmetered};
use crate::{KIB, keep_large, kept, resume};

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
