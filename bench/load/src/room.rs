//! One channel as its members hear it: every frame is read in full once, and compared byte for byte after that.
//!
//! All members of a channel should hear the same frames in the same order. The first member to receive a frame has
//! it parsed and its order checked, and puts it into the log; the others only compare theirs with it. That proves
//! each delivery to each member at the price of a `memcmp`. A member whose frames are cut otherwise leaves the
//! common log and is checked alone.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::stats::{Stats, add};
use crate::wire::{self, Dialect, Post, Received};

/// A frame that members of a room hear, as the first of them received it.
pub struct Entry {
    /// The payload, without what is around its frames.
    pub body: Bytes,
    /// The messages in it.
    pub posts: Vec<Post>,
    passed: usize,
}

/// Where a member stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// It has heard the log up to here.
    Lockstep(u64),
    /// It hears frames of its own cut.
    Stray(usize),
}

/// How the messages of a room look.
#[derive(Clone)]
pub struct Form {
    /// How they are framed.
    pub dialect: Dialect,
    /// Bytes of their data.
    pub size: usize,
    /// Whether they carry a seq.
    pub kept: bool,
    /// The channel's name, where members come behind a relay.
    pub channel: Option<Rc<str>>,
}

impl Form {
    /// What a channel tells on a connection of many is told under its name.
    fn belongs(&self, received: Received) -> Result<Received, String> {
        match &received.channel {
            Some(channel) if Some(&**channel) != self.channel.as_deref() => Err(format!("{channel} was not joined")),
            _ => Ok(received),
        }
    }
}

/// One channel as its members hear it.
pub struct Room {
    stats: Rc<Stats>,
    form: Form,
    log: VecDeque<Entry>,
    base: u64,
    readers: usize,
    /// What the next message of each publisher is, where the log ends.
    head: Order,
    /// The same where the log begins.
    tail: Order,
    strays: Vec<Order>,
    dues: Vec<Vec<u64>>,
    /// Told when everything sent has reached every member.
    pub settled: Rc<Notify>,
}

/// What the next message of each publisher, and the next seq, must be.
#[derive(Clone)]
struct Order {
    counts: Vec<u64>,
    seq: Option<u64>,
}

impl Room {
    /// A room of members that all read, some of which publish.
    pub fn new(stats: Rc<Stats>, form: Form, readers: usize, publishers: usize) -> Self {
        let order = Order { counts: vec![0; publishers], seq: None };
        Self {
            stats,
            form,
            log: VecDeque::new(),
            base: 0,
            readers,
            head: order.clone(),
            tail: order,
            strays: Vec::new(),
            dues: vec![Vec::new(); publishers],
            settled: Rc::new(Notify::new()),
        }
    }

    /// Takes note of a message that a publisher sends; how many it had sent before.
    pub fn send(&mut self, publisher: usize, due: u64) -> u64 {
        add(&self.stats.published, 1);
        let Some(dues) = self.dues.get_mut(publisher) else { return 0 };
        dues.push(due);
        dues.len() as u64 - 1
    }

    /// Takes a frame that a member received; how many messages of `publisher` are in it.
    pub fn hear(&mut self, place: &mut Place, publisher: Option<usize>, text: Bytes) -> usize {
        let now = self.stats.now();
        let body = match self.form.dialect {
            Dialect::Raw => text.clone(),
            Dialect::Dormouse => wire::body(self.form.channel.as_deref(), &text),
        };
        if let Place::Lockstep(position) = place {
            let index = self.index(*position);
            if self.log.get(index).is_some_and(|entry| entry.body == body) {
                *position += 1;
                return self.pass(index, publisher, (text.len(), now));
            }
        }
        let read = wire::read(self.form.dialect, &text, self.form.size);
        let received = match read.and_then(|received| self.form.belongs(received)) {
            Ok(received) => received,
            Err(problem) => {
                add(&self.stats.altered, 1);
                self.stats.note(|| problem);
                return 0;
            }
        };
        add(&self.stats.pongs, received.pongs);
        if received.refused > 0 || received.bye.is_some() {
            add(&self.stats.refused, received.refused.max(1));
            self.stats.note(|| String::from_utf8_lossy(&text).into_owned());
        }
        if received.posts.is_empty() {
            return 0;
        }
        self.place(place, publisher, Entry { body, posts: received.posts, passed: 0 }, (text.len(), now))
    }

    /// Whether everything sent has reached every member.
    pub fn complete(&self) -> bool {
        self.log.is_empty() && self.heard_all(&self.head) && self.strays.iter().all(|stray| self.heard_all(stray))
    }

