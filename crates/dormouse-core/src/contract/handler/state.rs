//! What a channel remembers for the application: its state, in memory while the channel is awake and on disk with the turn
//! that changed it (rule C2).

use std::any::Any;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoded::encoded_within;

/// The most bytes of JSON that a state may take: a row of the platform ends at 2 MB. What is larger goes into rows of its
/// own.
pub(crate) const STATE_BYTES_MAX: usize = 1 << 20;

/// The state of a channel, as a handler sees it: read and changed as the value itself.
///
/// It is copied by the first change of a turn and put back where the turn is refused or cannot be written.
pub struct State<S> {
    value: Rc<S>,
    changed: bool,
}

impl<S> Deref for State<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.value
    }
}

impl<S: Clone> DerefMut for State<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.changed = true;
        Rc::make_mut(&mut self.value)
    }
}

impl<S: fmt::Debug> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The state with its type erased, and whether a turn has changed it.
#[derive(Clone)]
pub(crate) struct Cell {
    value: Rc<dyn Any>,
    /// As it is to be written, where a turn has changed it.
    pub(crate) changed: Option<Rc<str>>,
    /// Whether it has changed since it was encoded.
    touched: bool,
}

impl Cell {
    /// A cell that holds what was read, or what a channel begins with.
    pub(crate) fn new(value: Rc<dyn Any>) -> Self {
        Self { value, changed: None, touched: false }
    }

    /// What it holds.
    pub(crate) fn value(&self) -> &Rc<dyn Any> {
        &self.value
    }

    /// Encodes what a turn has changed.
    pub(crate) fn encode(&mut self, state: &StateType) -> Result<(), String> {
        if std::mem::take(&mut self.touched) {
            self.changed = Some((state.write)(self.value.as_ref())?.into());
        }
        Ok(())
    }

    /// Has a handler work on the state; what it changed stays where it does not refuse. Nothing where the state is of
    /// another type, which the builder of the channel rules out.
    pub(super) fn with<S: 'static, T, E>(
        &mut self,
        work: impl FnOnce(&mut State<S>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let value = Rc::clone(&self.value).downcast::<S>().ok()?;
        let mut state = State { value, changed: false };
        let done = work(&mut state);
        if done.is_ok() && state.changed {
            (self.value, self.touched) = (state.value, true);
        }
        Some(done)
    }
}

/// How the state of a channel begins, is written and read.
#[derive(Clone, Copy)]
pub(crate) struct StateType {
    /// Whether the application declared one.
    pub(crate) declared: bool,
    /// What a channel begins with.
    pub(crate) fresh: fn() -> Rc<dyn Any>,
    /// Reads what was written.
    pub(crate) read: fn(&str) -> Result<Rc<dyn Any>, String>,
    /// Writes it as JSON.
    pub(crate) write: fn(&dyn Any) -> Result<String, String>,
}

impl StateType {
    /// The type of a channel that has no state.
    pub(crate) fn none() -> Self {
        Self {
            declared: false,
            fresh: || Rc::new(()),
            read: |_| Ok(Rc::new(())),
            write: |_| Err("the channel has no state".to_owned()),
        }
    }

    /// The type of a channel whose state is this.
    pub(crate) fn of<S: Default + Serialize + DeserializeOwned + 'static>() -> Self {
        Self {
            declared: true,
            fresh: || Rc::new(S::default()),
            read: |text| match serde_json::from_str::<S>(text) {
                Ok(state) => Ok(Rc::new(state)),
                Err(error) => Err(place(&error)),
            },
            write: |state| {
                let state = state.downcast_ref::<S>().ok_or("the state is of another type")?;
                encoded_within("the state", state, STATE_BYTES_MAX)
            },
        }
    }
}

impl fmt::Debug for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateType").field("declared", &self.declared).finish_non_exhaustive()
    }
}

/// Where reading failed, without a word of what was read: that is nobody's in the log (rule R2).
pub(super) fn place(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "it has another shape" } else { "it is no JSON" };
    format!("{what}, at line {}, column {}", error.line(), error.column())
}
