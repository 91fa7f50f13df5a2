//! Random scripts: whatever comes and goes, everybody ends with the true list, everything due happens when it is due,
//! and nobody can tell whether the channel slept (rules P2, P3, P4, A7, D3, D9, H1, H2).
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

use dormouse_core::channel::HttpOperation;
use dormouse_core::contract::{Channel, Contract, Event, HistoryBounds, Json, Presence};
use dormouse_protocol::name::Millis;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};
use support::{Client, Joiner, Sleep, World};

const GRACE: Millis = 10_000;
const SIGN_IN: Millis = 10_000;
const AGE: Millis = 30_000;

/// How often an alarm looks whether somebody is still there, where messages are held no longer than that.
const LOOK: Millis = 86_400_000 + 60_000;
/// A list has at most so many, and comes back at so many.
const LIST: usize = 4;
const LIST_BACK: usize = 2;

/// One thing that happens. Numbers choose among whoever there is.
#[derive(Clone, Debug)]
enum Step {
    Join { user: u8, grant: Granted, back: Back },
    JoinFirst,
    Auth { who: u8, user: u8, grant: Granted },
    Narrow { who: u8 },
    Leave { who: u8 },
    Cut { who: u8 },
    Show { who: u8, data: Option<u8> },
    Say { who: u8 },
    Pass { millis: Millis },
    Crash,
}

#[derive(Clone, Copy, Debug)]
struct Granted {
    presence: bool,
    info: u8,
}

/// Which connection a joiner names.
#[derive(Clone, Copy, Debug)]
enum Back {
    None,
    /// The latest of its own user.
    Own,
    /// Anybody's.
    Any(u8),
}

fn granted() -> impl Strategy<Value = Granted> {
    (prop::bool::weighted(0.8), 0..3_u8).prop_map(|(presence, info)| Granted { presence, info })
}

fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![3 => Just(Back::None), 4 => Just(Back::Own), 1 => any::<u8>().prop_map(Back::Any)];
    let soon = prop_oneof![Just(1), Just(500), Just(1_100), Just(3_000)];
    let late = prop_oneof![Just(9_999), Just(10_000), Just(11_000), Just(15_000), Just(29_999), Just(31_000)];
    let who = any::<u8>;
    prop_oneof![
        8 => (0..4_u8, granted(), back).prop_map(|(user, grant, back)| Step::Join { user, grant, back }),
        2 => Just(Step::JoinFirst),
        4 => (who(), 0..4_u8, granted()).prop_map(|(who, user, grant)| Step::Auth { who, user, grant }),
        1 => who().prop_map(|who| Step::Narrow { who }),
        3 => who().prop_map(|who| Step::Leave { who }),
        5 => who().prop_map(|who| Step::Cut { who }),
        5 => (who(), prop::option::weighted(0.7, 0..3_u8)).prop_map(|(who, data)| Step::Show { who, data }),
        3 => who().prop_map(|who| Step::Say { who }),
        4 => soon.prop_map(|millis| Step::Pass { millis }),
        3 => late.prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Crash),
    ]
}

// --- what is true ------------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
struct Shown {
    user: Option<String>,
    watches: bool,
    present: bool,
    info: u8,
    data: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    Awaiting { until: Millis },
    Gone,
}

/// What one client was told of the others.
#[derive(Clone, Debug, PartialEq)]
enum View {
    Nothing,
    List(BTreeMap<String, Value>),
    Count(usize),
}

#[derive(Debug)]
struct Person {
    client: Client,
    connection: String,
    shown: Shown,
    state: State,
    view: View,
}

struct Truth {
    world: World,
    people: Vec<Person>,
    graces: BTreeMap<String, (Millis, Shown)>,
    epoch: Option<String>,
    /// Between when and when the life ends, if nobody comes.
    end: Option<(Millis, Millis)>,
    rows: usize,
    /// Whether anything was said in this life that is not lost.
    said: bool,
    /// Every change is told before the next happens.
    strict: bool,
}

