//! The kept messages of a channel: their order, their bounds, what is replayed, and which ids were seen
//! (rules D1–D10).

mod window;

use crate::config::Limits;
use crate::contract::HistoryBounds;
use crate::name::{Epoch, Millis};
use crate::protocol::frame::Resumed;
use crate::protocol::request::{From, Page};
use crate::storage::{Floor, Limit, Row, RowKey, Storage, StorageError, Stored};

use window::Window;
pub use window::{Mark, Seen};

/// How far back one without the ability `history` may resume, in milliseconds (rule D10).
pub const SHORT_MEMORY: Millis = 120_000;

/// What a resume brings.
#[derive(Debug, PartialEq, Eq)]
pub struct Replay {
    /// How the position was met.
    pub resumed: Resumed,
    /// The messages missed, encoded and in order; each piece is one or more, parted by commas.
    pub pieces: Vec<String>,
    /// The first seq of a row that could not be read, for the log.
    pub corrupt: Option<u64>,
}

/// A page of history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Encoded messages in ascending order, parted by commas.
    pub messages: String,
    /// Whether there are more in the direction of paging.
    pub more: bool,
    /// The first seq of a row that could not be read, for the log.
    pub corrupt: Option<u64>,
}

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
    reserved: Vec<Option<Mark>>,
    window: Option<Window>,
    oldest: Option<RowKey>,
}

impl History {
    /// A history that was not looked up yet.
    pub const fn new(bounds: HistoryBounds) -> Self {
        Self { bounds, epoch: None, seq: 0, at: 0, bytes: 0, reserved: Vec::new(), window: None, oldest: None }
    }

