// What every mistake is made with.
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
