//! The channel: one pure machine that takes what happens and says what to do about it.
//!
//! Every event of the shell is one call, handed the time, the disk and the links as a [`Turn`]; the answer is a list
//! of [`Effect`]s. Within a call everything is decided first, then written, then spoken. A message's way:
//! [`Channel::receive`] → `publish` (all refusals) → the open batch → `flush` (one row, then one text to all).

mod amnesia;
mod budget;
mod flush;
mod hang_ups;
mod http;
mod join;
mod leave;
mod meter;
mod newcomers;
mod publish;
mod receive;
mod resume;
mod retire;
mod sign_in;
mod slow;
mod wake;

use std::rc::Rc;

use crate::batch::Batch;
use crate::clock::Clock;
use crate::contract::{ChannelRules, PresenceMode};
use crate::disconnect_graces::DisconnectGraces;
use crate::effect::{AskerKey, Effect, Level, LogLine, SessionKey};
use crate::grant::{Grant, Verifier};
use crate::hibernated_session::HibernatedSession;
use crate::history::History;
use crate::limits::Limits;
use crate::presence::Presence;
use crate::rate::{Buckets, Payer};
use crate::roster::Roster;
use crate::session::{Kept, ResumeQuery};
use crate::sorted_vec_map::SortedVecMap;
use crate::storage::{Storage, StorageError};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::{Address, ChannelName, ConnectionId, Epoch, Millis};

pub use http::{HttpOperation, HttpRequest};
pub use meter::Meter;
pub use receive::Unreadable;
pub use retire::retire;

use budget::Drawers;
use hang_ups::HangUps;
use http::PendingPost;
use newcomers::Newcomers;
use slow::Unread;

/// After how long an alarm fires again that could not do what was due, in milliseconds.
const ALARM_AGAIN: Millis = 5_000;

/// What the machine wants done, in order.
pub type Effects = Vec<Effect>;

/// What an event brings with it: the time it happened at, the disk, and what can be asked of the links.
pub struct Turn<'a> {
    /// Milliseconds since 1970.
    pub now: Millis,
    /// The channel's storage.
    pub storage: &'a mut dyn Storage,
    /// The sockets, as far as the machine may look at them.
    pub links: &'a dyn Links,
}

/// What the machine may ask about the links that carry its sessions.
pub trait Links {
    /// Bytes sent to this session that it has not read yet.
    fn unsent(&self, session: SessionKey) -> u64;

    /// The bytes that nobody has read yet, in sum, and the sessions that have more than so many of them.
    fn unsent_over(&self, bytes: u64) -> Unsent;

    /// The attachment that a session left, empty where it left none.
    fn attachment(&self, session: SessionKey) -> String;

    /// When each session that ever sent `ping` sent the last one.
    fn pinged(&self) -> Vec<(SessionKey, Millis)>;
}

/// Bytes that were sent and are not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// All of them.
    pub total: u64,
    /// Sessions that have many, each with its own.
    pub over: Vec<(SessionKey, u64)>,
}

/// Names from the platform's randomness, used where a new one is needed.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// 128 random bits.
    pub connection: ConnectionId,
    /// 96 random bits.
    pub epoch: Epoch,
}

/// What a joiner brings.
#[derive(Clone, Debug, Default)]
pub struct Joining {
    /// What its verified token allows on this channel.
    pub grant: Option<Grant>,
    /// The position it wants to resume from.
    pub resume: ResumeQuery,
    /// The connection it had before (rule P3).
    pub connection: Option<String>,
    /// Where it comes from, as far as that is known (rule R7).
    pub address: Option<Address>,
}

/// One channel: its order, its history and its members.
pub struct Channel {
    name: ChannelName,
    rules: Rc<ChannelRules>,
    limits: Limits,
    verifier: Rc<dyn Verifier>,
    roster: Roster,
    presence: Presence,
    history: History,
    batch: Batch,
    buckets: SortedVecMap<Payer, Box<Buckets>>,
    drawers: Drawers,
    posts: SortedVecMap<AskerKey, Box<PendingPost>>,
    /// Members whose connection broke and who may still come back (rule P3); as on disk.
    graces: DisconnectGraces,
    clock: Clock,
    /// Until when the batch stays open, by the steady clock; none when what is accepted leaves at once.
    batch_window: Option<Millis>,
    /// When the one timer fires by the steady clock, as far as the platform was told.
    timer: Option<Millis>,
    /// When the one alarm fires, as far as the platform was told.
    alarm: Option<Millis>,
    /// No alarm fires earlier, and one fires then: the last could not do what was due.
    alarm_again: Option<Millis>,
    /// Sessions told `bye` outside their own turn, when their sockets are closed from here, and why.
    hang_ups: HangUps,
    /// When the last session left, while it is remembered.
    deserted: Option<Millis>,
    /// When silent members were last looked for (rule R6).
    swept: Millis,
    /// When rates that are full again were last forgotten, by the steady clock.
    pruned: Millis,
    newcomers: Newcomers,
    unread: Unread,
    /// Frames that came in vain since the last breath (rule R7).
    in_vain: u32,
    meter: Meter,
    loaded: bool,
    /// The storage was read just now, and what is too old was not looked for yet.
    woken: bool,
    /// Before this time of the steady clock what is too old is not looked for again.
    trim_again: Millis,
    /// Until when it matters that a history was lost before it was too old.
    amnesia: Option<Millis>,
    effects: Effects,
    /// The time of the last incident, and how many there were at that time.
    incidents: (Millis, u64),
}

