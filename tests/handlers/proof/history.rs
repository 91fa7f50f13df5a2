//! What the kept history tells of the channel: its state, its timers, its jobs, and what was done for whom.

use std::collections::BTreeMap;

use dormouse_core::storage::{MemoryStorage, RecordKind, Storage as _};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use super::deed::Deed;
use super::items::Items;
use super::tally::{Room, TICKS};

/// A timer that is set: for when, and by which request.
type Set = (u64, u64);

/// How the channel ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticking {
    pub every: u64,
    pub left: u64,
}

/// The history as it is on disk, added up.
#[derive(Debug, Default)]
pub struct History {
    /// Every message, in order; the first has seq 1.
    pub messages: Vec<Value>,
    /// The state before the first message, and after each.
    rooms: Vec<Room>,
    pub timers: BTreeMap<String, Set>,
    /// Jobs that are not done: how many each request has started.
    pub jobs: BTreeMap<u64, u64>,
    /// How often something was done for a request.
    done: BTreeMap<(String, u64), u64>,
    /// Timers that have fired, with when they were to.
    pub fired: Vec<(u64, u64)>,
    pub items: Items,
    pub ticking: Option<Ticking>,
    /// When it has ticked.
    pub ticked: Vec<u64>,
    /// Who was thrown out by which message.
    pub kicks: BTreeMap<u64, String>,
    /// How often it was said whether and how often it is to tick.
    pub tickings: usize,
}

impl History {
    pub fn new() -> Self {
        Self { rooms: vec![Room::default()], ..Self::default() }
    }

    /// The state as it was when this message was the newest.
    pub fn room(&self, seq: u64) -> Option<&Room> {
        self.rooms.get(usize::try_from(seq).ok()?)
    }

    /// How often a request has had an effect.
    pub fn effects(&self, n: u64) -> u64 {
        let what =
            ["say", "count", "set", "cancel", "start", "waved", "note", "tick", "hush", "put", "take", "list", "kick"];
        what.iter().filter_map(|what| self.done.get(&((*what).to_owned(), n))).sum()
    }

    /// Reads what is new on disk. What stands beside the messages must be what they tell (rule C2).
    pub fn read(&mut self, storage: &mut MemoryStorage) -> Result<(), TestCaseError> {
        let known = self.messages.len() as u64;
        let rows = storage.rows().collect::<Vec<_>>();
        let fresh = rows.iter().rev().take_while(|row| row.key().last() > known).collect::<Vec<_>>();
        for row in fresh.iter().rev() {
            for (seq, text) in row.frames() {
                prop_assert_eq!(seq, self.messages.len() as u64 + 1, "D1: a seq is missing, or there twice");
                self.add(serde_json::from_str(text).unwrap())?;
            }
        }
        let room =
            storage.record(RecordKind::State, "").unwrap().map(|state| serde_json::from_str(&state.data).unwrap());
        prop_assert_eq!(self.rooms.last().unwrap(), &room.unwrap_or_default(), "C2: the state is not what was said");
        self.is_beside(storage)
    }

    /// What is kept by key is what the messages tell.
    fn is_beside(&self, storage: &mut MemoryStorage) -> Result<(), TestCaseError> {
        let timers = storage.records(RecordKind::Timer, "", None, usize::MAX).unwrap();
        let timers: BTreeMap<_, _> = timers.into_iter().map(|timer| (timer.key, timer.due)).collect();
        let set = self.timers.iter().map(|(key, (due, _))| (format!("late:{key}"), Some(*due)));
        prop_assert_eq!(set.collect::<BTreeMap<_, _>>(), timers, "C6: the timers are not what was said");
        let jobs = storage.records(RecordKind::Job, "", None, usize::MAX).unwrap().len() as u64;
        prop_assert_eq!(self.jobs.values().sum::<u64>(), jobs, "C7: the jobs are not what was said");
        let rows = storage.records(RecordKind::Row, "", None, usize::MAX).unwrap();
        let rows = rows.iter().map(|row| (row.key.as_str(), row.data.as_str()));
        let items = self.items.0.iter().map(|(key, n)| (format!("items:{key}"), format!("{{\"n\":{n}}}")));
        let items: Vec<_> = items.collect();
        let items = items.iter().map(|(key, data)| (key.as_str(), data.as_str()));
        prop_assert_eq!(items.collect::<Vec<_>>(), rows.collect::<Vec<_>>(), "C2: the rows are not what was said");
        let ticks = storage.record(RecordKind::State, "ticks").unwrap().map(|ticks| ticks.data);
        let ticking = self.ticking.map(|ticking| ticking.every.to_string());
        prop_assert_eq!(ticking, ticks, "C6: the ticks are not what was said");
        Ok(())
    }

