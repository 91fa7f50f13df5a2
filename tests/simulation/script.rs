//! What happens in a simulation: a list of happenings that one seed stands for, and that reads as code when printed.

use std::fmt;

use dormouse_core::contract::{Ability, Channel, Contract, Event, HistoryBounds, Json, Presence};
use dormouse_core::limits::Limits;
use dormouse_core::storage::Damage;
use dormouse_protocol::name::Millis;
use proptest::prelude::*;

use crate::support::Doom;

/// How many devices there are; two of them are the same user's.
pub const DEVICES: usize = 5;

/// How long the small channels hold messages, in milliseconds.
pub const AGE: Millis = 60_000;

/// Where a script is played.
#[derive(Clone, Debug)]
pub struct Script {
    pub channel: &'static str,
    /// Whether the channel sleeps wherever the platform could put it to sleep.
    pub sleeps: bool,
    /// Whether every limit is so small that little reaches it.
    pub tight: bool,
    pub ops: Vec<Op>,
}

/// As code, to be kept in a test.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, sleeps, tight, ops } = self;
        write!(f, "Script {{ channel: {channel:?}, sleeps: {sleeps}, tight: {tight}, ops: vec!{ops:?} }}")
    }
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Kept, and heard by its publisher too.
    Kept,
    /// Kept, acknowledged in the place of the echo.
    Mute,
    /// Kept, of an event that may be said once a second.
    Slow,
    /// Kept, and as large as several others together.
    Large,
    /// Not kept.
    Fleeting,
    /// Not kept and without echo.
    FleetingMute,
    /// To the users of some devices, to their connections, and to a role.
    Directed { users: u8, connections: u8, role: bool },
}

/// What a new token says of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// All that the device may do at best.
    Whole,
    /// Everything but presence.
    Unseen,
    /// Everything but history.
    Forgetful,
    /// Only to hear.
    Listening,
    /// Not even to hear: the connection ends.
    Nothing,
    /// Another user's: refused.
    Foreign,
    /// No token at all: refused.
    Broken,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// By a close handshake, after what was sent.
    Clean,
    /// Both ends see it, and what is under way is gone.
    Broken,
    /// The client's end is gone; the service learns of it so much later, and gets what was under way.
    Unseen(Millis),
}

/// One thing that happens. Devices are named by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Join(usize),
    Say {
        by: usize,
        form: Form,
        count: u8,
    },
    /// Says something if the head is what the device knows it to be, plus so much.
    If {
        by: usize,
        off: i8,
    },
    /// Says something under the id of an earlier publish, so far back: the same, or something else.
    Again {
        by: usize,
        back: usize,
        other: bool,
    },
    /// Shows something of itself; nothing is to leave the list.
    Show {
        by: usize,
        what: Option<u8>,
    },
    Sign {
        by: usize,
        grant: Grant,
        life: Millis,
    },
    /// Reads a page before so far from the head.
    Page {
        by: usize,
        back: u64,
    },
    /// Another user comes with a position so far from the head, hears what it missed, and goes.
    Peek {
        back: u64,
        history: bool,
    },
    /// Sends what is no request.
    Nonsense {
        by: usize,
        what: u8,
    },
    /// The next text of nothing but others' messages does not reach the client.
    Eat(usize),
    End {
        of: usize,
        cut: Cut,
    },
    /// A new connection of a device whose old one goes on unheeded, and breaks so much later.
    Twin {
        of: usize,
        after: Millis,
    },
    /// What the device sends and is sent takes so long from now on.
    Lag {
        of: usize,
        by: Millis,
    },
    /// Whether what the device sends leaves together in arrays.
    Gather(usize, bool),
    /// A backend publishes over HTTP.
    Post {
        count: u8,
        array: bool,
        off: Option<i8>,
    },
    /// A backend publishes again what it published before, so far back.
    PostAgain {
        back: usize,
        other: bool,
    },
    /// A backend reads who is here and the newest page.
    Read,
    Wait(Millis),
    /// The platform puts the channel out of memory, if no timer is armed.
    Evict,
    /// The process dies now.
    Crash,
    /// The process dies in the next turn.
    Die(Doom),
    /// A reading of the storage fails, after so many that succeed.
    FailRead(usize),
    /// A writing likewise.
    FailWrite(usize),
    Full(bool),
    /// The clock is set.
    Jump(i64),
    /// The row that holds the message so far from the head is damaged.
    Damage {
        back: u64,
        how: Damage,
    },
}

/// The contract of the simulation: the same talk under each way to come in.
pub fn contract() -> Contract {
    let small = HistoryBounds { count: 40, age: AGE, bytes: 65_536 };
    Contract::new()
        .channel("room:*", talk(Channel::with_token(), Presence::list()).history(small))
        .channel("hall:*", talk(Channel::with_token(), Presence::list()))
        .channel("crowd:*", talk(Channel::with_token(), Presence::count()).history(small))
        .channel("door:*", talk(Channel::sign_in_later(), Presence::list()).history(small))
        .channel(
            "open:*",
            talk(Channel::for_anyone(), Presence::list())
                .grants([Ability::Publish, Ability::History, Ability::Presence])
                .history(small),
        )
}

fn talk(channel: Channel, presence: Presence) -> Channel {
    channel
        .event::<Json>("say", Event::kept().directed().rate(100).burst(500))
        .event::<Json>("slow", Event::kept().rate(1).burst(3))
        .event::<Json>("move", Event::ephemeral().directed().rate(100).burst(500))
        .presence::<Json>(presence)
}

