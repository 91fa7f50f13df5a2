//! What hosts a channel's machine: it loads it, asks it, and applies what it wants done, in order. It decides nothing.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::{Rc, Weak};

use wasm_bindgen::prelude::*;
use worker::Env;
use worker::js_sys::{JsString, Promise};
use worker::web_sys::WebSocket;
use worker::worker_sys::{DurableObjectState, DurableObjectStorage, WebSocketRequestResponsePair};

use super::clock::now;
use super::code::Platform;
use super::env::{Deployment, deployment};
use super::log;
use super::socket::{self, Sockets};
use super::sql::Database;
use super::timer::Timer;
use super::trouble::Trouble;
use super::waiting::Waiting;
use crate::door::Reply;
use dormouse_core::channel::{self, ChannelMachine, Effects, Turn, Unreadable};
use dormouse_core::contract::Application;
use dormouse_core::effect::{AskerKey, Effect};
use dormouse_core::grant::{Keys, Verifier};
use dormouse_core::storage::SqlStorage;
use dormouse_protocol::name::{ChannelName, Millis};

/// When an alarm fires again that found the deployment configured wrongly, or the platform in trouble, in milliseconds.
const ALARM_LATER: Millis = 300_000;

/// One object of the application `A`, asleep or awake.
pub struct Host<A> {
    pub(super) ctx: DurableObjectState,
    pub(super) env: Env,
    awake: RefCell<Option<Awake>>,
    timer: Timer,
    pub(super) asked: Cell<u32>,
    /// Itself, for what goes on after the event that began it.
    this: Weak<Self>,
    application: PhantomData<A>,
}

/// What an object has in memory while it is awake.
pub(super) struct Awake {
    pub(super) sockets: Sockets,
    pub(super) waiting: HashMap<AskerKey, Waiting>,
    deployment: Rc<Deployment>,
    name: ChannelName,
    channel: ChannelMachine,
    storage: SqlStorage<Database>,
    platform: Platform,
}

