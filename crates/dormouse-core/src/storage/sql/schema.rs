//! The tables: how they come, how a release adds to them, and how rows go in bulk.
//!
//! Kept rows stand in two tables, `kept` and before it `kept_older`. When nothing has to stay but what is newer than
//! the first row of `kept`, the older table is dropped, `kept` takes its name, and a new `kept` begins. The platform
//! bills a row for each row deleted, one by one or all at once, and none for a dropped table: so this costs
//! [`ROTATION_COST`] rows however many go, and about twice what the bounds ask for is the most on disk.
//!
//! Tables are made by the first write that needs them, and have no index besides their key, where it can be helped: each
//! would be one more row written for every row. What stands beside the rows is in `records` and `replies`.

use super::super::{Floor, RowKey, StorageError};
use super::columns::{self, Columns};
use super::port::{Counted, Param, Sql, integer};
use super::records::Records;
use super::replies::Replies;

/// Rows written by one rotation: two by the new name, two by the new table. The name costs one more for each other table
/// that there is, the platform's own for an alarm too.
pub const ROTATION_COST: u64 = 4;

/// The fewest messages between two rotations, so that they cost at most 0.08 rows a message even where the contract
/// keeps next to nothing (rule D9 grants 0.1). Where handlers have tables of their own it is twice as many.
pub const ROTATION_MIN: u64 = 50;

/// The version of the tables that this release understands. A release whose tables the one before it would misread
/// leaves a higher one in the table `schema`; until then there is no such table.
const VERSION: u64 = 1;

/// Small columns first: the long ones spill over to pages of their own, which a search need not touch.
const KEPT: &str = "first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, before INTEGER NOT NULL, \
    format INTEGER NOT NULL, epoch TEXT NOT NULL, ids TEXT NOT NULL, lengths TEXT NOT NULL, text TEXT NOT NULL";

/// The table is called as the first release called it.
const CREATE_GRACES: &str = "CREATE TABLE departures \
    (connection TEXT PRIMARY KEY, due INTEGER NOT NULL, session TEXT NOT NULL) WITHOUT ROWID";

const BOTH: &str = "(SELECT first, count, at, before, format, epoch, ids, lengths, text FROM kept_older \
    UNION ALL SELECT first, count, at, before, format, epoch, ids, lengths, text FROM kept)";

/// A column that a release added to the rows kept.
///
/// Columns are only ever added, and each with a default, so that the release before goes on writing (rule of deploys).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, in use nowhere else in the table's definition.
    pub name: &'static str,
    /// Its type and default, such as `TEXT NOT NULL DEFAULT ''`.
    pub declaration: &'static str,
}

/// The columns added since the first release, oldest first. A store that lacks one gets it when it is opened.
pub(super) const ADDED: &[Column] = &[];

/// The first seqs of rows below which something goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Below {
    /// Below it rows go whole.
    pub(super) row: u64,
    /// Below it rows lose their text.
    pub(super) text: u64,
    /// Below it those that lose their text lose their ids too.
    pub(super) ids: u64,
}

/// Which tables there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    kept: bool,
    older: bool,
    graces: bool,
    pub(super) records: Records,
    pub(super) replies: Replies,
    /// The first row of `kept`, once it was looked up.
    begin: Option<RowKey>,
    added: &'static [Column],
}

impl Tables {
    /// Looks at what there is, and brings it forward to this release.
    pub(super) fn open<Q: Sql>(sql: &mut Counted<'_, Q>, added: &'static [Column]) -> Result<Self, StorageError> {
        let found = definitions(sql)?;
        if found.iter().any(|(name, _)| name == "schema") {
            refuse_newer(sql)?;
        }
        for (name, definition) in found.iter().filter(|(name, _)| name == "kept" || name == "kept_older") {
            add_columns(sql, name, definition, added)?;
        }
        let has = |table: &str| found.iter().any(|(name, _)| name == table);
        let (kept, older, graces) = (has("kept"), has("kept_older"), has("departures"));
        let names = || found.iter().map(|(name, _)| name.as_str());
        let (records, replies) = (Records::among(names()), Replies::among(names()));
        Ok(Self { kept, older, graces, records, replies, begin: None, added })
    }

