//! Order and keeping: what is read is what was written (rules D1 to D4, D7).

use dormouse_core::storage::{Floor, Head, Ids, Limit, Storage as _};

use crate::disk::Disk;
use crate::life::{ALL, Life, connection_id, epoch, firsts, sound};

/// Rows from 1, 3, 4 and 8: of 2, 1, 4 and 1 messages.
fn four_rows<D: Disk>() -> Life<D> {
    let mut life = Life::new();
    for frames in [&["{1}", "{2}"][..], &["{3}"], &["{4}", "{5}", "{6}", "{7}"], &["{8}"]] {
        life.now += 1_000;
        life.say(frames);
    }
    life
}

pub(crate) fn d2_a_row_is_read_as_it_was_written<D: Disk>() {
    let mut life = Life::<D>::new();
    let long = format!("{{\"text\":\"{}\"}}", "ü".repeat(500_000));
    life.say(&["{\"a\":\"it's, \\\"quoted\\\"\"}", "{\"ä\":\"\u{1F980}\"}"]);
    life.say(&[&long]);
    life.now = (1 << 53) - 1;
    life.say(&["{}"]);
    let written = life.rows.clone();
    assert_eq!(life.read(), written);
    let backwards: Vec<_> = written.into_iter().rev().collect();
    assert_eq!(sound(life.store().read_before(u64::MAX, ALL).unwrap()), backwards);
}

pub(crate) fn d2_what_was_written_survives_a_restart<D: Disk>() {
    let mut life = four_rows::<D>();
    let head = life.store().head().unwrap();
    life.disk.restart();
    assert_eq!(life.store().head().unwrap(), head);
    let written = life.rows.clone();
    assert_eq!(life.read(), written);
    life.say(&["{9}"]);
    assert_eq!(life.read().last(), life.rows.last());
}

pub(crate) fn d3_reading_an_empty_store_finds_nothing_and_writes_nothing<D: Disk>() {
    let mut disk = D::new();
    let store = disk.store();
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.read_from(1, ALL).unwrap(), []);
    assert_eq!(store.read_before(u64::MAX, ALL).unwrap(), []);
    assert_eq!(store.oldest(Floor::EVERYTHING).unwrap(), None);
    assert_eq!(store.ids(Floor::EVERYTHING).unwrap(), []);
    assert_eq!(store.graces().unwrap(), []);
    assert_eq!(store.take_due(u64::MAX).unwrap(), []);
    assert_eq!(store.take_grace(&connection_id("nobody")).unwrap(), None);
    assert_eq!(store.rows_written(), 0);
}

pub(crate) fn d3_the_newest_row_is_the_head<D: Disk>() {
    let mut life = Life::<D>::new();
    life.say(&["{1}", "{2}"]);
    let head = Head { epoch: epoch(), seq: 2, at: 1_000, bytes: 7 };
    assert_eq!(life.store().head().unwrap(), Some(head.clone()));
    life.now = 2_000;
    life.say(&["{\"ä\"}"]);
    assert_eq!(life.store().head().unwrap(), Some(Head { seq: 3, at: 2_000, bytes: 13, ..head }));
}

pub(crate) fn d4_reading_begins_with_the_row_that_holds_the_seq<D: Disk>() {
    let mut life = four_rows::<D>();
    for (seq, expected) in [
        (0, &[1, 3, 4, 8][..]),
        (1, &[1, 3, 4, 8]),
        (2, &[1, 3, 4, 8]),
        (3, &[3, 4, 8]),
        (4, &[4, 8]),
        (7, &[4, 8]),
        (8, &[8]),
        (9, &[]),
        (u64::MAX, &[]),
    ] {
        assert_eq!(firsts(&life.store().read_from(seq, ALL).unwrap()), expected, "from {seq}");
    }
}

