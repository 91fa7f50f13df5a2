//! What a channel's handlers keep beside its messages: state, rows, timers and jobs.

use std::fmt;

use dormouse_protocol::name::Millis;

/// The form in which this release writes the data of a record.
pub const RECORD_FORMAT: u64 = 1;

/// One thing that a channel's handlers keep beside its messages. There is one of a kind and a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: RecordKind,
    /// What it is known by among its kind; it may be empty.
    pub key: String,
    /// When it is due, in milliseconds, up to 2^53 - 1; none where it has no time.
    pub due: Option<Millis>,
    /// The form of `data`: [`RECORD_FORMAT`] where this release wrote it. Whoever finds another leaves it as it is.
    pub format: u64,
    /// What it says.
    pub data: String,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// The state that the handlers share.
    State,
    /// A row of state that is too large to be read as a whole.
    Row,
    /// What is to be done at a time.
    Timer,
    /// What is to be done outside.
    Job,
    /// A member that is connected through a relay; its data is what a socket would have attached.
    Relayed,
    /// A relay that is to hear that its link is over; its data is the life of that link.
    Relay,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::State, Self::Row, Self::Timer, Self::Job, Self::Relayed, Self::Relay];

    /// The name that stands on disk.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Row => "row",
            Self::Timer => "timer",
            Self::Job => "job",
            Self::Relayed => "relayed",
            Self::Relay => "relay",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
