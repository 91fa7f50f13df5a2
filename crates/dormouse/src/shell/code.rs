//! What the platform lends to the application's code: chance, and a note of what it is doing.

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;
use worker::worker_sys::DurableObjectState;

use super::socket::Sockets;

use dormouse_core::contract::Surroundings;

/// The surroundings of one object's code.
pub(crate) struct Platform {
    /// The object's id, as JavaScript has it: it crosses the border once.
    id: JsValue,
    /// Its sockets.
    table: JsValue,
}

impl Platform {
    /// Those of an object.
    pub(crate) fn of(ctx: &DurableObjectState, sockets: &Sockets) -> Result<Self, JsValue> {
        Ok(Self { id: ctx.id()?.to_string()?.into(), table: sockets.table() })
    }
}

impl Surroundings for Platform {
    fn draw(&self) -> u64 {
        let mut bytes = [0; 8];
        // Without randomness nobody can join, so that nobody could guess.
        let _ = getrandom::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn begins(&self, request: &str, session: Option<u32>) -> bool {
        // A note that cannot be taken keeps nobody from anything.
        begins(&self.id, request, &self.table, session).unwrap_or(true)
    }

    fn ended(&self) {
        let _ = ended(&self.id);
    }
}

#[wasm_bindgen(module = "/src/shell/code.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn begins(id: &JsValue, request: &str, table: &JsValue, session: Option<u32>) -> Result<bool, JsValue>;
    #[wasm_bindgen(catch)]
    fn ended(id: &JsValue) -> Result<(), JsValue>;
    /// A response that is there also where the code panics, and all memory is lost in which it is waited for.
    #[wasm_bindgen(catch)]
    pub(crate) fn survive(response: &Promise) -> Result<Promise, JsValue>;
}
