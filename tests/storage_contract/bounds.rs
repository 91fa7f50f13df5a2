//! What is kept is bounded, and bounding it is cheap (rules D1, D9).

use dormouse_core::storage::{Floor, Head, Held, ROTATION_MIN, Row, RowKey, Sql as _, Storage as _, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::disk::Disk;
use crate::life::{ALL, DAY, Life, firsts, grace, sound};
use crate::sqlite::{Database, InSqlite};

const HOUR: u64 = DAY / 24;
const MINUTE: u64 = HOUR / 60;

/// The default bounds, 1,000 messages, a day and 8 MiB, and the window of rule D7.
fn default_bounds(head: Head) -> Vec<Floor> {
    vec![bounds(&head, 1_000, DAY, 8 << 20), window(&head)]
}

fn window(head: &Head) -> Floor {
    bounds(head, 1_000, 10 * MINUTE, u64::MAX)
}

fn bounds(head: &Head, count: u64, age: u64, bytes: u64) -> Floor {
    Floor {
        seq: (head.seq + 1).saturating_sub(count),
        at: head.at.saturating_sub(age),
        before: head.bytes.saturating_sub(bytes),
    }
}

/// Rows written beyond `rows`, for each message.
fn extra_rows_a_message<D: Disk>(life: &mut Life<D>, what: &str) -> f64 {
    let messages = life.rows.last().map_or(0, |row| row.key().last());
    let extra = life.disk.store().rows_written() - life.rows.len() as u64;
    println!("{what}: {} rows of {messages} messages, {extra} rows more", life.rows.len());
    extra as f64 / messages as f64
}

pub(crate) fn d1_a_quiet_channel_writes_one_row_a_message<D: Disk>() {
    let mut life = Life::<D>::keeping(default_bounds);
    for _ in 0..5_000 {
        life.now += MINUTE;
        life.say(&["{\"type\":\"message\"}"]);
    }
    assert!(extra_rows_a_message(&mut life, "quiet") <= 0.01);
}

pub(crate) fn d1_a_crowd_writes_at_most_a_twentieth_row_a_message<D: Disk>() {
    let mut life = Life::<D>::keeping(default_bounds);
    for _ in 0..500 {
        life.now += 30;
        life.say(&["{\"type\":\"message\"}"; 40]);
    }
    let (extra, rows) = (extra_rows_a_message(&mut life, "crowd"), life.rows.len() as f64);
    assert!(extra + rows / (rows * 40.0) <= 0.05);
}

pub(crate) fn d9_trimming_costs_at_most_a_tenth_row_a_message_however_tight_the_bounds<D: Disk>() {
    let mut hourly = Life::<D>::keeping(|head| vec![bounds(&head, 1_000, HOUR, 8 << 20), window(&head)]);
    let mut few = Life::<D>::keeping(|head| vec![bounds(&head, 1, DAY, 8 << 20)]);
    let mut small = Life::<D>::keeping(|head| vec![bounds(&head, 1_000, DAY, 1), window(&head)]);
    for _ in 0..2_000 {
        for life in [&mut hourly, &mut few, &mut small] {
            life.now += HOUR;
            life.say(&["{\"type\":\"message\"}"]);
        }
    }
    for (life, what) in [(&mut hourly, "aged in an hour"), (&mut few, "one message"), (&mut small, "one byte")] {
        assert!(extra_rows_a_message(life, what) <= 0.1, "{what}");
    }
}

pub(crate) fn d9_no_more_than_twice_the_bounds_is_on_disk<D: Disk>() {
    let frame = "x".repeat(1_000);
    let mut counted = Life::<D>::keeping(|head| vec![bounds(&head, 300, DAY, u64::MAX)]);
    let mut aged = Life::<D>::keeping(|head| vec![bounds(&head, u64::MAX, 300 * MINUTE, u64::MAX)]);
    let mut weighed = Life::<D>::keeping(|head| vec![bounds(&head, u64::MAX, u64::MAX, 300_000)]);
    let mut most = 0;
    for _ in 0..1_500 {
        for life in [&mut counted, &mut aged, &mut weighed] {
            life.now += MINUTE;
            life.say(&[&frame]);
        }
        if weighed.rows.len().is_multiple_of(50) {
            for life in [&mut counted, &mut aged, &mut weighed] {
                most = most.max(life.read().len());
            }
        }
    }
    assert!((301..=604).contains(&most), "{most} messages on disk");
}

/// One step of a random life: time passes, then a row of so many frames of so many bytes.
type Step = (u64, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![Just(0), 1..MINUTE, Just(11 * MINUTE), Just(DAY)];
    proptest::collection::vec((pause, 1..30_usize, 1..400_usize), 1..120)
}

/// Tight bounds, so that rows go within few steps.
fn tight_bounds(head: Head) -> Vec<Floor> {
    vec![bounds(&head, 60, HOUR, 9_000), bounds(&head, 100, 10 * MINUTE, u64::MAX)]
}

pub(crate) fn d9_what_a_floor_holds_stays_and_reads_alike_whatever_comes<D: Disk>() {
    let cases = Config::default().cases.min(48); // PROPTEST_CASES can ask for fewer
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            let mut life = Life::<D>::keeping(tight_bounds);
            for (index, &(pause, count, length)) in steps.iter().enumerate() {
                life.now += pause;
                let frame = "x".repeat(length);
                let row = life.say(&vec![frame.as_str(); count]);
                if index % 7 == 3 {
                    life.disk.restart();
                }
                let floors = life.floors(&row);
                assert_reads_alike(&mut life, &floors);
            }
            Ok(())
        })
        .unwrap();
}

