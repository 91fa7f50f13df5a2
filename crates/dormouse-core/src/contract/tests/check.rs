//! Mistakes a developer can make, each beside a declaration that is right.

use garde::Validate;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{
    Ability, Channel, ChannelRules, Contract, Entry, Event, FRAME_BYTES_MAX, HOUR, HistoryBounds, Json, KIB, MIB,
    Presence, PresenceMode,
};
use dormouse_protocol::name::ChannelName;

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the type is looked at")]
struct Closed {
    #[garde(skip)]
    at: Option<Vec<u8>>,
}

#[derive(Deserialize, JsonSchema, Validate)]
struct Open {
    #[garde(skip)]
    #[expect(dead_code, reason = "only the type is looked at")]
    at: u8,
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Nested {
    #[garde(dive)]
    inner: Vec<Closed>,
    #[garde(dive)]
    open: Vec<Open>,
}

/// A channel with one event.
fn saying(event: Event) -> Channel {
    Channel::with_token().event::<Json>("say", event)
}

fn with(channel: Channel) -> Contract {
    Contract::new().channel("a:*", channel)
}

/// What is told of a contract, without the places.
fn told(contract: Contract) -> Vec<String> {
    let Err(mistakes) = contract.check() else { return vec![] };
    assert!(mistakes.iter().all(|mistake| mistake.file().ends_with("contract/tests/check.rs") && mistake.line() > 0));
    mistakes.iter().map(|mistake| mistake.to_string().split_once(": ").unwrap().1.to_owned()).collect()
}

#[track_caller]
fn assert_told(contract: Contract, expected: &[&str]) {
    assert_eq!(told(contract), expected);
}

#[track_caller]
fn assert_right(contract: Contract) {
    assert_eq!(told(contract), Vec::<String>::new());
}

fn rules(contract: &Contract, name: &str) -> Option<ChannelRules> {
    contract.rules(&ChannelName::parse(name).unwrap()).map(|rules| ChannelRules::clone(rules))
}

#[test]
fn f3_a_mistake_names_the_file_and_the_line_to_change() {
    let line = line!() + 3;
    #[rustfmt::skip]
    let contract = Contract::new()
        .channel("a::b", Channel::with_token())
        .channel("a:*", Channel::with_token()
            .event::<Json>("bad name", Event::kept()
                .rate(0)
                .max_bytes(0))
            .history(HistoryBounds { count: 0, ..HistoryBounds::default() }))
        .channel("a:*", Channel::with_token());
    let mistakes = contract.check().unwrap_err();
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line() - line).collect();
    assert_eq!(lines, [0, 2, 3, 4, 5, 6], "{mistakes:?}");
    let first = format!("{}:{line}: the pattern `a::b` has an empty segment: segments are parted by one `:`.", file!());
    assert_eq!(mistakes[0].to_string(), first);
}

#[test]
fn f3_all_mistakes_are_told_at_once() {
    let worst = Channel::with_token()
        .grants([Ability::History, Ability::Presence, Ability::Meter, Ability::Unmetered])
        .event::<Json>("ack", Event::ephemeral().rate(-1))
        .event::<Open>("ack", Event::ephemeral().burst(0))
        .presence::<Open>(Presence::list());
    assert_eq!(
        told(with(worst).channel("a:*", Channel::with_token()).channel("**:a", Channel::with_token())).len(),
        12
    );
}

#[test]
fn e5_two_patterns_that_tie_are_told_and_others_that_overlap_are_not() {
    assert_told(
        with(Channel::with_token()).channel("a:*", Channel::for_anyone()),
        &[&format!(
            "the pattern `a:*` is declared twice, here and in line {}, and neither is the more specific: make them \
             one, or change one.",
            with_line()
        )],
    );
    assert_right(
        with(Channel::with_token()).channel("*:a", Channel::with_token()).channel("a:**", saying(Event::kept())),
    );
}

/// The line in which [`with`] declares its channel.
fn with_line() -> u32 {
    let Err(mistakes) = Contract::new().check() else { panic!("it has no channel") };
    assert!(mistakes[0].to_string().ends_with("the contract has no channel: declare one."), "{mistakes:?}");
    let Err(mistakes) = with(Channel::with_token()).channel("a:*", Channel::with_token()).check() else {
        panic!("they tie")
    };
    let told = mistakes[0].to_string();
    told.split("in line ").nth(1).and_then(|rest| rest.split(',').next()).and_then(|line| line.parse().ok()).unwrap()
}

