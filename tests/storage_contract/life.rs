//! One life of a channel on a disk: rows that continue each other, and the list of what was written.

use dormouse_core::storage::{
    DisconnectGrace, Floor, Head, Limit, RECORD_FORMAT, Record, RecordKind, Reply, Row, RowKey, Storage as _,
    StorageError, Stored,
};
use dormouse_protocol::name::{ConnectionId, Epoch, Millis};

use crate::disk::Disk;

/// A limit that no test reaches.
pub(crate) const ALL: Limit = Limit { rows: usize::MAX, bytes: u64::MAX };
pub(crate) const DAY: Millis = 24 * 60 * 60 * 1000;

pub(crate) struct Life<D> {
    pub(crate) disk: D,
    pub(crate) now: Millis,
    /// Every row that was written, whether or not it is still kept.
    pub(crate) rows: Vec<Row>,
    /// What is asked to be kept, by the head as it will be after the row.
    pub(crate) keep: fn(Head) -> Vec<Floor>,
}

impl<D: Disk> Life<D> {
    /// A life in which everything is kept.
    pub(crate) fn new() -> Self {
        Self { disk: D::new(), now: 1_000, rows: Vec::new(), keep: |_| vec![Floor::EVERYTHING] }
    }

    pub(crate) fn keeping(keep: fn(Head) -> Vec<Floor>) -> Self {
        Self { keep, ..Self::new() }
    }

    pub(crate) fn store(&mut self) -> &mut D::Store {
        self.disk.store()
    }

    /// Writes one row of these frames.
    pub(crate) fn say(&mut self, frames: &[&str]) -> Row {
        self.try_say(frames).unwrap()
    }

    pub(crate) fn try_say(&mut self, frames: &[&str]) -> Result<Row, StorageError> {
        let row = self.next(frames);
        let floors = self.floors(&row);
        self.disk.store().append(&row, &floors)?;
        self.rows.push(row.clone());
        Ok(row)
    }

    /// The row that would come next.
    pub(crate) fn next(&self, frames: &[&str]) -> Row {
        let first = self.rows.last().map_or(1, |row| row.key().last() + 1);
        row(first, self.now, self.rows.last().map_or(0, Row::bytes_after), frames)
    }

    pub(crate) fn floors(&self, row: &Row) -> Vec<Floor> {
        let RowKey { at, .. } = row.key();
        (self.keep)(Head { epoch: row.epoch().clone(), seq: row.key().last(), at, bytes: row.bytes_after() })
    }

    /// Everything that can be read, all of it sound.
    pub(crate) fn read(&mut self) -> Vec<Row> {
        sound(self.store().read_from(0, ALL).unwrap())
    }
}

pub(crate) fn row(first: u64, at: Millis, before: u64, frames: &[&str]) -> Row {
    let key = RowKey { first, count: frames.len() as u64, at, before };
    let lengths = frames.iter().map(|frame| u32::try_from(frame.len()).unwrap()).collect();
    Row::new(key, epoch(), format!("[\"id {first}\"]"), lengths, frames.join(",")).unwrap()
}

pub(crate) fn epoch() -> Epoch {
    Epoch::parse("0123456789abcdef").unwrap()
}

pub(crate) fn sound<T>(found: Vec<Stored<T>>) -> Vec<T> {
    let sound = |found| match found {
        Stored::Sound(it) => it,
        Stored::Corrupt { first } => panic!("the row from {first} is corrupt"),
    };
    found.into_iter().map(sound).collect()
}

/// The seqs that rows begin with.
pub(crate) fn firsts(found: &[Stored<Row>]) -> Vec<u64> {
    let first = |found: &Stored<Row>| match found {
        Stored::Sound(row) => row.key().first,
        Stored::Corrupt { first } => *first,
    };
    found.iter().map(first).collect()
}

pub(crate) fn grace(connection: &str, due: Millis) -> DisconnectGrace {
    DisconnectGrace {
        connection: connection_id(connection),
        due,
        session: format!("{{\"of\":\"{connection}\",\"due\":{due}}}"),
    }
}

pub(crate) fn connection_id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

pub(crate) fn record(kind: RecordKind, key: &str, due: Option<Millis>) -> Record {
    let data = format!("{{\"of\":{key:?}}}");
    Record { kind, key: key.to_owned(), due, format: RECORD_FORMAT, data }
}

pub(crate) fn timer(key: &str, due: Millis) -> Record {
    record(RecordKind::Timer, key, Some(due))
}

pub(crate) fn reply(key: &str, at: Millis) -> Reply {
    Reply { key: key.to_owned(), fingerprint: format!("print of {key}"), at, data: format!("{{\"at\":{at}}}") }
}
