//! Counts what a turn looks at, in builds with debug assertions, so that a test can tell that a turn costs what it does
//! and not how many members there are. In the service as it is deployed there is no trace of it.

#[cfg(debug_assertions)]
use std::cell::Cell;

#[cfg(debug_assertions)]
thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// So many entries of a map or a list were looked at one after the other, or moved.
#[cfg(debug_assertions)]
pub fn count(steps: usize) {
    TAKEN.with(|taken| taken.set(taken.get().saturating_add(steps as u64)));
}

/// Counts nothing.
#[cfg(not(debug_assertions))]
pub const fn count(_steps: usize) {}

/// How many steps this thread has taken; none where they are not counted.
pub fn taken() -> u64 {
    #[cfg(debug_assertions)]
    return TAKEN.with(Cell::get);
    #[cfg(not(debug_assertions))]
    0
}
