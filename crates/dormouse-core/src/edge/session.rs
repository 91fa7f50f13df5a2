//! One member: who it is, since when, and what of it must survive sleep (rule H3).

use std::borrow::Cow;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::contract::{Ability, ChannelRules, Who};
use crate::effect::{SessionKey, Subscription};
use crate::grant::{Grant, Rights, who};
use crate::hub::{Asker, Payer, Speaker};
use dormouse_protocol::frame;
use dormouse_protocol::name::{Address, ConnectionId, Epoch, Millis, UserId};
use dormouse_protocol::request::whole;

/// How exactly it is remembered when a session that goes on talking was last heard, in milliseconds: an attachment is
/// written at most twice in this time for it, and silence is judged the same whether or not the channel slept
/// (rules R6, H1).
pub const HEARD_GRAIN: Millis = 10_000;

/// One connection to the channel, apart from the link that carries it.
#[derive(Clone, Debug)]
pub struct Session {
    /// What survives sleep.
    pub kept: Kept,
    /// What the grant and today's contract allow; worked out anew on waking.
    pub rights: Rc<Rights>,
    /// `from` of its messages, encoded once.
    pub from: Rc<str>,
    /// Whether it sees who is here: the ability, on a channel that has presence (rule P1).
    pub watches: bool,
    /// Whether it was told `bye`, had its time to close, and is still there.
    pub overdue: bool,
    /// Whether it was given up, and nothing of it is to survive sleep.
    pub forgotten: bool,
    /// Whether the application's code is not to hear that it is gone: it goes on as another, or never was told of.
    pub unnoticed: bool,
}

/// What must survive sleep, as it stands in the attachment. Field names are short, since 32,000 of them may lie
/// in storage; unknown fields are passed over and missing ones have a default, so that the release before and
/// the one after can read it. What is told of a sleeper without waking it stands in its head too
/// ([`HibernatedSession`](crate::edge::hibernated_session::HibernatedSession)), and after a change comes
/// `Edge::save_attachment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The connection id, which the members know it by.
    #[serde(rename = "c")]
    pub connection: ConnectionId,
    /// What its token allows; none without a token.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Where in its life it is.
    #[serde(rename = "s", default)]
    pub stage: Stage,
    /// Whether it is on the list of members.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub present: bool,
    /// Its presence data, as written.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Rc<str>>,
    /// Refusals since its last accepted request (rule R4).
    #[serde(rename = "r", default)]
    pub refusals: u32,
    /// When it was last heard, as far as it was written down: see [`Kept::hear`].
    #[serde(rename = "h", default)]
    pub heard: Millis,
    /// Whether it was heard again within [`HEARD_GRAIN`] of that.
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    pub heard_more: bool,
    /// The epoch it was told: a life without a kept message lives on in its sessions (rule D3).
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// When the channel was last swept, as far as this session saw it (rule R6).
    #[serde(rename = "w", default)]
    pub swept: Millis,
    /// Where one without a user came from, as far as that is known (rule R7).
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Whether the members were a count when this was written (rule P4).
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// Whether it is connected through a relay, which looks after its connection.
    #[serde(rename = "y", default, skip_serializing_if = "std::ops::Not::not")]
    pub relayed: bool,
}

/// Where a session is in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// A member, or at least a hearer.
    #[default]
    #[serde(rename = "j")]
    Joined,
    /// Connected without a grant; it hears nothing until it signs in (rule A7).
    #[serde(rename = "a")]
    Awaiting {
        /// When it must have signed in.
        #[serde(rename = "u")]
        until: Millis,
        /// The position it asked to resume from when it joined.
        #[serde(rename = "r")]
        resume: ResumeQuery,
    },
    /// Told `bye`; only its close is waited for.
    #[serde(rename = "l")]
    Leaving,
}

/// The position a joiner names in its query, not yet judged (rule D4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeQuery {
    /// `?epoch=`.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// `?after=`.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl ResumeQuery {
    /// The same query, short enough for an attachment: what can be no position is an empty text, which is none either.
    pub fn short(&self) -> Self {
        let epoch = self.epoch.as_deref().map(|text| Epoch::parse(text).map_or_else(String::new, |it| it.to_string()));
        let after = self.after.as_deref().map(|text| whole(text).map_or_else(String::new, |after| after.to_string()));
        Self { epoch, after }
    }
}

/// The version an attachment begins with. Another version is a release we do not know: what it wrote is read as
/// far as the fields allow.
const VERSION: u32 = 1;

/// The most bytes of an attachment the platform takes. Of a text all below U+0100, as ours is, a character is one byte,
/// and there are at most 6 more.
pub const ATTACHMENT_MAX: usize = 16_384;

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(flatten)]
    kept: &'a Kept,
}

impl Kept {
    /// What a joiner begins with.
    pub const fn new(connection: ConnectionId, grant: Option<Grant>, stage: Stage, now: Millis) -> Self {
        Self {
            connection,
            grant,
            stage,
            present: false,
            data: None,
            refusals: 0,
            heard: now,
            heard_more: false,
            epoch: None,
            swept: 0,
            address: None,
            counted: false,
            relayed: false,
        }
    }

