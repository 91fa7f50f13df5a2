//! What a channel holds for the application's own code: its state, and what its turns have changed that is not on disk
//! yet (rules C1, C2).

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::AGAIN;
use super::ticks::Ticks;
use super::turn::noted;
use crate::contract::handler::{Cell, JobRequest};
use crate::contract::{ChannelRules, Surroundings};
use crate::storage::{RECORD_FORMAT, Record, RecordKind, Reply, Storage, StorageError};
use dormouse_protocol::name::Millis;

/// The key of the one state.
const STATE: &str = "";

/// Records that turns have changed; nothing where one is taken out.
pub(super) type Records = BTreeMap<(RecordKind, String), Option<Changed>>;

/// A record as a turn has left it.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub(super) due: Option<Millis>,
    pub(super) data: String,
    /// Of which format the data is: this release's, unless it is only put off.
    pub(super) format: u64,
}

impl Changed {
    pub(super) const fn new(due: Option<Millis>, data: String) -> Self {
        Self { due, data, format: RECORD_FORMAT }
    }
}

/// The code's side of a hub.
#[derive(Default)]
pub(super) struct Code {
    /// The state, as the turns have left it; none before it was read, and where it cannot be.
    pub(super) cell: Option<Cell>,
    /// The state as it is on disk.
    stored: Option<Rc<dyn Any>>,
    /// What is shown of that, once it was asked for.
    pub(super) shown: Option<Rc<str>>,
    /// When the first timer on disk is due, and the first job.
    pub(super) due: Due,
    /// Timers or jobs on disk have changed since this was last asked.
    moved: bool,
    /// Before this time of the steady clock nothing that is due is done: it could not be written lately.
    pub(super) due_again: Millis,
    /// What is not on disk yet.
    pub(super) pending: Pending,
    pub(super) ticks: Ticks,
    /// The jobs that were asked for and are not answered yet, each until when an answer is waited for.
    pub(super) under_way: BTreeMap<String, Millis>,
    /// Whether the last turn could not read something from the disk, which may work again soon.
    pub(super) unread: bool,
    /// Members who are gone for good, as their sessions were written down, of whom the code was not told yet.
    pub(super) gone: Vec<String>,
}

/// When the first of a kind is due that is on disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    pub(super) timer: Option<Millis>,
    pub(super) job: Option<Millis>,
}

/// What turns have changed beside the state, and what is done once that is on disk.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) records: Records,
    pub(super) replies: BTreeMap<String, Reply>,
    /// How many bytes of data the turns have put into records.
    pub(super) bytes: usize,
    /// Jobs that are tried.
    pub(super) jobs: Vec<JobRequest>,
    /// Whether some of it was due.
    pub(super) was_due: bool,
}

/// What is to be written.
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

/// So many jobs of a channel are under way at once: the platform opens six connections of an object at a time, and each
/// answer may take 256 KiB.
const UNDER_WAY_MAX: usize = 64;

impl Code {
    /// How many more jobs may be asked for now.
    pub(super) fn room(&self) -> usize {
        UNDER_WAY_MAX.saturating_sub(self.under_way.len()).saturating_sub(self.pending.jobs.len())
    }

    /// Reads the state, and when something is due. Where the state cannot be read it stays on disk as it is, no code runs,
    /// and the answer says why.
    pub(super) fn load(
        &mut self,
        rules: &ChannelRules,
        surroundings: &dyn Surroundings,
        storage: &mut dyn Storage,
    ) -> Result<Option<String>, StorageError> {
        // Also without any code: of what is due the next release is to hear.
        self.look_up_due(storage)?;
        if !rules.has_code() {
            return Ok(None);
        }
        if rules.handlers.on_tick.is_some() {
            self.ticks = Ticks::stored(storage.record(RecordKind::State, Ticks::KEY)?.map(|record| record.data));
        }
        match self.read_state(rules, surroundings, storage)? {
            Ok(state) => {
                self.stored = Some(Rc::clone(&state));
                self.cell = Some(Cell::new(state));
                Ok(None)
            }
            Err(why) => Ok(Some(why)),
        }
    }

