//! Every request is answered once, and rightly.

use serde_json::{Value, json};

use super::{Conn, Stage, View, Watch};
use crate::fault::Fault;
use crate::support::Joiner;
use crate::{check, fault};

impl Watch {
    pub(super) fn ack(&mut self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        let asked = conn.requests.get(&id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(fault!(Answers: "F2: an ack of nothing: {frame}")) };
        conn.answer(frame, frame["seq"].as_u64().map(|_| ()))?;
        match asked["type"].as_str().unwrap_or_default() {
            "publish" => self.ack_publish(conn, frame, &asked),
            "auth" => self.granted(conn, &id),
            "presence" => {
                conn.present = !asked["data"].is_null();
                conn.data = Some(asked["data"].clone()).filter(|data| !data.is_null());
                Ok(())
            }
            _ => Err(fault!(Answers: "F2: an ack of {asked}")),
        }
    }

    fn ack_publish(&mut self, conn: &mut Conn, frame: &Value, asked: &Value) -> Result<(), Fault> {
        let n = asked["data"]["n"].as_u64().unwrap_or_default();
        let said = &self.ledger.said[usize::try_from(n).unwrap()];
        let Some(seq) = frame["seq"].as_u64() else {
            check!(!said.kept, Acknowledged: "D2: an ack without seq: {frame}");
            self.delivered.extend(frame["delivered"].as_u64().map(|delivered| (n, delivered)));
            check!(frame["delivered"].is_null() || self.may(conn, "presence"), Rights: "F5: {frame}");
            return Ok(());
        };
        check!(said.kept, Order: "D1: a seq for what is not kept: {frame}");
        let kept =
            self.ledger.kept(seq).ok_or_else(|| fault!(Acknowledged: "D2: acknowledged and not on disk: {frame}"))?;
        let same = ["id", "event", "data"].iter().all(|field| kept.message[field] == asked[field]);
        // What it said before it signed in is still its own.
        let from = &kept.message["from"];
        let unsigned = from["user"].is_null() && from["connection"] == json!(conn.id);
        let own = unsigned || from["user"].as_str() == conn.joiner.user.as_deref();
        check!(same && own, Once: "D7: {asked} was acknowledged as {}", kept.message);
        if frame["duplicate"] == json!(true) {
            return Ok(());
        }
        check!(asked["echo"] == json!(false), Answers: "F2: an ack in the place of an echo: {frame}");
        check!(conn.replay.is_none() && seq == conn.next, Order: "D5: {} comes next, not {seq}", conn.next);
        conn.next += 1;
        Ok(())
    }

    /// A grant takes the place of another at once (rule A5).
    fn granted(&self, conn: &mut Conn, id: &str) -> Result<(), Fault> {
        let Some(offered) = conn.offered.get(id).cloned() else { return Err(fault!(Rights: "A5: {id} was no token")) };
        let before = self.watches(conn);
        let Joiner { epoch, after, connection, .. } = conn.joiner.clone();
        check!(conn.joiner.user.is_none() || conn.joiner.user == offered.user, Rights: "A5: became {:?}", offered.user);
        conn.joiner = Joiner { epoch, after, connection, ..offered };
        conn.changed = true;
        if conn.stage == Stage::Unsigned {
            return Ok(());
        }
        let watches = self.watches(conn);
        if watches && !before {
            (conn.present, conn.fresh) = (true, true);
        }
        conn.present &= watches;
        if !watches {
            conn.view = View::None;
        }
        Ok(())
    }

    pub(super) fn refused(&self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let Some(id) = frame["id"].as_str() else { return Ok(()) };
        let asked = conn.requests.get(id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(fault!(Answers: "F2: a refusal of nothing: {frame}")) };
        conn.answer(frame, None)?;
        self.is_fair(frame, &asked, self.troubled || self.full)
    }

    /// A conflict is one, and what the storage is blamed for is its fault.
    pub fn is_fair(&self, refusal: &Value, asked: &Value, excused: bool) -> Result<(), Fault> {
        if refusal["code"] == "internal" || refusal["code"] == "over_capacity" {
            check!(excused, Acknowledged: "D2: refused without trouble: {refusal}");
        }
        if refusal["code"] != "conflict" {
            return Ok(());
        }
        let Some(seq) = refusal["seq"].as_u64() else {
            let other = |said: &&crate::ledger::Saying| asked["id"] == said.id && said.frame["data"] != asked["data"];
            check!(self.ledger.said.iter().any(|said| other(&said)), Once: "D7: no conflict: {refusal}");
            return Ok(());
        };
        check!(asked["if_seq"].as_u64().is_some_and(|head| head != seq), Answers: "D8: no conflict: {refusal} of {asked}");
        check!(seq <= self.ledger.stored(), Acknowledged: "D2: {seq} was told and is not on disk: {refusal}");
        Ok(())
    }
}
