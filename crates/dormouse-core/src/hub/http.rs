//! What is asked over HTTP, by the same rules and limits as over a connection (rule E2).

use super::pending_posts::{answered, refused};
use super::{Array, Asker, Edges, Hub, Sayable, Speaker};
use crate::context::Context;
use crate::contract::Ability;
use crate::effect::AskerKey;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{Epoch, RequestId};
use dormouse_protocol::request::{self, Page, Request};
use dormouse_protocol::{frame, ijson};

/// What is asked, where it comes from a POST.
pub(crate) struct Post<'a> {
    pub(crate) asker: AskerKey,
    /// Whether anything may be asked by this one at all.
    pub(crate) known: Result<(), Refusal>,
    /// Names the life of the history, should this begin it (rule D3).
    pub(crate) fresh: &'a Epoch,
    pub(crate) body: &'a str,
}

impl Hub {
    /// Whether this one may see the list of members (rule P1).
    pub(crate) fn may_list(&mut self, cx: &mut Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        self.pass_general(cx, speaker)?;
        if cx.rules().presence.is_none() {
            return Err(Refusal::new(Code::NotFound, "This channel has no presence."));
        }
        if !speaker.rights.may(&Ability::Presence) {
            return Err(speaker.lacks(&Ability::Presence, "Your token does not allow presence here."));
        }
        self.must_know(cx)
    }

    /// The members, or how many they are.
    pub(crate) fn list_members(&self, cx: &Context<'_>) -> String {
        match self.presence.list(cx.limits()) {
            Some(members) => format!("{{\"members\":{}}}", frame::array(members)),
            None => format!("{{\"count\":{}}}", self.presence.count()),
        }
    }

    /// A page of the history, by a query as it was written.
    pub(crate) fn page_messages(
        &mut self,
        cx: &mut Context<'_>,
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
        self.pass_general(cx, speaker)?;
        Self::may_page(cx, speaker)?;
        let found = self.find(cx, speaker, &page)?;
        Ok(format!("{{\"messages\":[{}],\"more\":{}}}", found.messages, found.more))
    }

    /// The counters of the channel.
    pub(crate) fn show_meter(&mut self, cx: &mut Context<'_>, speaker: &Speaker) -> Result<String, Refusal> {
        self.pass_general(cx, speaker)?;
        if !speaker.rights.may(&Ability::Meter) {
            return Err(speaker.lacks(&Ability::Meter, "Your token does not allow reading the meter here."));
        }
        serde_json::to_string(&cx.desk.meter).map_err(|error| cx.internal(error.to_string()))
    }

    /// Publishes one or many; the answers come together when the last of them is known.
    pub(crate) fn post(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        post: Post<'_>,
    ) -> Result<(), Refusal> {
        let Post { asker, known, fresh, body } = post;
        must_fit(cx, body)?;
        if self.loaded {
            self.history.epoch(fresh, cx.now);
        }
        let sayable = Sayable { rules: cx.rules(), rights: &speaker.rights };
        let (publishes, array) = request::parse_body_typed(body, cx.limits().batch_frames, &sayable)?;
        if array {
            known.clone()?;
        }
        self.posts.open(asker, publishes.len(), array);
        let mut met = Array::default();
        for (slot, incoming) in publishes.into_iter().enumerate() {
            let speaker = Speaker { asker: Asker::Http { asker, slot }, ..speaker.clone() };
            let request = incoming.request.and_then(|request| known.clone().map(|()| request));
            let paid = if slot > 0 { self.pass_hard(cx, &speaker) } else { Ok(()) };
            let taken = paid.and(request).and_then(|request| match request {
                Request::Publish(publish) => {
                    self.publish(cx, edges, &speaker, incoming.id.as_ref(), &publish, &mut met)
                }
                Request::Call(_)
                | Request::Auth { .. }
                | Request::Presence { .. }
                | Request::History(_)
                | Request::Resume { .. } => Err(Code::UnknownType.into()),
            });
            if let Err(refusal) = taken {
                self.pay_for(cx, &speaker, refusal.code);
                self.log_refusal(cx, &speaker, None, &refusal);
                self.refuse(cx, speaker.asker, incoming.id, refusal);
            }
        }
        self.posts.complete(cx, asker);
        Ok(())
    }

    /// Asks a call; it is answered with the flush. Its input is the body, and its id came in a header.
    pub(crate) fn post_call(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        speaker: &Speaker,
        (name, id): (&str, Option<&RequestId>),
        post: Post<'_>,
    ) -> Result<(), Refusal> {
        let Post { asker, known, fresh, body } = post;
        known?;
        must_fit(cx, body)?;
        let body = body.trim();
        ijson::check(body).map_err(|message| Refusal::new(Code::BadFrame, message.replace("frame", "body")))?;
        if self.loaded {
            self.history.epoch(fresh, cx.now);
        }
        self.posts.open(asker, 1, false);
        let speaker = Speaker { asker: Asker::Http { asker, slot: 0 }, ..speaker.clone() };
        let call = request::Call { name: name.into(), data: request::Data::unread(body) };
        let asked = self.call(cx, edges, &speaker, id, &call, &mut Array::default());
        if asked.is_err() {
            self.posts.close(asker);
        }
        asked
    }

    /// Refuses one of the publishes: at once, or with the flush where that names a seq (rule D2).
    fn refuse(&mut self, cx: &mut Context<'_>, asker: Asker, id: Option<RequestId>, refusal: Refusal) {
        cx.desk.meter.refused(refusal.code);
        if refusal.seq.is_some() {
            self.refuse_with_flush(cx.now, asker, id, refusal);
        } else if let Asker::Http { asker, slot } = asker {
            self.posts.fill(cx, asker, slot, id.as_ref(), Err(refusal));
        }
    }

    /// Answers a request that does not wait for the flush.
    pub(crate) fn answer_http(cx: &mut Context<'_>, asker: AskerKey, answer: Result<String, &Refusal>) {
        cx.push(match answer {
            Ok(body) => answered(asker, body),
            Err(refusal) => refused(asker, refusal),
        });
    }
}

/// A body has at most as many bytes as a frame (rule R4).
fn must_fit(cx: &Context<'_>, body: &str) -> Result<(), Refusal> {
    let most = cx.limits().frame_bytes;
    match body.len() <= most {
        true => Ok(()),
        false => Err(Refusal::new(Code::TooLarge, format!("A body has at most {most} bytes; nothing was taken."))),
    }
}
