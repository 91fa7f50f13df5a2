//! Every resume is honest, and so is every page.

use dormouse_core::contract::HistoryBounds;
use dormouse_protocol::name::{Epoch, Millis};
use serde_json::{Value, json};

use super::presence::by_connection;
use super::{Conn, Stage, View, Watch};
use crate::fault::Fault;
use crate::support::World;
use crate::{check, fault};

/// How far back one without the ability `history` may resume (rule D10).
const SHORT_MEMORY: Millis = 120_000;

impl Watch {
    pub(super) fn welcome(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        conn.id = frame["connection"].as_str().unwrap_or_default().to_owned();
        conn.changed = true;
        self.name(conn)?;
        if self.has_entry_by_auth && conn.joiner.user.is_none() {
            let bare = frame["user"].is_null() && frame["epoch"].is_null() && frame["members"].is_null();
            check!(bare && frame["can"] == json!([]), Rights: "A7: {frame}");
            conn.stage = Stage::Unsigned;
            return Ok(());
        }
        self.full_welcome(world, conn, frame)
    }

    pub(super) fn full_welcome(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        conn.stage = Stage::Joined;
        (conn.changed, conn.fresh) = (true, true);
        conn.present &= self.watches(conn);
        check!(frame["user"].as_str() == conn.joiner.user.as_deref(), Rights: "A5: {frame}");
        let joiner = conn.joiner.clone();
        let asked = (joiner.epoch.as_deref(), joiner.after.as_deref().map(|after| after.parse().ok()));
        self.met(world, conn, frame, asked)?;
        conn.next = frame["seq"].as_u64().unwrap_or_default() + 1;
        conn.view = match (frame["members"].as_array(), frame["count"].as_u64()) {
            (Some(members), _) => {
                self.count = None;
                View::List(by_connection(members))
            }
            (None, Some(count)) => {
                self.shown_count(count);
                View::Count(count)
            }
            (None, None) => View::None,
        };
        check!((conn.view == View::None) != self.watches(conn), Presence: "P1: {frame}");
        if let View::List(members) = &conn.view {
            let own = members.get(&conn.id);
            check!(own.is_some() == conn.present, Presence: "P2: the joiner in its list: {frame}");
            check!(own.is_none_or(|own| *own == conn.member()), Presence: "P2: {own:?} is {:?}", conn.member());
        }
        check!(!(self.always_counted && matches!(conn.view, View::List(_))), Presence: "P4: {frame}");
        Ok(())
    }

    pub(super) fn resumed(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        let Some(request) = conn.requests.get(id) else { return Err(fault!(Answers: "F2: unasked: {frame}")) };
        let (epoch, after) = (request.frame["epoch"].as_str().map(str::to_owned), request.frame["after"].as_u64());
        conn.answer(frame, None)?;
        check!(conn.next == self.ledger.stored() + 1, Order: "D5: resumed at {}, it waits for {}", frame["seq"], conn.next);
        self.met(world, conn, frame, (epoch.as_deref(), Some(after)))
    }

