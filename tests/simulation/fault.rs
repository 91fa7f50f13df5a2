//! What a simulation can find wrong: which promise is broken, by which rule, and how.

use std::fmt;

/// A promise of the service, each held against the model by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    Order,
    Acknowledged,
    Once,
    Resume,
    Presence,
    Answers,
    Rights,
    Bounds,
    Patience,
    /// Something panicked: a test double was asked for what no platform would do.
    Sanity,
}

/// One broken promise.
#[derive(Clone, Debug)]
pub struct Fault {
    pub promise: Promise,
    pub what: String,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Order => "not one order without gap or duplicate",
            Self::Acknowledged => "not everything acknowledged is there",
            Self::Once => "something is kept twice",
            Self::Resume => "a resume is not honest",
            Self::Presence => "presence does not converge",
            Self::Answers => "a request is not answered once and rightly",
            Self::Rights => "somebody hears what it may not, or not what it may",
            Self::Bounds => "history is not held within its bounds",
            Self::Patience => "it does not come to rest",
            Self::Sanity => "it fell over",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

impl Fault {
    /// Whose fault it is, before everything else that is said of it.
    pub fn of(self, whom: impl fmt::Display) -> Self {
        Self { what: format!("{whom}: {}", self.what), ..self }
    }

    /// When it happened, after everything that is said of it.
    pub fn when(self, when: impl fmt::Display) -> Self {
        Self { what: format!("{}\n  {when}", self.what), ..self }
    }
}

/// A fault: which promise, and what is wrong with it.
#[macro_export]
macro_rules! fault {
    ($promise:ident: $($what:tt)*) => {
        $crate::fault::Fault { promise: $crate::fault::Promise::$promise, what: format!($($what)*) }
    };
}

/// Returns a fault unless something holds.
#[macro_export]
macro_rules! check {
    ($holds:expr, $promise:ident: $($what:tt)*) => {
        if !$holds {
            return Err($crate::fault!($promise: $($what)*));
        }
    };
}
