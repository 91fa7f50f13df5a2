// A handler that waits.
// says: expected fn pointer|impl Future
include!("support/room.rs");

async fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Verdict<Say>, Refused> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().judged(SAY, Event::kept(), say)
}

fn main() {}
