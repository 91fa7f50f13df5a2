//! A request for a channel that exists, on its way to the object.

use std::fmt;
use std::rc::Rc;

use super::limit::{self, Count, Counter};
use super::{Cors, Decision, Query, RejectedUpgrade, Reply, Suspects, Unread};
use dormouse_core::contract::{Ability, ChannelRules, Entry};
use dormouse_core::effect::{Level, LogLine};
use dormouse_core::grant::Rights;
use dormouse_core::grant::{Grant, Keys, TokenError, Verifier as _};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::{Address, ChannelName, Millis, UserId, network};

/// A request for a channel. What is left to do, in this order: count it ([`ChannelRequest::counted_address`]), admit it
/// ([`ChannelRequest::admit`]), count its user ([`ChannelRequest::counted_user`]), read its body, hand it to the object.
pub struct ChannelRequest {
    /// The channel.
    pub channel: ChannelName,
    /// What may be said there.
    pub rules: Rc<ChannelRules>,
    /// What it wants.
    pub operation: Operation,
    /// The query's fields.
    pub query: Query,
    /// The headers its answer carries, whoever answers.
    pub cors: Cors,
    pub(super) credential: Option<String>,
    /// What the platform says of where it comes from; a client cannot say it itself.
    pub(super) address: Option<String>,
}

/// What is wanted of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To join it (rule E1).
    Join {
        /// The sub-protocol agreed on.
        protocol: Option<&'static str>,
    },
    /// To know who is here (rule E2).
    Members,
    /// To read its history (rule E2).
    Messages,
    /// To publish (rule E2).
    Publish,
    /// To read its counters.
    Meter,
}

impl ChannelRequest {
    /// What the grant says, by the token the request carries; `None` where none is needed and none was given.
    ///
    /// # Errors
    /// The credential is refused, or missing where one is needed.
    pub fn admit(&self, keys: &Keys, now: Millis) -> Result<Option<Grant>, Box<Refused>> {
        self.admit_noting(keys, now, |_| {})
    }

    /// As [`ChannelRequest::admit`], with a line for the log where a joiner's token has a pattern that fits nothing.
    ///
    /// # Errors
    /// As there.
    pub fn admit_noting(
        &self,
        keys: &Keys,
        now: Millis,
        note: impl FnOnce(&LogLine),
    ) -> Result<Option<Grant>, Box<Refused>> {
        let Some(token) = &self.credential else {
            return match self.rules.entry {
                Entry::Token => {
                    let refusal = Refusal::new(Code::Unauthenticated, MISSING).because("there is no token");
                    Err(Box::new(self.refuse(Close::TokenExpired, refusal)))
                }
                Entry::Later if self.joins() => Ok(None),
                Entry::Anyone | Entry::Later => self.may_wake(None),
            };
        };
        let claims = keys.verify(token, now).map_err(|flaw| {
            let refused = self.refuse(TokenError::from(flaw).close(), flaw.into());
            Box::new(Refused { bad_token: true, ..refused })
        })?;
        let grant = claims.grant(&self.channel);
        let unfit = claims.unfit.map(String::from);
        let admitted = self.may_wake(Some(grant));
        match (admitted, unfit) {
            (Err(mut refused), Some(why)) => {
                let detail =
                    refused.line.detail.take().map_or_else(|| why.clone(), |detail| format!("{detail}; {why}"));
                refused.line.detail = Some(detail);
                Err(refused)
            }
            (Ok(grant), Some(why)) if self.joins() => {
                let user = grant.as_ref().map(|grant| grant.user.clone());
                note(&LogLine {
                    user,
                    channel: Some(self.channel.to_string()),
                    detail: Some(why),
                    ..LogLine::new(Level::Warn, "unfit_pattern")
                });
                Ok(grant)
            }
            (admitted, _) => admitted,
        }
    }

    /// Whether the sender may do what it asks for: no token wakes a channel that it opens no door of. The object asks
    /// again, of every request.
    fn may_wake(&self, grant: Option<Grant>) -> Result<Option<Grant>, Box<Refused>> {
        let rights = Rights::of(&self.rules, grant.as_ref());
        let needed = match self.operation {
            Operation::Join { .. } => Ability::Join,
            Operation::Members => Ability::Presence,
            Operation::Messages => Ability::History,
            Operation::Publish => Ability::Publish,
            Operation::Meter => Ability::Meter,
        };
        let speaks = self.operation == Operation::Publish && rights.may_speak(&self.rules);
        // Whoever has `publish` and no event to say with it speaks no more than one without.
        if speaks || (self.operation != Operation::Publish && rights.may(&needed)) {
            return Ok(grant);
        }
        let (close, code) = match &grant {
            Some(_) => (Close::Forbidden, Code::Forbidden),
            None => (Close::TokenExpired, Code::Unauthenticated),
        };
        let why = rights.lacks(&needed.to_string(), grant.is_some());
        let refused = self.refuse(close, Refusal::from(code).because(why));
        let line = LogLine { user: grant.map(|grant| grant.user), ..refused.line };
        Err(Box::new(Refused { line, ..refused }))
    }

