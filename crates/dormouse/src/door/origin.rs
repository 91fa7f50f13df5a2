//! Who may ask from a browser: origins and the headers that tell it (rule E7).

use super::{Call, Reply};
use crate::config::Config;
use dormouse_protocol::error::{Code, Refusal};

/// What the header `Origin` says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// None: a server or a native app.
    Absent,
    /// One that may.
    Allowed(String),
    /// One that may not, as far as the log has room for it.
    Foreign(String),
}

impl Origin {
    /// The service's own origin passes, so does what the configuration lists: in development every port of this
    /// machine. `null` never passes: any sandboxed frame can send it.
    pub(super) fn of(call: &Call<'_>, config: &Config) -> Self {
        let Some(origin) = call.header("Origin") else { return Self::Absent };
        let own = format!("{}://{}", call.scheme, call.host_asked());
        if origin == own || config.allowed_origins.allows(&origin) {
            Self::Allowed(origin)
        } else {
            Self::Foreign(origin.chars().take(ORIGIN_TOLD_MAX).collect())
        }
    }

    /// Refuses what acts in a visitor's name: an upgrade, or a POST. Reading is left to the browser, which shows a
    /// foreign page nothing without the headers of [`Cors`].
    pub(super) fn may_act(&self) -> Result<(), Reply> {
        match self {
            Self::Absent | Self::Allowed(_) => Ok(()),
            Self::Foreign(origin) => Err(foreign(origin)),
        }
    }
}

/// The headers by which a browser shows an answer to a page of another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origin: Option<String>,
}

impl Cors {
    pub(super) fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Allowed(origin) => Self { origin: Some(origin.clone()) },
            Origin::Absent | Origin::Foreign(_) => Self { origin: None },
        }
    }

    /// Puts the headers onto an answer.
    pub fn onto(&self, reply: Reply) -> Reply {
        let reply = reply.with("Vary", "Origin");
        let Some(origin) = &self.origin else { return reply };
        reply
            .with("Access-Control-Allow-Origin", origin.clone())
            .with("Access-Control-Expose-Headers", "Retry-After, Allow, WWW-Authenticate")
    }
}

/// The answer to `OPTIONS`, which a browser asks before it lets a foreign page ask.
pub(super) fn preflight(origin: &Origin, methods: &[&str]) -> Reply {
    match origin {
        Origin::Foreign(origin) => foreign(origin),
        Origin::Absent => Reply::empty(204).with("Allow", methods.join(", ")),
        Origin::Allowed(_) => Reply::empty(204)
            .with("Access-Control-Allow-Methods", methods.join(", "))
            .with("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
            .with("Access-Control-Max-Age", "7200"),
    }
}

fn foreign(origin: &str) -> Reply {
    Refusal::new(Code::Forbidden, FOREIGN).because(format!("ALLOWED_ORIGINS has no `{origin}`")).into()
}

/// How much of a foreign origin is in the log, in characters.
const ORIGIN_TOLD_MAX: usize = 128;

const FOREIGN: &str = "This origin may not use the service: the operator lists the origins that may.";
