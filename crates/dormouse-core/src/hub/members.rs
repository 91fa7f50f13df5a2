//! Members who may be present, and who leave: at once, or after a grace in which they may come back (rules P1, P3).

use super::publish::invalid;
use super::{Hub, Speaker};
use crate::context::Context;
use crate::contract::Ability;
use crate::storage::{DisconnectGrace, StorageError};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{ConnectionId, UserId};

/// So many graces are taken off the disk one by one: each is found by its key, where all that are due are found by
/// walking through everybody who is in the grace.
const TAKEN_SINGLY: usize = 32;

impl Hub {
    /// Whether a speaker that may see the list or not may stand on it with this data, or leave it with `null`.
    pub(crate) fn may_be_present(
        cx: &Context<'_>,
        speaker: &Speaker,
        watches: bool,
        data: &str,
    ) -> Result<(), Refusal> {
        let Some(presence) = &cx.rules().presence else {
            return Err(Refusal::new(Code::Forbidden, "This channel has no presence."));
        };
        if !watches {
            return Err(speaker.lacks(&Ability::Presence, "Your token does not allow presence here."));
        }
        if data == "null" {
            return Ok(());
        }
        let most = cx.limits().presence_data_bytes;
        if data.len() > most {
            return Err(Refusal::new(Code::TooLarge, format!("Presence data has at most {most} bytes.")));
        }
        presence.validate(data).map_err(|wrong| invalid(wrong).because("the data of presence does not fit"))
    }

    /// Keeps a member whose connection broke on the list for a while: as a row, so that sleep loses no leave (rule P3).
    /// One whose row cannot be written leaves at once. The user has so many connections that are not in their grace.
    pub(crate) fn begin_grace(
        &mut self,
        cx: &mut Context<'_>,
        connection: ConnectionId,
        user: &UserId,
        session: String,
        connected: usize,
    ) {
        let grace = DisconnectGrace { connection, due: cx.now.saturating_add(cx.limits().grace_ms), session };
        if let Err(error) = cx.storage.put_grace(&grace) {
            drop(cx.internal(format!("a departure cannot be written: {error}")));
            self.note_grace_over(cx, &grace.session);
            return self.presence.leave(&grace.connection);
        }
        self.graces.insert(grace, Some(user));
        self.hold_to_share(cx, user, connected);
    }

    /// A user is on the list at most as often as it may be connected: who breaks off again and again ends its own oldest
    /// grace by it (rule R7).
    pub(crate) fn hold_to_share(&mut self, cx: &mut Context<'_>, user: &UserId, connected: usize) {
        let most = cx.limits().connections_per_user;
        while connected.saturating_add(self.graces.of_user(user)) > most {
            let Some(oldest) = self.graces.oldest_of(user).cloned() else { return };
            if let Err(error) = cx.storage.take_grace(&oldest) {
                return drop(cx.internal(format!("a departure cannot be taken back: {error}")));
            }
            self.end_grace(cx, &oldest);
        }
    }

    /// One whose grace is over has left for good.
    fn end_grace(&mut self, cx: &Context<'_>, connection: &ConnectionId) {
        if let Some(session) = self.graces.get(connection).map(|grace| grace.session.clone()) {
            self.note_grace_over(cx, &session);
        }
        self.graces.remove(connection);
        self.presence.leave(connection);
    }

    /// The application's code is yet to hear of it.
    fn note_grace_over(&mut self, cx: &Context<'_>, session: &str) {
        if cx.rules().handlers.on_leave.is_some() {
            self.code.gone.push(session.to_owned());
        }
    }

    /// What is held of a connection that is in its grace.
    pub(crate) fn grace_of(&self, connection: &ConnectionId) -> Option<&str> {
        self.graces.get(connection).map(|grace| grace.session.as_str())
    }

    /// A connection is back within its grace. Whether that could be written down.
    pub(crate) fn take_grace_back(&mut self, cx: &mut Context<'_>, connection: &ConnectionId) -> bool {
        if let Err(error) = cx.storage.take_grace(connection) {
            drop(cx.internal(format!("a departure cannot be taken back: {error}")));
            return false;
        }
        self.graces.remove(connection);
        true
    }

    /// Whether nobody is in the grace.
    pub(crate) fn has_no_graces(&self) -> bool {
        self.graces.is_empty()
    }

    /// Those whose grace is over have left for good.
    pub(super) fn end_graces(&mut self, cx: &mut Context<'_>) -> Result<(), StorageError> {
        let due = self.graces.due(cx.now);
        if due.len() > TAKEN_SINGLY {
            cx.storage.take_due(cx.now)?;
        }
        for connection in &due {
            if due.len() <= TAKEN_SINGLY {
                cx.storage.take_grace(connection)?;
            }
            self.end_grace(cx, connection);
        }
        Ok(())
    }
}
