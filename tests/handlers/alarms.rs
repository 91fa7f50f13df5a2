//! What timers and jobs cost (rules C6, C7): rows written, and alarms set, which are rows too.

use std::collections::BTreeSet;
use std::time::Duration;

use dormouse::{
    Application, Call, Calls, Channel, Contract, Event, HttpCall, Job, JobFailed, Refused, Said, State, Timer, Turn,
    payload, state,
};
use dormouse_core::contract::JobAnswer;
use dormouse_core::effect::Effect;
use dormouse_core::storage::{RecordKind, Storage as _};
use dormouse_core::testing::{Client, Sleep, World};
use serde_json::{Value, json};

use crate::support::Joiner;

const SET: Call<Set, Nothing> = Call::new("set");
const START: Call<Start, Nothing> = Call::new("start");
const FIRED: Said<Number> = Said::new("fired");
const LATE: Timer<Number> = Timer::new("late");
const WORK: Job<Number, Number> = Job::new("work");

/// So many times.
const MANY: u64 = 1_000;
/// So many jobs are under way at once; the others wait.
const UNDER_WAY: u64 = 64;
/// The calls of one array.
const ARRAY: u64 = 100;

/// An application that sets one timer again and again, and starts jobs.
struct Alarms;

impl Application for Alarms {
    fn contract() -> Contract {
        let channel = Channel::with_token()
            .state::<Nobody>()
            .event(FIRED, Event::ephemeral().from_service())
            .call(SET, Calls::plain(), set)
            .call(START, Calls::plain(), start)
            .timer(LATE, late)
            .calls_out_to(["work.example"])
            .job(WORK, working, worked);
        Contract::new().channel("alarms:*", channel)
    }
}

/// Nothing is remembered: what is written is timers and jobs.
#[state]
struct Nobody {}

fn set(_: &mut State<Nobody>, turn: &mut Turn<'_>, set: &Set) -> Result<Nothing, Refused> {
    for nth in 0..set.times {
        let wait = Duration::from_millis(set.after + nth);
        turn.after(LATE, "one", wait, &Number { n: set.n + nth });
    }
    if set.cancel {
        turn.cancel(LATE, "one");
    }
    Ok(Nothing {})
}

fn start(_: &mut State<Nobody>, turn: &mut Turn<'_>, start: &Start) -> Result<Nothing, Refused> {
    for n in 0..start.jobs {
        turn.start(WORK, &Number { n });
    }
    Ok(Nothing {})
}

fn late(_: &mut State<Nobody>, turn: &mut Turn<'_>, number: &Number) {
    turn.say(FIRED, number);
}

fn working(number: &Number) -> HttpCall {
    HttpCall::post("https://work.example/").json(number)
}

fn worked(_: &mut State<Nobody>, _: &mut Turn<'_>, _: &Number, _: Result<Number, JobFailed>) {}

/// A timer of one key, set so many times in one turn, each time a millisecond later, and perhaps given up then.
#[payload]
struct Set {
    after: u64,
    n: u64,
    times: u64,
    cancel: bool,
}

#[payload]
struct Start {
    jobs: u64,
}

#[payload]
struct Number {
    n: u64,
}

#[payload]
struct Nothing {}

const fn once(after: u64, n: u64) -> Set {
    Set { after, n, times: 1, cancel: false }
}

/// A channel with one member whom no rate holds up, of which every effect is noted.
fn world(sleep: Sleep) -> (World<Alarms>, Client) {
    let mut world = World::with("alarms:a", sleep);
    let ann = world.joined(&Joiner::user("ann").can(&["join", "call", "unmetered"]));
    // A member who has joined is looked after once a day: that alarm is set.
    world.take_effects();
    (world, ann)
}

/// Asks calls all at once, a hundred in an array: no batch window ends between them.
fn ask_at_once(world: &mut World<Alarms>, ann: Client, name: &str, data: &[Value]) {
    for (array, calls) in data.chunks(ARRAY as usize).enumerate() {
        let frame = |(nth, data): (usize, &Value)| {
            let id = format!("{array}.{nth}");
            json!({"type": "call", "id": id, "name": name, "data": data})
        };
        world.send(ann, calls.iter().enumerate().map(frame).collect());
    }
    world.drain();
}

/// Rows written and alarms set by what happens.
fn cost(world: &mut World<Alarms>, happen: impl FnOnce(&mut World<Alarms>)) -> [u64; 2] {
    world.take_effects();
    let before = world.storage.rows_written();
    happen(world);
    let alarms = world.take_effects().iter().filter(|effect| matches!(effect, Effect::Alarm { .. })).count();
    [world.storage.rows_written() - before, alarms as u64]
}

#[track_caller]
fn costs(world: &mut World<Alarms>, most: [u64; 2], happen: impl FnOnce(&mut World<Alarms>)) {
    let [rows, alarms] = cost(world, happen);
    assert!(rows <= most[0] && alarms <= most[1], "{rows} rows and {alarms} alarms, at most {most:?}");
}

/// The one timer there is fires once, with what it was last set with, and costs this until then.
#[track_caller]
fn fires_once(world: &mut World<Alarms>, ann: Client, n: u64, most: [u64; 2]) {
    assert_eq!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().len(), 1);
    world.received(ann);
    costs(world, most, |world| {
        world.advance(600_000);
        world.drain();
    });
    let fired: Vec<_> = world.received(ann).iter().map(|frame| frame["data"]["n"].clone()).collect();
    assert_eq!(fired, [json!(n)]);
    assert!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().is_empty());
}

