//! The sockets of one object: which session each carries, what it hears, and how it is told.

use js_sys::{Float64Array, JsString};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;
use worker::worker_sys::DurableObjectState;

use dormouse_core::channel::{Links, Unsent};
use dormouse_core::effect::{SessionKey, Subscription};
use dormouse_core::hibernated_session::HibernatedSession;
use dormouse_protocol::name::Millis;

/// The sockets of this object by session and the sessions by socket.
pub(crate) struct Sockets {
    table: SocketTable,
}

impl Sockets {
    /// An empty table over the object's own context.
    pub(crate) fn new(ctx: &DurableObjectState) -> Result<Self, JsValue> {
        Ok(Self { table: SocketTable::new(ctx.as_ref())? })
    }

    /// The table as JavaScript has it.
    pub(crate) fn table(&self) -> JsValue {
        JsValue::clone(&self.table)
    }

    /// Takes in the sockets that outlived a sleep; their keys are the places of their heads in the answer.
    pub(crate) fn wake(&self) -> Result<String, JsValue> {
        self.table.wake(HibernatedSession::HEAD)
    }

    /// The same, with all that each has attached, empty where that is nothing of ours; their keys are their places.
    pub(crate) fn wake_whole(&self) -> Result<Vec<String>, JsValue> {
        self.table.wake_whole()
    }

    /// How many sessions there are that a socket carries.
    pub(crate) fn count(&self) -> Result<usize, JsValue> {
        self.table.count()
    }

    /// Has a session carried by a new socket, which sleeps with the object; answers the client's end.
    pub(crate) fn open(&self, session: SessionKey) -> Result<WebSocket, JsValue> {
        self.table.open(session.0)
    }

    /// The session that a socket carries, if any still.
    pub(crate) fn session(&self, socket: &WebSocket) -> Option<SessionKey> {
        self.table.session(socket).ok().flatten().map(SessionKey)
    }

    /// Sends one text to one session. A socket that is gone is no error: its close is on the way.
    pub(crate) fn tell(&self, session: SessionKey, text: &str) -> Result<(), JsValue> {
        self.table.tell(session.0, text)
    }

    /// Sends one text to several sessions, as one JavaScript string in one crossing.
    pub(crate) fn tell_many(&self, sessions: &[SessionKey], text: &str) -> Result<(), JsValue> {
        let sessions: Vec<u32> = sessions.iter().map(|session| session.0).collect();
        self.table.tell_many(&sessions, text)
    }

    /// Sends one text to all who hear the same, as one JavaScript string in one crossing.
    pub(crate) fn broadcast(
        &self,
        subscription: Subscription,
        except: &[SessionKey],
        text: &str,
    ) -> Result<(), JsValue> {
        let except: Vec<u32> = except.iter().map(|session| session.0).collect();
        self.table.broadcast(group(subscription), &except, text)
    }

    /// Moves a session to another group of hearers.
    pub(crate) fn subscribe(&self, session: SessionKey, subscription: Subscription) -> Result<(), JsValue> {
        self.table.subscribe(session.0, group(subscription))
    }

    /// Groups the sessions that slept, by their keys from 0, in one crossing.
    pub(crate) fn subscribe_all(&self, subscription: &[Subscription]) -> Result<(), JsValue> {
        let groups: Vec<u8> = subscription.iter().map(|subscription| group(*subscription)).collect();
        self.table.subscribe_all(&groups)
    }

    /// Writes what must survive sleep of a session.
    pub(crate) fn save_attachment(&self, session: SessionKey, attachment: &str) -> Result<(), JsValue> {
        self.table.save_attachment(session.0, attachment)
    }

    /// Ends a session's connection. Only from inside that socket's own event does the client see the end at once.
    pub(crate) fn hang_up(&self, session: SessionKey, code: u16, reason: &str) -> Result<(), JsValue> {
        self.table.hang_up(session.0, code, reason)
    }

