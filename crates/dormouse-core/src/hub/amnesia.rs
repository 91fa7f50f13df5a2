//! A history that could not be read and was cleared: for as long as it would have been held, a position of nothing from
//! before may have missed something that nobody knows of any more (rule D4). It is written down where graces are,
//! as one that no release takes for a session's.

use super::Hub;
use crate::context::Context;
use crate::storage::{DisconnectGrace, PATTERN_GONE, StorageError};
use dormouse_protocol::name::{ConnectionId, Millis};

/// The name it is written down under; no connection of ours has one so short.
const MARK: &str = "history-lost";

/// Until when it matters that a history was lost before it was too old.
#[derive(Debug, Default)]
pub(super) struct Amnesia(Option<Millis>);

impl Amnesia {
    /// When it is over; none where nothing was lost.
    pub(super) const fn until(&self) -> Option<Millis> {
        self.0
    }
}

impl Hub {
    /// The history was cleared just now.
    pub(super) fn lose_memory(&mut self, cx: &mut Context<'_>) {
        let due = cx.now.saturating_add(self.history.age());
        self.amnesia = Amnesia(Some(due));
        self.history.set_forgetful(true);
        let Some(connection) = ConnectionId::parse(MARK) else { return };
        let mark = DisconnectGrace { connection, due, session: String::new() };
        if let Err(error) = cx.storage.put_grace(&mark) {
            drop(cx.internal(format!("the loss of the history cannot be written: {error}")));
        }
    }

    /// Whether what stands among graces is none. The mark of a contract that lacked this channel is taken back.
    pub(super) fn is_mark(&mut self, cx: &mut Context<'_>, grace: &DisconnectGrace) -> Result<bool, StorageError> {
        if grace.connection.as_str() == PATTERN_GONE {
            cx.storage.take_grace(&grace.connection)?;
            return Ok(true);
        }
        let is_mark = grace.connection.as_str() == MARK;
        if is_mark {
            self.amnesia = Amnesia(Some(grace.due));
            self.history.set_forgetful(true);
        }
        Ok(is_mark)
    }

    /// It matters no more, once everything is too old that was lost.
    pub(super) fn end_amnesia(&mut self, cx: &mut Context<'_>) -> Result<(), StorageError> {
        if self.amnesia.until().is_none_or(|due| due > cx.now) {
            return Ok(());
        }
        if let Some(mark) = ConnectionId::parse(MARK) {
            cx.storage.take_grace(&mark)?;
        }
        self.amnesia = Amnesia(None);
        self.history.set_forgetful(false);
        Ok(())
    }
}
