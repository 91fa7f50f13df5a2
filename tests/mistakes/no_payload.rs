// Data that is not made by the attribute.
// says: `Bare`|to implement `Payload`
include!("support/room.rs");

struct Bare {
    text: String,
}

const BARE: Said<Bare> = Said::new("bare");

fn room() -> Channel {
    Channel::with_token().event(BARE, Event::kept())
}

fn main() {}