    /// Reads where the channel stands. A newest row that cannot be read ends this life: it is cleared, so that the
    /// channel lives on with a new epoch, and the answer names it for the log.
    ///
    /// # Errors
    /// Whatever the storage says; nothing is changed then, and the next event tries again.
    pub fn load(&mut self, storage: &mut dyn Storage) -> Result<Option<u64>, StorageError> {
        match storage.head() {
            Ok(Some(head)) => {
                (self.epoch, self.seq, self.at, self.bytes) = (Some(head.epoch), head.seq, head.at, head.bytes);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(StorageError::Corrupt { first }) => {
                storage.clear()?;
                Ok(Some(first))
            }
            Err(error) => Err(error),
        }
    }

    /// The life of the history: the stored one, else that of the sessions, else the fresh one (rule D3).
    pub fn epoch(&mut self, fresh: &Epoch) -> Epoch {
        self.epoch.get_or_insert_with(|| fresh.clone()).clone()
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
        mark: &Mark,
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<Option<Seen>, StorageError> {
        let head = self.head();
        if self.window.is_none() {
            self.window = Some(Window::read(self.window_floor(now, limits), storage)?);
        }
        Ok(self.window.as_ref().and_then(|window| window.seen(mark, head, now, limits)))
    }

    /// Reserves the next seq (rule D2).
    pub fn reserve(&mut self, mark: Option<Mark>, now: Millis) -> u64 {
        let seq = self.head().saturating_add(1);
        if let (Some(window), Some(mark)) = (&mut self.window, &mark) {
            window.insert(mark.clone(), seq, now);
        }
        self.reserved.push(mark);
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
        let mut rest = frames;
        while !rest.is_empty() {
            let (row, behind) = rest.split_at(fitting(rest, limits.row_bytes));
            if let Err(error) = self.append(row, now, limits, storage) {
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
        let invalid = || StorageError::Failed("a row that contradicts itself".to_owned());
        let epoch = self.epoch.clone().ok_or_else(invalid)?;
        let count = frames.len();
        let key =
            RowKey { first: self.seq.saturating_add(1), count: count as u64, at: self.at.max(now), before: self.bytes };
        let marks = window::encode(self.reserved.get(..count).ok_or_else(invalid)?);
        let lengths = frames.iter().map(|frame| u32::try_from(frame.len()).unwrap_or(u32::MAX)).collect();
        let row = Row::new(key, epoch, marks, lengths, frames.join(",")).ok_or_else(invalid)?;
        let bytes = row.bytes_after();
        storage.append(&row, &[self.bounds_floor(now, key.last(), bytes), self.window_floor(now, limits)])?;
        self.reserved.drain(..count);
        (self.seq, self.at, self.bytes) = (key.last(), key.at, bytes);
        if let Some(window) = &mut self.window {
            window.written(key);
        }
        Ok(())
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

    /// Everything kept after a position, or why not (rules D4, D10).
    ///
    /// # Errors
    /// Whatever the storage says.
    pub fn replay(
        &mut self,
        asked: &Asked,
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<Replay, StorageError> {
        let bare = |resumed| Replay { resumed, pieces: Vec::new(), corrupt: None };
        let after = match asked {
            Asked::Nothing => return Ok(bare(Resumed::Fresh)),
            Asked::Nonsense => return Ok(bare(Resumed::Lost)),
            Asked::After { epoch, .. } if self.epoch.as_ref().map(Epoch::as_str) != Some(epoch) => {
                return Ok(bare(Resumed::Lost));
            }
            Asked::After { after, .. } => *after,
        };
        let next = after.saturating_add(1);
        if after == self.seq {
            return Ok(bare(Resumed::Recovered));
        }
        if after > self.seq || next < self.first(now, storage)? {
            return Ok(bare(Resumed::Lost));
        }
        let mut replay = Replay { resumed: Resumed::Recovered, pieces: Vec::new(), corrupt: None };
        let mut next = next;
        while next <= self.seq {
            // The first row may be large and little of it missed: so it is what was cut that counts.
            let rest = limits.replay_bytes.saturating_sub(replay.bytes());
            let rows = storage.read_from(next, Limit { rows: usize::MAX, bytes: rest })?;
            match self.cut(next, &rows, asked.oldest(now), &mut replay.pieces) {
                Ok(behind) => next = behind,
                Err(corrupt) => return Ok(Replay { corrupt, ..bare(Resumed::Lost) }),
            }
            if replay.bytes() > limits.replay_bytes {
                return Ok(bare(asked.too_much()));
            }
        }
        Ok(replay)
    }

    /// Cuts what was missed out of rows, in one unbroken order; answers the seq to go on from. What cannot be read or
    /// is out of reach is the error, with the first seq of a row that is to blame.
    fn cut(
        &self,
        next: u64,
        rows: &[Stored<Row>],
        oldest: Millis,
        pieces: &mut Vec<String>,
    ) -> Result<u64, Option<u64>> {
        if rows.is_empty() {
            return Err(None);
        }
        let mut next = next;
        for stored in rows {
            let row = match stored {
                Stored::Sound(row) if row.key().first <= next && Some(row.epoch()) == self.epoch.as_ref() => row,
                Stored::Sound(row) => return Err(Some(row.key().first)),
                Stored::Corrupt { first } => return Err(Some(*first)),
            };
            if row.key().at < oldest {
                return Err(None);
            }
            pieces.push(row.cut(next, row.key().last()).to_owned());
            next = row.key().last().saturating_add(1);
        }
        Ok(next)
    }

    /// A page of history, at most 256 KiB but at least one message (rules D4, E2).
    ///
    /// # Errors
    /// Whatever the storage says.
    pub fn page(
        &mut self,
        page: &Page,
        now: Millis,
        limits: &Limits,
        storage: &mut dyn Storage,
    ) -> Result<Found, StorageError> {
        let size = page.size;
        let first = self.first(now, storage)?;
        let bytes = limits.replay_bytes;
        let rows = usize::try_from(size).unwrap_or(usize::MAX);
        let before = match page.from {
            From::After(after) => {
                let from = after.saturating_add(1).max(first);
                if from > self.seq {
                    return Ok(Found::default());
                }
                let rows = storage.read_from(from, Limit { rows, bytes })?;
                return Ok(Found::ascending(&rows, from, self.seq, size, bytes));
            }
            From::Before(before) => before.min(self.seq.saturating_add(1)),
            From::Head => self.seq.saturating_add(1),
        };
        if before <= first {
            return Ok(Found::default());
        }
        let rows = storage.read_before(before, Limit { rows, bytes })?;
        Ok(Found::descending(&rows, first, before, size, bytes))
    }

    /// The life ends: everything on disk goes, and the next joiner begins a new one (rule D9).
    ///
    /// # Errors
    /// Whatever the storage says; nothing is forgotten then.
    pub fn end(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        storage.clear()?;
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

/// The position a client asks to resume from, and how far back it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It asks for nothing: `fresh`.
    Nothing,
    /// What it asks for cannot be a position: `lost`.
    Nonsense,
    /// After this seq of this life.
    After {
        /// The life, as the client named it.
        epoch: String,
        /// The last seq it has.
        after: u64,
        /// Whether it may go back as far as anything is held, or only [`SHORT_MEMORY`] (rule D10).
        far: bool,
    },
}

impl Asked {
    const fn oldest(&self, now: Millis) -> Millis {
        match self {
            Self::After { far: false, .. } => now.saturating_sub(SHORT_MEMORY),
            Self::After { .. } | Self::Nothing | Self::Nonsense => 0,
        }
    }

    /// What one is told who missed more than is replayed: to page for it, which takes the ability.
    pub const fn too_much(&self) -> Resumed {
        match self {
            Self::After { far: false, .. } => Resumed::Lost,
            Self::After { .. } | Self::Nothing | Self::Nonsense => Resumed::Behind,
        }
    }
}

impl Replay {
    /// The bytes of the messages.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).fold(0, u64::saturating_add)
    }
}

impl Found {
    fn ascending(rows: &[Stored<Row>], from: u64, head: u64, size: u64, bytes: u64) -> Self {
        let frames = rows.iter().filter_map(sound).flat_map(Row::frames).filter(|(seq, _)| *seq >= from);
        let (taken, last) = take(frames, size, bytes);
        Self { messages: taken.join(","), more: last.is_some_and(|last| last < head), corrupt: corrupt(rows) }
    }

    fn descending(rows: &[Stored<Row>], first: u64, before: u64, size: u64, bytes: u64) -> Self {
        let backwards = |row| Row::frames(row).collect::<Vec<_>>().into_iter().rev();
        let held = |seq: u64| (first..before).contains(&seq);
        let frames = rows.iter().filter_map(sound).flat_map(backwards).filter(|(seq, _)| held(*seq));
        let (mut taken, last) = take(frames, size, bytes);
        taken.reverse();
        Self { messages: taken.join(","), more: last.is_some_and(|last| last > first), corrupt: corrupt(rows) }
    }
}

/// The frames of a page, and the seq of the last one taken.
fn take<'a>(frames: impl Iterator<Item = (u64, &'a str)>, size: u64, bytes: u64) -> (Vec<&'a str>, Option<u64>) {
    let (mut taken, mut last, mut total) = (Vec::new(), None, 0_u64);
    for (seq, frame) in frames {
        total = total.saturating_add(frame.len() as u64);
        if taken.len() as u64 >= size || (total > bytes && !taken.is_empty()) {
            break;
        }
        taken.push(frame);
        last = Some(seq);
    }
    (taken, last)
}

const fn sound(stored: &Stored<Row>) -> Option<&Row> {
    match stored {
        Stored::Sound(row) => Some(row),
        Stored::Corrupt { .. } => None,
    }
}

fn corrupt(rows: &[Stored<Row>]) -> Option<u64> {
    rows.iter().find_map(|stored| match stored {
        Stored::Sound(_) => None,
        Stored::Corrupt { first } => Some(*first),
    })
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
