//! Who may do what on a channel (rule A3): what a grant and the contract of today give together.

use crate::contract::{Ability, CallRules, ChannelRules, Entry, EventRules};
use crate::grant::Grant;
use dormouse_protocol::name::EventName;

/// What one member may do on one channel. Worked out when its grant changes, and asked on every message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    flags: u8,
    /// The events of `publish:EVENT`, sorted.
    events: Vec<EventName>,
    /// The calls of `call:NAME`, sorted.
    calls: Vec<EventName>,
}

impl Rights {
    /// The rights of whoever holds this grant, or none, under these rules.
    ///
    /// Without a grant one has what the channel grants to anyone, where anyone may join; elsewhere nothing.
    pub fn of(rules: &ChannelRules, grant: Option<&Grant>) -> Self {
        let mut rights = Self::default();
        if grant.is_some() || rules.entry == Entry::Anyone {
            rules.granted.iter().for_each(|ability| rights.add(ability.clone()));
        }
        let granted = grant.into_iter().flat_map(|grant| &grant.abilities);
        granted.filter_map(|text| Ability::parse(text)).for_each(|ability| rights.add(ability));
        rights
    }

    /// Whether this very ability is among them.
    pub fn may(&self, ability: &Ability) -> bool {
        match ability {
            Ability::PublishEvent(event) => self.events.binary_search(event).is_ok(),
            Ability::CallNamed(call) => self.calls.binary_search(call).is_ok(),
            ability => self.flags & flag(ability) != 0,
        }
    }

    /// Whether this event may be said.
    ///
    /// What needs `publish`, or `publish:` and its own name, may be said with either. An event reserved for another
    /// name needs `publish:` and that name; any other ability is needed as it stands.
    pub fn may_publish(&self, event: &EventRules) -> bool {
        match &event.ability {
            Ability::Publish => self.may(&Ability::Publish) || self.events.binary_search(&event.name).is_ok(),
            // What is left to the service takes its very name (rule C8).
            Ability::PublishEvent(name) if *name == event.name && !event.from_service => {
                self.may(&Ability::Publish) || self.may(&event.ability)
            }
            ability => self.may(ability),
        }
    }

    /// Whether this call may be asked: with `call`, with `call:` and its name, or with what it declares.
    pub fn may_call(&self, call: &CallRules) -> bool {
        match &call.ability {
            Ability::Call => self.may(&Ability::Call) || self.calls.binary_search(&call.name).is_ok(),
            ability => self.may(ability),
        }
    }

    /// Whether any event of the channel may be said.
    pub fn may_speak(&self, rules: &ChannelRules) -> bool {
        rules.events.values().any(|event| self.may_publish(event))
    }

    /// The abilities as they stand in `welcome.can`: sorted, each once.
    pub fn names(&self) -> Vec<String> {
        let plain = PLAIN.iter().filter(|ability| self.may(ability)).map(ToString::to_string);
        let events = self.events.iter().map(|event| Ability::PublishEvent(event.clone()).to_string());
        let calls = self.calls.iter().map(|call| Ability::CallNamed(call.clone()).to_string());
        let mut names: Vec<_> = plain.chain(events).chain(calls).collect();
        names.sort_unstable();
        names
    }

    /// What the log says of who lacks an ability: what was needed, and what there is.
    pub fn lacks(&self, needed: &str, signed_in: bool) -> String {
        let names = self.names().join(", ");
        let granted = if names.is_empty() { "nothing here".to_owned() } else { names };
        let who =
            if signed_in { "the token and the contract grant" } else { "there is no token, and anyone is granted" };
        format!("needs `{needed}`; {who} {granted}")
    }

    fn add(&mut self, ability: Ability) {
        self.flags |= flag(&ability);
        let (names, name) = match ability {
            Ability::PublishEvent(event) => (&mut self.events, event),
            Ability::CallNamed(call) => (&mut self.calls, call),
            _ => return,
        };
        if let Err(place) = names.binary_search(&name) {
            names.insert(place, name);
        }
    }
}

/// The abilities that stand for themselves.
const PLAIN: [Ability; 7] = [
    Ability::Join,
    Ability::Publish,
    Ability::Call,
    Ability::Presence,
    Ability::History,
    Ability::Meter,
    Ability::Unmetered,
];

