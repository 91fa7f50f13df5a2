//! The table of what builds a contract, as crates/dormouse/docs/contract.md shows it.

use crate::contract::declared::{RATE_DEFAULT, REFILL_SECONDS_MAX};
use crate::contract::handler::{SNAPSHOT_BYTES_MAX, STATE_BYTES_MAX};
use crate::contract::{FRAME_BYTES_MAX, HOUR, HistoryBounds, KIB, MIB};
use dormouse_protocol::name::{CHANNEL_NAME_MAX, EVENT_NAME_MAX};

/// Each builder: its name, what it says, what it takes, and what holds without it.
fn rows() -> Vec<[String; 4]> {
    [channels(), code(), events(), calls(), bounds()].concat()
}

fn owned<const N: usize>(rows: [[&str; 4]; N]) -> Vec<[String; 4]> {
    rows.map(|row| row.map(str::to_owned)).to_vec()
}

/// What an event's name may be.
fn name() -> String {
    format!("a name of 1 to {EVENT_NAME_MAX} letters, digits, `_`, `-` and `.`")
}

fn channels() -> Vec<[String; 4]> {
    let pattern = format!("a pattern that fits a name of at most {CHANNEL_NAME_MAX} characters, each pattern once");
    owned([
        ["Contract::new", "A contract to which channels are added.", "", ""],
        [
            "Contract::channel",
            "The channels whose names fit a pattern: `*` is one segment, a last `**` one or more. The most specific holds.",
            &pattern,
            "no channel",
        ],
        ["Channel::with_token", "Who joins needs a token with `join`.", "", ""],
        ["Channel::for_anyone", "Anyone joins and hears.", "", ""],
        [
            "Channel::sign_in_later",
            "Anyone connects, hears nothing, and signs in on the open socket.",
            "`SIGN_IN_MS`",
            "",
        ],
        [
            "Channel::grants",
            "What everyone on the channel may do beyond what a token says.",
            "any ability but `meter` and `unmetered`",
            "nothing",
        ],
        [
            "Channel::event",
            "What may be said: a name, the type of its data, and how it is said.",
            &name(),
            "nothing can be said",
        ],
        [
            "Channel::presence",
            "Members see who is here; the type of what they show of themselves.",
            "`PRESENCE_DATA_BYTES`",
            "nobody is shown",
        ],
        ["Channel::history", "How much of what is kept is held.", "see `HistoryBounds`", "its default"],
    ])
}

/// The application's own code on a channel.
fn code() -> Vec<[String; 4]> {
    let state = format!("{} MiB of JSON at most; declared before the handlers", STATE_BYTES_MAX >> 20);
    let snapshot = format!("{} KiB of JSON at most", SNAPSHOT_BYTES_MAX >> 10);
    owned([
        [
            "Channel::state",
            "What the channel remembers for its handlers; it outlives sleep and everybody's leaving.",
            &state,
            "no state",
        ],
        [
            "Channel::snapshot",
            "What joiners are shown of the state, and whoever has missed too much.",
            &snapshot,
            "nothing is shown",
        ],
        ["Channel::guard", "A check before whatever a member says or asks.", "", "none"],
        [
            "Channel::judged",
            "An event that a handler judges: said as it came, something in its place, or refused.",
            &name(),
            "",
        ],
        ["Channel::call", "What may be asked, and the handler that answers.", &name(), "nothing can be asked"],
        ["Channel::on_join", "Is told that a connection has joined.", "", ""],
        ["Channel::on_leave", "Is told that a connection is gone for good.", "", ""],
        [
            "Channel::on_tick",
            "Runs so often while somebody is here, once `turn.tick_every` was called.",
            "20 ms at least",
            "",
        ],
        ["Channel::timer", "What happens when a timer fires that a handler has set.", &name(), ""],
        ["Channel::job", "Work outside: what is asked of another server, and what its answer does.", &name(), ""],
        [
            "Channel::binding_job",
            "The same with a binding of the deployment (Workers AI, D1, KV, a queue, another Worker).",
            "a name as for `job`",
            "",
        ],
        [
            "Channel::calls_out_to",
            "The hosts that jobs may call, each as it stands in an address.",
            "hosts, with their port if it is not the usual",
            "none",
        ],
    ])
}

fn calls() -> Vec<[String; 4]> {
    let frame = FRAME_BYTES_MAX / KIB;
    owned([
        ["Calls::plain", "The handler runs each time it is asked.", "", ""],
        [
            "Calls::remembered",
            "Its reply is kept by the request's id: asked again it is answered again and does not run twice.",
            "for `DEDUPE_MS`",
            "",
        ],
        [
            "Calls::rate",
            "How often a user may ask it, a second.",
            &format!("{} or more", 1.0 / REFILL_SECONDS_MAX),
            &RATE_DEFAULT.to_string(),
        ],
        [
            "Calls::burst",
            "How many may be asked at once after a rest.",
            &format!("1 to {REFILL_SECONDS_MAX} times the rate"),
            "the rate, at least 1",
        ],
        [
            "Calls::max_bytes",
            "The largest input, in bytes of JSON as it was written.",
            &format!("1 byte to {frame} KiB, and no more than a frame (`FRAME_BYTES`)"),
            "as much as a frame",
        ],
        ["Calls::needs", "The ability that it takes.", "any ability", "`call`, or `call:` and its name"],
    ])
}

