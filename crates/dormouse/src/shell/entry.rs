//! The Worker: everything that can be decided before an object wakes, then the way to the object.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::LocalKey;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::Env;
use worker::js_sys::{Object, Promise, Reflect};
use worker::web_sys::{Request, Response};
use worker::worker_sys::{DurableObject, RateLimiter};

use super::clock::now;
use super::code::survive;
use super::env::{Deployment, binding, deployment, known_deployment};
use super::http::{self, reach, respond, with_call};
use super::stub::{CHANNELS, RELAYS, stub};
use super::{log, random, trouble};
use crate::door::{
    ChannelRequest, ConnectRequest, Count, Decision, DevTokens, FULL, Operation, Placement, Refused, Search, Suspects,
    Visitor, place, pool,
};
use dormouse_core::contract::Application;
use dormouse_protocol::error::Code;

/// Every request of the deployment comes in here; the answer is a response or a promise of one. What [`crate::serve!`]
/// exports, since the worker crate's export makes every answer wait for a promise of Rust's, which took a tenth of
/// what a join costs.
///
/// # Errors
/// What the platform throws.
pub fn fetch_raw<A: Application>(request: Request, env: Env) -> Result<JsValue, JsValue> {
    let deployment = match deployment::<A>(&env) {
        Ok(deployment) => deployment,
        Err(mistakes) => return Ok(respond(trouble::misconfigured(&mistakes))?.into()),
    };
    match with_call(&request, |call| deployment.door.route(call)) {
        Decision::Channel(channel_request) => visit(deployment, env, request, channel_request),
        Decision::Connect(connect_request) => {
            Ok(survive(&future_to_promise(connect(deployment, env, request, connect_request)))?.into())
        }
        Decision::DevToken(tokens) => Ok(future_to_promise(mint(deployment, request, tokens)).into()),
        Decision::Assets => assets(&env, &request),
        Decision::Refused(refused) => refuse(*refused),
        settled @ (Decision::Answer(_) | Decision::RejectedUpgrade(_) | Decision::Misconfigured(_)) => {
            Ok(http::respond_decided(settled)?.into())
        }
    }
}

/// The same for a Worker with routes of its own, in the words of the worker crate.
///
/// # Errors
/// What the platform throws.
pub async fn fetch<A: Application>(request: worker::Request, env: Env) -> worker::Result<worker::Response> {
    let answered = fetch_raw::<A>(request.inner().clone()?, env)?;
    let response = JsFuture::from(Promise::resolve(&answered)).await?;
    Ok(response.dyn_into::<Response>()?.into())
}

/// Lets a request in and hands it on: the object verifies again for itself.
fn visit(
    deployment: Rc<Deployment>,
    env: Env,
    request: Request,
    channel_request: ChannelRequest,
) -> Result<JsValue, JsValue> {
    if deployment.counts || matches!(channel_request.operation, Operation::Publish | Operation::Call) {
        return Ok(survive(&future_to_promise(receive(deployment, env, request, channel_request)))?.into());
    }
    match channel_request.admit_noting(&deployment.config.keys, now(), log::write) {
        Ok(_grant) => hand_over(&deployment, &env, &request, &channel_request),
        Err(refused) => refuse(*refused),
    }
}

/// The same for one that is counted, or has a body to be read before an object wakes for it.
async fn receive(
    deployment: Rc<Deployment>,
    env: Env,
    request: Request,
    channel_request: ChannelRequest,
) -> Result<JsValue, JsValue> {
    if let Err(refused) = let_in(&deployment, &env, &channel_request).await {
        return refuse(*refused);
    }
    let request = match channel_request.operation {
        Operation::Publish | Operation::Call => {
            match http::whole(&request, deployment.frame_bytes(), deployment.config.limits.body_ms).await? {
                Ok(request) => request,
                Err(unread) => return refuse(channel_request.unread(unread)),
            }
        }
        Operation::Join { .. } | Operation::Members | Operation::Messages | Operation::Meter => request,
    };
    JsFuture::from(Promise::resolve(&hand_over(&deployment, &env, &request, &channel_request)?)).await
}

/// Hands a connection for many channels to the first relay of its pool that has room.
async fn connect(
    deployment: Rc<Deployment>,
    env: Env,
    request: Request,
    connect_request: ConnectRequest,
) -> Result<JsValue, JsValue> {
    let claims = match let_in(&deployment, &env, &connect_request).await {
        Ok(claims) => claims,
        Err(refused) => return refuse(*refused),
    };
    let pool = pool(claims.as_ref());
    let mut search =
        ask(&PLACEMENT, |placement| placement.search(pool, now())).unwrap_or_else(|| Search::from_first(pool));
    while let Some(relay) = search.next() {
        let answered = match stub(&env, RELAYS, &place(&relay, &deployment.config))
            .and_then(|relay| reach_in(&relay, &request, &env))
        {
            Ok(answered) => answered,
            Err(error) => return unreachable(&connect_request, &error),
        };
        let response: Response = JsFuture::from(answered).await?.dyn_into()?;
        if !response.headers().has(FULL)? {
            let _ = ask(&PLACEMENT, |placement| placement.note(&search, now()));
            return Ok(response.into());
        }
    }
    let _ = ask(&PLACEMENT, |placement| placement.note(&search, now()));
    refuse(connect_request.no_room(pool))
}

