//! The hub: what orders. It judges publishes, gives them their place, writes them, and hands out lines with an audience.
//! It holds the history, the open batch, the list of members and the rates, and knows sessions by their keys alone.

mod amnesia;
mod around;
mod batch;
mod buckets;
mod calls;
mod code;
mod disconnect_graces;
mod flush;
mod here;
pub mod history;
mod http;
mod jobs;
mod load;
mod members;
pub mod payer;
mod pending_posts;
mod presence_list;
mod publish;
mod rates;
mod replay;
mod replay_budget;
mod retention;
mod sayable;
mod speaker;
mod ticks;
mod timers;
mod turn;

pub(crate) use batch::PERSONAL_BYTES_MAX;
pub(crate) use flush::{Hearers, Line};
pub(crate) use http::Post;
pub(crate) use load::Away;
pub(crate) use payer::Payer;
pub(crate) use publish::Array;
pub(crate) use retention::{AGAIN, LOOK_EVERY, SOON, TRIM_EVERY};
pub(crate) use sayable::Sayable;
pub(crate) use speaker::{Asker, Speaker};

use crate::context::Context;
use crate::contract::{ChannelRules, PresenceMode, Who};
use crate::effect::SessionKey;
use dormouse_protocol::error::Refusal;
use dormouse_protocol::name::{Epoch, Millis, RequestId};
use dormouse_protocol::request::Targets;

use amnesia::Amnesia;
use batch::Batch;
use code::Code;
use disconnect_graces::DisconnectGraces;
use history::History;
use pending_posts::PendingPosts;
use presence_list::PresenceList;
use rates::Rates;
use retention::Retention;

/// What the hub may ask of those who hold the members.
pub(crate) trait Edges {
    /// Looks up whom a directed publish may reach, by name, and answers how many they are.
    fn find(&mut self, cx: &mut Context<'_>, targets: &Targets, sender: Option<SessionKey>) -> usize;

    /// Whom a directed publish reaches: the union of its targets, but never the connection that sent it (rule F5).
    fn reached(&self, targets: &Targets, sender: Option<SessionKey>) -> Vec<SessionKey>;

    /// Tells a session that its request is refused, unless it is on its way out.
    fn refuse(&mut self, cx: &mut Context<'_>, session: SessionKey, id: Option<&RequestId>, refusal: &Refusal);

    /// Whether a session may know now how many others there are.
    fn may_count(&self, session: SessionKey) -> bool;

    /// Every connection that has joined, by whom.
    fn members(&mut self, cx: &mut Context<'_>) -> Vec<Who>;

    /// The session of a connection that is here.
    fn session_of(&self, connection: &str) -> Option<SessionKey>;
}

/// The order of one channel: what was said, who is here, and what may be said next.
pub(crate) struct Hub {
    history: History,
    batch: Batch,
    /// Until when the batch stays open, by the steady clock; none when what is accepted leaves at once.
    batch_window: Option<Millis>,
    presence: PresenceList,
    /// Members whose connection broke and who may still come back (rule P3); as on disk.
    graces: DisconnectGraces,
    rates: Rates,
    posts: PendingPosts,
    retention: Retention,
    amnesia: Amnesia,
    /// What the application's own code holds.
    code: Code,
    loaded: bool,
}

impl Hub {
    /// A hub that has not read its storage yet.
    pub(crate) fn new(rules: &ChannelRules) -> Self {
        let counted = rules.presence.as_ref().is_some_and(|presence| presence.mode == PresenceMode::Count);
        Self {
            history: History::new(rules.history),
            batch: Batch::default(),
            batch_window: None,
            presence: PresenceList::new(counted),
            graces: DisconnectGraces::default(),
            rates: Rates::default(),
            posts: PendingPosts::default(),
            retention: Retention::default(),
            amnesia: Amnesia::default(),
            code: Code::default(),
            loaded: false,
        }
    }

    /// Where the channel stands on disk.
    pub(crate) const fn position(&self) -> Option<(&Epoch, u64)> {
        self.history.position()
    }

    /// Whether something was accepted, or has changed on the list of members, that nobody was told of yet.
    pub(crate) fn owes(&self) -> bool {
        !self.batch.is_empty() || self.has_untold()
    }

    /// Whether what is on disk was read.
    pub(crate) const fn is_loaded(&self) -> bool {
        self.loaded
    }
}
