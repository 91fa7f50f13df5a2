//! Whatever a client sends: it never breaks the channel, and is answered or ignored by rule (rules F2, R2, R4).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use dormouse_core::channel::Unreadable;
use dormouse_protocol::ijson;
use dormouse_protocol::request;
use proptest::prelude::*;
use serde_json::Value;
use support::room::{config, contract};
use support::{Client, Joiner, Rooms, Sleep, World, answers, unmetered};

/// What is sent: bytes of any kind, or a frame of the vectors after something happened to it.
#[derive(Clone, Debug)]
enum Sent {
    Bytes(Vec<u8>),
    Words(Vec<&'static str>),
    Mutated(prop::sample::Index, Vec<Mutation>),
}

/// What happens to a frame on its way.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, &'static str),
    Nest(u8),
    Within(u8),
}

/// Pieces of which frames are made, and some that have no business in one.
const WORDS: [&str; 46] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\"type\":",
    "\"publish\"",
    "\"id\":",
    "\"1\"",
    "\"event\":",
    "\"say\"",
    "\"wave\"",
    "\"note\"",
    "\"data\":",
    "{\"text\":\"x\"}",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e999",
    "9007199254740993",
    "1.5",
    "\"to\":",
    "{\"users\":[\"ann\"]}",
    "\"echo\":",
    "\"if_seq\":",
    "\"auth\"",
    "\"token\":",
    "\"good.{}\"",
    "\"presence\"",
    "\"history\"",
    "\"resume\"",
    "\"epoch\":",
    "\"e1\"",
    "\"after\":",
    "\"before\":",
    "\"limit\":",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "ü😀",
    " \n",
    "\"channel\":",
];

fn sent() -> impl Strategy<Value = Sent> {
    let index = any::<prop::sample::Index>;
    let mutation = prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        (index(), index()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        (index(), index()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        (index(), prop::sample::select(WORDS.to_vec())).prop_map(|(at, word)| Mutation::Insert(at, word)),
        (0..80_u8).prop_map(Mutation::Nest),
        (1..110_u8).prop_map(Mutation::Within),
    ];
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Sent::Bytes),
        2 => prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..30).prop_map(Sent::Words),
        6 => (index(), prop::collection::vec(mutation, 0..4)).prop_map(|(which, mutations)| Sent::Mutated(which, mutations)),
    ]
}

impl Sent {
    fn bytes(&self, frames: &[String]) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Words(words) => words.concat().into_bytes(),
            Self::Mutated(which, mutations) => {
                let frame = which.get(frames).clone().into_bytes();
                mutations.iter().fold(frame, |bytes, mutation| mutation.of(bytes))
            }
        }
    }
}

impl Mutation {
    fn of(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = bytes.len() + 1;
        let range = |one: &prop::sample::Index, other: &prop::sample::Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Flip(at, byte) => {
                if let Some(hit) = bytes.get_mut(at.index(length)) {
                    *hit ^= byte;
                }
            }
            Self::Cut(from, to) => drop(bytes.drain(range(from, to))),
            Self::Repeat(from, to) => {
                let again = bytes[range(from, to)].to_vec();
                bytes.extend(again);
            }
            Self::Insert(at, word) => {
                drop(bytes.splice(at.index(length)..at.index(length), word.bytes()).collect::<Vec<_>>())
            }
            Self::Nest(levels) => {
                let levels = usize::from(*levels);
                bytes = [b"[".repeat(levels), bytes, b"]".repeat(levels)].concat();
            }
            Self::Within(count) => {
                let members = vec![bytes; usize::from(*count)];
                bytes = [b"[".to_vec(), members.join(&b','), b"]".to_vec()].concat();
            }
        }
        bytes
    }
}