impl<A: Application + 'static> Host<A> {
    /// A host that is asleep: nothing is loaded before the first event, since a constructor that fails would drop
    /// every socket of the object.
    pub fn new(ctx: DurableObjectState, env: Env) -> Rc<Self> {
        Rc::new_cyclic(|host: &Weak<Self>| {
            let weak = Weak::clone(host);
            let fired = move || {
                if let Some(host) = weak.upgrade() {
                    host.timer_fired();
                }
            };
            let (awake, asked) = (RefCell::new(None), Cell::new(0));
            let timer = Timer::new(fired, &ctx);
            Self { ctx, env, awake, timer, asked, this: Weak::clone(host), application: PhantomData }
        })
    }

    /// A frame. It must not wait for anything: two frames of one socket would overtake each other.
    pub fn message(&self, socket: &WebSocket, message: &JsValue) {
        let mut awake = match self.awake() {
            Ok(awake) => awake,
            // Once is enough: it may go on sending after it was closed.
            Err(_) if socket.ready_state() != WebSocket::OPEN => return,
            Err(trouble) => return self.give_up(socket, &trouble),
        };
        let Some(session) = awake.sockets.session(socket) else { return };
        let frame = text_of(message, awake.deployment.frame_bytes());
        let effects = awake.turn(|channel, turn| match frame {
            Ok(text) => channel.receive(turn, session, &text),
            Err(what) => channel.receive_unreadable(turn, session, what),
        });
        self.apply(&mut awake, effects);
    }

    /// A socket that has ended; `clean` with a close frame of the client's own.
    pub fn close(&self, socket: &WebSocket, code: u16, reason: &str, clean: bool) {
        let mut awake = match self.awake() {
            Ok(awake) => awake,
            Err(trouble) => return self.give_up(socket, &trouble),
        };
        let answered = awake.sockets.answer_close(socket, answer_to(code), if clean { reason } else { "" });
        awake.heed(answered);
        let Some(session) = awake.sockets.session(socket) else { return };
        let effects = awake.turn(|channel, turn| channel.close(turn, session, clean));
        self.apply(&mut awake, effects);
        let dropped = awake.sockets.drop(session);
        awake.heed(dropped);
    }

    /// The alarm. It never fails: one that did six times would be given up by the platform for good.
    pub fn alarm(&self) {
        let done = match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|channel, turn| channel.alarm(turn));
                self.apply(&mut awake, effects);
                Ok(())
            }
            Err(Trouble::NoChannel) => self.retire(),
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = done {
            trouble.report(self.name().as_ref());
            let later = now().saturating_add(ALARM_LATER);
            let set = self.ctx.storage().and_then(|storage| set_alarm(&storage, later));
            if let Err(thrown) = set {
                Trouble::from(thrown).report(self.name().as_ref());
            }
        }
    }

    /// The alarm of a channel that no pattern of the contract fits any more.
    fn retire(&self) -> Result<(), Trouble> {
        let name = self.name().ok_or(Trouble::NoChannel)?;
        let storage = self.ctx.storage()?;
        let open = self.ctx.get_websockets()?.len();
        for effect in channel::retire(&mut SqlStorage::new(Database::of(&storage)?), now(), &name, open) {
            match effect {
                Effect::Alarm { at } => set_alarm(&storage, at)?,
                Effect::Log(line) => log::write(&line),
                _ => {}
            }
        }
        Ok(())
    }

    fn timer_fired(&self) {
        match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|channel, turn| channel.timer(turn));
                self.apply(&mut awake, effects);
            }
            Err(trouble) => {
                trouble.report(self.name().as_ref());
            }
        }
    }

    /// Applies effects in their order. One that fails is logged, and the rest goes on.
    pub(super) fn apply(&self, awake: &mut Awake, effects: Effects) {
        for effect in effects {
            let applied = self.apply_one(awake, effect);
            awake.heed(applied);
        }
    }

    fn apply_one(&self, awake: &mut Awake, effect: Effect) -> Result<(), JsValue> {
        let sockets = &awake.sockets;
        match effect {
            Effect::Tell { session, text } => sockets.tell(session, &text)?,
            Effect::TellMany { sessions, text } => sockets.tell_many(&sessions, &text)?,
            Effect::Broadcast { subscription, except, text } => sockets.broadcast(subscription, &except, &text)?,
            Effect::Subscribe { session, subscription } => sockets.subscribe(session, subscription)?,
            Effect::SubscribeAll { subscription } => sockets.subscribe_all(&subscription)?,
            Effect::SaveAttachment { session, attachment } => sockets.save_attachment(session, &attachment)?,
            Effect::HangUp { session, code, reason } => sockets.hang_up(session, code, reason)?,
            Effect::Drop { session } => sockets.drop(session)?,
            Effect::Answer { asker, status, body, retry_after } => {
                if let Some(waiting) = awake.waiting.remove(&asker) {
                    waiting.answer(Reply::json(status, body).after(retry_after))?;
                }
            }
            Effect::Job(job) => {
                if let Some(this) = self.this.upgrade() {
                    this.run_job(job)?;
                }
            }
            Effect::Timer { after } => self.timer.set(after)?,
            Effect::Breathe => breathe(&self.ctx)?,
            Effect::Alarm { at } => set_alarm(&self.ctx.storage()?, at)?,
            Effect::Log(line) => log::write(&line),
        }
        Ok(())
    }

    /// The machine, awake: woken now if it slept.
    pub(super) fn awake(&self) -> Result<RefMut<'_, Awake>, Trouble> {
        let busy = || Trouble::Platform("the object is in the middle of another turn".to_owned());
        let mut slot = self.awake.try_borrow_mut().map_err(|_| busy())?;
        if slot.is_none() {
            *slot = Some(self.wake()?);
        }
        RefMut::filter_map(slot, Option::as_mut).map_err(|_| busy())
    }

    fn wake(&self) -> Result<Awake, Trouble> {
        let deployment = deployment::<A>(&self.env).map_err(Trouble::Mistakes)?;
        let name = self.name().ok_or(Trouble::NoChannel)?;
        let rules = Rc::clone(deployment.contract.rules(&name).ok_or(Trouble::NoChannel)?);
        self.ctx.set_websocket_auto_response(&WebSocketRequestResponsePair::new("ping", "pong")?)?;
        let storage = SqlStorage::new(Database::of(&self.ctx.storage()?)?);
        let sockets = Sockets::new(&self.ctx)?;
        let heads = sockets.wake()?;
        let verifier: Rc<dyn Verifier> = Rc::<Keys>::clone(&deployment.config.keys);
        let limits = deployment.config.limits.clone();
        let channel = ChannelMachine::restore(name.clone(), rules, limits, verifier, heads);
        let platform = Platform::of(&self.ctx, &sockets)?;
        Ok(Awake { deployment, name, channel, storage, platform, sockets, waiting: HashMap::new() })
    }

    /// The channel that this object is, by the name it was found by.
    pub(super) fn name(&self) -> Option<ChannelName> {
        ChannelName::parse(&self.ctx.id().ok()?.name()?)
    }

    /// Ends a socket of an object that cannot wake: what it wants cannot be done, and silence would look like success.
    fn give_up(&self, socket: &WebSocket, trouble: &Trouble) {
        trouble.report(self.name().as_ref());
        // 1011 has a client back off and come back (rule R3). A socket that is closing already throws, to no harm.
        let _ = socket.close_with_code_and_reason(1011, "internal");
    }
}

