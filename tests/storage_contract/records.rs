//! Records: what handlers keep is read as it was written, by key and by time (rules D2, D3).

use dormouse_core::storage::{Commit, RECORD_FORMAT, Record, RecordKind, Storage, StorageError, Value};

use crate::disk::Disk;
use crate::life::{record, timer};
use crate::sqlite::{Database, InSqlite};

const LAST: u64 = (1 << 53) - 1;

fn put(store: &mut impl Storage, records: &[Record]) {
    store.commit(&Commit { put: records, ..Commit::default() }).unwrap();
}

fn remove(store: &mut impl Storage, kind: RecordKind, key: &str) {
    store.commit(&Commit { remove: &[(kind, key.to_owned())], ..Commit::default() }).unwrap();
}

fn keys(found: Vec<Record>) -> Vec<String> {
    found.into_iter().map(|record| record.key).collect()
}

pub(crate) fn d2_a_record_is_read_as_it_was_written<D: Disk>() {
    let mut disk = D::new();
    let records = [
        record(RecordKind::State, "", None),
        Record { data: "ü".repeat(100_000), ..record(RecordKind::Row, "it's \"quoted\" \u{1F980}", None) },
        Record { data: String::new(), ..timer("a\0b", 0) },
        Record { format: 7, ..record(RecordKind::Job, "job", Some(LAST)) },
    ];
    put(disk.store(), &records);
    for restarted in [false, true] {
        if restarted {
            disk.restart();
        }
        for record in &records {
            assert_eq!(disk.store().record(record.kind, &record.key).unwrap().as_ref(), Some(record));
            assert_eq!(disk.store().records(record.kind, "", None, 9).unwrap(), std::slice::from_ref(record));
        }
        assert_eq!(disk.store().record(RecordKind::Timer, "a").unwrap(), None);
        assert_eq!(disk.store().record(RecordKind::Row, "").unwrap(), None, "of another kind");
    }
}

pub(crate) fn d2_a_second_record_of_a_key_replaces_the_first<D: Disk>() {
    let mut disk = D::new();
    put(disk.store(), &[timer("ann", 10), timer("bob", 20)]);
    let later = Record { format: RECORD_FORMAT, data: "later".to_owned(), ..timer("ann", 30) };
    put(disk.store(), std::slice::from_ref(&later));
    assert_eq!(disk.store().due_records(RecordKind::Timer, 29, 9).unwrap(), [timer("bob", 20)]);
    assert_eq!(disk.store().due_records(RecordKind::Timer, 30, 9).unwrap(), [timer("bob", 20), later.clone()]);
    assert_eq!(disk.store().records(RecordKind::Timer, "", None, 9).unwrap(), [later.clone(), timer("bob", 20)]);
    let timeless = Record { due: None, ..later };
    put(disk.store(), std::slice::from_ref(&timeless));
    assert_eq!(disk.store().due_records(RecordKind::Timer, LAST, 9).unwrap(), [timer("bob", 20)]);
    assert_eq!(disk.store().record(RecordKind::Timer, "ann").unwrap(), Some(timeless));
    put(disk.store(), &[timer("ann", 1), timer("ann", 2)]); // and so it is within one commit
    assert_eq!(disk.store().due_records(RecordKind::Timer, LAST, 9).unwrap(), [timer("ann", 2), timer("bob", 20)]);
}

pub(crate) fn c6_what_is_due_comes_by_time_and_by_key_where_that_is_the_same<D: Disk>() {
    let mut disk = D::new();
    put(
        disk.store(),
        &[timer("c", 10), timer("a", 20), timer("b", 10), timer("ä", 10), timer("B", 10), timer("d", 21)],
    );
    put(disk.store(), &[record(RecordKind::Timer, "never", None), record(RecordKind::Job, "job", Some(5))]);
    disk.restart();
    for (until, limit, expected) in [
        (9, 9, &[][..]),
        (10, 9, &["B", "b", "c", "ä"]),
        (20, 9, &["B", "b", "c", "ä", "a"]),
        (u64::MAX, 9, &["B", "b", "c", "ä", "a", "d"]),
        (u64::MAX, 2, &["B", "b"]),
        (u64::MAX, 0, &[]),
        (u64::MAX, usize::MAX, &["B", "b", "c", "ä", "a", "d"]),
    ] {
        let found = keys(disk.store().due_records(RecordKind::Timer, until, limit).unwrap());
        assert_eq!(found, expected, "until {until}, {limit} of them");
    }
    assert_eq!(keys(disk.store().due_records(RecordKind::Job, 5, 9).unwrap()), ["job"]);
    assert_eq!(disk.store().due_records(RecordKind::State, u64::MAX, 9).unwrap(), []);
}

