//! The kept messages of a channel: their order, their bounds, what is replayed, and which ids were seen
//! (rules D1–D10).

mod reading;
mod window;

use crate::contract::HistoryBounds;
use crate::limits::Limits;
use crate::storage::{Floor, Held, RecordKind, Row, RowKey, Storage, StorageError};
use dormouse_protocol::name::{Epoch, Millis};

use window::Window;

pub use reading::{Asked, Found, Replay, SHORT_MEMORY};
pub use window::{DedupeKey, Seen};

/// The order and the memory of one channel.
#[derive(Debug)]
pub struct History {
    bounds: HistoryBounds,
    epoch: Option<Epoch>,
    /// What is on disk.
    seq: u64,
    at: Millis,
    bytes: u64,
    /// The marks of what is accepted and not yet written, one for each seq after `seq`.
    reserved: Vec<Option<DedupeKey>>,
    window: Option<Window>,
    oldest: Option<RowKey>,
    held: Held,
    forgetful: bool,
}

impl History {
    /// A history that was not looked up yet.
    pub const fn new(bounds: HistoryBounds) -> Self {
        Self {
            bounds,
            epoch: None,
            seq: 0,
            at: 0,
            bytes: 0,
            reserved: Vec::new(),
            window: None,
            oldest: None,
            held: Held { text: None, ids: None },
            forgetful: false,
        }
    }

