//! Log lines: one JSON object a line, by the console's level.

use worker::{console_error, console_log, console_warn};

use dormouse_core::effect::{Level, LogLine};

/// Writes one line.
pub(crate) fn write(line: &LogLine) {
    let text = serde_json::to_string(line).unwrap_or_default();
    match line.level {
        Level::Info => console_log!("{text}"),
        Level::Warn => console_warn!("{text}"),
        Level::Error => console_error!("{text}"),
    }
}
