//! Sessions that were told `bye` outside their own turn, and whose sockets are closed from here if they do not go
//! (rule R3).

use crate::deadlines::Deadlines;
use crate::effect::SessionKey;
use crate::member_map::MemberMap;
use dormouse_protocol::error::Close;
use dormouse_protocol::name::Millis;

/// When which sockets are closed, and with which code; none where it is not known any more.
#[derive(Debug, Default)]
pub(super) struct HangUps {
    all: MemberMap<SessionKey, Box<(Millis, Option<Close>)>>,
    due: Deadlines<SessionKey>,
}

impl HangUps {
    /// Has a socket closed at this time of the steady clock.
    pub(super) fn insert(&mut self, key: SessionKey, at: Millis, close: Option<Close>) {
        self.remove(key);
        self.all.insert(key, (at, close).into());
        self.due.set(at, key);
    }

    /// Lets a socket be, which is closed.
    pub(super) fn remove(&mut self, key: SessionKey) {
        if let Some(hang_up) = self.all.remove(&key) {
            self.due.unset(hang_up.0, key);
        }
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Millis> {
        self.due.first()
    }

    /// Takes out the first, if it is due.
    pub(super) fn pop(&mut self, now: Millis) -> Option<(SessionKey, Option<Close>)> {
        let key = self.due.pop(now)?;
        let hang_up = self.all.remove(&key)?;
        Some((key, hang_up.1))
    }
}
