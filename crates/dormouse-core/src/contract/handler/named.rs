//! Names with the types that belong to them, written once and used wherever something is declared, said, asked or set.

use std::fmt;
use std::marker::PhantomData;

/// An event with the type of its data: `const ROLLED: Said<Rolled> = Said::new("rolled");`.
pub struct Said<T> {
    name: &'static str,
    data: PhantomData<fn(T)>,
}

/// A request that is answered, with the types of its input and its reply (rule C3):
/// `const ROLL: Call<Roll, Rolled> = Call::new("roll");`.
pub struct Call<I, O> {
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

/// What is to happen later, with the type of what is known then (rule C6):
/// `const UNMUTE: Timer<Unmute> = Timer::new("unmute");`. The name and the fields stand in what is stored, so a later
/// release reads them too.
pub struct Timer<T> {
    name: &'static str,
    data: PhantomData<fn(T)>,
}

impl<T> Said<T> {
    /// The event of this name: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, data: PhantomData }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<I, O> Call<I, O> {
    /// The call of this name: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<T> Timer<T> {
    /// The timer of this name: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, data: PhantomData }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// Work outside the channel, with the types of what is known of it and of what comes back (rule C7):
/// `const SCORE: Job<Score, Scored> = Job::new("score");`. The name and the fields stand in what is stored.
pub struct Job<T, O> {
    name: &'static str,
    types: PhantomData<fn(T) -> O>,
}

/// Rows of one type that the code keeps by key, for what is too much for a state:
/// `const SCORES: Rows<u64> = Rows::new("scores");`.
pub struct Rows<T> {
    name: &'static str,
    data: PhantomData<fn(T)>,
}

impl<T, O> Job<T, O> {
    /// The job of this name: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<T> Rows<T> {
    /// The rows of this name, which stands before their keys: 1 to 64 letters, digits, `_`, `-` and `.`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, data: PhantomData }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The name of an event whose data is of this type: a text that is written at the place, or a [`Said`].
pub trait Names<T> {
    /// The event's name.
    fn event_name(&self) -> &str;
}

impl<T> Names<T> for &str {
    fn event_name(&self) -> &str {
        self
    }
}

impl<T> Names<T> for Said<T> {
    fn event_name(&self) -> &str {
        self.name
    }
}

/// Derives would ask the types for what only the name needs.
macro_rules! named {
    ($name:ident<$($type:ident),*>) => {
        impl<$($type),*> Clone for $name<$($type),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($type),*> Copy for $name<$($type),*> {}

        impl<$($type),*> fmt::Debug for $name<$($type),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.name).finish()
            }
        }
    };
}

named!(Said<T>);
named!(Call<I, O>);
named!(Timer<T>);
named!(Job<T, O>);
named!(Rows<T>);
