//! How fast something may be said (rule R5).

/// How many a second, and how many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens that come back each second; above zero.
    pub per_second: f64,
    /// The most tokens there are; at least one.
    pub burst: f64,
}

impl Rate {
    /// A rate with a burst of one second (rule R5).
    pub const fn per_second(per_second: f64) -> Self {
        Self { per_second, burst: per_second.max(1.0) }
    }

    /// So many times the rate, and the burst.
    pub const fn times(self, factor: f64) -> Self {
        Self { per_second: self.per_second * factor, burst: self.burst * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_a_rate_without_a_burst_has_a_burst_of_one_second() {
        assert_eq!(Rate::per_second(5.0).burst, 5.0);
        assert_eq!(Rate::per_second(0.5).burst, 1.0);
    }
}