/// The frames of the vectors: every request in every shape, right and wrong.
fn frames() -> Vec<String> {
    let path = format!("{}/tests/vectors/frames.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    vectors["client"].as_array().unwrap().iter().map(|vector| vector["text"].as_str().unwrap().to_owned()).collect()
}

/// A client that hears what becomes of what it sends, and one that looks on.
struct Scene {
    world: World,
    speaker: Joiner,
    client: Client,
    witness: Client,
}

impl Scene {
    fn of(channel: &str, speaker: Joiner) -> Self {
        let mut world = World::under(contract(), channel, Sleep::Always);
        let witness = world.joined(&unmetered("witness"));
        let client = world.joined(&speaker);
        Self { world, speaker, client, witness }
    }

    /// Sends, and holds what came of it to the rules.
    fn send(&mut self, bytes: Vec<u8>) {
        // One that has not signed in is sent away when time passes.
        if self.world.socket(self.client).frames.last().is_some_and(|frame| frame["type"] == "bye") {
            self.world.leave(self.client);
            self.client = self.world.joined(&self.speaker);
        }
        self.world.received(self.client);
        self.world.received(self.witness);
        let text = String::from_utf8(bytes);
        match &text {
            Ok(text) => self.world.send_text(self.client, text),
            Err(_) => self.world.send_unreadable(self.client, Unreadable::NotUnicode),
        }
        self.world.drain();
        let told = self.world.received(self.client);
        let bye = told.iter().any(|frame| frame["type"] == "bye");
        match text {
            Ok(text) if !bye => self.hold(&text, &told),
            _ => assert!(!told.is_empty()),
        }
        self.betrays_nothing(&told);
        let heard = self.world.received(self.witness);
        assert!(heard.iter().all(|frame| frame["type"] == "message" || frame["type"] == "presence"), "{heard:#?}");
    }

    /// Each request is answered once if it has an id, and refused once at most if it has none.
    fn hold(&self, text: &str, told: &[Value]) {
        let refused = |id: Option<&str>| {
            told.iter().filter(|frame| frame["type"] == "error" && frame["id"].as_str() == id).count()
        };
        // One that sends more than anybody may is refused unread, so without an id (rule R5).
        if let [only] = told
            && only["code"] == "rate_limited"
            && only.get("id").is_none()
        {
            return;
        }
        let members = match request::parse(text, 100) {
            _ if text.len() > 65_536 => {
                return assert_eq!((told.len(), &told[0]["code"]), (1, &Value::from("too_large")));
            }
            Ok(members) => members,
            Err(refusal) => {
                return assert_eq!((told.len(), &told[0]["code"]), (1, &Value::from(refusal.code.as_str())), "{text}");
            }
        };
        let nameless: Vec<_> = members.iter().filter(|member| member.id.is_none()).collect();
        let misshapen = nameless.iter().filter(|member| member.request.is_err()).count();
        assert!((misshapen..=nameless.len()).contains(&refused(None)), "{text}: {told:#?}");
        let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
        for id in members.iter().filter_map(|member| member.id.as_ref()) {
            *asked.entry(id.as_str()).or_default() += 1;
        }
        let own = self.world.connection(self.client);
        for (id, count) in asked {
            let replayed = told.iter().any(|frame| frame["type"] == "resumed" || frame["type"] == "welcome");
            let answers = answers(told, &own, id).len();
            assert!(answers == count || (replayed && answers > count), "{id:?} in {text}: {told:#?}");
        }
    }

    /// What is told is I-JSON, and no refusal has anything of the inside in it (rule R2).
    fn betrays_nothing(&self, told: &[Value]) {
        for text in &self.world.socket(self.client).texts {
            assert_eq!(ijson::check(text), Ok(()), "{text}");
        }
        for message in
            told.iter().filter(|frame| frame["type"] == "error").filter_map(|frame| frame["message"].as_str())
        {
            for inside in
                ["::", "src/", ".rs", "panicked", "serde", "RawValue", "Option", "struct ", "Fields", "expected one of"]
            {
                assert!(!message.contains(inside), "{message}");
            }
        }
    }
}

fn play(channel: &str, speaker: Joiner, sent: &[Sent]) {
    let frames = frames();
    let mut scene = Scene::of(channel, speaker);
    for (number, sent) in sent.iter().enumerate() {
        if number % 16 == 15 {
            scene.world.pause();
        }
        scene.send(sent.bytes(&frames));
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn r4_whatever_a_member_sends_is_answered_or_ignored_by_rule(sent in prop::collection::vec(sent(), 1..40)) {
        play("room:a", unmetered("ann"), &sent);
    }

    #[test]
    fn r4_whatever_one_without_rights_sends_is_answered_or_ignored_by_rule(sent in prop::collection::vec(sent(), 1..40)) {
        play("room:a", Joiner::user("ann").can(&["join"]), &sent);
    }

    #[test]
    fn a7_whatever_one_sends_who_has_not_signed_in_is_answered_or_ignored_by_rule(sent in prop::collection::vec(sent(), 1..40)) {
        play("door:a", Joiner::anonymous(), &sent);
    }

    #[test]
    fn d4_whatever_a_joiner_names_as_its_position_it_is_let_in(epoch in ".{0,20}", after in ".{0,20}", connection in ".{0,70}") {
        let mut world = World::under(contract(), "room:a", Sleep::Always);
        world.keep(1);
        let own = |text: &str| Some(text.to_owned());
        let joiner = Joiner { epoch: own(&epoch), after: own(&after), connection: own(&connection), ..unmetered("ann") };
        let ann = world.joined(&joiner);
        prop_assert_eq!(&world.welcome(ann)["resume"], "lost");
    }

    #[test]
    fn h3_whatever_stands_in_an_attachment_the_channel_wakes(mutations in prop::collection::vec(0..400_usize, 1..6), byte in any::<u8>()) {
        let mut world = World::under(contract(), "room:a", Sleep::Never);
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&unmetered("bob"));
        world.sleep();
        let mut attachment = world.socket(ann).attachment.clone().into_bytes();
        for at in mutations {
            if let Some(hit) = attachment.get_mut(at) {
                *hit = byte;
            }
        }
        world.socket_mut(ann).attachment = String::from_utf8_lossy(&attachment).into_owned();
        let told = world.told(bob, support::say("1", 1));
        prop_assert!(told.iter().any(|frame| frame["seq"] == 1), "{:#?}", told);
    }

    #[test]
    fn e2_whatever_is_posted_is_answered_once(sent in prop::collection::vec(sent(), 1..40)) {
        let frames = frames();
        let mut world = World::under(contract(), "room:a", Sleep::Always);
        for sent in sent {
            let Ok(body) = String::from_utf8(sent.bytes(&frames)) else { continue };
            let (status, answer) = world.post_text(&unmetered("ann"), &body);
            prop_assert_eq!(status == 200, answer.get("error").is_none(), "{} {}", status, answer);
        }
    }
}
