//! A turn costs what it does, not how many are there: what it looks at is counted, in a small channel and in a full one.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod support;

use dormouse_core::limits::Limits;
use dormouse_core::steps;
use serde_json::json;
use support::room::{contract, publish, say};
use support::{Client, Joiner, Sleep, World};

/// A small channel and a full one.
const SIZES: [usize; 2] = [100, 30_000];

/// The most entries that one turn may look at, however many members there are. A look at all of a full channel
/// is 30,000.
const TURN: u64 = 150;

/// The same for each of many who come, go or are told something in one turn.
const EACH: u64 = 10;

struct Crowd {
    world: World,
    members: Vec<Client>,
}

impl Crowd {
    /// So many members, each another user, who hear and speak; one in a thousand is a host.
    fn of(channel: &str, size: usize, sleep: Sleep) -> Self {
        let mut world = World::under(contract(), channel, sleep);
        world.limits = Limits { members: 32_000, ..Limits::default() };
        let mut crowd = Self { world, members: Vec::new() };
        for number in 0..size {
            let role = if number % 1_000 == 7 { "host" } else { "guest" };
            crowd.join(&Joiner::user(&format!("user-{number}")).roles(&[role]));
        }
        crowd.world.advance(2_000);
        crowd
    }

    fn join(&mut self, joiner: &Joiner) {
        let client = self.world.join(joiner);
        self.world.drain_now();
        self.members.push(client);
    }

    /// What the machine looks at in what happens.
    fn steps(&mut self, happen: impl FnOnce(&mut World)) -> u64 {
        let before = steps::taken();
        happen(&mut self.world);
        self.world.drain_now();
        steps::taken() - before
    }

    /// One member says something to all, which each of the others hears, and sends what is nothing.
    #[track_caller]
    fn may_speak(&mut self, speaker: Client, what: &str) {
        for frame in [say("1", 1), publish("wave", "2", 1), json!({"type": "dance"}), json!([])] {
            let steps = self.steps(|world| world.send(speaker, frame.clone()));
            assert!(steps <= TURN, "{what}, {} members: {steps} steps for {frame}", self.members.len());
        }
    }

    /// Somebody joins, signs in where that is to be, and is gone.
    #[track_caller]
    fn may_come_and_go(&mut self, what: &str) {
        let size = self.members.len();
        let mut came = None;
        let joined = self.steps(|world| came = Some(world.join(&Joiner::user("new"))));
        let came = came.unwrap();
        let shown = self.steps(|world| world.send(came, json!({"type": "presence", "id": "p", "data": {"x": 1}})));
        let broke = self.steps(|world| world.cut(came));
        for (steps, does) in [(joined, "joins"), (shown, "shows itself"), (broke, "breaks off")] {
            assert!(steps <= TURN, "{what}, {size} members: {steps} steps when one {does}");
        }
    }
}

#[track_caller]
fn each(steps: u64, size: usize, what: &str) {
    println!("{what}, {size} members: {} steps each", steps / size as u64);
    assert!(steps <= EACH * size as u64, "{what}, {size} members: {steps} steps");
}

#[test]
fn steps_are_counted() {
    let mut crowd = Crowd::of("room:a", 10, Sleep::Never);
    // Who joins is told who is here, each of them.
    let steps = crowd.steps(|world| {
        world.join(&Joiner::user("late"));
    });
    assert!(steps >= 10, "{steps} steps");
}

#[test]
fn a7_one_who_has_not_signed_in_costs_the_others_nothing() {
    for size in SIZES {
        let mut crowd = Crowd::of("door:a", size, Sleep::Never);
        crowd.join(&Joiner::anonymous());
        crowd.may_speak(crowd.members[3], "one has not signed in");
        crowd.may_come_and_go("one has not signed in");
        let steps = crowd.steps(|world| world.advance(world.limits.sign_in_ms));
        assert!(steps <= TURN, "it is told so, {size} members: {steps}");
        assert_eq!(crowd.world.received(*crowd.members.last().unwrap()).last().unwrap()["code"], 4300);
    }
}

#[test]
fn p3_a_crowd_that_breaks_at_once_costs_each_the_same_and_so_does_its_grace() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", size, Sleep::Never);
        let members = crowd.members.clone();
        let (last, first) = members.split_last().unwrap();
        let steps = crowd.steps(|world| first.iter().for_each(|client| world.cut(*client)));
        each(steps, size, "breaking at once");
        crowd.may_speak(*last, "everybody in grace");
        crowd.may_come_and_go("everybody in grace");
        let steps = crowd.steps(|world| world.advance(world.limits.grace_ms + 5_000));
        each(steps, size, "the end of the grace");
        assert!(dormouse_core::storage::Storage::graces(&mut crowd.world.storage).unwrap().is_empty());
    }
}

