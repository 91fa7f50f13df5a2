// A handler that reads another payload than the event has.
// says: expected fn pointer|Say|Rolled
include!("support/room.rs");

fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Rolled) -> Result<Verdict<Say>, Refused> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().judged(SAY, Event::kept(), say)
}

fn main() {}
