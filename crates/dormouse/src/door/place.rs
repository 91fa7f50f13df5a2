//! Where the object of a channel, or a relay, lives: the one place that turns a name into it.

use crate::config::Config;

/// How an object is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The object's name.
    pub name: String,
    /// The jurisdiction its data stays in; another jurisdiction is another object.
    pub jurisdiction: Option<&'static str>,
    /// Where it is best made, if it is not there yet.
    pub location_hint: Option<&'static str>,
}

/// Where an object lives, by its name: that of a channel, or of a relay.
pub fn place(name: &str, config: &Config) -> Place {
    Place { name: name.to_owned(), jurisdiction: config.jurisdiction, location_hint: config.location_hint }
}
