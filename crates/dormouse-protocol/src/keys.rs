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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ijson;

    /// Whether no key of an object stands twice: by the keys themselves, and of the text with them.
    fn alone(names: &[String]) -> bool {
        let keys = Keys::default();
        let object = keys.begin();
        let fresh = names.iter().all(|name| keys.insert(object, Cow::Borrowed(name)).is_ok());
        let alone = keys.end(object).is_ok() && fresh;
        let fields: Vec<_> = names.iter().map(|name| format!("\"{name}\":{{\"{name}\":1}}")).collect();
        let text = format!("{{{}}}", fields.join(","));
        assert_eq!(ijson::check(&text).is_ok(), alone, "{text}");
        alone
    }

    #[test]
    fn r4_a_key_that_stands_twice_is_found_among_few_and_among_many() {
        for count in [1, 2, Keys::FEW - 1, Keys::FEW, Keys::FEW + 1, Keys::FEW + 2, 40] {
            // In no order, and some the beginning of others.
            let names: Vec<_> = (0..count).map(|number| format!("k{}", number * 7 % 41)).collect();
            assert!(alone(&names), "{names:?}");
            for (first, second) in (0..count).flat_map(|first| (first + 1..=count).map(move |second| (first, second))) {
                let mut twice = names.clone();
                twice.insert(second, names[first].clone());
                assert!(!alone(&twice), "{twice:?}");
            }
        }
    }

    #[test]
    fn r4_the_keys_of_an_object_are_not_those_of_the_objects_in_it_nor_of_the_next() {
        let many: Vec<_> = (0..40).map(|number| format!("\"k{number}\":1")).collect();
        let many = many.join(",");
        let (beside, within) = (format!("[{{{many}}},{{{many}}}]"), format!("{{\"k40\":{{{many}}},{many}}}"));
        assert_eq!((ijson::check(&beside), ijson::check(&within)), (Ok(()), Ok(())));
        assert!(ijson::check(&format!("{{\"k0\":{{{many}}},{many}}}")).is_err());
    }
}
