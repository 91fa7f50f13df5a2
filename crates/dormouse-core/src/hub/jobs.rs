//! Jobs: work outside the channel, kept until it is done (rule C7).

use super::code::{Changed, Then};
use super::turn::{Over, noted};
use super::{Edges, Hub};
use crate::context::Context;
use crate::contract::Who;
use crate::contract::handler::{JobAnswer, JobCode, JobFailed, JobRequest, Tried};
use crate::effect::Effect;
use crate::storage::{RECORD_FORMAT, Record, RecordKind};
use dormouse_protocol::name::{Millis, UserId};

/// A job of which nothing was heard for so many milliseconds is taken for lost: no answer is waited for longer than 30 s.
const LEASE: Millis = 60_000;

/// The most tries of a job.
const TRIES_MAX: u32 = 12;

/// How long a job is tried at most, in milliseconds: a day.
const AGE_MAX: Millis = 86_400_000;

/// How long after a first failure a job is tried again, in milliseconds; each time twice as long.
const BACK_OFF: Millis = 1_000;

/// The longest time between two tries, in milliseconds: an hour.
const BACK_OFF_MAX: Millis = 3_600_000;

impl Hub {
    /// Begins a job with the turn that starts it.
    pub(super) fn begin_job(&mut self, cx: &mut Context<'_>, name: &str, data: String) {
        let key = format!("{name}:{:016x}{:016x}", cx.surroundings.draw(), cx.surroundings.draw());
        self.try_job(cx, key, Tried { data, tries: 0, since: cx.now });
    }

    /// Tries jobs anew that have failed, or of which nothing was heard.
    pub(crate) fn retry_jobs(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges) {
        for job in self.due_now(cx, RecordKind::Job, self.code.due.job) {
            if !self.is_superseded(&job) {
                self.retry_job(cx, edges, job);
            }
        }
    }

    fn retry_job(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, job: Record) {
        let tried = serde_json::from_str::<Tried>(&job.data).ok().filter(|_| job.format == RECORD_FORMAT);
        let known = cx.rules().handlers.job_of(&job.key).is_some();
        let Some(tried) = tried.filter(|_| known) else {
            drop(cx.internal(format!("no code of this release knows the job `{}`", job.key)));
            return self.put_off(cx, job);
        };
        let age = cx.now.saturating_sub(tried.since);
        if tried.tries >= TRIES_MAX || age >= AGE_MAX {
            return self.end_job(
                cx,
                edges,
                &job.key,
                &tried,
                Err(JobFailed::GivenUp("it was never answered".to_owned())),
            );
        }
        self.try_job(cx, job.key, tried);
    }

    /// Has a job tried once the turn is on disk.
    fn try_job(&mut self, cx: &mut Context<'_>, key: String, tried: Tried) {
        let code: Option<&JobCode> = cx.rules().handlers.job_of(&key);
        let call = code.map(|code| noted(cx.surroundings, &format!("call {key}"), || code.call(&tried.data)));
        let tried = Tried { tries: tried.tries.saturating_add(1), ..tried };
        let data = serde_json::to_string(&tried).unwrap_or_default();
        let lease = cx.now.saturating_add(LEASE);
        self.code.pending.records.insert((RecordKind::Job, key.clone()), Some(Changed::new(Some(lease), data)));
        match call {
            Some(Ok(call)) if call.host().is_some_and(|host| cx.rules().handlers.hosts.contains(&host)) => {
                self.code.pending.then.jobs.push(JobRequest { key, call });
            }
            // It is given up when it is due: by then a release may allow it.
            Some(Ok(call)) => {
                let host = call.host().unwrap_or("no address that may be called");
                drop(cx.internal(format!("the job `{key}` calls {host}: add it to `calls_out_to`")));
            }
            Some(Err(wrong)) => drop(cx.internal(format!("the job `{key}` cannot be read: {wrong}"))),
            None => drop(cx.internal(format!("no code of this release knows the job `{key}`"))),
        }
    }

    /// A try has come to its end: it is done, or tried again later, or given up.
    pub(crate) fn job_answered(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, key: &str, answer: JobAnswer) {
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
        match answer {
            JobAnswer::Answered { status: 200..=299, body } => self.end_job(cx, edges, key, &tried, Ok(body)),
            JobAnswer::Answered { status, body } if (400..=499).contains(&status) && status != 408 && status != 429 => {
                self.end_job(cx, edges, key, &tried, Err(JobFailed::Refused { status, body }));
            }
            JobAnswer::Answered { status, .. } => self.fail_job(cx, edges, key, tried, &format!("status {status}")),
            JobAnswer::Failed(why) => self.fail_job(cx, edges, key, tried, &why),
        }
    }

    fn is_ended(&self, key: &str) -> bool {
        matches!(self.code.pending.records.get(&(RecordKind::Job, key.to_owned())), Some(None))
    }

    fn fail_job(&mut self, cx: &mut Context<'_>, edges: &mut dyn Edges, key: &str, tried: Tried, why: &str) {
        let wait = BACK_OFF.saturating_mul(1_u64.checked_shl(tried.tries.saturating_sub(1)).unwrap_or(u64::MAX));
        let again = cx.now.saturating_add(wait.min(BACK_OFF_MAX));
        if tried.tries >= TRIES_MAX || again.saturating_sub(tried.since) >= AGE_MAX {
            return self.end_job(cx, edges, key, &tried, Err(JobFailed::GivenUp(why.to_owned())));
        }
        let data = serde_json::to_string(&tried).unwrap_or_default();
        self.code.pending.records.insert((RecordKind::Job, key.to_owned()), Some(Changed::new(Some(again), data)));
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
            Ok(((), outcome)) => {
                self.code.pending.records.insert((RecordKind::Job, key.to_owned()), None);
                self.carry_out(cx, edges, outcome);
            }
            Err(_) => {
                let data = serde_json::to_string(tried).unwrap_or_default();
                let record =
                    Record { kind: RecordKind::Job, key: key.to_owned(), due: None, format: RECORD_FORMAT, data };
                self.put_off(cx, record);
            }
        }
    }

    /// Has done what the turns that are on disk now want done.
    pub(super) fn do_then(cx: &mut Context<'_>, then: Then) -> Vec<UserId> {
        for job in then.jobs {
            cx.push(Effect::Job(job));
        }
        then.kicked
    }
}
