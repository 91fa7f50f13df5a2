//! HTTP requests that wait for their answer.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::js_sys::Function;

use crate::door::Reply;

/// Where the answer to an HTTP request is put.
pub(super) type Answer = Rc<RefCell<Option<Reply>>>;

/// An HTTP request that waits for its answer.
pub(super) struct Waiting {
    answer: Answer,
    wake: Function,
}

impl Waiting {
    /// One whose promise is kept by `wake`, once the answer is there.
    pub(super) fn new(answer: &Answer, wake: Function) -> Self {
        Self { answer: Rc::clone(answer), wake }
    }

    /// Hands the answer over.
    pub(super) fn answer(&self, reply: Reply) -> Result<(), JsValue> {
        *self.answer.borrow_mut() = Some(reply);
        self.wake.call0(&JsValue::UNDEFINED).map(|_undefined| ())
    }
}
