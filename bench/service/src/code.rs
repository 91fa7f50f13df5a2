//! A channel with code of its own, which is asked and answers what it was asked: what a call costs beside its handler.

use dormouse::{Call, Calls, Channel, Refused, State, Turn, payload, state};

const ASK: Call<Asked, Asked> = Call::new("ask");
const COUNT: Call<Asked, Asked> = Call::new("count");

/// The channel: `ask` changes nothing, and `count` the state, which is on disk before it is answered.
pub(crate) fn asked() -> Channel<Counted> {
    let unbounded = || Calls::plain().rate(100_000).burst(100_000);
    Channel::with_token().state::<Counted>().call(ASK, unbounded(), ask).call(COUNT, unbounded(), count)
}

/// How often it was asked to count.
#[state]
pub(crate) struct Counted {
    count: u64,
}

/// The data of a message, as the load generator writes it.
#[payload]
#[derive(Clone)]
pub(crate) struct Asked {
    /// Whose it is.
    p: u32,
    /// How many were before it.
    c: u64,
    /// When it was due, in nanoseconds.
    t: u64,
    /// What makes it as long as it is to be.
    #[garde(length(max = 16_384))]
    x: String,
}

fn ask(_: &mut State<Counted>, _: &mut Turn<'_>, asked: &Asked) -> Result<Asked, Refused> {
    Ok(asked.clone())
}

fn count(counted: &mut State<Counted>, _: &mut Turn<'_>, asked: &Asked) -> Result<Asked, Refused> {
    counted.count = counted.count.saturating_add(1);
    Ok(asked.clone())
}
