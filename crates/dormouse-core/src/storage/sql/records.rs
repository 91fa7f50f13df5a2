//! Records: one table by kind and key, and an index of those that are due at a time.
//!
//! A record put is one statement and changes its own columns alone: one that a later release added stays as it is. It is
//! one row written, and one more for the index where the record is due at a time. Those without a time are not in the
//! index, and to take a record away is billed as one row either way.

use super::super::{Record, RecordKind, StorageError};
use super::columns::Columns;
use super::port::{Counted, Param, Sql, Value, integer, integer_or_null};
use dormouse_protocol::name::Millis;

/// Two rows written by the table, one by the index. The key tells the order of what is due at the same time.
const CREATE: [&str; 2] = [
    "CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL, due INTEGER, format INTEGER NOT NULL, \
     data TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
    "CREATE INDEX records_due ON records (kind, due) WHERE due IS NOT NULL",
];

const PUT: &str = "INSERT INTO records (kind, key, due, format, data) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (kind, key) DO UPDATE SET due = excluded.due, format = excluded.format, data = excluded.data";

const REMOVE: &str = "DELETE FROM records WHERE kind = ?1 AND key = ?2";

const GET: &str = "SELECT key, due, format, data FROM records WHERE kind = ?1 AND key = ?2";

const DUE: &str = "SELECT key, due, format, data FROM records WHERE kind = ?1 AND due <= ?2 ORDER BY due, key LIMIT ?3";

const FIRST_DUE: &str = "SELECT due FROM records WHERE kind = ?1 AND due IS NOT NULL ORDER BY due LIMIT 1";

/// The table of records; where it is not made nothing is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    made: bool,
}

impl Records {
    /// What there is of it among these tables.
    pub(super) fn among<'a>(mut tables: impl Iterator<Item = &'a str>) -> Self {
        Self { made: tables.any(|table| table == "records") }
    }

    pub(super) fn put<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>, record: &Record) -> Result<(), StorageError> {
        if !self.made {
            CREATE.iter().try_for_each(|statement| sql.exec(statement, &[]).map(drop))?;
            self.made = true;
        }
        let Record { kind, key, due, format, data } = record;
        let (kind, due, format) = (Param::Text(kind.as_str()), integer_or_null(*due), integer(*format));
        sql.exec(PUT, &[kind, Param::Text(key), due, format, Param::Text(data)]).map(drop)
    }

    pub(super) fn remove<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        kind: RecordKind,
        key: &str,
    ) -> Result<(), StorageError> {
        self.run(sql, REMOVE, &[Param::Text(kind.as_str()), Param::Text(key)]).map(drop)
    }

    pub(super) fn get<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        kind: RecordKind,
        key: &str,
    ) -> Result<Option<Record>, StorageError> {
        let found = self.run(sql, GET, &[Param::Text(kind.as_str()), Param::Text(key)])?;
        found.into_iter().next().map(|values| record(kind, values)).transpose()
    }

    /// Those whose key begins with the first text and comes after the second.
    pub(super) fn list<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        kind: RecordKind,
        (prefix, after): (&str, Option<&str>),
        limit: usize,
    ) -> Result<Vec<Record>, StorageError> {
        let (begins, from) = match after {
            Some(after) if after >= prefix => (">", after),
            Some(_) | None => (">=", prefix),
        };
        let end = end_of(prefix);
        let ends = if end.is_some() { "AND key < ?4" } else { "" };
        let query = format!(
            "SELECT key, due, format, data FROM records WHERE kind = ?1 AND key {begins} ?2 {ends} ORDER BY key LIMIT ?3"
        );
        let mut params = vec![Param::Text(kind.as_str()), Param::Text(from), integer(limit)];
        params.extend(end.as_deref().map(Param::Text));
        self.run(sql, &query, &params)?.into_iter().map(|values| record(kind, values)).collect()
    }

    pub(super) fn due<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        kind: RecordKind,
        until: Millis,
        limit: usize,
    ) -> Result<Vec<Record>, StorageError> {
        let found = self.run(sql, DUE, &[Param::Text(kind.as_str()), integer(until), integer(limit)])?;
        found.into_iter().map(|values| record(kind, values)).collect()
    }

    pub(super) fn first_due<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        kind: RecordKind,
    ) -> Result<Option<Millis>, StorageError> {
        let found = self.run(sql, FIRST_DUE, &[Param::Text(kind.as_str())])?;
        let due = |values| Columns::of(values).integer().ok_or_else(|| unreadable(kind));
        found.into_iter().next().map(due).transpose()
    }

    fn run<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        statement: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Vec<Value>>, StorageError> {
        if self.made { sql.exec(statement, params) } else { Ok(Vec::new()) }
    }
}

/// `key, due, format, data`.
fn record(kind: RecordKind, values: Vec<Value>) -> Result<Record, StorageError> {
    let mut columns = Columns::of(values);
    let mut read = || {
        let (key, due) = (columns.text()?, columns.integer_or_null()?);
        Some(Record { kind, key, due, format: columns.integer()?, data: columns.text()? })
    };
    read().ok_or_else(|| unreadable(kind))
}

fn unreadable(kind: RecordKind) -> StorageError {
    StorageError::Failed(format!("a {kind} on disk cannot be read: no release of ours wrote it"))
}

/// The first text after all that begin with `prefix`; none where nothing comes after them. Texts are in the order of
/// their bytes, which is that of their characters.
fn end_of(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_that_does_not_begin_with_it() {
        for (prefix, end) in [
            ("", None),
            ("a", Some("b")),
            ("a%", Some("a&")),
            ("a_", Some("a`")),
            ("zz", Some("z{")),
            ("ä", Some("å")),
            ("a\u{7f}", Some("a\u{80}")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{ffff}", Some("a\u{10000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ] {
            assert_eq!(end_of(prefix).as_deref(), end, "{prefix:?}");
            let beyond = format!("{prefix}\u{10ffff}");
            assert!(end.is_none_or(|end| prefix < end && *beyond < *end), "{prefix:?}");
        }
    }
}
