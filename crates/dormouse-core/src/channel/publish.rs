//! A publish: all refusals first, in the order of rule F7, then its place in the order and in the batch.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::receive::{Array, Speaker};
use super::{Channel, Links, Turn};
use crate::batch::{Asker, Audience, Entry, Reply, Says};
use crate::contract::{Ability, EventRules, InvalidData};
use crate::effect::SessionKey;
use crate::hibernated_session::Wanted;
use crate::history::{DedupeKey, Seen};
use crate::rate::Gate;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, Ack, Message};
use dormouse_protocol::name::{Millis, RequestId};
use dormouse_protocol::request::{Publish, Targets};

impl Channel {
    pub(super) fn publish(
        &mut self,
        turn: &mut Turn<'_>,
        speaker: &Speaker,
        id: Option<&RequestId>,
        publish: &Publish<'_>,
        array: &mut Array,
    ) -> Result<(), Refusal> {
        let judged = self.judge_publish(turn, speaker, id, publish, array);
        if let Err(refusal) = &judged
            && refusal.code == Code::RateLimited
        {
            array.limited.get_or_insert_with(|| refusal.clone());
        }
        judged
    }

    fn judge_publish(
        &mut self,
        turn: &mut Turn<'_>,
        speaker: &Speaker,
        id: Option<&RequestId>,
        publish: &Publish<'_>,
        array: &Array,
    ) -> Result<(), Refusal> {
        let rules = Rc::clone(&self.rules);
        let event = rules.event(&publish.event).ok_or(Code::UnknownEvent)?;
        let kept = event.kept && publish.to.is_none();
        check(speaker, event, publish, kept)?;
        if kept {
            self.must_know(turn.now)?;
        }
        let dedupe_key = self.dedupe_key(speaker, id, event, publish);
        if let Some(seen) = self.look_up(turn, dedupe_key.as_ref())? {
            return self.repeat(turn.now, speaker, id, seen);
        }
        if let Some(limited) = &array.limited {
            return Err(limited.clone());
        }
        self.pass(turn.now, speaker, Gate::Event(&event.name), event.rate)?;
        if publish.if_seq.is_some_and(|seq| seq != self.history.head()) {
            let refusal = Refusal::new(Code::Conflict, "The channel has moved on: `seq` is its newest message.");
            return Err(Refusal { seq: Some(self.history.head()), ..refusal });
        }
        if let Some(targets) = &publish.to {
            self.hydrate_targets(turn.links, targets);
        }
        let seq = kept.then(|| self.history.reserve(dedupe_key, turn.now));
        self.accept(turn.now, speaker, id, event, publish, seq);
        Ok(())
    }

    /// Whoever a directed publish may reach is found by name.
    fn hydrate_targets(&mut self, links: &dyn Links, targets: &Targets) {
        let Targets { users, connections, roles } = targets;
        // The head of an attachment tells no roles.
        if !roles.is_empty() {
            return self.hydrate_all(links);
        }
        let wanted = Wanted::new(users.iter().map(String::as_str), connections.iter().map(String::as_str));
        self.hydrate_named(links, &wanted);
    }

    /// What a publish is known again by. Only kept ones are remembered, but none may use the id of one (rule D7).
    fn dedupe_key(
        &self,
        speaker: &Speaker,
        id: Option<&RequestId>,
        event: &EventRules,
        publish: &Publish<'_>,
    ) -> Option<DedupeKey> {
        let remembers = self.loaded && self.rules.keeps();
        let id = id.filter(|_| remembers)?;
        DedupeKey::new(&speaker.payer, id, event.name.as_str(), publish.data.get())
    }

    fn look_up(&mut self, turn: &mut Turn<'_>, dedupe_key: Option<&DedupeKey>) -> Result<Option<Seen>, Refusal> {
        let Some(dedupe_key) = dedupe_key else { return Ok(None) };
        let seen = self.history.seen(dedupe_key, turn.now, &self.limits, turn.storage);
        seen.map_err(|error| self.storage_refusal(turn.now, &error))
    }

    /// The message was there already: its publisher is told where, and nobody hears it again (rule D7).
    fn repeat(&mut self, now: Millis, speaker: &Speaker, id: Option<&RequestId>, seen: Seen) -> Result<(), Refusal> {
        let Seen::Same(seq) = seen else {
            return Err(Refusal::new(Code::Conflict, "This id was used for another message: choose a new one."));
        };
        let ack = Ack { seq: Some(seq), duplicate: true, delivered: None };
        let reply = Reply { asker: speaker.asker, id: id.cloned(), says: Says::Ack(ack) };
        self.batch.push(Entry { frame: None, seq: Some(seq), kept: false, reply }, 1, now);
        Ok(())
    }

    fn accept(
        &mut self,
        now: Millis,
        speaker: &Speaker,
        id: Option<&RequestId>,
        event: &EventRules,
        publish: &Publish<'_>,
        seq: Option<u64>,
    ) {
        let event = event.name.as_str();
        let message = Message { seq, id, event, data: publish.data, from: &speaker.from, at: now };
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
        let reply = Reply { asker: speaker.asker, id: id.cloned(), says };
        // Who is answered by hearing the message hears what all do.
        let listeners = match (&audience, speaker.asker) {
            (Audience::Everyone, _) => 0,
            (Audience::Others(_), _) => 1,
            (Audience::Only(targets), Asker::Http { .. }) => self.roster.targets(targets, None).len(),
            (Audience::Only(targets), Asker::Session(key)) => {
                self.roster.targets(targets, Some(key)).len().saturating_add(1)
            }
        };
        self.batch.push(Entry { frame: Some((text, audience)), seq, kept: seq.is_some(), reply }, listeners, now);
    }

    /// Enters the list of members, changes what it shows, or leaves it (rule P1).
    pub(super) fn set_presence(
        &mut self,
        now: Millis,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        data: &RawValue,
    ) -> Result<(), Refusal> {
        self.pass_general(now, speaker)?;
        let rules = Rc::clone(&self.rules);
        let Some(presence) = &rules.presence else {
            return Err(Refusal::new(Code::Forbidden, "This channel has no presence."));
        };
        if !self.roster.session(key).is_some_and(|session| session.watches) {
            return Err(speaker.lacks("Your token does not allow presence here."));
        }
        let data = data.get();
        if data != "null" {
            if data.len() > self.limits.presence_data_bytes {
                let most = self.limits.presence_data_bytes;
                return Err(Refusal::new(Code::TooLarge, format!("Presence data has at most {most} bytes.")));
            }
            presence.validate(data).map_err(invalid)?;
        }
        self.show(key, (data != "null").then(|| data.into()));
        self.answer(speaker.asker, id, Ok(Ack::default()));
        Ok(())
    }

    fn show(&mut self, key: SessionKey, data: Option<Rc<str>>) {
        let Some(session) = self.roster.session_mut(key) else { return };
        session.kept.present = data.is_some();
        session.kept.data = data;
        if session.kept.present {
            self.presence.enter(&session.kept.connection, session.kept.member());
        } else {
            self.presence.hide(&session.kept.connection);
        }
        self.save_attachment(key);
    }
}

/// What the contract says of a publish: ability, fields, data (rule F7).
fn check(speaker: &Speaker, event: &EventRules, publish: &Publish<'_>, kept: bool) -> Result<(), Refusal> {
    if !speaker.rights.may_publish(event) {
        return Err(speaker.lacks("Your token does not allow saying this here."));
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
    event.validate(publish.data.get()).map_err(invalid)
}

fn invalid(invalid: InvalidData) -> Refusal {
    Refusal::new(Code::InvalidData, invalid.to_string())
}
