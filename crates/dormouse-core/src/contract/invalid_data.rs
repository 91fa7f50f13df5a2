//! What data does not fit, as its sender is told (rule R1).

use std::fmt;

/// What data does not fit: where, and what is expected there (rule R1, `invalid_data`).
///
/// It is told in the words of the contract's schema alone, so it names no type of ours (rule R2). As text it is fit to
/// be the `message` of a refusal: `data.items[3].x: must be a whole number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidData {
    /// The place in `data`: `text`, `items[3].x`, or nothing for the whole.
    pub path: String,
    /// What is expected there, as the sentence that goes on after the path: `must be a whole number`.
    pub message: String,
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        write!(f, "data{separator}{}: {}", self.path, self.message)
    }
}
