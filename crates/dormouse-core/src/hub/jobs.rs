//! Jobs: work outside the channel, kept until it is done (rule C7).

use super::code::Changed;
use super::timers::hold_back;
use super::turn::{Over, noted};
use super::{Edges, Hub};
use crate::context::Context;
use crate::contract::Who;
use crate::contract::handler::{JobAnswer, JobFailed, JobRequest, Outside, Started, Tried};
use crate::effect::{Effect, Level, LogLine};
use crate::storage::{RECORD_FORMAT, Record, RecordKind};
use dormouse_protocol::name::Millis;

/// A job of which nothing was heard for so many milliseconds is taken for lost: no answer is waited for longer than 30 s.
pub(super) const LEASE: Millis = 60_000;

/// The most tries of a job.
const TRIES_MAX: u32 = 12;

/// How long a job is tried at most, in milliseconds: a day.
const AGE_MAX: Millis = 86_400_000;

/// How long after a first failure a job is tried again, in milliseconds, and up to a quarter more; each time twice as long.
const BACK_OFF: Millis = 1_000;

/// The longest time between two tries, in milliseconds: an hour.
const BACK_OFF_MAX: Millis = 3_600_000;

impl Hub {
    /// Begins a job with the turn that starts it.
    pub(super) fn begin_job(&mut self, cx: &Context<'_>, started: Started) {
        let Started { key, data, asks } = started;
        self.try_job(cx, key, Tried { data, tries: 0, since: cx.now }, asks);
    }

    /// Tries jobs anew that have failed, or of which nothing was heard, or for which there was no room.
    pub(crate) fn retry_jobs(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) {
        let now = cx.now;
        self.code.under_way.retain(|_, until| *until > now);
        let room = self.code.room();
        if room == 0 {
            return;
        }
        for job in self.due_now(cx, RecordKind::Job, self.code.due.job, room) {
            if !self.is_superseded(&job) {
                self.retry_job(cx, edges, job);
            }
        }
    }

    fn retry_job(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, job: Record) {
        let tried = serde_json::from_str::<Tried>(&job.data).ok().filter(|_| job.format == RECORD_FORMAT);
        let handlers = &cx.rules().handlers;
        let Some(tried) = tried.filter(|_| handlers.job_of(&job.key).is_some()) else {
            drop(cx.internal(format!("no code of this release knows the job `{}`", job.key)));
            return self.put_off_unknown(cx, job);
        };
        let age = cx.now.saturating_sub(tried.since);
        if tried.tries >= TRIES_MAX || age >= AGE_MAX {
            let never = JobFailed::GivenUp("it was never answered".to_owned());
            return self.end_job(cx, edges, &job.key, &tried, Err(never));
        }
        let asks = noted(cx.surroundings, &format!("call {}", job.key), || handlers.asks(&job.key, &tried.data));
        match asks {
            Ok(asks) => self.try_job(cx, job.key, tried, asks),
            // A release may come that allows it.
            Err(why) => {
                drop(cx.internal(format!("the job `{}` {why}", job.key)));
                self.fail_job(cx, edges, &job.key, Tried { tries: tried.tries.saturating_add(1), ..tried }, &why);
            }
        }
    }

    /// Has a job tried once the turn is on disk; or later, where enough are under way.
    fn try_job(&mut self, cx: &Context<'_>, key: String, tried: Tried, asks: Outside) {
        let has_room = self.code.room() > 0;
        let (due, tries) = match has_room {
            true => (cx.now.saturating_add(LEASE), tried.tries.saturating_add(1)),
            false => (cx.now, tried.tries),
        };
        let data = serde_json::to_string(&Tried { tries, ..tried }).unwrap_or_default();
        if has_room {
            self.code.pending.jobs.push(JobRequest { key: key.clone(), call: asks });
        }
        self.code.change(RecordKind::Job, key, Some(Changed::new(Some(due), data)));
    }