#[test]
fn e5_a_pattern_for_which_no_channel_is_left_is_told() {
    let channel = Channel::with_token;
    let contract = || Contract::new().channel("a:**", channel()).channel("a:*", channel());
    assert_right(contract());
    assert_right(contract().channel("a:*:*", channel()));
    let why = "no channel is left for `a:**`: more specific patterns have them all.";
    assert_told(contract().channel("a:*:**", channel()), &[why]);
    assert_told(contract().channel("a:*:*", channel()).channel("a:*:*:**", channel()), &[why]);
}

#[test]
fn e5_of_several_channels_the_most_specific_holds_however_they_are_declared() {
    let forth = ["**", "a:**", "a:*", "a:b"];
    let back = ["a:b", "a:*", "a:**", "**"];
    for order in [forth, back] {
        let contract = order.into_iter().fold(Contract::new(), |all, text| all.channel(text, Channel::with_token()));
        let contract = contract.check().unwrap();
        for (name, holds) in [("a:b", "a:b"), ("a:c", "a:*"), ("a:b:c", "a:**"), ("b", "**"), ("a", "**")] {
            assert_eq!(rules(&contract, name).unwrap().pattern.to_string(), holds);
        }
    }
}

#[test]
fn e5_a_name_that_no_pattern_fits_is_no_channel() {
    let contract = with(Channel::with_token());
    assert!(rules(&contract, "a:b").is_some());
    assert!(rules(&contract, "a").is_none());
    assert!(rules(&contract, "a:b:c").is_none());
}

#[test]
fn r5_a_rate_that_lets_nothing_through_is_told() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let why = format!("in `a:*`, event `say`: {rate} a second is no rate: give a number above zero.");
        assert_told(with(saying(Event::kept().rate(rate))), &[&why]);
    }
    for burst in [0.0, -1.0, 0.9, f64::NAN, f64::INFINITY] {
        let why = format!("in `a:*`, event `say`: with a burst of {burst} nothing can be said: give 1 or more.");
        assert_told(with(saying(Event::kept().rate(1).burst(burst))), &[&why]);
    }
    assert_right(with(saying(Event::kept().rate(0.1).burst(1))));
}

#[test]
fn h1_a_burst_that_takes_longer_than_10_s_to_be_full_again_is_told() {
    assert_right(with(saying(Event::kept().rate(3).burst(30))));
    assert_told(
        with(saying(Event::kept().rate(3).burst(31))),
        &["in `a:*`, event `say`: a burst of 31 at 3 a second takes longer than 10 s to be full again, and would be \
           forgotten in sleep: give at most 30."],
    );
    assert_told(
        with(saying(Event::kept().rate(0.05))),
        &["in `a:*`, event `say`: 0.05 a second is too slow to survive sleep: give 0.1 or more."],
    );
}

#[test]
fn r5_a_rate_without_a_burst_has_a_burst_of_one_second_and_of_one_at_least() {
    let rate = |event| rules(&with(saying(event)), "a:b").unwrap().event("say").unwrap().rate;
    assert_eq!((rate(Event::kept().rate(5)).per_second, rate(Event::kept().rate(5)).burst), (5.0, 5.0));
    assert_eq!(rate(Event::kept().rate(0.5)).burst, 1.0);
    assert_eq!(rate(Event::kept().rate(5).burst(20)).burst, 20.0);
    assert_eq!((rate(Event::kept()).per_second, rate(Event::kept()).burst), (10.0, 10.0));
}

#[test]
fn r5_the_highest_rate_of_a_channel_is_that_of_its_fastest_event() {
    let channel = saying(Event::kept().rate(5)).event::<Json>("move", Event::ephemeral().rate(60));
    assert_eq!(rules(&with(channel), "a:b").unwrap().highest_rate(), 60.0);
    assert_eq!(rules(&with(Channel::with_token()), "a:b").unwrap().highest_rate(), 0.0);
}

#[test]
fn f3_a_reserved_event_name_is_told() {
    let named = |name: &str| with(Channel::with_token().event::<Json>(name, Event::kept()));
    for name in
        ["publish", "auth", "presence", "history", "resume", "welcome", "ack", "error", "resumed", "bye", "ping"]
    {
        let why = "is reserved, a frame of the protocol has it: choose another.";
        assert_told(named(name), &[&format!("in `a:*`, the event name `{name}` {why}")]);
    }
    let why = "in `a:*`, the event name `dormouse.x` is reserved, as all that begin with `dormouse.`.";
    assert_told(named("dormouse.x"), &[why]);
    for name in ["message", "say", "dormouse", "Ack", "a.b-c_d", "1", &"x".repeat(64)] {
        assert_right(named(name));
    }
}

