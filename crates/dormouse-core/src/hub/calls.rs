//! A call, from its request to its reply in the open batch: all refusals first, in the order of rule F7, then the code's
//! answer, which is told once it is on disk (rule C3).

use super::batch::{BatchEntry, Reply, Says};
use super::buckets::Gate;
use super::history::DedupeKey;
use super::publish::{Array, invalid};
use super::turn::Over;
use super::{Edges, Hub, Speaker};
use crate::context::Context;
use crate::contract::{CallRules, ChannelRules};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{EventName, Millis, RequestId};
use dormouse_protocol::request::Call;

impl Hub {
    /// Answers a call with the flush, or says at once why not (rule C3).
    pub(crate) fn call(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        id: Option<&RequestId>,
        call: &Call<'_>,
        array: &mut Array,
    ) -> Result<(), Refusal> {
        let channel: &ChannelRules = cx.rules();
        let rules = channel.call(&call.name).ok_or_else(|| unknown(&call.name))?;
        may_ask(speaker, rules, call)?;
        let remembered = id.filter(|_| rules.remembered);
        let key = remembered.and_then(|id| DedupeKey::new(&speaker.payer, id, rules.name.as_str(), call.data.get()));
        if let Some(limited) = &array.limited {
            return Err(limited.clone());
        }
        if let Err(limited) = self.rates.pass(cx, speaker, Gate::Call(&rules.name), rules.rate) {
            return Err(array.limited.insert(limited).clone());
        }
        // After the rate: looking it up reads the disk, and a reply that is told again costs what it costs to tell.
        if let Some(data) = key.as_ref().map_or(Ok(None), |key| self.reply_given(cx, key))? {
            self.push_reply(cx.now, speaker, id, data, true);
            return Ok(());
        }
        let request = speaker.request(id, rules.name.as_str(), call.data.get());
        let (data, mut outcome) =
            self.run(cx, edges, &speaker.who(), Over::of(speaker, rules.name.as_str(), &request), |cell, turn| {
                channel.handlers.guard(cell, turn)?;
                rules.reply.run(cell, turn, call.data.get())
            })?;
        let kicked = std::mem::take(&mut outcome.kicked);
        self.carry_out(cx, edges, outcome);
        if let Some(key) = key {
            self.code.pending.replies.insert(key.text(), key.reply(cx.now, data.clone()));
        }
        self.push_reply(cx.now, speaker, id, data, false);
        // Who throws out itself hears the reply first.
        self.throw_out(kicked);
        Ok(())
    }

    /// The reply that a request of this id was given within the dedupe window.
    fn reply_given(&self, cx: &mut Context<'_>, key: &DedupeKey) -> Result<Option<String>, Refusal> {
        let text = key.text();
        let since = cx.now.saturating_sub(cx.limits().dedupe_ms);
        let given = match self.code.pending.replies.get(&text) {
            Some(reply) => Some(reply.clone()),
            None => cx.storage.reply(&text, since).map_err(|error| cx.storage_refusal(&error))?,
        };
        match given {
            Some(reply) if reply.fingerprint != key.fingerprint() => {
                Err(Refusal::new(Code::Conflict, "This id was used for another call: choose a new one."))
            }
            given => Ok(given.map(|reply| reply.data)),
        }
    }

    fn push_reply(&mut self, now: Millis, speaker: &Speaker, id: Option<&RequestId>, data: String, duplicate: bool) {
        let says = Says::Result { data, duplicate };
        let reply = Some(Reply { asker: speaker.asker, id: id.cloned(), says });
        self.batch.push(BatchEntry { frame: None, seq: None, kept: false, turn: true, reply }, 1, now);
    }
}

/// What the contract says of a call: ability, size, type (rule F7).
fn may_ask(speaker: &Speaker, rules: &CallRules, call: &Call<'_>) -> Result<(), Refusal> {
    if !speaker.rights.may_call(rules) {
        return Err(speaker.lacks(&rules.ability, "Your token does not allow asking this here."));
    }
    if call.data.get().len() > rules.max_bytes {
        let most = rules.max_bytes;
        return Err(Refusal::new(Code::TooLarge, format!("`data` of this call has at most {most} bytes.")));
    }
    let misfit = |wrong| invalid(wrong).because(format!("the data of the call `{}` does not fit", rules.name));
    rules.validate(call.data.get()).map_err(misfit)
}

fn unknown(name: &str) -> Refusal {
    let refusal = Refusal::new(Code::NotFound, "This channel has no such call: GET /v1/contract lists them.");
    match EventName::parse(name) {
        Some(name) => refusal.because(format!("the channel has no call `{name}`")),
        None => refusal,
    }
}