impl Channel {
    /// A channel as it wakes: with the sessions whose sockets stayed open, by the heads of the attachments they left,
    /// one after the other ([`HibernatedSession::HEAD`](crate::hibernated session::HibernatedSession::HEAD) bytes each, blank where there is none).
    pub fn restore(
        name: ChannelName,
        rules: Rc<ChannelRules>,
        limits: Limits,
        verifier: Rc<dyn Verifier>,
        links: &dyn Links,
        heads: &str,
    ) -> Self {
        let counted = rules.presence.as_ref().is_some_and(|presence| presence.mode == PresenceMode::Count);
        let mut channel = Self {
            name,
            history: History::new(rules.history),
            presence: Presence::new(counted),
            rules,
            limits,
            verifier,
            roster: Roster::default(),
            batch: Batch::default(),
            buckets: SortedVecMap::new(),
            drawers: Drawers::default(),
            posts: SortedVecMap::new(),
            graces: DisconnectGraces::default(),
            clock: Clock::default(),
            batch_window: None,
            timer: None,
            alarm: None,
            alarm_again: None,
            hang_ups: HangUps::default(),
            deserted: None,
            swept: 0,
            pruned: 0,
            newcomers: Newcomers::default(),
            unread: Unread::default(),
            in_vain: 0,
            meter: Meter::default(),
            loaded: false,
            woken: false,
            trim_again: 0,
            amnesia: None,
            effects: Vec::new(),
            incidents: (0, 0),
        };
        channel.wake(links, heads);
        channel
    }

    /// The timer fired.
    pub fn timer(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.timer = None;
        self.begin(turn);
        self.end_batch_window(turn);
        self.settle(turn)
    }

