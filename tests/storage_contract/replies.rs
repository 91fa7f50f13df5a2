//! Replies to remembered calls are known for a while, and cost next to nothing when it is over (rule C3).

use dormouse_core::storage::{Commit, Reply, Storage, StorageError};

use crate::disk::Disk;
use crate::life::reply;
use crate::sqlite::InSqlite;

/// How long a reply has to be known.
const WINDOW: u64 = 600;

fn remember(store: &mut impl Storage, reply: &Reply) {
    let commit = Commit {
        replies: std::slice::from_ref(reply),
        replies_since: reply.at.saturating_sub(WINDOW),
        ..Commit::default()
    };
    store.commit(&commit).unwrap();
}

pub(crate) fn c3_a_reply_is_known_as_long_as_it_has_to_be<D: Disk>() {
    let mut disk = D::new();
    assert_eq!(disk.store().reply("a", 0).unwrap(), None);
    remember(disk.store(), &reply("a", 1_000));
    remember(disk.store(), &reply("it's \"quoted\" \u{1F980}\0", 1_001));
    disk.restart();
    assert_eq!(disk.store().reply("a", 1_000).unwrap(), Some(reply("a", 1_000)));
    assert_eq!(disk.store().reply("a", 1_001).unwrap(), None);
    assert_eq!(disk.store().reply("it's \"quoted\" \u{1F980}\0", 0).unwrap().unwrap().at, 1_001);
    assert_eq!(disk.store().reply("b", 0).unwrap(), None);
    assert_eq!(disk.store().reply("A", 0).unwrap(), None);
}

pub(crate) fn c3_a_second_reply_of_a_key_replaces_the_first<D: Disk>() {
    for pause in [0, 1, WINDOW + 1, 3 * WINDOW] {
        let mut disk = D::new();
        remember(disk.store(), &reply("a", 1_000));
        let other = Reply { data: "other".to_owned(), fingerprint: "other".to_owned(), ..reply("a", 1_000 + pause) };
        remember(disk.store(), &other);
        for restarted in [false, true] {
            if restarted {
                disk.restart();
            }
            assert_eq!(disk.store().reply("a", 1_000).unwrap(), Some(other.clone()), "{pause}");
            assert_eq!(disk.store().reply("a", 1_001 + pause).unwrap(), None, "{pause}");
        }
    }
}

pub(crate) fn c3_every_reply_of_the_window_is_known_whenever_the_store_was_opened<D: Disk>() {
    let mut disk = D::new();
    let (mut now, mut given) = (5, Vec::new());
    for (index, pause) in [0, 3, 40, WINDOW, 7, 500, 1, WINDOW + 1, 2 * WINDOW].into_iter().cycle().take(90).enumerate()
    {
        now += pause;
        let next = reply(&format!("{index}"), now);
        remember(disk.store(), &next);
        given.push(next);
        if index % 5 == 2 {
            disk.restart();
        }
        let since = now.saturating_sub(WINDOW);
        for reply in &given {
            let known = disk.store().reply(&reply.key, since).unwrap();
            assert_eq!(known.as_ref(), Some(reply).filter(|reply| reply.at >= since), "after {index}");
        }
    }
}

pub(crate) fn c3_a_reply_costs_one_row<D: Disk>() {
    let mut disk = D::new();
    remember(disk.store(), &reply("first", 1_000)); // whatever the first one has to prepare
    let before = disk.store().rows_written();
    for key in ["a", "b", "a"] {
        remember(disk.store(), &reply(key, 1_001));
    }
    assert_eq!(disk.store().rows_written() - before, 3);
    disk.store().reply("a", 0).unwrap();
    assert_eq!(disk.store().rows_written() - before, 3);
}