    fn read_state(
        &self,
        rules: &ChannelRules,
        surroundings: &dyn Surroundings,
        storage: &mut dyn Storage,
    ) -> Result<Result<Rc<dyn Any>, String>, StorageError> {
        let state = &rules.handlers.state;
        if !state.declared {
            return Ok(Ok((state.fresh)()));
        }
        // Its default and its reading are code of the application too.
        Ok(match storage.record(RecordKind::State, STATE)? {
            None => noted(surroundings, "state", || Ok((state.fresh)())),
            Some(record) if record.format == RECORD_FORMAT => {
                noted(surroundings, "state", || (state.read)(&record.data))
            }
            Some(record) => Err(format!("it is of format {}, which a later release wrote", record.format)),
        })
    }

    /// Takes in that a record is to be written, or with nothing taken out.
    pub(super) fn change(&mut self, kind: RecordKind, key: String, changed: Option<Changed>) {
        let bytes = changed.as_ref().map_or(0, |changed| changed.data.len());
        self.pending.bytes = self.pending.bytes.saturating_add(bytes);
        self.pending.records.insert((kind, key), changed);
    }

    /// Looks up when the first timer and the first job are due.
    pub(super) fn look_up_due(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        self.due.timer = storage.first_due(RecordKind::Timer)?;
        self.due.job = storage.first_due(RecordKind::Job)?;
        Ok(())
    }

    /// The state as it is on disk.
    pub(super) fn stored(&self) -> Option<&Rc<dyn Any>> {
        self.stored.as_ref()
    }

    /// What is to be written.
    pub(super) fn changes(&self) -> Changes {
        let mut changes = Changes { replies: self.pending.replies.values().cloned().collect(), ..Changes::default() };
        if let Some(data) = self.cell.as_ref().and_then(|cell| cell.changed.as_deref()) {
            changes.put.push(Record {
                kind: RecordKind::State,
                key: STATE.to_owned(),
                due: None,
                format: RECORD_FORMAT,
                data: data.to_owned(),
            });
        }
        for ((kind, key), changed) in &self.pending.records {
            let (kind, key) = (*kind, key.clone());
            match changed.clone() {
                Some(Changed { due, data, format }) => changes.put.push(Record { kind, key, due, format, data }),
                None => changes.remove.push((kind, key)),
            }
        }
        changes
    }

    /// Whether anything is to be written, or done once all is.
    pub(super) fn has_changes(&self) -> bool {
        // No job is tried without its record.
        let Pending { records, replies, .. } = &self.pending;
        let beside = !records.is_empty() || !replies.is_empty();
        beside || self.cell.as_ref().is_some_and(|cell| cell.changed.is_some())
    }

    /// All was written. Answers which jobs are to be tried now.
    pub(super) fn written(&mut self, storage: &mut dyn Storage) -> Vec<JobRequest> {
        if let Some(cell) = self.cell.as_mut().filter(|cell| cell.changed.is_some()) {
            cell.changed = None;
            self.stored = Some(Rc::clone(cell.value()));
            self.shown = None;
        }
        let Pending { records, jobs, .. } = std::mem::take(&mut self.pending);
        if records.keys().any(|(kind, _)| matches!(kind, RecordKind::Timer | RecordKind::Job)) {
            self.moved = true;
            let known = self.due;
            if self.look_up_due(storage).is_err() {
                // Too early does no harm, it is asked for again then.
                let earliest = |kind: RecordKind, known: Option<Millis>| {
                    let of_kind = records.iter().filter(|((changed, _), _)| *changed == kind);
                    of_kind.filter_map(|(_, changed)| changed.as_ref()?.due).chain(known).min()
                };
                let (timer, job) = (earliest(RecordKind::Timer, known.timer), earliest(RecordKind::Job, known.job));
                self.due = Due { timer, job };
            }
        }
        self.ticks.written();
        jobs
    }

    /// Whether timers or jobs on disk have changed since this was last asked.
    pub(super) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.moved, false)
    }

    /// Nothing was written: memory is what is on disk (rule C2). What was due is so still, and is left alone for a while:
    /// every event would do it again, and the flush of each has another come at once.
    pub(super) fn take_back(&mut self, steady: Millis) {
        if self.pending.was_due {
            self.due_again = steady.saturating_add(AGAIN);
        }
        if let (Some(cell), Some(stored)) = (&mut self.cell, &self.stored) {
            *cell = Cell::new(Rc::clone(stored));
        }
        self.ticks.take_back();
        self.pending = Pending::default();
    }
}