fn contract() -> Contract {
    let door = Channel::sign_in_later()
        .event::<Json>("say", Event::kept())
        .history(HistoryBounds { age: AGE, ..HistoryBounds::default() })
        .presence::<Json>(Presence::list());
    Contract::new().channel("door:*", door)
}

fn joiner(user: &str, grant: Granted) -> Joiner {
    let can: &[&str] = match grant.presence {
        true => &["join", "publish", "unmetered", "presence"],
        false => &["join", "publish", "unmetered"],
    };
    Joiner::user(user).can(can).info(json!({"n": grant.info})).expires(u64::MAX >> 12)
}

fn member(connection: &str, shown: &Shown) -> Value {
    let mut member = json!({"user": shown.user, "connection": connection, "info": {"n": shown.info}});
    if let Some(data) = shown.data {
        member["data"] = json!(data);
    }
    member
}

impl Truth {
    fn new(sleep: Sleep, strict: bool) -> Self {
        let mut world = World::under(contract(), "door:a", sleep);
        (world.limits.presence_list, world.limits.presence_list_back) = (LIST, LIST_BACK);
        let (people, graces) = (Vec::new(), BTreeMap::new());
        Self { world, people, graces, epoch: None, end: None, rows: 0, said: false, strict }
    }

    fn play(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
            if self.strict {
                self.world.settle_now();
            }
            self.listen();
            self.watch_the_life();
        }
        self.step(&Step::Pass { millis: 12_500 });
        self.step(&Step::Pass { millis: 2_500 });
        self.world.advance(2_000);
        assert_eq!(self.world.timer(), None, "an idle channel holds no timer");
    }

    /// One of those for whom it makes sense, if there are any.
    fn choose(&self, who: u8, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        let fitting: Vec<_> = (0..self.people.len()).filter(|index| fits(&self.people[*index])).collect();
        (!fitting.is_empty()).then(|| fitting[usize::from(who) % fitting.len()])
    }

    fn step(&mut self, step: &Step) {
        let open = |person: &Person| person.state != State::Gone;
        let live = |person: &Person| person.state == State::Live;
        match step {
            Step::Join { user, grant, back } => self.join(&format!("u{user}"), *grant, *back),
            Step::JoinFirst => self.join_first(),
            Step::Auth { who, user, grant } => {
                if let Some(index) = self.choose(*who, open) {
                    self.auth(index, &format!("u{user}"), *grant);
                }
            }
            Step::Narrow { who } => {
                if let Some(index) = self.choose(*who, live) {
                    let token =
                        joiner(self.people[index].shown.user.as_deref().unwrap(), Granted { presence: true, info: 0 });
                    let client = self.people[index].client;
                    self.world
                        .send(client, json!({"type": "auth", "token": token.can(&["publish", "unmetered"]).token()}));
                    self.gone(index);
                }
            }
            Step::Leave { who } => {
                if let Some(index) = self.choose(*who, open) {
                    self.world.leave(self.people[index].client);
                    self.gone(index);
                }
            }
            Step::Cut { who } => {
                if let Some(index) = self.choose(*who, open) {
                    self.cut(index);
                }
            }
            Step::Show { who, data } => {
                if let Some(index) = self.choose(*who, |person| live(person) && person.shown.watches) {
                    let person = &mut self.people[index];
                    (person.shown.present, person.shown.data) = (data.is_some(), *data);
                    self.world.send(person.client, json!({"type": "presence", "data": data}));
                }
            }
            Step::Say { who } => {
                if let Some(index) = self.choose(*who, live) {
                    self.said = true;
                    self.world.send(self.people[index].client, json!({"type": "publish", "event": "say", "data": 1}));
                }
            }
            Step::Pass { millis } => self.pass(*millis),
            Step::Crash => self.crash(),
        }
    }

    fn join(&mut self, user: &str, grant: Granted, back: Back) {
        let own = |person: &&Person| person.shown.user.as_deref() == Some(user);
        let name = match back {
            Back::None => None,
            Back::Own => self.people.iter().rev().find(own).map(|person| person.connection.clone()),
            Back::Any(who) => self.choose(who, |_| true).map(|index| self.people[index].connection.clone()),
        };
        let mut shown = Shown {
            user: Some(user.to_owned()),
            watches: grant.presence,
            present: grant.presence,
            info: grant.info,
            data: None,
        };
        let before = name.as_deref().and_then(|name| self.take_over(name, user));
        if let Some(before) = &before {
            shown.present &= before.present;
            shown.data = before.data;
        }
        let goes_on = self.lives() || before.is_some();
        let mut joiner = joiner(user, grant);
        joiner.connection = name.clone();
        let client = self.world.join(&joiner);
        let welcome = self.world.welcome(client);
        let connection = self.world.connection(client);
        match before {
            Some(_) => assert_eq!(Some(&connection), name.as_ref()),
            None => {
                assert!(self.people.iter().all(|person| person.connection != connection), "a connection used twice")
            }
        }
        self.note_epoch(&welcome, goes_on);
        self.people.push(Person { client, connection, shown, state: State::Live, view: View::Nothing });
    }

    /// What the connection named had, if it is this user's.
    fn take_over(&mut self, name: &str, user: &str) -> Option<Shown> {
        let live = |person: &Person| person.state == State::Live && person.connection == name;
        if let Some(index) = self.people.iter().position(live) {
            let same = self.people[index].shown.user.as_deref() == Some(user);
            return same.then(|| {
                self.people[index].state = State::Gone;
                self.people[index].shown.clone()
            });
        }
        let (_, shown) = self.graces.get(name).filter(|(_, shown)| shown.user.as_deref() == Some(user))?;
        let shown = shown.clone();
        self.graces.remove(name);
        Some(shown)
    }

    fn join_first(&mut self) {
        let client = self.world.join(&Joiner::anonymous());
        let connection = self.world.connection(client);
        let shown = Shown { user: None, watches: false, present: false, info: 0, data: None };
        let state = State::Awaiting { until: self.world.now() + SIGN_IN };
        if !self.lives() {
            self.epoch = None;
        }
        self.people.push(Person { client, connection, shown, state, view: View::Nothing });
    }

    fn auth(&mut self, index: usize, user: &str, grant: Granted) {
        let person = &mut self.people[index];
        let client = person.client;
        let awaiting = person.state != State::Live;
        let user = person.shown.user.clone().unwrap_or_else(|| user.to_owned());
        let shown = &mut person.shown;
        shown.present = grant.presence && (shown.present || !shown.watches);
        (shown.user, shown.watches, shown.info) = (Some(user.clone()), grant.presence, grant.info);
        person.state = State::Live;
        self.world.send(client, json!({"type": "auth", "token": joiner(&user, grant).token()}));
        if awaiting {
            let welcome = self.world.welcome(client);
            self.note_epoch(&welcome, self.epoch.is_some());
        } else if !grant.presence {
            // What it knew of the others grows old.
            self.listen_to(index);
            self.people[index].view = View::Nothing;
        }
    }

    fn cut(&mut self, index: usize) {
        let person = &self.people[index];
        if person.state == State::Live && person.shown.watches {
            let due = self.world.now() + GRACE;
            self.graces.insert(person.connection.clone(), (due, person.shown.clone()));
        }
        self.world.cut(person.client);
        self.gone(index);
    }

    fn gone(&mut self, index: usize) {
        self.listen_to(index);
        self.people[index].state = State::Gone;
        self.note_desertion(self.world.now());
    }

    fn crash(&mut self) {
        self.listen();
        let before = self.occupied();
        self.world.crash();
        self.people.iter_mut().for_each(|person| person.state = State::Gone);
        if before && self.graces.is_empty() {
            // Nobody saw when they left: the end comes once the newest message is too old, and not much later.
            let newest = self.newest().unwrap_or_else(|| self.world.now());
            self.end = Some((newest + AGE, self.world.now() + LOOK));
        }
        self.rows = self.world.storage.rows().count();
        self.said = false;
    }

    fn pass(&mut self, millis: Millis) {
        let until = self.world.now() + millis;
        let mut last = self.world.now();
        self.world.settle_now();
        self.watch_the_life();
        loop {
            let due = self.graces.values().map(|(due, _)| *due);
            let sign_in = self.people.iter().filter_map(|person| match person.state {
                State::Awaiting { until } => Some(until),
                State::Live | State::Gone => None,
            });
            let Some(next) = due.chain(sign_in).min().filter(|next| *next <= until) else { break };
            assert!(self.world.alarm().is_some_and(|alarm| alarm <= next), "no alarm for what is due");
            self.world.advance(next.saturating_sub(self.world.now()));
            self.watch_the_life();
            self.world.settle_now();
            self.graces.retain(|_, (due, _)| *due > next);
            for index in 0..self.people.len() {
                if self.people[index].state == (State::Awaiting { until: next }) {
                    let last = self.world.received(self.people[index].client).pop().unwrap();
                    assert_eq!((&last["type"], &last["code"]), (&json!("bye"), &json!(4300)));
                    self.people[index].state = State::Gone;
                }
            }
            self.note_desertion(next);
            self.listen();
            last = next;
        }
        self.world.advance(until - self.world.now());
        self.watch_the_life();
        self.listen();
        // A number may take a second to be told.
        if until - last >= 1_000 {
            self.check();
        }
    }

    // --- the life of the history -----------------------------------------------------------------------------

    fn occupied(&self) -> bool {
        !self.graces.is_empty() || self.people.iter().any(|person| person.state != State::Gone)
    }

    fn lives(&self) -> bool {
        self.occupied() || self.said || self.world.storage.rows().count() > 0
    }

    fn newest(&self) -> Option<Millis> {
        self.world.storage.rows().last().map(|row| row.key().at)
    }

    fn note_desertion(&mut self, now: Millis) {
        if !self.occupied() {
            let end = now.max(self.newest().unwrap_or(0)) + AGE;
            self.end = Some((end, end));
        }
    }

    fn note_epoch(&mut self, welcome: &Value, goes_on: bool) {
        let epoch = welcome["epoch"].as_str().unwrap().to_owned();
        if let Some(known) = &self.epoch {
            assert_eq!(*known == epoch, goes_on, "{known} {epoch}");
        }
        self.epoch = Some(epoch);
    }

    /// Rows go only when nobody has come back for long enough, and then they do; wherever they are, an alarm is set.
    fn watch_the_life(&mut self) {
        let now = self.world.now();
        let rows = self.world.storage.rows().count();
        let ended = rows == 0 && self.rows > 0;
        self.rows = rows;
        if ended {
            let (earliest, _) = self.end.expect("somebody is here");
            assert!(!self.occupied() && now >= earliest, "ended too early");
            self.said = false;
        }
        if rows > 0 {
            assert!(self.world.alarm().is_some_and(|alarm| alarm <= now + LOOK), "rows and no alarm");
            if !self.occupied() {
                let (_, latest) = self.end.expect("nobody is here");
                assert!(now < latest, "not ended at {latest} but {now}");
            }
        }
    }

    // --- what they hear ------------------------------------------------------------------------------------------

    fn listen(&mut self) {
        for index in 0..self.people.len() {
            self.listen_to(index);
        }
    }

    fn listen_to(&mut self, index: usize) {
        let frames = self.world.received(self.people[index].client);
        let (state, strict) = (self.people[index].state, self.strict);
        let person = &mut self.people[index];
        for frame in frames {
            if matches!(state, State::Awaiting { .. }) {
                assert_eq!(frame["type"], "welcome", "it hears nothing before it has signed in");
            }
            match frame["type"].as_str().unwrap() {
                "welcome" | "presence" => person.view.take(&frame, &person.connection, strict),
                _ => {}
            }
        }
    }

    /// Everybody who sees others sees the truth, and the service tells the same.
    fn check(&mut self) {
        let live = self.people.iter().filter(|person| person.state == State::Live && person.shown.present);
        let live = live.map(|person| (person.connection.clone(), member(&person.connection, &person.shown)));
        let away = self.graces.iter().filter(|(_, (_, shown))| shown.present);
        let away = away.map(|(connection, (_, shown))| (connection.clone(), member(connection, shown)));
        let truth: BTreeMap<_, _> = live.chain(away).collect();
        let (status, answer) = {
            let asker =
                self.world.handle_http(&joiner("zoe", Granted { presence: true, info: 0 }), HttpOperation::Members);
            self.world.answer(asker)
        };
        assert_eq!(status, 200);
        let said = match answer["members"].as_array() {
            Some(members) => View::List(by_connection(members)),
            None => View::Count(usize::try_from(answer["count"].as_u64().unwrap()).unwrap()),
        };
        match &said {
            View::List(members) => assert_eq!(*members, truth),
            View::Count(count) => assert_eq!(*count, truth.len()),
            View::Nothing => panic!("nothing said"),
        }
        for person in self.people.iter().filter(|person| person.state == State::Live) {
            match person.shown.watches {
                true => assert_eq!(person.view, said, "{}", person.connection),
                false => assert_eq!(person.view, View::Nothing, "{}", person.connection),
            }
        }
        if truth.len() > LIST {
            assert!(matches!(said, View::Count(_)));
        }
        if truth.len() <= LIST_BACK {
            assert!(matches!(said, View::List(_)));
        }
    }
}