/// Every way of reading agrees with the list of what was written, above the floors.
fn assert_reads_alike<D: Disk>(life: &mut Life<D>, floors: &[Floor]) {
    let read = life.read();
    let gone = life.rows.len() - read.len();
    assert_eq!(read, life.rows[gone..], "rows go at the beginning only");
    let held = |row: &Row| floors.iter().any(|floor| floor.holds(&row.key()));
    assert!(!life.rows[..gone].iter().any(held), "a row went that is held");
    let stored: u64 = read.iter().map(|row| row.key().count).sum();
    assert!(stored <= 2 * (100 + 30 + ROTATION_MIN), "{stored} messages are on disk");

    for floor in floors {
        let oldest = life.rows.iter().map(Row::key).find(|key| floor.holds(key));
        assert_eq!(life.store().oldest(*floor).unwrap(), oldest);
        let ids: Vec<RowKey> = sound(life.store().ids(*floor).unwrap()).into_iter().map(|ids| ids.key).collect();
        assert_eq!(ids, read.iter().map(Row::key).filter(|key| floor.holds(key)).collect::<Vec<_>>());
    }
    let middle = read[read.len() / 2].key();
    let from: Vec<_> = read.iter().map(|row| row.key().first).filter(|first| *first >= middle.first).collect();
    assert_eq!(firsts(&life.store().read_from(middle.last(), ALL).unwrap()), from);
    let mut before: Vec<_> = read.iter().map(|row| row.key().first).filter(|first| *first < middle.first).collect();
    before.reverse();
    assert_eq!(firsts(&life.store().read_before(middle.first, ALL).unwrap()), before);
    let newest = life.rows.last().map(|row| row.key().last());
    assert_eq!(life.store().head().unwrap().map(|head| head.seq), newest);
}

/// Holds what was written at this time or later.
const fn since(at: u64) -> Floor {
    Floor { at, ..Floor::EVERYTHING }
}