impl Awake {
    /// Asks the machine, and answers what it wants done.
    pub(super) fn turn<T>(&mut self, ask: impl FnOnce(&mut ChannelMachine, &mut Turn<'_>) -> T) -> T {
        let mut turn =
            Turn { now: now(), storage: &mut self.storage, links: &self.sockets, surroundings: &self.platform };
        ask(&mut self.channel, &mut turn)
    }

    /// Logs what an effect threw: the rest of its turn goes on.
    pub(super) fn heed(&self, outcome: Result<(), JsValue>) {
        if let Err(thrown) = outcome {
            Trouble::from(thrown).report(Some(&self.name));
        }
    }
}

/// Copies a frame into wasm's memory, which never shrinks, only when its length allows it.
fn text_of(message: &JsValue, frame_bytes: u32) -> Result<String, Unreadable> {
    const CLOSES: u64 = 1024 * 1024;
    let Some(text) = message.dyn_ref::<JsString>() else { return Err(Unreadable::Binary) };
    // A UTF-16 unit is one to three bytes of UTF-8.
    let units = u64::from(text.length());
    if units > u64::from(frame_bytes) {
        let closes =
            units > CLOSES || (units > CLOSES / 3 && socket::utf8_length(text).is_ok_and(|bytes| bytes > CLOSES));
        return Err(Unreadable::TooLarge { closes });
    }
    if !is_well_formed(text) {
        return Err(Unreadable::NotUnicode);
    }
    Ok(text.into())
}

/// The code that answers a close: what was never on the wire may not be sent either. To one that did not close and
/// may still hear, as when only its own direction broke, the answer is one that has it come back (rule R3).
const fn answer_to(code: u16) -> u16 {
    match code {
        1006 => 1001,
        1004 | 1005 | 1015 | 0..=999 | 5000.. => 1000,
        _ => code,
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
fn set_alarm(storage: &DurableObjectStorage, at: Millis) -> Result<(), JsValue> {
    // The promise tells only that the write is durable, and the output gate holds what is said until it is.
    storage.unchecked_ref::<Alarms>().set_alarm(at as f64).map(|_promise| ())
}

#[wasm_bindgen]
extern "C" {
    type Alarms;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Alarms, at: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(extends = JsString)]
    type Text;
    #[wasm_bindgen(method, catch, js_name = isWellFormed)]
    fn is_well_formed_text(this: &Text) -> Result<bool, JsValue>;
}

#[wasm_bindgen(module = "/src/shell/breath.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn breathe(ctx: &DurableObjectState) -> Result<(), JsValue>;
}

fn is_well_formed(text: &JsString) -> bool {
    text.unchecked_ref::<Text>().is_well_formed_text().unwrap_or(false)
}
