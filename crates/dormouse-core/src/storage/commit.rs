//! What one turn writes, together or not at all (rule D2).

use dormouse_protocol::name::Millis;

use super::{Floor, Record, RecordKind, Row};

/// The reply to a remembered call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whose request it was and its id, as one text.
    pub key: String,
    /// What was asked, hashed.
    pub fingerprint: String,
    /// When it was given, in milliseconds, up to 2^53 - 1; no earlier than any reply before it.
    pub at: Millis,
    /// What was replied.
    pub data: String,
}

/// What is written together or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commit<'a> {
    /// Rows to add after the newest, in order.
    pub rows: &'a [Row],
    /// What of the rows has to stay.
    pub keep: &'a [Floor],
    /// Records to write, each in place of an earlier one of its kind and key.
    pub put: &'a [Record],
    /// Records to forget, before any is put: what is in both is there afterwards.
    pub remove: &'a [(RecordKind, String)],
    /// Replies to remember, each in place of an earlier one of its key.
    pub replies: &'a [Reply],
    /// Replies older than this need not be known, in milliseconds.
    pub replies_since: Millis,
}
