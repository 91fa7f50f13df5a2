//! What an object can be: a channel, or a relay.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::web_sys::Request;
use worker::worker_sys::DurableObjectState;

use super::env::Deployment;
use super::host::{Awake, Host};
use super::socket::Sockets;
use super::timer::Lost;
use super::trouble::Trouble;
use crate::door::Decision;
use dormouse_core::channel::{Effects, Turn, Unreadable};
use dormouse_core::contract::Application;
use dormouse_core::effect::{Effect, SessionKey};

/// A machine as a host knows it: what happens to it, and what only its kind wants done.
pub trait Guest: Sized + 'static {
    /// Whose contract and code it runs.
    type App: Application;

    /// The binding of the objects that it calls.
    const CALLS: &'static str;

    /// What is done where all memory was lost that a timer, or a call, would have come back to.
    const LOST: Lost;

    /// The machine as it wakes, by the object's name, with the sockets that stayed open.
    fn wake(waking: &Waking<'_>) -> Result<Self, Trouble>;

    /// A frame came in, or one that is refused unread.
    fn receive(&mut self, turn: &mut Turn<'_>, session: SessionKey, frame: Result<&str, Unreadable>) -> Effects;

    /// A session's socket has ended.
    fn close(&mut self, turn: &mut Turn<'_>, session: SessionKey, clean: bool) -> Effects;

    /// Another object calls: the answer, and what to do.
    fn called(&mut self, turn: &mut Turn<'_>, body: &str) -> (String, Effects);

    /// What the object of a name answered to a call; `None` where the call failed.
    fn answered(&mut self, turn: &mut Turn<'_>, name: &str, answer: Option<&str>) -> Effects;

    /// The timer fired.
    fn timer(&mut self, turn: &mut Turn<'_>) -> Effects;

    /// The alarm fired.
    fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects;

    /// A turn has come to its end.
    fn turned(&mut self) -> Result<(), JsValue> {
        Ok(())
    }

    /// A request that the Worker handed on: a response, or a promise of one.
    fn serve(
        host: &Rc<Host<Self>>,
        deployment: Rc<Deployment>,
        request: Request,
        decision: Decision,
    ) -> Result<JsValue, Trouble>;

    /// What only this kind wants done.
    fn apply(host: &Host<Self>, awake: &mut Awake<Self>, effect: Effect) -> Result<(), JsValue>;

    /// The alarm of an object whose machine is in the contract no more.
    fn retire(_host: &Host<Self>) -> Result<(), Trouble> {
        Err(Trouble::NoChannel)
    }

    /// The channel that the log names, where the object is one.
    fn channel(name: String) -> Option<String>;
}

/// What a machine wakes with.
pub struct Waking<'a> {
    pub(super) ctx: &'a DurableObjectState,
    /// The name that the object was found by.
    pub(super) name: &'a str,
    pub(super) deployment: &'a Deployment,
    pub(super) sockets: &'a Sockets,
}