    /// A try has come to its end: it is done, or tried again later, or given up.
    pub(crate) fn job_answered(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, key: &str, answer: JobAnswer) {
        self.code.under_way.remove(key);
        // Nothing was heard of it then: it is tried again.
        if !self.runs_code() {
            return;
        }
        let found = match cx.storage.record(RecordKind::Job, key) {
            Ok(found) => found,
            Err(error) => return drop(cx.internal(format!("a job cannot be read: {error}"))),
        };
        // One that is not there is done already: it was tried twice.
        let tried = found.and_then(|record| serde_json::from_str::<Tried>(&record.data).ok());
        let Some(tried) = tried.filter(|_| !self.is_ended(key)) else { return };
        let (why, refused) = match answer {
            JobAnswer::Answered { status: 200..=299, body } => {
                return self.end_job(cx, edges, key, &tried, Ok(body));
            }
            JobAnswer::Answered { status, body } => {
                let is_final = (400..=499).contains(&status) && status != 408 && status != 429;
                (format!("status {status}"), is_final.then_some(JobFailed::Refused { status, body }))
            }
            JobAnswer::Failed(why) => (why, None),
        };
        let detail = Some(format!("{key}, try {}: {why}", tried.tries));
        cx.log_trouble(LogLine { detail, ..LogLine::new(Level::Warn, "job") });
        match refused {
            Some(refused) => self.end_job(cx, edges, key, &tried, Err(refused)),
            None => self.fail_job(cx, edges, key, tried, &why),
        }
    }

    fn is_ended(&self, key: &str) -> bool {
        matches!(self.code.pending.records.get(&(RecordKind::Job, key.to_owned())), Some(None))
    }

    fn fail_job(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, key: &str, tried: Tried, why: &str) {
        let doubled = BACK_OFF.saturating_mul(1_u64.checked_shl(tried.tries.saturating_sub(1)).unwrap_or(u64::MAX));
        let wait = doubled.min(BACK_OFF_MAX);
        // Up to a quarter more, so that those that failed together do not come back together.
        let more = cx.surroundings.draw().checked_rem(wait / 4).unwrap_or_default();
        let again = cx.now.saturating_add(wait).saturating_add(more);
        if tried.tries >= TRIES_MAX || again.saturating_sub(tried.since) >= AGE_MAX {
            return self.end_job(cx, edges, key, &tried, Err(JobFailed::GivenUp(why.to_owned())));
        }
        let data = serde_json::to_string(&tried).unwrap_or_default();
        self.code.change(RecordKind::Job, key.to_owned(), Some(Changed::new(Some(again), data)));
    }

    /// Tells the code what came of a job; it goes off the disk with what the code does then.
    fn end_job(
        &mut self,
        cx: &mut Context<'_>,
        edges: &mut dyn Edges,
        key: &str,
        tried: &Tried,
        came: Result<String, JobFailed>,
    ) {
        let Some(code) = cx.rules().handlers.job_of(key) else { return };
        let request = format!("job {key}");
        let done = self.run(cx, edges, &Who::default(), Over::nobodys(&request), |cell, turn| {
            code.done(cell, turn, &tried.data, came.as_deref().map_err(Clone::clone))
        });
        match done {
            Ok(((), mut outcome)) => {
                hold_back(cx.now, &mut outcome);
                // Its next try, which this very event may have begun, is needed no more.
                self.code.pending.jobs.retain(|job| job.key != key);
                self.code.change(RecordKind::Job, key.to_owned(), None);
                self.carry_out(cx, edges, outcome);
            }
            Err(_) => {
                let data = serde_json::to_string(tried).unwrap_or_default();
                let record =
                    Record { kind: RecordKind::Job, key: key.to_owned(), due: None, format: RECORD_FORMAT, data };
                self.put_off_failed(cx, record);
            }
        }
    }

    /// Tries jobs whose records are on disk now.
    pub(super) fn ask_outside(&mut self, cx: &mut Context<'_>, jobs: Vec<JobRequest>) {
        for job in jobs {
            self.code.under_way.insert(job.key.clone(), cx.now.saturating_add(LEASE));
            cx.push(Effect::Job(job));
        }
    }
}
