//! The contract of the benchmark: rates that a load test never meets, and data that is not looked into.

use crate::contract::{Application, Channel, Contract, Event, Json, KIB, Presence};

/// The benchmark's deployment; built in place of [`crate::app::App`] with the feature `bench`.
#[derive(Clone, Copy, Debug)]
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        Contract::new().channel("bench:*", load()).channel("quiet:*", load().presence::<Json>(Presence::list()))
    }
}

fn load() -> Channel {
    let unbounded = |event: Event| event.rate(100_000).burst(100_000).max_bytes(16 * KIB);
    Channel::with_token()
        .event::<Json>("hot", unbounded(Event::ephemeral()))
        .event::<Json>("kept", unbounded(Event::kept()))
}
