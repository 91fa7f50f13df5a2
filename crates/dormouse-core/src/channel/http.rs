//! The same channel over HTTP, by the same rules and limits (rule E2).

use std::rc::Rc;

use super::receive::{Array, Speaker};
use super::{Channel, Effects, Turn};
use crate::batch::Asker;
use crate::contract::{Ability, Entry};
use crate::effect::{AskerKey, Effect};
use crate::grant::Rights;
use crate::grant::{Grant, TokenError};
use crate::rate::Payer;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::{Address, Epoch, Millis, RequestId};
use dormouse_protocol::request::{self, Page, Request};

/// An HTTP request to the channel, its credentials verified.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// What its token allows here.
    pub grant: Option<Grant>,
    /// What it asks.
    pub operation: HttpOperation,
    /// Where it comes from, as far as that is known (rule R7).
    pub address: Option<Address>,
    /// 96 random bits: names the life of the history, should this begin it (rule D3).
    pub fresh: Epoch,
}

/// What is asked over HTTP.
#[derive(Clone, Debug)]
pub enum HttpOperation {
    /// `GET …/members`.
    Members,
    /// `GET …/messages`, the query as it was written.
    Messages {
        /// `?after=`.
        after: Option<String>,
        /// `?before=`.
        before: Option<String>,
        /// `?limit=`.
        limit: Option<String>,
    },
    /// `POST …/messages`.
    Publish {
        /// The body: one publish, or an array of them.
        body: String,
    },
    /// `GET …/meter`.
    Meter,
}

/// A POST that waits for the answers to its publishes.
#[derive(Debug)]
pub(super) struct PendingPost {
    slots: Vec<Option<(String, Option<Refusal>)>>,
    array: bool,
}

impl Channel {
    /// An HTTP request came in. It is answered by [`Effect::Answer`]: now, or after the flush.
    pub fn handle_http(&mut self, turn: &mut Turn<'_>, asker: AskerKey, http_request: HttpRequest) -> Effects {
        self.begin(turn);
        let speaker = self.asking(asker, http_request.grant.as_ref(), http_request.address);
        let known = self.known(turn.now, http_request.grant.as_ref());
        let paid = if known.is_ok() { self.pass_hard(turn.now, &speaker) } else { Ok(()) };
        let answer = paid.and_then(|()| self.answer_to(turn, asker, &speaker, known, http_request));
        match answer {
            Ok(Some(body)) => self.effects.push(Effect::Answer { asker, status: 200, body, retry_after: None }),
            Ok(None) => {}
            Err(refusal) => {
                self.meter.refused(refusal.code);
                self.pay_for(turn.now, &speaker, refusal.code);
                self.effects.push(refused(asker, &refusal));
            }
        }
        self.settle(turn)
    }

    /// The answer to a question; none where it comes with the flush.
    fn answer_to(
        &mut self,
        turn: &mut Turn<'_>,
        asker: AskerKey,
        speaker: &Speaker,
        known: Result<(), Refusal>,
        http_request: HttpRequest,
    ) -> Result<Option<String>, Refusal> {
        match http_request.operation {
            HttpOperation::Members => known.and_then(|()| self.list_members(turn, speaker)).map(Some),
            HttpOperation::Messages { after, before, limit } => {
                self.page_messages(turn, speaker, known, [after, before, limit]).map(Some)
            }
            HttpOperation::Publish { body } => {
                self.post(turn, asker, speaker, known, &http_request.fresh, &body).map(|()| None)
            }
            HttpOperation::Meter => known.and_then(|()| self.show_meter(turn.now, speaker)).map(Some),
        }
    }

    fn asking(&self, asker: AskerKey, grant: Option<&Grant>, address: Option<Address>) -> Speaker {
        let user = grant.map(|grant| grant.user.clone());
        Speaker {
            asker: Asker::Http { asker, slot: 0 },
            from: frame::from(user.as_ref(), None).into(),
            payer: Payer::of(user.as_ref(), address),
            address: address.filter(|_| grant.is_none()),
            rights: Rc::new(Rights::of(&self.rules, grant)),
            signed_in: grant.is_some(),
        }
    }

    /// Whether anything may be asked with this grant, or without one: that comes before any rate (rules F7, A6).
    fn known(&self, now: Millis, grant: Option<&Grant>) -> Result<(), Refusal> {
        match grant {
            Some(grant) if grant.expires <= now => Err(Refusal::new(Code::Unauthenticated, TokenError::Expired.hint())),
            None if self.rules.entry != Entry::Anyone => Err(Code::Unauthenticated.into()),
            Some(_) | None => Ok(()),
        }
    }

    fn list_members(&mut self, turn: &Turn<'_>, speaker: &Speaker) -> Result<String, Refusal> {
        self.pass_general(turn.now, speaker)?;
        if self.rules.presence.is_none() {
            return Err(Refusal::new(Code::NotFound, "This channel has no presence."));
        }
        if !speaker.rights.may(&Ability::Presence) {
            return Err(speaker.lacks("Your token does not allow presence here."));
        }
        self.must_know(turn.now)?;
        self.sweep(turn);
        self.disconnect_expired(turn);
        Ok(match self.presence.list(&self.limits) {
            Some(members) => format!("{{\"members\":{}}}", frame::array(members)),
            None => format!("{{\"count\":{}}}", self.presence.count()),
        })
    }