/// Counts a request that wants an object, and lets it in.
async fn let_in<V: Visitor>(
    deployment: &Deployment,
    env: &Env,
    visitor: &V,
) -> Result<Option<V::Admitted>, Box<Refused>> {
    let counted = ask(&SUSPECTS, |suspects| visitor.counted_address(suspects, now())).flatten();
    if let Some(count) = over_limit(env, counted).await {
        return Err(Box::new(visitor.too_often(&count)));
    }
    let admitted = visitor.admit_noting(&deployment.config.keys, now(), log::write).inspect_err(|refused| {
        let _ = ask(&SUSPECTS, |suspects| visitor.suspect(refused, suspects, now()));
    })?;
    match over_limit(env, visitor.counted_user(admitted.as_ref())).await {
        Some(count) => Err(Box::new(visitor.too_often(&count))),
        None => Ok(admitted),
    }
}

fn refuse(refused: Refused) -> Result<JsValue, JsValue> {
    Ok(trouble::respond_refused(refused)?.into())
}

thread_local! {
    /// The addresses that this isolate suspects.
    static SUSPECTS: RefCell<Suspects> = const { RefCell::new(Suspects::new()) };
    /// Where relays have room, as far as this isolate knows.
    static PLACEMENT: RefCell<Placement> = const { RefCell::new(Placement::new()) };
}

/// Asks what the requests of an isolate know together.
fn ask<S, T>(shared: &'static LocalKey<RefCell<S>>, ask: impl FnOnce(&mut S) -> T) -> Option<T> {
    shared.with(|shared| shared.try_borrow_mut().ok().map(|mut shared| ask(&mut shared)))
}

/// The count that has passed its limit, if it has. A counter that is missing or fails limits nobody: it is not what keeps a
/// channel safe, only what keeps it asleep.
async fn over_limit(env: &Env, count: Option<Count>) -> Option<Count> {
    let count = count?;
    let limiter = binding(env, count.counter.binding())?;
    let asked = Object::new();
    Reflect::set(&asked, &"key".into(), &count.key.as_str().into()).ok()?;
    let promise = limiter.unchecked_into::<RateLimiter>().limit(asked).ok()?;
    let over = JsFuture::from(promise).await.is_ok_and(|outcome| is(&outcome, "success", false));
    over.then_some(count)
}

fn hand_over(
    deployment: &Deployment,
    env: &Env,
    request: &Request,
    channel_request: &ChannelRequest,
) -> Result<JsValue, JsValue> {
    let reached = stub(env, CHANNELS, &place(channel_request.channel.as_str(), &deployment.config))
        .and_then(|object| reach_in(&object, request, env));
    reached.map_or_else(|error| unreachable(channel_request, &error), |response| Ok(response.into()))
}

fn reach_in(object: &DurableObject, request: &Request, env: &Env) -> Result<Promise, JsValue> {
    FAILED.with(|failed| reach(object, request, env, failed.as_ref()))
}

thread_local! {
    /// Answers a request whose object failed. One for all requests, since a closure for each costs each of them.
    static FAILED: Closure<dyn Fn(Request, Env, JsValue) -> Result<JsValue, JsValue>> = Closure::new(failed);
}

#[expect(clippy::needless_pass_by_value, reason = "a closure that JavaScript calls is handed values")]
fn failed(request: Request, _env: Env, error: JsValue) -> Result<JsValue, JsValue> {
    let deployment = known_deployment().ok_or_else(|| error.clone())?;
    match with_call(&request, |call| deployment.door.route(call)) {
        Decision::Channel(channel_request) => unreachable(&channel_request, &error),
        Decision::Connect(connect_request) => unreachable(&connect_request, &error),
        settled => Ok(http::respond_decided(settled)?.into()),
    }
}

fn unreachable(visitor: &impl Visitor, error: &JsValue) -> Result<JsValue, JsValue> {
    let overloaded = is(error, "overloaded", true);
    refuse(visitor.unreachable(overloaded, &random::trouble_id(), &trouble::text(error)))
}

async fn mint(deployment: Rc<Deployment>, request: Request, tokens: DevTokens) -> Result<JsValue, JsValue> {
    let body = http::body(&request, DevTokens::BODY_BYTES, deployment.config.limits.body_ms).await?;
    let text = body.as_ref().map(String::as_str).map_err(|unread| *unread);
    let reply = tokens.mint(text, &deployment.config.keys, now());
    reply.line().iter().for_each(log::write);
    Ok(respond(reply)?.into())
}

/// Hands a request to the static assets; they have been asked already where the deployment lets them answer first.
fn assets(env: &Env, request: &Request) -> Result<JsValue, JsValue> {
    match binding(env, "ASSETS") {
        Some(assets) => Ok(assets.unchecked_into::<DurableObject>().fetch_with_request(request)?.into()),
        None => Ok(respond(Code::NotFound.into())?.into()),
    }
}

fn is(value: &JsValue, field: &str, expected: bool) -> bool {
    Reflect::get(value, &field.into()).is_ok_and(|field| field.as_bool() == Some(expected))
}
