//! What a channel costs does not grow with what it holds: rows read and written are counted, and what is looked at.

use std::collections::BTreeSet;

use dormouse::{
    Application, Call, Calls, Channel, Contract, Event, HttpCall, Job, JobFailed, Refused, Said, State, Timer, Turn,
    Verdict, payload, state,
};
use dormouse_core::contract::JobAnswer;
use dormouse_core::limits::Limits;
use dormouse_core::steps;
use dormouse_core::storage::{RecordKind, Storage as _};
use dormouse_core::testing::{Client, Sleep, World};
use serde_json::json;

use crate::support::Joiner;

const TIMERS: u64 = 10_000;
const JOBS: u64 = 1_000;

/// The most that one event does of what is overdue.
const AT_ONCE: u64 = 64;

/// So many jobs are under way at once.
const UNDER_WAY: usize = 64;

const FILL: Call<Fill, Nothing> = Call::new("fill");
const SAY: Said<Number> = Said::new("say");
const FIRED: Said<Number> = Said::new("fired");
const LATE: Timer<Number> = Timer::new("late");
const WORK: Job<Number, Number> = Job::new("work");

/// An application that sets many timers and starts many jobs.
struct Full;

impl Application for Full {
    fn contract() -> Contract {
        Contract::new().channel(
            "full:*",
            Channel::with_token()
                .state::<Count>()
                .judged(SAY, Event::kept(), say)
                .event(FIRED, Event::ephemeral().from_service())
                .call(FILL, Calls::plain().rate(1_000), fill)
                .timer(LATE, late)
                .calls_out_to(["work.example"])
                .job(WORK, working, worked),
        )
    }
}

#[state]
struct Count {
    said: u64,
    worked: u64,
}

fn say(count: &mut State<Count>, _: &mut Turn<'_>, _: &Number) -> Result<Verdict<Number>, Refused> {
    count.said += 1;
    Ok(Verdict::AsSaid)
}

fn fill(_: &mut State<Count>, turn: &mut Turn<'_>, fill: &Fill) -> Result<Nothing, Refused> {
    for n in fill.from..fill.timers {
        let wait = std::time::Duration::from_millis(fill.after);
        turn.after(LATE, &format!("{n:05}"), wait, &Number { n });
    }
    for n in 0..fill.jobs {
        turn.start(WORK, &Number { n });
    }
    Ok(Nothing {})
}

fn late(_: &mut State<Count>, turn: &mut Turn<'_>, number: &Number) {
    turn.say(FIRED, number);
}

fn working(number: &Number) -> HttpCall {
    HttpCall::post("https://work.example/").json(number)
}

fn worked(count: &mut State<Count>, _: &mut Turn<'_>, _: &Number, _: Result<Number, JobFailed>) {
    count.worked += 1;
}

#[payload]
struct Number {
    n: u64,
}

/// Timers from one number to another, after so long, and so many jobs.
#[payload]
struct Fill {
    from: u64,
    timers: u64,
    after: u64,
    jobs: u64,
}

#[payload]
struct Nothing {}

fn full(sleep: Sleep) -> (World<Full>, Client) {
    let mut world = World::with("full:a", sleep);
    let ann = Joiner::user("ann").can(&["join", "publish", "call", "unmetered"]).expires(world.now() + 86_400_000);
    let ann = world.joined(&ann);
    for from in (0..TIMERS).step_by(1_000) {
        let after = 3_600_000 + from;
        world.call(ann, FILL, &Fill { from, timers: from + 1_000, after, jobs: 0 }).unwrap();
    }
    (world, ann)
}

/// Rows read and written by what happens.
#[track_caller]
fn costs(world: &mut World<Full>, most: [u64; 2], happen: impl FnOnce(&mut World<Full>)) {
    let before = [world.storage.rows_read(), world.storage.rows_written()];
    happen(world);
    let rows = [world.storage.rows_read() - before[0], world.storage.rows_written() - before[1]];
    assert!(rows[0] <= most[0] && rows[1] <= most[1], "{rows:?} rows were read and written, at most {most:?}");
}

