//! What they hear, and whether it is the truth (rules P2, P4).

use std::collections::BTreeMap;

use dormouse_core::channel::HttpOperation;
use serde_json::Value;

use crate::step::Granted;
use crate::truth::{State, Truth, joiner, member};
use crate::{LIST, LIST_BACK};

/// What one client was told of the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum View {
    Nothing,
    List(BTreeMap<String, Value>),
    Count(usize),
}

impl Truth {
    pub(crate) fn listen(&mut self) {
        for index in 0..self.people.len() {
            self.listen_to(index);
        }
    }

    pub(crate) fn listen_to(&mut self, index: usize) {
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
    pub(crate) fn check(&mut self) {
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
