//! Replies to remembered calls: known for a while, and then gone in bulk.
//!
//! They stand in two tables, each named by the time of its first reply, so that opening the store tells all there is to
//! know of them. When that of the newer table is so long ago that nobody has to know it, nothing in the older one has to
//! be known either: it is dropped, which costs nothing, and a new one begins, which costs two rows. So no reply is
//! deleted by itself, and a rotation costs the same whatever other tables there are.

use super::super::{Reply, StorageError};
use super::columns::Columns;
use super::port::{Counted, Param, Sql, Value, integer};
use super::schema::columns_of;
use dormouse_protocol::name::Millis;

const COLUMNS: &str = "(key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL) \
    WITHOUT ROWID";

/// The two tables, each by the time of its first reply; where none is made none was ever remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Replies {
    newer: Option<Millis>,
    older: Option<Millis>,
}

impl Replies {
    /// What there is of them among these tables.
    pub(super) fn among<'a>(tables: impl Iterator<Item = &'a str>) -> Self {
        let begin = |name: &str| name.strip_prefix("replies_")?.parse().ok().filter(|begin| table(*begin) == name);
        let mut begins: Vec<Millis> = tables.filter_map(begin).collect();
        begins.sort_unstable();
        let newer = begins.pop();
        Self { newer, older: begins.pop() }
    }

    /// Remembers a reply, and lets go of those that are older than `since` where all of a table is.
    pub(super) fn put<Q: Sql>(
        &mut self,
        sql: &mut Counted<'_, Q>,
        reply: &Reply,
        since: Millis,
    ) -> Result<(), StorageError> {
        let Reply { key, fingerprint, at, data } = reply;
        let newer = match self.newer {
            Some(newer) if newer >= since || newer >= *at => newer,
            Some(_) | None => self.rotate(sql, *at)?,
        };
        let put = format!(
            "INSERT INTO {} (key, fingerprint, at, data) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at, data = excluded.data",
            table(newer)
        );
        sql.exec(&put, &[Param::Text(key), Param::Text(fingerprint), integer(*at), Param::Text(data)]).map(drop)
    }

    pub(super) fn get<Q: Sql>(
        self,
        sql: &mut Counted<'_, Q>,
        key: &str,
        since: Millis,
    ) -> Result<Option<Reply>, StorageError> {
        let in_table =
            |(age, begin)| format!("SELECT {age}, fingerprint, at, data FROM {} WHERE key = ?1", table(begin));
        let tables: Vec<_> = [self.newer, self.older]
            .into_iter()
            .flatten()
            .zip(0_u8..)
            .map(|(begin, age)| (age, begin))
            .map(in_table)
            .collect();
        if tables.is_empty() {
            return Ok(None);
        }
        let found = sql.exec(&tables.join(" UNION ALL "), &[Param::Text(key)])?;
        let found = found.into_iter().map(|values| reply(key, values)).collect::<Result<Vec<_>, _>>()?;
        let newest = found.into_iter().min_by_key(|(age, _)| *age).map(|(_, reply)| reply);
        Ok(newest.filter(|reply| reply.at >= since))
    }

    /// A new table has the columns of the one before it, those of a later release too.
    fn rotate<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>, begin: Millis) -> Result<Millis, StorageError> {
        let columns = match self.newer {
            Some(newer) => columns_of(sql, &table(newer))?,
            None => COLUMNS.to_owned(),
        };
        if let Some(older) = self.older {
            sql.exec(&format!("DROP TABLE {}", table(older)), &[])?;
        }
        sql.exec(&format!("CREATE TABLE {} {columns}", table(begin)), &[])?;
        *self = Self { newer: Some(begin), older: self.newer };
        Ok(begin)
    }
}

fn table(begin: Millis) -> String {
    format!("replies_{begin}")
}

/// The age of its table, then `fingerprint, at, data`.
fn reply(key: &str, values: Vec<Value>) -> Result<(u64, Reply), StorageError> {
    let mut columns = Columns::of(values);
    let mut read = || {
        let (age, fingerprint, at) = (columns.integer()?, columns.text()?, columns.integer()?);
        Some((age, Reply { key: key.to_owned(), fingerprint, at, data: columns.text()? }))
    };
    read().ok_or_else(|| StorageError::Failed("a reply on disk cannot be read: no release of ours wrote it".to_owned()))
}
