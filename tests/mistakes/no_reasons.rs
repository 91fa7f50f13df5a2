// Reasons that are not made by the attribute.
// says: `No` is no list of reasons|dormouse::reasons
include!("support/room.rs");

enum No {
    Muted,
}

fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Verdict<Say>, Refused<No>> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().judged(SAY, Event::kept(), say)
}

fn main() {}
