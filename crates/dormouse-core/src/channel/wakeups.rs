//! When the channel is woken: by its one timer while it is awake, and by its one alarm also through sleep.

use dormouse_protocol::name::Millis;

/// What the platform was told of timer and alarm.
#[derive(Debug, Default)]
pub(super) struct Wakeups {
    /// The heads of those who slept, until the first event takes them in.
    heads: Option<String>,
    /// When the timer fires by the steady clock.
    pub(super) timer: Option<Millis>,
    /// When the alarm fires.
    pub(super) alarm: Option<Millis>,
    /// While something is overdue no alarm fires earlier, and one fires then: the last could not do what was due.
    pub(super) alarm_again: Option<Millis>,
}

impl Wakeups {
    /// A channel that wakes with these sessions.
    pub(super) fn with(heads: String) -> Self {
        Self { heads: Some(heads), ..Self::default() }
    }

    /// The heads of those who slept, once.
    pub(super) const fn take_heads(&mut self) -> Option<String> {
        self.heads.take()
    }

    /// The timer fired, or is to be set anew.
    pub(super) const fn forget_timer(&mut self) {
        self.timer = None;
    }

    /// The alarm is not set any more, or not known to be.
    pub(super) const fn forget_alarm(&mut self) {
        self.alarm = None;
    }
}
