//! Time, sleep and death.

use super::World;
use crate::testing::sleep::Sleep;
use crate::testing::virtual_clock::QUIET;
use dormouse_protocol::name::Millis;

/// So many timers and alarms at the same time are without an end.
const RESTLESS: usize = 10_000;

impl<A> World<A> {
    /// So many milliseconds pass: timers and the alarm fire when they are due, and the channel sleeps where it could.
    pub fn advance(&mut self, millis: Millis) {
        let until = self.clock.now + millis;
        let (mut at, mut events) = (self.clock.now, 0);
        while self.step(until) {
            events = if self.clock.now == at { events + 1 } else { 0 };
            at = self.clock.now;
            assert!(events < RESTLESS, "the channel finds no rest: {RESTLESS} timers and alarms at {at} alone");
        }
    }

    /// Time passes until then, or until one timer or alarm has fired; whether one has.
    pub fn step(&mut self, until: Millis) -> bool {
        let due = self.clock.due(until);
        let relay = self.relay_due(due.unwrap_or(until));
        // The platform keeps an object in memory that waits for an answer.
        let waits = !self.record.jobs.is_empty();
        if self.sleep != Sleep::Never && !waits && self.clock.may_sleep_before(relay.or(due).unwrap_or(until)) {
            self.channel = None;
        }
        if let Some(at) = relay {
            self.clock.now = self.clock.now.max(at);
            self.wake_relay();
            return true;
        }
        let Some(at) = due else {
            self.clock.now = until;
            return false;
        };
        self.clock.now = self.clock.now.max(at);
        if self.clock.take_timer() {
            self.event(|channel, turn| channel.timer(turn));
        } else {
            self.fire_alarm();
        }
        true
    }

    fn fire_alarm(&mut self) {
        self.clock.alarm = None;
        let doomed = self.trouble.doom.is_some();
        self.event(|channel, turn| channel.alarm(turn));
        self.clock.alarm_fired(!doomed);
    }

    /// Lets every timer fire that is armed for less than a second from now, and those they arm: after that all is told
    /// that was asked for. A look at who joined, a number that is not due and a close from here are further off.
    pub fn drain(&mut self) {
        while let Some(left) = self.clock.until_timer().filter(|left| *left < 1_000) {
            if self.only_ticks() {
                return;
            }
            self.advance(left);
        }
    }

    /// Lets what is armed for this very moment fire, and nothing later.
    pub fn drain_now(&mut self) {
        while self.clock.until_timer() == Some(0) {
            self.advance(0);
        }
    }

    /// Nothing happens for longer than the platform waits before it puts a channel to sleep.
    pub fn pause(&mut self) {
        self.drain();
        self.advance(QUIET + 1_000);
    }

    /// A channel that ticks never comes to rest: then it is enough that nothing waits.
    fn only_ticks(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.ticks() && !channel.is_waiting())
    }

    /// The platform puts the channel to sleep, once no timer is armed: memory is gone, the sockets stay open. One that ticks
    /// has its timer armed as long as somebody is here, and stays awake.
    pub fn sleep(&mut self) {
        while let Some(left) = self.clock.until_timer() {
            if self.only_ticks() {
                return;
            }
            self.advance(left);
        }
        self.channel = None;
    }

    /// The process dies: sockets break unseen, memory is gone, rows and the alarm stay (rule D2).
    pub fn crash(&mut self) {
        assert!(self.relay.is_none(), "a relay loses nothing here");
        self.record.crashes += 1;
        // Whoever was asked may have heard it; nobody hears the answer.
        self.record.jobs.clear();
        self.channel = None;
        self.clock.timer = None;
        self.sockets.break_all();
    }

    /// The clock is set, forwards or back; what was to happen after some time happens after that time all the same.
    pub fn set_clock(&mut self, now: Millis) {
        self.clock.set(now);
    }

    /// The alarm is set, or given up, without the channel's doing.
    pub const fn set_alarm(&mut self, at: Option<Millis>) {
        self.clock.alarm = at;
    }
}