    fn add(&mut self, message: Value) -> Result<(), TestCaseError> {
        let mut room = self.rooms.last().unwrap().clone();
        let (event, data) = (message["event"].as_str().unwrap(), &message["data"]);
        if event != "note" {
            room.add(event, data);
        }
        match event {
            "deed" => {
                self.do_deed(&serde_json::from_value(data.clone()).unwrap())?;
                room.ticks = self.ticking.map_or(0, |ticking| ticking.left);
            }
            _ => *self.done.entry((event.to_owned(), data["n"].as_u64().unwrap())).or_default() += 1,
        }
        self.rooms.push(room);
        self.messages.push(message);
        Ok(())
    }

    fn do_deed(&mut self, deed: &Deed) -> Result<(), TestCaseError> {
        *self.done.entry((deed.what.clone(), deed.n)).or_default() += 1;
        let key = || deed.key.clone();
        if let Some(user) = deed.kicked() {
            self.kicks.insert(self.messages.len() as u64 + 1, user.to_owned());
        }
        match deed.what.as_str() {
            "set" | "again" => drop(self.timers.insert(key(), (deed.due, deed.n))),
            "cancel" => drop(self.timers.remove(&deed.key)),
            "fired" => {
                let set = self.timers.remove(&deed.key);
                prop_assert_eq!(set, Some((deed.due, deed.n)), "C6: fired twice, or though replaced: {:?}", deed);
                prop_assert!(deed.at >= deed.due, "C6: fired before its time: {:?}", deed);
                let sooner = self.timers.iter().find(|(_, (due, _))| *due < deed.due);
                prop_assert!(sooner.is_none(), "C6: {:?} fired before {:?}, which comes first", deed, sooner);
                self.fired.push((deed.due, deed.at));
                self.items.0.insert(key(), deed.n);
            }
            "tick" | "hush" => {
                self.tickings += 1;
                let ticking = Ticking { every: deed.due, left: TICKS };
                self.ticking = (deed.what == "tick").then_some(ticking);
            }
            "ticked" => {
                let ticking = self.ticking.take().map(|ticking| Ticking { left: ticking.left - 1, ..ticking });
                prop_assert_eq!(ticking.map(|ticking| ticking.left), Some(deed.due), "C6: it ticked: {:?}", deed);
                self.ticking = ticking.filter(|ticking| ticking.left > 0);
                self.ticked.push(deed.at);
            }
            "put" | "take" | "list" => {
                let (saw, then) = self.items.turn(deed);
                prop_assert_eq!((&deed.saw, &deed.then), (&saw, &then), "C2: read something else: {:?}", deed);
            }
            "start" => *self.jobs.entry(deed.n).or_default() += 1,
            "done" => {
                let left = self.jobs.get_mut(&deed.n).filter(|left| **left > 0);
                prop_assert!(left.is_some(), "C7: told twice what came of it: {:?}", deed);
                self.jobs.entry(deed.n).and_modify(|left| *left -= 1);
                self.jobs.retain(|_, left| *left > 0);
            }
            "never" => prop_assert!(false, "C2: what was refused was said: {:?}", deed),
            _ => {}
        }
        Ok(())
    }

    /// Whether nothing is to happen any more.
    pub fn is_over(&self) -> bool {
        self.timers.is_empty() && self.jobs.is_empty() && self.ticking.is_none()
    }
}
