//! The same channel over HTTP, by the same rules and limits (rule E2).

use std::rc::Rc;

use super::event::Event;
use crate::contract::Entry;
use crate::effect::AskerKey;
use crate::grant::{Grant, Rights, TokenError, who};
use crate::hub::{Asker, Hub, Payer, Post, Speaker};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame;
use dormouse_protocol::name::{Address, Epoch, RequestId};

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
    /// `POST …/calls/{name}`.
    Call {
        /// The call's name.
        name: String,
        /// The header `Idempotency-Key`, by which a remembered call is known again.
        id: Option<String>,
        /// The body: its input.
        body: String,
    },
    /// `GET …/meter`.
    Meter,
}

const BAD_KEY: &str = "`Idempotency-Key` is a text of 1 to 64 characters.";

impl Event<'_> {
    /// An HTTP request came in.
    pub(super) fn handle_http(&mut self, asker: AskerKey, request: HttpRequest) {
        let speaker = self.http_speaker(asker, request.grant.as_ref(), request.address);
        let known = self.may_ask(request.grant.as_ref());
        let paid = if known.is_ok() { self.hub.pass_hard(&self.cx, &speaker) } else { Ok(()) };
        match paid.and_then(|()| self.answer_to(asker, &speaker, known, request)) {
            Ok(Some(body)) => Hub::answer_http(&mut self.cx, asker, Ok(body)),
            Ok(None) => {}
            Err(refusal) => {
                self.cx.desk.meter.refused(refusal.code);
                self.hub.log_refusal(&mut self.cx, &speaker, None, &refusal);
                self.hub.pay_for(&self.cx, &speaker, refusal.code);
                Hub::answer_http(&mut self.cx, asker, Err(&refusal));
            }
        }
    }

    /// The answer to a request; none where it comes with the flush.
    fn answer_to(
        &mut self,
        asker: AskerKey,
        speaker: &Speaker,
        known: Result<(), Refusal>,
        request: HttpRequest,
    ) -> Result<Option<String>, Refusal> {
        match request.operation {
            HttpOperation::Members => known.and_then(|()| self.list_members(speaker)).map(Some),
            HttpOperation::Messages { after, before, limit } => {
                self.hub.page_messages(&mut self.cx, speaker, known, [after, before, limit]).map(Some)
            }
            HttpOperation::Publish { body } => {
                let post = Post { asker, known, fresh: &request.fresh, body: &body };
                let taken = self.hub.post(&mut self.cx, self.edge, speaker, post);
                self.hear_news();
                taken.map(|()| None)
            }
            HttpOperation::Call { name, id, body } => {
                let id = id.map(|id| RequestId::parse(&id).ok_or(BAD_KEY)).transpose();
                let id = id.map_err(|message| Refusal::new(Code::BadFrame, message))?;
                let post = Post { asker, known, fresh: &request.fresh, body: &body };
                let asked = self.hub.post_call(&mut self.cx, self.edge, speaker, (&name, id.as_ref()), post);
                self.hear_news();
                asked.map(|()| None)
            }
            HttpOperation::Meter => known.and_then(|()| self.hub.show_meter(&mut self.cx, speaker)).map(Some),
        }
    }

    fn list_members(&mut self, speaker: &Speaker) -> Result<String, Refusal> {
        self.hub.may_list(&mut self.cx, speaker)?;
        self.at_edge(|edge, cx| {
            edge.sweep(cx);
            edge.disconnect_expired(cx);
        });
        Ok(self.hub.list_members(&self.cx))
    }

    fn http_speaker(&self, asker: AskerKey, grant: Option<&Grant>, address: Option<Address>) -> Speaker {
        let user = grant.map(|grant| grant.user.clone());
        Speaker {
            asker: Asker::Http { asker, slot: 0 },
            from: frame::from(user.as_ref(), None).into(),
            payer: Payer::of(user.as_ref(), address),
            address: address.filter(|_| grant.is_none()),
            rights: Rc::new(Rights::of(self.cx.rules(), grant)),
            signed_in: grant.is_some(),
            who: self.cx.rules().has_code().then(|| Rc::new(who(grant))),
        }
    }

    /// Whether anything may be asked with this grant, or without one: that comes before any rate (rules F7, A6).
    fn may_ask(&self, grant: Option<&Grant>) -> Result<(), Refusal> {
        match grant {
            Some(grant) if grant.expires <= self.cx.now => {
                Err(Refusal::new(Code::Unauthenticated, TokenError::Expired.hint()))
            }
            None if self.cx.rules().entry != Entry::Anyone => Err(Code::Unauthenticated.into()),
            Some(_) | None => Ok(()),
        }
    }
}