    /// Every resume is honest (rule D4).
    fn met(
        &mut self,
        world: &World,
        conn: &mut Conn,
        frame: &Value,
        (epoch, after): (Option<&str>, Option<Option<u64>>),
    ) -> Result<(), Fault> {
        let (seq, how) = (frame["seq"].as_u64().unwrap_or_default(), frame["resume"].as_str().unwrap_or_default());
        // What one turn flushes after it has welcomed somebody comes live.
        let stored = self.ledger.stored();
        let heads = self.ledger.before.min(stored)..=stored;
        check!(heads.contains(&seq), Resume: "D4: the head is {heads:?}: {frame}");
        let life = frame["epoch"].as_str();
        check!(seq == 0 || life == self.ledger.epoch.as_deref(), Resume: "D3: the life is {:?}: {frame}", self.ledger.epoch);
        if !self.troubled {
            let (early, late) = (self.ledger.first_of(world.now(), seq), self.ledger.first_of(self.ledger.latest, seq));
            let first = frame["first"].as_u64().unwrap_or_default();
            check!(early <= first && first <= late, Resume: "D4: the first is {early} to {late}: {frame}");
        }
        conn.replay = None;
        let must = match (epoch, after) {
            (_, None) => "fresh",
            (Some(epoch), Some(Some(after))) if Some(epoch) == life => self.must_meet(world, conn, after, seq),
            (Some(epoch), Some(Some(0))) => self.must_meet_nothing(world, conn, epoch, life, seq),
            (_, Some(_)) => "lost",
        };
        if let Some(life) = life.filter(|_| seq == 0) {
            self.blank.entry(life.to_owned()).or_insert_with(|| self.ledger.elsewhere(life));
        }
        let elsewhere = epoch.filter(|epoch| Some(*epoch) != life).is_some();
        // How long ago a life began nobody knows whose clock was set by as much as messages are held.
        let unclear = elsewhere && (self.cleared || self.set_by >= self.ledger.bounds.age / 4);
        let excused = must != "fresh" && how == "lost" && (self.troubled || unclear || self.may_lose(conn, after))
            || (unclear && !self.cleared && after == Some(Some(0)));
        let much = if self.may(conn, "history") { "behind" } else { "lost" };
        let indebted = must == "recovered" && how == much && self.owes(conn, world.now());
        let damaged = must == "lost" && how == "behind" && self.is_behind_damage(world, conn, after);
        check!(how == must || excused || indebted || damaged, Resume: "D4: must be {must} after {after:?}: {frame}");
        if how == "behind" {
            self.charge(conn, world.now(), self.ledger.limits.replay_bytes);
        }
        if how == "recovered"
            && let Some(after) = after.flatten()
            && after < seq
        {
            conn.replay = Some((after + 1, seq));
            self.charge(conn, world.now(), self.ledger.replay_bytes(after, seq));
        }
        Ok(())
    }

