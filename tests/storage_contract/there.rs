//! A Durable Object's SQLite, at the other end of a connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use dormouse_core::storage::{Answer, Param, SqlError, Value};
use serde_json::{Value as Json, json};

/// A Durable Object at the other end of a connection.
pub(crate) struct There {
    stream: BufReader<TcpStream>,
    /// What the open transaction has run so far. Nothing may be awaited in one there, so each statement goes with all
    /// before it, which ran and were undone for the one before.
    pub(crate) transaction: Option<Vec<Json>>,
}

/// One line of JSON there, `{"statements":[{"sql":…,"params":[…]},…]}`, and one back, `{"rows":[…],"written":n,"read":n}` of
/// the last statement or `{"error":"…"}`. With `"deletes":true` all is deleted first; with `"transaction"` the statements
/// are one, which `"commits"` or is `"undone"`. Each connection has an empty object of its own.
impl There {
    /// Connects to whoever hands statements through.
    pub(crate) fn at(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), transaction: None }
    }

    pub(crate) fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(Answer, u64), SqlError> {
        let params: Vec<_> = params
            .iter()
            .map(|param| match param {
                Param::Integer(number) => json!(number),
                Param::Text(text) => json!(text),
                Param::Null => Json::Null,
            })
            .collect();
        let statement = json!({ "sql": sql, "params": params });
        let Some(earlier) = &self.transaction else {
            return self.ask(&json!({ "statements": [statement] }));
        };
        let statements: Vec<_> = earlier.iter().cloned().chain([statement]).collect();
        let answer = self.ask(&json!({ "transaction": "undone", "statements": statements }))?;
        self.transaction = Some(statements);
        Ok(answer)
    }

    pub(crate) fn ask(&mut self, request: &Json) -> Result<(Answer, u64), SqlError> {
        let request = format!("{request}\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let answer: Json = serde_json::from_str(&line).unwrap();
        if let Some(message) = answer["error"].as_str() {
            return Err(SqlError { full: message.contains("SQLITE_FULL"), message: message.to_owned() });
        }
        let rows =
            answer["rows"].as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(value_of).collect());
        let answer_of = |name: &str| answer[name].as_u64().unwrap();
        Ok((Answer { rows: rows.collect(), rows_written: answer_of("written") }, answer_of("read")))
    }
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number.as_i64().map_or(Value::Other, Value::Integer),
        Json::Null => Value::Null,
        _ => Value::Other,
    }
}
