//! Scripts that once found something wrong, as short as they still found it.

use dormouse_core::storage::Damage;

use crate::play;
use crate::script::Op::{
    Again, Crash, Die, End, Evict, FailRead, FailWrite, Full, If, Join, Jump, Peek, Post, PostAgain, Read, Say, Show,
    Sign, Twin, Wait,
};
use crate::script::{Cut, Form, Grant, Op, Script};
use crate::support::Doom;

/// One publish of a backend.
const POST: Op = Post { count: 1, array: false, off: None };

#[track_caller]
fn holds(script: &Script) {
    if let Err(fault) = play(script) {
        panic!("{fault}\n{script}");
    }
}

const fn kept(by: usize, count: u8) -> Op {
    Say { by, form: Form::Kept, count }
}

/// The seed 1459: the alarm was set for the end of the life, since only where the history stands had been read.
#[test]
fn p3_a_leave_is_tried_again_soon_after_a_reading_that_failed_half_way() {
    let ops = vec![
        Join(2),
        End { of: 2, cut: Cut::Broken },
        Die(Doom::Unwritten),
        Twin { of: 0, after: 0 },
        POST,
        FailRead(2),
        Join(3),
        kept(0, 1),
        Crash,
        Wait(25_001),
        Twin { of: 4, after: 0 },
    ];
    holds(&Script { channel: "room:1", sleeps: false, tight: false, ops });
}

/// An event that could not read the storage set no alarm for the one who broke off in it.
#[test]
fn p3_a_leave_comes_also_to_who_breaks_off_while_nothing_can_be_read() {
    let ops =
        vec![Twin { of: 1, after: 0 }, FailRead(0), Wait(10_000), End { of: 1, cut: Cut::Broken }, POST, Wait(25_001)];
    holds(&Script { channel: "room:1", sleeps: true, tight: false, ops });
}

/// An alarm set to try again took the place of the one that alone knew when the channel was left.
#[test]
fn d9_trouble_does_not_shorten_the_life_of_a_deserted_channel() {
    let ops = vec![
        Join(0),
        kept(1, 3),
        kept(1, 3),
        Join(2),
        Join(1),
        kept(1, 2),
        Twin { of: 0, after: 10_395 },
        Wait(0),
        Jump(7_200_000),
        FailRead(0),
        Again { by: 1, back: 0, other: false },
        Wait(25_000),
    ];
    holds(&Script { channel: "room:1", sleeps: true, tight: false, ops });
    let ops = vec![
        Join(0),
        End { of: 0, cut: Cut::Clean },
        POST,
        Join(1),
        FailRead(0),
        Wait(10_000),
        End { of: 1, cut: Cut::Clean },
        Wait(50_000),
    ];
    holds(&Script { channel: "room:1", sleeps: true, tight: false, ops });
}

/// The seed 4874: what was only reserved pushed an id out of the window, and was then taken back.
#[test]
fn d7_a_write_that_fails_does_not_make_an_id_unknown() {
    let ops = vec![
        Join(0),
        kept(0, 4),
        Wait(0),
        kept(3, 1),
        kept(0, 4),
        Join(3),
        Again { by: 0, back: 7, other: false },
        Full(true),
        If { by: 0, off: 0 },
        Wait(1),
    ];
    holds(&Script { channel: "room:1", sleeps: false, tight: true, ops });
}

/// What a first try had read of a history stood when the second found it damaged.
#[test]
fn d3_a_history_lost_at_the_second_try_is_lost_whole() {
    let ops = vec![
        Post { count: 3, array: true, off: None },
        FailRead(2),
        Die(Doom::Unwritten),
        Join(0),
        POST,
        Op::Damage { back: 0, how: Damage::Epoch },
        Join(0),
    ];
    holds(&Script { channel: "room:1", sleeps: false, tight: false, ops });
}

/// A grace written before the storage could be read outlived the history it belonged to.
#[test]
fn p3_no_departure_outlives_a_lost_history() {
    let ops = vec![
        kept(3, 1),
        Join(0),
        FailRead(1),
        Join(3),
        End { of: 3, cut: Cut::Unseen(15_000) },
        Wait(0),
        Op::Damage { back: 0, how: Damage::Epoch },
        Wait(25_000),
    ];
    holds(&Script { channel: "room:1", sleeps: true, tight: false, ops });
}

/// The whole list came back, without the one whose grace could not be read.
#[test]
fn p3_the_list_comes_back_with_those_in_their_grace() {
    let ops = vec![
        Join(2),
        End { of: 2, cut: Cut::Broken },
        FailRead(3),
        Join(1),
        Join(3),
        kept(0, 1),
        Join(0),
        Wait(0),
        Read,
        Evict,
        Show { by: 0, what: None },
    ];
    holds(&Script { channel: "room:1", sleeps: false, tight: true, ops });
}

/// A clock set on by minutes flushes in the turn that welcomes; one set back delays no answer.
#[test]
fn d4_a_welcome_is_honest_also_when_the_clock_was_set() {
    for jump in [90_000, -90_000, 7_200_000, -7_200_000] {
        let ops = vec![
            kept(2, 1),
            Join(0),
            Join(2),
            Jump(jump),
            Join(0),
            Twin { of: 2, after: 3_000 },
            FailWrite(0),
            kept(0, 2),
            Jump(-jump),
            Sign { by: 0, grant: Grant::Forgetful, life: 3_600_000 },
            kept(2, 2),
            Wait(5_000),
        ];
        holds(&Script { channel: "room:1", sleeps: true, tight: false, ops });
    }
}

/// A clock set on by hours made an id too old that was only reserved yet.
#[test]
fn d7_an_id_that_is_only_reserved_is_known_when_the_clock_is_set() {
    let ops =
        vec![Post { count: 2, array: true, off: None }, POST, Jump(7_200_000), PostAgain { back: 0, other: false }];
    holds(&Script { channel: "open:1", sleeps: false, tight: false, ops });
}

/// A change undone before anybody was shown it was told all the same.
#[test]
fn p2_what_was_undone_before_anyone_saw_it_is_no_news() {
    let sign = |grant| Sign { by: 0, grant, life: 3_600_000 };
    let ops = vec![Join(0), Wait(0), POST, sign(Grant::Unseen), kept(0, 1), sign(Grant::Whole)];
    holds(&Script { channel: "open:1", sleeps: false, tight: false, ops });
}

/// One that never read its welcome was given up, and written down as one that is leaving when the list became a number.
#[test]
fn r6_one_that_was_given_up_is_written_down_as_nothing() {
    let peek = Peek { back: 0, history: false };
    let ops = vec![
        peek,
        peek,
        Join(1),
        End { of: 1, cut: Cut::Unseen(15_000) },
        Join(2),
        Join(3),
        Wait(350),
        peek,
        Wait(9_650),
    ];
    holds(&Script { channel: "open:1", sleeps: false, tight: true, ops });
}
