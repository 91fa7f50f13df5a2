//! The few words of SQL's surroundings that a platform has to supply.

use super::super::StorageError;

/// A SQLite database, one statement at a time. The shell implements it over the platform's storage.
pub trait Sql {
    /// Runs one statement to its end and returns all of its rows.
    ///
    /// Parameters are `?1`, `?2` and so on in the text, in the order of `params`.
    ///
    /// # Errors
    /// What the database says. A statement that fails has changed nothing.
    fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Answer, SqlError>;

    /// Deletes every table, whichever release made it, and frees what they took; and with them whatever else the
    /// platform keeps for this database, such as an alarm. Statements may follow at once, and find it empty.
    ///
    /// # Errors
    /// What the database says; nothing is deleted then.
    fn delete_all(&mut self) -> Result<(), SqlError>;

    /// Runs `work` once. Where it fails, all that its statements did is undone, tables made or dropped too. Inside of it
    /// stands no other transaction.
    ///
    /// # Errors
    /// What `work` says, or the database where it cannot begin or end the transaction; nothing was changed then.
    fn transaction<T, E: From<SqlError>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E>;
}

/// A value on its way into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param<'a> {
    /// A whole number from 0 to 2^53 - 1, so that a platform that has only floating ones can pass it on.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// Nothing.
    Null,
}

/// A value out of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number; a platform that has only floating ones hands whole ones over as this.
    Integer(i64),
    /// A text.
    Text(String),
    /// Nothing.
    Null,
    /// Anything else: none of it is ours.
    Other,
}

/// What a statement brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its rows, each with its columns in order.
    pub rows: Vec<Vec<Value>>,
    /// The rows it wrote, as the platform bills them.
    pub rows_written: u64,
}

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// Whether the database has no room left.
    pub full: bool,
    /// What the database says, for the log.
    pub message: String,
}

impl From<SqlError> for StorageError {
    fn from(error: SqlError) -> Self {
        if error.full { Self::Full } else { Self::Failed(error.message) }
    }
}

/// The greatest whole number that every platform passes on unchanged.
pub(super) const INTEGER_MAX: i64 = (1 << 53) - 1;

/// A number as a parameter. What is greater than a row can hold is a bound to compare with, and its end is as good.
pub(super) fn integer(number: impl TryInto<i64>) -> Param<'static> {
    Param::Integer(number.try_into().map_or(INTEGER_MAX, |number| number.min(INTEGER_MAX)))
}

/// A number as a parameter, or nothing.
pub(super) fn integer_or_null(number: Option<u64>) -> Param<'static> {
    number.map_or(Param::Null, integer)
}

/// A database that counts what is written to it.
pub(super) struct Counted<'a, Q> {
    sql: &'a mut Q,
    rows_written: &'a mut u64,
}

impl<'a, Q: Sql> Counted<'a, Q> {
    pub(super) const fn new(sql: &'a mut Q, rows_written: &'a mut u64) -> Self {
        Self { sql, rows_written }
    }

    pub(super) fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Vec<Value>>, StorageError> {
        let answer = self.sql.exec(sql, params)?;
        *self.rows_written = self.rows_written.saturating_add(answer.rows_written);
        Ok(answer.rows)
    }

    /// Runs `work` as one transaction. What it wrote counts where it is undone, too.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Counted<'_, Q>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let rows_written = &mut *self.rows_written;
        self.sql.transaction(|sql| work(&mut Counted { sql, rows_written }))
    }
}
