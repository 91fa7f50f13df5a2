//! Storage in SQLite: all of the SQL, over whichever database implements [`Sql`].

mod columns;
mod port;
mod records;
mod replies;
mod schema;

pub use port::{Answer, Param, Sql, SqlError, Value};
pub use schema::{Column, ROTATION_COST, ROTATION_MIN};

use super::{
    Commit, DisconnectGrace, Floor, Head, Held, Ids, Limit, Record, RecordKind, Reply, Row, RowKey, Storage,
    StorageError, Stored,
};
use dormouse_protocol::name::{ConnectionId, Millis};
use port::{Counted, integer};
use schema::{Below, Tables};

const INSERT: &str = "INSERT INTO kept (first, count, at, before, format, epoch, ids, lengths, text) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// The rows whose last message has the seq `?1` or a later one. The table is ordered by `first` alone, so the search
/// begins at the last row that may hold it.
const HOLDS_SEQ: &str = "first >= coalesce((SELECT first FROM {rows} WHERE first <= ?1 ORDER BY first DESC LIMIT 1), 0) \
    AND first + count > ?1";

/// The rest of what a [`Floor`] asks.
const IN_BOUNDS: &str = "at >= ?2 AND before >= ?3";

/// A row whose text is not gone: each message has a length. The size of a column is known without reading it.
const HAS_TEXT: &str = "octet_length(lengths) > 0";

const BETWEEN: &str = "SELECT first, count, at, before, format, epoch, ids, lengths, text FROM {rows} \
    WHERE first >= ?1 AND first <= ?2 AND octet_length(lengths) > 0";

/// In place of an earlier grace of the same connection: one row written, as for a new one.
const PUT_GRACE: &str = "INSERT OR REPLACE INTO departures (connection, due, session) VALUES (?1, ?2, ?3)";

/// Storage in a SQLite database of the channel's own.
#[derive(Debug)]
pub struct SqlStorage<Q> {
    sql: Q,
    rows_written: u64,
    added: &'static [Column],
    /// Looked up by the first call, and again after one that failed.
    tables: Option<Tables>,
}

impl<Q: Sql> SqlStorage<Q> {
    /// Storage in this database; nothing is read before the first call.
    pub const fn new(sql: Q) -> Self {
        Self::with_columns(sql, schema::ADDED)
    }

    /// Storage as a release writes it that has added these columns: for tests that play a deploy.
    pub const fn with_columns(sql: Q, added: &'static [Column]) -> Self {
        Self { sql, rows_written: 0, added, tables: None }
    }

    const fn counted(&mut self) -> Counted<'_, Q> {
        Counted::new(&mut self.sql, &mut self.rows_written)
    }

    fn tables(&mut self) -> Result<Tables, StorageError> {
        if let Some(tables) = self.tables {
            return Ok(tables);
        }
        let added = self.added;
        let tables = Tables::open(&mut self.counted(), added)?;
        self.tables = Some(tables);
        Ok(tables)
    }

    /// Runs a query over the rows kept: `{rows}` in its text stands for the tables they are in.
    fn select(&mut self, query: &str, params: &[Param<'_>]) -> Result<Vec<Vec<Value>>, StorageError> {
        match self.tables()?.rows() {
            Some(rows) => self.counted().exec(&query.replace("{rows}", rows), params),
            None => Ok(Vec::new()),
        }
    }

    /// The first seqs of the first and the last row that one reading returns, by the sizes that the query finds: so no
    /// text is touched that is not returned.
    fn span(&mut self, sizes: &str, seq: u64, limit: Limit) -> Result<Option<(u64, u64)>, StorageError> {
        let sizes = self.select(sizes, &[integer(seq), integer(limit.rows.max(1))])?;
        let (mut span, mut bytes) = (None, 0_u64);
        for (first, size) in sizes.into_iter().filter_map(columns::size) {
            if span.is_some() && bytes >= limit.bytes {
                break;
            }
            span = Some((span.map_or(first, |(begin, _)| begin), first));
            bytes = bytes.saturating_add(size);
        }
        Ok(span)
    }

    /// The first seq of the oldest row that a floor holds, with its text or without.
    fn first_held(&mut self, floor: Floor) -> Result<Option<u64>, StorageError> {
        let query = format!("SELECT first FROM {{rows}} WHERE {HOLDS_SEQ} AND {IN_BOUNDS} ORDER BY first LIMIT 1");
        let rows = self.select(&query, &[integer(floor.seq), integer(floor.at), integer(floor.before)])?;
        Ok(rows.into_iter().next().and_then(columns::number))
    }

    /// Runs what writes. What a failure leaves of the tables is looked up again by the next call.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Tables, &mut Counted<'_, Q>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut tables = self.tables()?;
        let done = work(&mut tables, &mut self.counted());
        self.tables = done.is_ok().then_some(tables);
        done
    }

    /// The same, together or not at all.
    fn write_together<T>(
        &mut self,
        work: impl FnOnce(&mut Tables, &mut Counted<'_, Q>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.write(|tables, sql| sql.transaction(|sql| work(tables, sql)))
    }
}

