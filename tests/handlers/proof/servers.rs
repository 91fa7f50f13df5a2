//! Other servers, and bindings of the deployment: what they are asked, and how they answer.

use std::collections::BTreeSet;

use dormouse::{BindingCall, HttpCall};
use dormouse_core::contract::JobAnswer;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use serde_json::{Value, json};

use super::asked::What;
use super::script::Served;
use super::story::{Held, Story};
use super::tally::{FILE, WORK};

impl Story {
    pub fn serve(&mut self, which: usize, served: Served) {
        let running = self.under_way();
        let Some((key, n)) = running.get(which.min(running.len().saturating_sub(1))) else { return };
        let ok = || JobAnswer::Answered { status: 200, body: json!({"n": n}).to_string() };
        let status = |status, body: &str| JobAnswer::Answered { status, body: body.to_owned() };
        let answers = match served {
            Served::Ok => vec![ok()],
            Served::Twice => vec![ok(), ok()],
            Served::Late => vec![JobAnswer::Failed("no network".to_owned()), ok()],
            Served::Failed => vec![status(503, "")],
            Served::Refused => vec![status(422, "no")],
            Served::Garbled => vec![status(200, "{")],
            Served::Unheard => return,
        };
        // One right after the other: where a batch is open, both come before it is written.
        for answer in answers {
            self.world.job_answered(key, answer);
        }
    }

    /// The tries of jobs that are under way, at servers and at bindings, each with the request that has started it.
    pub fn under_way(&self) -> Vec<(String, u64)> {
        let n = |data: &Value| data["n"].as_u64().unwrap();
        let at_server =
            |(key, call): (String, HttpCall)| (key, n(&serde_json::from_str(call.body().unwrap()).unwrap()));
        let at_binding = |(key, call): (String, BindingCall)| {
            let [("put", arguments)] = call.methods() else { panic!("{call:?}") };
            assert_eq!(arguments[0], json!(key), "a binding is handed the key");
            (key, n(&arguments[1]))
        };
        let servers = self.world.running(WORK).into_iter().map(at_server);
        servers.chain(self.world.running_on_binding(FILE).into_iter().map(at_binding)).collect()
    }

    /// The other servers take in what they are asked: a job that is on disk, always under the same key (rule C7).
    pub fn reach_servers(&mut self) -> Held {
        for (key, n) in self.under_way() {
            prop_assert_eq!(*self.served.entry(key.clone()).or_insert(n), n, "C7: one key for two jobs");
            prop_assert!(self.history.effects(n) > 0, "C7: the turn of the job {} is not on disk", key);
        }
        Ok(())
    }

    /// Every job was run, and a server that knows keys again has worked for each once.
    pub fn everything_was_served(&self) -> Held {
        for (n, request) in (0_u64..).zip(&self.requests) {
            if [json!(What::Start), json!(What::File)].contains(&request.frame["data"]["what"]) {
                let worked = self.served.values().filter(|served| **served == n).count() as u64;
                prop_assert_eq!(worked, self.history.effects(n), "C7: how often the job of {:?} was done", request);
            }
        }
        let keys: BTreeSet<_> = self.served.keys().collect();
        prop_assert_eq!(keys.len(), self.served.len());
        Ok(())
    }
}
