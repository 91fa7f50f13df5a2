//! The plain model of what is kept: every message that was ever on disk, by life and seq, and what was said at all.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::contract::HistoryBounds;
use dormouse_core::limits::Limits;
use dormouse_core::storage::{Damage, MemoryStorage, Row, RowKey};
use dormouse_protocol::name::Millis;
use serde_json::Value;

use crate::fault::Fault;
use crate::{check, fault};

/// Something a client or a backend wanted to say, known by the number in its data.
#[derive(Clone, Debug)]
pub struct Saying {
    pub id: String,
    /// The frame as it was sent.
    pub frame: Value,
    /// Whether it is to be kept.
    pub kept: bool,
}

/// A message that was found on disk.
#[derive(Clone, Debug)]
pub struct Kept {
    pub message: Value,
    pub bytes: u64,
    pub row: RowKey,
}

/// One life of the channel's history.
#[derive(Debug, Default)]
pub struct Life {
    pub kept: Vec<Kept>,
    /// What is wrong with a row, by its first seq.
    damaged: BTreeMap<u64, Damage>,
    /// The first seqs of rows whose ids could not be read at some time.
    unknown: BTreeSet<u64>,
    /// The last seq under which each id of each speaker was kept.
    ids: BTreeMap<(String, String), u64>,
}

/// Everything that was kept.
pub struct Ledger {
    pub bounds: HistoryBounds,
    pub limits: Limits,
    pub lives: BTreeMap<String, Life>,
    /// The life whose rows are on disk.
    pub epoch: Option<String>,
    pub said: Vec<Saying>,
    /// The latest time there was: the clock may be set back.
    pub latest: Millis,
    /// The newest seq on disk before the last event: what one array asks for is answered before what it says is kept.
    pub before: u64,
}

impl Ledger {
    pub fn new(bounds: HistoryBounds, limits: Limits) -> Self {
        let (lives, said) = (BTreeMap::new(), Vec::new());
        Self { bounds, limits, lives, epoch: None, said, latest: 0, before: 0 }
    }

    /// The life whose rows are on disk.
    pub fn life(&self) -> Option<&Life> {
        self.lives.get(self.epoch.as_deref()?)
    }

    /// How many messages were ever kept in other lives than this.
    pub fn elsewhere(&self, epoch: &str) -> u64 {
        self.lives.iter().filter(|(life, _)| *life != epoch).map(|(_, life)| life.kept.len() as u64).sum()
    }

    /// The newest seq on disk.
    pub fn stored(&self) -> u64 {
        self.life().map_or(0, |life| life.kept.len() as u64)
    }

    pub fn kept(&self, seq: u64) -> Option<&Kept> {
        self.life()?.kept(seq)
    }

    /// The row that holds this seq is damaged.
    pub fn is_damaged(&self, seq: u64) -> bool {
        self.life().is_some_and(|life| life.damage(seq).is_some())
    }

    /// Whether a resume that needs these may find that some cannot be had.
    pub fn any_damaged(&self, mut seqs: impl Iterator<Item = u64>) -> bool {
        seqs.any(|seq| self.is_damaged(seq))
    }

    /// The oldest seq within the bounds at this time; one past the head where none is.
    pub fn first(&self, now: Millis) -> u64 {
        self.first_of(now, self.stored())
    }

    /// The same as it was when the head was this.
    pub fn first_of(&self, now: Millis, head: u64) -> u64 {
        let Some(life) = self.life() else { return 1 };
        let total = life.kept(head).map_or(0, |newest| newest.row.before + life.row_bytes(newest.row));
        let outside = |kept: &Kept| {
            let seq = kept.message["seq"].as_u64().unwrap();
            let held = seq + self.bounds.count > head
                && kept.row.at >= now.saturating_sub(self.bounds.age)
                && kept.row.before >= total.saturating_sub(self.bounds.bytes);
            !held
        };
        let there = usize::try_from(head).unwrap().min(life.kept.len());
        life.kept[..there].partition_point(outside) as u64 + 1
    }

    /// The bytes of a replay of everything after this seq.
    pub fn replay_bytes(&self, after: u64, head: u64) -> u64 {
        let Some(life) = self.life() else { return 0 };
        let head = usize::try_from(head).unwrap().min(life.kept.len());
        let missed = life.kept[..head].iter().skip(usize::try_from(after).unwrap());
        let mut row = 0;
        missed.fold(0, |bytes, kept| {
            let comma = u64::from(row == kept.row.first);
            row = kept.row.first;
            bytes + comma + kept.bytes
        })
    }

    pub fn damage(&mut self, storage: &mut MemoryStorage, seq: u64, how: Damage) {
        let Some(life) = self.epoch.as_ref().and_then(|epoch| self.lives.get_mut(epoch)) else { return };
        let on_disk = storage.rows().any(|row| (row.key().first..=row.key().last()).contains(&seq));
        if let Some(kept) = life.kept(seq).filter(|_| on_disk) {
            let first = kept.row.first;
            life.damaged.insert(first, how);
            life.unknown.extend((how == Damage::Form).then_some(first));
            storage.damage(seq, how);
        }
    }