/// Adds a row after the newest.
fn insert<Q: Sql>(
    tables: &mut Tables,
    sql: &mut Counted<'_, Q>,
    row: &Row,
    keep: &[Floor],
) -> Result<(), StorageError> {
    let RowKey { first, count, at, before } = row.key();
    let lengths = columns::write_lengths(row.lengths());
    let params = [
        integer(first),
        integer(count),
        integer(at),
        integer(before),
        integer(columns::FORMAT),
        Param::Text(row.epoch().as_str()),
        Param::Text(row.ids()),
        Param::Text(&lengths),
        Param::Text(row.text()),
    ];
    tables.prepare_row(sql, row.key(), keep)?;
    sql.exec(INSERT, &params).map(drop)
}

impl<Q: Sql> Storage for SqlStorage<Q> {
    fn head(&mut self) -> Result<Option<Head>, StorageError> {
        let query =
            "SELECT first, count, at, before, epoch, octet_length(text) FROM {rows} ORDER BY first DESC LIMIT 1";
        self.select(query, &[])?.into_iter().next().map(columns::head).transpose()
    }

    fn append(&mut self, row: &Row, keep: &[Floor]) -> Result<(), StorageError> {
        self.write(|tables, sql| insert(tables, sql, row, keep))
    }

    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StorageError> {
        match *commit {
            Commit { rows: [], put: [], remove: [], replies: [], .. } => Ok(()),
            // One statement is atomic as it is, and what prepares for it loses nothing that is held.
            Commit { rows: [row], keep, put: [], remove: [], replies: [], .. } => self.append(row, keep),
            Commit { rows, keep, put, remove, replies, replies_since } => self.write_together(|tables, sql| {
                rows.iter().try_for_each(|row| insert(tables, sql, row, keep))?;
                remove.iter().try_for_each(|(kind, key)| tables.records.remove(sql, *kind, key))?;
                put.iter().try_for_each(|record| tables.records.put(sql, record))?;
                replies.iter().try_for_each(|reply| tables.replies.put(sql, reply, replies_since))
            }),
        }
    }

    fn record(&mut self, kind: RecordKind, key: &str) -> Result<Option<Record>, StorageError> {
        self.tables()?.records.get(&mut self.counted(), kind, key)
    }

