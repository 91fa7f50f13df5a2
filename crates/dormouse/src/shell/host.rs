//! What hosts the machine of a channel, or of a relay: it loads it, asks it, and applies what it wants done, in order. It decides nothing.

use std::cell::{RefCell, RefMut};
use std::rc::{Rc, Weak};

use wasm_bindgen::prelude::*;
use worker::Env;
use worker::js_sys::{JsString, Promise};
use worker::web_sys::WebSocket;
use worker::worker_sys::{DurableObjectState, DurableObjectStorage, WebSocketRequestResponsePair};

use super::clock::now;
use super::code::Platform;
use super::env::{Deployment, deployment};
use super::guest::{Guest, Waking};
use super::log;
use super::socket::{self, Sockets};
use super::sql::Database;
use super::timer::Timer;
use super::trouble::Trouble;
use crate::door::Reply;
use dormouse_core::channel::{Effects, Turn, Unreadable};
use dormouse_core::effect::Effect;
use dormouse_core::storage::SqlStorage;
use dormouse_protocol::name::Millis;

/// When an alarm fires again that found the deployment configured wrongly, or the platform in trouble, in milliseconds.
const ALARM_LATER: Millis = 300_000;

/// One object, asleep or awake.
pub struct Host<G: Guest> {
    pub(super) ctx: DurableObjectState,
    pub(super) env: Env,
    awake: RefCell<Option<Awake<G>>>,
    timer: Timer,
    /// Itself, for what goes on after the event that began it.
    this: Weak<Self>,
}

/// What an object has in memory while it is awake.
pub struct Awake<G> {
    pub(super) guest: G,
    pub(super) sockets: Sockets,
    deployment: Rc<Deployment>,
    storage: SqlStorage<Database>,
    platform: Platform,
    /// The channel's name, for the log.
    channel: Option<String>,
}

impl<G: Guest> Host<G> {
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
            let timer = Timer::new(fired, &ctx, G::LOST);
            Self { ctx, env, awake: RefCell::new(None), timer, this: Weak::clone(host) }
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
        let frame = frame.as_deref().map_err(|what| *what);
        let effects = awake.turn(|guest, turn| guest.receive(turn, session, frame));
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
        let effects = awake.turn(|guest, turn| guest.close(turn, session, clean));
        self.apply(&mut awake, effects);
        let dropped = awake.sockets.drop(session);
        awake.heed(dropped);
    }

    /// The alarm. It never fails: one that did six times would be given up by the platform for good.
    pub fn alarm(&self) {
        let done = match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|guest, turn| guest.alarm(turn));
                self.apply(&mut awake, effects);
                Ok(())
            }
            Err(Trouble::NoChannel) => G::retire(self),
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = done {
            self.report(&trouble);
            let later = now().saturating_add(ALARM_LATER);
            let set = self.ctx.storage().and_then(|storage| set_alarm(&storage, later));
            if let Err(thrown) = set {
                self.report(&Trouble::from(thrown));
            }
        }
    }

    fn timer_fired(&self) {
        match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|guest, turn| guest.timer(turn));
                self.apply(&mut awake, effects);
            }
            Err(trouble) => {
                self.report(&trouble);
            }
        }
    }

    /// Applies effects in their order. One that fails is logged, and the rest goes on.
    pub(super) fn apply(&self, awake: &mut Awake<G>, effects: Effects) {
        for effect in effects {
            let applied = self.apply_one(awake, effect);
            awake.heed(applied);
        }
    }

    fn apply_one(&self, awake: &mut Awake<G>, effect: Effect) -> Result<(), JsValue> {
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
            Effect::Timer { after } => self.timer.set(after)?,
            Effect::Breathe => breathe(&self.ctx)?,
            Effect::Alarm { at } => set_alarm(&self.ctx.storage()?, at)?,
            Effect::CallChannel { channel, body } => self.call(channel.as_str().to_owned(), body)?,
            Effect::CallRelay { relay, body } => self.call(relay, body)?,
            Effect::Log(line) => log::write(&line),
            other @ (Effect::Answer { .. } | Effect::Job(_)) => G::apply(self, awake, other)?,
        }
        Ok(())
    }

    /// The machine, awake: woken now if it slept.
    pub(super) fn awake(&self) -> Result<RefMut<'_, Awake<G>>, Trouble> {
        let busy = || Trouble::Platform("the object is in the middle of another turn".to_owned());
        let mut slot = self.awake.try_borrow_mut().map_err(|_| busy())?;
        if slot.is_none() {
            *slot = Some(self.wake()?);
        }
        RefMut::filter_map(slot, Option::as_mut).map_err(|_| busy())
    }

    fn wake(&self) -> Result<Awake<G>, Trouble> {
        let deployment = deployment::<G::App>(&self.env).map_err(Trouble::Mistakes)?;
        let name = self.name().ok_or(Trouble::NoChannel)?;
        self.ctx.set_websocket_auto_response(&WebSocketRequestResponsePair::new("ping", "pong")?)?;
        let storage = SqlStorage::new(Database::of(&self.ctx.storage()?)?);
        let sockets = Sockets::new(&self.ctx)?;
        let guest = G::wake(&Waking { ctx: &self.ctx, name: &name, deployment: &deployment, sockets: &sockets })?;
        let platform = Platform::of(&self.ctx, &sockets)?;
        Ok(Awake { guest, deployment, storage, platform, sockets, channel: G::channel(name) })
    }

    /// The name that this object was found by.
    pub(super) fn name(&self) -> Option<String> {
        self.ctx.id().ok()?.name()
    }

    /// Itself, as long as it is there.
    pub(super) fn itself(&self) -> Option<Rc<Self>> {
        self.this.upgrade()
    }

    /// Logs what went wrong, and makes the answer that goes with it.
    pub(super) fn report(&self, trouble: &Trouble) -> Reply {
        trouble.report(self.name().and_then(G::channel))
    }

    /// Ends a socket of an object that cannot wake: what it wants cannot be done, and silence would look like success.
    fn give_up(&self, socket: &WebSocket, trouble: &Trouble) {
        self.report(trouble);
        // 1011 has a client back off and come back (rule R3). A socket that is closing already throws, to no harm.
        let _ = socket.close_with_code_and_reason(1011, "internal");
    }
}

impl<G: Guest> Awake<G> {
    /// Asks the machine, and answers what it wants done.
    pub(super) fn turn<T>(&mut self, ask: impl FnOnce(&mut G, &mut Turn<'_>) -> T) -> T {
        let mut turn =
            Turn { now: now(), storage: &mut self.storage, links: &self.sockets, surroundings: &self.platform };
        let answer = ask(&mut self.guest, &mut turn);
        let turned = self.guest.turned();
        self.heed(turned);
        answer
    }

    /// Logs what an effect threw: the rest of its turn goes on.
    pub(super) fn heed(&self, outcome: Result<(), JsValue>) {
        if let Err(thrown) = outcome {
            Trouble::from(thrown).report(self.channel.clone());
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
pub(super) fn set_alarm(storage: &DurableObjectStorage, at: Millis) -> Result<(), JsValue> {
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
