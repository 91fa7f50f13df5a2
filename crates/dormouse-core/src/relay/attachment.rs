//! What of a connection must outlive sleep, in its socket's attachment (rule H3).

use serde::{Deserialize, Serialize};

use super::connection::Connection;
use crate::grant::Claims;
use crate::link::{Hears, Number};
use crate::session::{latin, text};
use dormouse_protocol::name::{Address, ConnectionId, Millis};

const VERSION: u32 = 1;

/// A connection as it was before sleep.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attachment {
    v: u32,
    #[serde(rename = "c")]
    pub(super) id: ConnectionId,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<Claims>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<Address>,
    /// The channels that it has joined.
    #[serde(rename = "j", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) joined: Vec<Seat>,
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) leaving: bool,
    #[serde(rename = "h", default)]
    pub(super) heard: Millis,
}

/// A channel that a connection has joined, as short as it can be written: there may be 200.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Seat {
    /// The life of the link.
    #[serde(rename = "l")]
    pub(super) life: u64,
    #[serde(rename = "n")]
    pub(super) number: Number,
    #[serde(rename = "h")]
    pub(super) hears: Hears,
    /// Whether it was joined with a token of its own.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) own_token: bool,
}

impl Attachment {
    pub(super) fn of(connection: &Connection, joined: Vec<Seat>) -> Self {
        let Connection { id, claims, address, leaving, heard, .. } = connection;
        let (id, claims) = (id.clone(), claims.clone());
        Self { v: VERSION, id, claims, address: *address, joined, leaving: *leaving, heard: *heard }
    }

    pub(super) fn encode(&self) -> String {
        latin(serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads an attachment; `None` where it was written by no release that this one knows.
    pub(super) fn decode(attachment: &str) -> Option<Self> {
        serde_json::from_str(&text(attachment)?).ok().filter(|it: &Self| it.v == VERSION)
    }

    /// The connection as it was, with nothing joined.
    pub(super) fn connection(self, now: Millis) -> (Connection, Vec<Seat>) {
        let Self { id, claims, address, joined, leaving, heard, .. } = self;
        let mut connection = Connection::new(id, claims, address, now);
        (connection.leaving, connection.heard, connection.changed) = (leaving, heard, false);
        (connection, joined)
    }
}
