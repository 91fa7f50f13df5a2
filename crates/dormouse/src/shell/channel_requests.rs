//! Requests for a channel that the Worker handed on to its object: joins, and questions over HTTP that wait for the flush.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::js_sys::Promise;
use worker::web_sys::{Request, Response};

use super::channel::Channel;
use super::clock::now;
use super::code::survive;
use super::env::Deployment;
use super::host::Host;
use super::http::{self, respond};
use super::random;
use super::trouble::{self, Trouble};
use super::waiting::{Answer, Waiting};
use crate::door::{ChannelRequest, Decision, Operation, Reply, Visitor as _};
use dormouse_core::channel::{Fresh, HttpOperation, HttpRequest, Joining};
use dormouse_core::contract::Application;
use dormouse_core::effect::AskerKey;
use dormouse_core::grant::Grant;
use dormouse_core::session::ResumeQuery;
use dormouse_protocol::error::Code;

impl<A: Application + 'static> Host<Channel<A>> {
    pub(super) fn serve_channel(
        self: &Rc<Self>,
        deployment: Rc<Deployment>,
        request: Request,
        decision: Decision,
    ) -> Result<JsValue, Trouble> {
        let channel_request = match decision {
            Decision::Channel(channel_request) => channel_request,
            refused => return Ok(http::pass_back(refused)?.into()),
        };
        if self.name().as_deref() != Some(channel_request.channel.as_str()) {
            return Err(Trouble::NoChannel);
        }
        let grant = match channel_request.admit(&deployment.config.keys, now()) {
            Ok(grant) => grant,
            Err(refused) => return Ok(trouble::pass_back(*refused)?.into()),
        };
        let fresh = random::fresh().ok_or_else(|| Trouble::Platform("there is no randomness".to_owned()))?;
        if let Operation::Join { protocol } = channel_request.operation {
            return Ok(self.join(&channel_request, fresh, grant, protocol)?.into());
        }
        let host = Rc::clone(self);
        let answered = future_to_promise(async move {
            let answered = host.answer(&request, &deployment, &channel_request, grant, fresh).await;
            let response = answered.or_else(|trouble| respond(host.report(&trouble)))?;
            Ok(response.into())
        });
        Ok(survive(&answered)?.into())
    }

    /// Answers a question, which waits for its body and for the flush.
    async fn answer(
        &self,
        request: &Request,
        deployment: &Deployment,
        channel_request: &ChannelRequest,
        grant: Option<Grant>,
        fresh: Fresh,
    ) -> Result<Response, Trouble> {
        let operation = match channel_request.operation {
            Operation::Members => HttpOperation::Members,
            Operation::Meter => HttpOperation::Meter,
            Operation::Messages => HttpOperation::Messages {
                after: channel_request.query.owned("after"),
                before: channel_request.query.owned("before"),
                limit: channel_request.query.owned("limit"),
            },
            // The Worker has read it whole; what is read here is there.
            Operation::Publish => {
                match http::body(request, deployment.frame_bytes(), deployment.config.limits.body_ms).await? {
                    Ok(body) => HttpOperation::Publish { body },
                    Err(unread) => return Ok(respond(channel_request.refusal(unread))?),
                }
            }
            Operation::Call => {
                match http::body(request, deployment.frame_bytes(), deployment.config.limits.body_ms).await? {
                    Ok(body) => called(channel_request, body),
                    Err(unread) => return Ok(respond(channel_request.refusal(unread))?),
                }
            }
            Operation::Join { .. } => return Ok(respond(channel_request.refusal(Code::UpgradeRequired))?),
        };
        let reply = self
            .handle_http(HttpRequest {
                grant,
                operation,
                fresh: fresh.epoch,
                address: channel_request.caller().address(),
            })
            .await?;
        Ok(respond(channel_request.cors.onto(reply))?)
    }

    fn join(
        &self,
        channel_request: &ChannelRequest,
        fresh: Fresh,
        grant: Option<Grant>,
        protocol: Option<&'static str>,
    ) -> Result<Response, Trouble> {
        let query = &channel_request.query;
        let resume = ResumeQuery { epoch: query.owned("epoch"), after: query.owned("after") };
        let (connection, address) = (query.owned("connection"), channel_request.caller().address());
        let joining = Joining { grant, resume, connection, address, relayed: false };
        let mut awake = self.awake()?;
        let let_in = awake.turn(|guest, turn| guest.machine.join(turn, fresh, joining));
        self.open(&mut awake, let_in, protocol, channel_request)
    }

    async fn handle_http(&self, http_request: HttpRequest) -> Result<Reply, Trouble> {
        let (answered, answer) = self.put(http_request)?;
        JsFuture::from(answered).await?;
        let reply = answer.borrow_mut().take();
        reply.ok_or_else(|| Trouble::Platform("a request was left without an answer".to_owned()))
    }

    /// Puts a question; the promise is kept once the answer is there, now or after the flush.
    fn put(&self, http_request: HttpRequest) -> Result<(Promise, Answer), Trouble> {
        let mut wake = None;
        let answered = Promise::new(&mut |resolve, _reject| wake = Some(resolve));
        let wake = wake.ok_or_else(|| Trouble::Platform("a promise came without its resolver".to_owned()))?;
        let answer = Answer::default();
        let mut awake = self.awake()?;
        let asker = AskerKey(awake.guest.asked);
        awake.guest.asked = asker.0.wrapping_add(1);
        awake.guest.waiting.insert(asker, Waiting::new(&answer, wake));
        let effects = awake.turn(|guest, turn| guest.machine.handle_http(turn, asker, http_request));
        self.apply(&mut awake, effects);
        Ok((answered, answer))
    }
}

/// What is asked of the code by a request that the door let in.
fn called(channel_request: &ChannelRequest, body: String) -> HttpOperation {
    let (name, id) = channel_request.asked.clone().map(|(name, id)| (name.to_string(), id)).unwrap_or_default();
    HttpOperation::Call { name, id, body }
}
