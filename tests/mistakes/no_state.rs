// A state that is not made by the attribute.
// says: the trait bound `Bare: serde|derive(serde::Serialize)
include!("support/room.rs");

#[derive(Clone, Default)]
struct Bare {
    count: u64,
}

fn room() -> Channel<Bare> {
    Channel::with_token().state::<Bare>()
}

fn main() {}
