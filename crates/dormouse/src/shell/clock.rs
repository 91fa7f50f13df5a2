//! The platform's clock.

use dormouse_protocol::name::Millis;
use worker::js_sys::Date;

/// Milliseconds since 1970. The platform stops it while nothing is waited for: one turn has one time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and positive since 1970")]
pub(crate) fn now() -> Millis {
    Date::now() as Millis
}
