//! The object's SQLite database, as the storage port wants it.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Array, Reflect};
use worker::worker_sys::DurableObjectStorage;

use super::trouble;
use dormouse_core::storage::{Answer, Param, Sql, SqlError, Value};

/// The database of one object. What it writes in one turn becomes durable together, and nothing is told before.
pub(crate) struct Database {
    storage: JsValue,
    sql: JsValue,
}

impl Database {
    /// The database behind an object's storage.
    pub(crate) fn of(storage: &DurableObjectStorage) -> Result<Self, JsValue> {
        Ok(Self { storage: storage.into(), sql: Reflect::get(storage, &"sql".into())? })
    }
}

impl Sql for Database {
    fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Answer, SqlError> {
        let params: Array = params.iter().map(bind).collect();
        let answer = run(&self.sql, sql, &params).map_err(|thrown| failure(&thrown))?;
        let rows = Array::from(&answer.get(0)).into_iter().map(|row| Array::from(&row).iter().map(value_of).collect());
        Ok(Answer { rows: rows.collect(), rows_written: count(&answer.get(1)) })
    }

    fn delete_all(&mut self) -> Result<(), SqlError> {
        delete_all(&self.storage).map_err(|thrown| failure(&thrown))
    }

    fn transaction<T, E: From<SqlError>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let storage = self.storage.clone();
        let (mut work, mut done) = (Some(work), None);
        let ended = transaction(&storage, &mut || {
            done = work.take().map(|work| work(self));
            matches!(done, Some(Ok(_)))
        });
        match (done, ended) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(thrown)) => Err(failure(&thrown).into()),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => Err(SqlError { full: false, message: "the transaction did not run".to_owned() }.into()),
        }
    }
}

/// Numbers cross the border as doubles: exact to 2^53, and where they are more only compared with.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn bind(param: &Param<'_>) -> JsValue {
    match param {
        Param::Integer(number) => JsValue::from_f64(*number as f64),
        Param::Text(text) => JsValue::from_str(text),
        Param::Null => JsValue::NULL,
    }
}

fn value_of(value: JsValue) -> Value {
    if let Some(text) = value.as_string() {
        return Value::Text(text);
    }
    if value.is_null() {
        return Value::Null;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and a float cast saturates")]
    let whole = value.as_f64().filter(|number| number.fract() == 0.0).map(|number| Value::Integer(number as i64));
    whole.unwrap_or(Value::Other)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and a float cast saturates")]
fn count(value: &JsValue) -> u64 {
    value.as_f64().unwrap_or_default() as u64
}

fn failure(thrown: &JsValue) -> SqlError {
    let message = trouble::text(thrown);
    SqlError { full: message.contains("SQLITE_FULL") || message.contains("disk is full"), message }
}

#[wasm_bindgen(module = "/src/shell/sql.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn run(sql: &JsValue, statement: &str, params: &Array) -> Result<Array, JsValue>;
    #[wasm_bindgen(catch)]
    fn delete_all(storage: &JsValue) -> Result<(), JsValue>;
    /// The closure stands on the stack and is called once, before this returns.
    #[wasm_bindgen(catch)]
    fn transaction(storage: &JsValue, work: &mut dyn FnMut() -> bool) -> Result<(), JsValue>;
}
