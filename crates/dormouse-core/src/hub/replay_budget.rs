//! How much may be replayed to whom: bytes paid after they are known (rules D10, R7).

use std::collections::{BTreeMap, VecDeque};

use super::buckets::Gate;
use super::{Hub, Payer, Speaker};
use crate::context::Context;
use crate::contract::{Ability, Rate};
use dormouse_protocol::error::Refusal;
use dormouse_protocol::name::Millis;

/// After how long one who draws no more is no longer one to share with, in milliseconds: what is forgotten in sleep
/// (rule H1).
const DRAWS_FOR: Millis = 10_000;

/// Who without a user had something replayed lately: they share one budget.
#[derive(Debug, Default)]
pub(super) struct Drawers {
    last: BTreeMap<Payer, Millis>,
    order: VecDeque<(Millis, Payer)>,
}

impl Drawers {
    /// In how many parts the budget is parted for this one and the others, with one left over for whoever comes next.
    fn parts(&mut self, payer: &Payer, now: Millis) -> usize {
        while let Some((at, drawer)) = self.order.front().filter(|(at, _)| at.saturating_add(DRAWS_FOR) <= now) {
            if self.last.get(drawer) == Some(at) {
                self.last.remove(drawer);
            }
            self.order.pop_front();
        }
        let others = self.last.len().saturating_sub(usize::from(self.last.contains_key(payer)));
        others.saturating_add(2)
    }

    fn draws(&mut self, payer: &Payer, now: Millis) {
        if self.last.insert(payer.clone(), now) != Some(now) {
            self.order.push_back((now, payer.clone()));
        }
    }
}

impl Hub {
    /// Whether one may have more replayed now.
    pub(super) fn solvent(&mut self, cx: &Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        if speaker.rights.may(&Ability::Unmetered) {
            return Ok(());
        }
        let now = cx.steady();
        let (payer, rate) = self.purse(cx, speaker);
        self.rates.buckets.get_or_default(payer).bucket(Gate::Replay, rate, now).solvent(rate, now)
    }

    /// So many bytes were replayed, or read for it.
    pub(super) fn charge(&mut self, cx: &Context<'_>, speaker: &Speaker, bytes: u64) {
        let now = cx.steady();
        let (payer, rate) = self.purse(cx, speaker);
        if !matches!(payer, Payer::User(_)) {
            self.rates.drawers.draws(&payer, now);
        }
        #[expect(clippy::cast_precision_loss, reason = "a page is at most 256 KiB and a message")]
        let cost = bytes as f64;
        self.rates.buckets.get_or_default(payer).bucket(Gate::Replay, rate, now).charge(cost);
    }

    /// Who pays for what is replayed to a speaker, and how fast what was paid comes back: a user has a budget of its own;
    /// all without a user have one together, in equal parts by address.
    fn purse(&mut self, cx: &Context<'_>, speaker: &Speaker) -> (Payer, Rate) {
        let (per_second, burst) = (cx.limits().replay_bytes_per_second, cx.limits().replay_burst_bytes);
        let user = if let Payer::User(user) = &speaker.payer { Some(user) } else { None };
        let payer = Payer::of(user, speaker.address);
        let parts = if matches!(payer, Payer::User(_)) { 1 } else { self.rates.drawers.parts(&payer, cx.steady()) };
        #[expect(clippy::cast_precision_loss, reason = "the settings end far below 2^53, and so do members")]
        let (per_second, burst, parts) = (per_second as f64, burst as f64, parts as f64);
        (payer, Rate { per_second, burst }.times(1.0 / parts))
    }
}
