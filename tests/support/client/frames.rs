//! What each frame means to the client.

use serde_json::{Value, json};

use super::{AGAIN, Again, Here, Phase, Reference, Request, Told, by_connection, number, text};

impl Reference {
    pub(super) fn take(&mut self, frame: Value, now: u64) {
        if self.bye.is_some() {
            return self.fault(format!("told after bye: {frame}"));
        }
        let early = self.phase == Phase::Down && !matches!(text(&frame, "type"), "welcome" | "bye");
        if early {
            return self.fault(format!("told before welcome: {frame}"));
        }
        match text(&frame, "type") {
            "welcome" => self.welcome(&frame, now),
            "message" => self.message(frame, now),
            "ack" => self.answered(&frame, now),
            "error" => self.refused(&frame, now),
            "history" => self.page(&frame, now),
            "resumed" => self.resumed(&frame, now),
            "presence" => self.presence(&frame),
            "bye" => self.bye = frame["code"].as_u64(),
            // A client passes over what it does not know (rule F1).
            _ => {}
        }
    }

    pub(super) fn welcome(&mut self, frame: &Value, now: u64) {
        if !matches!(self.phase, Phase::Down | Phase::Unsigned) {
            return self.fault(format!("welcomed twice: {frame}"));
        }
        let connection = text(frame, "connection").to_owned();
        self.own.insert(connection.clone());
        self.connection = Some(connection);
        let Some(epoch) = frame["epoch"].as_str() else {
            self.phase = Phase::Unsigned;
            return;
        };
        self.here = match (&frame["members"], frame["count"].as_u64()) {
            (Value::Array(members), _) => Here::Members(by_connection(members)),
            (_, Some(count)) => Here::Count(count),
            (_, None) => Here::Nobody,
        };
        let known = self.epoch.is_some();
        match text(frame, "resume") {
            "fresh" if known => self.fault("fresh, although a position was given".to_owned()),
            "fresh" => {
                (self.epoch, self.seq) = (Some(epoch.to_owned()), number(frame, "seq"));
                self.phase = Phase::Live;
            }
            how => self.caught_up(how, epoch, number(frame, "seq"), now),
        }
        self.show_again();
    }

    /// What a fresh connection of another name does not show any more.
    pub(super) fn show_again(&mut self) {
        if let Some(data) = self.shown.clone()
            && !self.queue.iter().any(|request| request.frame["type"] == "presence")
        {
            self.show(data);
        }
    }

    /// How a position was met, by `welcome` or `resumed` (rule D4).
    pub(super) fn caught_up(&mut self, how: &str, epoch: &str, seq: u64, now: u64) {
        if how != "lost" && self.epoch.as_deref() != Some(epoch) {
            // Nothing of one life is nothing of the next.
            if self.seq > 0 {
                return self.fault(format!("{how} in another life: {epoch}"));
            }
            self.epoch = Some(epoch.to_owned());
        }
        match how {
            "recovered" => {
                // What is held of it comes again, in its place.
                self.held.retain(|message| message["seq"].as_u64().is_none_or(|held| held > seq));
                self.phase = Phase::Replay { until: seq };
                self.advance(now);
            }
            "behind" => {
                self.phase = Phase::Paging { until: seq };
                self.pull_page(now);
            }
            "lost" => {
                self.epoch = Some(epoch.to_owned());
                self.lose(seq);
                self.phase = Phase::Replay { until: seq };
                self.advance(now);
            }
            other => self.fault(format!("no way to resume: {other}")),
        }
    }

    pub(super) fn message(&mut self, frame: Value, now: u64) {
        self.answered(&frame, now);
        let Some(seq) = frame["seq"].as_u64() else {
            // One that is not kept stays behind what is held before it.
            return if self.phase == Phase::Live { self.tell(frame) } else { self.held.push_back(frame) };
        };
        match self.phase {
            Phase::Unsigned => self.fault(format!("told before it signed in: {frame}")),
            Phase::Live | Phase::Replay { .. } if seq <= self.seq => self.fault(format!("told twice: {frame}")),
            Phase::Live | Phase::Replay { .. } if seq == self.seq + 1 => {
                self.tell(frame);
                self.advance(now);
            }
            Phase::Live | Phase::Replay { .. } => {
                self.held.push_back(frame);
                self.ask_resume(now);
            }
            Phase::Down | Phase::Asked | Phase::Paging { .. } => self.held.push_back(frame),
        }
    }

    /// An ack in the place of its message counts as that message was told (rules F2, F5).
    pub(super) fn answered(&mut self, frame: &Value, now: u64) {
        let from = frame["from"]["connection"].as_str();
        if frame["type"] == "message" && !from.is_some_and(|from| self.own.contains(from)) {
            return;
        }
        let Some(request) = self.land(frame) else { return };
        self.told.push(Told::Answer { id: request.id, answer: frame.clone() });
        let instead = request.frame["echo"] == json!(false) && frame["duplicate"] != json!(true);
        if frame["type"] == "ack" && instead && frame["seq"].is_u64() {
            let mut message = request.frame;
            message["seq"] = frame["seq"].clone();
            message["type"] = json!("message");
            message["id"] = Value::Null;
            self.message(message, now);
        }
    }

    /// The request that a frame answers. A message answers it also before it was sent again.
    pub(super) fn land(&mut self, frame: &Value) -> Option<Request> {
        let id = frame["id"].as_str().unwrap_or_default();
        let asked = |request: &Request| request.id == id;
        if let Some(flying) = self.flying.iter().position(asked) {
            self.answers.insert(id.to_owned());
            return Some(self.flying.remove(flying));
        }
        if frame["type"] == "message" {
            let waiting = self.queue.iter().position(asked)?;
            self.answers.insert(id.to_owned());
            return self.queue.remove(waiting);
        }
        // What an older connection asked may have been answered by its message already.
        if !self.answers.contains(id) {
            self.fault(format!("an answer to nothing: {frame}"));
        }
        None
    }

    pub(super) fn refused(&mut self, frame: &Value, now: u64) {
        let wait = now + frame["retry_after"].as_u64().unwrap_or(AGAIN);
        let again = matches!(text(frame, "code"), "rate_limited" | "internal" | "over_capacity");
        let Some(id) = frame["id"].as_str() else { return };
        if self.pulling.as_ref().is_some_and(|(pulling, _)| pulling == id) {
            self.pulling = None;
            return match (again, &self.phase) {
                (true, Phase::Asked) => self.pull_resume(wait),
                (true, _) => self.pull_page(wait),
                (false, _) => self.give_up(now),
            };
        }
        let Some(request) = self.land(frame) else { return };
        if again && request.again == Again::Always {
            self.wait = self.wait.max(wait);
            return self.enqueue(request);
        }
        self.told.push(Told::Answer { id: request.id, answer: frame.clone() });
    }

    /// Joins and updates are upserts, leaves are deletes, by connection (rule P2).
    pub(super) fn presence(&mut self, frame: &Value) {
        if let Value::Array(members) = &frame["members"] {
            self.here = Here::Members(by_connection(members));
            return;
        }
        if let Some(count) = frame["count"].as_u64() {
            self.here = Here::Count(count);
            return;
        }
        let Here::Members(here) = &mut self.here else {
            return self.fault(format!("changes of a list that was never told: {frame}"));
        };
        for change in ["join", "update"] {
            here.extend(by_connection(frame[change].as_array().map_or(&[], Vec::as_slice)));
        }
        for member in frame["leave"].as_array().into_iter().flatten() {
            here.remove(text(member, "connection"));
        }
    }
}
