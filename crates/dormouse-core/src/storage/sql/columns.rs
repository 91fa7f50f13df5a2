//! Columns into values: what a release of ours wrote is read back, and nothing is trusted.

use super::super::{DisconnectGrace, Head, Ids, Row, RowKey, StorageError, Stored};
use super::port::{INTEGER_MAX, Value};
use dormouse_protocol::name::{ConnectionId, Epoch};

/// The form in which ids, lengths and text are written today.
pub(super) const FORMAT: u64 = 1;

/// A row's columns, taken one by one in the order they were asked for.
pub(super) struct Columns(std::vec::IntoIter<Value>);

impl Columns {
    pub(super) fn of(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(super) fn integer(&mut self) -> Option<u64> {
        match self.0.next()? {
            Value::Integer(number) if number <= INTEGER_MAX => number.try_into().ok(),
            Value::Integer(_) | Value::Text(_) | Value::Null | Value::Other => None,
        }
    }

    /// A number or nothing; `None` for what is neither.
    pub(super) fn integer_or_null(&mut self) -> Option<Option<u64>> {
        if self.0.as_slice().first() == Some(&Value::Null) {
            self.0.next();
            return Some(None);
        }
        self.integer().map(Some)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        match self.0.next()? {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Null | Value::Other => None,
        }
    }

    /// `first`, which is the row's place in the table and so always a number.
    fn first(&mut self) -> Result<u64, StorageError> {
        self.integer().ok_or_else(|| StorageError::Failed("a row has no first seq".to_owned()))
    }

    /// `count, at, before` after `first`.
    fn key(&mut self, first: u64) -> Option<RowKey> {
        let (count, at, before) = (self.integer(), self.integer(), self.integer());
        Some(RowKey { first, count: count.filter(|count| *count > 0)?, at: at?, before: before? })
    }
}

/// `first, count, at, before`; columns that cannot be read count as zero, below every bound.
pub(super) fn key(values: Vec<Value>) -> Result<RowKey, StorageError> {
    let mut columns = Columns::of(values);
    let first = columns.first()?;
    Ok(columns.key(first).unwrap_or(RowKey { first, count: 1, at: 0, before: 0 }))
}

/// `first, count, at, before, epoch` and the bytes of `text`.
pub(super) fn head(values: Vec<Value>) -> Result<Head, StorageError> {
    let mut columns = Columns::of(values);
    let first = columns.first()?;
    rest_of_head(&mut columns, first).ok_or(StorageError::Corrupt { first })
}

fn rest_of_head(columns: &mut Columns, first: u64) -> Option<Head> {
    let key = columns.key(first)?;
    let epoch = Epoch::parse(&columns.text()?)?;
    let bytes = key.before.checked_add(columns.integer()?)?;
    Some(Head { epoch, seq: key.last(), at: key.at, bytes })
}

/// `first, count, at, before, format, ids`.
pub(super) fn ids(values: Vec<Value>) -> Result<Stored<Ids>, StorageError> {
    found(values, |columns, first| {
        let key = columns.key(first)?;
        let known = columns.integer()? == FORMAT;
        let ids = columns.text()?;
        known.then_some(Ids { key, ids })
    })
}

/// `first, count, at, before, format, epoch, ids, lengths, text`.
pub(super) fn row(values: Vec<Value>) -> Result<Stored<Row>, StorageError> {
    found(values, |columns, first| {
        let key = columns.key(first)?;
        let known = columns.integer()? == FORMAT;
        let (epoch, ids) = (Epoch::parse(&columns.text()?)?, columns.text()?);
        let (lengths, text) = (parse_lengths(&columns.text()?)?, columns.text()?);
        Row::new(key, epoch, ids, lengths, text).filter(|_| known)
    })
}

/// `first` and the bytes of `text`.
pub(super) fn size(values: Vec<Value>) -> Option<(u64, u64)> {
    let mut columns = Columns::of(values);
    Some((columns.integer()?, columns.integer()?))
}

/// One number.
pub(super) fn number(values: Vec<Value>) -> Option<u64> {
    Columns::of(values).integer()
}

/// `connection, due, session`; `None` for one that no release of ours wrote.
pub(super) fn grace(values: Vec<Value>) -> Option<DisconnectGrace> {
    let mut columns = Columns::of(values);
    let connection = ConnectionId::parse(&columns.text()?)?;
    Some(DisconnectGrace { connection, due: columns.integer()?, session: columns.text()? })
}

/// The lengths as they are written: decimal, parted by commas.
pub(super) fn write_lengths(lengths: &[u32]) -> String {
    lengths.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn parse_lengths(text: &str) -> Option<Vec<u32>> {
    text.split(',').map(|length| length.parse().ok()).collect()
}

fn found<T>(values: Vec<Value>, rest: impl FnOnce(&mut Columns, u64) -> Option<T>) -> Result<Stored<T>, StorageError> {
    let mut columns = Columns::of(values);
    let first = columns.first()?;
    Ok(rest(&mut columns, first).map_or(Stored::Corrupt { first }, Stored::Sound))
}
