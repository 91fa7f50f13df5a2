//! An HTTP answer as plain values (rule E4).

use dormouse_core::effect::LogLine;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame;
use dormouse_protocol::name::Millis;

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, where there is one: JSON.
    pub body: Option<String>,
    /// Which refusal it is, if it is one.
    pub code: Option<Code>,
    /// What the log says of the refusal beyond its code: never told, and never a token (rule R2).
    pub why: Option<Box<str>>,
}

impl Reply {
    /// An answer of JSON. It is never cached: what is said here is of the moment.
    pub fn json(status: u16, body: String) -> Self {
        let reply = Self { status, headers: Vec::new(), body: Some(body), code: None, why: None };
        let reply = reply
            .with("Content-Type", "application/json; charset=utf-8")
            .with("Cache-Control", "no-store")
            .with("X-Content-Type-Options", "nosniff");
        // Whoever is to sign in is told how (RFC 9110, section 11.6.1).
        if status == Code::Unauthenticated.status() { reply.with("WWW-Authenticate", "Bearer") } else { reply }
    }

    /// An answer without a body.
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, code: None, why: None }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer with the header `Retry-After`, in whole seconds, rounded up.
    #[must_use]
    pub fn after(self, retry_after: Option<Millis>) -> Self {
        match retry_after {
            Some(millis) => self.with("Retry-After", millis.div_ceil(1000).to_string()),
            None => self,
        }
    }

    /// The line of the log, where it is a refusal.
    pub fn line(&self) -> Option<LogLine> {
        Some(LogLine::refused(self.code?.as_str(), self.why.as_deref().map(str::to_owned)))
    }

    /// `internal`, with the id under which the log knows more (rule R2).
    pub fn internal(id: &str) -> Self {
        Self::internal_refusal(id).into()
    }

    pub(super) fn internal_refusal(id: &str) -> Refusal {
        Refusal::new(Code::Internal, format!("{} Its id is {id}.", Code::Internal.text()))
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let reply = Self::json(refusal.code.status(), frame::http_error(&refusal)).after(refusal.retry_after);
        Self { code: Some(refusal.code), why: refusal.detail().map(Into::into), ..reply }
    }
}

impl From<Code> for Reply {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}
