//! A connection for many channels, on its way to a relay (rule E8).

use std::fmt;

use super::limit::{self, Count, Counter};
use super::visitor::unfit_pattern;
use super::{Caller, Decision, Refused, RejectedUpgrade, Suspects, Visitor};
use dormouse_core::effect::LogLine;
use dormouse_core::grant::{Claims, Keys};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::Millis;

/// A request for a connection that carries many channels. Each of them decides for itself who joins; here a token is
/// only held to be one.
pub struct ConnectRequest {
    /// The sub-protocol agreed on.
    pub protocol: Option<&'static str>,
    pub(super) caller: Caller,
}

impl ConnectRequest {
    /// What one hears for whom no relay has room, and what the log says of it.
    pub fn no_room(&self, pool: &str) -> Refused {
        let refusal = Refusal { retry_after: Some(limit::RETRY_AFTER), ..Code::OverCapacity.into() };
        self.refuse(Close::OverCapacity, refusal.because(format!("RELAY_CONNECTIONS: no relay of `{pool}` has room")))
    }
}

impl Visitor for ConnectRequest {
    type Admitted = Claims;

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn admit_noting(
        &self,
        keys: &Keys,
        now: Millis,
        note: impl FnOnce(&LogLine),
    ) -> Result<Option<Claims>, Box<Refused>> {
        let Some(token) = &self.caller.credential else { return Ok(None) };
        let claims = self.verify(token, keys, now)?;
        if let Some(why) = &claims.unfit {
            note(&unfit_pattern(Some(claims.user.clone()), None, why.to_string()));
        }
        Ok(Some(claims))
    }

    fn counted_address(&self, _suspects: &Suspects, _now: Millis) -> Option<Count> {
        self.caller.counted(Counter::JoinsPerAddress)
    }

    fn counted_user(&self, claims: Option<&Claims>) -> Option<Count> {
        Some(Count { counter: Counter::JoinsPerUser, key: claims?.user.to_string() })
    }

    fn refuse(&self, close: Close, refusal: Refusal) -> Refused {
        Refused {
            line: LogLine::refused(close.reason(), refusal.detail()),
            decision: Decision::RejectedUpgrade(RejectedUpgrade::new(close, refusal.retry_after, self.protocol)),
            bad_token: false,
        }
    }
}

/// Without the credential: what is printed may end in a log.
impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
