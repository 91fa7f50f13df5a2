//! Who may ask how fast: the gates of each request, and who pays at them (rules R5, R7).

use super::buckets::{Buckets, Gate};
use super::replay_budget::Drawers;
use super::{Hub, Payer, Speaker};
use crate::bucket::Bucket;
use crate::context::Context;
use crate::contract::{Ability, Rate};
use crate::effect::LogLine;
use crate::member_map::MemberMap;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{ConnectionId, Millis};

/// The rate of replacing grants: once a second, bursts of three (rule A5).
const AUTH_RATE: Rate = Rate { per_second: 1.0, burst: 3.0 };

/// How many refusals of one who pays are in the log: ten at once, then one a second (rule R2).
const LOG_RATE: Rate = Rate { per_second: 1.0, burst: 10.0 };

/// The same for all on a channel together.
const LOG_RATE_OF_ALL: Rate = Rate { per_second: 10.0, burst: 100.0 };

/// The least rate of all frames together, a second (rule R5).
const HARD_RATE_MIN: f64 = 200.0;

/// How many times that rate all connections without a user have together that come from one address (rule R7).
const PER_ADDRESS: f64 = 5.0;

/// What a refusal costs of that rate, beside the one that every request costs (rule R5).
const REFUSAL_COST: f64 = 9.0;

/// What full buckets need not be remembered after, in milliseconds: every burst is back by then (rule H1).
const REFILL_MAX: Millis = 10_000;

/// Rates that are full again are forgotten at most this often, in milliseconds.
const PRUNE_EVERY: Millis = 60_000;

/// What is left of everybody's rates.
#[derive(Default)]
pub(super) struct Rates {
    pub(super) buckets: MemberMap<Payer, Box<Buckets>>,
    pub(super) drawers: Drawers,
    /// What is left of the channel's share of the log.
    log: Option<Bucket>,
    /// When rates that are full again were last forgotten, by the steady clock.
    pruned: Millis,
}

impl Rates {
    /// Passes a gate: the payer's bucket has a token for it, or it needs none (rule R5).
    pub(super) fn pass(
        &mut self,
        cx: &Context<'_>,
        speaker: &Speaker,
        gate: Gate<'_>,
        rate: Rate,
    ) -> Result<(), Refusal> {
        self.pass_as(cx, speaker, speaker.payer.clone(), gate, rate)
    }

    fn pass_as(
        &mut self,
        cx: &Context<'_>,
        speaker: &Speaker,
        payer: Payer,
        gate: Gate<'_>,
        rate: Rate,
    ) -> Result<(), Refusal> {
        if speaker.rights.may(&Ability::Unmetered) {
            return Ok(());
        }
        let now = cx.steady();
        self.buckets.get_or_default(payer).bucket(gate, rate, now).take(rate, now).map_err(|refusal| {
            let limit = gate.limit(rate);
            refusal.because(limit)
        })
    }

    /// Whether one more refusal of this one is to be in the log. Both are full again in time to be forgotten in sleep
    /// (rule H1).
    pub(super) fn may_log(&mut self, payer: Payer, now: Millis) -> bool {
        let own = self.buckets.get_or_default(payer).bucket(Gate::Log, LOG_RATE, now).take(LOG_RATE, now);
        let all = self.log.get_or_insert_with(|| Bucket::full(LOG_RATE_OF_ALL, now));
        own.is_ok() && all.take(LOG_RATE_OF_ALL, now).is_ok()
    }

    fn charge(&mut self, payer: Payer, gate: Gate<'_>, rate: Rate, now: Millis) {
        self.buckets.get_or_default(payer).bucket(gate, rate, now).charge(REFUSAL_COST);
    }
}

impl Hub {
    /// Has a refusal in the log, unless this one or all on the channel have had many there lately: the meter counts each
    /// (rule R2).
    pub(crate) fn log_refusal(
        &mut self,
        cx: &mut Context<'_>,
        speaker: &Speaker,
        connection: Option<ConnectionId>,
        refusal: &Refusal,
    ) {
        // What is our fault is in the log already, under its id.
        if refusal.code == Code::Internal || !self.rates.may_log(speaker.payer.clone(), cx.steady()) {
            return;
        }
        let user = match &speaker.payer {
            Payer::User(user) => Some(user.clone()),
            Payer::Connection(_) | Payer::Address(_) | Payer::Nobody => None,
        };
        cx.log(LogLine { connection, user, ..LogLine::refused(refusal.code.as_str(), refusal.detail()) });
    }

    /// The gates of everything but a publish.
    pub(crate) fn pass_general(&mut self, cx: &Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        let rate = Rate { per_second: cx.limits().general_per_second, burst: cx.limits().general_burst };
        self.rates.pass(cx, speaker, Gate::General, rate)
    }

    /// The gates of `auth`.
    pub(crate) fn pass_auth(&mut self, cx: &Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        self.pass_general(cx, speaker)?;
        self.rates.pass(cx, speaker, Gate::Auth, AUTH_RATE)
    }

    /// The gate of all frames together, taken once for each frame or body before it is parsed, and for each further
    /// member of an array: four times the channel's highest rate, at least 200 a second (rules R5, R7).
    pub(crate) fn pass_hard(&mut self, cx: &Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        let rate = hard_rate(cx);
        self.rates.pass(cx, speaker, Gate::Hard, rate)?;
        let Some(address) = speaker.address else { return Ok(()) };
        self.rates.pass_as(cx, speaker, Payer::Address(address), Gate::Address, rate.times(PER_ADDRESS))
    }

    /// A refusal is paid for, or refusals would be the cheapest thing to ask for: but not one that is no fault of who
    /// asked, nor one by rate, which has cost us nothing (rule R5), nor the application's own, which has its rate.
    pub(crate) fn pay_for(&mut self, cx: &Context<'_>, speaker: &Speaker, code: Code) {
        if code.retryable() || code == Code::Refused || speaker.rights.may(&Ability::Unmetered) {
            return;
        }
        let (rate, now) = (hard_rate(cx), cx.steady());
        self.rates.charge(speaker.payer.clone(), Gate::Hard, rate, now);
        if let Some(address) = speaker.address {
            self.rates.charge(Payer::Address(address), Gate::Address, rate.times(PER_ADDRESS), now);
        }
    }

    /// Forgets rates that are full again, whoever they are of: posts without any member come too.
    pub(crate) fn prune_rates(&mut self, cx: &Context<'_>) {
        let now = cx.steady();
        if now.saturating_sub(self.rates.pruned) >= PRUNE_EVERY {
            self.rates.pruned = now;
            self.rates.buckets.retain(|_, buckets| buckets.touched().saturating_add(REFILL_MAX) > now);
        }
    }
}

fn hard_rate(cx: &Context<'_>) -> Rate {
    Rate::per_second((4.0 * cx.rules().highest_rate()).max(HARD_RATE_MIN))
}