    /// A position of nothing in a life that has ended: nothing may have been kept since but in the life of now. That is
    /// known for half as long as messages are held.
    fn must_meet_nothing(
        &self,
        world: &World,
        conn: &Conn,
        epoch: &str,
        life: Option<&str>,
        stored: u64,
    ) -> &'static str {
        let (Some((born, _)), Some(before)) = (Epoch::birth(epoch), self.blank.get(epoch)) else { return "lost" };
        let missed = life.is_none_or(|life| self.ledger.elsewhere(life) != *before);
        let age = self.ledger.bounds.age.min(HistoryBounds::default().age);
        if missed || born.abs_diff(world.now()) >= age / 2 {
            return "lost";
        }
        self.must_meet(world, conn, 0, stored)
    }

    fn must_meet(&self, world: &World, conn: &Conn, after: u64, stored: u64) -> &'static str {
        if after >= stored {
            return if after == stored { "recovered" } else { "lost" };
        }
        let oldest = self.ledger.kept(after + 1).map_or(0, |kept| kept.row.at);
        let short = !self.may(conn, "history") && oldest + SHORT_MEMORY < world.now();
        if after + 1 < self.ledger.first_of(world.now(), stored) || short || self.ledger.any_damaged(after + 1..=stored)
        {
            return "lost";
        }
        let much = self.ledger.replay_bytes(after, stored) > self.ledger.limits.replay_bytes;
        match much {
            // Pages take the ability to read them.
            true if self.may(conn, "history") => "behind",
            true => "lost",
            false => "recovered",
        }
    }

    /// The clock was set back: what went out of bounds may have gone for good.
    fn may_lose(&self, conn: &Conn, after: Option<Option<u64>>) -> bool {
        let Some(after) = after.flatten() else { return true };
        let oldest = self.ledger.kept(after + 1).map_or(0, |kept| kept.row.at);
        let short = !self.may(conn, "history") && oldest + SHORT_MEMORY < self.ledger.latest;
        after + 1 < self.ledger.first(self.ledger.latest) || short
    }

    /// What cannot be read lies beyond what one replay carries: only the pages will tell.
    fn is_behind_damage(&self, world: &World, conn: &Conn, after: Option<Option<u64>>) -> bool {
        let Some(after) = after.flatten() else { return false };
        let far = self.may(conn, "history");
        let (held, stored) = (after + 1 >= self.ledger.first(world.now()), self.ledger.stored());
        far && held && self.ledger.replay_bytes(after, stored) > self.ledger.limits.replay_bytes
    }

    fn charge(&mut self, conn: &Conn, now: Millis, bytes: u64) {
        self.charges.push((now, conn.payer(), bytes));
    }

    /// Whether earlier replays may have cost all that one may have replayed (rule D10).
    fn owes(&self, conn: &Conn, now: Millis) -> bool {
        let lately = |at: &Millis| at.abs_diff(now) < 30_000 || *at > now;
        let spent = self.charges.iter().filter(|(at, payer, _)| lately(at) && *payer == conn.payer());
        spent.map(|(_, _, bytes)| bytes).sum::<u64>() >= self.ledger.limits.replay_burst_bytes
    }

    pub(super) fn page(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        let asked = conn.requests.get(id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(fault!(Answers: "F2: unasked: {frame}")) };
        conn.answer(frame, None)?;
        check!(self.may(conn, "history"), Rights: "D10: {frame}");
        let bytes = self.is_page(
            world.now(),
            frame,
            [asked["after"].as_u64(), asked["before"].as_u64()],
            asked["limit"].as_u64(),
        )?;
        self.charge(conn, world.now(), bytes);
        Ok(())
    }

    /// A page is an unbroken piece of what is in bounds, but for rows that cannot be read (rule E2).
    pub fn is_page(
        &self,
        now: Millis,
        page: &Value,
        [after, before]: [Option<u64>; 2],
        limit: Option<u64>,
    ) -> Result<u64, Fault> {
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        let (size, most) = (limit.unwrap_or(50).min(100), self.ledger.limits.replay_bytes);
        check!(messages.len() as u64 <= size, Answers: "E2: more than {size}: {page}");
        let mut bytes = 0;
        for message in &messages {
            let kept = message["seq"].as_u64().and_then(|seq| self.ledger.kept(seq));
            check!(kept.is_some_and(|kept| kept.message == *message), Order: "D1: not as kept: {message}");
            bytes += kept.map_or(0, |kept| kept.bytes);
        }
        check!(bytes <= most || messages.len() == 1, Resume: "D4: a page of {bytes} bytes");
        let seqs: Vec<u64> = messages.iter().filter_map(|message| message["seq"].as_u64()).collect();
        let mut heads = self.ledger.before.min(self.ledger.stored())..=self.ledger.stored();
        let honest = heads.any(|head| self.is_honest(now, &seqs, &page["more"], [after, before], head));
        check!(honest, Resume: "E2: of {after:?} to {before:?}, {} to {}: {seqs:?}, more {}",
            self.ledger.first(now), self.ledger.stored(), page["more"]);
        Ok(bytes)
    }

    fn is_honest(&self, now: Millis, seqs: &[u64], more: &Value, [after, before]: [Option<u64>; 2], head: u64) -> bool {
        let (early, late) = (self.ledger.first_of(now, head), self.ledger.first_of(self.ledger.latest, head));
        let (low, high) = match after {
            Some(after) => ((after + 1).max(early), seqs.last().copied().unwrap_or(head)),
            None => (seqs.first().copied().unwrap_or(late), before.unwrap_or(u64::MAX).min(head + 1).saturating_sub(1)),
        };
        let all: Vec<u64> = (low..=high).filter(|seq| !self.ledger.is_damaged(*seq)).collect();
        let clipped = all.iter().copied().filter(|seq| *seq >= late);
        let further = match after {
            Some(_) => seqs.last().is_some_and(|last| *last < head),
            None => seqs.first().is_some_and(|first| *first > early),
        };
        (seqs == all || clipped.eq(seqs.iter().copied())) && (*more == further || early != late)
    }
}
