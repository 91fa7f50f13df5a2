//! What a channel keeps on disk: the port, and the values that pass through it (rules D1 to D3, D9, P3).
//!
//! One batch is one [`Row`]. There is no row for the head: the newest row is it. What a row was written with never
//! changes, rows only come at the end and go at the beginning.
//!
//! What a channel's handlers keep stands beside them: each [`Record`] by its kind and key, and for a while each
//! [`Reply`]. A [`Commit`] writes all of it at once.

#[cfg(any(test, feature = "testing"))]
mod beside;
mod commit;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod record;
mod row;
mod sql;

pub use commit::{Commit, Reply};
#[cfg(any(test, feature = "testing"))]
pub use memory::{Damage, MemoryStorage};
pub use record::{RECORD_FORMAT, Record, RecordKind};
pub use row::{Row, RowKey};
pub use sql::{Answer, Column, Param, ROTATION_COST, ROTATION_MIN, Sql, SqlError, SqlStorage, Value};

use std::cmp::Ordering;
use std::fmt;

use dormouse_protocol::name::{ConnectionId, Epoch, Millis};

/// Under this name it is written down, among graces, until when a channel that no pattern of the contract fits is left as
/// it is.
pub(crate) const PATTERN_GONE: &str = "pattern-gone";

/// What the machine asks of the disk. All calls of one turn become durable together or not at all, and nothing is told
/// before (the platform's output gate; a crash in between forgets the whole turn).
///
/// Each method is atomic by itself too: when it fails, what a floor of the call holds reads as it did before.
/// Reading never writes, so that a join costs nothing (rule D3).
pub trait Storage {
    /// The newest row without its text; `None` before the first kept message of a life.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the newest row cannot be read: where the channel stands is then unknown, and
    /// only [`Storage::clear`] and a new epoch help.
    fn head(&mut self) -> Result<Option<Head>, StorageError>;

    /// Adds a row after the newest, and lets rows go that none of `keep` holds, in bulk and later rather than sooner:
    /// what is below every floor may still be read afterwards (rule D9). The newest row always stays.
    ///
    /// The caller continues the head: `first` is its `seq + 1`, `before` its `bytes`, `at` no earlier than its `at`.
    fn append(&mut self, row: &Row, keep: &[Floor]) -> Result<(), StorageError>;

    /// Writes all of this or nothing: rows as [`Storage::append`] does, in order, then what goes of the records, then
    /// what comes, then replies. To remove a record that is not there is no error. A row alone is an `append` and costs
    /// no statement more, and an empty commit costs nothing.
    ///
    /// It costs a row written for each record, reply or record removed, and one more for each record put that is due at
    /// a time. The first record costs three rows more and the first reply two; from then on replies cost two rows more
    /// once in the time for which they have to be known, at most.
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StorageError>;

    /// The record of this kind and key.
    ///
    /// # Errors
    /// Here and wherever records are read: [`StorageError::Failed`] too where one is met that no release of ours wrote,
    /// so that nobody takes it for none and writes over it.
    fn record(&mut self, kind: RecordKind, key: &str) -> Result<Option<Record>, StorageError>;

