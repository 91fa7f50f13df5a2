//! A request that is refused at the door.

use super::Decision;
use dormouse_core::effect::LogLine;

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
