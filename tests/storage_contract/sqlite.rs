//! The port [`Sql`] over a real SQLite: rusqlite's, or a Durable Object's where one is offered.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::rc::Rc;

use dormouse_core::storage::{Answer, Column, Damage, Param, Sql, SqlError, SqlStorage, StorageError, Value};
use rusqlite::types::ValueRef;
use serde_json::{Value as Json, json};

use crate::disk::Disk;

/// A database that outlives the storage opened over it.
#[derive(Clone)]
pub(crate) struct Database(Rc<RefCell<Inner>>);

struct Inner {
    engine: Engine,
    trouble: Option<Trouble>,
    /// Statements run so far, with the number of their parameters.
    statements: Vec<(String, usize)>,
}

enum Engine {
    Native(rusqlite::Connection),
    Runtime(BufReader<TcpStream>),
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
            Ok(address) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                Engine::Runtime(BufReader::new(stream))
            }
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
        Self(Rc::new(RefCell::new(Inner { engine, trouble: None, statements: Vec::new() })))
    }

    /// Runs a statement beside the storage, as somebody with access to the database would.
    pub(crate) fn run(&self, sql: &str, params: &[Param<'_>]) -> Vec<Vec<Value>> {
        self.0.borrow_mut().engine.exec(sql, params).unwrap().rows
    }

    pub(crate) fn table_names(&self) -> Vec<String> {
        let rows = self.run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", &[]);
        rows.into_iter().map(|row| text(&row[0])).collect()
    }

    /// How the database goes about every statement run so far.
    pub(crate) fn plans(&self) -> Vec<String> {
        let statements = self.0.borrow().statements.clone();
        let rows = statements.iter().filter(|(sql, _)| sql.starts_with("SELECT")).flat_map(|(sql, params)| {
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
        inner.engine.exec(sql, params)
    }

    fn delete_all(&mut self) -> Result<(), SqlError> {
        let inner = &mut *self.0.borrow_mut();
        if let Some(trouble) = inner.trouble.take_if(|trouble| matches!(trouble, Trouble::NextWrite(_))) {
            return Err(trouble.error());
        }
        match &mut inner.engine {
            Engine::Native(connection) => delete_all_natively(connection)
                .map_err(|error| SqlError { full: is_full(&error), message: error.to_string() }),
            // What follows in the same turn must find nothing.
            Engine::Runtime(stream) => {
                let left = "SELECT name FROM sqlite_master WHERE type = 'table'";
                let answer = ask_there(stream, &json!({ "deletes": true, "sql": left, "params": [] }))?;
                assert_eq!(answer.rows, Vec::<Vec<Value>>::new(), "all is gone at once");
                Ok(())
            }
        }
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
    fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Answer, SqlError> {
        match self {
            Self::Native(connection) => exec_natively(connection, sql, params)
                .map_err(|error| SqlError { full: is_full(&error), message: error.to_string() }),
            Self::Runtime(stream) => exec_there(stream, sql, params),
        }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

fn exec_natively(connection: &rusqlite::Connection, sql: &str, params: &[Param<'_>]) -> rusqlite::Result<Answer> {
    let mut statement = connection.prepare(sql)?;
    for (index, param) in params.iter().enumerate() {
        match param {
            // A Durable Object binds every number as a floating one.
            Param::Integer(number) => statement.raw_bind_parameter(index + 1, *number as f64)?,
            Param::Text(text) => statement.raw_bind_parameter(index + 1, text)?,
        }
    }
    let (columns, reads) = (statement.column_count(), statement.readonly());
    let mut rows = Vec::new();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        rows.push((0..columns).map(|index| row.get_ref(index).map(value)).collect::<Result<_, _>>()?);
    }
    drop(found);
    let rows_written = if reads { 0 } else { billed(connection, sql) };
    Ok(Answer { rows, rows_written })
}

/// What the runtime bills a statement for, as measured there: `d9_a_deleted_row_is_billed_and_a_dropped_table_is_not` holds it to that.
fn billed(connection: &rusqlite::Connection, sql: &str) -> u64 {
    match sql.split_whitespace().take(2).collect::<Vec<_>>()[..] {
        ["CREATE", "TABLE"] => 2,
        ["ALTER", "TABLE"] if sql.contains("RENAME TO") => 2,
        ["ALTER", "TABLE"] => 1,
        ["DROP", "TABLE"] => 0,
        _ => connection.changes(),
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Other, |text| Value::Text(text.to_owned())),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Other,
    }
}

/// One line of JSON there, `{"sql":…,"params":[…]}`, with `"deletes":true` where all is to be deleted first, and one back, `{"rows":[…],"written":n}` or `{"error":"…"}`. Each
/// connection has an empty object of its own.
fn exec_there(stream: &mut BufReader<TcpStream>, sql: &str, params: &[Param<'_>]) -> Result<Answer, SqlError> {
    let params: Vec<_> = params
        .iter()
        .map(|param| match param {
            Param::Integer(number) => json!(number),
            Param::Text(text) => json!(text),
        })
        .collect();
    ask_there(stream, &json!({ "sql": sql, "params": params }))
}

fn ask_there(stream: &mut BufReader<TcpStream>, request: &Json) -> Result<Answer, SqlError> {
    let request = format!("{request}\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let answer: Json = serde_json::from_str(&line).unwrap();
    if let Some(message) = answer["error"].as_str() {
        return Err(SqlError { full: message.contains("SQLITE_FULL"), message: message.to_owned() });
    }
    let rows =
        answer["rows"].as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(value_of).collect());
    Ok(Answer { rows: rows.collect(), rows_written: answer["written"].as_u64().unwrap() })
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number.as_i64().map_or(Value::Other, Value::Integer),
        _ => Value::Other,
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
