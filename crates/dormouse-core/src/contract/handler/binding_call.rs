//! What is asked of a binding of the deployment, as data (rule C7).

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::http_call::{TIMEOUT, TIMEOUT_MAX};

/// Methods of a binding of the deployment (Workers AI, D1, KV, a queue, another Worker), called one on what the other gave,
/// as data: the service calls them once the turn that started the job is on disk.
///
/// ```
/// # use dormouse_core::contract::BindingCall;
/// let line = "a line";
/// let kept = BindingCall::on("DB")
///     .call("prepare").arg("INSERT OR IGNORE INTO lines (key, line) VALUES (?, ?)")
///     .call("bind").arg("the job's key").arg(line)
///     .call("run");
/// ```
///
/// What the last one gives comes back as JSON: nothing as `null`, a stream as `{}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingCall {
    binding: &'static str,
    methods: Vec<(&'static str, Vec<Value>)>,
    timeout: Duration,
    /// What of it could not be made.
    pub(super) wrong: Option<String>,
}

impl BindingCall {
    /// Asks the binding of this name, as it stands in `wrangler.toml`.
    pub const fn on(binding: &'static str) -> Self {
        Self { binding, methods: Vec::new(), timeout: TIMEOUT, wrong: None }
    }

    /// Calls a method: of the binding, or of what the method before it gave.
    #[must_use]
    pub fn call(mut self, method: &'static str) -> Self {
        self.methods.push((method, Vec::new()));
        self
    }

    /// Hands the method this argument, after those that it has, as JSON. Where it cannot be JSON, or no method is called
    /// yet, nothing is asked: the turn that starts the job is `internal`.
    #[must_use]
    pub fn arg(mut self, argument: impl Serialize) -> Self {
        match (self.methods.last_mut(), serde_json::to_value(argument)) {
            (Some((_, arguments)), Ok(argument)) => arguments.push(argument),
            (None, _) => self.wrong = Some("hands an argument to no method: `call` one first".to_owned()),
            (_, Err(error)) => self.wrong = Some(format!("has an argument that cannot be JSON: {error}")),
        }
        self
    }

    /// How long an answer is waited for: 10 s where it is not said, 30 s at most.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(TIMEOUT_MAX), ..self }
    }

    /// The binding's name.
    pub const fn binding(&self) -> &'static str {
        self.binding
    }

    /// The methods in order, each with its arguments.
    pub fn methods(&self) -> &[(&'static str, Vec<Value>)] {
        &self.methods
    }

    /// How long the answer is waited for.
    pub const fn patience(&self) -> Duration {
        self.timeout
    }
}
