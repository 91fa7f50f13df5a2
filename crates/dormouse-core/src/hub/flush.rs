//! The flush: the open batch is written as one row, and becomes lines, each with its audience (rules D2, F4). Then the
//! edge tells them.

use super::batch::{Audience, BatchEntry, Kick, Reply, Says};
use super::code::Changes;
use super::{Asker, Edges, Hub};
use crate::context::Context;
use crate::effect::{SessionKey, Subscription};
use crate::storage::{Commit, StorageError};
use dormouse_protocol::error::Refusal;
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::{Millis, RequestId, UserId};

/// One frame on its way out, and who hears it.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) who: Hearers,
}

/// Who hears a line.
pub(crate) enum Hearers {
    Everyone,
    Watchers,
    OtherWatchers(SessionKey),
    Others(SessionKey),
    Only(Vec<SessionKey>),
}

impl Line {
    /// Whether nobody hears anything else because of it.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.who, Hearers::Everyone | Hearers::Watchers)
    }

    /// Whether a session hears it that is subscribed to so much.
    pub(crate) fn reaches(&self, key: SessionKey, subscription: Subscription) -> bool {
        match &self.who {
            Hearers::Everyone => true,
            Hearers::Watchers => subscription == Subscription::Presence,
            Hearers::OtherWatchers(newcomer) => subscription == Subscription::Presence && *newcomer != key,
            Hearers::Others(sender) => *sender != key,
            // Sorted, as the edge gives them.
            Hearers::Only(keys) => keys.binary_search(&key).is_ok(),
        }
    }
}

/// What a flush has for the edge.
#[derive(Default)]
pub(crate) struct Flushed {
    /// What is told, in order.
    pub(crate) lines: Vec<Line>,
    /// List and number of members changed places, which must survive sleep.
    pub(crate) switched: bool,
    /// Whether several frames left together.
    pub(crate) is_crowded: bool,
    /// Users whose connections end, each after so many of the lines, as the application's code has it.
    pub(crate) kicked: Vec<(usize, UserId)>,
}

impl Hub {
    /// Whether the open batch may not wait for its window: there is none, or it is as large or old as a batch may be.
    pub(crate) fn flush_is_due(&self, cx: &Context<'_>) -> bool {
        let limits = cx.limits();
        self.batch_window.is_none()
            || self.code.pending.bytes >= limits.flush_bytes
            || self.batch.is_full(cx.now, limits.flush_bytes, limits.flush_ms_max)
    }

    /// Whether there is nothing to flush.
    pub(crate) fn is_quiet(&self, cx: &Context<'_>) -> bool {
        self.batch.is_empty() && !self.code.has_changes() && !self.is_presence_due(cx)
    }

    /// Takes the batch window away if its time has come. Whether it has.
    pub(crate) fn end_batch_window(&mut self, cx: &Context<'_>) -> bool {
        let ended = self.batch_window.is_some_and(|until| until <= cx.steady());
        if ended {
            self.batch_window = None;
        }
        ended
    }

    /// Until when the batch stays open, by the steady clock.
    pub(crate) const fn batch_window(&self) -> Option<Millis> {
        self.batch_window
    }

    /// Opens the window of the next batch, so many milliseconds long.
    pub(crate) const fn open_batch_window(&mut self, cx: &Context<'_>, pause: Millis) {
        self.batch_window = Some(cx.steady().saturating_add(pause));
    }

    /// Whether changes of presence are to be told now: not before it is known who is in its grace (rule P3).
    fn is_presence_due(&self, cx: &Context<'_>) -> bool {
        self.loaded && self.presence.due(cx.steady(), cx.limits())
    }

