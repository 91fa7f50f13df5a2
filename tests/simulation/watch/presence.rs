//! Who is here: what everyone is told of it, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::storage::DisconnectGrace;
use dormouse_protocol::name::Millis;
use serde_json::Value;

use super::{Conn, Stage, View, Watch};
use crate::fault::Fault;
use crate::support::World;
use crate::support::client::{Here, Reference};
use crate::{check, fault};

/// After how long the machine tries again what the storage did not let it do, in milliseconds.
const ALARM_AGAIN: Millis = 5_000;

impl Watch {
    /// Wherever a grace is on disk, an alarm fires when it is due; one that met trouble in the storage, or a process
    /// that died, is tried again a while later.
    pub(super) fn every_leave_comes(&self, world: &World) -> Result<(), Fault> {
        for DisconnectGrace { connection, due, .. } in world.in_grace() {
            let by = self.excuse.map_or(0, |excuse| excuse + ALARM_AGAIN).max(due);
            let in_time = world.alarm().is_some_and(|alarm| alarm <= by);
            check!(in_time, Presence: "P3: {connection} leaves at {due}, the alarm is {:?}", world.alarm());
        }
        Ok(())
    }

    /// The members as they are.
    fn here(&self, world: &World) -> Result<BTreeMap<String, Value>, Fault> {
        let graces = world.in_grace();
        let mut truth = BTreeMap::new();
        for grace in graces {
            let id = grace.connection.as_str().to_owned();
            if self.absent.contains(&id) {
                continue;
            }
            let member = self.shown.get(&id).cloned().unwrap_or_default();
            truth.insert(id, member);
        }
        for conn in self.members(world).filter(|conn| conn.present) {
            truth.insert(conn.id.clone(), conn.member());
        }
        Ok(truth)
    }

    /// Who takes part: one that was given up does not, whatever it was told before.
    fn members<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Conn> {
        self.conns.values().filter(|conn| conn.stage == Stage::Joined && !world.socket(conn.client).is_given_up())
    }

    pub(super) fn presence_converged(&self, world: &World) -> Result<(), Fault> {
        let truth = self.here(world)?;
        for conn in self.members(world) {
            let right = match &conn.view {
                View::None => !self.watches(conn),
                View::List(members) => *members == truth,
                View::Count(count) => *count == truth.len() as u64,
            };
            check!(right, Presence: "P2: {} ({:?}) sees {:?}, here are {truth:?}", conn.id, conn.client, conn.view);
        }
        Ok(())
    }

    /// `GET members` tells who is here.
    pub fn is_everyone(&self, world: &World, answer: &Value) -> Result<(), Fault> {
        let here = self.here(world)?;
        let right = match answer["members"].as_array() {
            Some(members) => by_connection(members) == here,
            None => answer["count"] == here.len() as u64,
        };
        check!(right || self.troubled, Answers: "E2: {answer}, here are {here:?}");
        Ok(())
    }

    /// In the end every client has the same list.
    pub fn agrees(&self, world: &World, client: &Reference) -> Result<(), Fault> {
        let here = self.here(world)?;
        let agrees = match &client.here {
            Here::Nobody => true,
            Here::Members(members) => *members == here,
            Here::Count(count) => *count == here.len() as u64,
        };
        // One whose grant sees nobody any more is not told of changes either.
        let own =
            self.conns.values().find(|it| Some(it.id.as_str()) == client.connection() && it.stage == Stage::Joined);
        let watches = own.is_some_and(|own| self.watches(own));
        check!(agrees || !watches, Presence: "P2: {:?} sees {:?}, here are {here:?}", client.connection(), client.here);
        Ok(())
    }

    /// The connection goes on under its old name where it may, and else has a new one (rule P3).
    pub(super) fn name(&mut self, conn: &mut Conn) -> Result<(), Fault> {
        conn.present = true;
        let old = conn.joiner.connection.clone().unwrap_or_default();
        let replaced = self.conns.values().find(|other| {
            let live = other.stage != Stage::Over || other.changed;
            other.id == old && live && other.joiner.user == conn.joiner.user
        });
        let departed = self.graces.contains(&old) && self.shown_user(&old) == conn.joiner.user.as_deref();
        if conn.id == old {
            conn.inherited = self.unanswered.remove(&old).unwrap_or_default();
            conn.inherited.extend(replaced.iter().flat_map(|replaced| replaced.unanswered()));
            check!(replaced.is_some() || departed, Presence: "P3: took the name {old}");
            if let Some(replaced) = replaced {
                (conn.present, conn.data) = (replaced.present, replaced.data.clone());
            } else {
                conn.present = !self.absent.contains(&old);
                conn.data = self.shown[&old].get("data").cloned();
            }
            return Ok(());
        }
        check!(self.names.insert(conn.id.clone()), Presence: "P3: the name {} was given twice", conn.id);
        let departed = departed && !self.doomed;
        let due = conn.joiner.user.is_some() && (replaced.is_some_and(|other| !other.changed) || departed);
        check!(!due || self.troubled, Presence: "P3: {old} came back as {}", conn.id);
        Ok(())
    }

