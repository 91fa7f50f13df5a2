//! The door: what is decided about a request before an object wakes (rules E1 to E7, A4 and the counts of R5).
//!
//! A request comes in as plain values, a [`Decision`] goes out. The Worker and the object run the same code over the
//! same request: the Worker to turn away what need not wake an object, the object as the only source of its grant, so
//! that no header between the two carries a right.

mod body;
mod call;
mod caller;
mod channel_request;
mod connect_request;
mod credential;
mod dev_token;
mod exchange;
mod limit;
mod origin;
mod place;
mod placement;
mod protocol;
mod refused;
mod rejected_upgrade;
mod reply;
mod route;
mod suspects;
#[cfg(test)]
mod tests;
mod visitor;

pub use body::Unread;
pub use call::{Call, Query};
pub use caller::Caller;
pub use channel_request::{ChannelRequest, Operation};
pub use connect_request::ConnectRequest;
pub use dev_token::DevTokens;
pub use exchange::{EXCHANGE_URL, is_exchange};
pub use limit::{Count, Counter};
pub use origin::Cors;
pub use place::{Place, place};
pub use placement::{Placement, Search, pool};
pub use protocol::PROTOCOL;
pub use refused::Refused;
pub use rejected_upgrade::{FULL, RejectedUpgrade, full, passed_back};
pub use reply::Reply;
pub use suspects::Suspects;
pub use visitor::Visitor;

use std::cell::OnceCell;
use std::rc::Rc;

use self::origin::Origin;
use self::protocol::Offer;
use self::route::Route;
use crate::config::Config;
use dormouse_core::contract::{ChannelRules, Contract, Mistake};
use dormouse_core::effect::LogLine;
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::name::{CHANNEL_NAME_MAX, ChannelName};

/// What the door knows of its deployment, for as long as the isolate lives.
pub struct Door {
    config: Rc<Config>,
    contract: Rc<Contract>,
    /// Whether the deployment has relays.
    has_relays: bool,
    /// What is wrong with the contract's types, found when `GET /v1/health` or `/v1/contract` is first asked: a join
    /// would wait for it otherwise.
    mistakes: OnceCell<Rc<[String]>>,
    /// What `GET /v1/contract` answers, told when it is first asked for.
    description: OnceCell<String>,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Decision {
    /// Answer it at once.
    Answer(Reply),
    /// Answer that the deployment is configured wrongly, and log these mistakes.
    Misconfigured(Rc<[String]>),
    /// Accept the upgrade, say `bye`, and close: a browser cannot read the status of a refused upgrade (rule A4).
    RejectedUpgrade(RejectedUpgrade),
    /// Hand it to the static assets.
    Assets,
    /// Mint a development token from the request's body.
    DevToken(DevTokens),
    /// Refuse it, and say so in the log.
    Refused(Box<Refused>),
    /// It is for a channel: [`Visitor`] has the steps that are left.
    Channel(ChannelRequest),
    /// It is for a relay, by the same steps.
    Connect(ConnectRequest),
}

impl Door {
    /// A door for this configuration and contract, of a deployment that has relays or not.
    pub fn new(config: Rc<Config>, contract: Rc<Contract>, has_relays: bool) -> Self {
        Self { config, contract, has_relays, mistakes: OnceCell::new(), description: OnceCell::new() }
    }

    /// Decides about a request as far as it can be without reading its body or verifying its token.
    pub fn route(&self, call: &Call<'_>) -> Decision {
        let origin = Origin::of(call, &self.config);
        let cors = Cors::of(&origin);
        self.decide(call, &origin, &cors).unwrap_or_else(|reply| {
            let reply = cors.onto(reply);
            match reply.line() {
                Some(line) => Decision::refused(Decision::Answer(reply), line),
                None => Decision::Answer(reply),
            }
        })
    }

    /// What is wrong with the contract's types, if anything is.
    fn mistakes(&self) -> Option<Rc<[String]>> {
        let told = |mistakes: Vec<Mistake>| mistakes.iter().map(ToString::to_string).collect();
        let mistakes = self.mistakes.get_or_init(|| self.contract.check_types().err().map(told).unwrap_or_default());
        (!mistakes.is_empty()).then(|| Rc::clone(mistakes))
    }

    fn description(&self) -> String {
        self.description.get_or_init(|| self.contract.describe(self.config.limits.frame_bytes).to_string()).clone()
    }

