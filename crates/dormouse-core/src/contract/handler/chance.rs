//! Where random numbers come from: the machine has no chance of its own.

use std::ops::RangeInclusive;

/// Random numbers, drawn by whoever runs the machine.
pub trait Chance {
    /// 64 random bits that nobody can guess.
    fn draw(&self) -> u64;
}

/// A number out of a range, each as likely as the others. An empty range gives its start.
pub(super) fn within(chance: &dyn Chance, range: &RangeInclusive<u64>) -> u64 {
    let (start, end) = (*range.start(), *range.end());
    let Some(span) = end.checked_sub(start) else { return start };
    let Some(count) = span.checked_add(1) else { return chance.draw() };
    // Of the 2^64 draws those beyond the last whole multiple of the count would make the first numbers likelier.
    let most = u64::MAX.checked_rem(count).map_or(u64::MAX, |rest| u64::MAX.saturating_sub(rest));
    loop {
        let drawn = chance.draw();
        if drawn < most || most == u64::MAX {
            return start.saturating_add(drawn.checked_rem(count).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Draws what it was given, one after the other, and then zeros.
    struct Drawn(Cell<Vec<u64>>);

    impl Drawn {
        fn of(draws: &[u64]) -> Self {
            Self(Cell::new(draws.iter().rev().copied().collect()))
        }
    }

    impl Chance for Drawn {
        fn draw(&self) -> u64 {
            let mut draws = self.0.take();
            let drawn = draws.pop().unwrap_or_default();
            self.0.set(draws);
            drawn
        }
    }

    #[test]
    fn c1_a_random_number_is_within_its_range_ends_included() {
        for (range, draw, number) in [(1..=6, 0, 1), (1..=6, 5, 6), (1..=6, 6, 1), (7..=7, 99, 7), (0..=u64::MAX, 9, 9)]
        {
            assert_eq!(within(&Drawn::of(&[draw]), &range), number, "{range:?} {draw}");
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "what a handler may hand over by mistake")]
    fn c1_an_empty_range_gives_its_start() {
        assert_eq!(within(&Drawn::of(&[3]), &(6..=1)), 6);
    }

    #[test]
    fn c1_a_draw_that_would_favour_the_first_numbers_is_drawn_again() {
        assert_eq!(within(&Drawn::of(&[u64::MAX, 4]), &(1..=6)), 5);
    }
}
