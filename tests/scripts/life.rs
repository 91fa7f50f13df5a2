//! The life of the history: who is there, and when it ends (rules D3, D9).

use dormouse_protocol::name::Millis;
use serde_json::Value;

use crate::truth::{State, Truth};
use crate::{AGE, LOOK};

impl Truth {
    pub(crate) fn occupied(&self) -> bool {
        !self.graces.is_empty() || self.people.iter().any(|person| person.state != State::Gone)
    }

    pub(crate) fn lives(&self) -> bool {
        self.occupied() || self.said || self.world.storage.rows().count() > 0
    }

    pub(crate) fn newest(&self) -> Option<Millis> {
        self.world.storage.rows().last().map(|row| row.key().at)
    }

    pub(crate) fn note_desertion(&mut self, now: Millis) {
        if !self.occupied() {
            let end = now.max(self.newest().unwrap_or(0)) + AGE;
            self.end = Some((end, end));
        }
    }

    pub(crate) fn note_epoch(&mut self, welcome: &Value, goes_on: bool) {
        let epoch = welcome["epoch"].as_str().unwrap().to_owned();
        if let Some(known) = &self.epoch {
            assert_eq!(*known == epoch, goes_on, "{known} {epoch}");
        }
        self.epoch = Some(epoch);
    }

    /// Rows go only when nobody has come back for long enough, and then they do; wherever they are, an alarm is set.
    pub(crate) fn watch_the_life(&mut self) {
        let now = self.world.now();
        let rows = self.world.storage.rows().count();
        let ended = rows == 0 && self.rows > 0;
        self.rows = rows;
        if ended {
            let (earliest, _) = self.end.expect("somebody is here");
            assert!(!self.occupied() && now >= earliest, "ended too early");
            self.said = false;
        }
        if rows > 0 {
            assert!(self.world.alarm().is_some_and(|alarm| alarm <= now + LOOK), "rows and no alarm");
            if !self.occupied() {
                let (_, latest) = self.end.expect("nobody is here");
                assert!(now < latest, "not ended at {latest} but {now}");
            }
        }
    }
}
