//! Requests that the Worker handed on to an object: joins, and questions over HTTP that wait for the flush.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Response;
use worker::js_sys::{Function, Promise};
use worker::web_sys::Request;
use worker::worker_sys::ext::WebSocketExt as _;

use super::entry::now;
use super::env::ground;
use super::host::{Host, frame_bytes};
use super::http::{self, Body, respond, switch, with_call};
use super::random;
use super::trouble::{self, Trouble};
use crate::auth::Grant;
use crate::channel::{Fresh, Joining, Question, Verb};
use crate::contract::Application;
use crate::door::{Decision, Reply, Visitor, Wish};
use crate::effect::{AskerKey, Effect, SessionKey};
use crate::error::Code;
use crate::session::ResumeQuery;

/// Where the answer to an HTTP request is put.
type Answer = Rc<RefCell<Option<Reply>>>;

/// An HTTP request that waits for its answer.
pub(super) struct Waiting {
    answer: Answer,
    wake: Function,
}

impl Waiting {
    /// Hands the answer over.
    pub(super) fn answer(&self, reply: Reply) -> Result<(), JsValue> {
        *self.answer.borrow_mut() = Some(reply);
        self.wake.call0(&JsValue::UNDEFINED).map(|_undefined| ())
    }
}

impl<A: Application + 'static> Host<A> {
    /// A request that the Worker handed on.
    pub(crate) async fn fetch(&self, request: &Request) -> worker::Result<Response> {
        match self.serve(request).await {
            Ok(response) => Ok(response),
            Err(trouble) => respond(trouble.report(self.name().as_ref())),
        }
    }

    async fn serve(&self, request: &Request) -> Result<Response, Trouble> {
        let ground = ground::<A>(&self.env).map_err(Trouble::Mistakes)?;
        let visitor = match with_call(request, |call| ground.door.knock(call)) {
            Decision::Channel(visitor) => visitor,
            refused => return Ok(http::settle(refused)?),
        };
        if self.name().as_ref() != Some(&visitor.channel) {
            return Err(Trouble::NoChannel);
        }
        let grant = match visitor.admit(&ground.config.keys, now()) {
            Ok(grant) => grant,
            Err(refused) => return Ok(trouble::settle(*refused)?),
        };
        let fresh = random::fresh().ok_or_else(|| Trouble::Platform("there is no randomness".to_owned()))?;
        let verb = match visitor.wish {
            Wish::Join { protocol } => return self.join(&visitor, fresh, grant, protocol),
            Wish::Members => Verb::Members,
            Wish::Meter => Verb::Meter,
            Wish::Messages => Verb::Messages {
                after: visitor.query.owned("after"),
                before: visitor.query.owned("before"),
                limit: visitor.query.owned("limit"),
            },
            Wish::Publish => match http::body(request, frame_bytes(&ground)).await? {
                Body::Text(body) => Verb::Publish { body },
                Body::TooLarge => return Ok(respond(visitor.refusal(Code::TooLarge))?),
                Body::NotUtf8 => return Ok(respond(visitor.refusal(Code::BadFrame))?),
            },
        };
        let reply = self.ask(Question { grant, verb, fresh: fresh.epoch }).await?;
        Ok(respond(visitor.cors.onto(reply))?)
    }

    fn join(
        &self,
        visitor: &Visitor,
        fresh: Fresh,
        grant: Option<Grant>,
        protocol: Option<&'static str>,
    ) -> Result<Response, Trouble> {
        let (client, server) = http::pair()?;
        let query = &visitor.query;
        let resume = ResumeQuery { epoch: query.owned("epoch"), after: query.owned("after") };
        let joining = Joining { grant, resume, connection: query.owned("connection") };
        let mut awake = self.awake()?;
        let (session, effects) = awake.turn(|channel, turn| channel.join(turn, fresh, joining));
        // What is hung up on at once never sleeps: a socket that is not accepted for hibernation ends at once too.
        let refused = effects.iter().any(|effect| is_hang_up(effect, session));
        let accepted = if refused { server.accept() } else { self.ctx.accept_websocket(&server) };
        if accepted.is_ok() {
            awake.sockets.bind(session, &server);
        }
        self.apply(&mut awake, effects);
        if refused {
            awake.sockets.drop(session);
        }
        let Err(thrown) = accepted else { return Ok(switch(client, protocol)?) };
        let effects = awake.turn(|channel, turn| channel.close(turn, session, true));
        self.apply(&mut awake, effects);
        Ok(trouble::settle(visitor.unreachable(true, &random::trouble_id(), &trouble::text(&thrown)))?)
    }

    async fn ask(&self, question: Question) -> Result<Reply, Trouble> {
        let (answered, answer) = self.put(question)?;
        JsFuture::from(answered).await?;
        let reply = answer.borrow_mut().take();
        reply.ok_or_else(|| Trouble::Platform("a request was left without an answer".to_owned()))
    }

    /// Puts a question; the promise is kept once the answer is there, now or after the flush.
    fn put(&self, question: Question) -> Result<(Promise, Answer), Trouble> {
        let mut wake = None;
        let answered = Promise::new(&mut |resolve, _reject| wake = Some(resolve));
        let wake = wake.ok_or_else(|| Trouble::Platform("a promise came without its resolver".to_owned()))?;
        let answer = Answer::default();
        let asker = AskerKey(self.asked.get());
        self.asked.set(asker.0.wrapping_add(1));
        let mut awake = self.awake()?;
        awake.waiting.insert(asker, Waiting { answer: Rc::clone(&answer), wake });
        let effects = awake.turn(|channel, turn| channel.ask(turn, asker, question));
        self.apply(&mut awake, effects);
        Ok((answered, answer))
    }
}

fn is_hang_up(effect: &Effect, session: SessionKey) -> bool {
    matches!(effect, Effect::HangUp { session: whose, .. } if *whose == session)
}