pub(crate) fn c6_the_first_due_is_known<D: Disk>() {
    let mut disk = D::new();
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), None);
    put(disk.store(), &[timer("a", 20), timer("b", 10), record(RecordKind::Timer, "never", None)]);
    put(disk.store(), &[record(RecordKind::Job, "job", Some(5))]);
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), Some(10));
    assert_eq!(disk.store().first_due(RecordKind::Job).unwrap(), Some(5));
    assert_eq!(disk.store().first_due(RecordKind::Row).unwrap(), None);
    remove(disk.store(), RecordKind::Timer, "b");
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), Some(20));
    put(disk.store(), &[timer("a", 0)]);
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), Some(0));
    remove(disk.store(), RecordKind::Timer, "a");
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), None);
}

/// Keys in the order of their bytes.
const KEYS: [&str; 16] =
    ["", "%", "A", "a", "a\0", "a%", "a%b", "a*", "aZ", "a_", "a_b", "aa", "a\u{d7ff}", "a\u{e000}", "a\u{1F980}", "b"];

pub(crate) fn d3_records_are_read_by_the_beginning_of_their_keys<D: Disk>() {
    let mut disk = D::new();
    assert!(KEYS.is_sorted());
    let rows: Vec<_> = KEYS.iter().map(|key| record(RecordKind::Row, key, None)).collect();
    put(disk.store(), &rows);
    put(disk.store(), &[record(RecordKind::State, "a", None), timer("a", 1)]);
    let others = ["a%b%", "_", "aa\u{10ffff}", "\u{10ffff}", "a\u{10ffff}", "a\u{e000}x", "z"];
    for prefix in KEYS.iter().chain(&others) {
        for after in KEYS.iter().chain(&others).map(|key| Some(*key)).chain([None]) {
            let expected: Vec<_> = KEYS
                .iter()
                .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| **key > after))
                .copied()
                .collect();
            let found = disk.store().records(RecordKind::Row, prefix, after, 99).unwrap();
            assert_eq!(keys(found), expected, "{prefix:?} after {after:?}");
            let found = disk.store().records(RecordKind::Row, prefix, after, 2).unwrap();
            assert_eq!(keys(found), expected[..expected.len().min(2)], "two of {prefix:?} after {after:?}");
        }
    }
    assert_eq!(disk.store().records(RecordKind::Row, "", None, 0).unwrap(), []);
    assert_eq!(disk.store().records(RecordKind::Job, "", None, 9).unwrap(), []);
}

pub(crate) fn d3_pages_of_records_leave_none_out<D: Disk>() {
    let mut disk = D::new();
    let rows: Vec<_> = (0..25).map(|index| record(RecordKind::Row, &format!("seat {index:02}"), None)).collect();
    put(disk.store(), &rows);
    let mut pages = Vec::<Record>::new();
    for _ in 0..4 {
        let after = pages.last().map(|record| record.key.clone());
        pages.extend(disk.store().records(RecordKind::Row, "seat ", after.as_deref(), 10).unwrap());
    }
    assert_eq!(pages, rows);
}

