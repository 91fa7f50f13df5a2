//! A publish, from its request to the open batch: all refusals first, in the order of rule F7, then its place in the
//! order. [`Hub::publish`] → `may_say` → `look_up` → the rate → `if_seq` → `judge` → `accept`; what is accepted leaves by
//! [`Hub::flush`].

use super::batch::{Audience, BatchEntry, Reply, Says};
use super::buckets::Gate;
use super::history::{DedupeKey, Seen};
use super::{Asker, Edges, Hub, Speaker};
use crate::context::Context;
use crate::contract::{Ability, EventRules, InvalidData};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, Ack, Message};
use dormouse_protocol::name::{EventName, Millis, RequestId};
use dormouse_protocol::request::Publish;

/// What the requests of one array have met so far.
#[derive(Default)]
pub(crate) struct Array {
    /// A publish was `rate_limited`: so are the later ones, so that order holds (rule F6).
    pub(crate) limited: Option<Refusal>,
    /// A refusal by rate has counted already (rule R5).
    pub(crate) counted: bool,
}

impl Hub {
    /// Takes a publish into the open batch, or says why not.
    pub(crate) fn publish(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        id: Option<&RequestId>,
        publish: &Publish<'_>,
        array: &mut Array,
    ) -> Result<(), Refusal> {
        let event = cx.rules().event(&publish.event).ok_or_else(|| unknown(&publish.event))?;
        let kept = event.kept && publish.to.is_none();
        may_say(speaker, event, publish, kept)?;
        if kept {
            self.must_know(cx)?;
        }
        let dedupe_key = self.dedupe_key(cx, speaker, id, event, publish);
        if let Some(seen) = self.look_up(cx, dedupe_key.as_ref())? {
            return self.repeat(cx.now, speaker, id, seen);
        }
        if let Some(limited) = &array.limited {
            return Err(limited.clone());
        }
        if let Err(limited) = self.rates.pass(cx, speaker, Gate::Event(&event.name), event.rate) {
            return Err(array.limited.insert(limited).clone());
        }
        self.must_be_newest(publish.if_seq)?;
        let judged = self.judge(cx, edges, speaker, id, event, publish)?;
        let reached = publish.to.as_ref().map_or(0, |targets| edges.find(cx, targets, speaker.asker.session()));
        let seq = kept.then(|| self.history.reserve(dedupe_key, cx.now));
        let instead = judged.as_ref().map(|judged| judged.instead.as_deref());
        self.accept(cx.now, speaker, id, event, publish, seq, reached, instead);
        if let Some(judged) = judged {
            self.carry_out(cx, edges, judged.outcome);
        }
        Ok(())
    }
}

/// What the contract says of a publish: ability, fields, data (rule F7).
fn may_say(speaker: &Speaker, event: &EventRules, publish: &Publish<'_>, kept: bool) -> Result<(), Refusal> {
    if !speaker.rights.may_publish(event) {
        return Err(speaker.lacks(&event.ability, "Your token does not allow saying this here."));
    }
    if publish.to.is_some() && !event.directed {
        return Err(Refusal::new(Code::Forbidden, "This event cannot be directed: leave out `to`."));
    }
    if publish.if_seq.is_some() && !kept {
        return Err(Refusal::new(Code::NotKept, "`if_seq` needs a kept event without `to`."));
    }
    let bytes = publish.data.get().len();
    if bytes > event.max_bytes {
        let most = event.max_bytes;
        return Err(Refusal::new(Code::TooLarge, format!("`data` of this event has at most {most} bytes.")));
    }
    let misfit = |wrong| invalid(wrong).because(format!("the data of the event `{}` does not fit", event.name));
    event.validate_read(publish.data).map_err(misfit)
}

/// The refusal of an event that the channel does not have; the log has its name, if it could be one.
fn unknown(name: &str) -> Refusal {
    let refusal = Refusal::from(Code::UnknownEvent);
    match EventName::parse(name) {
        Some(name) => refusal.because(format!("the channel has no event `{name}`")),
        None => refusal,
    }
}

impl Hub {
    /// What a publish is known again by. Only kept ones are remembered, but none may use the id of one (rule D7).
    fn dedupe_key(
        &self,
        cx: &Context<'_>,
        speaker: &Speaker,
        id: Option<&RequestId>,
        event: &EventRules,
        publish: &Publish<'_>,
    ) -> Option<DedupeKey> {
        let remembers = self.loaded && cx.rules().keeps();
        let id = id.filter(|_| remembers)?;
        DedupeKey::new(&speaker.payer, id, event.name.as_str(), publish.data.get())
    }

