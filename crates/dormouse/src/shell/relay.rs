//! An object that is a relay: it holds connections of many channels each (rule E8).

use std::marker::PhantomData;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::web_sys::{Request, Response};

use super::clock::now;
use super::env::Deployment;
use super::guest::{Guest, Waking};
use super::host::{Awake, Host};
use super::http::{self, respond};
use super::memory::Memory;
use super::random;
use super::stub::CHANNELS;
use super::timer::Lost;
use super::trouble::{self, Trouble};
use crate::door::{ConnectRequest, Decision, Visitor as _, full};
use dormouse_core::channel::{Effects, Turn, Unreadable};
use dormouse_core::contract::Application;
use dormouse_core::effect::{Effect, SessionKey};
use dormouse_core::grant::{Keys, Verifier};
use dormouse_core::relay::{Connecting, RelayConfig, RelayMachine};
use dormouse_protocol::name::ChannelName;

/// A relay of the application `A`, awake.
pub struct Relay<A> {
    machine: RelayMachine,
    memory: Memory,
    application: PhantomData<A>,
}

impl<A: Application + 'static> Guest for Relay<A> {
    type App = A;

    const CALLS: &'static str = CHANNELS;
    /// The machine is told that its memory was lost, and which of its members missed anything it knows better.
    const LOST: Lost = Lost::Wake;

    fn wake(waking: &Waking<'_>) -> Result<Self, Trouble> {
        let Waking { deployment, sockets, .. } = waking;
        let memory = Memory::of(waking.ctx)?;
        let attachments = sockets.wake_whole()?;
        let verifier: Rc<dyn Verifier> = Rc::<Keys>::clone(&deployment.config.keys);
        let config = RelayConfig {
            name: waking.name.to_owned(),
            contract: Rc::clone(&deployment.contract),
            limits: deployment.config.limits.clone(),
            verifier,
        };
        let machine = RelayMachine::restore(config, attachments, memory.was_clean());
        Ok(Self { machine, memory, application: PhantomData })
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
        self.machine.called(turn, body)
    }

    fn answered(&mut self, turn: &mut Turn<'_>, name: &str, answer: Option<&str>) -> Effects {
        let channel = ChannelName::parse(name);
        channel.map(|channel| self.machine.answered(turn, &channel, answer)).unwrap_or_default()
    }

    fn timer(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.machine.timer(turn)
    }

    fn alarm(&mut self, turn: &mut Turn<'_>) -> Effects {
        self.machine.alarm(turn)
    }

    fn turned(&mut self) -> Result<(), JsValue> {
        self.memory.note(self.machine.is_clean())
    }

    fn serve(
        host: &Rc<Host<Self>>,
        deployment: Rc<Deployment>,
        _request: Request,
        decision: Decision,
    ) -> Result<JsValue, Trouble> {
        match decision {
            Decision::Connect(connect_request) => Ok(host.connect(&deployment, &connect_request)?.into()),
            refused => Ok(http::pass_back(refused)?.into()),
        }
    }

    fn apply(_host: &Host<Self>, _awake: &mut Awake<Self>, _effect: Effect) -> Result<(), JsValue> {
        Ok(())
    }

    fn channel(_name: String) -> Option<String> {
        None
    }
}

impl<A: Application + 'static> Host<Relay<A>> {
    /// Takes a connection in, and verifies its token: that the Worker has done so is nothing that it could tell.
    fn connect(&self, deployment: &Deployment, connect_request: &ConnectRequest) -> Result<Response, Trouble> {
        let mut awake = self.awake()?;
        if awake.sockets.count()? >= deployment.config.limits.relay_connections {
            return Ok(respond(full())?);
        }
        let claims = match connect_request.admit(&deployment.config.keys, now()) {
            Ok(claims) => claims,
            Err(refused) => return Ok(trouble::pass_back(*refused)?),
        };
        let fresh = random::fresh().ok_or_else(|| Trouble::Platform("there is no randomness".to_owned()))?;
        let connecting = Connecting { claims, address: connect_request.caller().address() };
        let let_in = awake.turn(|guest, turn| guest.machine.connect(turn, fresh, connecting));
        self.open(&mut awake, let_in, connect_request.protocol, connect_request)
    }
}