    fn shown_user(&self, connection: &str) -> Option<&str> {
        self.shown.get(connection)?["user"].as_str()
    }

    pub(super) fn presence(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        check!(self.watches(conn), Presence: "P1: {frame}");
        if let Some(members) = frame["members"].as_array() {
            check!(!self.always_counted, Presence: "P4: {frame}");
            conn.view = View::List(by_connection(members));
            // The list came back in between: the next number is told as soon as it takes the place of that.
            (conn.gone, conn.counted) = (BTreeSet::new(), None);
            self.count = None;
            return Ok(());
        }
        if let Some(count) = frame["count"].as_u64() {
            return self.counted(world, conn, count);
        }
        let fresh = conn.fresh;
        let View::List(members) = &mut conn.view else {
            return Err(fault!(Presence: "P4: changes of no list: {frame}"));
        };
        for (change, known) in [("join", false), ("update", true)] {
            for (id, member) in by_connection(frame[change].as_array().map_or(&[], Vec::as_slice)) {
                conn.gone.remove(&id);
                // What was undone before it was told is told to all, if it was shown to somebody who came meanwhile.
                let shown = self.passed
                    || self.conns.values().any(|it| it.fresh && it.shows(&id).is_some_and(|it| *it != member));
                let before = members.insert(id, member.clone());
                let news = before.is_some() == known && (before.as_ref() != Some(&member) || shown);
                check!(news || fresh, Presence: "P2: no news: {change} of {member} after {before:?}");
            }
        }
        for member in frame["leave"].as_array().into_iter().flatten() {
            let id = member["connection"].as_str().unwrap_or_default();
            let named = |it: &Conn| it.id == id || it.joiner.connection.as_deref() == Some(id);
            let lives = |it: &Conn| named(it) && it.stage != Stage::Over && world.is_connected(it.client);
            let departed = world.in_grace();
            let returns = departed.iter().any(|grace| grace.connection.as_str() == id);
            // One who only left the list may go on speaking; of one who ended nothing comes after its leave.
            if conn.id != id && !returns && !self.conns.values().any(lives) {
                conn.gone.insert(id.to_owned());
            }
            let gone = members.remove(id);
            check!(gone.is_some() || fresh, Presence: "P2: no news: leave of {member}");
        }
        Ok(())
    }

    /// The number of members is told at most once a second, and only when it changed (rule P4).
    fn counted(&mut self, world: &World, conn: &mut Conn, count: u64) -> Result<(), Fault> {
        // One who may see from now on is shown how many are here, by itself.
        if std::mem::replace(&mut conn.view, View::Count(count)) == View::None {
            self.shown_count(count);
            return Ok(());
        }
        self.told_count = Some(count);
        // A channel that was put out of memory, or whose clock was set, does not know when it told it last.
        let since = (world.wakes(), self.settings);
        if let Some((at, then)) = conn.counted.replace((world.now(), since)) {
            let soon = then == since && world.now() < at + self.ledger.limits.count_every_ms;
            check!(!soon, Presence: "P4: {} is told {count} so soon after {at}", conn.id);
        }
        Ok(())
    }

    /// After each step: the number that was told was news to somebody. With nobody to tell, nobody has any.
    pub(super) fn count_was_news(&mut self) -> Result<(), Fault> {
        let has_it = |conn: &Conn| conn.stage == Stage::Joined && !conn.changed && matches!(conn.view, View::Count(_));
        let anyone = self.conns.values().any(has_it);
        let before = self.count.filter(|_| anyone);
        let told = self.told_count.take();
        check!(told.is_none() || told != before, Presence: "P4: {told:?} is told again");
        self.count = told.or(before);
        Ok(())
    }

    /// Somebody was shown a number by itself: those who were told another have to be told.
    pub(super) fn shown_count(&mut self, count: u64) {
        self.count = self.count.filter(|told| *told == count);
    }
}

pub(super) fn by_connection(members: &[Value]) -> BTreeMap<String, Value> {
    members.iter().map(|it| (it["connection"].as_str().unwrap_or_default().to_owned(), it.clone())).collect()
}
