//! Storage in trouble: what fails is told, changes nothing, and does not last (rules D2, D4).

use dormouse_core::storage::{Damage, Floor, Head, ROTATION_COST, SqlError, Storage as _, StorageError, Stored};

use crate::disk::Disk;
use crate::life::{ALL, Life, epoch, firsts, grace, sound};
use crate::sqlite::{Database, InSqlite};

/// Rows from 1, 2 and 4: of 1, 2 and 1 messages.
fn three_rows<D: Disk>() -> Life<D> {
    let mut life = Life::new();
    for frames in [&["{1}"][..], &["{2}", "{3}"], &["{4}"]] {
        life.say(frames);
    }
    life
}

pub(crate) fn d2_a_write_that_fails_changes_nothing_and_the_next_one_works<D: Disk>() {
    for error in [StorageError::Full, StorageError::Failed("no luck".to_owned())] {
        for rows in 0..3_usize {
            let mut life = Life::<D>::new();
            for _ in 0..rows {
                life.say(&["{}"]);
            }
            life.disk.fail_next_write(error.clone());
            assert_eq!(life.try_say(&["{\"lost\":1}"]), Err(error.clone()));
            assert_eq!(life.read(), life.rows.clone());
            assert_eq!(life.store().head().unwrap().map_or(0, |head| head.seq), rows as u64);
            life.say(&["{\"kept\":1}"]);
            assert_eq!(life.read(), life.rows.clone());
        }
    }
}

pub(crate) fn d2_a_reading_that_fails_is_told_and_the_next_one_works<D: Disk>() {
    let mut life = three_rows::<D>();
    let error = StorageError::Failed("no luck".to_owned());
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().head(), Err(error.clone()));
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().read_from(1, ALL), Err(error.clone()));
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().read_before(9, ALL), Err(error.clone()));
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().oldest(Floor::EVERYTHING), Err(error.clone()));
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().ids(Floor::EVERYTHING), Err(error.clone()));
    life.disk.restart(); // also while the store is being opened
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().head(), Err(error.clone()));
    life.disk.restart();
    life.disk.fail_next_read(error.clone());
    assert_eq!(life.store().graces(), Err(error));
    assert_eq!(life.read(), life.rows.clone());
}

pub(crate) fn d4_a_row_that_contradicts_itself_is_told_and_hides_no_other<D: Disk>() {
    let mut life = three_rows::<D>();
    life.disk.damage(3, Damage::Text);
    let found = life.store().read_from(1, ALL).unwrap();
    let (first, last) = (Stored::Sound(life.rows[0].clone()), Stored::Sound(life.rows[2].clone()));
    assert_eq!(found, [first.clone(), Stored::Corrupt { first: 2 }, last.clone()]);
    assert_eq!(life.store().read_before(9, ALL).unwrap(), [last, Stored::Corrupt { first: 2 }, first]);
    assert_eq!(sound(life.store().ids(Floor::EVERYTHING).unwrap()).len(), 3, "its ids still tell duplicates");
}

pub(crate) fn d4_a_row_in_an_unknown_form_is_told_and_is_still_the_head<D: Disk>() {
    let mut life = three_rows::<D>();
    life.disk.damage(4, Damage::Form);
    let head = Head { epoch: epoch(), seq: 4, at: 1_000, bytes: 13 };
    assert_eq!(life.store().head().unwrap(), Some(head));
    assert_eq!(life.store().read_from(4, ALL).unwrap(), [Stored::Corrupt { first: 4 }]);
    assert_eq!(life.store().ids(Floor::EVERYTHING).unwrap()[2], Stored::Corrupt { first: 4 });
    life.say(&["{5}"]);
    assert_eq!(firsts(&life.store().read_from(1, ALL).unwrap()), [1, 2, 4, 5]);
}

pub(crate) fn d4_a_head_that_cannot_be_read_is_told_until_the_store_is_cleared<D: Disk>() {
    let mut life = three_rows::<D>();
    life.disk.damage(1, Damage::Epoch);
    assert_eq!(life.store().head().unwrap().unwrap().seq, 4);
    life.disk.damage(4, Damage::Epoch);
    assert_eq!(life.store().head(), Err(StorageError::Corrupt { first: 4 }));
    assert_eq!(life.store().read_from(4, ALL).unwrap(), [Stored::Corrupt { first: 4 }]);
    life.store().clear().unwrap();
    assert_eq!(life.store().head().unwrap(), None);
}

