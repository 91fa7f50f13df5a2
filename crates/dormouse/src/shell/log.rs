//! Log lines: one JSON object a line, by the console's level.

use worker::{console_error, console_log, console_warn};

use super::env::known_deployment;
use dormouse_core::effect::{Level, LogLine};

/// Writes one line, unless the deployment wants none of its level.
pub(crate) fn write(line: &LogLine) {
    if known_deployment().is_some_and(|deployment| !deployment.config.logs(line)) {
        return;
    }
    let text = serde_json::to_string(line).unwrap_or_default();
    match line.level {
        Level::Info => console_log!("{text}"),
        Level::Warn => console_warn!("{text}"),
        Level::Error => console_error!("{text}"),
    }
}
