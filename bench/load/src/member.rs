//! What members do: listen, and publish at one of three paces.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep_until;

use crate::link::{Incoming, Link, Reader, Writer};
use crate::room::{Place, Room};
use crate::stats::{Stats, add};
use crate::wire::{self, Dialect};

/// How near a due time the clock is watched instead of slept towards: the timer knows whole milliseconds only.
const WATCH: Duration = Duration::from_millis(2);

/// What a publisher says.
#[derive(Clone)]
pub enum Says {
    /// It publishes this event.
    Event(String),
    /// It asks this call, and is answered alone.
    Call(String),
}

/// One member of a room that publishes.
#[derive(Clone)]
pub struct Publisher {
    /// The room it is in.
    pub room: Rc<RefCell<Room>>,
    /// The counters of the run.
    pub stats: Rc<Stats>,
    /// Its number among the publishers of the room.
    pub number: usize,
    /// How its messages are framed.
    pub dialect: Dialect,
    /// The channel's name, where it is behind a relay.
    pub channel: Option<Rc<str>>,
    /// What the ids of its messages begin with.
    pub instance: String,
    /// What it says.
    pub says: Says,
    /// Bytes of the data of a message.
    pub size: usize,
}

impl Publisher {
    /// Publishes one message that was due at a time; it leaves with the next flush.
    pub async fn publish(&self, writer: &mut Writer, due: u64) {
        let count = self.room.borrow_mut().send(self.number, due);
        let data = wire::data(self.number, count, due, self.size);
        let text = match &self.says {
            Says::Event(event) => wire::publish(self.dialect, &self.instance, event, count, data),
            Says::Call(name) => wire::call(&self.instance, name, count, &data),
        };
        let text = match &self.channel {
            Some(channel) => wire::carried(channel, &text),
            None => text,
        };
        if let Err(error) = writer.feed(text).await {
            self.stats.note(|| format!("sending failed: {error}"));
        }
    }

    async fn flush(&self, writer: &mut Writer) {
        if let Err(error) = writer.flush().await {
            self.stats.note(|| format!("sending failed: {error}"));
        }
    }

    /// Publishes one message now.
    pub async fn publish_now(&self, writer: &mut Writer) {
        self.publish(writer, self.stats.now()).await;
        self.flush(writer).await;
    }

    /// Closed loop: keeps `outstanding` of its messages on their way as long as the run lasts.
    pub fn keep_going(self, mut link: Link, outstanding: usize) {
        spawn_local(async move {
            let mut place = Place::Lockstep(0);
            let mut free = outstanding;
            loop {
                if free > 0 && self.stats.running() {
                    for _ in 0..free {
                        self.publish(&mut link.writer, self.stats.now()).await;
                    }
                    self.flush(&mut link.writer).await;
                }
                match link.reader.next().await {
                    Incoming::Text(text) => {
                        free = self.room.borrow_mut().hear(&mut place, Some(self.number), text);
                    }
                    Incoming::Closed(reason) => return end(&self.stats, reason),
                }
            }
        });
    }

    /// Open loop: one message each `interval` from `first` on, whatever comes back.
    pub fn keep_time(self, link: Link, first: u64, interval: u64) {
        let Link { reader, mut writer } = link;
        listen(reader, self.room.clone(), self.stats.clone());
        spawn_local(async move {
            let mut due = first;
            loop {
                sleep_until((self.stats.instant(due) - WATCH).into()).await;
                while self.stats.now() < due && self.stats.running() {
                    yield_now().await;
                }
                if !self.stats.running() {
                    return;
                }
                self.publish(&mut writer, due).await;
                self.flush(&mut writer).await;
                due += interval;
            }
        });
    }

    /// Barrier: the next message goes out when all have heard the last.
    pub fn keep_step(self, link: Link) {
        let Link { reader, mut writer } = link;
        listen(reader, self.room.clone(), self.stats.clone());
        spawn_local(async move {
            while self.stats.running() {
                self.publish_now(&mut writer).await;
                settled(&self.room).await;
            }
        });
    }
}

/// Reads what a member hears as long as the run lasts.
pub fn listen(mut reader: Reader, room: Rc<RefCell<Room>>, stats: Rc<Stats>) {
    spawn_local(async move {
        let mut place = Place::Lockstep(0);
        loop {
            match reader.next().await {
                Incoming::Text(text) => room.borrow_mut().hear(&mut place, None, text),
                Incoming::Closed(reason) => return end(&stats, reason),
            };
        }
    });
}

/// Waits until everything sent in a room has reached every member.
pub async fn settled(room: &RefCell<Room>) {
    let settled = room.borrow().settled.clone();
    while !room.borrow().complete() {
        settled.notified().await;
    }
}

fn end(stats: &Stats, reason: String) {
    add(&stats.closed, 1);
    stats.note(|| format!("a connection ended: {reason}"));
}