pub(crate) fn d9_what_is_too_old_is_off_the_disk_and_where_the_channel_stands_is_not<D: Disk>() {
    for count in [1, 3, 120] {
        let mut life = Life::<D>::keeping(tight_bounds);
        for _ in 0..count {
            life.now += 1_000;
            life.say(&["{\"first\":1}", "{}"]);
        }
        let (head, now) = (life.store().head().unwrap(), life.now);
        let read = life.read();
        // What is held stays as it is.
        life.store().trim(since(now - 1_000), since(now - 500)).unwrap();
        assert_eq!(life.read(), read[read.len().saturating_sub(2)..]);
        let held = life.store().held().unwrap();
        assert_eq!(held.text, life.read().first().map(|row| row.key().at));
        assert_eq!(held.ids, held.text);
        // Its ids are known for longer.
        life.store().trim(since(now + 1), since(now)).unwrap();
        assert_eq!(life.read(), []);
        assert_eq!(life.store().held().unwrap(), Held { text: None, ids: Some(now) });
        let ids = sound(life.store().ids(since(now)).unwrap());
        assert_eq!(ids.last().map(|ids| ids.ids.as_str()), life.rows.last().map(Row::ids));
        life.store().trim(since(now + 1), since(now + 1)).unwrap();
        for restarted in [false, true] {
            if restarted {
                life.disk.restart();
            }
            assert_eq!(life.store().held().unwrap(), Held::default());
            assert_eq!(life.store().head().unwrap(), head, "{count} rows");
            assert_eq!(life.store().oldest(Floor::EVERYTHING).unwrap(), None);
            assert_eq!(life.store().read_before(u64::MAX, ALL).unwrap(), []);
        }
        // And the life goes on from there.
        let next = life.say(&["{\"next\":1}"]);
        assert_eq!(next.key().before, head.unwrap().bytes);
        assert_eq!(life.read(), [next]);
    }
}

pub(crate) fn d9_trimming_costs_a_row_for_each_that_goes_or_loses_its_text<D: Disk>() {
    let mut life = Life::<D>::new();
    for _ in 0..40 {
        life.now += 1_000;
        life.say(&["{}"]);
    }
    let now = life.now;
    let mut cost = |at: u64| {
        let before = life.store().rows_written();
        life.store().trim(since(at), since(at)).unwrap();
        life.store().rows_written() - before
    };
    assert_eq!(cost(now - 30_000), 9);
    assert_eq!(cost(now - 30_000), 0, "nothing is due");
    assert_eq!(cost(now), 30);
    assert_eq!(cost(now + 1), 1, "the newest loses its text");
    assert_eq!(cost(now + DAY), 0);
}

#[test]
fn d9_a_table_that_is_too_old_as_a_whole_goes_for_nothing() {
    let mut life = Life::<InSqlite>::keeping(|head| vec![bounds(&head, 60, DAY, u64::MAX)]);
    for _ in 0..200 {
        life.now += 1_000;
        life.say(&["{}"]);
    }
    assert_eq!(life.disk.database.table_names(), ["kept", "kept_older"]);
    let newer = life.disk.database.run("SELECT count(*) FROM kept", &[]);
    let Value::Integer(newer) = newer[0][0] else { panic!("{newer:?}") };
    let (before, now) = (life.store().rows_written(), life.now);
    life.store().trim(since(now + 1), since(now + 1)).unwrap();
    assert_eq!(life.disk.database.table_names(), ["kept"]);
    assert_eq!(life.store().rows_written() - before, newer.cast_unsigned());
}

/// The release before reads what is left: where the channel stands, and no message.
#[test]
fn d9_a_row_without_its_text_is_what_the_release_before_takes_for_one_it_cannot_read() {
    let mut life = Life::<InSqlite>::new();
    life.say(&["{\"a\":1}", "{}"]);
    life.store().trim(since(DAY), since(0)).unwrap();
    let row =
        &life.disk.database.run("SELECT first, count, at, before, format, epoch, lengths, text FROM kept", &[])[0];
    let numbers: Vec<_> = [1, 2, 1_000, 10, 1].map(Value::Integer).to_vec();
    let texts = [crate::life::epoch().as_str(), "", ""].map(|text| Value::Text(text.to_owned()));
    assert_eq!(row[..5], numbers[..]);
    assert_eq!(row[5..], texts);
}