#[test]
fn p3_the_first_to_leave_is_found_among_a_crowd_in_grace() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", size, Sleep::Never);
        let members = crowd.members.clone();
        for client in &members[..20] {
            crowd.world.advance(10);
            crowd.world.cut(*client);
        }
        crowd.world.advance(10);
        members[20..size - 1].iter().for_each(|client| crowd.world.cut(*client));
        crowd.world.advance(crowd.world.limits.grace_ms - 201);
        let before = crowd.world.turns();
        for number in 0..20 {
            let steps = crowd.steps(|world| world.advance(10));
            assert!(steps <= TURN, "{size} members, leaving {number}: {steps}");
        }
        assert!(crowd.world.turns() >= before + 20, "each has its alarm");
    }
}

#[test]
fn f5_a_publish_to_a_role_looks_at_those_who_have_it() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", size, Sleep::Never);
        let (speaker, host) = (crowd.members[0], crowd.members[7]);
        crowd.world.received(host);
        let to_hosts =
            json!({"type": "publish", "id": "1", "event": "wave", "data": 1, "to": {"roles": ["host", "x"]}});
        let steps = crowd.steps(|world| world.send(speaker, to_hosts));
        assert!(steps <= TURN, "{size} members: {steps}");
        assert_eq!(crowd.world.receives(host)["event"], "wave");
    }
}

#[test]
fn a6_grants_that_expire_cost_those_whose_they_are() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", size, Sleep::Never);
        let now = crowd.world.now();
        for number in 0..20 {
            crowd.join(&Joiner::user(&format!("brief-{number}")).expires(now + 60_000 + number));
        }
        let brief = crowd.members.split_off(size);
        crowd.world.advance(59_999);
        let speaker = crowd.members[3];
        for client in brief {
            crowd.world.advance(1);
            let steps = crowd.steps(|world| world.send(speaker, publish("wave", "2", 1)));
            assert!(steps <= TURN, "{size} members: {steps}");
            assert_eq!(crowd.world.received(client).last().unwrap()["code"], 4300);
        }
    }
}

#[test]
fn r3_members_that_were_told_bye_and_do_not_go_cost_the_others_nothing() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", 0, Sleep::Never);
        crowd.world.limits.members = 32_000;
        let expires = crowd.world.now() + 60_000;
        for number in 0..size {
            crowd.join(&Joiner::user(&format!("user-{number}")).expires(expires));
        }
        crowd.world.advance(59_000);
        crowd.join(&Joiner::user("stays"));
        let stays = *crowd.members.last().unwrap();
        crowd.world.advance(1_000);
        let steps = crowd.steps(|world| world.send(stays, publish("wave", "2", 1)));
        each(steps, size, "told bye at once");
        crowd.may_speak(stays, "all were told bye");
        crowd.may_come_and_go("all were told bye");
        let steps = crowd.steps(|world| world.advance(world.limits.hang_up_ms));
        each(steps, size, "hung up on");
        let members = crowd.members.clone();
        let steps = crowd.steps(|world| members[..size].iter().for_each(|client| world.cut(*client)));
        each(steps, size, "gone at last");
    }
}

#[test]
fn h3_a_crowd_that_slept_is_looked_through_once() {
    for size in SIZES {
        let mut crowd = Crowd::of("room:a", size, Sleep::Always);
        crowd.world.pause();
        crowd.world.advance(60_000);
        assert!(crowd.world.is_asleep());
        let (speaker, wakes) = (crowd.members[3], crowd.world.wakes());
        let directed =
            |users: &[&str]| json!({"type": "publish", "id": "1", "event": "wave", "data": 1, "to": {"users": users}});
        // What is found by name is put in order once.
        crowd.world.send(speaker, directed(&["user-1"]));
        crowd.world.drain_now();
        crowd.may_speak(speaker, "asleep");
        crowd.may_come_and_go("asleep");
        let steps = crowd.steps(|world| world.send(speaker, directed(&["user-70", "user-9", "nobody"])));
        assert!(steps <= TURN, "{size} members: {steps}");
        assert_eq!(crowd.world.wakes(), wakes + 1);
        let members = crowd.members.clone();
        let steps = crowd.steps(|world| members.iter().for_each(|client| world.cut(*client)));
        each(steps, size, "breaking out of sleep");
    }
}

/// A POST waits for the flush; many wait together.
#[test]
fn e2_a_post_looks_at_no_other_that_waits() {
    for size in [100, 5_000] {
        let mut crowd = Crowd::of("room:a", 2, Sleep::Never);
        let speaker = support::unmetered("backend");
        let body = |n: usize| json!({"event": "wave", "data": n}).to_string();
        let before = steps::taken();
        for number in 0..size {
            crowd.world.handle_http(&speaker, dormouse_core::channel::HttpOperation::Publish { body: body(number) });
        }
        crowd.world.drain();
        each(steps::taken() - before, size, "waiting posts");
        assert!(crowd.world.answers().values().all(|answer| answer.body["type"] == "ack"));
    }
}
