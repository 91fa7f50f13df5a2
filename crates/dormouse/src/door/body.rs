//! A body that is not taken.

use dormouse_protocol::error::{Code, Refusal};

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It has more bytes than allowed.
    TooLarge,
    /// It did not come whole in time.
    Late,
    /// It broke off, or was not framed as HTTP has it.
    Broken,
    /// It is no UTF-8.
    NotUtf8,
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Code::TooLarge.into(),
            Unread::Late => Code::BodyTimeout.into(),
            Unread::Broken => Self::new(Code::BadFrame, "The body broke off, or is not framed as HTTP asks."),
            Unread::NotUtf8 => Self::new(Code::BadFrame, "The body is no UTF-8."),
        }
    }
}
