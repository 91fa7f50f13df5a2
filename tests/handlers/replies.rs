//! Replies that are remembered (rule C3): by whom, under which id, for what; and who may ask over HTTP.

use dormouse::{Ability, Application, Call, Calls, Channel, Contract, Refused, State, Turn, payload, reasons, state};
use dormouse_core::testing::{HttpOperation, World, assert_same_asleep_in};
use serde_json::{Value, json};

use crate::support::Joiner;

const ADD: Call<Number, Number> = Call::new("add");
const TAKE: Call<Number, Number> = Call::new("take");
const ALLOW: Call<Number, Number> = Call::new("allow");
const HERE: Call<Nobody, Here> = Call::new("here");

/// A sum that is added to and taken from, up to what is allowed.
struct Till;

impl Application for Till {
    fn contract() -> Contract {
        let till = |channel: Channel| {
            channel
                .state::<Sum>()
                .call(ADD, Calls::remembered().rate(5).burst(20), add)
                .call(TAKE, Calls::remembered().rate(5).burst(20), take)
                .call(ALLOW, Calls::plain(), allow)
                .call(HERE, Calls::plain(), here)
                .on_join(joined)
        };
        Contract::new()
            .channel("till:*", till(Channel::with_token()))
            .channel("open:*", till(Channel::for_anyone().grants([Ability::Call])))
    }
}

#[state]
struct Sum {
    sum: u64,
    allowed: u64,
    /// How often a handler of a remembered call ran, be it that it refused.
    ran: u64,
    /// Who was here when somebody last came.
    seen: Vec<String>,
}

#[reasons]
enum No {
    /// It is full.
    Full,
}

fn add(sum: &mut State<Sum>, _: &mut Turn<'_>, more: &Number) -> Result<Number, Refused<No>> {
    sum.ran += 1;
    sum.sum += more.n;
    // What is refused has not happened.
    if sum.sum > 10 + sum.allowed { Err(No::Full.into()) } else { Ok(Number { n: sum.sum }) }
}

fn take(sum: &mut State<Sum>, _: &mut Turn<'_>, less: &Number) -> Result<Number, Refused> {
    sum.ran += 1;
    sum.sum = sum.sum.saturating_sub(less.n);
    Ok(Number { n: sum.sum })
}

fn allow(sum: &mut State<Sum>, _: &mut Turn<'_>, more: &Number) -> Result<Number, Refused> {
    sum.allowed += more.n;
    Ok(Number { n: sum.ran })
}

fn here(sum: &mut State<Sum>, turn: &mut Turn<'_>, _: &Nobody) -> Result<Here, Refused> {
    Ok(Here { now: names(turn), seen: sum.seen.clone(), asker: turn.who().connection().map(str::to_owned) })
}

fn joined(sum: &mut State<Sum>, turn: &mut Turn<'_>) {
    sum.seen = names(turn);
}

/// Whoever is here, by user and the first of its roles.
fn names(turn: &mut Turn<'_>) -> Vec<String> {
    let name =
        |who: &dormouse::Who| format!("{} {}", who.user().unwrap_or("nobody"), who.roles().next().unwrap_or("-"));
    let mut names: Vec<_> = turn.members().iter().map(name).collect();
    names.sort();
    names
}

#[payload]
struct Number {
    n: u64,
}

#[payload]
struct Nobody {}

#[payload]
struct Here {
    now: Vec<String>,
    seen: Vec<String>,
    asker: Option<String>,
}

/// Plays a script at a till, awake all the time and asleep wherever the platform could.
#[track_caller]
fn at_till(script: impl Fn(&mut World<Till>)) {
    assert_same_asleep_in(|sleep| World::under(Till::contract(), "till:a", sleep), script);
}

/// How often a remembered call ran and what it did was written.
fn ran(world: &mut World<Till>) -> u64 {
    let joiner = Joiner::user("reader");
    let (status, body) = world.post_call(&joiner, "allow", None, json!({"n": 0}));
    assert_eq!(status, 200, "{body}");
    body["n"].as_u64().unwrap()
}

fn result(id: &str, n: u64) -> Value {
    json!({"type": "result", "id": id, "data": {"n": n}})
}

fn again(id: &str, n: u64) -> Value {
    json!({"type": "result", "id": id, "data": {"n": n}, "duplicate": true})
}

