//! Telling lines: one text for each form, and a text of its own for whoever hears something else (rule F4).

use std::collections::BTreeMap;
use std::mem;

use super::Edge;
use crate::context::Context;
use crate::effect::{Effect, SessionKey, Subscription};
use crate::hub::{Hearers, Line, PERSONAL_BYTES_MAX};
use dormouse_protocol::frame;

/// Those of one form who hear something of their own.
struct Part {
    subscription: Subscription,
    own: Vec<SessionKey>,
    /// Whoever hears the same lines, by their places.
    groups: BTreeMap<Vec<usize>, Vec<SessionKey>>,
}

impl Part {
    /// The bytes of all texts that are made for them.
    fn bytes(&self, lines: &[Line]) -> usize {
        let heard = self.groups.keys().flatten().filter_map(|index| lines.get(*index));
        heard.fold(0, |bytes, line| bytes.saturating_add(line.text.len()))
    }
}

impl Edge {
    /// Tells all lines; of a single one for everyone, its text is taken out.
    pub(crate) fn speak(&mut self, cx: &mut Context<'_>, lines: &mut [Line]) {
        match lines {
            [Line { text, who: Hearers::Everyone }] => self.speak_alone(cx, mem::take(text)),
            _ => self.speak_lines(cx, lines),
        }
    }

    /// Tells everyone one text, which is copied for both forms alone.
    fn speak_alone(&mut self, cx: &mut Context<'_>, text: String) {
        if self.roster.subscribed(Subscription::Messages) == 0 {
            return self.broadcast(cx, Subscription::Presence, vec![], 1, text);
        }
        if self.roster.subscribed(Subscription::Presence) > 0 {
            self.broadcast(cx, Subscription::Presence, vec![], 1, text.clone());
        }
        self.broadcast(cx, Subscription::Messages, vec![], 1, text);
    }

    /// Tells all lines. Where texts of their own would be too much for the memory, what is personal is told apart from
    /// what all hear, in the same order.
    fn speak_lines(&mut self, cx: &mut Context<'_>, lines: &[Line]) {
        let mut personal: Vec<SessionKey> = Vec::new();
        for line in lines {
            match &line.who {
                Hearers::Everyone | Hearers::Watchers => {}
                Hearers::Others(key) | Hearers::OtherWatchers(key) => personal.push(*key),
                Hearers::Only(keys) => personal.extend(keys),
            }
        }
        personal.sort_unstable();
        personal.dedup();
        let told = [Subscription::Presence, Subscription::Messages].map(|form| self.part(&personal, form, lines));
        let bytes = told.iter().fold(0_usize, |bytes, part| bytes.saturating_add(part.bytes(lines)));
        if bytes > PERSONAL_BYTES_MAX && lines.len() > 1 {
            let apart = lines.chunk_by(|one, next| one.is_shared() && next.is_shared());
            return apart.for_each(|lines| self.speak_lines(cx, lines));
        }
        for part in told {
            self.speak_to_all(cx, &part, lines);
            self.speak_to_groups(cx, part.groups, lines);
        }
    }

    /// Who of one form hears something of their own, and which lines: those who hear the same are one group.
    fn part(&self, personal: &[SessionKey], subscription: Subscription, lines: &[Line]) -> Part {
        let heard_by = |key: &SessionKey| self.roster.session(*key).is_some_and(|s| s.subscription() == subscription);
        let own: Vec<SessionKey> = personal.iter().copied().filter(heard_by).collect();
        let mut groups: BTreeMap<Vec<usize>, Vec<SessionKey>> = BTreeMap::new();
        for key in &own {
            let reaching = lines.iter().enumerate().filter(|(_, line)| line.reaches(*key, subscription));
            groups.entry(reaching.map(|(index, _)| index).collect()).or_default().push(*key);
        }
        Part { subscription, own, groups }
    }

    fn speak_to_all(&mut self, cx: &mut Context<'_>, part: &Part, lines: &[Line]) {
        if self.roster.subscribed(part.subscription) <= part.own.len() {
            return;
        }
        let heard = lines.iter().filter(|line| match &line.who {
            Hearers::Everyone | Hearers::Others(_) => true,
            Hearers::Watchers | Hearers::OtherWatchers(_) => part.subscription == Subscription::Presence,
            Hearers::Only(_) => false,
        });
        let texts: Vec<&str> = heard.map(|line| line.text.as_str()).collect();
        if let Some(text) = frame::batch(texts.iter().copied()) {
            self.broadcast(cx, part.subscription, part.own.clone(), texts.len() as u64, text);
        }
    }

    /// Tells those who hear something of their own; a text is made once for all who hear the same lines.
    fn speak_to_groups(&mut self, cx: &mut Context<'_>, groups: BTreeMap<Vec<usize>, Vec<SessionKey>>, lines: &[Line]) {
        for (heard, sessions) in groups {
            let texts = heard.iter().filter_map(|index| lines.get(*index)).map(|line| line.text.as_str());
            let Some(text) = frame::batch(texts) else { continue };
            cx.desk.meter.told_all(sessions.len() as u64, heard.len() as u64, text.len());
            cx.push(if let [session] = *sessions {
                self.unread.told(session, text.len());
                Effect::Tell { session, text }
            } else {
                self.unread.told_all(sessions.len() as u64, text.len());
                Effect::TellMany { sessions, text }
            });
        }
    }

    /// Tells a text of so many frames to all of one form, but for a few.
    fn broadcast(
        &mut self,
        cx: &mut Context<'_>,
        subscription: Subscription,
        except: Vec<SessionKey>,
        frames: u64,
        text: String,
    ) {
        let sessions = self.roster.subscribed(subscription).saturating_sub(except.len()) as u64;
        if sessions > 0 {
            cx.desk.meter.told_all(sessions, frames, text.len());
            self.unread.told_all(sessions, text.len());
            cx.push(Effect::Broadcast { subscription, except, text });
        }
    }
}
