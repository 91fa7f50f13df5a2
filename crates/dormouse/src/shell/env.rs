//! What the deployment says: variables, secrets and bindings, parsed once an isolate.

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::Env;
use worker::js_sys::Reflect;

use super::log;
use super::stub::RELAYS;
use crate::config::Config;
use crate::door::{Counter, Door};
use dormouse_core::contract::{Application, Contract};
use dormouse_core::effect::{Level, LogLine};

/// What all requests and objects of an isolate share: the variables are the same for each.
pub struct Deployment {
    pub(crate) config: Rc<Config>,
    pub(crate) contract: Rc<Contract>,
    pub(crate) door: Door,
    /// Whether the deployment has counters.
    pub(crate) counts: bool,
}

impl Deployment {
    /// The most bytes of a frame, or of a body.
    pub(crate) fn frame_bytes(&self) -> u32 {
        u32::try_from(self.config.limits.frame_bytes).unwrap_or(u32::MAX)
    }
}

/// The mistakes in configuration or contract, one sentence each, for whoever deploys.
pub(crate) type Mistakes = Rc<[String]>;

thread_local! {
    static DEPLOYMENT: OnceCell<Result<Rc<Deployment>, Mistakes>> = const { OnceCell::new() };
}

/// The deployment, read from its variables once, or what is wrong with them.
pub(crate) fn deployment<A: Application>(env: &Env) -> Result<Rc<Deployment>, Mistakes> {
    DEPLOYMENT.with(|cell| cell.get_or_init(|| read_deployment::<A>(env).map(Rc::new).map_err(Into::into)).clone())
}

/// The deployment, where it was read already.
pub(crate) fn known_deployment() -> Option<Rc<Deployment>> {
    DEPLOYMENT.with(|cell| cell.get()?.as_ref().ok().map(Rc::clone))
}

fn read_deployment<A: Application>(env: &Env) -> Result<Deployment, Vec<String>> {
    let contract =
        A::contract().check_declarations().map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect());
    let config = Config::parse(|name| binding(env, name)?.as_string());
    let (contract, config) = match (contract, config) {
        (Ok(contract), Ok(config)) => (Rc::new(contract), Rc::new(config)),
        (contract, config) => return Err([contract.err(), config.err()].into_iter().flatten().flatten().collect()),
    };
    for told in config.keys.passed_over() {
        let line = LogLine { detail: Some(told.clone()), ..LogLine::new(Level::Warn, "setting") };
        if config.logs(&line) {
            log::write(&line);
        }
    }
    let door = Door::new(Rc::clone(&config), Rc::clone(&contract), binding(env, RELAYS).is_some());
    let counts = Counter::ALL.iter().any(|counter| binding(env, counter.binding()).is_some());
    Ok(Deployment { config, contract, door, counts })
}

/// A binding of the deployment; `None` where it is missing.
pub(crate) fn binding(env: &Env, name: &str) -> Option<JsValue> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}
