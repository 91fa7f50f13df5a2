//! Members that do not read are told so rather than growing our memory (rules R6, R7).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Edge;
use crate::context::{Context, Unsent};
use crate::effect::SessionKey;
use crate::hub::Payer;
use dormouse_protocol::error::Close;
use dormouse_protocol::name::Millis;

/// Unread bytes are looked for in everyone at least this often while anything is told to all, in milliseconds.
const LOOK_EVERY: Millis = 1_000;

/// Who has less than this unread is not to blame for the sum, in bytes: any frame is on its way for a while.
const BLAMELESS: u64 = 16_384;

/// What was told since unread bytes were last looked for, and what they were then.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Bytes told to everyone since all were looked at, once for all.
    to_all: u64,
    /// Bytes told since then, once for each who was told.
    told: u64,
    /// When everyone was looked at.
    looked: Millis,
    /// What was unread then, of everyone.
    total: u64,
    /// Whose it was, where the sum came near its bound.
    held: BTreeMap<Payer, u64>,
    /// Whether many were told something in this event: what of before was not looked at, sleep may have forgotten.
    now_to_all: bool,
    /// What was told to single sessions in this event: their links cannot tell of it yet.
    to_one: Vec<(SessionKey, u64)>,
}

/// What one user or address has unread.
#[derive(Default)]
struct Share {
    bytes: u64,
    /// Who of its sessions was not told `bye` yet, and what of the bytes is theirs.
    live: Vec<SessionKey>,
    live_bytes: u64,
}

impl Unread {
    /// An event begins.
    pub(super) fn begin(&mut self) {
        self.to_one.clear();
        self.now_to_all = false;
    }

    /// One session was told so many bytes.
    pub(super) fn told(&mut self, session: SessionKey, bytes: usize) {
        self.to_one.push((session, bytes as u64));
        self.told = self.told.saturating_add(bytes as u64);
    }

    /// So many sessions were told so many bytes each.
    pub(super) fn told_all(&mut self, sessions: u64, bytes: usize) {
        self.to_all = self.to_all.saturating_add(bytes as u64);
        self.told = self.told.saturating_add(sessions.saturating_mul(bytes as u64));
        self.now_to_all = true;
    }

    /// Bytes told to one session in this event.
    pub(super) fn told_now(&self, session: SessionKey) -> u64 {
        self.to_one.iter().filter(|(key, _)| *key == session).fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Whether one holds more unread bytes than are left free of the sum, as far as was seen: it brings no more of them.
    pub(super) fn is_greedy(&self, owner: &Payer, most: u64) -> bool {
        self.held.get(owner).is_some_and(|held| *held >= most.saturating_sub(self.total))
    }

    /// Whether everyone is to be looked at: after a quarter of the bound was told to all, and once a second, so also in
    /// a channel that slept, which has forgotten how much it told; and before the sum could pass its own bound.
    fn is_due(&self, now: Millis, bound: u64, most: u64) -> bool {
        let lately = now.saturating_sub(self.looked) < LOOK_EVERY;
        let room = most.saturating_sub(self.total).max(most / 8);
        (self.now_to_all && (!lately || self.to_all >= bound / 4)) || self.told >= room / 2
    }
}

impl Edge {
    /// Looks for the slow among those who were told something in this event: at single ones at once, and from time to
    /// time at everyone, which costs a crowd about a microsecond each.
    ///
    /// Answers whether any were told to go.
    pub(crate) fn look_for_slow(&mut self, cx: &mut Context<'_>) -> bool {
        let (bound, most) = (cx.limits().unsent_bytes, cx.limits().unsent_total_bytes);
        let slow: Vec<_> = if self.unread.is_due(cx.steady(), bound, most) {
            self.look_at_all(cx)
        } else {
            let told = self.unread.to_one.iter().map(|(key, _)| *key);
            told.filter(|key| cx.links.unsent(*key) > bound).collect()
        };
        for key in &slow {
            self.hydrate(cx, *key);
            self.disconnect(cx, *key, Close::TooSlow, false);
        }
        !slow.is_empty()
    }

    fn look_at_all(&mut self, cx: &mut Context<'_>) -> Vec<SessionKey> {
        let Unsent { total, over } = cx.links.unsent_over(cx.limits().unsent_bytes);
        let unread = &mut self.unread;
        let since = unread.to_all;
        (unread.to_all, unread.told, unread.looked, unread.total) = (0, 0, cx.steady(), total);
        unread.held.clear();
        let mut slow: Vec<_> = over.into_iter().map(|(key, _)| key).collect();
        if total > cx.limits().unsent_total_bytes / 2 {
            slow.extend(self.greediest(cx, BLAMELESS.max(since)));
            slow.sort_unstable();
            slow.dedup();
        }
        slow
    }

    /// Whom the sum of unread bytes is due to, where it has passed its bound: the users and addresses that hold most,
    /// until the rest fits. Nobody is to blame who may have read all that it was told before the last look. What those
    /// hold who were told `bye` already cannot be taken back; it takes half at most of what the others may have.
    fn greediest(&mut self, cx: &mut Context<'_>, blameless: u64) -> Vec<SessionKey> {
        let Unsent { total, over } = cx.links.unsent_over(blameless);
        let mut shares = BTreeMap::<Payer, Share>::new();
        let mut leaving = 0_u64;
        for (key, bytes) in over {
            self.hydrate(cx, key);
            let Some(session) = self.roster.session(key) else { continue };
            let share = shares.entry(session.kept.owner()).or_default();
            share.bytes = share.bytes.saturating_add(bytes);
            if session.is_leaving() {
                leaving = leaving.saturating_add(bytes);
            } else {
                share.live.push(key);
                share.live_bytes = share.live_bytes.saturating_add(bytes);
            }
        }
        self.unread.held = shares.iter().map(|(owner, share)| (owner.clone(), share.bytes)).collect();
        let most = cx.limits().unsent_total_bytes;
        let most = most.saturating_sub(leaving).max(most / 2);
        let mut live = total.saturating_sub(leaving);
        let mut shares: Vec<_> = shares.into_values().collect();
        shares.sort_by_key(|share| Reverse(share.bytes));
        let mut slow = Vec::new();
        for share in shares {
            if live <= most {
                break;
            }
            live = live.saturating_sub(share.live_bytes);
            slow.extend(share.live);
        }
        slow
    }
}