#[test]
fn c6_a_keyed_timer_set_a_thousand_times_in_one_turn_is_one_row_and_one_alarm() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        // A timer is a row and its place in the order of times.
        costs(&mut world, [2, 1], |world| {
            world.call(ann, SET, &Set { times: MANY, ..once(60_000, 0) }).unwrap();
        });
        // When it has fired it goes.
        fires_once(&mut world, ann, MANY - 1, [1, 0]);
    }
}

#[test]
fn c6_a_keyed_timer_set_and_given_up_in_one_turn_is_no_row_and_no_alarm() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        costs(&mut world, [0, 0], |world| {
            world.call(ann, SET, &Set { times: MANY, cancel: true, ..once(60_000, 0) }).unwrap();
            world.advance(600_000);
        });
        assert!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().is_empty());
    }
}

#[test]
fn c6_a_keyed_timer_set_by_a_thousand_turns_at_once_is_one_row_and_one_alarm() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        let sets: Vec<_> =
            (0..MANY).map(|nth| json!({"after": 60_000 + nth, "n": nth, "times": 1, "cancel": false})).collect();
        // The first hundred are written at once, and the others together when their batch window ends.
        costs(&mut world, [4, 1], |world| ask_at_once(world, ann, "set", &sets));
        // The alarm of the first hundred fires a little too early, and sets the right one.
        fires_once(&mut world, ann, MANY - 1, [1, 1]);
    }
}

#[test]
fn c6_a_keyed_timer_set_later_and_later_by_a_thousand_batches_is_one_row_and_its_alarm_is_set_once() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        costs(&mut world, [2 * MANY, 1], |world| {
            for nth in 0..MANY {
                world.call(ann, SET, &once(600_000 - MANY + nth, nth)).unwrap();
                world.advance(1);
            }
        });
        // The alarm of the first fires too early, and sets the right one.
        fires_once(&mut world, ann, MANY - 1, [1, 1]);
    }
}

#[test]
fn c6_a_keyed_timer_set_sooner_and_sooner_by_a_thousand_batches_is_one_row_and_an_alarm_each() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        costs(&mut world, [2 * MANY, MANY], |world| {
            for nth in 0..MANY {
                world.call(ann, SET, &once(600_000 - 100 * nth, nth)).unwrap();
                world.advance(1);
            }
        });
        fires_once(&mut world, ann, MANY - 1, [1, 0]);
    }
}

/// A way to start jobs.
type Way = dyn Fn(&mut World<Alarms>, Client);

/// Answers jobs as they are asked for until none is left; none is asked for twice.
fn answer_all(world: &mut World<Alarms>) {
    let mut answered = BTreeSet::new();
    while let Some((key, _)) = world.running(WORK).first().cloned() {
        assert!(answered.insert(key.clone()), "{key} is asked for twice");
        let body = json!({"n": 1}).to_string();
        world.answer_job_of(&key, JobAnswer::Answered { status: 200, body });
    }
    assert_eq!(answered.len() as u64, MANY);
    assert!(world.storage.records(RecordKind::Job, "", None, 9).unwrap().is_empty());
}

#[test]
fn c7_a_thousand_jobs_of_one_turn_of_one_batch_or_of_many_are_two_rows_each_and_one_alarm() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let one_turn = |world: &mut World<Alarms>, ann| drop(world.call(ann, START, &Start { jobs: MANY }));
        let one_batch = |world: &mut World<Alarms>, ann| {
            ask_at_once(world, ann, "start", &vec![json!({"jobs": 1}); MANY as usize]);
        };
        let many_batches = |world: &mut World<Alarms>, ann| {
            for _ in 0..MANY {
                world.call(ann, START, &Start { jobs: 1 }).unwrap();
                world.advance(1);
            }
        };
        let ways: [&Way; 3] = [&one_turn, &one_batch, &many_batches];
        for way in ways {
            let (mut world, ann) = world(sleep);
            costs(&mut world, [2 * MANY, 1], |world| way(world, ann));
            // Each that is done is a row that goes; and each that waited for room is written again when it is tried.
            costs(&mut world, [MANY + 2 * (MANY - UNDER_WAY), 0], answer_all);
            // The alarm that would have looked for answers finds nothing to do.
            costs(&mut world, [0, 0], |world| world.advance(600_000));
        }
    }
}

#[test]
fn c7_a_thousand_jobs_that_are_answered_as_they_come_are_three_rows_each_and_one_alarm() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        costs(&mut world, [3 * MANY, 1], |world| {
            for _ in 0..MANY {
                world.call(ann, START, &Start { jobs: 1 }).unwrap();
                world.finish(WORK, &Number { n: 1 });
            }
        });
        costs(&mut world, [0, 0], |world| world.advance(600_000));
    }
}

#[test]
fn c7_a_thousand_jobs_of_which_nothing_is_heard_cost_one_alarm_a_minute() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = world(sleep);
        world.call(ann, START, &Start { jobs: MANY }).unwrap();
        assert_eq!(world.running(WORK).len() as u64, UNDER_WAY);
        // What is overdue and has no room sets no alarm.
        costs(&mut world, [0, 0], |world| world.advance(59_000));
        // Each minute those under way are given up for lost, and as many are tried.
        costs(&mut world, [10 * 2 * UNDER_WAY, 10], |world| world.advance(600_000));
    }
}
