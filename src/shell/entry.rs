//! The Worker: everything that can be decided before an object wakes, then the way to the object.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::js_sys::{Date, Object, Reflect};
use worker::web_sys::{Request, Response};
use worker::worker_sys::{DurableObject, RateLimiter};
use worker::{Context, Env, event};

use super::App;
use super::env::{Ground, binding, ground};
use super::http::{self, Body, respond, with_call};
use super::{random, trouble};
use crate::door::{Decision, DevTokens, Place, Refused, Visitor, place};

/// Every request of the deployment comes in here.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let ground = match ground::<App>(&env) {
        Ok(ground) => ground,
        Err(mistakes) => return Ok(respond(trouble::misconfigured(&mistakes))?.into()),
    };
    match with_call(&request, |call| ground.door.knock(call)) {
        Decision::Channel(visitor) => visit(&ground, &env, &request, &visitor).await,
        Decision::DevToken(tokens) => mint(&ground, &request, &tokens).await,
        Decision::Assets => assets(&env, &request).await,
        settled @ (Decision::Answer(_) | Decision::TurnAway(_)) => Ok(http::settle(settled)?.into()),
    }
}

/// Counts a visitor, admits it and hands its request on as it is: the object verifies again for itself.
async fn visit(ground: &Ground, env: &Env, request: &Request, visitor: &Visitor) -> worker::Result<Response> {
    let address = request.headers().get("CF-Connecting-IP").ok().flatten();
    if over_limit(env, "JOINS_PER_ADDRESS", visitor.counted_address(address.as_deref())).await {
        return refuse(visitor.too_often());
    }
    let grant = match visitor.admit(&ground.config.keys, now()) {
        Ok(grant) => grant,
        Err(refused) => return refuse(*refused),
    };
    if over_limit(env, "JOINS_PER_USER", visitor.counted_user(grant.as_ref())).await {
        return refuse(visitor.too_often());
    }
    match hand_over(env, request, &place(&visitor.channel, &ground.config)).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let overloaded = is(&error, "overloaded", true);
            refuse(visitor.unreachable(overloaded, &random::trouble_id(), &trouble::text(&error)))
        }
    }
}

fn refuse(refused: Refused) -> worker::Result<Response> {
    Ok(trouble::settle(refused)?.into())
}

/// Whether a key has passed its limit. A limiter that is missing or fails limits nobody: it is not what keeps a
/// channel safe, only what keeps it asleep.
async fn over_limit(env: &Env, limiter: &str, key: Option<String>) -> bool {
    let (Some(limiter), Some(key)) = (binding(env, limiter), key) else { return false };
    let asked = Object::new();
    if Reflect::set(&asked, &"key".into(), &key.into()).is_err() {
        return false;
    }
    let Ok(promise) = limiter.unchecked_into::<RateLimiter>().limit(asked) else { return false };
    JsFuture::from(promise).await.is_ok_and(|outcome| is(&outcome, "success", false))
}

async fn hand_over(env: &Env, request: &Request, place: &Place) -> Result<Response, JsValue> {
    let channels = binding(env, "CHANNELS").ok_or("the binding CHANNELS is missing")?.unchecked_into::<Namespace>();
    let channels = match place.jurisdiction {
        Some(jurisdiction) => channels.jurisdiction(jurisdiction)?,
        None => channels,
    };
    let options = Object::new();
    if let Some(hint) = place.location_hint {
        Reflect::set(&options, &"locationHint".into(), &hint.into())?;
    }
    let object = channels.get(&channels.id_from_name(&place.name)?, &options)?;
    Ok(JsFuture::from(object.fetch_with_request(request)?).await?.unchecked_into())
}

async fn mint(ground: &Ground, request: &Request, tokens: &DevTokens) -> worker::Result<Response> {
    let body = http::body(request, DevTokens::BODY_BYTES).await?;
    let text = match &body {
        Body::Text(text) => Some(text.as_str()),
        Body::TooLarge | Body::NotUtf8 => None,
    };
    Ok(respond(tokens.mint(text, &ground.config.keys, now()))?.into())
}

/// Hands a request to the static assets; they have been asked already where the deployment lets them answer first.
async fn assets(env: &Env, request: &Request) -> worker::Result<Response> {
    let Some(assets) = binding(env, "ASSETS") else {
        return Ok(respond(crate::error::Code::NotFound.into())?.into());
    };
    let promise = assets.unchecked_into::<DurableObject>().fetch_with_request(request)?;
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

fn is(value: &JsValue, field: &str, expected: bool) -> bool {
    Reflect::get(value, &field.into()).is_ok_and(|field| field.as_bool() == Some(expected))
}

/// Milliseconds since 1970, by the platform's clock.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and positive since 1970")]
pub(super) fn now() -> crate::name::Millis {
    Date::now() as crate::name::Millis
}

#[wasm_bindgen]
extern "C" {
    type Namespace;
    #[wasm_bindgen(method, catch)]
    fn jurisdiction(this: &Namespace, name: &str) -> Result<Namespace, JsValue>;
    #[wasm_bindgen(method, catch, js_name = idFromName)]
    fn id_from_name(this: &Namespace, name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, id: &JsValue, options: &Object) -> Result<DurableObject, JsValue>;
}