    /// Writes everything accepted, and turns it into lines.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) -> Flushed {
        let (entries, mut kicks) = self.batch.take();
        let alone = entries.iter().all(|entry| entry.frame.is_none());
        let (told, switched) = match self.loaded {
            true => self.presence.tell(cx.steady(), cx.limits(), alone),
            false => Default::default(),
        };
        let mut flushed = Flushed { switched, ..Flushed::default() };
        let entries = self.write(cx, edges, entries, &mut kicks);
        let frames = entries.iter().filter(|entry| entry.frame.is_some()).count();
        let newcomer = told.newcomer.and_then(|newcomer| edges.session_of(newcomer.as_str()));
        let before = newcomer.map_or(Hearers::Watchers, Hearers::OtherWatchers);
        flushed.lines.extend(told.before.map(|text| Line { text, who: before }));
        let mut kicks = kicks.into_iter().peekable();
        for (nth, entry) in entries.into_iter().enumerate() {
            while let Some((_, user)) = kicks.next_if(|(after, _)| *after <= nth) {
                flushed.kicked.push((flushed.lines.len(), user));
            }
            self.address(cx, edges, entry, &mut flushed.lines);
        }
        let all = flushed.lines.len();
        flushed.kicked.extend(kicks.map(|(_, user)| (all, user)));
        flushed.lines.extend(told.after.map(|text| Line { text, who: Hearers::Watchers }));
        cx.desk.meter.flushes = cx.desk.meter.flushes.saturating_add(1);
        flushed.is_crowded = frames > 1;
        flushed
    }

    /// Writes what is to be kept. What could not be written is refused, and everything that names it, and nobody is thrown
    /// out (rules C2, D2).
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        entries: Vec<BatchEntry>,
        kicks: &mut Vec<Kick>,
    ) -> Vec<BatchEntry> {
        let kept = entries.iter().filter(|entry| entry.kept).filter_map(|entry| entry.frame.as_ref());
        let frames: Vec<&str> = kept.map(|(frame, _)| frame.as_str()).collect();
        let of_turns = self.code.has_changes() || !kicks.is_empty() || entries.iter().any(|entry| entry.turn);
        let (now, limits) = (cx.now, cx.limits());
        let written = match (of_turns, frames.is_empty()) {
            (false, true) => return entries,
            (false, false) => cx.counting_rows(|storage| self.history.keep(&frames, now, limits, storage)),
            (true, _) => self.commit(cx, &frames),
        };
        let Err((failed, error)) = written else { return entries };
        kicks.clear();
        let refusal = cx.storage_refusal(&error);
        let is_unwritten = |entry: &BatchEntry| entry.seq.is_some_and(|seq| seq >= failed) || entry.turn;
        let (unwritten, told): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_unwritten);
        for Reply { asker, id, .. } in unwritten.into_iter().filter_map(|entry| entry.reply) {
            cx.desk.meter.refused(refusal.code);
            match asker {
                Asker::Session(key) => edges.refuse(cx, key, id.as_ref(), &refusal),
                Asker::Http { asker, slot } => self.posts.fill(cx, asker, slot, id.as_ref(), Err(refusal.clone())),
            }
        }
        told
    }

    /// Writes what is to be kept with all that the turns of the code have changed, together or not at all (rule C2).
    fn commit(&mut self, cx: &mut Context<'_>, frames: &[&str]) -> Result<(), (u64, StorageError)> {
        let (now, limits) = (cx.now, cx.limits());
        let changes = self.code.changes();
        let rows = self.history.rows(frames, now, limits);
        let written = rows.and_then(|(rows, keep)| {
            if rows.is_empty() && changes.is_empty() {
                return Ok(rows);
            }
            let Changes { put, remove, replies } = &changes;
            let replies_since = now.saturating_sub(limits.dedupe_ms);
            let commit = Commit { rows: &rows, keep: &keep, put, remove, replies, replies_since };
            cx.counting_rows(|storage| storage.commit(&commit)).map(|()| rows)
        });
        match written {
            Ok(rows) => {
                self.history.kept(&rows, now, limits);
                let jobs = self.code.written(cx.storage);
                self.ask_outside(cx, jobs);
                Ok(())
            }
            Err(error) => {
                let failed = self.history.stored().saturating_add(1);
                self.history.give_up();
                self.code.take_back(cx.steady());
                Err((failed, error))
            }
        }
    }

    /// Turns an entry into lines: the frame for its audience, the answer for who asked.
    fn address(&mut self, cx: &mut Context<'_>, edges: &dyn Edges, entry: BatchEntry, lines: &mut Vec<Line>) {
        let BatchEntry { frame, reply, .. } = entry;
        let sender = reply.as_ref().and_then(|reply| reply.asker.session());
        let mut reached = 0;
        if let Some((text, audience)) = frame {
            let who = match audience {
                Audience::Everyone => Hearers::Everyone,
                Audience::Others(sender) => Hearers::Others(sender),
                Audience::Only(targets) => Hearers::Only(edges.reached(&targets, sender)),
            };
            if let Hearers::Only(keys) = &who {
                reached = keys.len() as u64;
            }
            lines.push(Line { text, who });
        }
        let Some(Reply { asker, id, says }) = reply else { return };
        let answer: Result<Ack, Refusal> = match says {
            Says::Echo => return,
            Says::Result { data, duplicate } => return self.answer_call(cx, asker, id, (data, duplicate), lines),
            Says::Ack(ack) => Ok(ack),
            Says::Delivered { counted } => {
                // What the grant says now: it may have changed since (rule A5).
                let still = asker.session().is_none_or(|key| edges.may_count(key));
                Ok(Ack { delivered: (counted && still).then_some(reached), ..Ack::default() })
            }
            Says::Refusal(refusal) => Err(refusal),
        };
        match asker {
            Asker::Http { asker, slot } => {
                let answer = answer.map(|ack| frame::ack(id.as_ref(), ack));
                self.posts.fill(cx, asker, slot, id.as_ref(), answer);
            }
            Asker::Session(key) => {
                let text = match answer {
                    Ok(_) if id.is_none() => return,
                    Ok(ack) => frame::ack(id.as_ref(), ack),
                    Err(refusal) => frame::error(id.as_ref(), &refusal),
                };
                lines.push(Line { text, who: Hearers::Only(vec![key]) });
            }
        }
    }
}

impl Hub {
    /// The reply to a call: over a connection a frame, over HTTP the reply alone.
    fn answer_call(
        &mut self,
        cx: &mut Context<'_>,
        asker: Asker,
        id: Option<RequestId>,
        (data, duplicate): (String, bool),
        lines: &mut Vec<Line>,
    ) {
        match (asker, id) {
            (Asker::Http { asker, slot }, id) => self.posts.fill(cx, asker, slot, id.as_ref(), Ok(data)),
            (Asker::Session(key), Some(id)) => {
                let text = frame::result(&id, &data, duplicate);
                lines.push(Line { text, who: Hearers::Only(vec![key]) });
            }
            // No call is read without an id (rule C3).
            (Asker::Session(_), None) => {}
        }
    }
}

impl Flushed {
    /// How long the next batch should stay open, in milliseconds: about as long as it takes to tell so many hearers of
    /// this one. 20 µs a send, and 1 µs a KiB of it (measured: 9 µs for 150 bytes, 13 to 18 for 8 KiB, 40 for 32 KiB).
    pub(crate) fn pause(&self, cx: &Context<'_>, hearers: usize) -> Millis {
        if !self.is_crowded {
            return 0;
        }
        let bytes = self.lines.iter().fold(0_usize, |bytes, line| bytes.saturating_add(line.text.len()));
        let each = cx.limits().flush_cost_us_per_member.saturating_add((bytes as u64) >> 10);
        let all = each.saturating_mul(hearers as u64) / 1000;
        all.min(cx.limits().flush_ms_max)
    }
}