#[test]
fn c6_ten_thousand_timers_and_a_thousand_jobs_cost_other_turns_nothing() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let (mut world, ann) = full(sleep);
        world.call(ann, FILL, &Fill { from: 0, timers: 0, after: 0, jobs: JOBS }).unwrap();
        assert_eq!(world.running(WORK).len(), UNDER_WAY, "the others wait");
        world.advance(20_000);
        // A message and the state; after sleep the channel looks up where it stands.
        costs(&mut world, [12, 3], |world| drop(world.publish(ann, "say", json!({"n": 1}))));
        costs(&mut world, [4, 3], |world| drop(world.publish(ann, "say", json!({"n": 2}))));
        // A timer is a row and its place in the order of times.
        costs(&mut world, [6, 2], |world| {
            world.call(ann, FILL, &Fill { from: 5, timers: 6, after: 7_200_000, jobs: 0 }).map(drop).unwrap();
        });
        // A job that is done: itself read, the state written, when the next is due; and another that it has made room for.
        let mut done = BTreeSet::new();
        while let Some((key, _)) = world.running(WORK).first().cloned() {
            assert!(done.insert(key.clone()), "it is asked for a second time");
            let answer = JobAnswer::Answered { status: 200, body: json!({"n": 0}).to_string() };
            costs(&mut world, [12, 4], |world| world.answer_job_of(&key, answer));
            assert!(world.running(WORK).len() <= UNDER_WAY);
        }
        assert_eq!(done.len() as u64, JOBS);
    }
}

#[test]
fn c7_a_thousand_jobs_of_which_nothing_is_heard_are_tried_again_so_many_at_once() {
    let mut world = World::<Full>::new("full:a");
    let ann = world.joined(&Joiner::user("ann").can(&["join", "call", "unmetered"]));
    world.call(ann, FILL, &Fill { from: 0, timers: 0, after: 0, jobs: JOBS }).unwrap();
    let until = world.now() + 1_200_000;
    let mut goes_on = true;
    while goes_on {
        costs(&mut world, [AT_ONCE + 12, 2 * AT_ONCE], |world| goes_on = world.step(until));
    }
    let keys: BTreeSet<_> = world.running(WORK).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len() as u64, JOBS, "each has had its turn within twenty minutes");
}

#[test]
fn c6_ten_thousand_timers_that_are_overdue_fire_so_many_at_once_in_their_order_and_soon() {
    let (mut world, ann) = full(Sleep::Always);
    world.received(ann);
    let until = world.now() + 3_700_000;
    // Nobody wakes the channel in time.
    world.set_alarm(Some(until - 60_000));
    let mut goes_on = true;
    while goes_on {
        costs(&mut world, [AT_ONCE + 12, AT_ONCE], |world| goes_on = world.step(until));
    }
    let before = [world.storage.rows_read(), world.storage.rows_written()];
    world.advance(1);
    assert_eq!(before, [world.storage.rows_read(), world.storage.rows_written()]);
    let frames = world.received(ann);
    let fired: Vec<_> = frames.iter().filter(|frame| frame["event"] == "fired").collect();
    let numbers: Vec<_> = fired.iter().map(|frame| frame["data"]["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..TIMERS).collect::<Vec<_>>());
    let [first, last] = [fired[0], fired[fired.len() - 1]].map(|frame| frame["at"].as_u64().unwrap());
    assert!(last - first < 10_000, "the last of them {} ms after the first", last - first);
    assert!(world.storage.records(RecordKind::Timer, "", None, 1).unwrap().is_empty());
}

#[test]
fn c6_a_timer_that_is_set_a_thousand_times_is_one_row() {
    let mut world = World::<Full>::new("full:a");
    let ann = world.joined(&Joiner::user("ann").can(&["join", "publish", "call", "unmetered"]));
    for after in 0..1_000 {
        world.call(ann, FILL, &Fill { from: 1, timers: 2, after: 10_000 + after, jobs: 0 }).unwrap();
        world.advance(1);
    }
    assert_eq!(world.storage.records(RecordKind::Timer, "", None, 9).unwrap().len(), 1);
    world.received(ann);
    world.advance(20_000);
    let keys: BTreeSet<_> = world.received(ann).iter().map(|frame| frame["data"].to_string()).collect();
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), [json!({"n": 1}).to_string()]);
}

/// The most entries that one turn may look at, however many members there are.
const TURN: u64 = 150;

#[test]
fn c1_a_judged_event_costs_the_same_among_a_hundred_members_and_thirty_thousand() {
    let steps = [100, 30_000].map(|size| {
        let mut world = World::<Full>::new("full:a");
        world.limits = Limits { members: 32_000, ..Limits::default() };
        let members: Vec<_> = (0..size)
            .map(|number| {
                let client = world.join(format!("user-{number}").as_str());
                world.drain_now();
                client
            })
            .collect();
        world.advance(2_000);
        let before = steps::taken();
        world.send(members[3], json!({"type": "publish", "id": "1", "event": "say", "data": {"n": 1}}));
        world.send(
            members[4],
            json!({"type": "call", "id": "1", "name": "fill", "data": {"from": 0, "timers": 1, "after": 9, "jobs": 1}}),
        );
        world.drain_now();
        let steps = steps::taken() - before;
        assert!(steps <= TURN, "{size} members: {steps} steps");
        assert_eq!(world.received(members[0]).last().unwrap()["event"], "say");
        steps
    });
    assert_eq!(steps[0], steps[1]);
}