    fn records(
        &mut self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, StorageError> {
        self.tables()?.records.list(&mut self.counted(), kind, (prefix, after), limit)
    }

    fn due_records(&mut self, kind: RecordKind, until: Millis, limit: usize) -> Result<Vec<Record>, StorageError> {
        self.tables()?.records.due(&mut self.counted(), kind, until, limit)
    }

    fn first_due(&mut self, kind: RecordKind) -> Result<Option<Millis>, StorageError> {
        self.tables()?.records.first_due(&mut self.counted(), kind)
    }

    fn reply(&mut self, key: &str, since: Millis) -> Result<Option<Reply>, StorageError> {
        self.tables()?.replies.get(&mut self.counted(), key, since)
    }

    fn read_from(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        let sizes = format!(
            "SELECT first, octet_length(text) FROM {{rows}} WHERE {HOLDS_SEQ} AND {HAS_TEXT} ORDER BY first LIMIT ?2"
        );
        let Some((from, to)) = self.span(&sizes, seq, limit)? else { return Ok(Vec::new()) };
        let rows = self.select(&format!("{BETWEEN} ORDER BY first"), &[integer(from), integer(to)])?;
        rows.into_iter().map(columns::row).collect()
    }

    fn read_before(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        let sizes = format!(
            "SELECT first, octet_length(text) FROM {{rows}} WHERE first < ?1 AND {HAS_TEXT} ORDER BY first DESC LIMIT ?2"
        );
        let Some((to, from)) = self.span(&sizes, seq, limit)? else { return Ok(Vec::new()) };
        let rows = self.select(&format!("{BETWEEN} ORDER BY first DESC"), &[integer(from), integer(to)])?;
        rows.into_iter().map(columns::row).collect()
    }

    fn oldest(&mut self, floor: Floor) -> Result<Option<RowKey>, StorageError> {
        let query = format!(
            "SELECT first, count, at, before FROM {{rows}} \
             WHERE {HOLDS_SEQ} AND {IN_BOUNDS} AND {HAS_TEXT} ORDER BY first LIMIT 1"
        );
        let rows = self.select(&query, &[integer(floor.seq), integer(floor.at), integer(floor.before)])?;
        rows.into_iter().next().map(columns::key).transpose()
    }

    fn ids(&mut self, floor: Floor) -> Result<Vec<Stored<Ids>>, StorageError> {
        let query = format!(
            "SELECT first, count, at, before, format, ids FROM {{rows}} WHERE {HOLDS_SEQ} AND {IN_BOUNDS} ORDER BY first"
        );
        let rows = self.select(&query, &[integer(floor.seq), integer(floor.at), integer(floor.before)])?;
        rows.into_iter().map(columns::ids).collect()
    }

    fn trim(&mut self, text: Floor, ids: Floor) -> Result<(), StorageError> {
        let newest = self.select("SELECT first FROM {rows} ORDER BY first DESC LIMIT 1", &[])?;
        let Some(newest) = newest.into_iter().next().and_then(columns::number) else { return Ok(()) };
        let beyond = newest.saturating_add(1);
        let (texts, marks) = (self.first_held(text)?.unwrap_or(beyond), self.first_held(ids)?.unwrap_or(beyond));
        let below = Below { row: texts.min(marks).min(newest), text: texts, ids: marks };
        self.write(|tables, sql| tables.trim(sql, below))
    }

    fn held(&mut self) -> Result<Held, StorageError> {
        let text = format!("SELECT at FROM {{rows}} WHERE {HAS_TEXT} ORDER BY first LIMIT 1");
        let ids = "SELECT at FROM {rows} WHERE octet_length(ids) > 0 ORDER BY first LIMIT 1";
        let mut at = |query: &str| -> Result<_, StorageError> {
            let rows = self.select(query, &[])?;
            // A time that cannot be read was long ago.
            Ok(rows.into_iter().next().map(|values| columns::number(values).unwrap_or(0)))
        };
        Ok(Held { text: at(&text)?, ids: at(ids)? })
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.tables = None;
        Ok(self.sql.delete_all()?)
    }

    fn clear_history(&mut self) -> Result<(), StorageError> {
        self.write_together(|tables, sql| tables.clear_history(sql))
    }

    fn put_grace(&mut self, grace: &DisconnectGrace) -> Result<(), StorageError> {
        let DisconnectGrace { connection, due, session } = grace;
        let params = [Param::Text(connection.as_str()), integer(*due), Param::Text(session)];
        self.write(|tables, sql| {
            tables.prepare_grace(sql)?;
            sql.exec(PUT_GRACE, &params).map(drop)
        })
    }

    fn take_grace(&mut self, connection: &ConnectionId) -> Result<Option<DisconnectGrace>, StorageError> {
        if !self.tables()?.has_graces() {
            return Ok(None);
        }
        let delete = "DELETE FROM departures WHERE connection = ?1 RETURNING connection, due, session";
        let rows = self.counted().exec(delete, &[Param::Text(connection.as_str())])?;
        Ok(rows.into_iter().find_map(columns::grace))
    }

    fn take_due(&mut self, now: Millis) -> Result<Vec<DisconnectGrace>, StorageError> {
        if !self.tables()?.has_graces() {
            return Ok(Vec::new());
        }
        let delete = "DELETE FROM departures WHERE due <= ?1 RETURNING connection, due, session";
        let rows = self.counted().exec(delete, &[integer(now)])?;
        let mut due: Vec<_> = rows.into_iter().filter_map(columns::grace).collect();
        due.sort_unstable_by(DisconnectGrace::earliest_first); // RETURNING has no order of its own
        Ok(due)
    }

    fn graces(&mut self) -> Result<Vec<DisconnectGrace>, StorageError> {
        if !self.tables()?.has_graces() {
            return Ok(Vec::new());
        }
        let rows =
            self.counted().exec("SELECT connection, due, session FROM departures ORDER BY due, connection", &[])?;
        Ok(rows.into_iter().filter_map(columns::grace).collect())
    }

    fn rows_written(&self) -> u64 {
        self.rows_written
    }
}
