//! The door, rule by rule. Each file's tests ask with plain values and look at what is decided.

mod calls;
mod connect;
mod counting;
mod credentials;
mod dev_tokens;
mod exchange;
mod names;
mod origins;
mod paths;
mod protocols;
mod refusals_log;

use std::rc::Rc;

use super::{Call, ChannelRequest, ConnectRequest, Decision, Door, Refused, RejectedUpgrade, Reply, Visitor as _};
use crate::config::Config;
use dormouse_core::contract::{Channel, Contract, Event, Json};
use dormouse_protocol::name::{Millis, UserId};

const NOW: Millis = 1_800_000_000_000;
const SECRET: &str = "a secret of thirty-two bytes or more";

/// A door with a channel for each way to enter, and what it knows of its deployment.
struct House {
    door: Door,
    config: Rc<Config>,
}

impl House {
    /// A deployment of nothing but a secret, as production is at its barest.
    fn plain() -> Self {
        Self::with(&[])
    }

    /// A machine of a developer.
    fn of_a_developer() -> Self {
        Self::with(&[("DEV_TOKENS", "1")])
    }

    fn with(variables: &[(&str, &str)]) -> Self {
        let contract = Contract::new()
            .channel("chat:*", Channel::with_token().event::<Json>("say", Event::kept().rate(10)))
            .channel("public:**", Channel::for_anyone().event::<Json>("say", Event::kept().rate(10)))
            .channel("door:*", Channel::sign_in_later().event::<Json>("say", Event::kept().rate(10)));
        Self::of(contract, variables)
    }

    fn of(contract: Contract, variables: &[(&str, &str)]) -> Self {
        let all = [&[("JWT_SECRET", SECRET)], variables].concat();
        let lookup = |name: &str| all.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let config = Rc::new(Config::parse(lookup).unwrap());
        let door = Door::new(Rc::clone(&config), Rc::new(contract.check_declarations().unwrap()), true);
        Self { door, config }
    }

    /// A deployment without the binding of relays.
    fn without_relays() -> Self {
        let Self { config, door } = Self::plain();
        Self { door: Door::new(Rc::clone(&config), door.contract, false), config }
    }

    fn route(&self, request: &Request) -> Decision {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        self.door.route(&Call::new(&request.method, &request.url, &header))
    }

    /// The answer to a request that is answered at once.
    #[track_caller]
    fn answer(&self, request: &Request) -> Reply {
        match self.route(request) {
            Decision::Answer(reply) => reply,
            Decision::Refused(refused) => match refused.decision {
                Decision::Answer(reply) => reply,
                other => panic!("not answered: {other:?}"),
            },
            other => panic!("not answered: {other:?}"),
        }
    }

    #[track_caller]
    fn rejected(&self, request: &Request) -> RejectedUpgrade {
        match self.refused(request).decision {
            Decision::RejectedUpgrade(rejected) => rejected,
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// What is refused at once, with its line of the log.
    #[track_caller]
    fn refused(&self, request: &Request) -> Refused {
        match self.route(request) {
            Decision::Refused(refused) => *refused,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[track_caller]
    fn channel_request(&self, request: &Request) -> ChannelRequest {
        match self.route(request) {
            Decision::Channel(channel_request) => channel_request,
            other => panic!("no request to a channel: {other:?}"),
        }
    }

    #[track_caller]
    fn connect_request(&self, request: &Request) -> ConnectRequest {
        match self.route(request) {
            Decision::Connect(connect_request) => connect_request,
            other => panic!("no connection for many channels: {other:?}"),
        }
    }

    /// Who a request comes in as: a user, or nobody; or what it is refused with.
    #[track_caller]
    fn admitted(&self, request: &Request) -> Result<Option<String>, Box<Refused>> {
        let admitted = self.channel_request(request).admit(&self.config.keys, NOW);
        admitted.map(|grant| grant.map(|grant| grant.user.to_string()))
    }

    /// A token that holds for a minute.
    fn token(&self, user: &str) -> String {
        self.token_at(user, NOW)
    }

    /// A token that held for a minute from a time on.
    fn token_at(&self, user: &str, from: Millis) -> String {
        self.token_for(user, "**", from)
    }

    /// A token that grants all there is on the channels of a pattern.
    fn token_for(&self, user: &str, pattern: &str, from: Millis) -> String {
        let all = ["join", "publish", "presence", "history", "meter"].map(str::to_owned).to_vec();
        let can = [(pattern.to_owned(), all)].into_iter().collect();
        self.config.keys.mint(&UserId::parse(user).unwrap(), &can, &[], from, 60_000).unwrap()
    }
}

/// A request on its way to the door.
#[derive(Clone)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), url: format!("https://chat.example{path}"), headers: Vec::new() }
    }

    fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    fn upgrade(path: &str) -> Self {
        Self::get(path).header("Upgrade", "websocket")
    }

    /// A preflight, as a browser sends it.
    fn preflight(path: &str, origin: &str) -> Self {
        Self::new("OPTIONS", path).header("Origin", origin).header("Access-Control-Request-Method", "POST")
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request to a server by another name, from the machine it runs on.
    fn at(self, host: &str) -> Self {
        let url = self.url.replace("https://chat.example", &format!("http://{host}"));
        Self { url, ..self }.header("Host", host).header("CF-Connecting-IP", "127.0.0.1")
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        let value = named.next();
        assert_eq!(named.next(), None, "{name} is sent twice");
        value
    }

    fn error(&self) -> (u16, String) {
        let body: serde_json::Value = serde_json::from_str(self.body.as_deref().unwrap_or_default()).unwrap();
        (self.status, body["error"]["code"].as_str().unwrap().to_owned())
    }
}

impl Refused {
    /// The status and code of an HTTP refusal, or the number and reason of a close.
    fn told(&self) -> (u16, String) {
        match &self.decision {
            Decision::Answer(reply) => reply.error(),
            Decision::RejectedUpgrade(rejected) => (rejected.close().number(), rejected.close().reason().to_owned()),
            other => panic!("no refusal: {other:?}"),
        }
    }
}

fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
