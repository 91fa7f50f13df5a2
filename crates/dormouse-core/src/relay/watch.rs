//! When a relay is woken, and when it last looked after its connections.

use dormouse_protocol::name::Millis;

/// What the platform was told of timer and alarm, and what is looked at now and then.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Tells this waking from others.
    pub(super) boot: Box<str>,
    /// When the timer fires, by the steady clock.
    pub(super) timer: Option<Millis>,
    /// When the alarm fires.
    pub(super) alarm: Option<Millis>,
    /// Bytes told since it was last looked who does not read.
    pub(super) told: u64,
    /// Whether what is on disk was read.
    pub(super) loaded: bool,
}

impl Watch {
    pub(super) const fn forget_timer(&mut self) {
        self.timer = None;
    }

    pub(super) const fn forget_alarm(&mut self) {
        self.alarm = None;
    }
}
