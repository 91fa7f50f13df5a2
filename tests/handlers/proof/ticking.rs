//! Ticks: so often while somebody is here, over sleep and death, and never where nobody is (rule C6).

use dormouse_core::testing::Client;
use proptest::prop_assert;

use super::history::Ticking;
use super::script::Op;
use super::story::{Held, Story};

/// A batch stays open for so long at most, and some more, in milliseconds.
const OPEN: u64 = 600;

/// How it stood before something happened.
pub struct Beat {
    now: u64,
    here: Vec<Client>,
    ticking: Option<Ticking>,
    tickings: usize,
    ticked: usize,
    crashes: usize,
    was_set: bool,
}

impl Beat {
    pub fn of(story: &Story) -> Self {
        Self {
            now: story.world.now(),
            here: story.clients.iter().copied().filter(|client| story.lives(*client)).collect(),
            ticking: story.history.ticking,
            tickings: story.history.tickings,
            ticked: story.history.ticked.len(),
            crashes: story.world.crashes(),
            was_set: story.clock_was_set_just_now(),
        }
    }
}

impl Story {
    /// It ticks while somebody is here, so often, and never else.
    pub fn ticks_are_right(&mut self, before: &Beat, op: Op) -> Held {
        if before.was_set || matches!(op, Op::Set(_)) {
            return Ok(());
        }
        let ticked = &self.history.ticked[before.ticked..];
        let alone = before.here.is_empty() && !matches!(op, Op::Join(..));
        let lonely = ticked.iter().filter(|at| alone && **at > before.now).count();
        prop_assert!(lonely == 0, "C6: it ticked where nobody was, after {}: {:?}", before.now, ticked);
        let Some(was) = before.ticking.filter(|_| before.tickings == self.history.tickings) else { return Ok(()) };
        let hasty = ticked.windows(2).find(|pair| pair[1] < pair[0] + was.every);
        prop_assert!(hasty.is_none(), "C6: it ticked too early, at {:?}, every {}", hasty, was.every);
        let stays = before.here.iter().any(|client| self.lives(*client)) && before.crashes == self.world.crashes();
        if stays && self.world.trouble.met() == 0 && !self.was_full {
            let waited = self.world.now() - before.now;
            let least = (waited.saturating_sub(OPEN) / was.every).saturating_sub(1).min(was.left);
            prop_assert!(ticked.len() as u64 >= least, "C6: of {} ticks in {} ms: {:?}", least, waited, ticked);
        }
        Ok(())
    }
}