    /// The alarm fired.
    pub fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.begin(turn);
        // After `begin`, which takes the alarm of before sleep for set.
        self.alarm = None;
        self.due(turn);
        self.trim(turn);
        // What the storage did not let be done is tried again: later, and not for ever at once.
        let undone = !self.loaded || self.alarm_due(turn.now).is_some_and(|due| due <= turn.now);
        self.alarm_again = undone.then(|| turn.now.saturating_add(ALARM_AGAIN));
        self.settle(turn)
    }

    /// Every event begins here: what is on disk is looked up once after waking.
    fn begin(&mut self, turn: &mut Turn<'_>) {
        self.clock.show(turn.now);
        // Also where the clock was set back in sleep, through which this is remembered.
        if self.swept > turn.now {
            self.swept = 0;
        }
        self.unread.begin();
        if self.loaded {
            return;
        }
        match self.load(turn) {
            Ok(()) => (self.loaded, self.woken, self.meter.since) = (true, true, turn.now),
            Err(error) => drop(self.internal(turn.now, format!("storage cannot be read: {error}"))),
        }
    }

    fn load(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let lost = self.history.load(turn.storage)?;
        if let Some(first) = lost {
            // With all that was on disk went the alarm.
            self.alarm = None;
            self.lose_memory(turn);
            self.log(LogLine {
                code: Some("history_lost"),
                detail: Some(format!("the newest row, from seq {first}, cannot be read; the history was cleared")),
                ..LogLine::new(Level::Error, "storage")
            });
            // With the rows went those of the graces, also of one written before they could be read.
            for connection in std::mem::take(&mut self.graces).into_connections() {
                self.presence.leave(&connection);
            }
            // Their position is of a life that has ended: they come back without it.
            self.hydrate_all(turn.links);
            for key in self.roster.keys() {
                self.disconnect(turn.now, key, Close::HistoryLost, false);
            }
        }
        self.hydrate_one(turn.links);
        let living = self.roster.iter().filter(|(_, session)| !session.is_leaving());
        if let Some(epoch) = living.filter_map(|(_, session)| session.kept.epoch.clone()).next() {
            self.history.adopt(&epoch);
        }
        for grace in turn.storage.graces()? {
            if self.is_mark(turn, &grace)? {
                continue;
            }
            let kept = Kept::decode(&grace.session);
            if let Some(kept) = &kept {
                if let Some(epoch) = &kept.epoch {
                    self.history.adopt(epoch);
                }
                if kept.present {
                    self.presence.recall(&grace.connection, kept.member());
                }
            }
            self.graces.insert(grace, kept.as_ref().and_then(Kept::user));
        }
        if self.roster.is_deserted() {
            self.presence.unheard(&self.limits);
        }
        self.turn_out(turn.now);
        if self.alarm.is_none() && lost.is_none() {
            self.alarm = self.alarm_before_sleep(turn.now);
        }
        Ok(())
    }

    /// Every event ends here: what was accepted is flushed if nothing holds it back, and the timers are set.
    fn settle(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.look_at_newcomers(turn);
        self.flush_if_due(turn);
        if self.look_for_slow(turn) {
            // The others hear at once that it left.
            self.flush_if_due(turn);
        }
        if self.roster.is_deserted() {
            self.presence.unheard(&self.limits);
            if self.graces.is_empty() {
                self.history.forget_blank();
            }
        }
        self.hang_up_due(turn.now);
        self.prune(turn.now);
        self.trim(turn);
        self.set_timer(turn.now);
        self.set_alarm(turn.now);
        std::mem::take(&mut self.effects)
    }

    fn set_timer(&mut self, now: Millis) {
        let now = self.clock.steady(now);
        let hang_up = self.hang_ups.first();
        // A number that is due while a batch is open leaves with it.
        let count = self.presence.due_at(&self.limits).filter(|_| self.batch_window.is_none() && self.loaded);
        let next = [self.batch_window, hang_up, count, self.newcomers.first()].into_iter().flatten().min();
        let Some(next) = next else { return };
        if self.timer.is_some_and(|timer| timer <= next) {
            return;
        }
        self.timer = Some(next);
        self.effects.push(Effect::Timer { after: next.saturating_sub(now) });
    }

    /// An alarm costs a row written: one that fires too early is let be, it sets the right one when it does.
    fn set_alarm(&mut self, now: Millis) {
        // What is due is not known before the storage could be read: the pending alarm stays, which alone may know when
        // a deserted channel ends. Only where somebody has come or gone meanwhile is it looked up again soon.
        let undone = self.deserted.is_some() || !self.graces.is_empty() || self.presence.is_untold();
        if !self.loaded && undone {
            self.alarm_again.get_or_insert_with(|| now.saturating_add(ALARM_AGAIN));
        }
        let Some(due) = self.alarm_again.or_else(|| self.alarm_due(now).filter(|_| self.loaded)) else { return };
        if self.alarm.is_some_and(|alarm| alarm <= due) {
            return;
        }
        self.alarm = Some(due);
        self.effects.push(Effect::Alarm { at: due });
    }

    fn log(&mut self, line: LogLine) {
        self.effects.push(Effect::Log(LogLine { channel: Some(self.name.to_string()), ..line }));
    }

    /// Our fault: the log gets the detail, the sender an id by which the two are brought together (rule R2).
    fn internal(&mut self, now: Millis, detail: String) -> Refusal {
        // Counted anew at each time, so that sleep in between does not change the id (rule H1).
        let (at, count) = self.incidents;
        let count = if at == now { count.saturating_add(1) } else { 1 };
        self.incidents = (now, count);
        let incident = format!("{now:x}-{count}");
        self.log(LogLine {
            code: Some(Code::Internal.as_str()),
            detail: Some(format!("{incident}: {detail}")),
            ..LogLine::new(Level::Error, "internal")
        });
        Refusal::new(Code::Internal, format!("{} Its id is {incident}.", Code::Internal.text()))
    }

    /// What the storage said, as the sender is told it.
    fn storage_refusal(&mut self, now: Millis, error: &StorageError) -> Refusal {
        let internal = self.internal(now, error.to_string());
        if *error == StorageError::Full { Code::OverCapacity.into() } else { internal }
    }

    /// Writes what must survive sleep into the session's attachment (rule H3).
    fn save_attachment(&mut self, key: SessionKey) {
        if let Some(session) = self.roster.session(key).filter(|session| !session.forgotten) {
            let attachment = HibernatedSession::attachment(session, &self.rules);
            self.effects.push(Effect::SaveAttachment { session: key, attachment });
        }
    }

    fn tell(&mut self, session: SessionKey, text: String) {
        self.unread.told(session, text.len());
        self.meter.told(1, text.len());
        self.effects.push(Effect::Tell { session, text });
    }
}
