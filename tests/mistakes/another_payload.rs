// A handler that reads another payload than the event has.
// says: expected fn pointer|Say|Rolled
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

fn say(_: &mut State<Room>, _: &mut Turn<'_>, _: &Rolled) -> Result<Verdict<Say>, Refused> {
    Ok(Verdict::AsSaid)
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().judged(SAY, Event::kept(), say)
}

fn main() {}
