//! The port [`Sql`] over a real SQLite: rusqlite's, or a Durable Object's where one is offered.

use std::cell::RefCell;
use std::rc::Rc;

use dormouse_core::storage::{Answer, Column, Damage, Param, Sql, SqlError, SqlStorage, StorageError, Value};
use rusqlite::types::ValueRef;
use serde_json::json;

use crate::disk::Disk;
use crate::there::There;

/// A database that outlives the storage opened over it.
#[derive(Clone)]
pub(crate) struct Database(Rc<RefCell<Inner>>);

struct Inner {
    engine: Engine,
    trouble: Option<Trouble>,
    /// Statements run so far, with the number of their parameters.
    statements: Vec<(String, usize)>,
    /// What was read for them: rows on the runtime, steps of the machine natively.
    read: u64,
    /// How many transactions were begun so far.
    transactions: usize,
}

enum Engine {
    Native(rusqlite::Connection),
    Runtime(There),
}

enum Trouble {
    NextRead(SqlError),
    NextWrite(SqlError),
    Statement(usize, SqlError),
}

impl Database {
    /// An empty database of whichever kind is at hand.
    pub(crate) fn open() -> Self {
        Self::over(match std::env::var("DORMOUSE_SQL") {
            Ok(address) => Engine::Runtime(There::at(&address)),
            Err(_) => Engine::Native(rusqlite::Connection::open_in_memory().unwrap()),
        })
    }

    /// An empty database that has room for only so many pages of 4,096 bytes.
    pub(crate) fn of_pages(pages: u32) -> Self {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        Self::over(Engine::Native(connection))
    }

    fn over(engine: Engine) -> Self {
        Self(Rc::new(RefCell::new(Inner { engine, trouble: None, statements: Vec::new(), read: 0, transactions: 0 })))
    }

