//! The types of what may be said: a publish is read into its type while its frame is read, if its speaker may say it.

use crate::contract::ChannelRules;
use crate::grant::Rights;
use dormouse_protocol::request::Types;
use dormouse_protocol::text::Text;

/// What one speaker may say on a channel. Nothing else is read into a type: that is work for members alone.
pub(crate) struct Sayable<'a> {
    pub(crate) rules: &'a ChannelRules,
    pub(crate) rights: &'a Rights,
}

impl Types for Sayable<'_> {
    fn has(&self, event: &str) -> bool {
        self.rules.event(event).is_some_and(|event| event.is_typed() && self.rights.may_publish(event))
    }

    fn fit<'de>(&'de self, event: &str, text: &mut Text<'de>, depth: usize) -> bool {
        self.rules.event(event).is_some_and(|event| event.fits(text, depth))
    }
}