/// The bit of an ability; `publish:EVENT` and `call:NAME` have none, they are held by name.
const fn flag(ability: &Ability) -> u8 {
    match ability {
        Ability::PublishEvent(_) | Ability::CallNamed(_) => 0,
        Ability::Join => 1,
        Ability::Publish => 2,
        Ability::Presence => 4,
        Ability::History => 8,
        Ability::Meter => 16,
        Ability::Unmetered => 32,
        Ability::Call => 64,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::{Channel, Contract, Event, Json, Presence};
    use dormouse_protocol::name::{ChannelName, UserId};

    fn rules(channel: Channel) -> ChannelRules {
        let contract = Contract::new().channel("room", channel).check().expect("a contract without mistakes");
        let rules = contract.rules(&ChannelName::parse("room").unwrap()).unwrap();
        ChannelRules::clone(rules)
    }

    /// A channel with an event for all who publish, one for hosts, and one for whoever hears.
    fn events(channel: Channel) -> ChannelRules {
        let said = channel
            .event::<Json>("say", Event::kept())
            .event::<Json>("close", Event::kept().reserved_for("host"))
            .event::<Json>("wave", Event::ephemeral().needs(Ability::Join))
            .presence::<Json>(Presence::list());
        rules(said)
    }

    fn grant(abilities: &[&str]) -> Grant {
        Grant {
            user: UserId::parse("ann").unwrap(),
            expires: 1,
            abilities: abilities.iter().map(|&ability| ability.to_owned()).collect(),
            roles: vec![],
            info: None,
            token_id: None,
            issued: None,
        }
    }

    fn rights(rules: &ChannelRules, abilities: &[&str]) -> Rights {
        Rights::of(rules, Some(&grant(abilities)))
    }

    /// Which of the events may be said.
    fn sayable(rules: &ChannelRules, rights: &Rights) -> Vec<String> {
        let said = rules.events.values().filter(|event| rights.may_publish(event));
        let mut said: Vec<_> = said.map(|event| event.name.to_string()).collect();
        said.sort_unstable();
        said
    }

    #[test]
    fn a3_publish_is_for_every_event_that_is_not_reserved() {
        let rules = events(Channel::with_token());
        assert_eq!(sayable(&rules, &rights(&rules, &["publish"])), ["say"]);
        assert_eq!(sayable(&rules, &rights(&rules, &["publish", "join"])), ["say", "wave"]);
    }

    #[test]
    fn a3_publish_event_is_for_that_event_alone() {
        let rules = events(Channel::with_token());
        assert_eq!(sayable(&rules, &rights(&rules, &["publish:say"])), ["say"]);
        assert_eq!(sayable(&rules, &rights(&rules, &["publish:host"])), ["close"]);
        assert_eq!(sayable(&rules, &rights(&rules, &["publish:close"])), Vec::<String>::new());
        assert_eq!(sayable(&rules, &rights(&rules, &["publish:host", "publish"])), ["close", "say"]);
        assert!(!rights(&rules, &["publish:say"]).may(&Ability::Publish));
    }

    #[test]
    fn a3_an_event_that_needs_its_own_name_is_said_with_publish_too() {
        let mut rules = events(Channel::with_token());
        for event in rules.events.values_mut() {
            event.ability = Ability::PublishEvent(event.name.clone());
        }
        assert_eq!(sayable(&rules, &rights(&rules, &["publish"])), ["close", "say", "wave"]);
        assert_eq!(sayable(&rules, &rights(&rules, &["publish:wave"])), ["wave"]);
        assert_eq!(sayable(&rules, &rights(&rules, &["join"])), Vec::<String>::new());
    }

    #[test]
    fn a3_what_neither_token_nor_contract_grants_is_refused() {
        let rules = events(Channel::with_token());
        let none = rights(&rules, &[]);
        assert_eq!(none, Rights::default());
        assert_eq!(none.names(), Vec::<String>::new());
        assert_eq!(sayable(&rules, &none), Vec::<String>::new());
        let unknown = rights(&rules, &["fly", "JOIN", "publish:", "publish:a:b", "*", ""]);
        assert_eq!(unknown, Rights::default());
    }

    #[test]
    fn a3_the_contract_adds_to_what_a_token_says() {
        let rules = events(Channel::with_token().grants([Ability::Presence, Ability::parse("publish:host").unwrap()]));
        assert_eq!(rights(&rules, &["join"]).names(), ["join", "presence", "publish:host"]);
        assert_eq!(Rights::of(&rules, None).names(), Vec::<String>::new());
    }

    #[test]
    fn a3_anyone_has_what_is_granted_to_all_and_no_more() {
        let rules = events(Channel::for_anyone().grants([Ability::Presence]));
        assert_eq!(Rights::of(&rules, None).names(), ["join", "presence"]);
        assert_eq!(sayable(&rules, &Rights::of(&rules, None)), ["wave"]);
        assert_eq!(rights(&rules, &["publish"]).names(), ["join", "presence", "publish"]);
    }

    #[test]
    fn a7_who_signs_in_later_has_nothing_until_then() {
        let rules = events(Channel::sign_in_later().grants([Ability::Presence]));
        assert_eq!(Rights::of(&rules, None), Rights::default());
        assert_eq!(rights(&rules, &["join"]).names(), ["join", "presence"]);
    }

    #[test]
    fn a3_abilities_are_told_sorted_and_each_once() {
        let rules = events(Channel::with_token().grants([Ability::Presence]));
        let all = [
            "unmetered",
            "publish:b",
            "publish",
            "publish:a",
            "join",
            "meter",
            "history",
            "presence",
            "publish:b",
            "join",
        ];
        let told = rights(&rules, &all).names();
        let sorted = ["history", "join", "meter", "presence", "publish", "publish:a", "publish:b", "unmetered"];
        assert_eq!(told, sorted);
    }

    proptest! {
        #[test]
        fn a3_rights_are_the_set_of_what_is_granted(
            texts in prop::collection::vec("join|publish|presence|history|meter|unmetered|publish:[abc]|[a-z:]{0,9}", 0..9)
        ) {
            let rules = events(Channel::with_token());
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            let rights = rights(&rules, &texts);
            let set: BTreeSet<_> = texts.iter().filter_map(|text| Ability::parse(text)).collect();
            prop_assert_eq!(rights.names(), set.iter().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
            for text in ["join", "publish", "presence", "history", "meter", "unmetered", "publish:a", "publish:d"] {
                let ability = Ability::parse(text).unwrap();
                prop_assert_eq!(rights.may(&ability), set.contains(&ability), "{}", text);
            }
        }
    }
}
