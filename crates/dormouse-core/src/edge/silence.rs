//! Who is heard, who is silent, and who sends in vain (rules R6, R7, A6).

use super::Edge;
use super::session::Session;
use crate::context::Context;
use crate::effect::{Effect, SessionKey};
use dormouse_protocol::error::Close;
use dormouse_protocol::name::Millis;

/// Silent members are looked for at most this often, in milliseconds (rule R6).
const SWEEP_EVERY: Millis = 60_000;

/// After so many frames that came in vain others are looked at: measured, 8 keep a member's answer at a few milliseconds
/// while 1 or 20 sockets send as fast as they can; it took 300 to 450.
const BREATH_EVERY: u32 = 8;

impl Edge {
    /// Whether frames of this session are still taken: it is not on its way out, and its grant holds (rule A6).
    pub(crate) fn listens(&mut self, cx: &mut Context<'_>, key: SessionKey) -> bool {
        let Some(session) = self.roster.session(key) else { return false };
        if session.is_leaving() {
            return false;
        }
        if session.kept.expires() <= cx.now {
            self.disconnect(cx, key, Close::TokenExpired, true);
            return false;
        }
        true
    }

    /// Notes that the session is alive, and looks for those that are not.
    pub(crate) fn heard(&mut self, cx: &mut Context<'_>, key: SessionKey) {
        // Whether one behind a relay is still there is known to the relay alone.
        let hears = |session: &mut Session| !session.kept.relayed && session.kept.hear(cx.now);
        if self.roster.session_mut(key).is_some_and(hears) {
            self.save_attachment(cx, key);
        }
        self.sweep(cx);
    }

    /// A frame came that is not even read. The platform hands over all that one socket has for us before it looks at
    /// another: a flood of such frames, which a socket that was told `bye` can go on with, would keep everybody waiting.
    pub(crate) fn came_in_vain(&mut self, cx: &mut Context<'_>) {
        self.in_vain = self.in_vain.saturating_add(1);
        if self.in_vain >= BREATH_EVERY {
            self.in_vain = 0;
            cx.push(Effect::Breathe);
        }
    }

    /// Looks for members that once sent `ping` and then nothing for too long.
    pub(crate) fn sweep(&mut self, cx: &mut Context<'_>) {
        if cx.now.saturating_sub(self.swept) < SWEEP_EVERY || self.roster.open() == 0 {
            return;
        }
        self.swept = cx.now;
        self.hydrate_one(cx);
        self.save_sweep(cx);
        let silent = cx.limits().silent_ms;
        for (key, pinged) in cx.links.pinged() {
            if pinged.saturating_add(silent) >= cx.now {
                continue;
            }
            self.hydrate(cx, key);
            let heard = self.roster.session(key).map_or(0, |session| session.kept.last_heard());
            if pinged.max(heard).saturating_add(silent) < cx.now {
                self.disconnect(cx, key, Close::Silent, false);
            }
        }
    }

    /// When the channel was last swept must survive sleep (rule H1): one session carries it.
    fn save_sweep(&mut self, cx: &mut Context<'_>) {
        let Some(key) = self.roster.iter().map(|(key, _)| key).next() else { return };
        if let Some(session) = self.roster.session_mut(key) {
            session.kept.swept = self.swept;
            self.save_attachment(cx, key);
        }
    }

    /// One that may have carried it is gone: another carries it on, and with the last it is forgotten.
    pub(crate) fn hand_on_sweep(&mut self, cx: &mut Context<'_>, gone: &Session) {
        if self.roster.open() == 0 {
            self.swept = 0;
        } else if gone.kept.swept == self.swept && self.swept > 0 {
            self.save_sweep(cx);
        }
    }
}