#[test]
fn c3_an_id_that_comes_with_other_data_or_for_another_call_is_a_conflict_and_runs_nothing() {
    at_till(|world| {
        let ann = world.joined("ann");
        world.ask_as(ann, "one", "add", json!({"n": 3}));
        assert_eq!(world.receives(ann), result("one", 3));
        let conflicts = |world: &mut World<Till>, ann| {
            for (name, n) in [("add", 4), ("take", 3), ("take", 4)] {
                world.ask_as(ann, "one", name, json!({"n": n}));
                let refused = world.assert_refused(ann, "conflict");
                assert_eq!((&refused["id"], refused.get("seq")), (&json!("one"), None));
                let (status, body) = world.post_call(&Joiner::user("ann"), name, Some("one"), json!({"n": n}));
                assert_eq!((status, &body["error"]["code"]), (409, &json!("conflict")));
            }
            // The first is known still.
            world.ask_as(ann, "one", "add", json!({"n": 3}));
            assert_eq!(world.receives(ann), again("one", 3));
        };
        conflicts(world, ann);
        // Over another connection, sleep, and death.
        world.cut(ann);
        let ann = world.joined("ann");
        conflicts(world, ann);
        world.pause();
        conflicts(world, ann);
        world.crash();
        let ann = world.joined("ann");
        conflicts(world, ann);
        assert_eq!(ran(world), 1);
        // Nor is it one for another user, nor for a call that is not remembered.
        world.ask_as(ann, "one", "allow", json!({"n": 0}));
        assert_eq!(world.receives(ann), result("one", 1));
        let bob = world.joined("bob");
        world.ask_as(bob, "one", "take", json!({"n": 1}));
        assert_eq!(world.receives(bob), result("one", 2));
    });
}

#[test]
fn c3_an_id_is_known_again_before_its_reply_is_on_disk() {
    at_till(|world| {
        let ann = world.joined("ann");
        let call = |name: &str, n: u64| json!({"type": "call", "id": "one", "name": name, "data": {"n": n}});
        world.send(ann, json!([call("add", 3), call("add", 3), call("add", 4), call("take", 3)]));
        world.drain();
        let frames = world.received(ann);
        let told = frames.iter().filter(|frame| frame["type"] == "result").collect::<Vec<_>>();
        assert_eq!(told, [&result("one", 3), &again("one", 3)]);
        let codes: Vec<_> = frames.iter().filter_map(|frame| frame["code"].as_str()).collect();
        assert_eq!(codes, ["conflict", "conflict"]);
        assert_eq!(ran(world), 1);
    });
}

#[test]
fn c3_what_was_not_written_is_no_conflict_for_what_comes_next_under_its_id() {
    at_till(|world| {
        let ann = world.joined("ann");
        world.trouble.write = Some(0);
        world.ask_as(ann, "one", "add", json!({"n": 3}));
        world.assert_refused(ann, "internal");
        world.ask_as(ann, "one", "add", json!({"n": 4}));
        assert_eq!(world.receives(ann), result("one", 4));
    });
}

#[test]
fn c3_a_remembered_call_that_was_refused_runs_again_under_its_id() {
    at_till(|world| {
        let ann = world.joined("ann");
        let joiner = Joiner::user("ann");
        for _ in 0..2 {
            world.ask_as(ann, "one", "add", json!({"n": 12}));
            assert_eq!(world.assert_refused(ann, "refused")["reason"], "full");
            let (status, body) = world.post_call(&joiner, "add", Some("one"), json!({"n": 12}));
            assert_eq!((status, &body["error"]["reason"]), (422, &json!("full")));
        }
        // Nor is the id taken: it may come with what is not refused.
        world.ask_as(ann, "other", "add", json!({"n": 11}));
        world.assert_refused(ann, "refused");
        world.ask_as(ann, "other", "add", json!({"n": 1}));
        assert_eq!(world.receives(ann), result("other", 1));
        world.ask(ann, "allow", json!({"n": 3}));
        world.received(ann);
        world.pause();
        world.ask_as(ann, "one", "add", json!({"n": 12}));
        assert_eq!(world.receives(ann), result("one", 13));
        // From now on it is remembered.
        assert_eq!(world.post_call(&joiner, "add", Some("one"), json!({"n": 12})), (200, json!({"n": 13})));
        assert_eq!(ran(world), 2);
    });
}

