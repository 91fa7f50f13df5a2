// Something said that is not the event's data.
// says: expected `&Say`, found `&Rolled`
include!("support/room.rs");

fn roll(_: &mut State<Room>, turn: &mut Turn<'_>, _: &Say) -> Result<Rolled, Refused> {
    turn.say(SAY, &Rolled { n: 1 });
    Ok(Rolled { n: 1 })
}

fn main() {}