    /// Notes that it was heard; whether anything changed that must be remembered.
    pub const fn hear(&mut self, now: Millis) -> bool {
        // Heard in the future, it was heard before the clock was set back.
        if now < self.heard || now.saturating_sub(self.heard) >= HEARD_GRAIN {
            (self.heard, self.heard_more) = (now, false);
            return true;
        }
        !std::mem::replace(&mut self.heard_more, true)
    }

    /// When it was last heard: at this time exactly or, where it was heard more than once, at most [`HEARD_GRAIN`] before.
    pub const fn last_heard(&self) -> Millis {
        if self.heard_more { self.heard.saturating_add(HEARD_GRAIN) } else { self.heard }
    }

    /// The attachment: versioned JSON, each byte of its UTF-8 as one character. The platform holds a text with a
    /// single character beyond U+00FF at two bytes each, and a large session would not fit; this way it never does.
    pub fn encode(&self) -> String {
        let json = serde_json::to_string(&Written { v: VERSION, kept: self }).unwrap_or_default();
        latin(json)
    }

    /// Reads an attachment of this release, the one before or the one after; `None` where it is none.
    pub fn decode(attachment: &str) -> Option<Self> {
        serde_json::from_str(&text(attachment)?).ok()
    }

    /// The user its grant speaks for.
    pub fn user(&self) -> Option<&UserId> {
        self.grant.as_ref().map(|grant| &grant.user)
    }

    /// Who it is to the application's code.
    pub(crate) fn who(&self) -> Who {
        Who { connection: Some(self.connection.clone()), ..who(self.grant.as_ref()) }
    }

    /// Whose share it uses: its user's, else its address's, else its own (rule R7).
    pub fn owner(&self) -> Payer {
        match Payer::of(self.user(), self.address) {
            Payer::Nobody => Payer::Connection(self.connection.clone()),
            owner @ (Payer::User(_) | Payer::Connection(_) | Payer::Address(_)) => owner,
        }
    }

    /// The member of a presence list (rule P2).
    pub fn member(&self) -> String {
        let info = self.grant.as_ref().and_then(|grant| grant.info.as_deref());
        frame::member(self.user(), &self.connection, info, self.data.as_deref())
    }

    /// When its grant expires; never without one.
    pub fn expires(&self) -> Millis {
        self.grant.as_ref().map_or(Millis::MAX, |grant| grant.expires)
    }
}

/// A text as an attachment has it, a character for each byte: the platform takes two bytes for each character of a text
/// with any beyond those.
pub(crate) fn latin(json: String) -> String {
    if json.is_ascii() { json } else { json.bytes().map(char::from).collect() }
}

/// The text that an attachment has.
pub(crate) fn text(attachment: &str) -> Option<Cow<'_, str>> {
    if attachment.is_ascii() {
        return Some(attachment.into());
    }
    let json: Vec<u8> = attachment.chars().map(|byte| u8::try_from(byte).ok()).collect::<Option<_>>()?;
    String::from_utf8(json).ok().map(Cow::Owned)
}

impl Session {
    /// A session with what it is allowed by today's contract.
    pub fn new(kept: Kept, rules: &ChannelRules) -> Self {
        let rights = Rights::of(rules, kept.grant.as_ref());
        let watches = rules.presence.is_some() && rights.may(&Ability::Presence);
        let from = frame::from(kept.user(), Some(&kept.connection)).into();
        Self { kept, rights: Rc::new(rights), from, watches, overdue: false, forgotten: false, unnoticed: false }
    }

    /// Whose requests come over it, under the key that it has.
    pub(crate) fn speaker(&self, key: SessionKey) -> Speaker {
        let payer = match self.kept.user() {
            Some(user) => Payer::User(user.clone()),
            None => Payer::Connection(self.kept.connection.clone()),
        };
        Speaker {
            asker: Asker::Session(key),
            payer,
            address: self.kept.address,
            rights: Rc::clone(&self.rights),
            from: Rc::clone(&self.from),
            signed_in: self.kept.grant.is_some(),
            who: None,
        }
    }

    /// Whether it may know how many others there are (rule F5).
    pub(crate) fn may_count(&self) -> bool {
        self.rights.may(&Ability::Presence)
    }

    /// Whether it takes part: neither waiting to sign in nor on its way out.
    pub fn joined(&self) -> bool {
        self.kept.stage == Stage::Joined
    }

    /// Whether it was told `bye`, and only its close is waited for.
    pub fn is_leaving(&self) -> bool {
        self.kept.stage == Stage::Leaving
    }

    /// When it must have signed in; `None` where it need not (rule A7).
    pub const fn sign_in_by(&self) -> Option<Millis> {
        match &self.kept.stage {
            Stage::Awaiting { until, .. } => Some(*until),
            Stage::Joined | Stage::Leaving => None,
        }
    }

    /// What it hears of a broadcast.
    pub fn subscription(&self) -> Subscription {
        match (self.joined(), self.watches) {
            (false, _) => Subscription::Nothing,
            (true, false) => Subscription::Messages,
            (true, true) => Subscription::Presence,
        }
    }
}
