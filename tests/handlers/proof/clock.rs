//! A clock that is set. What is due is due by the clock that the platform shows: set back, a timer waits for its time to be
//! shown, and is early only if that was not shown yet; set forwards, it is overdue at once. It is neither lost nor doubled.

use super::story::Story;

/// When the clock was set, and to when.
#[derive(Debug, Default)]
pub struct Steps {
    /// Forwards: from when to when.
    forwards: Vec<(u64, u64)>,
    /// By how much it was set back in all.
    pub back: u64,
    /// When it was last set, by the clock that nobody sets.
    last: Option<u64>,
}

impl Steps {
    /// When what is due then can first be done.
    pub fn shown(&self, due: u64) -> u64 {
        let passed = self.forwards.iter().filter(|(from, to)| (*from..=*to).contains(&due)).map(|(_, to)| *to);
        passed.max().unwrap_or(due).max(due)
    }
}

impl Story {
    pub fn set_clock(&mut self, by: i64) {
        let (before, after) = (self.world.now(), self.world.now().saturating_add_signed(by));
        for request in &mut self.requests {
            request.latest = request.latest.max(before);
            request.first = request.first.min(after);
        }
        self.steps.back += before.saturating_sub(after);
        if after > before {
            self.steps.forwards.push((before, after));
        }
        self.steps.last = Some(self.world.elapsed());
        self.world.set_clock(after);
        // What is overdue by it fires now.
        self.world.advance(0);
    }

    /// Whether what waits to be written may be of before the clock was set.
    pub fn clock_was_set_just_now(&self) -> bool {
        self.steps.last.is_some_and(|last| self.world.elapsed() <= last + 1_000)
    }
}
