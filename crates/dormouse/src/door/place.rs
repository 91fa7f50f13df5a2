//! Where a channel's object lives: the one place that turns a name into it.

use crate::config::Config;
use dormouse_protocol::name::ChannelName;

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

/// Where the object of a channel lives.
pub fn place(channel: &ChannelName, config: &Config) -> Place {
    Place { name: channel.as_str().to_owned(), jurisdiction: config.jurisdiction, location_hint: config.location_hint }
}