    /// Takes in what is on disk now. `may_end` tells whether the channel has been left for long enough.
    pub fn absorb(&mut self, storage: &MemoryStorage, may_end: Result<(), Fault>) -> Result<(), Fault> {
        self.before = self.stored();
        let newest = storage.rows().last().map(|row| row.epoch().as_str().to_owned());
        if self.epoch.is_some() && self.epoch != newest && !self.is_doomed() {
            may_end.map_err(|fault| fault.of(format!("D9: the life {:?} ended", self.epoch)))?;
        }
        if let Some(epoch) = &newest
            && self.epoch != newest
        {
            check!(!self.lives.contains_key(epoch), Resume: "D3: the life {epoch} came back");
            self.lives.insert(epoch.clone(), Life::default());
        }
        self.epoch = newest;
        let stored = self.stored();
        let fresh: Vec<&Row> = storage.rows().filter(|row| row.key().last() > stored).collect();
        for row in fresh {
            self.take_row(row)?;
        }
        self.nothing_in_bounds_was_trimmed(storage)?;
        let Some(row) = storage.rows().last() else { return Ok(()) };
        let known: Option<Vec<&Value>> =
            (row.key().first..=row.key().last()).map(|seq| Some(&self.kept(seq)?.message)).collect();
        let same = known.is_some_and(|known| known.iter().zip(row.frames()).all(|(a, (_, b))| **a == parse(b)));
        check!(same, Order: "D2: a seq was used twice in the row {:?}", row.key());
        Ok(())
    }

    /// The newest row is damaged so that the channel, once it wakes, knows of no history.
    pub fn is_doomed(&self) -> bool {
        self.life().and_then(|life| life.damage(life.kept.len() as u64)) == Some(Damage::Epoch)
    }

    /// Every message that was ever kept in this life, and is in bounds, is on disk as it was first found there.
    pub fn everything_held_is_on_disk(&self, storage: &MemoryStorage) -> Result<(), Fault> {
        let on_disk: BTreeMap<u64, Value> =
            storage.rows().flat_map(|row| row.frames().map(|(seq, text)| (seq, parse(text)))).collect();
        for seq in self.first(self.latest)..=self.stored() {
            let (kept, found) = (self.kept(seq).map(|kept| &kept.message), on_disk.get(&seq));
            check!(kept == found, Acknowledged: "D2: {kept:?} was kept, and on disk is {found:?}");
        }
        Ok(())
    }

    /// A message of this seq and id was kept, in whichever life.
    pub fn was_kept(&self, seq: u64, id: &str) -> bool {
        self.lives.values().any(|life| life.kept(seq).is_some_and(|kept| kept.message["id"] == id))
    }

    fn nothing_in_bounds_was_trimmed(&self, storage: &MemoryStorage) -> Result<(), Fault> {
        let oldest = storage.rows().next().map(|row| row.key().first);
        let first = self.first(self.latest);
        check!(
            first > self.stored() || oldest.is_some_and(|oldest| oldest <= first),
            Bounds: "D9: {first} is in bounds, but the oldest row begins at {oldest:?}"
        );
        Ok(())
    }

    fn take_row(&mut self, row: &Row) -> Result<(), Fault> {
        let key = row.key();
        check!(key.first == self.stored() + 1, Order: "D1: a row from {} follows seq {}", key.first, self.stored());
        for (seq, text) in row.frames() {
            let message = parse(text);
            check!(message["seq"] == seq, Order: "D1: the message at {seq} says {message}");
            self.is_as_said(&message)?;
            self.is_no_repeat(&message, seq)?;
            let life = self.epoch.as_ref().and_then(|epoch| self.lives.get_mut(epoch)).unwrap();
            if let Some(key) = speaker_and_id(&message) {
                life.ids.insert(key, seq);
            }
            life.kept.push(Kept { message, bytes: text.len() as u64, row: key });
        }
        Ok(())
    }

    /// Messages are what somebody said, and nothing else.
    pub fn is_as_said(&self, message: &Value) -> Result<&Saying, Fault> {
        let said = message["data"]["n"].as_u64().and_then(|n| self.said.get(usize::try_from(n).ok()?));
        let Some(said) = said else { return Err(fault!(Order: "F3: nobody said {message}")) };
        let same = ["id", "event", "data"].iter().all(|field| said.frame[field] == message[field]);
        check!(same, Order: "F3: {} was said, not {message}", said.frame);
        check!(said.kept == message["seq"].is_u64(), Order: "D1: kept or not: {message}");
        if let Some(head) = said.frame["if_seq"].as_u64() {
            check!(message["seq"] == head + 1, Answers: "D8: if_seq {head} was accepted as {}", message["seq"]);
        }
        Ok(said)
    }

    fn is_no_repeat(&self, message: &Value, seq: u64) -> Result<(), Fault> {
        let Some(key) = speaker_and_id(message) else { return Ok(()) };
        let life = self.life().unwrap();
        let Some(earlier) = life.ids.get(&key) else { return Ok(()) };
        let counted = earlier + self.limits.dedupe_count < seq;
        let aged = life.kept(*earlier).is_none_or(|kept| kept.row.at + self.limits.dedupe_ms < self.latest);
        let forgotten = life.kept(*earlier).is_some_and(|kept| life.unknown.contains(&kept.row.first));
        check!(counted || aged || forgotten, Once: "D7: {key:?} was kept as {earlier} and again as {seq}");
        Ok(())
    }
}

impl Life {
    pub fn kept(&self, seq: u64) -> Option<&Kept> {
        self.kept.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    fn damage(&self, seq: u64) -> Option<Damage> {
        self.damaged.get(&self.kept(seq)?.row.first).copied()
    }

    fn row_bytes(&self, row: RowKey) -> u64 {
        let frames = (row.first..=row.last()).filter_map(|seq| self.kept(seq));
        frames.map(|kept| kept.bytes + 1).sum::<u64>() - 1
    }
}

/// Who said it, as rule D7 tells speakers apart, and under which id.
fn speaker_and_id(message: &Value) -> Option<(String, String)> {
    let id = message["id"].as_str()?.to_owned();
    let speaker = match (message["from"]["user"].as_str(), message["from"]["connection"].as_str()) {
        (Some(user), _) => format!("user {user}"),
        (None, Some(connection)) => format!("connection {connection}"),
        (None, None) => return None,
    };
    Some((speaker, id))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