pub(crate) fn d4_a_row_that_is_gone_is_a_hole_between_its_neighbours<D: Disk>() {
    let mut life = three_rows::<D>();
    life.disk.lose(2);
    assert_eq!(firsts(&life.store().read_from(1, ALL).unwrap()), [1, 4]);
    assert_eq!(firsts(&life.store().read_from(2, ALL).unwrap()), [4]);
    assert_eq!(firsts(&life.store().read_before(4, ALL).unwrap()), [1]);
    assert_eq!(life.store().oldest(Floor { seq: 2, at: 0, before: 0 }).unwrap().unwrap().first, 4);
}

#[test]
fn d2_a_failure_of_any_statement_of_a_rotation_loses_no_row_that_is_held() {
    let error = SqlError { full: true, message: "no room".to_owned() };
    for statement in 0.. {
        let mut life = Life::<InSqlite>::keeping(last_hundred);
        for _ in 0..200 {
            life.say(&["{}"]); // the next brings the second rotation, which drops a table
        }
        life.disk.restart();
        life.disk.database.fail_after(statement, error.clone());
        if life.try_say(&["{}"]).is_ok() {
            assert_eq!(life.store().rows_written(), ROTATION_COST + 1);
            assert_eq!(statement, 7, "tables, first row, drop, rename, definition, create, insert");
            return;
        }
        assert!(life.disk.database.is_trouble_over());
        assert_held(&mut life);
        life.say(&["{}"]);
        assert_held(&mut life);
        life.disk.restart();
        assert_held(&mut life);
    }
}

fn last_hundred(head: Head) -> Vec<Floor> {
    vec![Floor { seq: head.seq.saturating_sub(99), at: 0, before: 0 }]
}

fn assert_held(life: &mut Life<InSqlite>) {
    let read = life.read();
    assert!(read.len() >= 100);
    assert_eq!(read, life.rows[life.rows.len() - read.len()..]);
}

#[test]
fn d2_a_database_without_room_refuses_rows_as_full_and_keeps_what_it_has() {
    let mut life = Life { disk: InSqlite::over(Database::of_pages(64)), ..Life::new() };
    let frame = "x".repeat(10_000);
    let refused = (0..100).find_map(|_| life.try_say(&[&frame]).err());
    assert_eq!(refused, Some(StorageError::Full));
    assert!(life.rows.len() > 10);
    assert_eq!(life.read(), life.rows.clone());
    life.disk.restart();
    assert_eq!(life.read(), life.rows.clone());
}

#[test]
fn d4_columns_of_any_kind_are_survived() {
    for column in ["count", "at", "before", "format", "epoch", "ids", "lengths", "text"] {
        for value in ["'x'", "''", "-1", "0", "1.5", "x'ff'", "9e18", "CAST(x'ff' AS TEXT)"] {
            let mut life = three_rows::<InSqlite>();
            life.disk.database.run(&format!("UPDATE kept SET {column} = {value} WHERE first = 2"), &[]);
            let found = life.store().read_from(1, ALL).unwrap();
            assert!(!found.contains(&Stored::Sound(life.rows[1].clone())), "{column} = {value}");
            assert_eq!(found.first(), Some(&Stored::Sound(life.rows[0].clone())), "{column} = {value}");
            life.store().read_before(9, ALL).unwrap();
            life.store().ids(Floor::EVERYTHING).unwrap();
            life.store().oldest(Floor { seq: 2, at: 1, before: 1 }).unwrap();
            life.disk.database.run("DELETE FROM kept WHERE first = 4", &[]);
            let fits = match column {
                "count" => false,
                "at" | "before" => value == "0",
                "epoch" => ["'x'", "-1", "0"].contains(&value), // as texts, they could be names
                _ => true,                                      // no part of the head
            };
            match life.store().head() {
                Ok(head) => assert!(fits && head.is_some_and(|head| head.seq == 3), "{column} = {value}"),
                Err(error) => assert!(!fits && error == StorageError::Corrupt { first: 2 }, "{column} = {value}"),
            }
        }
    }
}

#[test]
fn p3_a_departure_that_no_release_of_ours_wrote_is_passed_over() {
    let mut disk = InSqlite::new();
    disk.store().put_grace(&grace("ann", 10)).unwrap();
    disk.database
        .run("INSERT INTO departures (connection, due, session) VALUES ('not a name', 5, ''), ('b', 'x', '')", &[]);
    assert_eq!(disk.store().graces().unwrap(), [grace("ann", 10)]);
    assert_eq!(disk.store().take_due(10).unwrap(), [grace("ann", 10)]);
}