    fn page_messages(
        &mut self,
        turn: &mut Turn<'_>,
        speaker: &Speaker,
        known: Result<(), Refusal>,
        query: [Option<String>; 3],
    ) -> Result<String, Refusal> {
        let [after, before, limit] = query.map(|text| text.map(|text| request::whole(&text).ok_or(())).transpose());
        let (Ok(after), Ok(before), Ok(limit)) = (after, before, limit) else {
            return Err(Refusal::new(Code::BadFrame, "`after`, `before` and `limit` are whole numbers."));
        };
        let page = Page::new(before, after, limit)?;
        known?;
        self.pass_general(turn.now, speaker)?;
        self.may_page(speaker)?;
        let found = self.find(turn, speaker, &page)?;
        Ok(format!("{{\"messages\":[{}],\"more\":{}}}", found.messages, found.more))
    }

    fn show_meter(&mut self, now: Millis, speaker: &Speaker) -> Result<String, Refusal> {
        self.pass_general(now, speaker)?;
        if !speaker.rights.may(&Ability::Meter) {
            return Err(speaker.lacks("Your token does not allow reading the meter here."));
        }
        serde_json::to_string(&self.meter).map_err(|error| self.internal(now, error.to_string()))
    }

    /// Publishes one or many; the answers come together when the last of them is known.
    fn post(
        &mut self,
        turn: &mut Turn<'_>,
        asker: AskerKey,
        speaker: &Speaker,
        known: Result<(), Refusal>,
        fresh: &Epoch,
        body: &str,
    ) -> Result<(), Refusal> {
        if body.len() > self.limits.frame_bytes {
            let most = self.limits.frame_bytes;
            return Err(Refusal::new(Code::TooLarge, format!("A body has at most {most} bytes; nothing was taken.")));
        }
        if self.loaded {
            self.history.epoch(fresh, turn.now);
        }
        let (publishes, array) = request::parse_body(body, self.limits.batch_frames)?;
        if array {
            known.clone()?;
        }
        self.posts.insert(asker, PendingPost { slots: publishes.iter().map(|_| None).collect(), array }.into());
        let mut met = Array::default();
        for (slot, incoming) in publishes.into_iter().enumerate() {
            let speaker = Speaker { asker: Asker::Http { asker, slot }, ..speaker.clone() };
            let request = incoming.request.and_then(|request| known.clone().map(|()| request));
            let paid = if slot > 0 { self.pass_hard(turn.now, &speaker) } else { Ok(()) };
            let judged = paid.and(request).and_then(|request| match request {
                Request::Publish(publish) => self.publish(turn, &speaker, incoming.id.as_ref(), &publish, &mut met),
                Request::Auth { .. } | Request::Presence { .. } | Request::History(_) | Request::Resume { .. } => {
                    Err(Code::UnknownType.into())
                }
            });
            if let Err(refusal) = judged {
                self.pay_for(turn.now, &speaker, refusal.code);
                self.refuse(turn, speaker.asker, incoming.id, refusal, &mut met);
            }
        }
        self.complete(asker);
        Ok(())
    }

    /// One of the answers of a POST is known.
    pub(super) fn fill(&mut self, asker: AskerKey, slot: usize, id: Option<&RequestId>, answer: Result<Ack, Refusal>) {
        let Some(slot) = self.posts.get_mut(&asker).and_then(|ask| ask.slots.get_mut(slot)) else { return };
        *slot = Some(match answer {
            Ok(ack) => (frame::ack(id, ack), None),
            Err(refusal) => (frame::error(id, &refusal), Some(refusal)),
        });
        self.complete(asker);
    }

    /// Answers a POST whose every publish is answered.
    fn complete(&mut self, asker: AskerKey) {
        if self.posts.get(&asker).is_none_or(|ask| ask.slots.iter().any(Option::is_none)) {
            return;
        }
        let Some(ask) = self.posts.remove(&asker) else { return };
        let mut answers = ask.slots.into_iter().flatten();
        let effect = if ask.array {
            let texts: Vec<String> = answers.map(|(text, _)| text).collect();
            let body = frame::array(texts.iter().map(String::as_str));
            Effect::Answer { asker, status: 200, body, retry_after: None }
        } else {
            match answers.next() {
                Some((_, Some(refusal))) => refused(asker, &refusal),
                Some((body, None)) => Effect::Answer { asker, status: 200, body, retry_after: None },
                None => return,
            }
        };
        self.effects.push(effect);
    }
}

fn refused(asker: AskerKey, refusal: &Refusal) -> Effect {
    Effect::Answer {
        asker,
        status: refusal.code.status(),
        body: frame::http_error(refusal),
        retry_after: refusal.retry_after,
    }
}
