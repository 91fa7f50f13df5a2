// A handler of another state than the channel has.
// says: expected fn pointer|State<Room>|State<()>
include!("support/room.rs");

fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Verdict<Say>, Refused> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel {
    Channel::with_token().judged(SAY, Event::kept(), say)
}

fn main() {}