#[test]
fn c3_a_remembered_call_that_was_refused_runs_again_in_the_same_array() {
    at_till(|world| {
        let ann = world.joined("ann");
        let call = |id: &str, name: &str, n: u64| json!({"type": "call", "id": id, "name": name, "data": {"n": n}});
        world.send(ann, json!([call("one", "add", 11), call("two", "allow", 1), call("one", "add", 11)]));
        world.drain();
        let told = world.answers_to(ann, "one");
        assert_eq!((told.len(), &told[0]["code"], &told[1]), (2, &json!("refused"), &result("one", 11)));
        // What never reached the handler is not remembered either.
        world.ask_as(ann, "three", "add", json!({"n": "a text"}));
        assert_eq!(world.received(ann).last().unwrap()["code"], "invalid_data");
        world.ask_as(ann, "three", "add", json!({"n": 0}));
        assert_eq!(world.receives(ann), result("three", 11));
    });
}

#[test]
fn c3_a_remembered_call_that_comes_again_counts_at_its_rate() {
    at_till(|world| {
        let ann = world.joined("ann");
        for nth in 0..20 {
            world.ask_as(ann, "one", "add", json!({"n": 3}));
            assert_eq!(world.receives(ann), if nth == 0 { result("one", 3) } else { again("one", 3) });
        }
        world.ask_as(ann, "one", "add", json!({"n": 3}));
        world.assert_refused(ann, "rate_limited");
        let (status, body) = world.post_call(&Joiner::user("ann"), "add", Some("one"), json!({"n": 3}));
        assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limited")));
        world.advance(400);
        world.ask_as(ann, "one", "add", json!({"n": 3}));
        assert_eq!(world.receives(ann), again("one", 3));
    });
}

#[test]
fn c3_without_a_user_an_id_is_the_connections_and_over_http_nobodys() {
    assert_same_asleep_in(
        |sleep| World::<Till>::under(Till::contract(), "open:a", sleep),
        |world| {
            let nobody = Joiner::anonymous().from_address("192.0.2.7");
            let (first, second) = (world.joined(&nobody), world.joined(&nobody));
            world.ask_as(first, "one", "add", json!({"n": 3}));
            assert_eq!(world.receives(first), result("one", 3));
            world.ask_as(second, "one", "add", json!({"n": 3}));
            assert_eq!(world.receives(second), result("one", 6));
            world.pause();
            world.ask_as(first, "one", "add", json!({"n": 3}));
            assert_eq!(world.receives(first), again("one", 3));
            // Whoever asks from this address: nobody is given a reply that was another's.
            assert_eq!(world.post_call(&nobody, "add", Some("one"), json!({"n": 1})), (200, json!({"n": 7})));
            assert_eq!(world.post_call(&nobody, "add", Some("one"), json!({"n": 1})), (200, json!({"n": 8})));
        },
    );
}

#[test]
fn c3_over_http_an_idempotency_key_has_1_to_64_characters_and_nothing_is_asked_with_another() {
    at_till(|world| {
        let ann = Joiner::user("ann");
        let (longest, long) = ("🐁".repeat(64), "x".repeat(65));
        for key in ["", &long] {
            let (status, body) = world.post_call(&ann, "add", Some(key), json!({"n": 1}));
            assert_eq!((status, &body["error"]["code"]), (400, &json!("bad_frame")), "{key:?}");
            assert!(body["error"]["message"].as_str().unwrap().contains("Idempotency-Key"), "{body}");
        }
        assert_eq!(ran(world), 0);
        for _ in 0..2 {
            assert_eq!(world.post_call(&ann, "add", Some(&longest), json!({"n": 1})), (200, json!({"n": 1})));
        }
        // Without one it runs each time.
        assert_eq!(world.post_call(&ann, "add", None, json!({"n": 1})), (200, json!({"n": 2})));
        assert_eq!(world.post_call(&ann, "add", None, json!({"n": 1})), (200, json!({"n": 3})));
    });
}

