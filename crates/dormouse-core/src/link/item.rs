//! What a relay tells a channel of its members, and the channel them through the relay.

use serde::{Deserialize, Serialize};

use crate::edge::session::ResumeQuery;
use crate::grant::Grant;
use dormouse_protocol::name::Address;

/// A member by its number on a link, which no other has in the same life.
pub(crate) type Number = u32;

/// What a relay tells of a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Up {
    /// It joins.
    #[serde(rename = "j")]
    Join {
        /// Who joins.
        #[serde(rename = "m")]
        member: Number,
        /// What its token grants here, verified by the relay.
        #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
        grant: Option<Grant>,
        /// The position it names.
        #[serde(rename = "r", default)]
        resume: ResumeQuery,
        /// The connection it had.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// Where it comes from, of one without a token.
        #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
    },
    /// It sent this frame, as it was written.
    #[serde(rename = "f")]
    Frame(Number, String),
    /// It is gone: of its own will, or broken.
    #[serde(rename = "c")]
    Close(Number, Gone),
}

/// How a member went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Gone {
    /// It left, or closed its connection in order.
    #[serde(rename = "l")]
    Left,
    /// Its connection broke: it has its grace.
    #[serde(rename = "b")]
    Broken,
}

/// What a channel tells members through their relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Down {
    /// Some hear this.
    #[serde(rename = "t")]
    Tell(Vec<Number>, String),
    /// All hear this that hear so much, but for some.
    #[serde(rename = "b")]
    Broadcast(Hears, Vec<Number>, String),
    /// One hears so much from now on.
    #[serde(rename = "s")]
    Subscribe(Number, Hears),
    /// One is a member no more; it was told why.
    #[serde(rename = "e")]
    End(Number),
}

/// What a member hears of broadcasts, as [`Subscription`](crate::effect::Subscription).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Hears {
    /// Nothing yet, or nothing more.
    #[default]
    #[serde(rename = "n")]
    Nothing,
    /// What is said.
    #[serde(rename = "m")]
    Messages,
    /// That, and who is here.
    #[serde(rename = "p")]
    Presence,
}
