//! What is asked over HTTP, and how it is answered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::World;
use crate::channel::{HttpOperation, HttpRequest};
use crate::effect::AskerKey;
use crate::testing::joiner::AsJoiner;
use crate::testing::record::HttpAnswer;
use dormouse_protocol::name::Address;

impl<A> World<A> {
    /// An HTTP request comes in. Its answer is there at once, or when the batch is written.
    pub fn handle_http(&mut self, joiner: &(impl AsJoiner + ?Sized), operation: HttpOperation) -> AskerKey {
        let joiner = joiner.as_joiner();
        let grant = joiner.grant(&self.name, self.clock.now);
        let (fresh, address) = (self.fresh().epoch, joiner.address.as_deref().map(Address::of));
        let asker = AskerKey(u32::try_from(self.drawn).unwrap());
        self.event(|channel, turn| channel.handle_http(turn, asker, HttpRequest { grant, operation, fresh, address }));
        asker
    }

    /// Asks over HTTP, and waits for the answer: status and body.
    pub fn get(&mut self, joiner: &(impl AsJoiner + ?Sized), operation: HttpOperation) -> (u16, Value) {
        let asker = self.handle_http(joiner, operation);
        self.drain();
        self.answer(asker)
    }

    /// Publishes over HTTP, and waits for the answer: status and body.
    pub fn post(&mut self, joiner: &(impl AsJoiner + ?Sized), body: Value) -> (u16, Value) {
        self.post_text(joiner, &body.to_string())
    }

    /// Publishes a body as it is written, and waits for the answer: status and body.
    pub fn post_text(&mut self, joiner: &(impl AsJoiner + ?Sized), body: &str) -> (u16, Value) {
        self.get(joiner, HttpOperation::Publish { body: body.to_owned() })
    }

    /// Asks for a page of messages, by the query as it is written, and waits for the answer: status and body.
    pub fn messages(
        &mut self,
        joiner: &(impl AsJoiner + ?Sized),
        after: Option<&str>,
        before: Option<&str>,
        limit: Option<&str>,
    ) -> (u16, Value) {
        let own = |text: Option<&str>| text.map(str::to_owned);
        self.get(joiner, HttpOperation::Messages { after: own(after), before: own(before), limit: own(limit) })
    }

    /// The answer to a request that was answered: status and body.
    #[track_caller]
    pub fn answer(&self, asker: AskerKey) -> (u16, Value) {
        let answer = self.record.answers.get(&asker).expect("the request was not answered yet");
        (answer.status, answer.body.clone())
    }

    /// The answers to all requests, by request.
    pub const fn answers(&self) -> &BTreeMap<AskerKey, HttpAnswer> {
        &self.record.answers
    }

    /// The answers that came since this was last asked, by request; the world forgets them.
    pub fn take_answers(&mut self) -> BTreeMap<AskerKey, HttpAnswer> {
        std::mem::take(&mut self.record.answers)
    }
}