    /// So many records of this kind whose key begins with `prefix` and comes after `after`, in the order of the bytes of
    /// their keys.
    fn records(
        &mut self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, StorageError>;

    /// So many records of this kind that are due at `until` or before, by when they are due, and by key where that is
    /// the same. It reads no more than it returns.
    fn due_records(&mut self, kind: RecordKind, until: Millis, limit: usize) -> Result<Vec<Record>, StorageError>;

    /// When the first record of this kind is due.
    fn first_due(&mut self, kind: RecordKind) -> Result<Option<Millis>, StorageError>;

    /// The newest reply of this key, unless it was given before `since`.
    fn reply(&mut self, key: &str, since: Millis) -> Result<Option<Reply>, StorageError>;

    /// Rows in ascending order, beginning with the one that holds `seq`, or the next where none does.
    fn read_from(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError>;

    /// Rows in descending order, beginning with the one that holds `seq - 1`, or the next older where none does.
    fn read_before(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError>;

    /// The oldest row that the floor holds. The answer only grows as time passes and rows are added: handing in the
    /// last answer's `first` as `floor.seq` saves the search from starting over.
    fn oldest(&mut self, floor: Floor) -> Result<Option<RowKey>, StorageError>;

    /// The ids of every row the floor holds, ascending, without touching their texts (rule D7).
    fn ids(&mut self, floor: Floor) -> Result<Vec<Stored<Ids>>, StorageError>;

    /// Takes off the disk what is too old (rule D9): rows that neither floor holds go, and of one that only `ids` holds
    /// the text goes. The newest row stays, if need be without its text and ids, since it tells where the channel
    /// stands. What has lost its text is found by no reading of rows.
    ///
    /// It costs a row written for each row that goes or loses its text, and none for a table that goes whole.
    fn trim(&mut self, text: Floor, ids: Floor) -> Result<(), StorageError>;

    /// When the oldest rows were written that still have a text, and that still have ids.
    fn held(&mut self) -> Result<Held, StorageError>;

    /// Forgets everything: rows, graces, records and replies, of whatever release, and the alarm. A life of the channel
    /// ends (rule D9), and costs nothing any more.
    fn clear(&mut self) -> Result<(), StorageError>;

    /// Forgets rows and graces. Records and replies stay, and so does the alarm. It costs no row written.
    fn clear_history(&mut self) -> Result<(), StorageError>;

    /// Remembers a member whose connection broke, in place of an earlier grace of the same connection (rule P3).
    fn put_grace(&mut self, grace: &DisconnectGrace) -> Result<(), StorageError>;

    /// Forgets the grace of this connection and returns it; `None` where there is none.
    fn take_grace(&mut self, connection: &ConnectionId) -> Result<Option<DisconnectGrace>, StorageError>;

    /// Forgets the graces that are due at `now` or before, and returns them, earliest first.
    fn take_due(&mut self, now: Millis) -> Result<Vec<DisconnectGrace>, StorageError>;

    /// Every grace, earliest first.
    fn graces(&mut self) -> Result<Vec<DisconnectGrace>, StorageError>;

    /// Rows written through this value so far, as they are billed. Those of a [`Storage::commit`] that failed on its way
    /// count: the platform has told them when their statements ran.
    fn rows_written(&self) -> u64;
}

/// The newest row, without ids and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The life of the channel that this row belongs to (rule D3).
    pub epoch: Epoch,
    /// The seq of the newest kept message.
    pub seq: u64,
    /// When it was kept, in milliseconds.
    pub at: Millis,
    /// The bytes of text of this life up to here: the `before` of the next row.
    pub bytes: u64,
}

/// What of a life is on disk, besides where it stands: times are in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// When the oldest row was written that still has a text.
    pub text: Option<Millis>,
    /// When the oldest row was written that still has ids.
    pub ids: Option<Millis>,
}

/// A lower bound of rows: by seq, by age and by bytes at once (rules D7, D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// A row is held when its last message has this seq or a later one.
    pub seq: u64,
    /// A row is held when it was written at this time or later, in milliseconds.
    pub at: Millis,
    /// A row is held when this many bytes of text of the life or more came before it: with the total less the bound,
    /// the rows held fit the bound.
    pub before: u64,
}

impl Floor {
    /// Holds every row.
    pub const EVERYTHING: Self = Self { seq: 0, at: 0, before: 0 };

    /// Whether a row is within all three bounds.
    pub const fn holds(&self, key: &RowKey) -> bool {
        key.last() >= self.seq && key.at >= self.at && key.before >= self.before
    }
}

/// How much one reading may return. At least one row is returned, however large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most rows.
    pub rows: usize,
    /// Bytes of text after which no further row is begun: the row that crosses the mark is the last.
    pub bytes: u64,
}

/// A row, or a part of one, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored<T> {
    /// As it was written.
    Sound(T),
    /// A row that cannot be used: it contradicts itself, or a later release wrote it in a form unknown here.
    Corrupt {
        /// The row's first seq.
        first: u64,
    },
}

/// The ids of one row's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Which row.
    pub key: RowKey,
    /// The ids as they were handed in with the row.
    pub ids: String,
}

/// A member whose connection broke, and who is still told of as present (rule P3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisconnectGrace {
    /// The connection that broke.
    pub connection: ConnectionId,
    /// When the member has left for good, in milliseconds.
    pub due: Millis,
    /// The session as its attachment remembers it.
    pub session: String,
}

impl DisconnectGrace {
    /// The order in which graces are told: by time, and by connection where that is the same.
    pub fn earliest_first(&self, other: &Self) -> Ordering {
        (self.due, &self.connection).cmp(&(other.due, &other.connection))
    }
}

/// Why storage did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// The database is full: `over_capacity`.
    Full,
    /// Anything else, in words for the log: `internal`.
    Failed(String),
    /// The newest row cannot be read.
    Corrupt {
        /// Its first seq.
        first: u64,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the database is full"),
            Self::Failed(message) => f.write_str(message),
            Self::Corrupt { first } => write!(f, "the newest row, from seq {first}, cannot be read"),
        }
    }
}

impl std::error::Error for StorageError {}