    /// Where it comes from, as far as that is known: whoever has no user has the shares of an address (rule R7).
    pub fn address(&self) -> Option<Address> {
        self.address.as_deref().map(Address::of)
    }

    /// What the address is counted by, before its token is looked at: every join, and what is asked without a token. A
    /// backend that asks with one shares its address with others, and is counted so only while one of them is suspected.
    pub fn counted_address(&self, suspects: &Suspects, now: Millis) -> Option<Count> {
        let key = network(self.address.as_deref()?);
        if self.joins() {
            return Some(Count { counter: Counter::JoinsPerAddress, key });
        }
        let counted = self.credential.is_none() || suspects.has(&key, now);
        counted.then_some(Count { counter: Counter::AsksPerAddress, key })
    }

    /// What the user is counted by: every join with a token, and what is asked with one. A token with `unmetered` for
    /// this channel asks uncounted.
    pub fn counted_user(&self, grant: Option<&Grant>) -> Option<Count> {
        let grant = grant?;
        let key = grant.user.to_string();
        if self.joins() {
            return Some(Count { counter: Counter::JoinsPerUser, key });
        }
        let counted = !Rights::of(&self.rules, Some(grant)).may(&Ability::Unmetered);
        counted.then_some(Count { counter: Counter::AsksPerUser, key })
    }

    /// Remembers an address whose token was bad.
    pub fn suspect(&self, refused: &Refused, suspects: &mut Suspects, now: Millis) {
        if let Some(address) = self.address.as_deref().filter(|_| refused.bad_token) {
            suspects.note(&network(address), now);
        }
    }

    const fn joins(&self) -> bool {
        matches!(self.operation, Operation::Join { .. })
    }

    /// What one hears who came too often (rule R5).
    pub fn too_often(&self, count: &Count) -> Refused {
        let limit = count.counter.binding();
        let refused = self.refuse(Close::RateLimited, Refusal::rate_limited(limit::RETRY_AFTER).because(limit));
        let user = count.counter.is_per_user().then(|| UserId::parse(&count.key)).flatten();
        Refused { line: LogLine { user, ..refused.line }, ..refused }
    }

    /// What one hears when the object cannot be reached, and what the log says of it.
    pub fn unreachable(&self, overloaded: bool, id: &str, detail: &str) -> Refused {
        let refusal = match overloaded {
            true => Refusal { retry_after: Some(limit::RETRY_AFTER), ..Code::OverCapacity.into() },
            false => Reply::internal_refusal(id),
        };
        let refused = self.refuse(Close::OverCapacity, refusal);
        let line = LogLine { level: Level::Error, event: "internal", ..refused.line };
        Refused { line: LogLine { detail: Some(format!("{id}: {detail}")), ..line }, ..refused }
    }

    /// What one hears whose body cannot be taken.
    pub fn unread(&self, unread: Unread) -> Refused {
        self.refuse(Close::Protocol, unread.into())
    }

    /// The answer to what cannot be done in an object.
    pub fn refusal(&self, refusal: impl Into<Refusal>) -> Reply {
        self.cors.onto(refusal.into().into())
    }

    fn refuse(&self, close: Close, refusal: Refusal) -> Refused {
        let line = |code| {
            let channel = Some(self.channel.to_string());
            LogLine { channel, ..LogLine::refused(code, refusal.detail()) }
        };
        match self.operation {
            Operation::Join { protocol } => Refused {
                line: line(close.reason()),
                decision: Decision::RejectedUpgrade(RejectedUpgrade::new(close, refusal.retry_after, protocol)),
                bad_token: false,
            },
            Operation::Members | Operation::Messages | Operation::Publish | Operation::Meter => Refused {
                line: line(refusal.code.as_str()),
                decision: Decision::Answer(self.cors.onto(refusal.into())),
                bad_token: false,
            },
        }
    }
}

/// A request that is refused at the door.
#[derive(Debug)]
pub struct Refused {
    /// What is to be done with the request.
    pub decision: Decision,
    /// What the log says of it: never a token.
    pub line: LogLine,
    /// Whether it was for a token that is not to be believed.
    pub bad_token: bool,
}

/// Without the credential: what is printed may end in a log.
impl fmt::Debug for ChannelRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelRequest")
            .field("channel", &self.channel)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

const MISSING: &str = "A token is needed here: send it as Authorization: Bearer, or offer the sub-protocol \
                       bearer.TOKEN beside dormouse.v1.";
