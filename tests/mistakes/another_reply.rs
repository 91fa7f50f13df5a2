// A call that answers otherwise than it says.
// says: expected fn pointer|Rolled|Say
include!("support/room.rs");

fn roll(_: &mut State<Room>, _: &mut Turn<'_>, _: &Say) -> Result<Say, Refused> {
    Ok(Say { text: String::new() })
}

fn room() -> Channel<Room> {
    Channel::with_token().state::<Room>().call(ROLL, Calls::plain(), roll)
}

fn main() {}
