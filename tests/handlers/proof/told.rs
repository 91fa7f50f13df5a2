//! What everybody is told, held against what is on disk.

use dormouse_core::testing::Client;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::story::{Held, Story};
use super::tally::Room;

impl Story {
    /// Looks at what is on disk and at what everybody was told since this was last done.
    pub fn look(&mut self) -> Held {
        self.died |= self.world.crashes() > 0;
        self.history.read(&mut self.world.storage)?;
        for client in self.clients() {
            self.look_at(client)?;
        }
        self.look_at_posts()?;
        self.kicked_are_gone()?;
        for (n, request) in (0_u64..).zip(&self.requests) {
            let taken = request.sent.saturating_sub(request.refused);
            let most = if request.once { taken.min(1) } else { taken };
            let happened = self.history.effects(n);
            prop_assert!(happened <= most, "C1, C3: it has happened {} times: {:?}", happened, request);
        }
        self.reach_servers()?;
        self.everybody_is_answered()?;
        self.timers_are_in_time()
    }

    fn clients(&self) -> Vec<Client> {
        let waiting = self.waiting.keys().map(|(client, _)| *client);
        let mut clients: Vec<_> = self.devices.iter().flatten().copied().chain(waiting).collect();
        clients.sort();
        clients.dedup();
        clients
    }

    fn look_at(&mut self, client: Client) -> Held {
        let frames = self.world.socket(client).frames.clone();
        for frame in &frames[self.looked_at.get(&client).copied().unwrap_or_default()..] {
            self.is_on_disk(frame)?;
            self.kick_is_right(client, frame)?;
            match frame["type"].as_str().unwrap() {
                "error" => {
                    self.is_fair(frame)?;
                    let refused = self.requests.iter_mut().find(|request| frame["id"] == request.id);
                    refused.unwrap().refused += 1;
                }
                "result" => self.is_the_reply(frame["data"]["n"].as_u64().unwrap(), &frame["data"])?,
                _ => {}
            }
        }
        self.looked_at.insert(client, frames.len());
        Ok(())
    }

    /// Nobody is told what a replay of the disk does not tell (rules C2, C5, D2).
    fn is_on_disk(&self, frame: &Value) -> Held {
        match frame["type"].as_str().unwrap() {
            "message" if frame["seq"].is_u64() => {
                let seq = usize::try_from(frame["seq"].as_u64().unwrap()).unwrap();
                prop_assert_eq!(self.history.messages.get(seq - 1), Some(frame), "D2: told, and not on disk");
            }
            "message" => {
                let n = frame["data"]["n"].as_u64().unwrap();
                prop_assert!(self.history.effects(n) > 0, "C2: told of a turn that is not on disk: {}", frame);
            }
            "result" => {
                let n = frame["data"]["n"].as_u64().unwrap();
                prop_assert!(self.history.effects(n) > 0, "C2: answered, and not on disk: {}", frame);
            }
            "ack" => {
                prop_assert!(frame["seq"].as_u64().unwrap() <= self.history.messages.len() as u64, "D2: {}", frame)
            }
            "welcome" | "resumed" => {
                let seq = frame["seq"].as_u64().unwrap_or_default();
                let room = self.history.room(seq);
                prop_assert!(room.is_some(), "D2: told where the channel is not: {}", frame);
                if let Some(shown) = frame.get("snapshot") {
                    let Room { said, digest, .. } = room.unwrap();
                    prop_assert_eq!(shown, &json!({"said": said, "digest": digest}), "C5: shown as of {}", seq);
                }
                let anew = !matches!(frame["resume"].as_str(), Some("recovered"));
                prop_assert_eq!(frame.get("snapshot").is_some(), anew, "C5: {}", frame);
            }
            _ => {}
        }
        Ok(())
    }

    /// All replies to one remembered request are the same.
    fn is_the_reply(&mut self, n: u64, data: &Value) -> Held {
        let request = &self.requests[usize::try_from(n).unwrap()];
        if request.once {
            prop_assert_eq!(self.replies.entry(n).or_insert_with(|| data.clone()), data, "C3: another reply");
        }
        Ok(())
    }

    /// What is refused was to be refused, or something went wrong.
    fn is_fair(&self, error: &Value) -> Held {
        let fair = match error["code"].as_str().unwrap() {
            "refused" => error["reason"] == "never",
            "internal" => self.world.trouble.met() > 0,
            "over_capacity" => self.was_full,
            _ => false,
        };
        prop_assert!(fair, "C4: refused for no reason: {}", error);
        Ok(())
    }

    fn look_at_posts(&mut self) -> Held {
        for (asker, answer) in self.world.take_answers() {
            let n = self.posted.remove(&asker).unwrap();
            if answer.status == 200 {
                prop_assert!(self.history.effects(n) > 0, "C2: answered, and not on disk: {:?}", answer);
                self.is_the_reply(n, &answer.body)?;
            } else {
                self.is_fair(&answer.body["error"])?;
                self.requests[usize::try_from(n).unwrap()].refused += 1;
            }
        }
        let waits = self.world.timer().is_some() || self.died;
        prop_assert!(waits || self.posted.is_empty(), "C3: no answer over HTTP to {:?}", self.posted);
        Ok(())
    }

    /// A call is answered once, unless its connection ends first (rule C3).
    fn everybody_is_answered(&mut self) -> Held {
        let quiet = self.world.timer().is_none();
        let mut over = Vec::new();
        for ((client, id), asked) in &self.waiting {
            let frames = &self.world.socket(*client).frames;
            let answers =
                |frame: &&Value| matches!(frame["type"].as_str(), Some("result" | "error")) && frame["id"] == **id;
            let answered = frames.iter().filter(answers).count();
            prop_assert!(answered <= *asked, "C3: {} was asked {} times and answered {}", id, asked, answered);
            let ended = !self.lives(*client);
            prop_assert!(ended || !quiet || answered == *asked, "C3: {} was asked and is not answered", id);
            if ended {
                over.push((*client, id.clone()));
            }
        }
        for gone in &over {
            self.waiting.remove(gone);
        }
        Ok(())
    }

    /// Where nothing goes wrong, a timer fires at its time; one that is set while a batch is open, with that batch at the
    /// latest (rule C6).
    fn timers_are_in_time(&self) -> Held {
        if self.world.trouble.met() == 0 && !self.died && !self.was_full {
            let now = self.world.now();
            let late = self.history.fired.iter().find(|(due, at)| *at > self.steps.shown(*due) + self.patience);
            prop_assert!(late.is_none(), "C6: due and fired at {:?}", late);
            let left = self.history.timers.values().find(|(due, _)| *due < now);
            prop_assert!(left.is_none() || self.world.timer().is_some(), "C6: overdue and not fired: {:?}", left);
        }
        Ok(())
    }
}
