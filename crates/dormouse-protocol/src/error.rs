//! The one table of refusals (rule R1), each with the text for where nothing more exact is known, and the one of close
//! codes (rule R3).

use serde::{Serialize, Serializer};

use crate::name::Millis;

/// Declares the refusals: name in code, code on the wire, HTTP status, whether trying again can help, text.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $retry:literal $text:literal;)*) => {
        /// Why a request was refused (rule R1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it stands on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that says the same.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Whether the same request may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            /// What the sender is told when nothing more exact is known.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

refusals! {
    /// The frame is not I-JSON, or not shaped as the protocol says.
    BadFrame "bad_frame" 400 false "The frame is not valid: see PROTOCOL.md for its shape.";
    /// The channel's name breaks rule E5.
    BadName "bad_name" 400 false "A channel name is 1 to 128 of A-Z a-z 0-9 _ - . = @ ~ in segments parted by ':'.";
    /// The frame's `type` is none of ours.
    UnknownType "unknown_type" 400 false "No request has this type: use publish, call, auth, presence, history or resume.";
    /// There is no valid token.
    Unauthenticated "unauthenticated" 401 false "Sign in first: a valid token is needed.";
    /// The token does not allow it.
    Forbidden "forbidden" 403 false "Your token does not allow this here.";
    /// There is no such channel or path.
    NotFound "not_found" 404 false "There is nothing of this name.";
    /// The contract of the channel has no such event.
    UnknownEvent "unknown_event" 404 false "This channel has no such event: GET /v1/contract lists them.";
    /// The path exists, but not with this method.
    MethodNotAllowed "method_not_allowed" 405 false "This path does not take this method.";
    /// A body did not come within its time.
    BodyTimeout "body_timeout" 408 true "The body of the request did not come in time: send it again, faster.";
    /// The head is another than `if_seq` said, or the id was used for something else.
    Conflict "conflict" 409 false "The channel has moved on, or this id was used for another message.";
    /// The request needs a kept event or channel.
    NotKept "not_kept" 409 false "Nothing is kept here, so it has no seq and no history.";
    /// A size limit was passed.
    TooLarge "too_large" 413 false "This is larger than allowed.";
    /// The payload breaks the contract; the message names the path.
    InvalidData "invalid_data" 422 false "The data does not fit this event: GET /v1/contract has its schema.";
    /// The application's own code refused it; `reason` says why (rule C4).
    Refused "refused" 422 false "The application refused this: `reason` says why.";
    /// A WebSocket upgrade is needed here.
    UpgradeRequired "upgrade_required" 426 false "Join a channel by a WebSocket upgrade.";
    /// Too many in too short a time; `retry_after` says when the next would pass.
    RateLimited "rate_limited" 429 true "Too fast: wait for retry_after milliseconds.";
    /// Our fault; the log knows more under the id in the message.
    Internal "internal" 500 true "Something went wrong on our side.";
    /// The channel or its storage is full.
    OverCapacity "over_capacity" 503 true "The channel is full: try again later.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A refusal on its way to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which of the table.
    pub code: Code,
    /// What to do about it, for a person; never anything of our inside (rule R2).
    pub message: String,
    /// Milliseconds after which the same request would pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Millis>,
    /// The head of the channel, told with `conflict` (rule D8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The application's own reason, told with `refused` (rule C4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What the log says of it beyond its code: what was lacked, or which limit. Never told, and never a payload or a
    /// token (rule R2).
    #[serde(skip)]
    pub why: Option<Box<str>>,
}

impl Refusal {
    /// A refusal with a message of its own.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, seq: None, reason: None, why: None }
    }

    /// The same refusal with what the log says of it.
    #[must_use]
    pub fn because(self, why: impl Into<Box<str>>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// What the log may say of it: why, or else the message, unless what was sent may stand in that (rule R2).
    pub fn detail(&self) -> Option<String> {
        let quotes = matches!(self.code, Code::InvalidData | Code::BadFrame | Code::Internal);
        self.why.as_deref().or_else(|| (!quotes).then_some(self.message.as_str())).map(str::to_owned)
    }

    /// `rate_limited` with the time after which the next would pass.
    pub fn rate_limited(retry_after: Millis) -> Self {
        Self { retry_after: Some(retry_after), ..Code::RateLimited.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code, code.text())
    }
}

/// Declares the close codes: name, number, reason on the wire.
macro_rules! closes {
    ($($(#[$doc:meta])* $name:ident $number:literal $reason:literal;)*) => {
        /// Why the service ends a connection; the number's range tells the client what to do (rule R3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Close { $($(#[$doc])* $name,)* }

        impl Close {
            /// Every close code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number of the close frame and of `bye`.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The reason of the close frame and of `bye`.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }
        }
    };
}

closes! {
    /// The peer broke the protocol.
    Protocol 4000 "protocol";
    /// The name is bad, or no channel has it.
    NoSuchChannel 4001 "no_such_channel";
    /// The grant does not allow joining.
    Forbidden 4003 "forbidden";
    /// Removed by an operator.
    Removed 4008 "removed";
    /// The token cannot be accepted, now or later.
    BadToken 4009 "bad_token";
    /// Another connection took its place.
    Replaced 4010 "replaced";
    /// The channel is full.
    OverCapacity 4100 "over_capacity";
    /// Too many joined in too short a time; `retry_after` says when the next would pass.
    RateLimited 4100 "rate_limited";
    /// Twenty refusals in a row.
    TooManyRefusals 4101 "too_many_refusals";
    /// It does not read what it is sent.
    TooSlow 4102 "too_slow";
    /// The service restarts.
    Restart 4200 "restart";
    /// Nothing was heard of it for too long.
    Silent 4201 "silent_too_long";
    /// The token has expired, or none came in time.
    TokenExpired 4300 "token_expired";
    /// The channel's history is gone.
    HistoryLost 4400 "history_lost";
}

/// Closing code of RFC 6455 for a frame too big to be taken in at all (rule R4).
pub const CLOSE_TOO_BIG: u16 = 1009;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_codes_are_told_apart_and_only_what_can_pass_later_is_retryable() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 18);
        for code in Code::ALL {
            let later = matches!(code, Code::BodyTimeout | Code::RateLimited | Code::Internal | Code::OverCapacity);
            assert_eq!(code.retryable(), later, "{}", code.as_str());
        }
    }

    #[test]
    fn r3_a_close_reason_fits_the_123_bytes_of_a_close_frame() {
        for close in Close::ALL {
            assert!(close.reason().len() <= 123);
            assert!((4000..4500).contains(&close.number()));
        }
    }
}