pub(crate) fn d1_a_record_costs_a_row_and_another_where_it_is_due<D: Disk>() {
    let mut disk = D::new();
    put(disk.store(), &[record(RecordKind::State, "", None)]); // whatever the first one has to prepare
    let mut cost = |records: &[Record], remove: &[(RecordKind, String)]| {
        let before = disk.store().rows_written();
        disk.store().commit(&Commit { put: records, remove, ..Commit::default() }).unwrap();
        disk.store().rows_written() - before
    };
    let ann = || (RecordKind::Timer, "ann".to_owned());
    assert_eq!(cost(&[record(RecordKind::State, "", None)], &[]), 1, "in place of another");
    assert_eq!(cost(&[record(RecordKind::Row, "a", None), record(RecordKind::Row, "b", None)], &[]), 2);
    assert_eq!(cost(&[timer("ann", 5)], &[]), 2);
    assert_eq!(cost(&[timer("ann", 6)], &[]), 2, "in place of another");
    assert_eq!(cost(&[timer("ann", 6)], &[]), 2, "in place of the same");
    assert_eq!(cost(&[record(RecordKind::Timer, "ann", None)], &[]), 1, "due no more");
    assert_eq!(cost(&[timer("ann", 7)], &[]), 2, "due again");
    assert_eq!(cost(&[], &[ann()]), 1);
    assert_eq!(cost(&[], &[ann()]), 0, "nothing is there");
    assert_eq!(cost(&[], &[(RecordKind::Row, "a".to_owned()), ann()]), 1);
}

pub(crate) fn d2_a_reading_of_records_that_fails_is_told_and_the_next_one_works<D: Disk>() {
    let mut disk = D::new();
    put(disk.store(), &[timer("ann", 5)]);
    let error = StorageError::Failed("no luck".to_owned());
    let mut fails = |read: fn(&mut D::Store) -> Result<(), StorageError>| {
        for restarted in [false, true] {
            if restarted {
                disk.restart();
            }
            disk.fail_next_read(error.clone());
            assert_eq!(read(disk.store()), Err(error.clone()));
            assert_eq!(read(disk.store()), Ok(()));
        }
    };
    fails(|store| store.record(RecordKind::Timer, "ann").map(drop));
    fails(|store| store.records(RecordKind::Timer, "", None, 9).map(drop));
    fails(|store| store.due_records(RecordKind::Timer, 5, 9).map(drop));
    fails(|store| store.first_due(RecordKind::Timer).map(drop));
}

/// A database with so many timers, due one after the other, and as many rows.
fn with_timers(count: u64) -> InSqlite {
    let mut disk = InSqlite::new();
    put(disk.store(), &[timer("k 0", 0), record(RecordKind::Row, "k 0", None)]);
    let many = |values: &str| {
        let numbers = format!("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < {count})");
        disk.database.run(&format!("{numbers} INSERT INTO records SELECT {values} FROM n"), &[]);
    };
    many("'timer', 'k ' || x, x, 1, ''");
    many("'row', 'k ' || x, NULL, 1, ''");
    disk
}

#[test]
fn c6_what_is_due_among_ten_thousand_is_read_as_fast_as_among_a_hundred() {
    let cost = |disk: &mut InSqlite, read: &dyn Fn(&mut InSqlite)| {
        let before = disk.database.read();
        read(disk);
        disk.database.read() - before
    };
    let (mut few, mut many) = (with_timers(100), with_timers(10_000));
    let reads: [&dyn Fn(&mut InSqlite); 7] = [
        &|disk| assert_eq!(disk.store().due_records(RecordKind::Timer, 1 << 40, 20).unwrap().len(), 20),
        &|disk| assert_eq!(disk.store().due_records(RecordKind::Timer, 5, 20).unwrap().len(), 6),
        &|disk| assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), Some(0)),
        &|disk| assert_eq!(disk.store().first_due(RecordKind::Row).unwrap(), None),
        &|disk| assert_eq!(disk.store().records(RecordKind::Row, "k ", None, 20).unwrap().len(), 20),
        &|disk| assert!(disk.store().record(RecordKind::Timer, "k 77").unwrap().is_some()),
        &|disk| remove(disk.store(), RecordKind::Timer, "k 77"),
    ];
    for (index, read) in reads.iter().enumerate() {
        let (few, many) = (cost(&mut few, read), cost(&mut many, read));
        println!("reading {index}: {few} among a hundred, {many} among ten thousand");
        assert_eq!(few, many, "reading {index}");
    }
}

