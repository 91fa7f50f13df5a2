//! [`Trouble`]: what can go wrong around a channel.

use crate::storage::StorageError;

/// How the process dies in the middle of a turn. What a turn writes becomes durable together or not at all, and
/// nothing is told before (rule D2); sockets break unseen, all memory is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doom {
    /// Before anything was written: nothing is on disk, nothing was told.
    Unwritten,
    /// After everything was written, and so many of the effects were applied.
    Untold(usize),
}

/// Which calls of the storage fail, each once, and how the process dies. What fails has done nothing.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Fails a reading, after so many that succeed.
    pub read: Option<usize>,
    /// Fails a writing, after so many that succeed.
    pub write: Option<usize>,
    /// How the process dies in the next turn.
    pub doom: Option<Doom>,
    met: usize,
}

impl Trouble {
    /// From now on all goes well.
    pub const fn end(&mut self) {
        (self.read, self.write, self.doom) = (None, None, None);
    }

    /// How many calls have failed.
    pub const fn met(&self) -> usize {
        self.met
    }

    pub(super) fn meet_read(&mut self) -> Result<(), StorageError> {
        let fails = is_over(&mut self.read);
        self.meet(fails)
    }

    pub(super) fn meet_write(&mut self) -> Result<(), StorageError> {
        let fails = is_over(&mut self.write);
        self.meet(fails)
    }

    fn meet(&mut self, fails: bool) -> Result<(), StorageError> {
        if !fails {
            return Ok(());
        }
        self.met += 1;
        Err(StorageError::Failed("the disk is in trouble".to_owned()))
    }
}

/// Counts down, and whether that was the last.
fn is_over(countdown: &mut Option<usize>) -> bool {
    let over = *countdown == Some(0);
    *countdown = countdown.and_then(|left| left.checked_sub(1));
    over
}