/// The limits a script is played under.
pub fn limits(tight: bool) -> Limits {
    let limits = Limits::default();
    if !tight {
        return limits;
    }
    Limits {
        connections_per_user: 4,
        unsent_bytes: 8_000,
        replay_unsent_bytes: 3_000,
        replay_bytes: 1_500,
        replay_bytes_per_second: 2_000,
        replay_burst_bytes: 12_000,
        presence_list: 3,
        presence_list_back: 2,
        flush_bytes: 4_000,
        flush_cost_us_per_member: 1_000,
        dedupe_count: 8,
        dedupe_ms: 30_000,
        row_bytes: 700,
        ..limits
    }
}

/// Scripts of up to so many happenings.
pub fn scripts(most: usize) -> impl Strategy<Value = Script> {
    let channels = prop::sample::select(vec!["room:1", "room:1", "hall:1", "crowd:1", "door:1", "open:1"]);
    (channels, any::<bool>(), any::<bool>(), prop::collection::vec(ops(), 1..=most))
        .prop_map(|(channel, sleeps, tight, ops)| Script { channel, sleeps, tight, ops })
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        14 => device().prop_map(Op::Join),
        24 => (device(), form(), 1_u8..5).prop_map(|(by, form, count)| Op::Say { by, form, count }),
        3 => (device(), -1_i8..=1).prop_map(|(by, off)| Op::If { by, off }),
        4 => (device(), 0_usize..12, prop::bool::weighted(0.3)).prop_map(|(by, back, other)| Op::Again { by, back, other }),
        5 => (device(), prop::option::weighted(0.7, 0_u8..4)).prop_map(|(by, what)| Op::Show { by, what }),
        4 => (device(), grant(), life()).prop_map(|(by, grant, life)| Op::Sign { by, grant, life }),
        2 => (device(), 0_u64..30).prop_map(|(by, back)| Op::Page { by, back }),
        3 => (0_u64..12, prop::bool::weighted(0.8)).prop_map(|(back, history)| Op::Peek { back, history }),
        1 => (device(), 0_u8..6).prop_map(|(by, what)| Op::Nonsense { by, what }),
        2 => device().prop_map(Op::Eat),
        12 => (device(), cut()).prop_map(|(of, cut)| Op::End { of, cut }),
        3 => (device(), 0_u64..20_000).prop_map(|(of, after)| Op::Twin { of, after }),
        3 => (device(), prop::sample::select(vec![0, 0, 5, 300, 4_000])).prop_map(|(of, by)| Op::Lag { of, by }),
        1 => (device(), any::<bool>()).prop_map(|(of, gathers)| Op::Gather(of, gathers)),
        4 => (1_u8..5, any::<bool>(), prop::option::weighted(0.2, -1_i8..=1))
            .prop_map(|(count, array, off)| Op::Post { count, array, off }),
        2 => (0_usize..12, prop::bool::weighted(0.3)).prop_map(|(back, other)| Op::PostAgain { back, other }),
        1 => Just(Op::Read),
        30 => pause().prop_map(Op::Wait),
        3 => Just(Op::Evict),
        2 => Just(Op::Crash),
        3 => doom().prop_map(Op::Die),
        2 => (0_usize..4).prop_map(Op::FailRead),
        2 => (0_usize..3).prop_map(Op::FailWrite),
        1 => any::<bool>().prop_map(Op::Full),
        1 => jump().prop_map(Op::Jump),
        1 => damage(),
    ]
}

fn device() -> impl Strategy<Value = usize> {
    0..DEVICES
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        8 => Just(Form::Kept),
        2 => Just(Form::Mute),
        1 => Just(Form::Slow),
        1 => Just(Form::Large),
        3 => Just(Form::Fleeting),
        1 => Just(Form::FleetingMute),
        2 => (0_u8..32, 0_u8..32, any::<bool>())
            .prop_map(|(users, connections, role)| Form::Directed { users, connections, role }),
    ]
}

fn grant() -> impl Strategy<Value = Grant> {
    prop::sample::select(vec![
        Grant::Whole,
        Grant::Whole,
        Grant::Whole,
        Grant::Unseen,
        Grant::Forgetful,
        Grant::Listening,
        Grant::Nothing,
        Grant::Foreign,
        Grant::Broken,
    ])
}

/// How long tokens hold.
fn life() -> impl Strategy<Value = Millis> {
    prop::sample::select(vec![3_600_000, 3_600_000, 3_000, 20_000])
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        3 => Just(Cut::Clean),
        3 => Just(Cut::Broken),
        4 => prop::sample::select(vec![0, 30, 2_000, 15_000, 200_000]).prop_map(Cut::Unseen),
    ]
}

fn pause() -> impl Strategy<Value = Millis> {
    prop_oneof![
        6 => Just(0),
        6 => 1_u64..50,
        4 => 50_u64..3_000,
        3 => 9_000_u64..13_000,
        1 => 25_000_u64..100_000,
        1 => prop::sample::select(vec![AGE, 2 * AGE + 10_000, 130_000, 700_000]),
    ]
}

/// By how much a clock is set: by what a network time service corrects, by minutes, by hours.
fn jump() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![200, -200, -3_000, 90_000, -90_000, 600_000, -600_000, 7_200_000, -7_200_000])
}

fn doom() -> impl Strategy<Value = Doom> {
    prop_oneof![1 => Just(Doom::Unwritten), 2 => (0_usize..6).prop_map(Doom::Untold)]
}

fn damage() -> impl Strategy<Value = Op> {
    let how = prop::sample::select(vec![Damage::Text, Damage::Form, Damage::Epoch]);
    (0_u64..8, how).prop_map(|(back, how)| Op::Damage { back, how })
}