    /// Counts the deliveries that are still due, and records them as if they came now.
    pub fn give_up(&self) -> u64 {
        let now = self.stats.now();
        let mut missing = 0;
        for entry in &self.log {
            let members = self.readers.saturating_sub(entry.passed) as u64;
            for post in &entry.posts {
                self.stats.late(post.due, now, members);
                missing += members;
            }
        }
        let heads = std::iter::once((&self.head, self.readers as u64)).chain(self.strays.iter().map(|own| (own, 1)));
        for (order, members) in heads {
            for (dues, heard) in self.dues.iter().zip(&order.counts) {
                for due in dues.iter().skip(usize::try_from(*heard).unwrap_or(usize::MAX)) {
                    self.stats.late(*due, now, members);
                    missing += members;
                }
            }
        }
        missing
    }

    /// How many members hear frames cut otherwise than the others'.
    pub fn strays(&self) -> usize {
        self.strays.len()
    }

    fn index(&self, position: u64) -> usize {
        usize::try_from(position - self.base).unwrap_or(usize::MAX)
    }

    fn heard_all(&self, order: &Order) -> bool {
        self.dues.iter().zip(&order.counts).all(|(dues, heard)| dues.len() as u64 == *heard)
    }

    /// Puts a frame that no member has received before at the end of the log, or lets the member go its own way.
    fn place(&mut self, place: &mut Place, publisher: Option<usize>, entry: Entry, came: (usize, u64)) -> usize {
        if let Place::Lockstep(position) = place {
            let index = self.index(*position);
            if index == self.log.len() {
                self.head.follow(&entry.posts, self.form.kept, &self.stats);
                self.log.push_back(entry);
                *position += 1;
                return self.pass(index, publisher, came);
            }
            *place = self.part(index);
        }
        if let Place::Stray(own) = place
            && let Some(order) = self.strays.get_mut(*own)
        {
            order.follow(&entry.posts, self.form.kept, &self.stats);
        }
        let (bytes, now) = came;
        self.stats.hear(bytes, &entry.posts, now);
        self.settle();
        entry.count(publisher)
    }

    /// A member that has heard the log up to `index` is checked alone from there on.
    fn part(&mut self, index: usize) -> Place {
        let mut order = self.tail.clone();
        for entry in self.log.iter_mut().take(index) {
            entry.passed -= 1;
            order.advance(&entry.posts);
        }
        self.readers -= 1;
        self.strays.push(order);
        self.trim();
        Place::Stray(self.strays.len() - 1)
    }

    /// A member has heard the frame at `index`, in so many bytes and at that time.
    fn pass(&mut self, index: usize, publisher: Option<usize>, (bytes, now): (usize, u64)) -> usize {
        let Some(entry) = self.log.get_mut(index) else { return 0 };
        entry.passed += 1;
        self.stats.hear(bytes, &entry.posts, now);
        let own = entry.count(publisher);
        if entry.passed == self.readers {
            self.trim();
            self.settle();
        }
        own
    }

    /// Drops what all have heard.
    fn trim(&mut self) {
        while self.log.front().is_some_and(|entry| entry.passed >= self.readers) {
            let Some(entry) = self.log.pop_front() else { return };
            self.tail.advance(&entry.posts);
            self.base += 1;
        }
    }

    fn settle(&self) {
        if self.complete() {
            self.settled.notify_one();
            self.stats.settled.notify_one();
        }
    }
}

impl Entry {
    fn count(&self, publisher: Option<usize>) -> usize {
        publisher.map_or(0, |publisher| self.posts.iter().filter(|post| post.publisher == publisher).count())
    }
}

impl Order {
    /// Checks that messages are the next ones, and goes on behind them whether or not they are.
    fn follow(&mut self, posts: &[Post], kept: bool, stats: &Stats) {
        for post in posts {
            let next = self.counts.get(post.publisher).copied();
            let in_order = next == Some(post.count);
            let in_sequence = kept == post.seq.is_some() && (self.seq.is_none() || self.seq == post.seq);
            if !in_order || !in_sequence {
                add(&stats.disorder, 1);
                stats.note(|| format!("expected {next:?} with seq {:?} but received {post:?}", self.seq));
            }
            self.advance(&[*post]);
        }
    }

