// Data that is not made by the attribute.
// says: `Bare`|to implement `Payload`
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

struct Bare {
    text: String,
}

const BARE: Said<Bare> = Said::new("bare");

fn room() -> Channel {
    Channel::with_token().event(BARE, Event::kept())
}

fn main() {}
