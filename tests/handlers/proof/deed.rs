//! What was done, as it is told and kept.

use dormouse::payload;

/// What was done.
#[payload]
#[derive(Clone)]
pub struct Deed {
    pub what: String,
    /// Of which request.
    pub n: u64,
    pub key: String,
    pub due: u64,
    pub at: u64,
    /// The rows that its turn read first.
    pub saw: String,
    /// The same rows, read once more at its end.
    pub then: String,
}

impl Deed {
    pub fn of(what: &str, n: u64) -> Self {
        let none = String::new;
        Self { what: what.to_owned(), n, key: none(), due: 0, at: 0, saw: none(), then: none() }
    }

    /// Whom its turn throws out.
    pub fn kicked(&self) -> Option<&str> {
        match self.what.as_str() {
            "kick" => Some(&self.key),
            "fired" if self.key == "c" => Some("cyd"),
            _ => None,
        }
    }
}
