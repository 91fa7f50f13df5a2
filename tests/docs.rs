//! What the documents say is what the code does.

use dormouse::config::Config;
use dormouse_protocol::error::{Close, Code};

const README: &str = include_str!("../README.md");
const PROTOCOL: &str = include_str!("../PROTOCOL.md");

#[test]
fn the_readme_shows_every_knob_as_the_configuration_reads_it() {
    let marked = README.split("<!-- knobs: begin (checked by cargo test) -->").nth(1);
    let shown = marked.and_then(|rest| rest.split("<!-- knobs: end -->").next()).unwrap_or_default();
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