    /// Forgets which socket carried a session.
    pub(crate) fn drop(&self, session: SessionKey) -> Result<(), JsValue> {
        self.table.drop(session.0)
    }

    /// Answers a close, without which the client waits for the end of the connection.
    pub(crate) fn answer_close(&self, socket: &WebSocket, code: u16, reason: &str) -> Result<(), JsValue> {
        self.table.answer_close(socket, code, reason)
    }
}

impl Links for Sockets {
    fn unsent(&self, session: SessionKey) -> u64 {
        self.table.unsent(session.0).map(whole).unwrap_or_default()
    }

    fn unsent_over(&self, bytes: u64) -> Unsent {
        #[expect(clippy::cast_precision_loss, reason = "a limit of bytes is far below 2^53")]
        let flat = self.table.unsent_over(bytes as f64).map(|flat| flat.to_vec()).unwrap_or_default();
        let Some((total, pairs)) = flat.split_first() else { return Unsent::default() };
        let over = pairs.chunks_exact(2).filter_map(|pair| Some((key(*pair.first()?), whole(*pair.last()?))));
        Unsent { total: whole(*total), over: over.collect() }
    }

    fn attachment(&self, session: SessionKey) -> String {
        self.table.attachment(session.0).unwrap_or_default()
    }

    fn pinged(&self) -> Vec<(SessionKey, Millis)> {
        let Ok(flat) = self.table.pinged() else { return Vec::new() };
        let pairs = flat.to_vec();
        pairs.chunks_exact(2).filter_map(|pair| Some((key(*pair.first()?), whole(*pair.last()?)))).collect()
    }
}

/// How many bytes of UTF-8 a text has, counted without copying it into wasm's memory, which never shrinks.
pub(crate) fn utf8_length(text: &JsString) -> Result<u64, JsValue> {
    count_utf8(text).map(whole)
}

const fn group(subscription: Subscription) -> u8 {
    match subscription {
        Subscription::Nothing => 0,
        Subscription::Messages => 1,
        Subscription::Presence => 2,
    }
}

fn whole(number: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN is 0")]
    let whole = number as u64;
    whole
}

fn key(number: f64) -> SessionKey {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "keys are u32 on both sides")]
    let key = number as u32;
    SessionKey(key)
}

// What is done once a member is done in JavaScript, because each crossing of the border costs and each socket handed
// over would take a slot of its own in wasm's table.
#[wasm_bindgen(module = "/src/shell/sockets.js")]
extern "C" {
    type SocketTable;

    #[wasm_bindgen(constructor, catch)]
    fn new(ctx: &JsValue) -> Result<SocketTable, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn wake(this: &SocketTable, head: usize) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn wake_whole(this: &SocketTable) -> Result<Vec<String>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn count(this: &SocketTable) -> Result<usize, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn attachment(this: &SocketTable, session: u32) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn open(this: &SocketTable, session: u32) -> Result<WebSocket, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn session(this: &SocketTable, socket: &WebSocket) -> Result<Option<u32>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn tell(this: &SocketTable, session: u32, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn tell_many(this: &SocketTable, sessions: &[u32], text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn broadcast(this: &SocketTable, group: u8, except: &[u32], text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn subscribe(this: &SocketTable, session: u32, group: u8) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn subscribe_all(this: &SocketTable, groups: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn save_attachment(this: &SocketTable, session: u32, attachment: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn hang_up(this: &SocketTable, session: u32, code: u16, reason: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn drop(this: &SocketTable, session: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn answer_close(this: &SocketTable, socket: &WebSocket, code: u16, reason: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn unsent(this: &SocketTable, session: u32) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn unsent_over(this: &SocketTable, bytes: f64) -> Result<Float64Array, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn pinged(this: &SocketTable) -> Result<Float64Array, JsValue>;

    #[wasm_bindgen(catch)]
    fn count_utf8(text: &JsString) -> Result<f64, JsValue>;
}
