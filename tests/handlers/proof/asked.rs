//! What is said and asked in a story, and how it is answered.

use dormouse::payload;

/// What is made of something that is said.
#[payload]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Plain,
    Instead,
    Other,
    Also,
    No,
}

#[payload]
pub struct Word {
    /// Which request it is.
    pub n: u64,
    pub how: How,
}

/// What is asked for.
#[payload]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Count,
    Set,
    Cancel,
    /// A job at another server.
    Start,
    /// A job at a binding.
    File,
    /// Has the channel tick for a while.
    Tick,
    Hush,
    Put,
    Take,
    List,
    Kick,
    No,
}

#[payload]
pub struct Ask {
    /// Which request it is.
    pub n: u64,
    pub what: What,
    /// Of a timer or a row; how often it ticks; who is thrown out.
    pub key: String,
    pub after: u64,
}

#[payload]
pub struct Done {
    pub n: u64,
    pub said: u64,
}

#[payload]
pub struct Worked {
    pub n: u64,
}