pub(crate) fn d9_clearing_forgets_rows_and_departures_and_a_new_life_can_begin<D: Disk>() {
    let mut life = Life::<D>::keeping(tight_bounds);
    for _ in 0..400 {
        life.say(&["{}"]);
    }
    life.store().put_grace(&grace("ann", 10)).unwrap();
    let written = life.store().rows_written();
    life.store().clear().unwrap();
    assert_eq!(life.store().rows_written(), written, "clearing costs nothing");
    for restarted in [false, true] {
        if restarted {
            life.disk.restart();
        }
        assert_eq!(life.store().head().unwrap(), None);
        assert_eq!(life.read(), []);
        assert_eq!(life.store().graces().unwrap(), []);
        assert_eq!(life.store().oldest(Floor::EVERYTHING).unwrap(), None);
    }
    life.rows.clear();
    life.say(&["{\"new\":1}"]);
    assert_eq!(life.read(), life.rows.clone());
}

/// Why rows go with their table: this is what statements are billed.
#[test]
fn d9_a_deleted_row_is_billed_and_a_dropped_table_is_not() {
    let mut database = Database::open();
    let hundred = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100) \
        INSERT INTO t SELECT x, 'a row' FROM n";
    for (sql, billed) in [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)", 2),
        (hundred, 100),
        ("INSERT OR REPLACE INTO t VALUES (7, 'another')", 1),
        ("UPDATE t SET text = 'third' WHERE id = 7", 1),
        ("UPDATE t SET id = 1000 WHERE id = 7", 1),
        ("DELETE FROM t WHERE id <= 10", 9),
        ("DELETE FROM t", 91),
        (hundred, 100),
        ("ALTER TABLE t RENAME TO u", 2),
        ("ALTER TABLE u ADD COLUMN more TEXT NOT NULL DEFAULT ''", 1),
        ("SELECT * FROM u", 0),
        ("DROP TABLE u", 0),
        ("CREATE TABLE t (id TEXT PRIMARY KEY) WITHOUT ROWID", 2),
        ("INSERT INTO t VALUES ('a'), ('b')", 2),
        ("INSERT OR REPLACE INTO t VALUES ('a')", 1),
        ("DELETE FROM t WHERE id = 'a' RETURNING id", 1),
    ] {
        assert_eq!(database.exec(sql, &[]).unwrap().rows_written, billed, "{sql}");
    }
}

#[test]
fn d3_reading_makes_no_table_and_the_first_row_makes_one() {
    let mut life = Life::<InSqlite>::new();
    life.store().head().unwrap();
    life.store().graces().unwrap();
    assert_eq!(life.disk.database.table_names(), Vec::<String>::new());
    life.say(&["{}"]);
    assert_eq!(life.disk.database.table_names(), ["kept"]);
    assert_eq!(life.store().rows_written(), 3, "two for the table, one for the row");
}

#[test]
fn d9_no_reading_sorts_or_walks_a_table_from_its_beginning() {
    let mut life = Life::<InSqlite>::keeping(tight_bounds);
    for _ in 0..200 {
        life.say(&["{}"]);
    }
    assert_eq!(life.disk.database.table_names(), ["kept", "kept_older"]);
    life.store().head().unwrap();
    life.store().read_from(190, ALL).unwrap();
    life.store().read_before(190, ALL).unwrap();
    life.store().oldest(Floor { seq: 190, at: 0, before: 0 }).unwrap();
    life.store().ids(Floor { seq: 190, at: 0, before: 0 }).unwrap();
    let plans = life.disk.database.plans();
    assert!(plans.iter().filter(|step| step.contains("MERGE")).count() >= 7, "{plans:#?}");
    for step in plans {
        assert!(!step.contains("TEMP B-TREE") && !step.contains("CO-ROUTINE"), "{step}");
    }
}
