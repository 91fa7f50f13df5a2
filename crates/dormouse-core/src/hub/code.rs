//! What a channel holds for the application's own code: its state, and what its turns have changed that is not on disk
//! yet (rules C1, C2).

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::contract::ChannelRules;
use crate::contract::handler::{Cell, TimerChange};
use crate::storage::{RECORD_FORMAT, Record, RecordKind, Reply, Storage, StorageError};
use dormouse_protocol::name::{Millis, UserId};

/// The key of the one state.
const STATE: &str = "";

/// The code's side of a hub.
#[derive(Default)]
pub(super) struct Code {
    /// The state, as the turns have left it; none before it was read, and where it cannot be.
    pub(super) cell: Option<Cell>,
    /// The state as it is on disk.
    stored: Option<Rc<dyn Any>>,
    /// What is shown of that, once it was asked for.
    pub(super) shown: Option<Rc<str>>,
    /// When the first timer on disk is due.
    pub(super) due: Option<Millis>,
    /// Timers that are set, or taken back, and not on disk yet.
    pub(super) timers: BTreeMap<String, Option<(Millis, String)>>,
    /// Replies to remembered calls that are not on disk yet.
    pub(super) replies: BTreeMap<String, Reply>,
    /// Whose connections end once the turn is on disk.
    kicked: Vec<UserId>,
    /// Members who are gone for good, as their sessions were written down, of whom the code was not told yet.
    pub(super) gone: Vec<String>,
}

/// What turns have changed, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) put: Vec<Record>,
    pub(super) remove: Vec<(RecordKind, String)>,
    pub(super) replies: Vec<Reply>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty() && self.replies.is_empty()
    }
}

impl Code {
    /// Reads the state, and when the first timer is due. Where the state cannot be read it stays on disk as it is, no code
    /// runs, and the answer says why.
    pub(super) fn load(
        &mut self,
        rules: &ChannelRules,
        storage: &mut dyn Storage,
    ) -> Result<Option<String>, StorageError> {
        if !rules.has_code() {
            return Ok(None);
        }
        let handlers = &rules.handlers;
        if !handlers.timers.is_empty() {
            self.due = storage.first_due(RecordKind::Timer)?;
        }
        let written = match handlers.state.declared {
            true => storage.record(RecordKind::State, STATE)?,
            false => None,
        };
        let state = match &written {
            None => Ok((handlers.state.fresh)()),
            Some(record) if record.format == RECORD_FORMAT => (handlers.state.read)(&record.data),
            Some(record) => Err(format!("it is of format {}, which a later release wrote", record.format)),
        };
        match state {
            Ok(state) => {
                self.stored = Some(Rc::clone(&state));
                self.cell = Some(Cell::new(state));
                Ok(None)
            }
            Err(why) => Ok(Some(why)),
        }
    }

    /// The state as it is on disk.
    pub(super) fn stored(&self) -> Option<&Rc<dyn Any>> {
        self.stored.as_ref()
    }

    /// Takes in what a turn has changed beside the state.
    pub(super) fn note(&mut self, timers: Vec<TimerChange>, kicked: Vec<UserId>) {
        self.timers.extend(timers.into_iter().map(|change| (change.key, change.set)));
        self.kicked.extend(kicked);
    }

    /// What is to be written, by the handlers that know how.
    pub(super) fn changes(&self, rules: &ChannelRules) -> Result<Changes, String> {
        let mut changes = Changes { replies: self.replies.values().cloned().collect(), ..Changes::default() };
        if let Some(cell) = self.cell.as_ref().filter(|cell| cell.changed) {
            let data = (rules.handlers.state.write)(cell.value().as_ref())?;
            changes.put.push(record(RecordKind::State, STATE.to_owned(), None, data));
        }
        for (key, set) in &self.timers {
            match set {
                Some((due, data)) => {
                    changes.put.push(record(RecordKind::Timer, key.clone(), Some(*due), data.clone()));
                }
                None => changes.remove.push((RecordKind::Timer, key.clone())),
            }
        }
        Ok(changes)
    }

    /// Whether anything is to be written, or done once all is.
    pub(super) fn has_changes(&self) -> bool {
        let changed = self.cell.as_ref().is_some_and(|cell| cell.changed);
        changed || !self.timers.is_empty() || !self.replies.is_empty() || !self.kicked.is_empty()
    }

    /// All was written. Answers whose connections end now.
    pub(super) fn written(&mut self, storage: &mut dyn Storage) -> Vec<UserId> {
        if let Some(cell) = self.cell.as_mut().filter(|cell| cell.changed) {
            cell.changed = false;
            self.stored = Some(Rc::clone(cell.value()));
            self.shown = None;
        }
        let timers = std::mem::take(&mut self.timers);
        if !timers.is_empty() {
            let earliest = timers.into_values().flatten().map(|(due, _)| due).chain(self.due).min();
            // Where it cannot be read now: too early does no harm, it is asked for again then.
            self.due = storage.first_due(RecordKind::Timer).unwrap_or(earliest);
        }
        self.replies.clear();
        std::mem::take(&mut self.kicked)
    }

    /// Nothing was written: memory is what is on disk (rule C2).
    pub(super) fn take_back(&mut self) {
        if let (Some(cell), Some(stored)) = (&mut self.cell, &self.stored) {
            *cell = Cell::new(Rc::clone(stored));
        }
        self.timers.clear();
        self.replies.clear();
        self.kicked.clear();
    }
}

fn record(kind: RecordKind, key: String, due: Option<Millis>, data: String) -> Record {
    Record { kind, key, due, format: RECORD_FORMAT, data }
}
