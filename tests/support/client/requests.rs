//! Requests: the queue, and what is on its way.

use serde_json::{Value, json};

use super::{Again, Reference, Request};

impl Reference {
    pub(super) fn next_id(&mut self) -> String {
        self.placed += 1;
        format!("{}-{}", self.name, self.placed)
    }

    pub(super) fn handle_http(&mut self, id: String, mut frame: Value, again: Again) {
        frame["id"] = json!(id);
        self.placed += 1;
        self.enqueue(Request { place: self.placed, id, frame, again, sent: 0 });
    }

    pub(super) fn enqueue(&mut self, request: Request) {
        let behind = self.queue.partition_point(|other| other.place < request.place);
        self.queue.insert(behind, request);
    }

    pub(super) fn fly(&mut self, request: Request, now: u64) -> Value {
        let frame = request.frame.clone();
        self.flying.push(Request { sent: now, ..request });
        frame
    }

    pub(super) fn speak_unsigned(&mut self, now: u64, frames: &mut Vec<Value>) {
        if self.flying.is_empty()
            && let Some(token) = self.token.clone()
        {
            let id = self.next_id();
            let frame = json!({"type": "auth", "id": id, "token": token});
            self.placed += 1;
            frames.push(self.fly(Request { place: self.placed, id, frame, again: Again::Never, sent: now }, now));
        }
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }
}
