//! Whether what an object had in memory would be missed. Where the application's code panics all memory of the isolate is
//! lost, and its objects go on with their sockets: what they were in the middle of is known on JavaScript's side alone.

use std::cell::Cell;

use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;

/// The memory of one object.
pub(super) struct Memory {
    /// The object's id, as JavaScript has it: it crosses the border once.
    id: JsValue,
    was_clean: bool,
    /// What JavaScript knows.
    noted: Cell<bool>,
}

impl Memory {
    /// That of an object as it wakes.
    pub(super) fn of(ctx: &DurableObjectState) -> Result<Self, JsValue> {
        let id = ctx.id()?.to_string()?.into();
        let was_clean = is_clean(&id)?;
        Ok(Self { id, was_clean, noted: Cell::new(was_clean) })
    }

    /// Whether the memory before this one held nothing when it was lost.
    pub(super) const fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Notes whether there is something to lose now. It crosses the border only for news.
    pub(super) fn note(&self, clean: bool) -> Result<(), JsValue> {
        if self.noted.replace(clean) == clean {
            return Ok(());
        }
        note(&self.id, clean)
    }
}

#[wasm_bindgen(module = "/src/shell/memory.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn is_clean(id: &JsValue) -> Result<bool, JsValue>;
    #[wasm_bindgen(catch)]
    fn note(id: &JsValue, clean: bool) -> Result<(), JsValue>;
}
