// Something said that is not the event's data.
// says: expected `&Say`, found `&Rolled`
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

fn roll(_: &mut State<Room>, turn: &mut Turn<'_>, _: &Say) -> Result<Rolled, Refused> {
    turn.say(SAY, &Rolled { n: 1 });
    Ok(Rolled { n: 1 })
}

fn main() {}
