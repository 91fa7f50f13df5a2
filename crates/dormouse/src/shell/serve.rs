//! Requests that came to an object, as far as they are the same for every kind: whose they are, and how a socket that was
//! let in is opened.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::web_sys::{Request, Response};

use super::env::deployment;
use super::guest::Guest;
use super::host::{Awake, Host};
use super::http::{respond, switched, with_call};
use super::random;
use super::trouble::{self, Trouble};
use crate::door::{Visitor, is_exchange, passed_back};
use dormouse_core::channel::Effects;
use dormouse_core::effect::{Effect, SessionKey};

impl<G: Guest> Host<G> {
    /// A request of another object, or one that the Worker handed on: a response, or a promise of one where it has to
    /// wait.
    pub fn fetch(self: Rc<Self>, request: Request) -> Result<JsValue, JsValue> {
        match self.serve(request) {
            Ok(answer) => Ok(answer),
            Err(trouble) => Ok(respond(self.report(&trouble))?.into()),
        }
    }

    fn serve(self: &Rc<Self>, request: Request) -> Result<JsValue, Trouble> {
        let deployment = deployment::<G::App>(&self.env).map_err(Trouble::Mistakes)?;
        match with_call(&request, |call| (!is_exchange(call)).then(|| deployment.door.route(call))) {
            None => self.serve_call(request),
            Some(decision) => G::serve(self, deployment, request, decision),
        }
    }

    /// Has a session that was let in carried by a socket; one that was not is passed back with what it is to hear.
    pub(super) fn open(
        &self,
        awake: &mut Awake<G>,
        let_in: (SessionKey, Effects),
        protocol: Option<&'static str>,
        visitor: &impl Visitor,
    ) -> Result<Response, Trouble> {
        let (session, mut effects) = let_in;
        if let Some(bye) = take_bye(&mut effects, session) {
            self.apply(awake, effects);
            return Ok(respond(passed_back(bye, protocol))?);
        }
        let opened = awake.sockets.open(session);
        self.apply(awake, effects);
        let thrown = match opened {
            Ok(client) => return Ok(switched(&client, protocol)?),
            Err(thrown) => thrown,
        };
        let effects = awake.turn(|guest, turn| guest.close(turn, session, true));
        self.apply(awake, effects);
        Ok(trouble::pass_back(visitor.unreachable(true, &random::trouble_id(), &trouble::text(&thrown)))?)
    }
}

/// What a joiner that is refused was to hear before its end, taken out of what is to be done: it has no socket here.
fn take_bye(effects: &mut Effects, session: SessionKey) -> Option<String> {
    let ends = |effect: &Effect| matches!(effect, Effect::HangUp { session: whose, .. } if *whose == session);
    if !effects.iter().any(ends) {
        return None;
    }
    effects.retain(|effect| !ends(effect));
    let told = |effect: &mut Effect| matches!(effect, Effect::Tell { session: whose, .. } if *whose == session);
    effects.extract_if(.., told).find_map(|effect| match effect {
        Effect::Tell { text, .. } => Some(text),
        _ => None,
    })
}
