//! The flush: the open batch is written as a row, then told, each member the same text as every other with the same
//! rights (rules D2, F4). And the batch window: how long the next batch stays open.

use std::collections::BTreeMap;

use super::{Channel, Turn};
use crate::batch::{Asker, Audience, Entry, PERSONAL_BYTES_MAX, Reply, Says};
use crate::contract::Ability;
use crate::effect::{Effect, SessionKey, Subscription};
use dormouse_protocol::error::Refusal;
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::Millis;

/// One frame on its way out, and who hears it.
struct Line {
    text: String,
    who: Who,
}

enum Who {
    Everyone,
    Watchers,
    OtherWatchers(SessionKey),
    Others(SessionKey),
    Only(Vec<SessionKey>),
}

/// Those of one hearing who hear something of their own.
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

impl Line {
    /// Whether nobody hears anything else because of it.
    const fn is_shared(&self) -> bool {
        matches!(self.who, Who::Everyone | Who::Watchers)
    }

    fn reaches(&self, key: SessionKey, subscription: Subscription) -> bool {
        match &self.who {
            Who::Everyone => true,
            Who::Watchers => subscription == Subscription::Presence,
            Who::OtherWatchers(newcomer) => subscription == Subscription::Presence && *newcomer != key,
            Who::Others(sender) => *sender != key,
            // Sorted, as the roster gives them.
            Who::Only(keys) => keys.binary_search(&key).is_ok(),
        }
    }
}

impl Channel {
    /// Flushes at the end of an event, if nothing holds the batch back: it is not held while no batch window runs.
    pub(super) fn flush_if_due(&mut self, turn: &mut Turn<'_>) {
        if self.batch_window.is_none()
            || self.batch.is_full(turn.now, self.limits.flush_bytes, self.limits.flush_ms_max)
        {
            self.flush_now(turn);
        }
    }

    /// Flushes what waits, whatever holds it back.
    pub(super) fn flush_now(&mut self, turn: &mut Turn<'_>) {
        if self.batch.is_empty() && !self.is_presence_due(turn.now) {
            return;
        }
        let lone = self.batch_window.is_none();
        let pause = self.flush(turn);
        self.batch_window = Some(self.clock.steady(turn.now).saturating_add(if lone { 0 } else { pause }));
        self.timer = None;
    }

    /// The timer fired: what came meanwhile leaves together. A batch window in which nothing came ends; one that flushed a
    /// single frame goes on with no wait; one that flushed several waits about as long as that flush cost, so that
    /// a crowd spends at most half its time sending.
    pub(super) fn end_batch_window(&mut self, turn: &mut Turn<'_>) {
        let now = self.clock.steady(turn.now);
        if self.batch_window.is_none_or(|batch_window| batch_window > now) {
            return;
        }
        self.batch_window = None;
        if self.batch.is_empty() && !self.is_presence_due(turn.now) {
            return;
        }
        let pause = self.flush(turn);
        self.batch_window = Some(now.saturating_add(pause));
    }

    /// Whether changes of presence are to be told now: not before it is known who is in its grace (rule P3).
    fn is_presence_due(&self, now: Millis) -> bool {
        self.loaded && self.presence.due(self.clock.steady(now), &self.limits)
    }

    /// Writes and tells everything accepted. Answers how long the next batch should stay open, in milliseconds.
    fn flush(&mut self, turn: &mut Turn<'_>) -> Millis {
        self.disconnect_expired(turn);
        if self.presence.needs_names(&self.limits) {
            self.hydrate_all(turn.links);
        }
        let entries = self.batch.take();
        let alone = entries.iter().all(|entry| entry.frame.is_none());
        let (told, switched) = match self.loaded {
            true => self.presence.tell(self.clock.steady(turn.now), &self.limits, alone),
            false => Default::default(),
        };
        let entries = self.write(turn, entries);
        let frames = entries.iter().filter(|entry| entry.frame.is_some()).count();
        let newcomer = told.newcomer.and_then(|newcomer| self.roster.connection(newcomer.as_str()));
        let before = newcomer.map_or(Who::Watchers, |(key, _)| Who::OtherWatchers(key));
        let mut lines: Vec<Line> = told.before.map(|text| Line { text, who: before }).into_iter().collect();
        for entry in entries {
            self.address(entry, &mut lines);
        }
        lines.extend(told.after.map(|text| Line { text, who: Who::Watchers }));
        let bytes = lines.iter().fold(0_usize, |bytes, line| bytes.saturating_add(line.text.len()));
        self.speak(&lines);
        if switched {
            self.hydrate_all(turn.links);
            self.save_mode();
        }
        self.meter.flushes = self.meter.flushes.saturating_add(1);
        if frames > 1 { self.cost(bytes) } else { 0 }
    }

