//! The clock of a world: it moves when a test moves it.

use dormouse_protocol::name::Millis;

/// The platform puts a channel to sleep after so many milliseconds of quiet with no timer armed.
pub const QUIET: Millis = 10_000;

/// When every world begins, in milliseconds since 1970.
pub const BEGIN: Millis = 1_700_000_000_000;

/// The platform fires an alarm that failed again after about so long.
const ALARM_AGAIN: Millis = 2_000;

/// An alarm that fails more often than this in a row is given up.
const ALARM_THROWS: u32 = 6;

/// The time, and what is to happen at which.
#[derive(Debug)]
pub(super) struct VirtualClock {
    pub(super) now: Millis,
    pub(super) timer: Option<Millis>,
    pub(super) alarm: Option<Millis>,
    /// When something last happened to the channel.
    pub(super) quiet_since: Millis,
    /// How far the clock was set in all, forwards or back.
    set: i64,
    /// How often the alarm failed in a row.
    thrown: u32,
}

impl VirtualClock {
    pub(super) const fn new() -> Self {
        Self { now: BEGIN, timer: None, alarm: None, quiet_since: BEGIN, set: 0, thrown: 0 }
    }

    /// When the next timer or alarm is due, if that is no later than this.
    pub(super) fn due(&self, until: Millis) -> Option<Millis> {
        [self.timer, self.alarm].into_iter().flatten().min().filter(|at| *at <= until)
    }

    /// Whether the platform could put the channel to sleep before then: not while a timer is armed, so that a timer
    /// always finds it awake.
    pub(super) const fn may_sleep_before(&self, then: Millis) -> bool {
        self.timer.is_none() && self.quiet_since + QUIET <= then
    }

    /// How many milliseconds are left until the timer fires.
    pub(super) fn until_timer(&self) -> Option<Millis> {
        self.timer.map(|timer| timer.saturating_sub(self.now))
    }

    /// Disarms the timer if it is due; whether it was.
    pub(super) fn take_timer(&mut self) -> bool {
        self.timer.take_if(|timer| *timer <= self.now).is_some()
    }

    /// The alarm has fired. One that was not seen through fires again, unless it has set another.
    pub(super) const fn alarm_fired(&mut self, seen_through: bool) {
        self.thrown = if seen_through { 0 } else { self.thrown + 1 };
        if !seen_through && self.alarm.is_none() && self.thrown <= ALARM_THROWS {
            self.alarm = Some(self.now + ALARM_AGAIN);
        }
    }

    /// Is set, forwards or back; what was to happen after some time happens after that time all the same.
    pub(super) fn set(&mut self, now: Millis) {
        self.timer = self.until_timer().map(|left| now + left);
        self.quiet_since = now.saturating_sub(self.now.saturating_sub(self.quiet_since));
        self.set += now.cast_signed() - self.now.cast_signed();
        self.now = now;
    }

    /// What a clock shows that nobody sets.
    pub(super) const fn elapsed(&self) -> Millis {
        self.now.wrapping_sub(BEGIN).wrapping_sub(self.set.cast_unsigned())
    }
}