    /// What to select rows from; `None` where none was ever written.
    pub(super) const fn rows(&self) -> Option<&'static str> {
        match (self.kept, self.older) {
            (true, true) => Some(BOTH),
            (true, false) => Some("kept"),
            (false, true) => Some("kept_older"),
            (false, false) => None,
        }
    }

    /// Whether anybody's grace was ever written.
    pub(super) const fn has_graces(&self) -> bool {
        self.graces
    }

    /// Makes the table that a row goes into, and lets old rows go where that is due.
    pub(super) fn prepare_row<Q: Sql>(
        &mut self,
        sql: &mut Counted<'_, Q>,
        row: RowKey,
        keep: &[Floor],
    ) -> Result<(), StorageError> {
        if self.kept && self.begin.is_none() {
            self.begin = first_of_kept(sql)?;
        }
        let handlers = self.records != Records::default() || self.replies != Replies::default();
        let least = if handlers { ROTATION_MIN.saturating_mul(2) } else { ROTATION_MIN };
        if self.begin.is_some_and(|begin| is_over(begin, row, keep, least)) {
            self.rotate(sql)?;
        }
        if !self.kept {
            self.create_kept(sql)?;
        }
        self.begin = self.begin.or(Some(row));
        Ok(())
    }

    /// Makes the table that a grace goes into.
    pub(super) fn prepare_grace<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>) -> Result<(), StorageError> {
        if !self.graces {
            sql.exec(CREATE_GRACES, &[])?;
            self.graces = true;
        }
        Ok(())
    }

    /// Takes out what is below: a table at once where all of it is, which costs nothing, and else row by row.
    pub(super) fn trim<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>, below: Below) -> Result<(), StorageError> {
        if self.older && newest_of_older(sql)?.is_none_or(|newest| newest < below.row) {
            sql.exec("DROP TABLE kept_older", &[])?;
            self.older = false;
        }
        for table in [self.older.then_some("kept_older"), self.kept.then_some("kept")].into_iter().flatten() {
            sql.exec(&format!("DELETE FROM {table} WHERE first < ?1"), &[integer(below.row)])?;
            let bare = format!(
                "UPDATE {table} SET before = before + octet_length(text), text = '', lengths = '', \
                 ids = CASE WHEN first < ?2 THEN '' ELSE ids END \
                 WHERE first < ?1 AND (octet_length(lengths) > 0 OR (first < ?2 AND octet_length(ids) > 0))"
            );
            sql.exec(&bare, &[integer(below.text), integer(below.ids)])?;
        }
        self.begin = None;
        Ok(())
    }

    /// Takes out every table of rows and graces, which costs nothing.
    pub(super) fn clear_history<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>) -> Result<(), StorageError> {
        for (made, table) in [(self.kept, "kept"), (self.older, "kept_older"), (self.graces, "departures")] {
            if made {
                sql.exec(&format!("DROP TABLE {table}"), &[])?;
            }
        }
        (self.kept, self.older, self.graces, self.begin) = (false, false, false, None);
        Ok(())
    }

    fn rotate<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>) -> Result<(), StorageError> {
        sql.exec("DROP TABLE IF EXISTS kept_older", &[])?;
        sql.exec("ALTER TABLE kept RENAME TO kept_older", &[])?;
        (self.kept, self.older, self.begin) = (false, true, None);
        Ok(())
    }

    /// A new table has the columns of the one before it, those of a later release too: so a release that was rolled
    /// back to leaves nothing undone.
    fn create_kept<Q: Sql>(&mut self, sql: &mut Counted<'_, Q>) -> Result<(), StorageError> {
        let columns = match self.older {
            true => columns_of(sql, "kept_older")?,
            false => self.added.iter().fold(format!("({KEPT}"), with_column) + ")",
        };
        sql.exec(&format!("CREATE TABLE kept {columns}"), &[])?;
        self.kept = true;
        Ok(())
    }
}

/// Whether no row before `row` has to stay for the sake of the bounds, and enough of them have come together.
fn is_over(begin: RowKey, row: RowKey, keep: &[Floor], least: u64) -> bool {
    let free = !keep.iter().any(|floor| floor.holds(&begin));
    free && row.first.saturating_sub(begin.first) >= least
}

/// Each table's name and the statement that made it.
fn definitions<Q: Sql>(sql: &mut Counted<'_, Q>) -> Result<Vec<(String, String)>, StorageError> {
    let rows = sql.exec("SELECT name, sql FROM sqlite_master WHERE type = 'table'", &[])?;
    let definition = |values| {
        let mut columns = Columns::of(values);
        Some((columns.text()?, columns.text()?))
    };
    Ok(rows.into_iter().filter_map(definition).collect())
}

fn first_of_kept<Q: Sql>(sql: &mut Counted<'_, Q>) -> Result<Option<RowKey>, StorageError> {
    let rows = sql.exec("SELECT first, count, at, before FROM kept ORDER BY first LIMIT 1", &[])?;
    rows.into_iter().next().map(columns::key).transpose()
}

fn newest_of_older<Q: Sql>(sql: &mut Counted<'_, Q>) -> Result<Option<u64>, StorageError> {
    let rows = sql.exec("SELECT first FROM kept_older ORDER BY first DESC LIMIT 1", &[])?;
    Ok(rows.into_iter().next().and_then(columns::number))
}

/// The columns of a table as the statement that made it has them, with all that stands behind them.
pub(super) fn columns_of<Q: Sql>(sql: &mut Counted<'_, Q>, table: &str) -> Result<String, StorageError> {
    let rows = sql.exec("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1", &[Param::Text(table)])?;
    let definition = rows.into_iter().next().and_then(|values| Columns::of(values).text());
    let columns = definition.as_deref().and_then(|text| text.get(text.find('(')?..));
    columns.map(str::to_owned).ok_or_else(|| StorageError::Failed(format!("the table {table} has no definition")))
}

fn add_columns<Q: Sql>(
    sql: &mut Counted<'_, Q>,
    table: &str,
    definition: &str,
    added: &[Column],
) -> Result<(), StorageError> {
    for column in added.iter().filter(|column| !definition.contains(&format!(" {} ", column.name))) {
        sql.exec(&format!("ALTER TABLE {table} ADD COLUMN {} {}", column.name, column.declaration), &[])?;
    }
    Ok(())
}

fn with_column(columns: String, column: &Column) -> String {
    format!("{columns}, {} {}", column.name, column.declaration)
}

fn refuse_newer<Q: Sql>(sql: &mut Counted<'_, Q>) -> Result<(), StorageError> {
    let rows = sql.exec("SELECT max(version) FROM schema", &[])?;
    let version = rows.into_iter().next().and_then(|values| Columns::of(values).integer());
    match version {
        Some(version) if version > VERSION => Err(StorageError::Failed(format!(
            "the tables are of version {version}, and this release understands version {VERSION}: deploy the newer one"
        ))),
        _ => Ok(()),
    }
}