pub(crate) fn c3_a_reply_that_cannot_be_written_is_not_there<D: Disk>() {
    for error in [StorageError::Full, StorageError::Failed("no luck".to_owned())] {
        let mut disk = D::new();
        disk.fail_next_write(error.clone());
        let replies = [reply("a", 1_000)];
        let commit = Commit { replies: &replies, ..Commit::default() };
        assert_eq!(disk.store().commit(&commit), Err(error.clone()));
        assert_eq!(disk.store().reply("a", 0).unwrap(), None);
        disk.store().commit(&commit).unwrap();
        disk.fail_next_read(error.clone());
        assert_eq!(disk.store().reply("a", 0), Err(error));
        assert_eq!(disk.store().reply("a", 0).unwrap(), Some(reply("a", 1_000)));
    }
}

#[test]
fn c3_old_replies_go_in_bulk_and_a_new_table_costs_two_rows() {
    let mut disk = InSqlite::new();
    let (mut most, mut written) = (0, 0);
    for index in 0..1_000_u64 {
        remember(disk.store(), &reply(&format!("{index}"), 3 * index));
        if index % 100 == 99 {
            written += disk.store().rows_written();
            disk.restart();
            let dump = disk.database.dump();
            most = most.max(dump[1..].iter().map(|(_, rows)| rows.len()).sum::<usize>());
        }
    }
    assert_eq!(disk.database.table_names(), ["replies_1809", "replies_2412"]);
    assert_eq!(written, 1_000 + 5 * 2, "a table each 603 ms");
    assert!((200..=402).contains(&most), "{most} replies on disk");
    assert!(!disk.database.ran().iter().any(|sql| sql.starts_with("DELETE")));
    assert!(disk.database.plans().iter().all(|step| !step.starts_with("SCAN replies")));
}

#[test]
fn c3_no_reading_of_replies_scans_or_sorts() {
    let mut disk = InSqlite::new();
    for at in [1_000, 2_000] {
        remember(disk.store(), &reply("a", at));
    }
    disk.restart();
    disk.store().reply("a", 0).unwrap();
    let plans = disk.database.plans();
    let of_replies: Vec<_> = plans.iter().filter(|step| step.contains("replies_")).collect();
    assert_eq!(of_replies.len(), 2, "{plans:#?}");
    assert!(of_replies.iter().all(|step| step.starts_with("SEARCH replies_")), "{plans:#?}");
    assert!(!plans.iter().any(|step| step.contains("TEMP B-TREE")), "{plans:#?}");
}

/// A time that stands still or goes back makes no table twice.
#[test]
fn c3_a_clock_that_goes_back_does_no_harm() {
    let mut disk = InSqlite::new();
    for (at, since) in [(1_000, 0), (1_000, 2_000), (900, 2_000), (1_001, 1_001), (1_001, 5_000), (5, 5)] {
        let replies = [reply("a", at)];
        disk.store().commit(&Commit { replies: &replies, replies_since: since, ..Commit::default() }).unwrap();
        assert_eq!(disk.store().reply("a", 0).unwrap(), Some(reply("a", at)));
    }
    assert_eq!(disk.database.table_names(), ["replies_1000", "replies_1001"]);
}

#[test]
fn what_a_later_release_added_to_replies_survives_this_one() {
    let mut disk = InSqlite::new();
    remember(disk.store(), &reply("a", 1_000));
    disk.database.run("ALTER TABLE replies_1000 ADD COLUMN form INTEGER NOT NULL DEFAULT 7", &[]);
    for name in ["replies", "replies_x", "replies_+5", "replies_007"] {
        disk.database.run(&format!("CREATE TABLE \"{name}\" (key TEXT PRIMARY KEY)"), &[]);
    }
    disk.restart();
    for at in [2_000, 3_000] {
        remember(disk.store(), &reply("a", at));
        disk.restart();
        assert_eq!(disk.store().reply("a", at).unwrap(), Some(reply("a", at)));
        let form = disk.database.run(&format!("SELECT form FROM replies_{at}"), &[]);
        assert_eq!(form, [[dormouse_core::storage::Value::Integer(7)]]);
    }
    disk.database.run("UPDATE replies_3000 SET data = x'ff'", &[]);
    assert!(matches!(disk.store().reply("a", 0), Err(StorageError::Failed(_))));
    assert_eq!(disk.store().reply("b", 0).unwrap(), None);
}
