//! What is left to do with a request that wants an object, whichever it is: count it, let it in, count its user.

use super::limit::{self, Count};
use super::{Caller, Refused, Reply, Suspects};
use dormouse_core::effect::{Level, LogLine};
use dormouse_core::grant::{Claims, Keys, TokenError, Verifier as _};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::{Millis, UserId};

/// A request that wants an object. What is left to do, in this order: count it ([`Visitor::counted_address`]), let it in
/// ([`Visitor::admit`]), count its user ([`Visitor::counted_user`]), hand it to the object.
pub trait Visitor {
    /// What a token gives it here.
    type Admitted;

    /// Who sends it.
    fn caller(&self) -> &Caller;

    /// What it is let in with, by the token it carries, `None` where none is needed and none was given; with a line for
    /// the log where the token has a pattern that fits nothing.
    ///
    /// # Errors
    /// The credential is refused, or missing where one is needed.
    fn admit_noting(
        &self,
        keys: &Keys,
        now: Millis,
        note: impl FnOnce(&LogLine),
    ) -> Result<Option<Self::Admitted>, Box<Refused>>;

    /// What the address is counted by, before its token is looked at.
    fn counted_address(&self, suspects: &Suspects, now: Millis) -> Option<Count>;

    /// What the user is counted by.
    fn counted_user(&self, admitted: Option<&Self::Admitted>) -> Option<Count>;

    /// Refuses it in a way that it can hear.
    fn refuse(&self, close: Close, refusal: Refusal) -> Refused;

    /// As [`Visitor::admit_noting`], and nothing is noted.
    ///
    /// # Errors
    /// As there.
    fn admit(&self, keys: &Keys, now: Millis) -> Result<Option<Self::Admitted>, Box<Refused>> {
        self.admit_noting(keys, now, |_| {})
    }

    /// What a token says.
    ///
    /// # Errors
    /// It is not to be believed.
    fn verify(&self, token: &str, keys: &Keys, now: Millis) -> Result<Claims, Box<Refused>> {
        keys.verify(token, now).map_err(|flaw| {
            let refused = self.refuse(TokenError::from(flaw).close(), flaw.into());
            Box::new(Refused { bad_token: true, ..refused })
        })
    }

    /// Remembers an address whose token was bad.
    fn suspect(&self, refused: &Refused, suspects: &mut Suspects, now: Millis) {
        if refused.bad_token {
            self.caller().suspect(suspects, now);
        }
    }

    /// What one hears who came too often (rule R5).
    fn too_often(&self, count: &Count) -> Refused {
        let limit = count.counter.binding();
        let refused = self.refuse(Close::RateLimited, Refusal::rate_limited(limit::RETRY_AFTER).because(limit));
        let user = count.counter.is_per_user().then(|| UserId::parse(&count.key)).flatten();
        Refused { line: LogLine { user, ..refused.line }, ..refused }
    }

    /// What one hears when the object cannot be reached, and what the log says of it.
    fn unreachable(&self, overloaded: bool, id: &str, detail: &str) -> Refused {
        let refusal = match overloaded {
            true => Refusal { retry_after: Some(limit::RETRY_AFTER), ..Code::OverCapacity.into() },
            false => Reply::internal_refusal(id),
        };
        let refused = self.refuse(Close::OverCapacity, refusal);
        let line = LogLine { level: Level::Error, event: "internal", ..refused.line };
        Refused { line: LogLine { detail: Some(format!("{id}: {detail}")), ..line }, ..refused }
    }
}

/// The line of a token with a pattern that fits nothing.
pub(super) fn unfit_pattern(user: Option<UserId>, channel: Option<String>, why: String) -> LogLine {
    LogLine { user, channel, detail: Some(why), ..LogLine::new(Level::Warn, "unfit_pattern") }
}
