//! What must be so once all has gone well for a while.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::storage::Storage;
use serde_json::Value;

use super::{CHANNELS, Faults, World};
use crate::client::{Client, Seat, State};

impl World {
    /// All goes well for long enough that whatever can be mended is.
    pub fn heal(&mut self) {
        self.faults = Faults::NONE;
        self.nodes.iter_mut().for_each(|node| node.doom = None);
        self.pass(400_000);
    }

    /// Everything is as it should be.
    pub fn check(&self) {
        for (number, client) in self.clients.iter().enumerate() {
            for (channel, seat) in client.seats.iter().filter(|(_, seat)| seat.wanted) {
                let head = self.head(*channel);
                assert_eq!(seat.state, State::In, "client {number} is not in {channel}");
                assert_eq!(seat.seq, head, "client {number} is not at the head of {channel}");
                assert!(seat.pending.is_empty(), "client {number} was not answered: {:?}", seat.pending);
                let here = self.here(*channel);
                assert_eq!(seat.members, here, "client {number} sees others in {channel}");
            }
            self.check_once(number, client);
        }
        for node in &self.nodes {
            // A relay looks after itself once a minute; nobody else does anything while nothing happens.
            assert!(!node.is_channel || node.quiet_since + 60_000 < self.now, "{} does not come to rest", node.name);
            assert_eq!((node.calling, node.timer), (0, None), "{} is not at rest", node.name);
        }
    }

    fn head(&self, channel: usize) -> u64 {
        let mut storage = self.nodes[channel].storage.clone();
        storage.head().unwrap().map_or(0, |head| head.seq)
    }

    /// What each client said and was answered for is in the history once, and heard once.
    fn check_once(&self, number: usize, client: &Client) {
        for (channel, seat) in &client.seats {
            let mut ids = BTreeSet::new();
            for (seq, id) in &seat.heard {
                assert!(ids.insert(id.clone()), "client {number} heard {id} twice in {channel}, again at {seq}");
            }
            let kept = self.kept(*channel);
            for id in &seat.answered {
                let count = kept.iter().filter(|kept| *kept == id).count();
                assert_eq!(count, 1, "{id} of client {number} was answered, and is in {channel} so many times");
            }
        }
    }

    /// The ids of all that is kept in a channel, in its order.
    fn kept(&self, channel: usize) -> Vec<String> {
        let texts = self.nodes[channel].storage.rows().map(|row| row.text().to_owned());
        let frames = texts.flat_map(|text| serde_json::from_str::<Vec<Value>>(&format!("[{text}]")).unwrap());
        frames.map(|frame| frame["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The connections that are on the list of a channel, as the first sees it who is in; the others see the same.
    fn here(&self, channel: usize) -> BTreeSet<String> {
        let seats = self.clients.iter().filter_map(|client| client.seats.get(&channel));
        let live: Vec<_> = seats.filter(|seat| seat.wanted && seat.state == State::In).collect();
        let seen = live.first().map(|seat| seat.members.clone()).unwrap_or_default();
        let connections = |seats: &[&&Seat]| seats.iter().filter_map(|seat| seat.connection.clone()).collect();
        let all: BTreeSet<String> = connections(&live.iter().collect::<Vec<_>>());
        let listed: BTreeSet<String> = connections(&live.iter().filter(|seat| !seat.has_shown).collect::<Vec<_>>());
        assert!(seen.is_subset(&all), "some are on the list of {channel} who are not there: {seen:?}, {all:?}");
        assert!(listed.is_subset(&seen), "some are not on the list of {channel}: {seen:?}, {listed:?}");
        seen
    }

    /// Nobody was told to come back, and what one said on one connection stands in its order.
    pub fn check_calm(&self) {
        let told = self.clients.iter().flat_map(|client| client.seats.values()).map(|seat| seat.byes).sum::<u64>();
        assert_eq!(told, 0, "somebody was told to come back");
        for channel in 0..CHANNELS {
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            for id in self.kept(channel) {
                let (whose, count) = id.split_once('-').unwrap();
                let count = count.parse().unwrap();
                assert!(last.insert(whose.to_owned(), count).is_none_or(|before| before < count), "{id} came too late");
            }
        }
    }
}
