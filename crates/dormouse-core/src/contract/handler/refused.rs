//! Why a handler says no (rule C4).

use std::fmt;

use dormouse_protocol::error::{Code, Refusal};

/// The reasons for which an application's handlers refuse something, as `#[dormouse::reasons]` makes them of an enum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of reasons",
    note = "put `#[dormouse::reasons]` on the enum: each variant is a reason"
)]
pub trait Reasons: Sized + 'static {
    /// Every reason: its name on the wire, and what the sender is told.
    const ALL: &'static [(&'static str, &'static str)];

    /// Which of [`Reasons::ALL`] this one is.
    fn index(&self) -> usize;
}

/// The reasons of a handler that has none: there is no value of it.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl Reasons for Never {
    const ALL: &'static [(&'static str, &'static str)] = &[];

    fn index(&self) -> usize {
        match *self {}
    }
}

/// A user was asked for where there is none: somebody without a token, or the service itself.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous;

/// A handler's no: nothing of its turn has happened.
///
/// `return Err(No::Muted.into())` refuses with a reason of one's own, and `turn.user()?` whoever has no name. What is the
/// application's fault is [`Refused::broken`]: the sender is told `internal`, and the log what it was.
#[derive(Clone, Debug)]
pub struct Refused<E = Never>(Why<E>);

#[derive(Clone, Debug)]
enum Why<E> {
    Reason(E, Option<String>),
    Anonymous,
    Broken(String),
}

impl<E: Reasons> Refused<E> {
    /// Refuses with a reason and a message of this moment in place of the reason's own.
    pub fn because(reason: E, message: impl Into<String>) -> Self {
        Self(Why::Reason(reason, Some(message.into())))
    }

    /// Something went wrong that is not the sender's fault. The detail is for the log alone.
    pub fn broken(detail: impl fmt::Display) -> Self {
        Self(Why::Broken(detail.to_string()))
    }

    /// The refusal as the sender is told it; one that is `internal` carries its detail for the log.
    pub(super) fn told(self) -> Refusal {
        match self.0 {
            Why::Anonymous => Refusal::new(Code::Unauthenticated, "Sign in first: this needs to know who you are."),
            Why::Broken(detail) => Refusal::from(Code::Internal).because(detail),
            Why::Reason(reason, message) => {
                let Some((name, usual)) = E::ALL.get(reason.index()) else {
                    return Refusal::from(Code::Internal).because("a reason is not in the list of reasons");
                };
                let message = message.unwrap_or_else(|| usual.trim().to_owned());
                Refusal { reason: Some(name), ..Refusal::new(Code::Refused, message) }.because(*name)
            }
        }
    }
}

impl<E: Reasons> From<E> for Refused<E> {
    fn from(reason: E) -> Self {
        Self(Why::Reason(reason, None))
    }
}

impl<E> From<Anonymous> for Refused<E> {
    fn from(_: Anonymous) -> Self {
        Self(Why::Anonymous)
    }
}
