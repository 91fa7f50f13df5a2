//! Joiners whose connection broke before they had read their welcome: the platform may never tell of it, and they would
//! be members for good (rule R6).

use std::collections::VecDeque;

use super::{Channel, Turn};
use crate::effect::{Effect, SessionKey};
use crate::error::Close;
use crate::name::Millis;

/// When a newcomer is first looked at, in milliseconds: nearly all have read their welcome by then.
const FIRST_LOOK: Millis = 1_000;

/// After how long one has broken off that was never heard and has not read its welcome, in milliseconds.
const GIVEN_UP: Millis = 10_000;

/// Who joined lately, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    fresh: VecDeque<Newcomer>,
    /// Those who had not read their welcome at the first look.
    late: VecDeque<Newcomer>,
}

#[derive(Clone, Copy, Debug)]
struct Newcomer {
    key: SessionKey,
    /// When it joined, by the platform's clock: as its session has it.
    joined: Millis,
    /// The same by the steady clock.
    since: Millis,
    /// Whether it came back as a connection that it was before.
    returned: bool,
}

impl Newcomers {
    /// Someone has joined, and was told its welcome.
    pub(super) fn add(&mut self, key: SessionKey, joined: Millis, since: Millis, returned: bool) {
        self.fresh.push_back(Newcomer { key, joined, since, returned });
    }

    /// When the next is to be looked at, by the steady clock.
    pub(super) fn first(&self) -> Option<Millis> {
        let fresh = self.fresh.front().map(|it| it.since.saturating_add(FIRST_LOOK));
        let late = self.late.front().map(|it| it.since.saturating_add(GIVEN_UP));
        fresh.into_iter().chain(late).min()
    }
}

fn pop(queue: &mut VecDeque<Newcomer>, wait: Millis, now: Millis) -> Option<Newcomer> {
    queue.front().filter(|it| it.since.saturating_add(wait) <= now)?;
    queue.pop_front()
}

impl Channel {
    /// Looks at the newcomers whose time has come, and lets those go that never were.
    pub(super) fn look_at_newcomers(&mut self, turn: &mut Turn<'_>) {
        let now = self.clock.steady(turn.now);
        while let Some(newcomer) = pop(&mut self.newcomers.fresh, FIRST_LOOK, now) {
            if self.has_read_nothing(turn, newcomer) {
                self.newcomers.late.push_back(newcomer);
            }
        }
        while let Some(newcomer) = pop(&mut self.newcomers.late, GIVEN_UP, now) {
            if self.has_read_nothing(turn, newcomer) {
                self.give_up(turn, newcomer);
            }
        }
    }

    fn has_read_nothing(&self, turn: &Turn<'_>, Newcomer { key, joined, .. }: Newcomer) -> bool {
        let unheard = |kept: &crate::session::Kept| kept.heard == joined && !kept.heard_more;
        let silent = self.roster.session(key).is_some_and(|it| !it.is_leaving() && unheard(&it.kept));
        silent && turn.links.unsent(key) > 0
    }

    /// Its socket takes no close and no `bye`, and stays with the platform until the channel sleeps: it is forgotten, and
    /// an attachment of nothing has it forgotten after sleep too. Only one that came back may come back again.
    fn give_up(&mut self, turn: &mut Turn<'_>, Newcomer { key, returned, .. }: Newcomer) {
        let Some(session) = self.roster.remove(key) else { return };
        self.left(turn, &session, !returned);
        self.hand_on_sweep(&session);
        self.effects.push(Effect::Remember { session: key, attachment: String::new() });
        let (code, reason) = (Close::Silent.number(), Close::Silent.reason());
        self.effects.push(Effect::HangUp { session: key, code, reason });
        self.effects.push(Effect::Drop { session: key });
    }
}
