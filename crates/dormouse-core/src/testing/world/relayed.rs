//! Clients that are connected through a relay.

use serde_json::{Value, json};

use super::World;
use crate::channel::{Effects, Turn, Unreadable};
use crate::effect::{Effect, SessionKey};
use crate::grant::{Claims, Verifier as _};
use crate::relay::{Connecting, RelayMachine};
use crate::session::ATTACHMENT_MAX;
use crate::testing::attachment::v8_bytes;
use crate::testing::joiner::Joiner;
use crate::testing::relay::{Exchange, Relay};
use crate::testing::socket::Client;
use crate::testing::tokens::Tokens;
use dormouse_protocol::name::{Address, Millis};

impl<A> World<A> {
    /// The same world, whose joiners come through a relay, each on a connection of its own (rule M5). What they hear is
    /// taken out of its envelopes. It has no crashes, and none of their sockets.
    #[must_use]
    pub fn through_relay(mut self) -> Self {
        self.relay = Some(Box::new(Relay::new(self.contract.clone(), self.limits.clone())));
        self
    }

    pub(super) fn join_relay(&mut self, joiner: &Joiner) -> Client {
        let fresh = self.fresh();
        let claims = joiner.user.as_ref().and_then(|_| {
            let fresh = Joiner { expires: None, ..joiner.clone() };
            let claims = Tokens.verify(&fresh.token(), self.clock.now).ok()?;
            Some(Claims { expires: joiner.expires.unwrap_or(claims.expires), ..claims })
        });
        let connecting = Connecting { claims, address: joiner.address.as_deref().map(Address::of) };
        let key = self.relay_event(|relay, turn| relay.connect(turn, fresh, connecting));
        let client = self.sockets.add();
        if let Some(relay) = &mut self.relay {
            relay.clients.insert(key, client);
        }
        let mut join = json!({"type": "join", "channel": self.name.as_str()});
        let named = [("epoch", &joiner.epoch), ("after", &joiner.after), ("connection", &joiner.connection)];
        for (field, value) in named {
            if let Some(value) = value {
                join[field] = json!(value);
            }
        }
        self.send_relay(client, &join.to_string());
        client
    }