#[test]
fn c3_over_http_a_body_that_is_too_large_or_no_json_asks_nothing() {
    at_till(|world| {
        let post = |world: &mut World<Till>, body: &str| {
            let (name, id) = ("add".to_owned(), Some("one".to_owned()));
            let operation = HttpOperation::Call { name, id, body: body.to_owned() };
            let (status, body) = world.get(&Joiner::user("ann"), operation);
            (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
        };
        let padded = |bytes: usize| format!("{}{}", r#"{"n": 1}"#, " ".repeat(bytes - 8));
        assert_eq!(post(world, &padded(64 * 1_024 + 1)), (413, "too_large".to_owned()));
        for bad in ["", "{\"n\": 1", "{\"n\": 1, \"n\": 2}", "{\"n\": 1}{}", "[{\"n\": 1}"] {
            assert_eq!(post(world, bad), (400, "bad_frame".to_owned()), "{bad}");
        }
        for unfit in ["[{\"n\": 1}]", "{}", "null", "{\"n\": 1, \"m\": 2}", "{\"n\": -1}"] {
            assert_eq!(post(world, unfit), (422, "invalid_data".to_owned()), "{unfit}");
        }
        assert_eq!(ran(world), 0);
        assert_eq!(post(world, &padded(64 * 1_024)), (200, String::new()));
        assert_eq!(ran(world), 1);
    });
}

#[test]
fn a3_over_http_a_call_takes_call_or_its_own_name_and_not_join() {
    at_till(|world| {
        let can = |can: &[&str]| Joiner::user("ann").can(can);
        assert_eq!(world.post_call(&can(&["call:add"]), "add", None, json!({"n": 1})), (200, json!({"n": 1})));
        assert_eq!(world.post_call(&can(&["call"]), "add", None, json!({"n": 1})), (200, json!({"n": 2})));
        let without: [&[&str]; 5] = [
            &[],
            &["join", "publish", "presence", "history", "meter", "unmetered"],
            &["call:take"],
            &["publish:add"],
            &["call:ad"],
        ];
        for joiner in without.map(can) {
            let (status, body) = world.post_call(&joiner, "add", Some("one"), json!({"n": 1}));
            assert_eq!((status, &body["error"]["code"]), (403, &json!("forbidden")), "{joiner:?}");
            // What one may not ask, one is not told that it is wrong (rule F7).
            let (status, _) = world.post_call(&joiner, "add", Some("one"), json!({"n": "a text"}));
            assert_eq!(status, 403);
        }
        let (status, body) = world.post_call(&can(&["call"]), "fly", None, json!({}));
        assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")));
        let (status, body) = world.post_call(&Joiner::anonymous(), "add", None, json!({"n": 1}));
        assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthenticated")));
        let expired = can(&["call"]).expires(world.now());
        let (status, body) = world.post_call(&expired, "add", None, json!({"n": 1}));
        assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthenticated")));
        assert_eq!(ran(world), 2);
    });
}

#[test]
fn c1_the_code_is_told_the_members_both_when_it_is_asked_over_a_connection_and_over_http() {
    at_till(|world| {
        let ann = world.joined(&Joiner::user("ann").roles(&["host"]));
        // One who may not be seen, and one who is here twice.
        world.joined(&Joiner::user("bob").can(&["join"]));
        let second = world.joined(&Joiner::user("ann").roles(&["guest"]));
        let all = ["ann guest", "ann host", "bob -"];
        let Here { now, seen, asker } = world.call(ann, HERE, &Nobody {}).unwrap();
        assert_eq!((now, asker), (all.map(str::to_owned).to_vec(), Some(world.connection(ann))));
        assert_eq!(seen, all, "one who has just joined is among them");
        // Who asks over HTTP is no member, also where it is a member's user.
        for user in ["eve", "bob"] {
            let (status, told) = world.post_call(&Joiner::user(user).can(&["call:here"]), "here", None, json!({}));
            assert_eq!((status, &told["now"], &told["asker"]), (200, &json!(all), &json!(null)));
        }
        world.pause();
        world.leave(second);
        world.drain();
        let (_, told) = world.post_call(&Joiner::user("eve"), "here", None, json!({}));
        assert_eq!(told["now"], json!(["ann host", "bob -"]));
        assert_eq!(world.call(ann, HERE, &Nobody {}).unwrap().now, ["ann host", "bob -"]);
    });
}
