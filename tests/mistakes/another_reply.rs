// A call that answers otherwise than it says.
// says: expected fn pointer|Rolled|Say
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

fn roll(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Say, Refused> {
    Ok(Say { text: String::new() })
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().call(ROLL, Calls::plain(), roll)
}

fn main() {}
