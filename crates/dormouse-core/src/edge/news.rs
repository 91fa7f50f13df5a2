//! What an edge learns that its hub must know.

use super::session::Kept;
use dormouse_protocol::name::ConnectionId;

/// One piece of news about a member.
#[derive(Debug)]
pub(crate) enum News {
    /// So many sessions on the list sleep on while the channel is awake.
    Asleep {
        /// How many they are.
        members: usize,
        /// How long their members in the list are, together.
        bytes: usize,
    },
    /// One of them was read whole: it is not counted among them any more.
    Awake {
        /// How long its member in the list was.
        bytes: usize,
    },
    /// A member is on the list since before sleep.
    Recalled {
        /// Its connection.
        connection: ConnectionId,
        /// How it stands on the list.
        member: String,
    },
    /// A session was told `bye`: it is nobody here any more, and leaves the list if it was on it.
    Dismissed {
        /// The connection that leaves the list.
        connection: Option<ConnectionId>,
        /// The session as it would be written down, where the application's code is to hear that it is gone.
        gone: Option<String>,
    },
    /// A session's connection ended.
    Left {
        /// What was known of it.
        kept: Box<Kept>,
        /// Whether it stood on the list, or would again.
        listed: bool,
        /// Whether it closed in order, and so has no grace.
        clean: bool,
    },
}
