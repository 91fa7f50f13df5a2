//! What the documents say is what the code does.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test fails by panicking")]

use dormouse::config::Config;
use dormouse_protocol::error::{Close, Code};

const README: &str = include_str!("../README.md");
const PROTOCOL: &str = include_str!("../PROTOCOL.md");

#[test]
fn the_readme_shows_every_knob_as_the_configuration_reads_it() {
    let marked = README.split("<!-- settings: begin (checked by cargo test) -->").nth(1);
    let shown = marked.and_then(|rest| rest.split("<!-- settings: end -->").next()).unwrap_or_default();
    let table = Config::table();
    assert!(shown.trim() == table.trim(), "put this table into the README:\n{table}");
}

#[test]
fn r1_the_protocol_lists_every_code_with_its_status_and_whether_to_try_again() {
    for code in Code::ALL {
        let again = if code.retryable() { "yes" } else { "no" };
        let row = format!("| `{}` | {} | {again} |", code.as_str(), code.status());
        assert!(PROTOCOL.contains(&row), "PROTOCOL.md lacks the row {row}");
    }
    let rows = PROTOCOL.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 5).count();
    assert_eq!(rows, Code::ALL.len(), "PROTOCOL.md lists a code that is none");
}

#[test]
fn r3_the_protocol_lists_every_close_code() {
    for close in Close::ALL {
        assert!(PROTOCOL.contains(&format!("{} ", close.number())), "PROTOCOL.md lacks {}", close.number());
    }
}

/// A step of the way: "3. `file`: `function`, `function` (from step 1: why)". Where it is not said, it is reached from the
/// step before.
#[derive(Debug, PartialEq)]
struct Step {
    file: String,
    functions: Vec<String>,
    from: usize,
}

fn way(text: &str) -> Vec<Step> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let numbered = lines.filter_map(|line| {
        let (number, step) = line.split_once(". `")?;
        Some((number.parse::<usize>().ok()?, step.split_once("`: ")?))
    });
    numbered
        .map(|(number, (file, rest))| {
            let (functions, why) = rest.split_once(" (").unwrap();
            let from = why
                .strip_prefix("from step ")
                .map_or(number - 1, |why| why.split_once(':').unwrap().0.parse().unwrap());
            let functions = functions.split(", ").map(|function| function.trim_matches('`').to_owned()).collect();
            Step { file: file.to_owned(), functions, from }
        })
        .collect()
}

/// Whether a source calls a function of another file. One that it has itself by the same name is another's.
fn calls(source: &str, function: &str) -> bool {
    let has_its_own = source.contains(&format!("fn {function}("));
    source.lines().filter(|line| !line.contains("fn ") && !line.trim_start().starts_with("//")).any(|line| {
        let found = [".", "::", " "].iter().find_map(|behind| line.split_once(&format!("{behind}{function}(")));
        found.is_some_and(|(before, _)| !(has_its_own && before.ends_with("self")))
    })
}

#[test]
fn a_messages_way_is_told_alike_in_both_places_and_passes_functions_that_call_each_other_in_this_order() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("there is no {file}"));
    let told = way(&read("CONTRIBUTING.md"));
    assert_eq!(told, way(&read("crates/dormouse-core/src/lib.rs")));
    assert!(told.len() >= 6 && told.iter().any(|step| step.file.ends_with("hub/publish.rs")), "{told:?}");
    for Step { file, functions, from } in &told {
        let source = read(file);
        let first = functions.first().unwrap();
        if let Some(step) = from.checked_sub(1) {
            let caller = &told[step].file;
            assert!(caller == file || calls(&read(caller), first), "{caller} does not call {first} of {file}");
        }
        let places = functions.iter().map(|function| {
            let found = ["(", "<"].iter().find_map(|begin| source.find(&format!("fn {function}{begin}")));
            found.unwrap_or_else(|| panic!("{file} has no function {function}"))
        });
        let places: Vec<_> = places.collect();
        assert!(places.is_sorted(), "{file} is not read from its top down: {functions:?}");
        let called = |function: &String| source.matches(&format!("{function}(")).count() > 1;
        let (_, inner) = functions.split_first().unwrap();
        assert!(inner.iter().all(called), "{file}: one of {inner:?} is not passed");
    }
}

/// The modules that a file declares by itself or takes out of another, as `mod` and `pub use` say.
fn modules(source: &str) -> Vec<&str> {
    let declared = source.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let taken = source.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';'));
    let taken = taken.filter_map(|line| line.split_once("::")).flat_map(|(_, names)| names.split(", "));
    let names = declared.map(|line| line.trim_end_matches(';')).chain(taken);
    names.map(|name| name.trim_matches(['{', '}'])).collect()
}

#[test]
fn the_map_of_the_core_shows_every_room_and_none_that_is_not_there() {
    let mut shown: Vec<_> = floors().into_iter().flatten().collect();
    let mut there = modules(MAP);
    shown.sort_unstable();
    there.sort_unstable();
    assert!(there.len() > 15, "{there:?}");
    assert_eq!(shown, there);
}

const MAP: &str = include_str!("../crates/dormouse-core/src/lib.rs");

/// The rooms of each row of the map, the topmost first: those that it names as code, `[`name`]`, `name/` or `name.rs`.
fn floors() -> Vec<Vec<&'static str>> {
    let rows = MAP.lines().filter_map(|line| line.strip_prefix("//! | ")).filter(|row| !row.starts_with("---"));
    let rooms = rows.filter_map(|row| row.split(" | ").nth(1));
    let named = rooms.map(|rooms| rooms.split('`').skip(1).step_by(2));
    named.map(|row| row.map(|room| room.trim_end_matches('/').trim_end_matches(".rs")).collect()).collect()
}

/// The sources of a room, but for its tests.
fn sources(path: &std::path::Path) -> Vec<String> {
    if path.ends_with("tests") || path.ends_with("tests.rs") {
        return Vec::new();
    }
    let Ok(folder) = std::fs::read_dir(path) else { return std::fs::read_to_string(path).into_iter().collect() };
    folder.flat_map(|entry| sources(&entry.unwrap().path())).collect()
}

#[test]
fn every_room_of_the_core_uses_those_below_it_and_none_above() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/dormouse-core/src");
    let floors = floors();
    let floor_of = |room: &str| floors.iter().position(|floor| floor.contains(&room));
    let mut uses = 0;
    for (floor, room) in
        floors.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, room)))
    {
        for source in [sources(&root.join(room)), sources(&root.join(format!("{room}.rs")))].concat() {
            // What stands in comments and behind the tests is no use.
            let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for used in line.split("crate::").skip(1) {
                    let used = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                    let Some(below) = floor_of(used) else { continue };
                    assert!(below >= floor, "{room} uses {used}, which stands above it:\n{line}");
                    uses += 1;
                }
            }
        }
    }
    assert!(uses > 100, "{uses}");
}
