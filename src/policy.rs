//! Who may do what on a channel (rule A3): what a grant and the contract of today give together.

use crate::auth::Grant;
use crate::contract::{Ability, ChannelRules, Entry, EventRules};
use crate::name::EventName;

/// What one member may do on one channel. Worked out when its grant changes, and asked on every message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    flags: u8,
    /// The events of `publish:EVENT`, sorted.
    events: Vec<EventName>,
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
            Ability::PublishEvent(name) if *name == event.name => {
                self.may(&Ability::Publish) || self.may(&event.ability)
            }
            ability => self.may(ability),
        }
    }

    /// The abilities as they stand in `welcome.can`: sorted, each once.
    pub fn names(&self) -> Vec<String> {
        let plain = PLAIN.iter().filter(|ability| self.may(ability)).map(ToString::to_string);
        let events = self.events.iter().map(|event| Ability::PublishEvent(event.clone()).to_string());
        let mut names: Vec<_> = plain.chain(events).collect();
        names.sort_unstable();
        names
    }

    fn add(&mut self, ability: Ability) {
        self.flags |= flag(&ability);
        if let Ability::PublishEvent(event) = ability
            && let Err(place) = self.events.binary_search(&event)
        {
            self.events.insert(place, event);
        }
    }
}

/// The abilities that stand for themselves.
const PLAIN: [Ability; 6] =
    [Ability::Join, Ability::Publish, Ability::Presence, Ability::History, Ability::Meter, Ability::Unmetered];

/// The bit of an ability; `publish:EVENT` has none, its events are held by name.
const fn flag(ability: &Ability) -> u8 {
    match ability {
        Ability::PublishEvent(_) => 0,
        Ability::Join => 1,
        Ability::Publish => 2,
        Ability::Presence => 4,
        Ability::History => 8,
        Ability::Meter => 16,
        Ability::Unmetered => 32,
    }
}
