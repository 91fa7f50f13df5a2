//! How the client gets what it missed, and in which order it tells what it holds.

use serde_json::{Value, json};

use super::{PAGE, Phase, Reference, Told, number, text};

impl Reference {
    pub(super) fn resumed(&mut self, frame: &Value, now: u64) {
        if self.phase != Phase::Asked || !self.is_pulling(frame) {
            return self.fault(format!("resumed unasked: {frame}"));
        }
        self.pulling = None;
        self.caught_up(text(frame, "resume"), text(frame, "epoch"), number(frame, "seq"), now);
    }

    pub(super) fn page(&mut self, frame: &Value, now: u64) {
        if !self.is_pulling(frame) {
            return self.answered(frame, now);
        }
        let Phase::Paging { until } = self.phase else {
            return self.fault(format!("a page unasked: {frame}"));
        };
        self.pulling = None;
        let messages = frame["messages"].as_array().cloned().unwrap_or_default();
        let none = messages.is_empty();
        for message in messages {
            let seq = number(&message, "seq");
            if seq <= self.seq {
                return self.fault(format!("a page of what is before it: {message}"));
            }
            // The oldest went out of bounds meanwhile, or cannot be read.
            if seq > self.seq + 1 {
                self.lose(seq - 1);
            }
            self.answered(&message, now);
            self.tell(message);
        }
        if self.seq >= until {
            self.phase = Phase::Replay { until };
            return self.advance(now);
        }
        if none || frame["more"] != json!(true) { self.give_up(now) } else { self.pull_page(now) }
    }

    pub(super) fn is_pulling(&self, frame: &Value) -> bool {
        self.pulling.as_ref().is_some_and(|(id, _)| Some(id.as_str()) == frame["id"].as_str())
    }

    pub(super) fn ask_resume(&mut self, now: u64) {
        if self.asked == Some(self.seq) {
            return self.give_up(now);
        }
        self.asked = Some(self.seq);
        self.phase = Phase::Asked;
        self.pull_resume(now);
    }

    pub(super) fn pull_resume(&mut self, at: u64) {
        let id = self.next_id();
        let frame = json!({"type": "resume", "id": id, "epoch": self.epoch, "after": self.seq});
        self.pull = Some((id, frame, at));
    }

    pub(super) fn pull_page(&mut self, at: u64) {
        let id = self.next_id();
        let frame = json!({"type": "history", "id": id, "after": self.seq, "limit": PAGE});
        self.pull = Some((id, frame, at));
    }

    /// Tells what is held as far as it follows on, and drops what came by another way.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(next) = self.held.front() {
            match next["seq"].as_u64() {
                Some(seq) if seq > self.seq + 1 => break,
                Some(seq) if seq <= self.seq => drop(self.held.pop_front()),
                _ => self.held.pop_front().into_iter().for_each(|message| self.tell(message)),
            }
        }
        let Phase::Replay { until } = self.phase else { return };
        if self.seq < until {
            return;
        }
        self.phase = Phase::Live;
        if self.held.is_empty() { self.asked = None } else { self.ask_resume(now) }
    }

    /// What is missing cannot be had: goes on with the oldest that is held, or where the service said it stands.
    pub(super) fn give_up(&mut self, now: u64) {
        let held = self.held.iter().find_map(|message| message["seq"].as_u64()).map(|seq| seq - 1);
        let until = if let Phase::Paging { until } | Phase::Replay { until } = self.phase { until } else { self.seq };
        self.lose(held.unwrap_or(until).max(self.seq));
        self.phase = Phase::Replay { until: self.seq };
        self.advance(now);
    }

    pub(super) fn lose(&mut self, seq: u64) {
        self.seq = seq;
        self.told.push(Told::Lost { epoch: self.epoch.clone().unwrap_or_default(), seq });
    }

    pub(super) fn tell(&mut self, message: Value) {
        self.seq = message["seq"].as_u64().unwrap_or(self.seq);
        self.told.push(Told::Message { epoch: self.epoch.clone().unwrap_or_default(), message });
    }
}