    /// Reads where the channel stands. A newest row that cannot be read ends this life: it is cleared, so that the
    /// channel lives on with a new epoch, and the answer names it for the log.
    ///
    /// # Errors
    /// Whatever the storage says; nothing is changed then, and the next event tries again.
    pub fn load(&mut self, storage: &mut dyn Storage) -> Result<Option<u64>, StorageError> {
        match storage.head() {
            Ok(Some(head)) => {
                self.held = storage.held()?;
                (self.epoch, self.seq, self.at, self.bytes) = (Some(head.epoch), head.seq, head.at, head.bytes);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(StorageError::Corrupt { first }) => {
                // Also what an earlier attempt may have read, before something else of the storage failed.
                self.end(storage)?;
                Ok(Some(first))
            }
            Err(error) => Err(error),
        }
    }

    /// The life of the history: the stored one, else that of the sessions, else one that begins now (rule D3).
    pub fn epoch(&mut self, fresh: &Epoch, now: Millis) -> Epoch {
        let age = self.bounds.age;
        self.epoch.get_or_insert_with(|| fresh.born(now, age)).clone()
    }

    /// Whether one who was told that nothing was kept in another life has missed nothing but what is kept in this one.
    ///
    /// Lives follow on each other, and one in which something was kept ends only when its newest message is too old. So
    /// for as long as messages are held since that life began, no other can have come and gone. It is believed for half
    /// of that, so that a clock that was set by less than the other half makes no difference, and no longer than for
    /// half of what is held by default, since a channel without a pattern ends after that (rule D9).
    fn is_nothing_still(&self, epoch: &str, now: Millis) -> bool {
        let Some((born, age)) = Epoch::birth(epoch) else { return false };
        !self.forgetful && born.abs_diff(now) < age.min(self.bounds.age).min(HistoryBounds::default().age) / 2
    }

    /// Tells whether a history was lost lately before it was too old: then positions of nothing are not believed.
    pub const fn set_forgetful(&mut self, forgetful: bool) {
        self.forgetful = forgetful;
    }

    /// Whether this life has a name already.
    pub const fn is_begun(&self) -> bool {
        self.epoch.is_some()
    }

    /// Goes on with a life that only the sessions remember, since nothing of it was kept yet.
    pub fn adopt(&mut self, epoch: &Epoch) {
        self.epoch.get_or_insert_with(|| epoch.clone());
    }

    /// A life in which nothing was kept ends with the last who was told of it: nobody else could know it again,
    /// and a channel that sleeps would have forgotten it (rules D3, H1).
    pub fn forget_blank(&mut self) {
        if self.head() == 0 {
            self.epoch = None;
        }
    }

    /// The newest seq on disk.
    pub const fn stored(&self) -> u64 {
        self.seq
    }

    /// Where the channel stands; nothing where its life has no name yet.
    pub const fn position(&self) -> Option<(&Epoch, u64)> {
        match &self.epoch {
            Some(epoch) => Some((epoch, self.seq)),
            None => None,
        }
    }

    /// The newest seq, reservations included.
    pub fn head(&self) -> u64 {
        self.seq.saturating_add(self.reserved.len() as u64)
    }

    /// When the newest message was kept; `None` where nothing is.
    pub const fn newest_at(&self) -> Option<Millis> {
        if self.seq == 0 { None } else { Some(self.at) }
    }

    /// How long messages are held.
    pub const fn age(&self) -> Millis {
        self.bounds.age
    }

    /// Whether this mark was seen within the window, stored or reserved (rule D7).
    ///
    /// # Errors
    /// Whatever the storage says where the window must be read first.
    pub fn seen(
        &mut self,
        dedupe_key: &DedupeKey,
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<Option<Seen>, StorageError> {
        if self.window.is_none() {
            self.window = Some(Window::load(self.window_floor(now, limits), storage)?);
        }
        // What is only reserved pushes nothing out of the window: it may yet be taken back.
        Ok(self.window.as_ref().and_then(|window| window.seen(dedupe_key, self.seq, now, limits)))
    }

    /// Reserves the next seq (rule D2).
    pub fn reserve(&mut self, dedupe_key: Option<DedupeKey>, now: Millis) -> u64 {
        let seq = self.head().saturating_add(1);
        if let (Some(window), Some(dedupe_key)) = (&mut self.window, &dedupe_key) {
            window.insert(dedupe_key.clone(), seq, now);
        }
        self.reserved.push(dedupe_key);
        seq
    }

    /// Writes what was reserved: the frames of one batch as one row, or several where they pass the size of one.
    ///
    /// # Errors
    /// The seq from which on nothing was written, and why; those reservations are taken back.
    pub fn keep(
        &mut self,
        frames: &[&str],
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<(), (u64, StorageError)> {
        // One row after the other, without a list of them: nearly always there is one.
        let mut rest = frames;
        while !rest.is_empty() {
            let (fits, behind) = rest.split_at(fitting(rest, limits.row_bytes));
            if let Err(error) = self.append(fits, now, limits, storage) {
                let failed = self.seq.saturating_add(1);
                self.take_back(failed);
                return Err((failed, error));
            }
            rest = behind;
        }
        if let Some(window) = &mut self.window {
            window.trim(self.seq, now, limits);
        }
        Ok(())
    }

    fn append(
        &mut self,
        frames: &[&str],
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<(), StorageError> {
        let row = self.row(frames, 0, self.stands(), now)?;
        storage.append(&row, &self.floors(&row, now, limits))?;
        self.count(&row);
        Ok(())
    }

    /// The rows that what was reserved would be written as, and what of the older is to be kept: for a write that has more
    /// to it than they. [`History::kept`] or [`History::give_up`] comes after it.
    ///
    /// # Errors
    /// What was reserved does not fit the frames.
    pub fn rows(&self, frames: &[&str], now: Millis, limits: &Limits) -> Result<(Vec<Row>, Vec<Floor>), StorageError> {
        let (mut rows, mut stands, mut rest, mut nth) = (Vec::new(), self.stands(), frames, 0_usize);
        while !rest.is_empty() {
            let (fits, behind) = rest.split_at(fitting(rest, limits.row_bytes));
            let row = self.row(fits, nth, stands, now)?;
            nth = nth.saturating_add(fits.len());
            stands = Stands { seq: row.key().last(), at: row.key().at, bytes: row.bytes_after() };
            rows.push(row);
            rest = behind;
        }
        let floors = rows.last().map(|row| self.floors(row, now, limits).to_vec()).unwrap_or_default();
        Ok((rows, floors))
    }

    /// These rows were written.
    pub fn kept(&mut self, rows: &[Row], now: Millis, limits: &Limits) {
        rows.iter().for_each(|row| self.count(row));
        if let Some(window) = &mut self.window {
            window.trim(self.seq, now, limits);
        }
    }

    /// Nothing of what was reserved was written.
    pub fn give_up(&mut self) {
        self.take_back(self.seq.saturating_add(1));
    }

    const fn stands(&self) -> Stands {
        Stands { seq: self.seq, at: self.at, bytes: self.bytes }
    }

    /// One row of reserved messages from the nth on.
    fn row(&self, frames: &[&str], nth: usize, stands: Stands, now: Millis) -> Result<Row, StorageError> {
        let invalid = || StorageError::Failed("a row that contradicts itself".to_owned());
        let epoch = self.epoch.clone().ok_or_else(invalid)?;
        let count = frames.len();
        let Stands { seq, at, bytes } = stands;
        let key = RowKey { first: seq.saturating_add(1), count: count as u64, at: at.max(now), before: bytes };
        let reserved = self.reserved.get(nth..nth.saturating_add(count)).ok_or_else(invalid)?;
        let lengths = frames.iter().map(|frame| u32::try_from(frame.len()).unwrap_or(u32::MAX)).collect();
        Row::new(key, epoch, window::encode(reserved), lengths, frames.join(",")).ok_or_else(invalid)
    }

    /// What is to be kept once this row is the newest.
    fn floors(&self, row: &Row, now: Millis, limits: &Limits) -> [Floor; 2] {
        [self.bounds_floor(now, row.key().last(), row.bytes_after()), self.window_floor(now, limits)]
    }

    /// The row is on disk.
    fn count(&mut self, row: &Row) {
        let key = row.key();
        let reserved = self.reserved.len().min(usize::try_from(key.count).unwrap_or(usize::MAX));
        self.reserved.drain(..reserved);
        (self.seq, self.at, self.bytes) = (key.last(), key.at, row.bytes_after());
        self.held.text.get_or_insert(key.at);
        self.held.ids.get_or_insert(key.at);
        if let Some(window) = &mut self.window {
            window.written(key);
        }
    }

    fn take_back(&mut self, failed: u64) {
        self.reserved.clear();
        if let Some(window) = &mut self.window {
            window.take_back(failed);
        }
    }

    /// The oldest seq still held; one past the head where none is (rule D4).
    ///
    /// # Errors
    /// Whatever the storage says.
    pub fn first(&mut self, now: Millis, storage: &mut dyn Storage) -> Result<u64, StorageError> {
        if self.seq == 0 {
            return Ok(1);
        }
        let floor = self.bounds_floor(now, self.seq, self.bytes);
        if let Some(oldest) = self.oldest.filter(|oldest| floor.holds(oldest)) {
            return Ok(oldest.first.max(floor.seq));
        }
        let known = self.oldest.map_or(0, |oldest| oldest.first);
        self.oldest = storage.oldest(Floor { seq: floor.seq.max(known), ..floor })?;
        Ok(self.oldest.map_or_else(|| self.seq.saturating_add(1), |oldest| oldest.first.max(floor.seq)))
    }

    /// When the oldest that is on disk is too old to stay there: messages, and ids that need not be known any more.
    pub fn stale_at(&self, limits: &Limits) -> Option<Millis> {
        let text = self.held.text.map(|at| at.saturating_add(self.bounds.age));
        let ids = self.held.ids.map(|at| at.saturating_add(self.bounds.age.max(limits.dedupe_ms)));
        [text, ids].into_iter().flatten().min()
    }

    /// Takes off the disk what is too old (rule D9).
    ///
    /// # Errors
    /// Whatever the storage says; what is in bounds is there all the same.
    pub fn trim(&mut self, now: Millis, limits: &Limits, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let text = Floor { at: now.saturating_sub(self.bounds.age), ..Floor::EVERYTHING };
        storage.trim(text, self.window_floor(now, limits))?;
        self.held = storage.held()?;
        Ok(())
    }

    /// The life ends: everything of it on disk goes, and the next joiner begins a new one (rule D9). What the application's
    /// code keeps outlives it (rule C2), also under a release that has no code: the next one may have it again.
    ///
    /// # Errors
    /// Whatever the storage says; nothing is forgotten then.
    pub fn end(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        match keeps_records(storage) {
            true => storage.clear_history()?,
            false => storage.clear()?,
        }
        *self = Self::new(self.bounds);
        Ok(())
    }

    /// What the contract's bounds hold (rule D9).
    fn bounds_floor(&self, now: Millis, head: u64, bytes: u64) -> Floor {
        Floor {
            seq: head.saturating_add(1).saturating_sub(self.bounds.count),
            at: now.saturating_sub(self.bounds.age),
            before: bytes.saturating_sub(self.bounds.bytes),
        }
    }

    /// What the dedupe window needs (rule D7).
    fn window_floor(&self, now: Millis, limits: &Limits) -> Floor {
        Floor {
            seq: self.seq.saturating_add(1).saturating_sub(limits.dedupe_count),
            at: now.saturating_sub(limits.dedupe_ms),
            before: 0,
        }
    }
}

/// Whether the application's code has anything on disk; also where that cannot be read.
fn keeps_records(storage: &mut dyn Storage) -> bool {
    RecordKind::ALL.iter().any(|kind| !storage.records(*kind, "", None, 1).is_ok_and(|found| found.is_empty()))
}

/// Where a history stands: its newest message, when that was kept, and the bytes of text up to there.
#[derive(Clone, Copy)]
struct Stands {
    seq: u64,
    at: Millis,
    bytes: u64,
}

/// How many of the frames fit one row; at least one.
fn fitting(frames: &[&str], bytes: u64) -> usize {
    let mut total = 0_u64;
    let fits = frames.iter().take_while(|frame| {
        total = total.saturating_add(frame.len() as u64).saturating_add(1);
        total <= bytes
    });
    fits.count().max(1)
}
