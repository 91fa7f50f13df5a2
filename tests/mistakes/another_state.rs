// A handler of another state than the channel has.
// says: expected fn pointer|State<Room>|State<()>
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

fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Verdict<Say>, Refused> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel {
    Channel::with_token().judged(SAY, Event::kept(), say)
}

fn main() {}
