//! Rows that the code reads and writes by key, for what is too much for a state: each turn reads what it asks for.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoded::encoded_within;
use super::named::Rows;
use super::state::place;
use super::turn::{KEY_BYTES_MAX, Turn};

/// The most bytes of JSON in a row.
pub(super) const ROW_BYTES_MAX: usize = 128 * 1_024;

/// The most rows that are read at once.
const ROWS_MAX: usize = 1_000;

impl Turn<'_> {
    /// The row of a key, with what this turn has changed. Nothing where there is none; where it cannot be read the whole turn
    /// is `internal`.
    pub fn row<T: DeserializeOwned>(&mut self, rows: Rows<T>, key: &str) -> Option<T> {
        let key = self.row_key(rows, key)?;
        let text = match self.outcome.rows.get(&key) {
            Some(changed) => Ok(changed.clone()),
            None => self.around.row(&key),
        };
        let row = text.map(|text| text.map(|text| read(&key, &text)).transpose());
        match row {
            Ok(Ok(row)) => row,
            Ok(Err(wrong)) | Err(wrong) => self.wrong(wrong),
        }
    }

    /// Rows in the order of their keys, from the first whose key is greater than `after`; at most 1,000.
    pub fn rows<T: DeserializeOwned>(&mut self, rows: Rows<T>, after: Option<&str>, limit: usize) -> Vec<(String, T)> {
        let prefix = format!("{}:", rows.name());
        let after = after.map(|after| format!("{prefix}{after}"));
        let limit = limit.min(ROWS_MAX);
        // What this turn takes out is read and passed over.
        let taken = self.outcome.rows.values().filter(|changed| changed.is_none()).count();
        let found = match self.around.rows(&prefix, after.as_deref(), limit.saturating_add(taken)) {
            Ok(found) => found,
            Err(wrong) => return self.wrong(wrong).unwrap_or_default(),
        };
        let mut found: std::collections::BTreeMap<_, _> =
            found.into_iter().map(|(key, text)| (key, Some(text))).collect();
        let own = self.outcome.rows.iter().filter(|(key, _)| key.starts_with(&prefix));
        found.extend(
            own.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
                .map(|(key, text)| (key.clone(), text.clone())),
        );
        let found = found.into_iter().filter_map(|(key, text)| Some((key, text?))).take(limit);
        let read = found.map(|(key, text)| Ok((key.split_at(prefix.len()).1.to_owned(), read(&key, &text)?)));
        match read.collect() {
            Ok(rows) => rows,
            Err(wrong) => self.wrong(wrong).unwrap_or_default(),
        }
    }

    /// Writes a row, in place of an earlier one of the same key. At most 128 KiB of JSON.
    pub fn put_row<T: Serialize>(&mut self, rows: Rows<T>, key: &str, row: &T) {
        let Some(key) = self.row_key(rows, key) else { return };
        match encoded_within(&format!("row `{key}`"), row, ROW_BYTES_MAX) {
            Ok(text) => drop(self.outcome.rows.insert(key, Some(text))),
            Err(wrong) => drop(self.wrong::<()>(wrong)),
        }
    }

    /// Takes a row out; nothing happens where there is none.
    pub fn remove_row<T>(&mut self, rows: Rows<T>, key: &str) {
        if let Some(key) = self.row_key(rows, key) {
            self.outcome.rows.insert(key, None);
        }
    }

    fn row_key<T>(&mut self, rows: Rows<T>, key: &str) -> Option<String> {
        if key.len() > KEY_BYTES_MAX {
            return self.wrong(format!("rows `{}`: a key has at most {KEY_BYTES_MAX} bytes", rows.name()));
        }
        if rows.name().contains(':') {
            return self.wrong(format!("rows `{}`: a name has no `:`", rows.name()));
        }
        Some(format!("{}:{key}", rows.name()))
    }
}

fn read<T: DeserializeOwned>(key: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("row `{key}` cannot be read: {}", place(&error)))
}
