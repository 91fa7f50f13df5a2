//! The buckets of one who pays, each by its gate (rule R5).

use std::collections::BTreeMap;

use crate::bucket::Bucket;
use crate::contract::Rate;
use dormouse_protocol::name::{EventName, Millis};

/// The buckets of one payer; each begins full when it is first asked.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    general: Option<Bucket>,
    hard: Option<Bucket>,
    address: Option<Bucket>,
    auth: Option<Bucket>,
    replay: Option<Bucket>,
    log: Option<Bucket>,
    events: BTreeMap<EventName, Bucket>,
    calls: BTreeMap<EventName, Bucket>,
}

/// Which bucket of a payer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate<'a> {
    /// Everything but publishes.
    General,
    /// All frames together.
    Hard,
    /// All frames of all connections without a user that come from one address (rule R7).
    Address,
    /// Replacing the grant (rule A5).
    Auth,
    /// Bytes of replay and history (rule D10).
    Replay,
    /// Lines of the log about refusals.
    Log,
    /// Publishes of one event.
    Event(&'a EventName),
    /// Calls of one name.
    Call(&'a EventName),
}

impl Gate<'_> {
    /// Which limit it is, for the log.
    pub(super) fn limit(self, rate: Rate) -> String {
        let Rate { per_second, burst } = rate;
        let what = match self {
            Self::General => "GENERAL_PER_SECOND and GENERAL_BURST allow".to_owned(),
            Self::Hard => "all frames together may be".to_owned(),
            Self::Address => "all without a user from one address may send".to_owned(),
            Self::Auth => "`auth` may be sent".to_owned(),
            Self::Replay => "REPLAY_BYTES_PER_SECOND and REPLAY_BURST_BYTES allow".to_owned(),
            Self::Log => "the log has".to_owned(),
            Self::Event(event) => format!("the event `{event}` may be said"),
            Self::Call(call) => format!("the call `{call}` may be asked"),
        };
        format!("{what} {per_second} a second, {burst} at once")
    }
}

impl Buckets {
    /// The bucket of a gate, full if it was never asked before.
    pub(super) fn bucket(&mut self, gate: Gate<'_>, rate: Rate, now: Millis) -> &mut Bucket {
        let slot = match gate {
            Gate::General => &mut self.general,
            Gate::Hard => &mut self.hard,
            Gate::Address => &mut self.address,
            Gate::Auth => &mut self.auth,
            Gate::Replay => &mut self.replay,
            Gate::Log => &mut self.log,
            Gate::Event(event) => {
                return self.events.entry(event.clone()).or_insert_with(|| Bucket::full(rate, now));
            }
            Gate::Call(call) => {
                return self.calls.entry(call.clone()).or_insert_with(|| Bucket::full(rate, now));
            }
        };
        slot.get_or_insert_with(|| Bucket::full(rate, now))
    }

    /// When one of them was last touched, by a clock that is never set back.
    pub(super) fn touched(&self) -> Millis {
        let named = [self.general, self.hard, self.address, self.auth, self.replay, self.log].into_iter().flatten();
        named
            .chain(self.events.values().copied())
            .chain(self.calls.values().copied())
            .map(|bucket| bucket.touched())
            .max()
            .unwrap_or(0)
    }
}
