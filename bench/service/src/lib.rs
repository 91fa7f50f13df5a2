//! The contract of the benchmark: rates that a load test never meets, and data that is not looked into.

mod code;

use dormouse::{Application, Channel, Contract, Event, Json, KIB, Presence};

/// The benchmark's deployment.
#[derive(Clone, Copy, Debug)]
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        Contract::new()
            .channel("bench:*", load())
            .channel("quiet:*", load().presence::<Json>(Presence::list()))
            .channel("code:*", code::asked())
    }
}

fn load() -> Channel {
    let unbounded = |event: Event| event.rate(100_000).burst(100_000).max_bytes(16 * KIB);
    Channel::with_token()
        .event::<Json>("hot", unbounded(Event::ephemeral()))
        .event::<Json>("kept", unbounded(Event::kept()))
}

dormouse::serve!(App);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_of_the_benchmark_has_no_mistake() {
        let contract = App::contract().check().unwrap().describe(64 * KIB);
        let patterns: Vec<_> =
            contract["channels"].as_array().unwrap().iter().map(|channel| &channel["pattern"]).collect();
        assert_eq!(patterns, ["bench:*", "code:*", "quiet:*"]);
    }
}
