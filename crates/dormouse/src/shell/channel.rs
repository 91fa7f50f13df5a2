//! An object that is a channel.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::web_sys::Request;

use super::clock::now;
use super::env::Deployment;
use super::guest::{Guest, Waking};
use super::host::{Awake, Host, set_alarm};
use super::log;
use super::sql::Database;
use super::stub::RELAYS;
use super::timer::Lost;
use super::trouble::Trouble;
use super::waiting::Waiting;
use crate::door::{Decision, Reply};
use dormouse_core::channel::{self, ChannelMachine, Effects, Turn, Unreadable};
use dormouse_core::contract::Application;
use dormouse_core::effect::{AskerKey, Effect, SessionKey};
use dormouse_core::grant::{Keys, Verifier};
use dormouse_core::storage::SqlStorage;
use dormouse_protocol::name::ChannelName;

/// A channel of the application `A`, awake.
pub struct Channel<A> {
    pub(super) machine: ChannelMachine,
    pub(super) waiting: HashMap<AskerKey, Waiting>,
    pub(super) asked: u32,
    application: PhantomData<A>,
}

impl<A: Application + 'static> Guest for Channel<A> {
    type App = A;

    const CALLS: &'static str = RELAYS;
    /// Whoever waits comes back, and sends again.
    const LOST: Lost = Lost::Restart;

    fn wake(waking: &Waking<'_>) -> Result<Self, Trouble> {
        let Waking { deployment, sockets, .. } = waking;
        let name = ChannelName::parse(waking.name).ok_or(Trouble::NoChannel)?;
        let rules = Rc::clone(deployment.contract.rules(&name).ok_or(Trouble::NoChannel)?);
        let heads = sockets.wake()?;
        let verifier: Rc<dyn Verifier> = Rc::<Keys>::clone(&deployment.config.keys);
        let limits = deployment.config.limits.clone();
        let machine = ChannelMachine::restore(name, rules, limits, verifier, heads);
        Ok(Self { machine, waiting: HashMap::new(), asked: 0, application: PhantomData })
    }

    fn receive(&mut self, turn: &mut Turn<'_>, session: SessionKey, frame: Result<&str, Unreadable>) -> Effects {
        match frame {
            Ok(text) => self.machine.receive(turn, session, text),
            Err(what) => self.machine.receive_unreadable(turn, session, what),
        }
    }

    fn close(&mut self, turn: &mut Turn<'_>, session: SessionKey, clean: bool) -> Effects {
        self.machine.close(turn, session, clean)
    }

    fn called(&mut self, turn: &mut Turn<'_>, body: &str) -> (String, Effects) {
        self.machine.relay_called(turn, body)
    }

    fn answered(&mut self, turn: &mut Turn<'_>, name: &str, answer: Option<&str>) -> Effects {
        self.machine.relay_answered(turn, name, answer)
    }

    fn timer(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.machine.timer(turn)
    }

    fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.machine.alarm(turn)
    }

    fn serve(
        host: &Rc<Host<Self>>,
        deployment: Rc<Deployment>,
        request: Request,
        decision: Decision,
    ) -> Result<JsValue, Trouble> {
        host.serve_channel(deployment, request, decision)
    }

    fn apply(host: &Host<Self>, awake: &mut Awake<Self>, effect: Effect) -> Result<(), JsValue> {
        match effect {
            Effect::Answer { asker, status, body, retry_after } => {
                if let Some(waiting) = awake.guest.waiting.remove(&asker) {
                    waiting.answer(Reply::json(status, body).after(retry_after))?;
                }
            }
            Effect::Job(job) => {
                if let Some(host) = host.itself() {
                    host.run_job(job)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The alarm of a channel that no pattern of the contract fits any more.
    fn retire(host: &Host<Self>) -> Result<(), Trouble> {
        let name = host.name().and_then(|name| ChannelName::parse(&name)).ok_or(Trouble::NoChannel)?;
        let storage = host.ctx.storage()?;
        let open = host.ctx.get_websockets()?.len();
        for effect in channel::retire(&mut SqlStorage::new(Database::of(&storage)?), now(), &name, open) {
            match effect {
                Effect::Alarm { at } => set_alarm(&storage, at)?,
                Effect::Log(line) => log::write(&line),
                _ => {}
            }
        }
        Ok(())
    }

    fn channel(name: String) -> Option<String> {
        ChannelName::parse(&name).map(|_| name)
    }
}