impl View {
    fn take(&mut self, frame: &Value, own: &str, strict: bool) {
        if let Some(members) = frame["members"].as_array() {
            *self = Self::List(by_connection(members));
        }
        if let Some(count) = frame["count"].as_u64() {
            let count = usize::try_from(count).unwrap();
            *self = Self::Count(count);
        }
        for kind in ["join", "update", "leave"] {
            for member in frame[kind].as_array().into_iter().flatten() {
                let Self::List(known) = self else { panic!("a change of what was no list: {frame}") };
                let connection = member["connection"].as_str().unwrap().to_owned();
                let before = known.get(&connection).cloned();
                let fresh = match kind {
                    "join" => before.is_none() || connection == own,
                    "update" => before.is_some_and(|before| before != *member) || connection == own,
                    _ => before.is_some(),
                };
                assert!(fresh || !strict, "told twice or out of order: {frame}");
                match kind {
                    "leave" => drop(known.remove(&connection)),
                    _ => drop(known.insert(connection, member.clone())),
                }
            }
        }
    }
}

fn by_connection(members: &[Value]) -> BTreeMap<String, Value> {
    members.iter().map(|member| (member["connection"].as_str().unwrap().to_owned(), member.clone())).collect()
}

fn transcript(steps: &[Step], sleep: Sleep, strict: bool) -> Vec<Vec<Value>> {
    let mut truth = Truth::new(sleep, strict);
    truth.play(steps);
    truth.world.transcript()
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p2_each_change_is_told_once_and_everybody_ends_with_the_true_list(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        transcript(&steps, Sleep::Never, true);
    }

    #[test]
    fn p2_whatever_falls_into_one_batch_everybody_ends_with_the_true_list(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        transcript(&steps, Sleep::Never, false);
    }

    #[test]
    fn h1_whatever_happens_is_told_the_same_asleep_or_not(
        steps in prop::collection::vec(step().prop_filter("a crash is no sleep", |step| !matches!(step, Step::Crash)), 1..40)
    ) {
        let awake = transcript(&steps, Sleep::Never, false);
        prop_assert_eq!(&awake, &transcript(&steps, Sleep::Always, false));
        prop_assert_eq!(&awake, &transcript(&steps, Sleep::Headless, false));
    }

    #[test]
    fn d9_whatever_happens_what_is_due_happens_when_it_is_due_through_sleep_and_crashes(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        transcript(&steps, Sleep::Always, false);
    }
}
