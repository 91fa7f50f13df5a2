//! Records and replies in memory.

use std::collections::BTreeMap;

use super::{Commit, Record, RecordKind, Reply};
use dormouse_protocol::name::Millis;

/// What handlers keep beside the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    records: BTreeMap<(RecordKind, String), Record>,
    replies: BTreeMap<String, Reply>,
}

impl Beside {
    /// Writes what of this is no row, and says how many rows that would be billed as.
    pub(super) fn write(&mut self, commit: &Commit<'_>) -> usize {
        let gone = commit.remove.iter().filter(|id| self.records.remove(id).is_some()).count();
        for record in commit.put {
            self.records.insert((record.kind, record.key.clone()), record.clone());
        }
        let indexed = commit.put.iter().filter(|record| record.due.is_some()).count();
        if !commit.replies.is_empty() {
            // Sooner than a database does, so that a caller who counts on what is older is found out.
            self.replies.retain(|_, reply| reply.at >= commit.replies_since);
        }
        self.replies.extend(commit.replies.iter().map(|reply| (reply.key.clone(), reply.clone())));
        [gone, commit.put.len(), indexed, commit.replies.len()].into_iter().fold(0, usize::saturating_add)
    }

    pub(super) fn record(&self, kind: RecordKind, key: &str) -> Option<&Record> {
        self.records.get(&(kind, key.to_owned()))
    }

    /// Those of a kind, by key.
    pub(super) fn records(&self, kind: RecordKind) -> impl Iterator<Item = &Record> {
        let from = (kind, String::new());
        self.records.range(from..).map(|(_, record)| record).take_while(move |record| record.kind == kind)
    }

    /// Those of a kind that are due at this time or before, by time and key.
    pub(super) fn due(&self, kind: RecordKind, until: Millis) -> Vec<&Record> {
        let mut due: Vec<_> =
            self.records(kind).filter_map(|record| Some((record.due.filter(|due| *due <= until)?, record))).collect();
        due.sort_by_key(|(due, _)| *due); // stable: by key where the time is the same
        due.into_iter().map(|(_, record)| record).collect()
    }

    pub(super) fn reply(&self, key: &str, since: Millis) -> Option<&Reply> {
        self.replies.get(key).filter(|reply| reply.at >= since)
    }
}
