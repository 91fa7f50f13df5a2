//! The alarm of a channel that the contract has no pattern for any more: what is kept of it comes to its end all the
//! same (rule D9). It is there for a while as it was, should the pattern be back.

use super::Effects;
use crate::contract::HistoryBounds;
use crate::effect::{Effect, Level, LogLine};
use crate::hub::{AGAIN, LOOK_EVERY, TRIM_EVERY};
use crate::storage::{DisconnectGrace, Floor, PATTERN_GONE, Storage, StorageError};
use dormouse_protocol::name::{ChannelName, ConnectionId, Millis};

/// The alarm fired, and so many sockets are open. Members in their grace leave. Messages are held as long as they are
/// by default, and at least as long from when the pattern was first missed; then the channel ends as any other.
pub fn retire(storage: &mut dyn Storage, now: Millis, channel: &ChannelName, open: usize) -> Effects {
    let line = |level, detail: String| {
        let line =
            LogLine { channel: Some(channel.to_string()), detail: Some(detail), ..LogLine::new(level, "retired") };
        Effect::Log(line)
    };
    match next(storage, now, open == 0) {
        Ok(Some(at)) => vec![
            line(Level::Warn, "no pattern of the contract fits this channel any more".to_owned()),
            Effect::Alarm { at },
        ],
        Ok(None) => {
            vec![line(Level::Info, "no pattern of the contract fitted this channel, and it has ended".to_owned())]
        }
        Err(error) => vec![
            line(Level::Error, format!("storage cannot be read: {error}")),
            Effect::Alarm { at: now.saturating_add(AGAIN) },
        ],
    }
}

/// Does what is due, and answers when something is next; nothing where all is gone.
fn next(storage: &mut dyn Storage, now: Millis, closed: bool) -> Result<Option<Millis>, StorageError> {
    let age = HistoryBounds::default().age;
    let (mut grace, mut patience) = (None, None);
    for held in storage.graces()? {
        if held.connection.as_str() == PATTERN_GONE {
            patience = Some(held.due);
        } else if held.due <= now {
            storage.take_grace(&held.connection)?;
        } else {
            grace = grace.or(Some(held.due));
        }
    }
    let head = match storage.head() {
        Err(StorageError::Corrupt { .. }) => None,
        head => head?,
    };
    let Some(patience) = patience else {
        return wait(storage, now.saturating_add(age), grace).map(Some);
    };
    let newest = head.map(|head| head.at);
    if now < patience {
        return Ok(Some(grace.unwrap_or(patience).min(patience)));
    }
    if closed && grace.is_none() && newest.is_none_or(|at| at.saturating_add(age) <= now) {
        storage.clear()?;
        return Ok(None);
    }
    let floor = Floor { at: now.saturating_sub(age), ..Floor::EVERYTHING };
    storage.trim(floor, floor)?;
    let stale = storage.held()?.text.map(|at| at.saturating_add(age).saturating_add(TRIM_EVERY));
    let end = newest.filter(|_| closed).map(|at| at.saturating_add(age));
    let look = now.saturating_add(LOOK_EVERY);
    Ok([grace, stale, end, Some(look)].into_iter().flatten().min())
}

/// The pattern is missed for the first time.
fn wait(storage: &mut dyn Storage, due: Millis, grace: Option<Millis>) -> Result<Millis, StorageError> {
    if let Some(connection) = ConnectionId::parse(PATTERN_GONE) {
        storage.put_grace(&DisconnectGrace { connection, due, session: String::new() })?;
    }
    Ok(grace.unwrap_or(due).min(due))
}