#[test]
fn f3_a_bad_event_name_and_one_declared_twice_are_told() {
    for name in ["", "a b", "$x", "ä", "a:b", &"x".repeat(65)] {
        let why = "is no event name: it is 1 to 64 letters, digits, `_`, `-` and `.`.";
        let contract = with(Channel::with_token().event::<Json>(name, Event::kept()));
        assert_told(contract, &[&format!("in `a:*`, `{name}` {why}")]);
    }
    let twice = saying(Event::kept()).event::<Closed>("say", Event::ephemeral());
    let told = told(with(twice));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("in `a:*`, the event `say` is declared twice, here and in line "), "{told:?}");
}

#[test]
fn f3_a_type_that_lets_unknown_fields_pass_is_told_with_the_place() {
    let event =
        |channel: Channel| with(channel.event::<Closed>("right", Event::kept()).presence::<Closed>(Presence::list()));
    assert_right(event(Channel::with_token()));
    let here = module_path!();
    let why = "give the type there #[serde(deny_unknown_fields)], or declare free JSON.";
    assert_told(
        event(Channel::with_token().event::<Open>("x", Event::kept()).event::<Nested>("y", Event::kept())),
        &[
            &format!("in `a:*`, event `x`: `{here}::Open` lets unknown fields pass: {why}"),
            &format!("in `a:*`, event `y`: `{here}::Nested` lets unknown fields pass in `open[]`: {why}"),
        ],
    );
    assert_told(
        with(Channel::with_token().presence::<Open>(Presence::list())),
        &[&format!("in `a:*`, presence: `{here}::Open` lets unknown fields pass: {why}")],
    );
}

#[test]
fn f3_a_service_begins_without_a_look_at_types_and_finds_what_is_wrong_with_them_when_asked() {
    let calls = Channel::with_token().event::<Open>("x", Event::kept()).presence::<Nested>(Presence::list());
    let contract = with(calls).check_declarations().expect("the declarations are right");
    let told: Vec<_> = contract.check_types().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(with(saying(Event::kept())).check_types(), Ok(()));
    assert!(with(saying(Event::kept().rate(0))).check_declarations().is_err());
}

#[test]
fn r4_data_larger_than_a_frame_or_of_no_size_is_told() {
    assert_right(with(saying(Event::kept().max_bytes(1))));
    assert_right(with(saying(Event::kept().max_bytes(FRAME_BYTES_MAX))));
    for bytes in [0, 1_024 * KIB + 1] {
        let why = format!("in `a:*`, event `say`: its data may have 1 to 1048576 bytes, not {bytes}.");
        assert_told(with(saying(Event::kept().max_bytes(bytes))), &[&why]);
    }
}

#[test]
fn d9_history_out_of_bounds_is_told() {
    let bounds = |count, age, bytes| with(saying(Event::kept()).history(HistoryBounds { count, age, bytes }));
    assert_right(bounds(1, 1_000, 65_536));
    assert_right(bounds(100_000, 90 * 24 * HOUR, 1_024 * MIB));
    let wrong = |what: &str| format!("in `a:*`, history holds {what}.");
    for count in [0, 100_001] {
        assert_told(bounds(count, HOUR, MIB), &[&wrong(&format!("a count of 1 to 100000, not {count}"))]);
    }
    for age in [999, 90 * 24 * HOUR + 1] {
        let what = format!("an age in milliseconds of 1000 to 7776000000, not {age}");
        assert_told(bounds(1, age, MIB), &[&wrong(&what)]);
    }
    for bytes in [65_535, 1_024 * MIB + 1] {
        assert_told(bounds(1, HOUR, bytes), &[&wrong(&format!("bytes of 65536 to 1073741824, not {bytes}"))]);
    }
}

#[test]
fn d9_history_is_1000_messages_24_hours_and_8_mib_where_nothing_is_said() {
    let bounds = HistoryBounds { count: 1_000, age: 86_400_000, bytes: 8_388_608 };
    assert_eq!(rules(&with(saying(Event::kept())), "a:b").unwrap().history, bounds);
}

#[test]
fn d9_history_where_nothing_is_kept_is_told() {
    assert_told(
        with(saying(Event::ephemeral()).history(HistoryBounds::default())),
        &["in `a:*`, history is declared, but no event is kept: keep one, or drop the bounds."],
    );
    let keeps = |event| rules(&with(saying(event)), "a:b").unwrap().keeps();
    assert!(keeps(Event::kept()));
    assert!(!keeps(Event::ephemeral()));
}

