//! The one timer of an object, for its open batch.

use std::cell::OnceCell;

use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;

use dormouse_protocol::name::Millis;

/// What is done where all memory was lost before a timer fired, or a call had its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The members are told to come back.
    Restart,
    /// The object is woken, and sees to its members itself.
    Wake,
}

impl Lost {
    pub(super) fn wakes(self) -> bool {
        self == Self::Wake
    }
}

/// One `setTimeout` at a time, always with the same closure: a closure a setting would leak.
pub(crate) struct Timer {
    fired: Closure<dyn Fn()>,
    /// Calls the closure as long as that is there. Made when it is first needed: what makes an object may not fail.
    holder: OnceCell<Holder>,
    /// The object, and what is done with it where all memory was lost meanwhile.
    ctx: JsValue,
    lost: Lost,
}

impl Timer {
    /// A timer that calls `fired`; it must hold what it calls weakly, or the object is never freed.
    pub(crate) fn new(fired: impl Fn() + 'static, ctx: &DurableObjectState, lost: Lost) -> Self {
        Self { fired: Closure::new(fired), holder: OnceCell::new(), ctx: JsValue::clone(ctx), lost }
    }

    /// Has it fire after so many milliseconds, in place of an earlier setting.
    pub(crate) fn set(&self, after: Millis) -> Result<(), JsValue> {
        if self.holder.get().is_none() {
            let _ = self.holder.set(Holder::new(self.fired.as_ref(), &self.ctx, self.lost.wakes())?);
        }
        let Some(holder) = self.holder.get() else { return Ok(()) };
        #[expect(clippy::cast_precision_loss, reason = "a batch waits half a second at most")]
        holder.set(after as f64)
    }
}

/// Where objects are freed no timer may be touched: the platform throws. So a pending one stays, and finds nothing.
impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(holder) = self.holder.get() {
            let _ = holder.forget();
        }
    }
}

#[wasm_bindgen(module = "/src/shell/timer.js")]
extern "C" {
    #[wasm_bindgen(js_name = Timer)]
    type Holder;

    #[wasm_bindgen(constructor, catch, js_class = Timer)]
    fn new(fired: &JsValue, ctx: &JsValue, wakes: bool) -> Result<Holder, JsValue>;
    #[wasm_bindgen(method, catch, js_class = Timer)]
    fn set(this: &Holder, after: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_class = Timer)]
    fn forget(this: &Holder) -> Result<(), JsValue>;
}
