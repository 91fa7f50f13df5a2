//! A contract that no deployment changes, and short ways to say what a test wants said under it.

use dormouse_core::contract::{Ability, Channel, Contract, Event, HistoryBounds, Json, KIB, Presence};
use dormouse_core::testing::{Joiner, Sleep, assert_same_asleep, assert_same_asleep_in};
use dormouse_protocol::name::EventName;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use serde_json::{Value, json};

use super::relayed::assert_same_through_relay;
use super::world::World;

/// Data of the event `note`.
#[dormouse::payload]
pub struct Note {
    #[garde(length(chars, min = 1, max = 10))]
    pub text: String,
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
    assert_same_asleep_in(|sleep| World::under(contract(), channel, sleep), script);
}

/// As [`in_room`], and again with every client behind a relay, where it must hear the same (rule M5).
#[track_caller]
pub fn in_room_both_ways(script: impl Fn(&mut World)) {
    in_channel_both_ways("room:a", script);
}

/// As [`in_room_both_ways`], in another channel of the test contract.
#[track_caller]
pub fn in_channel_both_ways(channel: &str, script: impl Fn(&mut World)) {
    in_channel(channel, &script);
    assert_same_through_relay(|sleep| World::under(contract(), channel, sleep), script);
}

/// As [`in_channel`], in a channel of this deployment.
#[track_caller]
pub fn in_app(channel: &str, script: impl Fn(&mut World)) {
    assert_same_asleep(channel, script);
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

/// Worlds of the test contract.
pub trait Rooms {
    /// A world around `room:a` of the test contract, always awake.
    fn room() -> Self;

    /// A world around `room:a` of the test contract.
    fn room_that(sleep: Sleep) -> Self;

    /// Keeps so many messages, by a user who need not mind any rate and is not here.
    fn keep(&mut self, count: usize);
}

impl Rooms for World {
    fn room() -> Self {
        Self::room_that(Sleep::Never)
    }

    fn room_that(sleep: Sleep) -> Self {
        Self::under(contract(), "room:a", sleep)
    }

    fn keep(&mut self, count: usize) {
        for number in 1..=count {
            let (status, answer) = self.post(&unmetered("keeper"), json!({"event": "say", "data": number}));
            assert_eq!(status, 200, "{answer}");
        }
    }
}
