//! Ticks: the code runs so often while somebody is here (rule C6).

use std::time::Duration;

use super::turn::Over;
use super::{Edges, Hub};
use crate::context::Context;
use crate::contract::Who;
use dormouse_protocol::name::Millis;

/// How often a channel ticks, and when it next does.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticks {
    /// How long from one to the next, in milliseconds; none where it does not tick.
    pub(super) every: Option<Millis>,
    stored: Option<Millis>,
    /// When the next comes, by the steady clock; none while nobody is here.
    next: Option<Millis>,
    /// The last one has failed, and so would each: there is none until the channel next wakes, or is told to tick anew.
    rests: bool,
}

impl Ticks {
    /// The key under which it is kept, beside the state.
    pub(super) const KEY: &str = "ticks";

    /// As it was written.
    pub(super) fn stored(data: Option<String>) -> Self {
        let every = data.and_then(|data| data.parse().ok());
        Self { every, stored: every, ..Self::default() }
    }

    /// Whether it ticks so often already.
    pub(super) fn is(&self, every: Option<Duration>) -> bool {
        !self.rests && self.every.map(Duration::from_millis) == every
    }

    /// From now on it ticks so often, or not at all. What is to be written for it.
    pub(super) fn set(&mut self, every: Option<Duration>) -> Option<String> {
        let every = every.map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX));
        if every != self.every {
            (self.every, self.next) = (every, None);
        }
        self.rests = false;
        every.map(|every| every.to_string())
    }

    pub(super) const fn written(&mut self) {
        self.stored = self.every;
    }

    pub(super) const fn take_back(&mut self) {
        self.every = self.stored;
        self.next = None;
    }
}

impl Hub {
    /// Runs the tick that is due, if one is and anybody is here.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) {
        let Some(handler) = &cx.rules().handlers.on_tick else { return };
        if self.code.ticks.next.is_none_or(|next| next > cx.steady()) {
            return;
        }
        self.code.ticks.next = None;
        let over = Over::nobodys("tick");
        match self.run(cx, edges, &Who::default(), over, |cell, turn| handler.run(cell, turn, "null")) {
            Ok(((), outcome)) => self.carry_out(cx, edges, outcome),
            // The disk may be read again at the next.
            Err(_) if self.code.unread => {}
            Err(_) => self.code.ticks.rests = true,
        }
    }

    /// Sets when the next tick comes: none while nobody is here who has joined.
    pub(crate) fn arrange_ticks(&mut self, cx: &Context<'_>, empty: bool) {
        let ticks = &mut self.code.ticks;
        match ticks.every.filter(|_| !empty && !ticks.rests) {
            Some(every) => drop(ticks.next.get_or_insert_with(|| cx.steady().saturating_add(every))),
            None => ticks.next = None,
        }
    }

    /// When the next tick comes, by the steady clock.
    pub(crate) const fn tick_at(&self) -> Option<Millis> {
        self.code.ticks.next
    }
}