#[test]
fn f5_directing_where_there_is_no_one_to_direct_to_is_told() {
    let public = || Channel::for_anyone().event::<Json>("say", Event::kept().directed());
    let why = "in `a:*`, event `say` is directed, but who listens here has no name and nobody is told who is here, so \
               there is no one to direct it to: declare presence as a list, or drop `directed`.";
    assert_told(with(public()), &[why]);
    assert_told(with(public().presence::<Json>(Presence::count())), &[why]);
    assert_right(with(public().presence::<Json>(Presence::list())));
    assert_right(with(saying(Event::kept().directed())));
}

#[test]
fn a3_a_grant_to_everyone_that_means_nothing_or_too_much_is_told() {
    let granting = |ability| with(Channel::for_anyone().grants([ability]));
    for (ability, why) in [
        (Ability::Presence, "`presence` is granted to everyone, but the channel has no presence"),
        (Ability::History, "`history` is granted to everyone, but nothing is kept"),
        (Ability::Publish, "`publish` is granted to everyone, but there is no event"),
        (Ability::parse("publish:x").unwrap(), "`publish:x` is granted to everyone, but there is no such event"),
        (Ability::Unmetered, "`unmetered` is granted to everyone, but that would leave the channel without any rates"),
        (Ability::Meter, "`meter` is granted to everyone, but the counters are for those who run the service"),
    ] {
        assert_told(granting(ability), &[&format!("in `a:*`, {why}: drop it.")]);
    }
    let all = ["join", "presence", "history", "publish", "publish:say", "publish:host"].map(Ability::parse);
    let event = Event::kept().reserved_for("host");
    let channel = saying(Event::kept()).event::<Json>("open", event).presence::<Json>(Presence::count());
    assert_right(with(channel.grants(all.into_iter().flatten())));
}

#[test]
fn a3_an_event_reserved_for_nothing_is_told() {
    assert_right(with(saying(Event::kept().reserved_for("host"))));
    let wrong = |event, why: &str| assert_told(with(saying(event)), &[&format!("in `a:*`, event `say`: {why}.")]);
    let own = "`publish` includes `publish:say`, so this reserves nothing: give another name";
    wrong(Event::kept().reserved_for("say"), own);
    let bad = "`publish:a b` is no ability: a name is letters, digits, `_`, `-` and `.`";
    wrong(Event::kept().reserved_for("a b"), bad);
    let both = "it is reserved and needs an ability too: declare one of them";
    wrong(Event::kept().reserved_for("host").needs(Ability::Join), both);
}

#[test]
fn p1_presence_or_history_declared_twice_is_told() {
    let channel = saying(Event::kept())
        .presence::<Json>(Presence::list())
        .presence::<Json>(Presence::count())
        .history(HistoryBounds::default())
        .history(HistoryBounds::default());
    let told = told(with(channel));
    assert!(told[0].starts_with("in `a:*`, presence is declared twice, here and in line "), "{told:?}");
    assert!(told[1].starts_with("in `a:*`, history is declared twice, here and in line "), "{told:?}");
    assert_eq!(told.len(), 2);
}

#[test]
fn a3_who_comes_in_how_is_what_was_declared() {
    let entry = |channel| rules(&with(channel), "a:b").map(|rules| (rules.entry, rules.granted)).unwrap();
    assert_eq!(entry(Channel::with_token()), (Entry::Token, vec![]));
    assert_eq!(entry(Channel::sign_in_later()), (Entry::Later, vec![]));
    assert_eq!(entry(Channel::for_anyone().grants([Ability::Join])), (Entry::Anyone, vec![Ability::Join]));
    let mode =
        |presence| rules(&with(Channel::with_token().presence::<Json>(presence)), "a:b").unwrap().presence.unwrap();
    assert_eq!(mode(Presence::list()).mode, PresenceMode::List);
    assert_eq!(mode(Presence::count()).mode, PresenceMode::Count);
}

proptest! {
    #[test]
    fn r5_every_rate_that_is_taken_lets_something_through_and_is_full_again_in_10_s(
        per_second in any::<f64>(), burst in proptest::option::of(any::<f64>())
    ) {
        let event = Event::kept().rate(per_second);
        let event = match burst { Some(burst) => event.burst(burst), None => event };
        if let Ok(contract) = with(saying(event)).check() {
            let rate = rules(&contract, "a:b").unwrap().event("say").unwrap().rate;
            prop_assert!(rate.per_second > 0.0 && rate.burst >= 1.0 && rate.burst.is_finite());
            prop_assert!(rate.burst / rate.per_second <= 10.000_001);
        }
    }
}