    fn decide(&self, call: &Call<'_>, origin: &Origin, cors: &Cors) -> Result<Decision, Reply> {
        let route = Route::of(call.path);
        if route == Route::Assets {
            return Ok(Decision::Assets);
        }
        let is_there = match route {
            Route::Unknown => false,
            Route::DevToken => dev_token::is_open(call, &self.config),
            Route::Connect => self.has_relays,
            _ => true,
        };
        if !is_there {
            return Err(Code::NotFound.into());
        }
        if call.method == "OPTIONS" {
            return Err(origin::preflight(origin, route.methods()));
        }
        if !route.methods().contains(&call.method_asked()) {
            return Err(Reply::from(Code::MethodNotAllowed).with("Allow", route.methods().join(", ")));
        }
        let posts = call.method == "POST";
        if posts {
            origin.may_act()?;
        }
        if let Route::Health | Route::Contract = route
            && let Some(mistakes) = self.mistakes()
        {
            return Ok(Decision::Misconfigured(mistakes));
        }
        match route {
            Route::Health => Ok(Decision::Answer(cors.onto(Reply::json(200, health())))),
            Route::Contract => Ok(Decision::Answer(cors.onto(Reply::json(200, self.description())))),
            Route::DevToken => Ok(Decision::DevToken(DevTokens::new(cors.clone()))),
            Route::Connect => self.connect(call, origin),
            Route::Channel(name) => self.join(call, origin, cors, name),
            Route::Members(name) => self.handle_http(call, cors, name, Operation::Members),
            Route::Messages(name) if posts => self.handle_http(call, cors, name, Operation::Publish),
            Route::Messages(name) => self.handle_http(call, cors, name, Operation::Messages),
            Route::Call(name, asked) => self.ask(call, cors, name, asked),
            Route::Meter(name) => self.handle_http(call, cors, name, Operation::Meter),
            Route::Assets | Route::Unknown => Err(Code::NotFound.into()),
        }
    }

    /// A join: what a browser could not read as a status is told by `bye` (rule A4).
    fn join(&self, call: &Call<'_>, origin: &Origin, cors: &Cors, name: &str) -> Result<Decision, Reply> {
        let protocol = upgraded(call, origin)?;
        let (channel, rules) = match self.channel(name) {
            Ok(found) => found,
            Err(refusal) => {
                let rejected = RejectedUpgrade::new(Close::NoSuchChannel, None, protocol);
                let line = LogLine::refused(Close::NoSuchChannel.reason(), refusal.detail());
                return Ok(Decision::refused(Decision::RejectedUpgrade(rejected), line));
            }
        };
        Ok(Decision::Channel(self.channel_request(call, cors, Operation::Join { protocol }, channel, rules)))
    }

    /// A connection for many channels (rule E8).
    fn connect(&self, call: &Call<'_>, origin: &Origin) -> Result<Decision, Reply> {
        let protocol = upgraded(call, origin)?;
        let caller = Caller::of(call, &Query::parse(call.query), &self.config);
        Ok(Decision::Connect(ConnectRequest { protocol, caller }))
    }

    fn handle_http(&self, call: &Call<'_>, cors: &Cors, name: &str, operation: Operation) -> Result<Decision, Reply> {
        let (channel, rules) = self.channel(name)?;
        Ok(Decision::Channel(self.channel_request(call, cors, operation, channel, rules)))
    }

    /// A call; one that the channel does not have wakes nobody.
    fn ask(&self, call: &Call<'_>, cors: &Cors, name: &str, asked: &str) -> Result<Decision, Reply> {
        let (channel, rules) = self.channel(name)?;
        let Some(asked) = rules.call(asked).map(|known| known.name.clone()) else {
            return Err(
                Refusal::new(Code::NotFound, "This channel has no such call: GET /v1/contract lists them.").into()
            );
        };
        let channel_request = self.channel_request(call, cors, Operation::Call, channel, rules);
        let key = call.header("Idempotency-Key").filter(|key| !key.is_empty());
        Ok(Decision::Channel(ChannelRequest { asked: Some((asked, key)), ..channel_request }))
    }

    fn channel(&self, name: &str) -> Result<(ChannelName, Rc<ChannelRules>), Refusal> {
        let asked = |code, what: &str| {
            let name: String = name.chars().take(CHANNEL_NAME_MAX).collect();
            Refusal::from(code).because(format!("{what}: `{name}`"))
        };
        let channel = route::channel_name(name).ok_or_else(|| asked(Code::BadName, "this is no channel's name"))?;
        let rules = self.contract.rules(&channel);
        let rules = rules.ok_or_else(|| asked(Code::NotFound, "no pattern of the contract fits the name"))?;
        Ok((channel, Rc::clone(rules)))
    }

    fn channel_request(
        &self,
        call: &Call<'_>,
        cors: &Cors,
        operation: Operation,
        channel: ChannelName,
        rules: Rc<ChannelRules>,
    ) -> ChannelRequest {
        let query = Query::parse(call.query);
        let caller = Caller::of(call, &query, &self.config);
        ChannelRequest { channel, rules, operation, query, caller, cors: cors.clone(), asked: None }
    }
}

impl Decision {
    fn refused(decision: Self, line: LogLine) -> Self {
        Self::Refused(Box::new(Refused { decision, line, bad_token: false }))
    }
}

/// The sub-protocol of an upgrade that may be one.
fn upgraded(call: &Call<'_>, origin: &Origin) -> Result<Option<&'static str>, Reply> {
    if !call.is_upgrade() {
        return Err(Reply::from(Code::UpgradeRequired).with("Upgrade", "websocket"));
    }
    origin.may_act()?;
    Offer::of(call).agreed()
}

fn health() -> String {
    serde_json::json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}).to_string()
}