    /// A client sends frames of its channel; the relay is told of which.
    pub(super) fn send_relay(&mut self, client: Client, text: &str) {
        let channel = json!(self.name.as_str());
        let name = |frame: &mut Value| {
            if let Some(fields) = frame.as_object_mut() {
                fields.entry("channel").or_insert_with(|| channel.clone());
            }
        };
        let text = match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(mut frames)) => {
                frames.iter_mut().for_each(name);
                Value::Array(frames).to_string()
            }
            Ok(mut frame) => {
                name(&mut frame);
                frame.to_string()
            }
            Err(_) => text.to_owned(),
        };
        self.on_relay(client, |relay, turn, key| relay.receive(turn, key, &text));
    }

    pub(super) fn send_relay_unreadable(&mut self, client: Client, what: Unreadable) {
        self.on_relay(client, |relay, turn, key| relay.receive_unreadable(turn, key, what));
    }

    pub(super) fn leave_relay(&mut self, client: Client, clean: bool) {
        self.on_relay(client, |relay, turn, key| relay.close(turn, key, clean));
        if let Some(relay) = &mut self.relay {
            relay.clients.retain(|_, it| *it != client);
        }
    }

    /// Something happens on a client's connection.
    fn on_relay(
        &mut self,
        client: Client,
        happen: impl FnOnce(&mut RelayMachine, &mut Turn<'_>, SessionKey) -> Effects,
    ) {
        if let Some(key) = self.relay.as_ref().and_then(|relay| relay.key(client)) {
            self.relay_event(|relay, turn| ((), happen(relay, turn, key)));
        }
    }

    /// When the relay wants to be woken, if that is no later than this.
    pub(super) fn relay_due(&self, until: Millis) -> Option<Millis> {
        self.relay.as_ref().and_then(|relay| relay.due()).filter(|at| *at <= until)
    }

    /// Its timer or its alarm fires.
    pub(super) fn wake_relay(&mut self) {
        let now = self.clock.now;
        let timer = self.relay.as_mut().and_then(|relay| relay.timer.take_if(|timer| *timer <= now)).is_some();
        if timer {
            return self.relay_event(|relay, turn| ((), relay.timer(turn)));
        }
        if let Some(relay) = &mut self.relay {
            relay.alarm = None;
        }
        self.relay_event(|relay, turn| ((), relay.alarm(turn)));
    }

    /// The channel calls the relay.
    pub(super) fn call_relay(&mut self, body: String) {
        if let Some(relay) = &mut self.relay {
            relay.calls.push_back(Exchange::ToRelay(body));
        }
    }

    /// Carries what channel and relay say to each other, in its order, until neither has more to say.
    pub(super) fn carry(&mut self) {
        match &mut self.relay {
            Some(relay) if !relay.is_carrying => relay.is_carrying = true,
            _ => return,
        }
        while let Some(call) = self.relay.as_mut().and_then(|relay| relay.calls.pop_front()) {
            match call {
                Exchange::ToChannel(body) => {
                    let (answer, effects) = self.turn(|channel, turn| channel.relay_called(turn, &body));
                    self.apply_all(effects);
                    let name = self.name.clone();
                    self.relay_event(|relay, turn| ((), relay.answered(turn, &name, Some(&answer))));
                }
                Exchange::ToRelay(body) => {
                    let answer = self.relay_event(|relay, turn| relay.called(turn, &body));
                    self.event(|channel, turn| channel.relay_answered(turn, Relay::NAME, Some(&answer)));
                }
            }
        }
        if let Some(relay) = &mut self.relay {
            relay.is_carrying = false;
        }
    }

    fn relay_event<T>(&mut self, happen: impl FnOnce(&mut RelayMachine, &mut Turn<'_>) -> (T, Effects)) -> T {
        let now = self.clock.now;
        let relay = self.relay.as_mut().expect("joiners come through no relay");
        let (answer, effects) = relay.turn(now, happen);
        effects.into_iter().for_each(|effect| self.apply_of_relay(effect));
        self.carry();
        answer
    }

    fn apply_of_relay(&mut self, effect: Effect) {
        let now = self.clock.now;
        let Some(relay) = &mut self.relay else { return };
        match effect {
            Effect::Tell { session, text } => self.tell_through(&[session], &text),
            Effect::TellMany { sessions, text } => self.tell_through(&sessions, &text),
            Effect::HangUp { session, code, .. } => {
                if let Some(client) = relay.clients.get(&session) {
                    self.sockets.of_mut(*client).hung_up.get_or_insert(code);
                }
            }
            Effect::SaveAttachment { attachment, .. } => {
                let bytes = v8_bytes(&attachment);
                assert!(bytes <= ATTACHMENT_MAX, "an attachment of {bytes} bytes");
            }
            Effect::CallChannel { body, .. } => relay.calls.push_back(Exchange::ToChannel(body)),
            Effect::Timer { after } => relay.timer = Some(now + after),
            Effect::Alarm { at } => relay.alarm = Some(at),
            Effect::Log(line) => self.record.logs.push(line),
            _ => {}
        }
    }

    /// What the relay tells clients, without its envelope. A `bye` of the channel ends it for them.
    fn tell_through(&mut self, sessions: &[SessionKey], text: &str) {
        let told: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let frames = match told["type"].as_str() {
            Some("hello") => return,
            Some("in") => told["frames"].clone(),
            _ => told,
        };
        let last = frames.as_array().and_then(|frames| frames.last()).unwrap_or(&frames);
        let ended = (last["type"] == "bye").then(|| last["code"].as_u64()).flatten();
        let ended = ended.and_then(|code| u16::try_from(code).ok());
        let clients: Vec<_> = {
            let Some(relay) = &self.relay else { return };
            sessions.iter().filter_map(|session| relay.clients.get(session).copied()).collect()
        };
        for client in clients {
            let socket = self.sockets.of_mut(client);
            socket.deliver(&frames.to_string());
            socket.hung_up = socket.hung_up.or(ended);
        }
    }
}
