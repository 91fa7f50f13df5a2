//! What is asked of the application's code.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::World;
use crate::channel::HttpOperation;
use crate::contract::Call;
use crate::testing::joiner::AsJoiner;
use crate::testing::socket::Client;

impl<A> World<A> {
    /// A client asks a call under a new id, which is returned, and everybody is told what came of it.
    pub fn ask(&mut self, client: Client, name: &str, data: impl Into<Value>) -> String {
        let id = format!("r{}", self.draw());
        self.ask_as(client, &id, name, data);
        id
    }

    /// A client asks a call under this id.
    pub fn ask_as(&mut self, client: Client, id: &str, name: &str, data: impl Into<Value>) {
        self.send(client, json!({"type": "call", "id": id, "name": name, "data": data.into()}));
        self.drain();
    }

    /// A client asks a call and hears its reply. All that it was told stays to be received, the reply too.
    ///
    /// # Errors
    /// The refusal, as the client hears it.
    #[track_caller]
    pub fn call<I: Serialize, O: DeserializeOwned>(
        &mut self,
        client: Client,
        call: Call<I, O>,
        data: &I,
    ) -> Result<O, Value> {
        let id = self.ask(client, call.name(), serde_json::to_value(data).unwrap());
        let answers = self.answers_to(client, &id);
        let [answer] = answers.as_slice() else { panic!("one answer was expected, not {answers:#?}") };
        match answer["type"] == "result" {
            true => Ok(serde_json::from_value(answer["data"].clone()).unwrap()),
            false => Err(answer.clone()),
        }
    }

    /// Asks a call over HTTP, and waits for the answer: status and body.
    pub fn post_call(
        &mut self,
        joiner: &(impl AsJoiner + ?Sized),
        name: &str,
        key: Option<&str>,
        body: Value,
    ) -> (u16, Value) {
        let (name, id) = (name.to_owned(), key.map(str::to_owned));
        self.get(joiner, HttpOperation::Call { name, id, body: body.to_string() })
    }
}
