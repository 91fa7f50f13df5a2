//! The keys of a text's objects: none may stand twice in one (rule R4).

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// The keys of all objects that are open, those of the innermost last. While those of an object are few, as in nearly
/// every frame, each is compared with those before it; of many, all are looked at together in the end, so that an
/// object of ten thousand keys costs no square of them.
#[derive(Default)]
pub struct Keys<'de>(RefCell<Vec<Cow<'de, str>>>);

/// A key stands twice in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTwice;

impl fmt::Display for KeyTwice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that stands twice in one object")
    }
}

impl<'de> Keys<'de> {
    const FEW: usize = 16;

    /// Begins an object: the name by which the other two are asked of it.
    pub fn begin(&self) -> usize {
        self.0.borrow().len()
    }

    /// Notes a key of the innermost object.
    ///
    /// # Errors
    /// It was there before.
    pub fn insert(&self, object: usize, key: Cow<'de, str>) -> Result<(), KeyTwice> {
        let mut keys = self.0.borrow_mut();
        let own = keys.get(object..).unwrap_or_default();
        if own.len() < Self::FEW && own.contains(&key) {
            return Err(KeyTwice);
        }
        keys.push(key);
        Ok(())
    }

    /// Ends the innermost object.
    ///
    /// # Errors
    /// One of its many keys stands there twice.
    pub fn end(&self, object: usize) -> Result<(), KeyTwice> {
        let mut keys = self.0.borrow_mut();
        let own = keys.get_mut(object..).unwrap_or_default();
        let mut twice = false;
        if own.len() > Self::FEW {
            own.sort_unstable();
            twice = own.iter().zip(own.iter().skip(1)).any(|(one, next)| one == next);
        }
        keys.truncate(object);
        if twice { Err(KeyTwice) } else { Ok(()) }
    }
}
