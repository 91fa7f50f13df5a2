//! A request for a channel that exists, on its way to the object.

use std::fmt;
use std::rc::Rc;

use super::limit::{Count, Counter};
use super::visitor::unfit_pattern;
use super::{Caller, Cors, Decision, Query, Refused, RejectedUpgrade, Reply, Suspects, Unread, Visitor};
use dormouse_core::contract::{Ability, CallRules, ChannelRules, Entry};
use dormouse_core::effect::LogLine;
use dormouse_core::grant::{Grant, Keys, Rights};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::{ChannelName, EventName, Millis};

/// A request for a channel.
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
    /// The call that is asked, and the id by which a remembered one is known again (rule C3).
    pub asked: Option<(EventName, Option<String>)>,
    pub(super) caller: Caller,
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
    /// To ask the application's code something (rule C3).
    Call,
    /// To read its counters.
    Meter,
}

impl ChannelRequest {
    /// Whether the sender may do what it asks for: no token wakes a channel that it opens no door of. The object asks
    /// again, of every request.
    fn may_wake(&self, grant: Option<Grant>) -> Result<Option<Grant>, Box<Refused>> {
        let rights = Rights::of(&self.rules, grant.as_ref());
        let needed = match self.operation {
            Operation::Join { .. } => Ability::Join,
            Operation::Members => Ability::Presence,
            Operation::Messages => Ability::History,
            Operation::Publish => Ability::Publish,
            Operation::Call => self.call().map_or(Ability::Call, |call| call.ability.clone()),
            Operation::Meter => Ability::Meter,
        };
        let may = match self.operation {
            // Whoever has `publish` and no event to say with it speaks no more than one without.
            Operation::Publish => rights.may_speak(&self.rules),
            Operation::Call => self.call().is_some_and(|call| rights.may_call(call)),
            Operation::Join { .. } | Operation::Members | Operation::Messages | Operation::Meter => rights.may(&needed),
        };
        if may {
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

    fn call(&self) -> Option<&CallRules> {
        self.asked.as_ref().and_then(|(name, _)| self.rules.call(name.as_str()))
    }

    const fn joins(&self) -> bool {
        matches!(self.operation, Operation::Join { .. })
    }

    /// What one hears whose body cannot be taken.
    pub fn unread(&self, unread: Unread) -> Refused {
        self.refuse(Close::Protocol, unread.into())
    }

    /// The answer to what cannot be done in an object.
    pub fn refusal(&self, refusal: impl Into<Refusal>) -> Reply {
        self.cors.onto(refusal.into().into())
    }
}

impl Visitor for ChannelRequest {
    type Admitted = Grant;

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn admit_noting(
        &self,
        keys: &Keys,
        now: Millis,
        note: impl FnOnce(&LogLine),
    ) -> Result<Option<Grant>, Box<Refused>> {
        let Some(token) = &self.caller.credential else {
            return match self.rules.entry {
                Entry::Token => {
                    let refusal = Refusal::new(Code::Unauthenticated, MISSING).because("there is no token");
                    Err(Box::new(self.refuse(Close::TokenExpired, refusal)))
                }
                Entry::Later if self.joins() => Ok(None),
                Entry::Anyone | Entry::Later => self.may_wake(None),
            };
        };
        let claims = self.verify(token, keys, now)?;
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
                note(&unfit_pattern(user, Some(self.channel.to_string()), why));
                Ok(grant)
            }
            (admitted, _) => admitted,
        }
    }

    /// Every join, and what is asked without a token. A backend that asks with one shares its address with others, and is
    /// counted so only while one of them is suspected.
    fn counted_address(&self, suspects: &Suspects, now: Millis) -> Option<Count> {
        if self.joins() {
            return self.caller.counted(Counter::JoinsPerAddress);
        }
        let count = self.caller.counted(Counter::AsksPerAddress)?;
        let counted = self.caller.credential.is_none() || suspects.has(&count.key, now);
        counted.then_some(count)
    }

    /// Every join with a token, and what is asked with one. A token with `unmetered` for this channel asks uncounted.
    fn counted_user(&self, grant: Option<&Grant>) -> Option<Count> {
        let grant = grant?;
        let key = grant.user.to_string();
        if self.joins() {
            return Some(Count { counter: Counter::JoinsPerUser, key });
        }
        let counted = !Rights::of(&self.rules, Some(grant)).may(&Ability::Unmetered);
        counted.then_some(Count { counter: Counter::AsksPerUser, key })
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
            Operation::Members | Operation::Messages | Operation::Publish | Operation::Call | Operation::Meter => {
                Refused {
                    line: line(refusal.code.as_str()),
                    decision: Decision::Answer(self.cors.onto(refusal.into())),
                    bad_token: false,
                }
            }
        }
    }
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
