//! Work outside the channel (rule C7): what is asked of another server or of a binding, and what came of it.

use serde::{Deserialize, Serialize};

use super::binding_call::BindingCall;
use super::http_call::HttpCall;

/// The most bytes of an answer.
pub const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// What a job asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// A request to another server.
    Http(HttpCall),
    /// A binding of the deployment.
    Binding(BindingCall),
}

impl Outside {
    /// What of it could not be made.
    pub(crate) fn wrong(&self) -> Option<&str> {
        match self {
            Self::Http(call) => call.wrong.as_deref(),
            Self::Binding(call) => call.wrong.as_deref(),
        }
    }
}

/// Why a job has come to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFailed {
    /// The other server refused it with this status, and it is not tried again.
    Refused {
        /// The HTTP status: 400 to 499, and neither 408 nor 429.
        status: u16,
        /// What it said.
        body: String,
    },
    /// It was tried 12 times, or for a day; why the last try failed.
    GivenUp(String),
    /// What came back does not fit the type of the job.
    Unreadable(String),
}

/// What became of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobAnswer {
    /// The other server answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body, text of at most 256 KiB.
        body: String,
    },
    /// It could not be reached, or did not answer in time; why, for the log.
    Failed(String),
}

/// A try that is to be made: what is sent, under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRequest {
    /// The job's key.
    pub key: String,
    /// What is asked.
    pub call: Outside,
}

/// A job as it lies on disk: what is known of it, how often it was tried, and since when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) data: String,
    #[serde(default)]
    pub(crate) tries: u32,
    #[serde(default)]
    pub(crate) since: u64,
}
