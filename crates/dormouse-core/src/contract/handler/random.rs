//! Random numbers of a range, out of random bits: the machine has no chance of its own.

use std::ops::RangeInclusive;

/// A number out of a range, each as likely as the others. An empty range gives its start.
pub(super) fn within(draw: impl Fn() -> u64, range: &RangeInclusive<u64>) -> u64 {
    let (start, end) = (*range.start(), *range.end());
    let Some(span) = end.checked_sub(start) else { return start };
    let Some(count) = span.checked_add(1) else { return draw() };
    // Of the 2^64 draws those beyond the last whole multiple of the count would make the first numbers likelier.
    let most = u64::MAX.checked_rem(count).map_or(u64::MAX, |rest| u64::MAX.saturating_sub(rest));
    loop {
        let drawn = draw();
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
    fn drawn(draws: &[u64]) -> impl Fn() -> u64 {
        let left = Cell::new(draws.iter().rev().copied().collect::<Vec<_>>());
        move || {
            let mut draws = left.take();
            let drawn = draws.pop().unwrap_or_default();
            left.set(draws);
            drawn
        }
    }

    #[test]
    fn c1_a_random_number_is_within_its_range_ends_included() {
        for (range, draw, number) in [(1..=6, 0, 1), (1..=6, 5, 6), (1..=6, 6, 1), (7..=7, 99, 7), (0..=u64::MAX, 9, 9)]
        {
            assert_eq!(within(drawn(&[draw]), &range), number, "{range:?} {draw}");
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "what a handler may hand over by mistake")]
    fn c1_an_empty_range_gives_its_start() {
        assert_eq!(within(drawn(&[3]), &(6..=1)), 6);
    }

    #[test]
    fn c1_a_draw_that_would_favour_the_first_numbers_is_drawn_again() {
        assert_eq!(within(drawn(&[u64::MAX, 4]), &(1..=6)), 5);
    }
}
