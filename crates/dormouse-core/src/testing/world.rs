//! [`World`]: one channel machine and everything around it.

mod arrivals;
mod calls;
mod http;
mod jobs;
mod observed;
mod receiving;
mod relayed;
mod time;
mod turn;

use std::marker::PhantomData;

use super::record::Record;
use super::relay::Relay;
use super::seeded::Seeded;
use super::sleep::Sleep;
use super::sockets::Sockets;
use super::trouble::Trouble;
use super::virtual_clock::VirtualClock;
use crate::channel::ChannelMachine;
use crate::contract::{Application, Contract};
use crate::limits::Limits;
use crate::storage::MemoryStorage;
use dormouse_protocol::name::ChannelName;

/// One channel of an application and everything around it: its sockets, its clock, its disk, and its sleep.
///
/// Whatever happens is a method: [`join`](Self::join), [`send`](Self::send), [`cut`](Self::cut),
/// [`advance`](Self::advance), [`sleep`](Self::sleep), [`crash`](Self::crash). What came of it is read by
/// [`received`](Self::received) and its kin. Messages are told when their batch window has ended: time has to pass, or
/// [`drain`](Self::drain) is called.
pub struct World<A> {
    /// The numbers within which the channel works, as of when it next wakes.
    pub limits: Limits,
    /// What is on disk.
    pub storage: MemoryStorage,
    /// What goes wrong.
    pub trouble: Trouble,
    name: ChannelName,
    contract: Contract,
    /// The machine, while it is awake.
    channel: Option<ChannelMachine>,
    sleep: Sleep,
    sockets: Sockets,
    /// What joiners come through, where they do.
    relay: Option<Box<Relay>>,
    clock: VirtualClock,
    surroundings: Seeded,
    record: Record,
    /// How many names were made up.
    drawn: u64,
    application: PhantomData<A>,
}

impl<A: Application> World<A> {
    /// A world around this channel of the application, awake unless it is put to sleep.
    #[track_caller]
    pub fn new(channel: &str) -> Self {
        Self::with(channel, Sleep::Never)
    }

    /// A world around this channel of the application.
    #[track_caller]
    pub fn with(channel: &str, sleep: Sleep) -> Self {
        Self::under(A::contract(), channel, sleep)
    }
}

impl<A> World<A> {
    /// A world around a channel of another contract.
    #[track_caller]
    pub fn under(contract: Contract, channel: &str, sleep: Sleep) -> Self {
        Self {
            limits: Limits::default(),
            storage: MemoryStorage::default(),
            trouble: Trouble::default(),
            name: ChannelName::parse(channel).unwrap_or_else(|| panic!("no channel's name: {channel}")),
            contract: checked(contract),
            channel: None,
            sleep,
            sockets: Sockets::default(),
            relay: None,
            clock: VirtualClock::new(),
            surroundings: Seeded::default(),
            record: Record::default(),
            drawn: 0,
            application: PhantomData,
        }
    }

    /// The same world with other random numbers for the application's code, which are the same for the same seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.surroundings = Seeded::new(seed);
        self
    }

    /// A release with another contract takes over: the channel sleeps, and wakes under it with its sockets open.
    #[track_caller]
    pub fn redeploy(&mut self, contract: Contract) {
        self.sleep();
        // A release ends also one that ticks.
        (self.channel, self.clock.timer) = (None, None);
        self.contract = checked(contract);
    }
}

/// The contract; a mistake in it fails the test, with the line to change.
#[track_caller]
fn checked(contract: Contract) -> Contract {
    contract.check().unwrap_or_else(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        panic!("\n{}\n", lines.join("\n"))
    })
}
