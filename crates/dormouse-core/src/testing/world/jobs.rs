//! Work outside the channel: a test plays the other server.

use serde::Serialize;

use super::World;
use crate::contract::{BindingCall, HttpCall, Job, JobAnswer, Outside};

impl<A> World<A> {
    /// The requests of this job to another server that are under way, the earliest first, each with its
    /// `Idempotency-Key`.
    pub fn running<T, O>(&self, job: Job<T, O>) -> Vec<(String, HttpCall)> {
        let http = |(key, call)| if let Outside::Http(call) = call { Some((key, call)) } else { None };
        self.under_way(job).into_iter().filter_map(http).collect()
    }

    /// What this job asks of a binding and is under way, the earliest first, each with the job's key.
    pub fn running_on_binding<T, O>(&self, job: Job<T, O>) -> Vec<(String, BindingCall)> {
        let on_binding = |(key, call)| if let Outside::Binding(call) = call { Some((key, call)) } else { None };
        self.under_way(job).into_iter().filter_map(on_binding).collect()
    }

    fn under_way<T, O>(&self, job: Job<T, O>) -> Vec<(String, Outside)> {
        let of_job = |key: &str| key.split_once(':').is_some_and(|(name, _)| name == job.name());
        let running = self.record.jobs.iter().filter(|request| of_job(&request.key));
        running.map(|request| (request.key.clone(), request.call.clone())).collect()
    }

    /// The other server, or the binding, answers the earliest request of this job that is under way with this: what the job
    /// reads, or anything else.
    #[track_caller]
    pub fn finish<T, O>(&mut self, job: Job<T, O>, answer: &impl Serialize) {
        let body = serde_json::to_string(answer).unwrap();
        self.answer_job(job, JobAnswer::Answered { status: 200, body });
    }

    /// The earliest request of this job that is under way is answered otherwise, or cannot be made.
    #[track_caller]
    pub fn answer_job<T, O>(&mut self, job: Job<T, O>, answer: JobAnswer) {
        let key = self.under_way(job).into_iter().next().unwrap_or_else(|| panic!("no {} is under way", job.name())).0;
        self.answer_job_of(&key, answer);
    }

    /// The request of this key is answered, and everybody is told what came of it.
    pub fn answer_job_of(&mut self, key: &str, answer: JobAnswer) {
        self.job_answered(key, answer);
        self.drain();
    }

    /// The request of this key is answered; what comes of it is told when its batch window has ended.
    pub fn job_answered(&mut self, key: &str, answer: JobAnswer) {
        if let Some(place) = self.record.jobs.iter().position(|request| request.key == key) {
            self.record.jobs.remove(place);
        }
        self.event(|channel, turn| channel.job_answered(turn, key, answer));
    }

    /// The code is known to have panicked over this request, as the log names it.
    pub fn note_panic(&self, request: &str) {
        self.surroundings.note_panic(request);
    }
}
