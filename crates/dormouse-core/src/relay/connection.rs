//! One connection of a relay: whose it is, and which channels it has joined.

use crate::bucket::Bucket;
use crate::contract::Rate;
use crate::grant::Claims;
use crate::link::Number;
use crate::sorted_vec::SortedVec;
use dormouse_protocol::error::Refusal;
use dormouse_protocol::name::{Address, ChannelName, ConnectionId, Millis};

/// How many frames one connection may send, over all its channels, which have their own rates beside it: as many as 200
/// channels with cursors at ten a second, and what gathers in two seconds.
const FRAMES: Rate = Rate { per_second: 2_000.0, burst: 4_000.0 };
/// How often one connection may join: all its channels at once, and two a second after that.
const JOINS: Rate = Rate { per_second: 20.0, burst: 200.0 };
/// How often it may replace its token (rule A5).
const AUTHS: Rate = Rate { per_second: 1.0, burst: 3.0 };

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) claims: Option<Claims>,
    pub(super) address: Option<Address>,
    /// The channels it has joined, with its numbers there.
    pub(super) joined: SortedVec<ChannelName, Number>,
    /// Those of them that were joined with a token of their own, which the connection's does not replace.
    pub(super) own_tokens: Vec<ChannelName>,
    /// Whether it was told `bye`.
    pub(super) leaving: bool,
    /// Refusals in a row (rule R4).
    pub(super) refusals: u32,
    /// When it was last heard.
    pub(super) heard: Millis,
    /// Whether something of it has changed that must outlive sleep.
    pub(super) changed: bool,
    /// Whether its attachment is to be written.
    pub(super) unsaved: bool,
    rates: Rates,
}

/// What is left of a connection's rates.
#[derive(Debug)]
struct Rates {
    frames: Bucket,
    joins: Bucket,
    auths: Bucket,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, claims: Option<Claims>, address: Option<Address>, now: Millis) -> Self {
        Self {
            id,
            claims,
            address,
            joined: SortedVec::new(),
            own_tokens: Vec::new(),
            leaving: false,
            refusals: 0,
            heard: now,
            changed: true,
            unsaved: false,
            rates: Rates {
                frames: Bucket::full(FRAMES, now),
                joins: Bucket::full(JOINS, now),
                auths: Bucket::full(AUTHS, now),
            },
        }
    }

    /// It is no member of the channel any more. Its number there, if it was one.
    pub(super) fn leave(&mut self, channel: &ChannelName) -> Option<Number> {
        self.own_tokens.retain(|own| own != channel);
        let number = self.joined.remove(channel)?;
        self.changed = true;
        Some(number)
    }

    /// Whether its token holds.
    pub(super) fn is_current(&self, now: Millis) -> bool {
        self.claims.as_ref().is_none_or(|claims| claims.expires > now)
    }

    pub(super) fn pass_frame(&mut self, now: Millis) -> Result<(), Refusal> {
        self.rates.frames.take(FRAMES, now)
    }

    pub(super) fn pass_join(&mut self, now: Millis) -> Result<(), Refusal> {
        self.rates.joins.take(JOINS, now)
    }

    pub(super) fn pass_auth(&mut self, now: Millis) -> Result<(), Refusal> {
        self.rates.auths.take(AUTHS, now)
    }
}
