//! What a handler makes of an event that it judges.

/// What is said of a message that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It is said as it came, byte for byte.
    AsSaid,
    /// This is said in its place, by the same member.
    Instead(T),
}
