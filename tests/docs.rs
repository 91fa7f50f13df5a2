//! What the documents say is what the code does.

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

/// The lines that name a file and its functions: "3. `file`: `function`, `function` (why)".
fn way(text: &str) -> Vec<(String, Vec<String>)> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let numbered = lines.filter_map(|line| line.split_once(". `").filter(|(number, _)| number.parse::<u8>().is_ok()));
    let steps = numbered.filter_map(|(_, rest)| rest.split_once("`: "));
    steps
        .map(|(file, rest)| {
            let functions = rest.split_once(" (").map_or(rest, |(functions, _)| functions).split(", ");
            (file.to_owned(), functions.map(|function| function.trim_matches('`').to_owned()).collect())
        })
        .collect()
}

#[test]
fn a_messages_way_is_told_alike_in_both_places_and_passes_functions_that_call_each_other_in_this_order() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("there is no {file}"));
    let told = way(&read("CONTRIBUTING.md"));
    assert_eq!(told, way(&read("crates/dormouse-core/src/lib.rs")));
    assert!(told.len() >= 6 && told.iter().any(|(file, _)| file.ends_with("hub/publish.rs")), "{told:?}");
    let mut before = String::new();
    for (file, functions) in told {
        let source = read(&file);
        let first = functions.first().unwrap();
        let calls = [".", "::", " "].map(|behind| format!("{behind}{first}("));
        let leads = before.lines().any(|line| !line.contains("fn ") && calls.iter().any(|call| line.contains(call)));
        assert!(before.is_empty() || leads, "nothing before {file} calls {first}");
        before += &source;
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
    let source = include_str!("../crates/dormouse-core/src/lib.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | ")).filter(|row| !row.starts_with("---"));
    let rooms: Vec<_> = rows.filter_map(|row| row.split(" | ").nth(1)).collect();
    // A room is named as code: `[`name`]`, `name/` or `name.rs`.
    let shown = rooms.iter().flat_map(|rooms| rooms.split('`').skip(1).step_by(2));
    let mut shown: Vec<_> = shown.map(|room| room.trim_end_matches('/').trim_end_matches(".rs")).collect();
    let mut there = modules(source);
    shown.sort_unstable();
    there.sort_unstable();
    assert!(there.len() > 15, "{there:?}");
    assert_eq!(shown, there);
}
