//! Reading what was kept: replays after a position, and pages (rules D4, D10, E2).

use super::History;
use crate::limits::Limits;
use crate::storage::{Limit, Row, Storage, StorageError, Stored};
use dormouse_protocol::frame::Resumed;
use dormouse_protocol::name::{Epoch, Millis};
use dormouse_protocol::request::{From, Page};

/// How far back one without the ability `history` may resume, in milliseconds (rule D10).
pub const SHORT_MEMORY: Millis = 120_000;

/// Rows looked up at a time: a replay of as many bytes as one may have is rarely more.
const ROWS_MAX: usize = 2_048;

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

impl History {
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
            Asked::After { epoch, after, .. } => {
                let same = self.epoch.as_ref().map(Epoch::as_str) == Some(epoch);
                if !same && (*after > 0 || !self.is_nothing_still(epoch, now)) {
                    return Ok(bare(Resumed::Lost));
                }
                *after
            }
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
            let rows = storage.read_from(next, Limit { rows: ROWS_MAX, bytes: rest })?;
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
                let rows = until_sound(Limit { rows, bytes }, |limit| storage.read_from(from, limit))?;
                return Ok(Found::ascending(&rows, from, self.seq, size, bytes));
            }
            From::Before(before) => before.min(self.seq.saturating_add(1)),
            From::Head => self.seq.saturating_add(1),
        };
        if before <= first {
            return Ok(Found::default());
        }
        let rows = until_sound(Limit { rows, bytes }, |limit| storage.read_before(before, limit))?;
        Ok(Found::descending(&rows, first, before, size, bytes))
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

/// How much is read of what may be damaged, in bytes: it passes through wasm's memory, which never shrinks.
const DAMAGED_BYTES: u64 = 8 * 1_048_576;

/// Rows as far as the limit, and further until one can be read or there are no more: a page goes on behind what is
/// damaged, and is empty only at the end, or amid more damage than is read at once.
fn until_sound(
    limit: Limit,
    mut read: impl FnMut(Limit) -> Result<Vec<Stored<Row>>, StorageError>,
) -> Result<Vec<Stored<Row>>, StorageError> {
    let mut rows = read(limit)?;
    let mut further = rows.len();
    while rows.len() == further && further > 0 && rows.iter().all(|row| sound(row).is_none()) {
        further = further.saturating_mul(2);
        rows = read(Limit { rows: further, bytes: DAMAGED_BYTES })?;
    }
    Ok(rows)
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
