//! One event on its way through the machine: how it begins and ends, and how hub and edge hear of each other.

use super::Effects;
use super::relays::Relays;
use super::wakeups::Wakeups;
use crate::context::Context;
use crate::contract::JobAnswer;
use crate::edge::session::{Kept, Stage};
use crate::edge::{Edge, News};
use crate::hub::{Away, Hub};
use crate::storage::StorageError;
use dormouse_protocol::error::Close;

/// All that an event has to do with.
pub(super) struct Event<'a> {
    pub(super) hub: &'a mut Hub,
    pub(super) edge: &'a mut Edge,
    pub(super) wakeups: &'a mut Wakeups,
    pub(super) relays: &'a mut Relays,
    pub(super) cx: Context<'a>,
}

impl Event<'_> {
    /// Every event begins here: the first after waking takes in the sockets that stayed open, and looks up what is on disk.
    pub(super) fn begin(&mut self) {
        if let Some(heads) = self.wakeups.take_heads() {
            let counted = self.at_edge(|edge, cx| edge.wake(cx, &heads));
            self.hub.recall_mode(counted);
        }
        self.cx.desk.clock.show(self.cx.now);
        self.edge.begin(self.cx.now);
        if !self.hub.is_loaded() {
            self.wake();
        }
        // Also where the alarm is late: by the clock they are due.
        self.hub.fire_timers(&mut self.cx, self.edge);
        self.hub.retry_jobs(&mut self.cx, self.edge);
        self.hear_news();
        self.flush_if_thrown_out();
    }

    /// A try of a job has come to its end.
    pub(super) fn job_answered(&mut self, key: &str, answer: JobAnswer) {
        self.hub.job_answered(&mut self.cx, self.edge, key, answer);
        // There is room for another.
        self.hub.retry_jobs(&mut self.cx, self.edge);
        self.hear_news();
    }

    /// The timer fired.
    pub(super) fn timer(&mut self) {
        self.end_batch_window();
        self.hub.tick(&mut self.cx, self.edge);
        self.hear_news();
    }

    fn wake(&mut self) {
        match self.load() {
            Ok(()) => {
                self.hub.set_loaded();
                // Before anything happens: where the channel stood is what relays compare with what they were told.
                if self.relays.holds_any() {
                    self.name_boot();
                }
                self.cx.desk.meter.since = self.cx.now;
            }
            Err(error) => drop(self.cx.internal(format!("storage cannot be read: {error}"))),
        }
    }

    fn load(&mut self) -> Result<(), StorageError> {
        self.load_relayed()?;
        let lost = self.hub.load_history(&mut self.cx)?;
        if lost {
            // With all that was on disk went the alarm.
            self.wakeups.forget_alarm();
            // Their position is of a life that has ended: they come back without it.
            self.at_edge(|edge, cx| edge.disconnect_all(cx, Close::HistoryLost));
        }
        self.at_edge(|edge, cx| edge.hydrate_one(cx));
        self.hub.adopt(self.edge.epoch_told().as_ref());
        self.hub.load_code(&mut self.cx)?;
        self.hub.load_graces(&mut self.cx, away)?;
        if self.edge.is_deserted() {
            self.hub.forget_changes(self.cx.limits());
        }
        self.at_edge(|edge, cx| edge.turn_out(cx));
        if !lost {
            self.recall_alarm();
        }
        Ok(())
    }

    /// Every event ends here: what was accepted is flushed if nothing holds it back, and the timers are set.
    pub(super) fn settle(&mut self) -> Effects {
        // Whatever reads the list of members before it has heard the news reads the past.
        debug_assert!(self.edge.has_no_news(), "the hub was not told what the edge has learned");
        self.give_up_newcomers();
        self.tell_gone();
        self.flush_if_due();
        if self.at_edge(|edge, cx| edge.look_for_slow(cx)) {
            // The others hear at once that it left.
            self.flush_if_due();
        }
        if self.edge.is_deserted() {
            self.hub.forget_the_untold(&self.cx);
        }
        self.at_edge(|edge, cx| edge.hang_up_due(cx));
        self.hub.arrange_ticks(&self.cx, !self.edge.has_members());
        self.hub.prune_rates(&self.cx);
        self.hub.trim(&mut self.cx);
        self.set_timer();
        self.set_alarm();
        std::mem::take(&mut self.cx.desk.effects)
    }

    /// Has the edge do something, and tells the hub what came of it.
    pub(super) fn at_edge<T>(&mut self, act: impl FnOnce(&mut Edge, &mut Context<'_>) -> T) -> T {
        let answer = act(self.edge, &mut self.cx);
        self.hear_news();
        answer
    }

    /// What the edge has learned reaches the hub.
    pub(super) fn hear_news(&mut self) {
        for news in self.edge.take_news() {
            match news {
                News::Asleep { members, bytes } => self.hub.count_asleep(members, bytes),
                News::Awake { bytes } => self.hub.count_awake(bytes),
                News::Recalled { connection, member } => self.hub.recall(&connection, member),
                News::Dismissed { connection, gone } => {
                    if let Some(connection) = connection {
                        self.hub.leave(&connection);
                    }
                    // Told at the end of the event: also of one that is turned out while the storage is being read.
                    self.hub.note_gone(gone);
                    self.note_desertion();
                }
                News::Left { kept, listed, clean } => self.left(&kept, listed, clean),
            }
        }
    }

    /// A member's connection has ended: it leaves the list, or has a grace (rule P3). A user who cannot be recognised has
    /// none.
    fn left(&mut self, kept: &Kept, listed: bool, clean: bool) {
        let told = self.cx.rules().handlers.on_leave.is_some() && kept.stage == Stage::Joined;
        match kept.user().filter(|_| !clean) {
            _ if !listed && !told => {}
            Some(user) => {
                let connected = self.edge.connections_of(user);
                self.hub.begin_grace(&mut self.cx, kept.connection.clone(), user, kept.encode(), connected);
            }
            None => {
                self.hub.leave(&kept.connection);
                if told {
                    self.hub.tell_left(&mut self.cx, self.edge, &kept.who());
                }
            }
        }
        self.note_desertion();
    }

    /// The application's code hears of those whose grace is over.
    fn tell_gone(&mut self) {
        for kept in self.hub.take_gone().iter().filter_map(|session| Kept::decode(session)) {
            self.hub.tell_left(&mut self.cx, self.edge, &kept.who());
            self.hear_news();
        }
        // The others at the next event, which comes at once: a turn costs what it does.
        if self.hub.has_gone() && self.hub.batch_window().is_none() {
            self.hub.open_batch_window(&self.cx, 0);
        }
    }
}

/// What the hub needs to know of one in its grace, as the session was written down.
fn away(session: &str) -> Option<Away> {
    let kept = Kept::decode(session)?;
    let member = kept.present.then(|| kept.member());
    Some(Away { user: kept.user().cloned(), epoch: kept.epoch, member })
}
