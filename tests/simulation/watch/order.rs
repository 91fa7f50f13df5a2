//! One order, in which nothing is missing and nothing comes twice; and who hears what is not kept.

use serde_json::{Value, json};

use super::{Conn, Stage, Watch};
use crate::fault::Fault;
use crate::support::World;
use crate::support::client::Told;
use crate::{check, fault};

impl Watch {
    /// What is not kept reaches whom it is for, in the same step.
    pub(super) fn whoever_should_hear_did(&self, world: &World) -> Result<(), Fault> {
        for (n, heard) in &self.heard {
            let said = &self.ledger.said[usize::try_from(*n).unwrap()];
            let id = said.id.as_str();
            for conn in self.conns.values().filter(|conn| !conn.changed && world.is_connected(conn.client)) {
                let sent = conn.requests.contains_key(id);
                let should = conn.stage == Stage::Joined && self.is_for(&said.frame, conn, sent);
                let times = heard.iter().filter(|client| **client == conn.client).count();
                check!(times == usize::from(should), Rights: "F5: {} heard {times} times {}", conn.id, said.frame);
            }
        }
        for (n, delivered) in &self.delivered {
            let heard = self.heard.get(n).map_or(0, Vec::len) as u64;
            // A process that dies while it tells has told some and not others; what is not kept is lost with it.
            let right = if self.died { heard <= *delivered } else { heard == *delivered };
            check!(right, Rights: "F5: {delivered} were told of, {heard} heard {n}");
        }
        Ok(())
    }

    fn is_for(&self, frame: &Value, conn: &Conn, sent: bool) -> bool {
        let Some(to) = frame["to"].as_object() else { return !sent || frame["echo"] != json!(false) };
        let named =
            |list: &str, name: &str| to.get(list).and_then(Value::as_array).is_some_and(|it| it.contains(&json!(name)));
        let user = conn.joiner.user.as_deref().unwrap_or_default();
        let role = conn.joiner.user.is_some() && conn.joiner.roles.iter().any(|role| named("roles", role));
        !sent && (named("users", user) || named("connections", &conn.id) || role)
    }

    /// What a client tells its app is what was kept, in order, each once, and losses have a reason.
    pub fn app_was_told(&mut self, device: usize, told: &Told, text: &str) -> Result<(), Fault> {
        if text.contains("\"resume\":\"lost\"") {
            self.lost.insert(device);
        }
        match told {
            Told::Message { epoch, message } => {
                let Some(seq) = message["seq"].as_u64() else { return Ok(()) };
                let kept = self.ledger.lives.get(epoch).and_then(|life| life.kept(seq));
                let Some(kept) = kept else { return Err(fault!(Order: "D2: the app was told {message}")) };
                let same = ["id", "data"]
                    .iter()
                    .all(|field| message[field].is_null() || kept.message[field] == message[field]);
                check!(same, Order: "D1: the app was told {message}, kept is {}", kept.message);
                self.app_goes_on(device, epoch, seq, false)
            }
            Told::Lost { epoch, seq } => {
                let missed = match self.told.get(&device) {
                    Some((life, before)) if life == epoch => before + 1,
                    Some(_) | None => 1,
                };
                // Its grant may have ceased to allow the pages that it was told to pull.
                let may = self.lost.remove(&device)
                    || text.contains("\"code\":\"forbidden\"")
                    || self.ledger.first(self.ledger.latest) > missed
                    || self.ledger.any_damaged(missed..=self.ledger.stored());
                check!(may, Resume: "D4: d{device} lost what could be had: {told:?} by {text}");
                self.app_goes_on(device, epoch, *seq, true)
            }
            Told::Answer { id, answer } => {
                let Some(seq) = answer["seq"].as_u64().filter(|_| answer["type"] != "error") else { return Ok(()) };
                check!(self.ledger.was_kept(seq, id), Acknowledged: "D2: d{device} was told {answer}");
                Ok(())
            }
            Told::Unknown { .. } => Ok(()),
        }
    }

    /// Kept messages come in order, each once, and without a gap but where a loss was told.
    fn app_goes_on(&mut self, device: usize, epoch: &str, seq: u64, lost: bool) -> Result<(), Fault> {
        let before = self.told.insert(device, (epoch.to_owned(), seq));
        if let Some((life, before)) = before {
            let follows = if life == epoch { seq == before + 1 || (lost && seq >= before) } else { true };
            check!(follows, Order: "D6: d{device} was told {seq} of {epoch} after {before}");
            if life != epoch {
                self.over.insert((device, life));
            }
        }
        check!(!self.over.contains(&(device, epoch.to_owned())), Resume: "D3: the life {epoch} came back to d{device}");
        Ok(())
    }

    pub(super) fn message(&mut self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let said = self.ledger.is_as_said(frame)?.clone();
        let Some(seq) = frame["seq"].as_u64() else { return self.fleeting(conn, frame, &said.frame) };
        let kept = self.ledger.kept(seq).ok_or_else(|| fault!(Acknowledged: "D2: told and not on disk: {frame}"))?;
        check!(kept.message == *frame, Order: "D1: told as {frame}, kept as {}", kept.message);
        if let Some((next, until)) = conn.replay {
            check!(seq == next, Order: "D4: the replay goes on with {next}, not {seq}");
            conn.replay = (next < until).then_some((next + 1, until));
            return Ok(());
        }
        check!(seq == conn.next, Order: "D5: {} comes next, not {seq}", conn.next);
        conn.next += 1;
        self.in_order(conn, frame)?;
        if frame["from"]["connection"] == json!(conn.id) && conn.requests.contains_key(said.id.as_str()) {
            let inherited = conn.inherited.contains(said.id.as_str());
            check!(inherited || said.frame["echo"] != json!(false), Answers: "F5: an echo unwanted: {frame}");
            return conn.echo(frame, Some(()));
        }
        Ok(())
    }

    fn fleeting(&mut self, conn: &mut Conn, frame: &Value, said: &Value) -> Result<(), Fault> {
        let n = frame["data"]["n"].as_u64().unwrap_or_default();
        self.heard.entry(n).or_default().push(conn.client);
        self.in_order(conn, frame)?;
        if frame["from"]["connection"] == json!(conn.id)
            && conn.requests.contains_key(frame["id"].as_str().unwrap_or_default())
        {
            check!(said["echo"] != json!(false) && said["to"].is_null(), Answers: "F5: an echo unwanted: {frame}");
            conn.answer(frame, None)?;
        }
        Ok(())
    }

    /// What one connection says is heard in the order in which it was said (rule D1).
    fn in_order(&self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let (Some(from), Some(id)) = (frame["from"]["connection"].as_str(), frame["id"].as_str()) else {
            return Ok(());
        };
        check!(!conn.gone.contains(from), Order: "P2: {from} has left and speaks: {frame}");
        // Of what came over several connections one cannot tell whose message it is.
        if self.askers.get(id).is_none_or(|askers| askers.len() > 1) {
            return Ok(());
        }
        let others = self.conns.values().filter(|other| other.id == from);
        let senders = others.chain((conn.id == from).then_some(&*conn));
        let Some(sender) = senders.into_iter().find(|it| it.requests.contains_key(id)) else { return Ok(()) };
        let order = sender.requests[id].order;
        let last = conn.heard.insert(from.to_owned(), order).unwrap_or_default();
        check!(last < order, Order: "D1: heard out of order: {frame}");
        Ok(())
    }
}
