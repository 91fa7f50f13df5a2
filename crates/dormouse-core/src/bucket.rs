//! A token bucket: what is left of a rate (rule R5).

use crate::contract::Rate;
use dormouse_protocol::error::Refusal;
use dormouse_protocol::name::Millis;

/// What adding up fractions may be off by: a token that is short of so little is there.
const HAIR: f64 = 1e-6;

/// What is left of a rate. A full bucket and no bucket are the same, so a bucket need not outlive a pause.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    level: f64,
    at: Millis,
}

impl Bucket {
    /// A bucket that nothing was taken from yet.
    pub const fn full(rate: Rate, now: Millis) -> Self {
        Self { level: rate.burst, at: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// `rate_limited` with the milliseconds after which the next would pass; nothing is taken then.
    pub fn take(&mut self, rate: Rate, now: Millis) -> Result<(), Refusal> {
        self.refill(rate, now);
        if self.level < 1.0 - HAIR {
            return Err(Refusal::rate_limited(Self::wait(1.0 - self.level, rate)));
        }
        self.level -= 1.0;
        Ok(())
    }

    /// Whether anything is left, for what is paid after its size is known.
    ///
    /// # Errors
    /// `rate_limited` as long as the bucket is in debt.
    pub fn solvent(&mut self, rate: Rate, now: Millis) -> Result<(), Refusal> {
        self.refill(rate, now);
        if self.level <= HAIR { Err(Refusal::rate_limited(Self::wait(1.0 - self.level, rate))) } else { Ok(()) }
    }

    /// Takes what something cost, into debt if it must be.
    pub fn charge(&mut self, cost: f64) {
        self.level -= cost;
    }

    /// When it was last touched, by a clock that is never set back.
    pub const fn touched(&self) -> Millis {
        self.at
    }

    fn refill(&mut self, rate: Rate, now: Millis) {
        let seconds = millis(now.saturating_sub(self.at)) / 1000.0;
        self.level = (self.level + seconds * rate.per_second).min(rate.burst);
        self.at = self.at.max(now);
    }

    /// Milliseconds until so many tokens have come back, rounded up so that asking again then passes.
    fn wait(missing: f64, rate: Rate) -> Millis {
        let wait = ((missing - HAIR) / rate.per_second * 1000.0).ceil();
        // Saturating, and in range: a rate is above zero and the debt is bounded by one replay.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let wait = wait as Millis;
        wait.max(1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a pause are far below 2^53")]
const fn millis(pause: Millis) -> f64 {
    pause as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 3.0 };

    #[test]
    fn r5_a_burst_passes_and_the_next_is_told_when_it_would() {
        let mut bucket = Bucket::full(RATE, 1_000);
        for _ in 0..3 {
            assert_eq!(bucket.take(RATE, 1_000), Ok(()));
        }
        let refusal = bucket.take(RATE, 1_000).unwrap_err();
        assert_eq!(refusal.retry_after, Some(100));
        assert!(bucket.take(RATE, 1_099).is_err());
        assert_eq!(bucket.take(RATE, 1_100), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn r5_at_retry_after_the_next_passes_and_not_before(
            per_second in proptest::sample::select(vec![0.3, 0.5, 1.0, 7.0, 10.0, 20.0, 50.0, 333.3]),
            burst in proptest::sample::select(vec![1.0, 5.0, 30.0]),
            pauses in proptest::collection::vec(0_u64..400, 1..200),
        ) {
            let rate = Rate { per_second, burst };
            let (mut bucket, mut now) = (Bucket::full(rate, 1_700_000_000_000), 1_700_000_000_000);
            for pause in pauses {
                now = u64::saturating_add(now, pause);
                let Err(refusal) = bucket.take(rate, now) else { continue };
                let wait = refusal.retry_after.unwrap();
                let (mut sooner, mut then) = (bucket, bucket);
                proptest::prop_assert!(wait == 1 || sooner.take(rate, now.saturating_add(wait.saturating_sub(1))).is_err());
                proptest::prop_assert!(then.take(rate, now.saturating_add(wait)).is_ok());
            }
        }
    }

    #[test]
    fn r5_a_refused_request_costs_nothing_and_a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::full(RATE, 1_000);
        for _ in 0..100 {
            let _ = bucket.take(RATE, 1_000);
        }
        assert!(bucket.take(RATE, 500).is_err());
        assert_eq!(bucket.take(RATE, 1_100), Ok(()));
        assert!(bucket.take(RATE, 1_100).is_err());
    }

    #[test]
    fn d10_a_debt_is_paid_off_before_the_next_replay() {
        let mut bucket = Bucket::full(RATE, 0);
        assert_eq!(bucket.solvent(RATE, 0), Ok(()));
        bucket.charge(10.0);
        assert_eq!(bucket.solvent(RATE, 0).unwrap_err().retry_after, Some(800));
        assert!(bucket.solvent(RATE, 700).is_err());
        assert_eq!(bucket.solvent(RATE, 701), Ok(()));
    }
}