#[test]
fn c6_no_reading_of_records_scans_or_sorts() {
    let mut disk = with_timers(10);
    disk.restart();
    let store = disk.store();
    store.record(RecordKind::Row, "k 1").unwrap();
    store.due_records(RecordKind::Timer, 5, 2).unwrap();
    store.first_due(RecordKind::Timer).unwrap();
    for prefix in ["", "k ", "\u{10ffff}"] {
        for after in [None, Some("k 5")] {
            store.records(RecordKind::Row, prefix, after, 5).unwrap();
        }
    }
    remove(store, RecordKind::Timer, "k 1");
    let plans = disk.database.plans();
    let of_records: Vec<_> = plans.iter().filter(|step| step.contains("records")).collect();
    assert_eq!(of_records.len(), 10, "{plans:#?}");
    assert!(of_records.iter().all(|step| step.starts_with("SEARCH records USING")), "{plans:#?}");
    assert!(!plans.iter().any(|step| step.contains("TEMP B-TREE")), "{plans:#?}");
    let by_time = of_records.iter().filter(|step| step.contains("INDEX records_due (kind=? AND due"));
    assert_eq!(by_time.count(), 2, "{plans:#?}");
}

#[test]
fn d1_the_first_record_makes_its_table_and_index() {
    let mut disk = InSqlite::new();
    put(disk.store(), &[timer("ann", 5)]);
    assert_eq!(disk.database.table_names(), ["records"]);
    assert_eq!(disk.store().rows_written(), 2 + 1 + 2, "the table, the index, the timer");
}

/// Nobody takes what cannot be read for what is not there, and writes over it.
#[test]
fn d4_a_record_that_no_release_of_ours_wrote_is_told_and_left_alone() {
    for (column, value) in [("data", "x'ff'"), ("data", "1"), ("format", "'x'"), ("format", "-1"), ("due", "'soon'")] {
        let mut disk = InSqlite::new();
        put(disk.store(), &[timer("a", 1), timer("b", 2), record(RecordKind::Row, "b", None)]);
        let change = format!("UPDATE records SET {column} = {value} WHERE kind = 'timer' AND key = 'b'");
        disk.database.run(&change, &[]);
        let readable = (column, value) == ("data", "1"); // by the column's type a text
        let before = disk.database.dump();
        let store = disk.store();
        let failed = |found: Result<(), StorageError>| matches!(found, Err(StorageError::Failed(_))) != readable;
        assert!(failed(store.record(RecordKind::Timer, "b").map(drop)), "{column} = {value}");
        assert!(failed(store.records(RecordKind::Timer, "", None, 9).map(drop)), "{column} = {value}");
        assert_eq!(store.record(RecordKind::Timer, "a").unwrap(), Some(timer("a", 1)));
        assert_eq!(store.due_records(RecordKind::Timer, 1, 9).unwrap(), [timer("a", 1)]);
        assert_eq!(store.records(RecordKind::Row, "", None, 9).unwrap(), [record(RecordKind::Row, "b", None)]);
        assert_eq!(disk.database.dump(), before);
    }
}

/// The release after has added a column and another form: this one reads what it knows and leaves the rest standing.
#[test]
fn what_a_later_release_added_to_records_survives_this_one() {
    let mut disk = InSqlite::new();
    put(disk.store(), &[timer("a", 1), timer("b", 2)]);
    disk.database.run("ALTER TABLE records ADD COLUMN tries INTEGER NOT NULL DEFAULT 0", &[]);
    disk.database.run("UPDATE records SET tries = 3, format = 2", &[]);
    disk.database.run("INSERT INTO records (kind, key, format, data) VALUES ('of later', 'c', 9, '')", &[]);
    disk.restart();
    let later = Record { format: 2, ..timer("b", 2) };
    assert_eq!(disk.store().record(RecordKind::Timer, "b").unwrap(), Some(later.clone()));
    put(disk.store(), &[timer("a", 10), timer("new", 11)]);
    let tries = |database: &Database| database.run("SELECT tries, format FROM records ORDER BY kind, key", &[]);
    let numbers = [[0, 9], [3, 1], [3, 2], [0, 1]].map(|row| row.map(Value::Integer).to_vec());
    assert_eq!(tries(&disk.database), numbers);
    assert_eq!(disk.store().due_records(RecordKind::Timer, 99, 9).unwrap(), [later, timer("a", 10), timer("new", 11)]);
}
