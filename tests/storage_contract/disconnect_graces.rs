//! Who left without a word is remembered until the grace is over (rule P3).

use dormouse_core::storage::{Storage as _, StorageError};

use crate::disk::Disk;
use crate::life::{connection_id, grace};

pub(crate) fn p3_a_departure_is_taken_once<D: Disk>() {
    let mut disk = D::new();
    let store = disk.store();
    store.put_grace(&grace("ann", 10)).unwrap();
    assert_eq!(store.take_grace(&connection_id("bob")).unwrap(), None);
    assert_eq!(store.take_grace(&connection_id("ann")).unwrap(), Some(grace("ann", 10)));
    assert_eq!(store.take_grace(&connection_id("ann")).unwrap(), None);
    assert_eq!(store.graces().unwrap(), []);
}

pub(crate) fn p3_departures_survive_a_restart_and_come_earliest_first<D: Disk>() {
    let mut disk = D::new();
    for (connection, due) in [("c", 10), ("a", 20), ("b", 10)] {
        disk.store().put_grace(&grace(connection, due)).unwrap();
    }
    disk.restart();
    let expected = [grace("b", 10), grace("c", 10), grace("a", 20)];
    assert_eq!(disk.store().graces().unwrap(), expected);
}

pub(crate) fn p3_only_what_is_due_is_taken<D: Disk>() {
    let mut disk = D::new();
    for (connection, due) in [("d", 11), ("c", 9), ("b", 10), ("a", 10)] {
        disk.store().put_grace(&grace(connection, due)).unwrap();
    }
    assert_eq!(disk.store().take_due(8).unwrap(), []);
    assert_eq!(disk.store().take_due(10).unwrap(), [grace("c", 9), grace("a", 10), grace("b", 10)]);
    assert_eq!(disk.store().take_due(10).unwrap(), []);
    assert_eq!(disk.store().graces().unwrap(), [grace("d", 11)]);
}

pub(crate) fn p3_a_second_departure_of_a_connection_replaces_the_first<D: Disk>() {
    let mut disk = D::new();
    for due in [10, 20] {
        disk.store().put_grace(&grace("ann", due)).unwrap();
    }
    assert_eq!(disk.store().graces().unwrap(), [grace("ann", 20)]);
}

pub(crate) fn p3_a_departure_costs_one_row_and_its_end_another<D: Disk>() {
    let mut disk = D::new();
    disk.store().put_grace(&grace("first", 1)).unwrap(); // whatever the first one has to prepare
    let before = disk.store().rows_written();
    for connection in ["a", "b", "c"] {
        disk.store().put_grace(&grace(connection, 10)).unwrap();
    }
    assert_eq!(disk.store().rows_written() - before, 3);
    disk.store().put_grace(&grace("a", 11)).unwrap();
    assert_eq!(disk.store().rows_written() - before, 4);
    disk.store().take_grace(&connection_id("a")).unwrap();
    disk.store().take_grace(&connection_id("a")).unwrap();
    assert_eq!(disk.store().rows_written() - before, 5);
    disk.store().take_due(10).unwrap();
    assert_eq!(disk.store().rows_written() - before, 8);
}

pub(crate) fn p3_a_departure_that_cannot_be_written_is_not_there<D: Disk>() {
    for error in [StorageError::Full, StorageError::Failed("no luck".to_owned())] {
        let mut disk = D::new();
        disk.fail_next_write(error.clone());
        assert_eq!(disk.store().put_grace(&grace("ann", 10)), Err(error));
        assert_eq!(disk.store().graces().unwrap(), []);
        disk.store().put_grace(&grace("ann", 10)).unwrap();
        assert_eq!(disk.store().graces().unwrap(), [grace("ann", 10)]);
    }
}
