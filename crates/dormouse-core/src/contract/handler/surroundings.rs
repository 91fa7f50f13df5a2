//! What the application's code takes of the world around it.

use super::who::Who;

/// What a platform lends to the application's code: chance, and a note of what the code is doing, which is still there where
/// it panicked and all memory is lost.
pub trait Surroundings {
    /// 64 random bits that nobody can guess.
    fn draw(&self) -> u64;

    /// The code begins with this request, which came over the session of this key if it came over one: `["who","id"]`, or
    /// words where nobody asked. False where it has panicked over it before, and would again.
    fn begins(&self, request: &str, session: Option<u32>) -> bool;

    /// It has come to its end with it.
    fn ended(&self);
}

/// What a turn may look at beside its state.
pub(crate) trait Around {
    /// 64 random bits.
    fn draw(&self) -> u64;

    /// A row, as it is on disk or about to be.
    fn row(&mut self, key: &str) -> Result<Option<String>, String>;

    /// Rows whose keys begin so, in the order of their keys, after one of them.
    fn rows(&mut self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, String)>, String>;

    /// Every connection that has joined.
    fn members(&mut self) -> Vec<Who>;
}