fn events() -> Vec<[String; 4]> {
    let frame = FRAME_BYTES_MAX / KIB;
    owned([
        ["Event::kept", "It gets a seq, is on disk before anyone hears it, and can be read later.", "", ""],
        ["Event::ephemeral", "It is for those who are there right now, and nowhere kept.", "", ""],
        ["Event::directed", "It may be addressed by `to`; then it is not kept.", "", "it reaches everyone"],
        [
            "Event::rate",
            "How often a user may say it, a second.",
            &format!("{} or more", 1.0 / REFILL_SECONDS_MAX),
            &RATE_DEFAULT.to_string(),
        ],
        [
            "Event::burst",
            "How many may be said at once after a rest.",
            &format!("1 to {REFILL_SECONDS_MAX} times the rate"),
            "the rate, at least 1",
        ],
        [
            "Event::max_bytes",
            "The largest data, in bytes of JSON as it was written.",
            &format!("1 byte to {frame} KiB, and no more than a frame (`FRAME_BYTES`)"),
            "as much as a frame",
        ],
        ["Event::needs", "The ability that it takes.", "any ability", "`publish`, or `publish:` and its name"],
        [
            "Event::reserved_for",
            "Only a token with `publish:NAME` may say it; plain `publish` may not.",
            &format!("{}, but its own; not beside `needs`", name()),
            "not reserved",
        ],
        [
            "Event::from_service",
            "Handlers say it, and a token with `publish:NAME` of its very name; plain `publish` may not.",
            "not beside `needs` or `reserved_for`",
            "members say it",
        ],
    ])
}

fn bounds() -> Vec<[String; 4]> {
    let HistoryBounds { count, age, bytes } = HistoryBounds::default();
    let (hours, days) = (age / HOUR, HistoryBounds::AGE_MAX / HOUR / 24);
    let (least, most) = (HistoryBounds::AGE_MIN / 1_000, HistoryBounds::COUNT_MAX);
    let (kept, held) = (HistoryBounds::BYTES_MIN / 1_024, HistoryBounds::BYTES_MAX / MIB);
    owned([
        ["Presence::list", "One sees who is here.", "`PRESENCE_LIST` members, `PRESENCE_BYTES`; beyond, a number", ""],
        ["Presence::count", "One sees how many are here.", "", ""],
        ["HistoryBounds.count", "How many messages are held.", &format!("1 to {most}"), &count.to_string()],
        [
            "HistoryBounds.age",
            "How old they may be, in milliseconds.",
            &format!("{least} s to {days} days"),
            &format!("{hours} hours"),
        ],
        [
            "HistoryBounds.bytes",
            "How much of storage they may take.",
            &format!("{kept} KiB to {held} MiB"),
            &format!("{} MiB", bytes / MIB),
        ],
    ])
}

/// The names of the builders, as the code declares them: what gives the declaration back, and the bounds' fields.
fn declared() -> Vec<String> {
    let sources = [
        include_str!("../../contract.rs"),
        include_str!("../channel.rs"),
        include_str!("../declaration.rs"),
        include_str!("../code.rs"),
        include_str!("../call.rs"),
        include_str!("../event.rs"),
    ];
    let mut names: Vec<_> =
        sources.into_iter().flat_map(|source| [builders(source), fields(source)].concat()).collect();
    names.sort();
    names
}

/// What gives the declaration back.
fn builders(source: &str) -> Vec<String> {
    let blocks = source.split("\nimpl").skip(1);
    let of_block = |block: &str| {
        // `impl Channel {` and `impl<S: 'static> Channel<S> {`.
        let (head, body) = block.split_once(" {\n").unwrap();
        let owner = head.rsplit(' ').next().unwrap().split('<').next().unwrap().to_owned();
        let body = body.split("\n}\n").next().unwrap();
        let functions = body.split("\n    pub ").skip(1).map(|function| function.trim_start_matches("const "));
        let signatures = functions.filter_map(|function| function.strip_prefix("fn ")?.split_once(" {\n"));
        let builds =
            signatures.filter(|(signature, _)| signature.ends_with("-> Self") || signature.ends_with("-> Channel<S>"));
        let names = builds.map(|(signature, _)| signature.split(['(', '<']).next().unwrap().to_owned());
        names.map(|name| format!("{owner}::{name}")).collect::<Vec<_>>()
    };
    let ours = ["Contract::", "Channel::", "Event::", "Calls::", "Presence::"];
    blocks.flat_map(of_block).filter(|name| ours.iter().any(|owner| name.starts_with(owner))).collect()
}

/// The bounds' fields.
fn fields(source: &str) -> Vec<String> {
    let Some((_, bounds)) = source.split_once("pub struct HistoryBounds {") else { return vec![] };
    let bounds = bounds.split("\n}").next().unwrap();
    let fields = bounds.lines().filter_map(|line| line.trim_start().strip_prefix("pub ")?.split_once(": "));
    fields.map(|(field, _)| format!("HistoryBounds.{field}")).collect()
}

#[test]
fn the_table_of_the_builders_has_each_with_the_ceilings_of_the_code() {
    let rows = rows();
    let mut told: Vec<_> = rows.iter().map(|[name, ..]| name.clone()).collect();
    told.sort();
    assert_eq!(told, declared());
    let lines = rows.iter().map(|[name, says, most, without]| format!("| `{name}` | {says} | {most} | {without} |"));
    let table = ["| what | says | takes | without it |".to_owned(), "| --- | --- | --- | --- |".to_owned()]
        .into_iter()
        .chain(lines);
    let table = table.collect::<Vec<_>>().join("\n");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../dormouse/docs/contract.md");
    let shown = std::fs::read_to_string(file).unwrap();
    assert!(shown.contains(&table), "put this table into crates/dormouse/docs/contract.md:\n{table}");
}
