//! What happens in a story: joins, cuts, requests, other servers, sleep, deaths and trouble, anywhere.

use proptest::prelude::*;

use super::asked::{How, What};
use crate::support::Doom;

/// How many devices there are; the first two are one user's.
pub const DEVICES: usize = 4;

/// A story.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whether a batch stays open for long, so that the turns of many events leave together.
    pub slow: bool,
    pub ops: Vec<Op>,
}

/// How another server answers a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Ok,
    /// With the same answer twice.
    Twice,
    /// With a failure, and then with success.
    Late,
    Failed,
    Refused,
    Garbled,
    /// It has done its work, and nobody hears of it.
    Unheard,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// A device comes, back with its position or anew.
    Join(usize, bool),
    Leave(usize),
    Cut(usize),
    Say(usize, How),
    /// Says something that is not kept.
    Wave(usize),
    /// Says something that no code judges.
    Note(usize),
    /// Asks a call; whether one whose reply is remembered, the key of its timer, and after how long that fires.
    Ask(usize, What, bool, usize, u64),
    /// The same over HTTP.
    Post(usize, What, bool, usize, u64),
    /// Sends a request of the same user again, so far back.
    Again(usize, usize),
    /// Sends several in one array.
    Array(usize, usize),
    /// Another server answers the request of this place among those that are under way.
    Serve(usize, Served),
    Wait(u64),
    Drain,
    Sleep,
    Crash,
    Die(Doom),
    FailRead(usize),
    FailWrite(usize),
    /// The database takes no more rows, or takes them again.
    Full(bool),
    /// The clock is set by so many milliseconds, back or forwards.
    Set(i64),
}

/// Stories of up to so many happenings; trouble, death, a full disk and a clock that is set come in some alone, so that the
/// others can be told what must be where nothing goes wrong.
pub fn scripts(most: usize) -> impl Strategy<Value = Script> {
    let some = || prop::bool::weighted(0.4);
    let chosen = (any::<bool>(), some(), some(), some(), some());
    (chosen, prop::collection::vec(ops(), 1..=most)).prop_map(|((slow, trouble, death, full, set), mut ops)| {
        ops.retain(|op| match op {
            Op::Crash | Op::Die(_) => death,
            Op::FailRead(_) | Op::FailWrite(_) => trouble,
            Op::Full(_) => full,
            Op::Set(_) => set,
            _ => true,
        });
        Script { slow, ops }
    })
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (device(), any::<bool>()).prop_map(|(by, back)| Op::Join(by, back)),
        2 => device().prop_map(Op::Leave),
        3 => device().prop_map(Op::Cut),
        10 => (device(), how()).prop_map(|(by, how)| Op::Say(by, how)),
        2 => device().prop_map(Op::Wave),
        3 => device().prop_map(Op::Note),
        16 => asked().prop_map(|(by, what, kept, key, after)| Op::Ask(by, what, kept, key, after)),
        3 => asked().prop_map(|(by, what, kept, key, after)| Op::Post(by, what, kept, key, after)),
        6 => (device(), 0_usize..8).prop_map(|(by, back)| Op::Again(by, back)),
        2 => (device(), 2_usize..6).prop_map(|(by, count)| Op::Array(by, count)),
        8 => (0_usize..3, served()).prop_map(|(which, served)| Op::Serve(which, served)),
        8 => wait().prop_map(Op::Wait),
        3 => Just(Op::Drain),
        2 => Just(Op::Sleep),
        1 => Just(Op::Crash),
        4 => prop_oneof![Just(Doom::Unwritten), (0_usize..6).prop_map(Doom::Untold)].prop_map(Op::Die),
        4 => (0_usize..6).prop_map(Op::FailRead),
        4 => (0_usize..3).prop_map(Op::FailWrite),
        4 => any::<bool>().prop_map(Op::Full),
        4 => prop_oneof![4 => -5_i64..0, 4 => -600_000_i64..0, 1 => 0_i64..100_000].prop_map(Op::Set),
    ]
}

fn device() -> impl Strategy<Value = usize> {
    0..DEVICES
}

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(vec![How::Plain, How::Plain, How::Instead, How::Also, How::No])
}

fn asked() -> impl Strategy<Value = (usize, What, bool, usize, u64)> {
    use What::{Cancel, Count, File, Hush, Kick, List, No, Put, Set, Start, Take, Tick};
    let what =
        vec![Count, Set, Set, Set, Set, Cancel, Start, Start, File, Tick, Tick, Hush, Put, Put, Take, List, Kick, No];
    (device(), prop::sample::select(what), prop::bool::weighted(0.7), 0_usize..4, wait())
}

fn wait() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0_u64..5, 3 => 0_u64..3_000, 2 => 0_u64..100_000, 1 => 0_u64..1_000_000]
}

fn served() -> impl Strategy<Value = Served> {
    use Served::{Failed, Garbled, Late, Ok, Refused, Twice, Unheard};
    prop::sample::select(vec![Ok, Ok, Twice, Late, Failed, Failed, Refused, Garbled, Unheard])
}