    fn advance(&mut self, posts: &[Post]) {
        for post in posts {
            self.seq = post.seq.map(|seq| seq + 1);
            if let Some(count) = self.counts.get_mut(post.publisher) {
                *count = post.count + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dormouse_protocol::frame::{self, Message};
    use dormouse_protocol::multiplex;

    use super::*;

    const FORM: Form = Form { dialect: Dialect::Raw, size: 64, kept: false, channel: None };

    fn room(readers: usize) -> (Room, Rc<Stats>) {
        let stats = Rc::new(Stats::new(false).expect("bounds"));
        stats.open_window();
        (Room::new(stats.clone(), FORM, readers, 1), stats)
    }

    fn text(count: u64) -> Bytes {
        wire::data(0, count, 1, 64).into()
    }

    /// Messages of one array, as the service encodes them.
    fn batch(kept: bool, posts: &[(u64, u64)]) -> Bytes {
        let message = |(count, seq): &(u64, u64)| {
            let data = wire::data(0, *count, 1, 64);
            let seq = kept.then_some(*seq);
            frame::message(&Message { seq, id: None, event: "hot", data: &data, from: &frame::from(None, None), at: 1 })
        };
        let messages: Vec<_> = posts.iter().map(message).collect();
        frame::array(messages.iter().map(String::as_str)).into()
    }

    #[test]
    fn a_room_is_complete_when_every_member_has_heard_everything() {
        let (mut room, stats) = room(2);
        let (mut one, mut two) = (Place::Lockstep(0), Place::Lockstep(0));
        assert_eq!((room.send(0, 1), room.send(0, 1)), (0, 1));
        assert_eq!(room.hear(&mut one, Some(0), text(0)), 1);
        assert_eq!(room.hear(&mut one, Some(0), text(1)), 1);
        assert_eq!(room.hear(&mut two, None, text(0)), 0);
        assert!(!room.complete());
        assert_eq!(room.give_up(), 1);
        room.hear(&mut two, None, text(1));
        assert!(room.complete());
        assert_eq!((stats.deliveries.get(), stats.disorder.get(), room.strays()), (4, 0, 0));
    }

    #[test]
    fn what_never_came_back_is_counted_for_every_member() {
        let (mut room, _) = room(5);
        room.send(0, 1);
        assert_eq!(room.give_up(), 5);
    }

    #[test]
    fn a_gap_a_repetition_and_a_swap_are_disorder() {
        for counts in [[0, 2], [0, 0], [1, 0]] {
            let (mut room, stats) = room(1);
            let mut place = Place::Lockstep(0);
            for count in counts {
                room.hear(&mut place, None, text(count));
            }
            assert!(stats.disorder.get() > 0, "{counts:?}");
        }
    }

    #[test]
    fn a_member_whose_frames_are_cut_otherwise_is_checked_alone() {
        let (mut room, stats) = room(2);
        room.form.dialect = Dialect::Dormouse;
        let (mut one, mut two) = (Place::Lockstep(0), Place::Lockstep(0));
        for _ in 0..3 {
            room.send(0, 1);
        }
        room.hear(&mut one, None, batch(false, &[(0, 0)]));
        room.hear(&mut two, None, batch(false, &[(0, 0)]));
        room.hear(&mut one, None, batch(false, &[(1, 0), (2, 0)]));
        room.hear(&mut two, None, batch(false, &[(1, 0)]));
        assert_eq!(two, Place::Stray(0));
        assert!(!room.complete());
        room.hear(&mut two, None, batch(false, &[(2, 0)]));
        assert!(room.complete());
        assert_eq!((stats.deliveries.get(), stats.disorder.get()), (6, 0));
        room.hear(&mut two, None, batch(false, &[(2, 0)]));
        assert_eq!(stats.disorder.get(), 1);
    }

    #[test]
    fn members_behind_a_relay_and_direct_ones_are_compared_with_each_other() {
        let (mut room, stats) = room(2);
        room.form = Form { dialect: Dialect::Dormouse, channel: Some("bench:room0".into()), ..FORM };
        let (mut direct, mut relayed) = (Place::Lockstep(0), Place::Lockstep(0));
        for (count, posts) in [(0, vec![(0, 0)]), (1, vec![(1, 0), (2, 0)])] {
            for _ in &posts {
                room.send(0, 1);
            }
            let text = batch(false, &posts);
            room.hear(&mut direct, None, text.clone());
            let text = std::str::from_utf8(&text).expect("text");
            room.hear(&mut relayed, None, multiplex::inside("bench:room0", text).into());
            assert_eq!((&direct, &relayed), (&Place::Lockstep(count + 1), &Place::Lockstep(count + 1)));
        }
        assert!(room.complete());
        assert_eq!((stats.deliveries.get(), stats.disorder.get(), stats.altered.get()), (6, 0, 0));
        room.hear(&mut relayed, None, multiplex::inside("bench:room1", "[]").into());
        assert_eq!(stats.altered.get(), 1, "what was told of another channel");
    }

    #[test]
    fn kept_messages_must_carry_consecutive_seqs() {
        for (posts, disorder) in [([(0, 5), (1, 6)], 0), ([(0, 5), (1, 7)], 1)] {
            let (mut room, stats) = room(1);
            room.form = Form { dialect: Dialect::Dormouse, kept: true, ..FORM };
            room.hear(&mut Place::Lockstep(0), None, batch(true, &posts));
            assert_eq!(stats.disorder.get(), disorder);
        }
        let (mut room, stats) = room(1);
        room.form = Form { dialect: Dialect::Dormouse, kept: true, ..FORM };
        room.hear(&mut Place::Lockstep(0), None, batch(false, &[(0, 0)]));
        assert_eq!(stats.disorder.get(), 1);
    }
}
