//! What is wrong with a contract, told to whoever wrote it.

use std::fmt;
use std::panic::Location;

/// One mistake in a contract: the line to change, and a sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    at: &'static Location<'static>,
    text: String,
}

impl Mistake {
    pub(super) const fn new(at: &'static Location<'static>, text: String) -> Self {
        Self { at, text }
    }

    /// The same mistake, told with the channel it is in.
    pub(super) fn within(self, pattern: &str) -> Self {
        Self { at: self.at, text: format!("in `{pattern}`, {}", self.text) }
    }

    /// The file to change, as the compiler names it.
    pub fn file(&self) -> &'static str {
        self.at.file()
    }

    /// The line to change.
    pub fn line(&self) -> u32 {
        self.at.line()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}.", self.at.file(), self.at.line(), self.text)
    }
}
