//! Joiners whose connection broke before they had read their welcome: the platform may never tell of it, and they would
//! be members for good (rule R6).

use std::collections::VecDeque;

use super::Edge;
use super::session::{Kept, Session, Stage};
use crate::context::Context;
use crate::effect::{Effect, SessionKey, Subscription};
use dormouse_protocol::error::Close;
use dormouse_protocol::name::Millis;

/// How often a newcomer is looked at, in milliseconds: nearly all have read their welcome at the first look.
const LOOK_EVERY: Millis = 1_000;

/// So many looks at which it has read nothing since the one before, and it is given up: after ten seconds.
const LOOKS: u8 = 10;

/// Who joined lately, in the order in which they are looked at next.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    next: VecDeque<Newcomer>,
}

#[derive(Clone, Copy, Debug)]
struct Newcomer {
    key: SessionKey,
    /// When it joined, by the platform's clock: as its session has it.
    joined: Millis,
    /// When it joined, or was looked at last, by the steady clock.
    since: Millis,
    /// Whether it came back as a connection that it was before.
    returned: bool,
    /// What it had not read at the last look, in bytes.
    unread: u64,
    looks: u8,
}

impl Newcomers {
    /// Someone has joined, and was told its welcome.
    pub(super) fn add(&mut self, key: SessionKey, joined: Millis, since: Millis, returned: bool) {
        self.next.push_back(Newcomer { key, joined, since, returned, unread: 0, looks: 0 });
    }

    /// When the next is to be looked at, by the steady clock.
    pub(super) fn first(&self) -> Option<Millis> {
        self.next.front().map(|it| it.since.saturating_add(LOOK_EVERY))
    }

    fn again(&mut self, newcomer: Newcomer) {
        self.next.push_back(newcomer);
    }

    fn pop(&mut self, now: Millis) -> Option<Newcomer> {
        self.first().filter(|at| *at <= now)?;
        self.next.pop_front()
    }
}

/// A newcomer that was never there: its session is taken out of the edge until it is [forgotten](Edge::forget).
pub(crate) struct GivenUp {
    key: SessionKey,
    pub(crate) session: Session,
    /// Only one that came back may come back again.
    pub(crate) may_return: bool,
}

impl Edge {
    /// Looks at the newcomers whose time has come, and takes out the next that never was. One that reads, however slowly,
    /// has less unread at one of the looks than at the one before; one whose connection broke never has.
    pub(crate) fn give_up_next(&mut self, cx: &Context<'_>) -> Option<GivenUp> {
        let now = cx.steady();
        while let Some(newcomer) = self.newcomers.pop(now) {
            let unread = self.unread_of(cx, newcomer);
            if unread == 0 || unread < newcomer.unread {
                continue;
            }
            match newcomer.looks.checked_add(1) {
                Some(looks) if looks < LOOKS => {
                    self.newcomers.again(Newcomer { unread, looks, since: now, ..newcomer })
                }
                _ => {
                    let Newcomer { key, returned, .. } = newcomer;
                    let Some(session) = self.roster.remove(key) else { continue };
                    return Some(GivenUp { key, session, may_return: returned });
                }
            }
        }
        None
    }

    /// What one that was never heard has not read; nothing of anybody else.
    fn unread_of(&self, cx: &Context<'_>, Newcomer { key, joined, .. }: Newcomer) -> u64 {
        let unheard = |kept: &Kept| kept.heard == joined && !kept.heard_more;
        let silent = self.roster.session(key).is_some_and(|it| !it.is_leaving() && unheard(&it.kept));
        if silent { cx.links.unsent(key) } else { 0 }
    }

    /// Its socket takes no close and no `bye`, and stays with the platform until the channel sleeps: so it keeps its place
    /// in the channel, but is none of its user's connections; an attachment of nothing has it forgotten after sleep.
    pub(crate) fn forget(&mut self, cx: &mut Context<'_>, GivenUp { key, mut session, .. }: GivenUp) {
        self.hand_on_sweep(cx, &session);
        (session.kept.stage, session.forgotten) = (Stage::Leaving, true);
        self.roster.put(key, session);
        cx.push(Effect::Subscribe { session: key, subscription: Subscription::Nothing });
        cx.push(Effect::SaveAttachment { session: key, attachment: String::new() });
        let (code, reason) = (Close::Silent.number(), Close::Silent.reason());
        cx.push(Effect::HangUp { session: key, code, reason });
    }
}
