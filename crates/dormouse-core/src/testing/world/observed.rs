//! What is seen of the channel from outside.

use super::World;
use crate::effect::{Effect, LogLine};
use crate::session::Kept;
use crate::storage::{DisconnectGrace, Storage as _};
use dormouse_protocol::name::Millis;

impl<A> World<A> {
    /// The time, in milliseconds since 1970.
    pub const fn now(&self) -> Millis {
        self.clock.now
    }

    /// How long the world has gone on, in milliseconds: what a clock shows that nobody sets, as clients have their own.
    pub const fn elapsed(&self) -> Millis {
        self.clock.elapsed()
    }

    /// When the timer fires, if one is armed.
    pub const fn timer(&self) -> Option<Millis> {
        self.clock.timer
    }

    /// When the alarm fires, if one is set.
    pub const fn alarm(&self) -> Option<Millis> {
        self.clock.alarm
    }

    /// What the channel logged.
    pub fn logs(&self) -> &[LogLine] {
        &self.record.logs
    }

    /// What the channel wanted done since this was last asked, in order: what was said first, and to whom. Nothing the
    /// first time: from then on it is noted.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.record.effects.replace(Vec::new()).unwrap_or_default()
    }

    /// Whether the channel is not in memory.
    pub const fn is_asleep(&self) -> bool {
        self.channel.is_none()
    }

    /// How often the channel woke.
    pub const fn wakes(&self) -> usize {
        self.record.wakes
    }

    /// How often something happened to it.
    pub const fn turns(&self) -> usize {
        self.record.turns
    }

    /// How often its process died.
    pub const fn crashes(&self) -> usize {
        self.record.crashes
    }

    /// How often the object let others be looked at.
    pub const fn breaths(&self) -> usize {
        self.record.breaths
    }

    /// The most bytes of text that one event made since this was last asked.
    pub const fn text_made(&mut self) -> usize {
        std::mem::replace(&mut self.record.text_made, 0)
    }

    /// How many attachments the channel has read whole.
    pub const fn attachments_read(&self) -> u64 {
        self.sockets.attachments_read()
    }

    /// The members in their grace, as they stand on disk: what else stands there is no session's.
    pub fn in_grace(&self) -> Vec<DisconnectGrace> {
        let graces = self.storage.clone().graces().unwrap_or_default();
        graces.into_iter().filter(|grace| Kept::decode(&grace.session).is_some()).collect()
    }
}
