//! What is true after each step, worked out apart from the machine.

use std::collections::BTreeMap;

use dormouse_core::contract::{Channel, Contract, Event, HistoryBounds, Json, Presence};
use dormouse_protocol::name::Millis;
use serde_json::{Value, json};

use crate::heard::View;
use crate::step::{Back, Granted, Step};
use crate::support::{Client, Joiner, Sleep, World};
use crate::{AGE, GRACE, LIST, LIST_BACK, LOOK, SIGN_IN};

#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) user: Option<String>,
    pub(crate) watches: bool,
    pub(crate) present: bool,
    pub(crate) info: u8,
    pub(crate) data: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    Awaiting { until: Millis },
    Gone,
}

#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) connection: String,
    pub(crate) shown: Shown,
    pub(crate) state: State,
    pub(crate) view: View,
}

pub(crate) struct Truth {
    pub(crate) world: World,
    pub(crate) people: Vec<Person>,
    pub(crate) graces: BTreeMap<String, (Millis, Shown)>,
    pub(crate) epoch: Option<String>,
    /// Between when and when the life ends, if nobody comes.
    pub(crate) end: Option<(Millis, Millis)>,
    pub(crate) rows: usize,
    /// Whether anything was said in this life that is not lost.
    pub(crate) said: bool,
    /// Every change is told before the next happens.
    pub(crate) strict: bool,
}

pub(crate) fn contract() -> Contract {
    let door = Channel::sign_in_later()
        .event::<Json>("say", Event::kept())
        .history(HistoryBounds { age: AGE, ..HistoryBounds::default() })
        .presence::<Json>(Presence::list());
    Contract::new().channel("door:*", door)
}

pub(crate) fn joiner(user: &str, grant: Granted) -> Joiner {
    let can: &[&str] = match grant.presence {
        true => &["join", "publish", "unmetered", "presence"],
        false => &["join", "publish", "unmetered"],
    };
    Joiner::user(user).can(can).info(json!({"n": grant.info})).expires(u64::MAX >> 12)
}

pub(crate) fn member(connection: &str, shown: &Shown) -> Value {
    let mut member = json!({"user": shown.user, "connection": connection, "info": {"n": shown.info}});
    if let Some(data) = shown.data {
        member["data"] = json!(data);
    }
    member
}

impl Truth {
    pub(crate) fn new(sleep: Sleep, strict: bool) -> Self {
        let mut world = World::under(contract(), "door:a", sleep);
        (world.limits.presence_list, world.limits.presence_list_back) = (LIST, LIST_BACK);
        Self::in_world(world, strict)
    }

    /// The same, whose joiners come through a relay.
    pub(crate) fn through_relay(self) -> Self {
        Self::in_world(self.world.through_relay(), self.strict)
    }

    fn in_world(world: World, strict: bool) -> Self {
        let (people, graces) = (Vec::new(), BTreeMap::new());
        Self { world, people, graces, epoch: None, end: None, rows: 0, said: false, strict }
    }

    pub(crate) fn play(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
            if self.strict {
                self.world.drain_now();
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
    pub(crate) fn choose(&self, who: u8, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        let fitting: Vec<_> = (0..self.people.len()).filter(|index| fits(&self.people[*index])).collect();
        (!fitting.is_empty()).then(|| fitting[usize::from(who) % fitting.len()])
    }

    pub(crate) fn step(&mut self, step: &Step) {
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

    pub(crate) fn join(&mut self, user: &str, grant: Granted, back: Back) {
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
    pub(crate) fn take_over(&mut self, name: &str, user: &str) -> Option<Shown> {
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

    pub(crate) fn join_first(&mut self) {
        let client = self.world.join(&Joiner::anonymous());
        let connection = self.world.connection(client);
        let shown = Shown { user: None, watches: false, present: false, info: 0, data: None };
        let state = State::Awaiting { until: self.world.now() + SIGN_IN };
        if !self.lives() {
            self.epoch = None;
        }
        self.people.push(Person { client, connection, shown, state, view: View::Nothing });
    }

    pub(crate) fn auth(&mut self, index: usize, user: &str, grant: Granted) {
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

    pub(crate) fn cut(&mut self, index: usize) {
        let person = &self.people[index];
        if person.state == State::Live && person.shown.watches {
            let due = self.world.now() + GRACE;
            self.graces.insert(person.connection.clone(), (due, person.shown.clone()));
        }
        self.world.cut(person.client);
        self.gone(index);
    }

    pub(crate) fn gone(&mut self, index: usize) {
        self.listen_to(index);
        self.people[index].state = State::Gone;
        self.note_desertion(self.world.now());
    }

    pub(crate) fn crash(&mut self) {
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

    pub(crate) fn pass(&mut self, millis: Millis) {
        let until = self.world.now() + millis;
        let mut last = self.world.now();
        self.world.drain_now();
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
            self.world.drain_now();
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
}
