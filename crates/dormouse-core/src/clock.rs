//! The machine's clock: the platform's may be set, forwards or back, and durations must not be measured by it.

use dormouse_protocol::name::Millis;

/// What the platform's clock showed last, and how far it was set back in all.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest: Millis,
    behind: Millis,
}

impl Clock {
    /// An event comes at this time; whether the clock was set back before it.
    pub(crate) const fn show(&mut self, now: Millis) -> bool {
        let back = self.latest.saturating_sub(now);
        self.behind = self.behind.saturating_add(back);
        self.latest = now;
        back > 0
    }

    /// The same time on a clock that never goes back: for what begins and ends while the object is awake. A step back
    /// gives nothing, and costs what it is at most; a step forwards is time that has gone by.
    pub(crate) const fn steady(&self, now: Millis) -> Millis {
        now.saturating_add(self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_a_steady_clock_goes_on_when_the_clock_is_set_back_and_never_goes_back() {
        let mut clock = Clock::default();
        let mut last = 0;
        for (now, steady, back) in
            [(1_000, 1_000, false), (999, 1_000, true), (1_500, 1_501, false), (0, 1_501, true), (9_000, 10_501, false)]
        {
            assert_eq!((clock.show(now), clock.steady(now)), (back, steady));
            assert!(clock.steady(now) >= last);
            last = clock.steady(now);
        }
    }
}
