//! What the clients receive.

use serde_json::{Value, json};

use super::World;
use crate::testing::answers::answers;
use crate::testing::socket::{Client, Socket};

impl<A> World<A> {
    /// The client's end of its connection.
    pub fn socket(&self, client: Client) -> &Socket {
        &self.sockets.all()[client.0]
    }

    /// The client's end of its connection, to be changed as the platform or the client would.
    pub fn socket_mut(&mut self, client: Client) -> &mut Socket {
        &mut self.sockets.all_mut()[client.0]
    }

    /// The socket of the client that joined so manieth, from 0.
    pub fn nth(&self, number: usize) -> &Socket {
        &self.sockets.all()[number]
    }

    /// How many clients ever joined.
    pub fn clients(&self) -> usize {
        self.sockets.all().len()
    }

    /// Whether the client's connection stands.
    pub fn is_connected(&self, client: Client) -> bool {
        match &self.relay {
            Some(relay) => relay.key(client).is_some() && self.socket(client).hung_up.is_none(),
            None => self.sockets.key(client).is_some() && !self.socket(client).is_given_up(),
        }
    }

    /// Everything every client ever received, for comparing two runs.
    pub fn transcript(&self) -> Vec<Vec<Value>> {
        self.sockets.all().iter().map(|socket| socket.frames.clone()).collect()
    }

    /// The frames a client received since it was last asked.
    pub fn received(&mut self, client: Client) -> Vec<Value> {
        self.socket_mut(client).received()
    }

    /// The one frame a client received since it was last asked.
    #[track_caller]
    pub fn receives(&mut self, client: Client) -> Value {
        let frames = self.received(client);
        let [frame] = frames.as_slice() else { panic!("one frame was expected, not {frames:#?}") };
        frame.clone()
    }

    /// The client received nothing since it was last asked.
    #[track_caller]
    pub fn refute_received(&mut self, client: Client) {
        assert_eq!(self.received(client), Vec::<Value>::new());
    }

    /// The one frame a client received since it was last asked is a refusal with this code.
    #[track_caller]
    pub fn assert_refused(&mut self, client: Client, code: &str) -> Value {
        let frame = self.receives(client);
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame:#}");
        frame
    }

    /// Sends one frame and answers everything the client received by it, after [`drain`](Self::drain).
    pub fn told(&mut self, client: Client, frame: Value) -> Vec<Value> {
        self.received(client);
        self.send(client, frame);
        self.drain();
        self.received(client)
    }

    /// Sends one frame; the one frame received is a refusal with this code.
    #[track_caller]
    pub fn refuses(&mut self, client: Client, frame: Value, code: &str) -> Value {
        self.received(client);
        self.send(client, frame);
        self.drain();
        self.assert_refused(client, code)
    }

    /// The last welcome of the client.
    #[track_caller]
    pub fn welcome(&self, client: Client) -> Value {
        let mut welcomes = self.socket(client).frames.iter().filter(|frame| frame["type"] == "welcome");
        welcomes.next_back().expect("the client was never welcomed").clone()
    }

    /// The epoch that the client was told in its welcome.
    #[track_caller]
    pub fn epoch(&self, client: Client) -> String {
        self.welcome(client)["epoch"].as_str().expect("the welcome has no epoch").to_owned()
    }

    /// The connection id that the client was told in its welcome.
    #[track_caller]
    pub fn connection(&self, client: Client) -> String {
        self.welcome(client)["connection"].as_str().expect("the welcome has no connection").to_owned()
    }

    /// The position a client has: the epoch of its welcome, and the last seq it heard or was welcomed with.
    pub fn position(&self, client: Client) -> Option<(String, u64)> {
        let frames = &self.socket(client).frames;
        let welcome = frames.iter().find(|frame| frame["type"] == "welcome")?;
        let messages = frames.iter().filter(|frame| frame["type"] == "message");
        let heard = messages.filter_map(|frame| frame["seq"].as_u64()).max();
        Some((welcome["epoch"].as_str()?.to_owned(), heard.max(welcome["seq"].as_u64())?))
    }

    /// All frames that answer the client's request of this id; see [`answers`].
    #[track_caller]
    pub fn answers_to(&self, client: Client, id: &str) -> Vec<Value> {
        answers(&self.socket(client).frames, &self.connection(client), id)
    }
}
