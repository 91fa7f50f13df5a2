//! A contract that no deployment changes, and short ways to say what a test wants said under it.

use dormouse_core::channel::HttpOperation;
use dormouse_core::contract::{Ability, Channel, Contract, Event, HistoryBounds, Json, KIB, Presence};
use dormouse_core::effect::AskerKey;
use dormouse_protocol::name::EventName;
use garde::Validate;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::world::{Client, Joiner, QUIET, Sleep, World};

/// Data of the event `note`.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Note {
    #[garde(length(chars, min = 1, max = 10))]
    pub text: String,
    #[garde(skip)]
    #[serde(default)]
    pub tags: Vec<String>,
}

/// `room:*` is joined with a token, `open:*` by anyone, `door:*` by anyone who then signs in; nothing is kept in
/// `air:*`, nobody is shown in `dark:*`, and `brief:*` holds five messages.
pub fn contract() -> Contract {
    let air = Channel::with_token().event::<Json>("wave", Event::ephemeral().directed().rate(5));
    let dark = Channel::with_token().event::<Json>("say", Event::kept().rate(10).burst(30));
    Contract::new()
        .channel("room:*", room(Channel::with_token()))
        .channel("open:*", room(Channel::for_anyone().grants([Ability::Publish, Ability::History])))
        .channel("door:*", room(Channel::sign_in_later()))
        .channel("air:*", air.presence::<Json>(Presence::list()))
        .channel("dark:*", dark)
        .channel("brief:*", room(Channel::with_token()).history(HistoryBounds { count: 5, ..HistoryBounds::default() }))
}

fn room(entry: Channel) -> Channel {
    let decree = Ability::PublishEvent(EventName::parse("decree").unwrap());
    entry
        .event::<Json>("say", Event::kept().directed().rate(10).burst(30))
        .event::<Note>("note", Event::kept().rate(10).burst(30))
        .event::<Json>("small", Event::kept().rate(10).burst(30).max_bytes(KIB))
        .event::<Json>("rare", Event::kept().rate(0.5))
        .event::<Json>("wave", Event::ephemeral().directed().rate(10).burst(100))
        .event::<Json>("nod", Event::ephemeral().rate(10).burst(100))
        .event::<Note>("memo", Event::kept().rate(0.5))
        .event::<Note>("hint", Event::ephemeral().rate(0.5))
        .event::<Json>("edict", Event::kept().needs(decree))
        .presence::<Json>(Presence::list())
}

/// Plays a script in `room:a`, awake all the time and asleep wherever the platform could, and compares everything
/// that every client and every HTTP request was told (rule H1).
#[track_caller]
pub fn in_room(script: impl Fn(&mut World)) {
    in_channel("room:a", script);
}

/// As [`in_room`], in another channel of the test contract.
#[track_caller]
pub fn in_channel(channel: &str, script: impl Fn(&mut World)) {
    let play = |sleep| {
        let mut world = World::under(contract(), channel, sleep);
        script(&mut world);
        world.settle();
        let closes: Vec<_> = (0..world.transcript().len()).map(|each| world.nth(each).hung_up).collect();
        (world.transcript(), world.answers, closes, world.wakes)
    };
    let (frames, answers, closes, _) = play(Sleep::Never);
    for sleep in [Sleep::Always, Sleep::Headless] {
        let (frames_asleep, answers_asleep, closes_asleep, _) = play(sleep);
        assert_eq!(frames, frames_asleep, "the frames of a channel that never slept, and of one that did: {sleep:?}");
        assert_eq!(
            answers, answers_asleep,
            "the answers of a channel that never slept, and of one that did: {sleep:?}"
        );
        assert_eq!(closes, closes_asleep, "the codes of a channel that never slept, and of one that did: {sleep:?}");
    }
}