    /// Writes what is to be kept. What could not be written is refused, and everything that names it (rule D2).
    fn write(&mut self, turn: &mut Turn<'_>, entries: Vec<Entry>) -> Vec<Entry> {
        let kept = entries.iter().filter(|entry| entry.kept).filter_map(|entry| entry.frame.as_ref());
        let frames: Vec<&str> = kept.map(|(frame, _)| frame.as_str()).collect();
        if frames.is_empty() {
            return entries;
        }
        let before = turn.storage.rows_written();
        let written = self.history.keep(&frames, turn.now, &self.limits, turn.storage);
        let rows = turn.storage.rows_written().saturating_sub(before);
        self.meter.rows_written = self.meter.rows_written.saturating_add(rows);
        let Err((failed, error)) = written else { return entries };
        let refusal = self.storage_refusal(turn.now, &error);
        let (unwritten, told): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.seq.is_some_and(|seq| seq >= failed));
        for Entry { reply, .. } in unwritten {
            self.meter.refused(refusal.code);
            self.answer(reply.asker, reply.id.as_ref(), Err(refusal.clone()));
        }
        told
    }

    /// Turns an entry into lines: the frame for its audience, the answer for who asked.
    fn address(&mut self, entry: Entry, lines: &mut Vec<Line>) {
        let Entry { frame, reply: Reply { asker, id, says }, .. } = entry;
        let mut reached = 0;
        if let Some((text, audience)) = frame {
            let who = match audience {
                Audience::Everyone => Who::Everyone,
                Audience::Others(sender) => Who::Others(sender),
                Audience::Only(targets) => {
                    let sender = if let Asker::Session(key) = asker { Some(key) } else { None };
                    Who::Only(self.roster.targets(&targets, sender))
                }
            };
            if let Who::Only(keys) = &who {
                reached = keys.len() as u64;
            }
            lines.push(Line { text, who });
        }
        let answer: Result<Ack, Refusal> = match says {
            Says::Echo => return,
            Says::Ack(ack) => Ok(ack),
            Says::Delivered { counted } => {
                // What the grant says now: it may have changed since (rule A5).
                let still = match asker {
                    Asker::Http { .. } => true,
                    Asker::Session(key) => self.roster.session(key).is_some_and(|it| it.rights.may(&Ability::Presence)),
                };
                Ok(Ack { delivered: (counted && still).then_some(reached), ..Ack::default() })
            }
            Says::Refusal(refusal) => Err(refusal),
        };
        match asker {
            Asker::Http { .. } => self.answer(asker, id.as_ref(), answer),
            Asker::Session(key) => {
                let text = match answer {
                    Ok(_) if id.is_none() => return,
                    Ok(ack) => frame::ack(id.as_ref(), ack),
                    Err(refusal) => frame::error(id.as_ref(), &refusal),
                };
                lines.push(Line { text, who: Who::Only(vec![key]) });
            }
        }
    }

    /// Tells all lines: one text for each form, and a text of its own for whoever hears something else (rule F4). Where
    /// those would be too much for the memory, what is personal is told apart from what all hear, in the same order.
    fn speak(&mut self, lines: &[Line]) {
        let mut personal: Vec<SessionKey> = Vec::new();
        for line in lines {
            match &line.who {
                Who::Everyone | Who::Watchers => {}
                Who::Others(key) | Who::OtherWatchers(key) => personal.push(*key),
                Who::Only(keys) => personal.extend(keys),
            }
        }
        personal.sort_unstable();
        personal.dedup();
        let told = [Subscription::Presence, Subscription::Messages]
            .map(|subscription| self.part(&personal, subscription, lines));
        let bytes = told.iter().fold(0_usize, |bytes, part| bytes.saturating_add(part.bytes(lines)));
        if bytes > PERSONAL_BYTES_MAX && lines.len() > 1 {
            let apart = lines.chunk_by(|one, next| one.is_shared() && next.is_shared());
            return apart.for_each(|lines| self.speak(lines));
        }
        for part in told {
            self.speak_to_all(&part, lines);
            self.speak_to_groups(part.groups, lines);
        }
    }

    /// Who of one hearing hears something of their own, and which lines: those who hear the same are one group.
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

    fn speak_to_all(&mut self, part: &Part, lines: &[Line]) {
        let sessions = self.roster.subscription(part.subscription).saturating_sub(part.own.len()) as u64;
        if sessions == 0 {
            return;
        }
        let heard = lines.iter().filter(|line| match &line.who {
            Who::Everyone | Who::Others(_) => true,
            Who::Watchers | Who::OtherWatchers(_) => part.subscription == Subscription::Presence,
            Who::Only(_) => false,
        });
        let texts: Vec<&str> = heard.map(|line| line.text.as_str()).collect();
        if let Some(text) = frame::batch(texts.iter().copied()) {
            self.meter.told_all(sessions, texts.len() as u64, text.len());
            self.unread.told_all(sessions, text.len());
            self.effects.push(Effect::Broadcast { subscription: part.subscription, except: part.own.clone(), text });
        }
    }

    /// Tells those who hear something of their own; a text is made once for all who hear the same lines (rule F4).
    fn speak_to_groups(&mut self, groups: BTreeMap<Vec<usize>, Vec<SessionKey>>, lines: &[Line]) {
        for (heard, sessions) in groups {
            let texts = heard.iter().filter_map(|index| lines.get(*index)).map(|line| line.text.as_str());
            if let Some(text) = frame::batch(texts) {
                self.meter.told_all(sessions.len() as u64, heard.len() as u64, text.len());
                self.effects.push(if let [session] = *sessions {
                    self.unread.told(session, text.len());
                    Effect::Tell { session, text }
                } else {
                    self.unread.told_all(sessions.len() as u64, text.len());
                    Effect::TellMany { sessions, text }
                });
            }
        }
    }

    /// The estimated cost of telling so many bytes to everyone, in milliseconds: about 20 µs a send, and 1 µs a
    /// KiB of it (measured: 9 µs for 150 bytes, 13 to 18 for 8 KiB, 40 for 32 KiB).
    fn cost(&self, bytes: usize) -> Millis {
        let each = self.limits.flush_cost_us_per_member.saturating_add((bytes as u64) >> 10);
        let all = each.saturating_mul(self.roster.hearers() as u64) / 1000;
        all.min(self.limits.flush_ms_max)
    }

    /// Whether the members are a list or a number depends on how they came to be so many, so it must survive sleep:
    /// it stands in every attachment (rules P4, H1).
    fn save_mode(&mut self) {
        let counted = self.presence.counted();
        for key in self.roster.keys() {
            if let Some(session) = self.roster.session_mut(key) {
                session.kept.counted = counted;
                self.save_attachment(key);
            }
        }
    }
}
