//! A history that could not be read and was cleared: for as long as it would have been held, a position of nothing from
//! before may have missed something that nobody knows of any more (rule D4). It is written down where graces are,
//! as one that no release takes for a session's.

use super::{Channel, Turn, retire};
use crate::storage::{DisconnectGrace, StorageError};
use dormouse_protocol::name::ConnectionId;

/// The name it is written down under; no connection of ours has one so short.
const MARK: &str = "history-lost";

impl Channel {
    /// The history was cleared just now.
    pub(super) fn lose_memory(&mut self, turn: &mut Turn<'_>) {
        let due = turn.now.saturating_add(self.history.age());
        self.amnesia = Some(due);
        self.history.set_forgetful(true);
        let Some(connection) = ConnectionId::parse(MARK) else { return };
        let mark = DisconnectGrace { connection, due, session: String::new() };
        if let Err(error) = turn.storage.put_grace(&mark) {
            drop(self.internal(turn.now, format!("the loss of the history cannot be written: {error}")));
        }
    }

    /// Whether what stands among graces is none. The mark of a contract that lacked this channel is taken back.
    pub(super) fn is_mark(&mut self, turn: &mut Turn<'_>, grace: &DisconnectGrace) -> Result<bool, StorageError> {
        if grace.connection.as_str() == retire::MARK {
            turn.storage.take_grace(&grace.connection)?;
            return Ok(true);
        }
        let is_mark = grace.connection.as_str() == MARK;
        if is_mark {
            self.amnesia = Some(grace.due);
            self.history.set_forgetful(true);
        }
        Ok(is_mark)
    }

    /// It matters no more, once everything is too old that was lost.
    pub(super) fn end_amnesia(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if self.amnesia.is_none_or(|due| due > turn.now) {
            return Ok(());
        }
        if let Some(mark) = ConnectionId::parse(MARK) {
            turn.storage.take_grace(&mark)?;
        }
        self.amnesia = None;
        self.history.set_forgetful(false);
        Ok(())
    }
}