    fn look_up(&mut self, cx: &mut Context<'_>, dedupe_key: Option<&DedupeKey>) -> Result<Option<Seen>, Refusal> {
        let Some(dedupe_key) = dedupe_key else { return Ok(None) };
        let seen = self.history.seen(dedupe_key, cx.now, cx.limits(), cx.storage);
        seen.map_err(|error| cx.storage_refusal(&error))
    }

    /// The message was there already: its publisher is told where, and nobody hears it again (rule D7).
    fn repeat(&mut self, now: Millis, speaker: &Speaker, id: Option<&RequestId>, seen: Seen) -> Result<(), Refusal> {
        let Seen::Same(seq) = seen else {
            return Err(Refusal::new(Code::Conflict, "This id was used for another message: choose a new one."));
        };
        let ack = Ack { seq: Some(seq), duplicate: true, delivered: None };
        let reply = Some(Reply { asker: speaker.asker, id: id.cloned(), says: Says::Ack(ack) });
        self.batch.push(BatchEntry { frame: None, seq: Some(seq), kept: false, turn: false, reply }, 1, now);
        Ok(())
    }

    /// Whether the channel stands where the publisher thinks it does (rule F5).
    fn must_be_newest(&self, if_seq: Option<u64>) -> Result<(), Refusal> {
        if if_seq.is_none_or(|seq| seq == self.history.head()) {
            return Ok(());
        }
        let refusal = Refusal::new(Code::Conflict, "The channel has moved on: `seq` is its newest message.");
        Err(Refusal { seq: Some(self.history.head()), ..refusal })
    }

    /// Puts the message into the open batch, encoded once, with the answer to its publisher. Where the code judged it,
    /// what it has said in its place, if anything.
    #[expect(clippy::too_many_arguments, reason = "all that one entry is made of")]
    fn accept(
        &mut self,
        now: Millis,
        speaker: &Speaker,
        id: Option<&RequestId>,
        event: &EventRules,
        publish: &Publish<'_>,
        seq: Option<u64>,
        reached: usize,
        judged: Option<Option<&str>>,
    ) {
        let event = event.name.as_str();
        let data = judged.flatten().unwrap_or_else(|| publish.data.get());
        let message = Message { seq, id, event, data, from: &speaker.from, at: now };
        let text = frame::message(&message);
        let (audience, says) = match (&publish.to, speaker.asker, publish.echo) {
            (Some(targets), _, _) => {
                let counted = speaker.rights.may(&Ability::Presence);
                (Audience::Only(targets.clone()), Says::Delivered { counted })
            }
            (None, Asker::Session(key), false) => (Audience::Others(key), Says::Ack(Ack { seq, ..Ack::default() })),
            (None, Asker::Session(_), true) => (Audience::Everyone, Says::Echo),
            (None, Asker::Http { .. }, _) => (Audience::Everyone, Says::Ack(Ack { seq, ..Ack::default() })),
        };
        // Who is answered by hearing the message hears what all do.
        let listeners = match (&audience, speaker.asker) {
            (Audience::Everyone, _) => 0,
            (Audience::Others(_), _) => 1,
            (Audience::Only(_), Asker::Http { .. }) => reached,
            (Audience::Only(_), Asker::Session(_)) => reached.saturating_add(1),
        };
        let reply = Some(Reply { asker: speaker.asker, id: id.cloned(), says });
        let (frame, kept, turn) = (Some((text, audience)), seq.is_some(), judged.is_some());
        self.batch.push(BatchEntry { frame, seq, kept, turn, reply }, listeners, now);
    }

    /// Answers a request with a refusal that names a seq, with the flush (rule D2).
    pub(crate) fn refuse_with_flush(&mut self, now: Millis, asker: Asker, id: Option<RequestId>, refusal: Refusal) {
        let seq = refusal.seq;
        let reply = Some(Reply { asker, id, says: Says::Refusal(refusal) });
        self.batch.push(BatchEntry { frame: None, seq, kept: false, turn: false, reply }, 1, now);
    }
}

/// Data that does not fit its type, as its sender is told.
pub(super) fn invalid(invalid: InvalidData) -> Refusal {
    Refusal::new(Code::InvalidData, invalid.to_string())
}
