//! What the hub reads from its storage once it wakes (rules D3, D4, P3).

use super::Hub;
use crate::context::Context;
use crate::effect::{Level, LogLine};
use crate::storage::StorageError;
use dormouse_protocol::name::{Epoch, UserId};

/// What the hub needs to know of a member that is in its grace.
pub(crate) struct Away {
    pub(crate) user: Option<UserId>,
    /// The life of the history that it was told.
    pub(crate) epoch: Option<Epoch>,
    /// How it stands on the list of members, if it does.
    pub(crate) member: Option<String>,
}

impl Hub {
    /// Reads where the channel stands. Answers whether a history was lost: then nothing of it is there any more.
    pub(crate) fn load_history(&mut self, cx: &mut Context<'_>) -> Result<bool, StorageError> {
        let Some(first) = self.history.load(cx.storage)? else { return Ok(false) };
        self.lose_memory(cx);
        cx.log(LogLine {
            code: Some("history_lost"),
            detail: Some(format!("the newest row, from seq {first}, cannot be read; the history was cleared")),
            ..LogLine::new(Level::Error, "storage")
        });
        // With the rows went those of the graces, also of one written before they could be read.
        for connection in std::mem::take(&mut self.graces).into_connections() {
            self.presence.leave(&connection);
        }
        Ok(true)
    }

    /// Reads what the application's code holds. A state that cannot be read stays on disk as it is (rule C2).
    pub(crate) fn load_code(&mut self, cx: &mut Context<'_>) -> Result<(), StorageError> {
        if let Some(why) = self.code.load(cx.rules(), cx.surroundings, cx.storage)? {
            let detail = Some(format!("the state cannot be read, and no handler runs until a release can: {why}"));
            cx.log(LogLine { code: Some("state_unreadable"), detail, ..LogLine::new(Level::Error, "storage") });
        }
        Ok(())
    }

    /// Reads who is in its grace; `describe` reads what is held of one.
    pub(crate) fn load_graces(
        &mut self,
        cx: &mut Context<'_>,
        describe: impl Fn(&str) -> Option<Away>,
    ) -> Result<(), StorageError> {
        for grace in cx.storage.graces()? {
            if self.is_mark(cx, &grace)? {
                continue;
            }
            let away = describe(&grace.session);
            if let Some(away) = &away {
                self.adopt(away.epoch.as_ref());
                if let Some(member) = &away.member {
                    self.presence.recall(&grace.connection, member.clone());
                }
            }
            self.graces.insert(grace, away.and_then(|away| away.user).as_ref());
        }
        Ok(())
    }

    /// Goes on with a life that only sessions remember, since nothing of it was kept yet.
    pub(crate) fn adopt(&mut self, epoch: Option<&Epoch>) {
        if let Some(epoch) = epoch {
            self.history.adopt(epoch);
        }
    }

    /// All was read.
    pub(crate) const fn set_loaded(&mut self) {
        self.loaded = true;
        self.retention.woken();
    }
}
