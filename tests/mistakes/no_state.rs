// A state that is not made by the attribute.
// says: the trait bound `Bare: serde|derive(serde::Serialize)
use dormouse::*;

const SAY: Said<Say> = Said::new("say");
const ROLL: Call<Say, Rolled> = Call::new("roll");

#[payload]
struct Say {
    text: String,
}

#[payload]
struct Rolled {
    n: u64,
}

#[state]
struct Room {
    count: u64,
}

#[derive(Clone, Default)]
struct Bare {
    count: u64,
}

fn room() -> Channel<Bare> {
    Channel::with_token().state::<Bare>()
}

fn main() {}
