//! The steps of a script: what can happen, and how often.

use dormouse_protocol::name::Millis;
use proptest::prelude::*;

/// One thing that happens. Numbers choose among whoever there is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Join { user: u8, grant: Granted, back: Back },
    JoinFirst,
    Auth { who: u8, user: u8, grant: Granted },
    Narrow { who: u8 },
    Leave { who: u8 },
    Cut { who: u8 },
    Show { who: u8, data: Option<u8> },
    Say { who: u8 },
    Pass { millis: Millis },
    Crash,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) presence: bool,
    pub(crate) info: u8,
}

/// Which connection a joiner names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    None,
    /// The latest of its own user.
    Own,
    /// Anybody's.
    Any(u8),
}

pub(crate) fn granted() -> impl Strategy<Value = Granted> {
    (prop::bool::weighted(0.8), 0..3_u8).prop_map(|(presence, info)| Granted { presence, info })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![3 => Just(Back::None), 4 => Just(Back::Own), 1 => any::<u8>().prop_map(Back::Any)];
    let soon = prop_oneof![Just(1), Just(500), Just(1_100), Just(3_000)];
    let late = prop_oneof![Just(9_999), Just(10_000), Just(11_000), Just(15_000), Just(29_999), Just(31_000)];
    let who = any::<u8>;
    prop_oneof![
        8 => (0..4_u8, granted(), back).prop_map(|(user, grant, back)| Step::Join { user, grant, back }),
        2 => Just(Step::JoinFirst),
        4 => (who(), 0..4_u8, granted()).prop_map(|(who, user, grant)| Step::Auth { who, user, grant }),
        1 => who().prop_map(|who| Step::Narrow { who }),
        3 => who().prop_map(|who| Step::Leave { who }),
        5 => who().prop_map(|who| Step::Cut { who }),
        5 => (who(), prop::option::weighted(0.7, 0..3_u8)).prop_map(|(who, data)| Step::Show { who, data }),
        3 => who().prop_map(|who| Step::Say { who }),
        4 => soon.prop_map(|millis| Step::Pass { millis }),
        3 => late.prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Crash),
    ]
}