/// How properties are tried: on the same cases every time, unless the environment asks for more or others by
/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED`.
pub fn config(cases: u32) -> ProptestConfig {
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    ProptestConfig {
        cases: asked("PROPTEST_CASES").map_or(cases, |cases| u32::try_from(cases).unwrap()),
        rng_seed: RngSeed::Fixed(asked("PROPTEST_RNG_SEED").unwrap_or(1)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A publish of the event `say`.
pub fn say(id: &str, data: impl Into<Value>) -> Value {
    publish("say", id, data)
}

/// A publish of any event.
pub fn publish(event: &str, id: &str, data: impl Into<Value>) -> Value {
    json!({"type": "publish", "id": id, "event": event, "data": data.into()})
}

/// A joiner with every ability, who need not mind any rate.
pub fn unmetered(user: &str) -> Joiner {
    Joiner::user(user).can(&["join", "publish", "presence", "history", "unmetered"])
}

/// The seqs of those frames that are messages with one.
pub fn seqs(frames: &[Value]) -> Vec<u64> {
    let messages = frames.iter().filter(|frame| frame["type"] == "message");
    messages.filter_map(|message| message["seq"].as_u64()).collect()
}

/// Those frames that answer the request of this id of this connection.
pub fn answers(frames: &[Value], own: &str, id: &str) -> Vec<Value> {
    let answers = |frame: &&Value| match frame["type"].as_str() {
        Some("message") => frame["id"] == id && frame["from"]["connection"] == own,
        Some("ack" | "error" | "history" | "resumed") => frame["id"] == id,
        _ => false,
    };
    frames.iter().filter(answers).cloned().collect()
}

impl World {
    /// A world around `room:a` of the test contract, always awake.
    pub fn room() -> Self {
        Self::room_that(Sleep::Never)
    }

    /// A world around `room:a` of the test contract.
    pub fn room_that(sleep: Sleep) -> Self {
        Self::under(contract(), "room:a", sleep)
    }

    /// Nothing happens for longer than the platform waits before it puts a channel to sleep.
    pub fn pause(&mut self) {
        self.settle();
        self.advance(QUIET + 1_000);
    }

    /// The epoch that the client was told in its welcome.
    #[track_caller]
    pub fn epoch(&self, client: Client) -> String {
        self.welcome(client)["epoch"].as_str().unwrap().to_owned()
    }

    /// The connection id that the client was told in its welcome.
    #[track_caller]
    pub fn connection(&self, client: Client) -> String {
        self.welcome(client)["connection"].as_str().unwrap().to_owned()
    }

    /// The last welcome of the client.
    #[track_caller]
    pub fn welcome(&self, client: Client) -> Value {
        let mut welcomes = self.socket(client).frames.iter().filter(|frame| frame["type"] == "welcome");
        welcomes.next_back().unwrap().clone()
    }

    /// All frames that answer the client's request of this id: an ack, an error, a page, or its own message.
    pub fn answers_to(&self, client: Client, id: &str) -> Vec<Value> {
        answers(&self.socket(client).frames, &self.connection(client), id)
    }

    /// Sends one frame and answers everything the client received by it, timers included.
    pub fn told(&mut self, client: Client, frame: Value) -> Vec<Value> {
        self.received(client);
        self.send(client, frame);
        self.settle();
        self.received(client)
    }

    /// Sends one frame; the one frame received is a refusal with this code.
    #[track_caller]
    pub fn refuses(&mut self, client: Client, frame: Value, code: &str) -> Value {
        self.received(client);
        self.send(client, frame);
        self.settle();
        self.assert_refused(client, code)
    }

    /// Asks over HTTP, and waits for the answer.
    pub fn get(&mut self, joiner: &Joiner, operation: HttpOperation) -> (u16, Value) {
        let asker = self.handle_http(joiner, operation);
        self.settle();
        self.answer(asker)
    }

    /// A page of messages over HTTP.
    pub fn messages(
        &mut self,
        joiner: &Joiner,
        after: Option<&str>,
        before: Option<&str>,
        limit: Option<&str>,
    ) -> (u16, Value) {
        let own = |text: Option<&str>| text.map(str::to_owned);
        self.get(joiner, HttpOperation::Messages { after: own(after), before: own(before), limit: own(limit) })
    }

    /// The body of a POST as it was written, and the answer to it.
    pub fn post_text(&mut self, joiner: &Joiner, body: &str) -> (u16, Value) {
        self.get(joiner, HttpOperation::Publish { body: body.to_owned() })
    }

    /// The answer to an HTTP request.
    #[track_caller]
    pub fn answer(&self, asker: AskerKey) -> (u16, Value) {
        let (status, body, _) = self.answers.get(&asker).unwrap().clone();
        (status, body)
    }

    /// Keeps so many messages, by a user who need not mind any rate and is not here.
    pub fn keep(&mut self, count: usize) {
        for number in 1..=count {
            let (status, answer) = self.post(&unmetered("keeper"), json!({"event": "say", "data": number}));
            assert_eq!(status, 200, "{answer}");
        }
    }
}
