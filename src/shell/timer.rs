//! The one timer of an object, for its open batch.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use crate::name::Millis;

/// One `setTimeout` at a time, always with the same closure: a closure a setting would leak.
pub(crate) struct Timer {
    fired: Closure<dyn Fn()>,
    set: Cell<Option<JsValue>>,
}

impl Timer {
    /// A timer that calls `fired`; it must hold what it calls weakly, or the object is never freed.
    pub(crate) fn new(fired: impl Fn() + 'static) -> Self {
        Self { fired: Closure::new(fired), set: Cell::new(None) }
    }

    /// Has it fire after so many milliseconds, in place of an earlier setting.
    pub(crate) fn set(&self, after: Millis) -> Result<(), JsValue> {
        self.clear();
        #[expect(clippy::cast_precision_loss, reason = "a batch waits half a second at most")]
        let handle = set_timeout(self.fired.as_ref(), after as f64)?;
        self.set.set(Some(handle));
        Ok(())
    }

    fn clear(&self) {
        if let Some(handle) = self.set.take() {
            clear_timeout(&handle);
        }
    }
}

/// A timer that fires after its closure is gone would throw.
impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, after: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);
}