    /// Runs a statement beside the storage, as somebody with access to the database would.
    pub(crate) fn run(&self, sql: &str, params: &[Param<'_>]) -> Vec<Vec<Value>> {
        self.0.borrow_mut().engine.exec(sql, params).unwrap().0.rows
    }

    /// What statements have read so far: rows on the runtime, steps of the machine natively.
    pub(crate) fn read(&self) -> u64 {
        self.0.borrow().read
    }

    /// The statements run so far.
    pub(crate) fn ran(&self) -> Vec<String> {
        self.0.borrow().statements.iter().map(|(sql, _)| sql.clone()).collect()
    }

    /// How many transactions were begun so far.
    pub(crate) fn transactions(&self) -> usize {
        self.0.borrow().transactions
    }

    /// How many statements were run so far.
    pub(crate) fn statements(&self) -> usize {
        self.0.borrow().statements.len()
    }

    pub(crate) fn table_names(&self) -> Vec<String> {
        let rows = self.run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", &[]);
        rows.into_iter().map(|row| text(&row[0])).collect()
    }

    /// All there is: what made each table and index, and the rows of each table.
    pub(crate) fn dump(&self) -> Vec<(String, Vec<Vec<Value>>)> {
        let made = self.run("SELECT sql FROM sqlite_master ORDER BY name", &[]);
        let rows = |table: &String| self.run(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[]);
        let tables = self.table_names();
        let dumps = tables.iter().map(|table| (table.clone(), rows(table)));
        std::iter::once((String::new(), made)).chain(dumps).collect()
    }

    /// How the database goes about every statement run so far that reads.
    pub(crate) fn plans(&self) -> Vec<String> {
        let statements = self.0.borrow().statements.clone();
        let reads = |sql: &str| sql.starts_with("SELECT") || sql.starts_with("DELETE");
        let rows = statements.iter().filter(|(sql, _)| reads(sql)).flat_map(|(sql, params)| {
            self.run(&format!("EXPLAIN QUERY PLAN {sql}"), &vec![Param::Integer(1); *params])
        });
        rows.map(|row| text(&row[3])).collect()
    }

    /// The statement that comes after `more` others fails.
    pub(crate) fn fail_after(&self, more: usize, error: SqlError) {
        let mut inner = self.0.borrow_mut();
        inner.trouble = Some(Trouble::Statement(inner.statements.len() + more, error));
    }

    pub(crate) fn is_trouble_over(&self) -> bool {
        self.0.borrow().trouble.is_none()
    }
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

impl Sql for Database {
    fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Answer, SqlError> {
        let inner = &mut *self.0.borrow_mut();
        let reads = sql.starts_with("SELECT");
        let hit = match &inner.trouble {
            Some(Trouble::NextRead(_)) => reads,
            Some(Trouble::NextWrite(_)) => !reads,
            Some(Trouble::Statement(at, _)) => *at == inner.statements.len(),
            None => false,
        };
        inner.statements.push((sql.to_owned(), params.len()));
        if hit && let Some(trouble) = inner.trouble.take() {
            return Err(trouble.error());
        }
        let (answer, read) = inner.engine.exec(sql, params)?;
        inner.read += read;
        Ok(answer)
    }

    fn delete_all(&mut self) -> Result<(), SqlError> {
        let inner = &mut *self.0.borrow_mut();
        if let Some(trouble) = inner.trouble.take_if(|trouble| matches!(trouble, Trouble::NextWrite(_))) {
            return Err(trouble.error());
        }
        match &mut inner.engine {
            Engine::Native(connection) => delete_all_natively(connection).map_err(|error| native(&error)),
            // What follows in the same turn must find nothing.
            Engine::Runtime(there) => {
                let left = "SELECT name FROM sqlite_master WHERE type = 'table'";
                let left = [json!({ "sql": left, "params": [] })];
                let (answer, _) = there.ask(&json!({ "deletes": true, "statements": left }))?;
                assert_eq!(answer.rows, Vec::<Vec<Value>>::new(), "all is gone at once");
                Ok(())
            }
        }
    }

    fn transaction<T, E: From<SqlError>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let mut inner = self.0.borrow_mut();
        inner.transactions += 1;
        inner.engine.begin();
        drop(inner);
        let done = work(self);
        self.0.borrow_mut().engine.end(done.is_ok())?;
        done
    }
}

/// Deletes every table but the database's own.
fn delete_all_natively(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    names
        .iter()
        .try_for_each(|name| connection.execute(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")), []).map(drop))
}

impl Trouble {
    fn error(self) -> SqlError {
        match self {
            Self::NextRead(error) | Self::NextWrite(error) | Self::Statement(_, error) => error,
        }
    }
}

impl Engine {
    /// The answer, and what was read for it.
    fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(Answer, u64), SqlError> {
        match self {
            Self::Native(connection) => exec_natively(connection, sql, params).map_err(|error| native(&error)),
            Self::Runtime(there) => there.exec(sql, params),
        }
    }

    fn begin(&mut self) {
        match self {
            Self::Native(connection) => connection.execute_batch("BEGIN").unwrap(),
            Self::Runtime(there) => assert!(there.transaction.replace(Vec::new()).is_none(), "one at a time"),
        }
    }

    fn end(&mut self, commits: bool) -> Result<(), SqlError> {
        match self {
            // Some errors have undone it already.
            Self::Native(connection) if connection.is_autocommit() => Ok(()),
            Self::Native(connection) => {
                connection.execute_batch(if commits { "COMMIT" } else { "ROLLBACK" }).map_err(|error| native(&error))
            }
            Self::Runtime(there) => {
                let statements = there.transaction.take().unwrap();
                if commits && !statements.is_empty() {
                    there.ask(&json!({ "transaction": "commits", "statements": statements }))?;
                }
                Ok(())
            }
        }
    }
}

fn native(error: &rusqlite::Error) -> SqlError {
    SqlError { full: is_full(error), message: error.to_string() }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

fn exec_natively(
    connection: &rusqlite::Connection,
    sql: &str,
    params: &[Param<'_>],
) -> rusqlite::Result<(Answer, u64)> {
    let mut statement = connection.prepare(sql)?;
    for (index, param) in params.iter().enumerate() {
        match param {
            // A Durable Object binds every number as a floating one.
            Param::Integer(number) => statement.raw_bind_parameter(index + 1, *number as f64)?,
            Param::Text(text) => statement.raw_bind_parameter(index + 1, text)?,
            Param::Null => statement.raw_bind_parameter(index + 1, rusqlite::types::Null)?,
        }
    }
    let (columns, reads) = (statement.column_count(), statement.readonly());
    let mut rows = Vec::new();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        rows.push((0..columns).map(|index| row.get_ref(index).map(value)).collect::<Result<_, _>>()?);
    }
    drop(found);
    let steps = statement.get_status(rusqlite::StatementStatus::VmStep);
    let rows_written = if reads { 0 } else { billed(connection, sql, params)? };
    Ok((Answer { rows, rows_written }, steps.try_into().unwrap()))
}

/// What the runtime bills a statement for, as measured there: the tests that count hold it to that.
fn billed(connection: &rusqlite::Connection, sql: &str, params: &[Param<'_>]) -> rusqlite::Result<u64> {
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
    Ok(match sql.split_whitespace().take(3).collect::<Vec<_>>()[..] {
        ["CREATE", "TABLE", ..] => 2,
        ["CREATE", "INDEX", ..] => 1,
        // The definition of each table is written again.
        ["ALTER", "TABLE", ..] if sql.contains("RENAME TO") => {
            1 + u64::from(connection.query_one(tables, [], |row| row.get::<_, u32>(0))?)
        }
        ["ALTER", "TABLE", ..] => 1,
        ["DROP", "TABLE", ..] => 0,
        // The index of what is due is one more row, but not for what goes.
        ["INSERT", "INTO", "records"] if matches!(params.get(2), Some(Param::Integer(_))) => 2 * connection.changes(),
        _ => connection.changes(),
    })
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Other, |text| Value::Text(text.to_owned())),
        ValueRef::Null => Value::Null,
        ValueRef::Real(_) | ValueRef::Blob(_) => Value::Other,
    }
}

pub(crate) struct InSqlite {
    pub(crate) database: Database,
    store: SqlStorage<Database>,
    added: &'static [Column],
}

impl InSqlite {
    pub(crate) fn over(database: Database) -> Self {
        let store = SqlStorage::new(database.clone());
        Self { database, store, added: &[] }
    }

    /// Another release, with these columns added, takes over.
    pub(crate) fn deploy(&mut self, added: &'static [Column]) {
        self.added = added;
        self.restart();
    }
}

impl Disk for InSqlite {
    type Store = SqlStorage<Database>;

    fn new() -> Self {
        Self::over(Database::open())
    }

    fn store(&mut self) -> &mut SqlStorage<Database> {
        &mut self.store
    }

    fn restart(&mut self) {
        self.store = SqlStorage::with_columns(self.database.clone(), self.added);
    }

    fn damage(&mut self, seq: u64, damage: Damage) {
        let change = match damage {
            Damage::Text => "text = text || ' '",
            Damage::Form => "format = 999",
            Damage::Epoch => "epoch = ''",
        };
        self.in_row(seq, &format!("UPDATE {{table}} SET {change}"));
    }

    fn lose(&mut self, seq: u64) {
        self.in_row(seq, "DELETE FROM {table}");
    }

    fn fail_next_write(&mut self, error: StorageError) {
        self.database.0.borrow_mut().trouble = Some(Trouble::NextWrite(as_sql(error)));
    }

    fn fail_next_read(&mut self, error: StorageError) {
        self.database.0.borrow_mut().trouble = Some(Trouble::NextRead(as_sql(error)));
    }
}

impl InSqlite {
    fn in_row(&self, seq: u64, statement: &str) {
        for table in self.database.table_names().iter().filter(|name| name.starts_with("kept")) {
            let statement = statement.replace("{table}", table) + " WHERE first <= ?1 AND first + count > ?1";
            self.database.run(&statement, &[Param::Integer(seq.try_into().unwrap())]);
        }
    }
}

fn as_sql(error: StorageError) -> SqlError {
    SqlError { full: error == StorageError::Full, message: error.to_string() }
}