pub(crate) fn d4_reading_backwards_begins_with_the_row_before_the_seq<D: Disk>() {
    let mut life = four_rows::<D>();
    for (seq, expected) in [
        (u64::MAX, &[8, 4, 3, 1][..]),
        (9, &[8, 4, 3, 1]),
        (8, &[4, 3, 1]),
        (5, &[4, 3, 1]),
        (4, &[3, 1]),
        (2, &[1]),
        (1, &[]),
        (0, &[]),
    ] {
        assert_eq!(firsts(&life.store().read_before(seq, ALL).unwrap()), expected, "before {seq}");
    }
}

pub(crate) fn d4_a_reading_ends_with_the_row_that_crosses_its_limit<D: Disk>() {
    let mut life = four_rows::<D>(); // 7, 3, 15 and 3 bytes
    for (limit, expected) in [
        (Limit { rows: 2, ..ALL }, &[1, 3][..]),
        (Limit { rows: 0, ..ALL }, &[1]),
        (Limit { bytes: 0, ..ALL }, &[1]),
        (Limit { bytes: 7, ..ALL }, &[1]),
        (Limit { bytes: 8, ..ALL }, &[1, 3]),
        (Limit { bytes: 11, ..ALL }, &[1, 3, 4]),
        (Limit { bytes: 25, ..ALL }, &[1, 3, 4]),
        (Limit { bytes: 26, ..ALL }, &[1, 3, 4, 8]),
        (Limit { bytes: 26, rows: usize::MAX >> 1 }, &[1, 3, 4, 8]),
        (Limit { bytes: 26, rows: 3 }, &[1, 3, 4]),
    ] {
        assert_eq!(firsts(&life.store().read_from(1, limit).unwrap()), expected, "{limit:?}");
    }
    for (limit, expected) in [
        (Limit { rows: 2, ..ALL }, &[8, 4][..]),
        (Limit { bytes: 3, ..ALL }, &[8]),
        (Limit { bytes: 4, ..ALL }, &[8, 4]),
        (Limit { bytes: 19, ..ALL }, &[8, 4, 3]),
    ] {
        assert_eq!(firsts(&life.store().read_before(9, limit).unwrap()), expected, "{limit:?}");
    }
}

pub(crate) fn d7_the_ids_of_the_window_are_those_of_the_rows_it_holds<D: Disk>() {
    let mut life = four_rows::<D>(); // at 2,000, 3,000, 4,000 and 5,000
    for (seq, at, held) in
        [(0, 0, 0..4), (2, 0, 0..4), (3, 0, 1..4), (7, 0, 2..4), (3, 4_000, 2..4), (3, 4_001, 3..4), (9, 0, 4..4)]
    {
        let expected: Vec<_> =
            life.rows[held].iter().map(|row| Ids { key: row.key(), ids: row.ids().to_owned() }).collect();
        let found = life.store().ids(Floor { seq, at, before: 0 }).unwrap();
        assert_eq!(sound(found), expected, "from {seq}, at {at}");
    }
}

pub(crate) fn d9_the_oldest_row_is_the_first_within_all_bounds<D: Disk>() {
    let mut life = four_rows::<D>(); // before them 0, 7, 10 and 25 bytes
    for (seq, at, before, first) in [
        (0, 0, 0, Some(1)),
        (2, 0, 0, Some(1)),
        (3, 0, 0, Some(3)),
        (6, 0, 0, Some(4)),
        (0, 3_001, 0, Some(4)),
        (0, 0, 7, Some(3)),
        (0, 0, 8, Some(4)),
        (3, 2_000, 25, Some(8)),
        (9, 0, 0, None),
        (0, 5_001, 0, None),
        (0, 0, 26, None),
    ] {
        let found = life.store().oldest(Floor { seq, at, before }).unwrap();
        let expected = first.map(|first| life.rows.iter().find(|row| row.key().first == first).unwrap().key());
        assert_eq!(found, expected, "seq {seq}, at {at}, before {before}");
    }
}
