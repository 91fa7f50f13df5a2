//! The handlers of a channel with their types erased: what the machine calls.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::encoded::encoded_within;
use super::job::{JobFailed, Outside};
use super::refused::{Reasons, Refused};
use super::state::{Cell, State, StateType, place};
use super::turn::Turn;
use super::verdict::Verdict;
use dormouse_protocol::error::{Code, Refusal};

/// The most bytes of a reply: it is kept, and told in one frame.
pub(crate) const REPLY_BYTES_MAX: usize = 256 * 1_024;

/// The most bytes of a snapshot (rule C5).
pub(crate) const SNAPSHOT_BYTES_MAX: usize = 64 * 1_024;

type Run<T> = dyn Fn(&mut Cell, &mut Turn<'_>, &str) -> Result<T, Refusal>;

/// A handler with its types erased: it gets the state, the turn, and as JSON what was said, asked or set.
pub(crate) struct Handler<T>(Rc<Run<T>>);

/// Judges an event: what is said in place of it, or nothing where it is said as it came.
pub(crate) type Judge = Handler<Option<String>>;

/// Answers a call: its reply, JSON.
pub(crate) type Reply = Handler<String>;

/// Is told of something.
pub(crate) type Told = Handler<()>;

impl<T> Clone for Handler<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Handler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

impl<T: 'static> Handler<T> {
    /// Runs it.
    pub(crate) fn run(&self, cell: &mut Cell, turn: &mut Turn<'_>, data: &str) -> Result<T, Refusal> {
        (self.0)(cell, turn, data)
    }

    /// A handler of a state and what it is handed, both read into their types.
    fn of<S: 'static, D: DeserializeOwned, E: Reasons>(
        work: impl Fn(&mut State<S>, &mut Turn<'_>, &D) -> Result<T, Refused<E>> + 'static,
    ) -> Self {
        Self(Rc::new(move |cell, turn, data| {
            let data: D = serde_json::from_str(data).map_err(|error| broken(place(&error)))?;
            let done = cell.with::<S, _, _>(|state| work(state, turn, &data));
            done.unwrap_or_else(|| Err(Refused::broken("the state is of another type"))).map_err(Refused::told)
        }))
    }
}

/// What a handler's own failure is told as; the detail is for the log.
fn broken(detail: String) -> Refusal {
    Refusal::from(Code::Internal).because(detail)
}

/// A judge of events.
#[expect(clippy::type_complexity, reason = "a handler's signature, as the documentation has it")]
pub(crate) fn judge<S: 'static, T: DeserializeOwned + Serialize + 'static, E: Reasons>(
    handler: fn(&mut State<S>, &mut Turn<'_>, &T) -> Result<Verdict<T>, Refused<E>>,
) -> Judge {
    Handler::of(move |state: &mut State<S>, turn: &mut Turn<'_>, said: &T| match handler(state, turn, said)? {
        Verdict::AsSaid => Ok(None),
        Verdict::Instead(other) => match serde_json::to_string(&other) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Refused::broken(error)),
        },
    })
}

/// What answers a call.
#[expect(clippy::type_complexity, reason = "a handler's signature, as the documentation has it")]
pub(crate) fn reply<S: 'static, I: DeserializeOwned + 'static, O: Serialize + 'static, E: Reasons>(
    handler: fn(&mut State<S>, &mut Turn<'_>, &I) -> Result<O, Refused<E>>,
) -> Reply {
    Handler::of(move |state: &mut State<S>, turn: &mut Turn<'_>, asked: &I| {
        encoded_within("the reply", &handler(state, turn, asked)?, REPLY_BYTES_MAX).map_err(Refused::broken)
    })
}

/// What is told that a timer has fired.
pub(crate) fn timer<S: 'static, T: DeserializeOwned + 'static>(handler: fn(&mut State<S>, &mut Turn<'_>, &T)) -> Told {
    Handler::of(move |state: &mut State<S>, turn: &mut Turn<'_>, data: &T| -> Result<(), Refused> {
        handler(state, turn, data);
        Ok(())
    })
}

/// What a job asks of another server or of a binding, and what is told of what came of it.
#[derive(Clone)]
pub(crate) struct JobCode {
    call: Rc<JobCall>,
    done: Rc<JobDone>,
}

type JobCall = dyn Fn(&str, &str) -> Result<Outside, String>;

type JobDone = dyn Fn(&mut Cell, &mut Turn<'_>, &str, Result<&str, JobFailed>) -> Result<(), Refusal>;

impl JobCode {
    pub(crate) fn of<S: 'static, T: DeserializeOwned + 'static, O: DeserializeOwned + 'static>(
        call: impl Fn(&T, &str) -> Outside + 'static,
        done: fn(&mut State<S>, &mut Turn<'_>, &T, Result<O, JobFailed>),
    ) -> Self {
        let call = move |data: &str, key: &str| {
            let data: T = serde_json::from_str(data).map_err(|error| place(&error))?;
            Ok(call(&data, key))
        };
        let done = move |cell: &mut Cell, turn: &mut Turn<'_>, data: &str, came: Result<&str, JobFailed>| {
            let data: T = serde_json::from_str(data).map_err(|error| broken(place(&error)))?;
            let came = came
                .and_then(|body| serde_json::from_str(body).map_err(|error| JobFailed::Unreadable(error.to_string())));
            let told = cell.with::<S, _, Refused>(|state| {
                done(state, turn, &data, came);
                Ok(())
            });
            told.unwrap_or_else(|| Err(Refused::broken("the state is of another type"))).map_err(Refused::told)
        };
        Self { call: Rc::new(call), done: Rc::new(done) }
    }

    /// What is asked under this key.
    pub(crate) fn call(&self, data: &str, key: &str) -> Result<Outside, String> {
        (self.call)(data, key)
    }

    /// Tells what came of it: the body of the answer, JSON, or why there is none.
    pub(crate) fn done(
        &self,
        cell: &mut Cell,
        turn: &mut Turn<'_>,
        data: &str,
        came: Result<&str, JobFailed>,
    ) -> Result<(), Refusal> {
        (self.done)(cell, turn, data, came)
    }
}

impl fmt::Debug for JobCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobCode")
    }
}

/// What is told that somebody has come or gone.
pub(crate) fn notice<S: 'static>(handler: fn(&mut State<S>, &mut Turn<'_>)) -> Told {
    Handler::of(move |state: &mut State<S>, turn: &mut Turn<'_>, _: &()| -> Result<(), Refused> {
        handler(state, turn);
        Ok(())
    })
}

/// A check that comes before whatever a member says or asks.
pub(crate) fn guard<S: 'static, E: Reasons>(handler: fn(&S, &Turn<'_>) -> Result<(), Refused<E>>) -> Handler<()> {
    Handler::of(move |state: &mut State<S>, turn: &mut Turn<'_>, _: &()| handler(state, turn))
}

type Show = dyn Fn(&dyn Any) -> Result<String, String>;

/// What the members are shown of the state, with its schema.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Made when it is asked for.
    pub(crate) schema: fn() -> Value,
    show: Rc<Show>,
}

impl Snapshot {
    pub(crate) fn of<S: 'static, V: Serialize + 'static>(schema: fn() -> Value, show: fn(&S) -> V) -> Self {
        let show = move |state: &dyn Any| {
            let state = state.downcast_ref::<S>().ok_or("the state is of another type")?;
            encoded_within("the snapshot", &show(state), SNAPSHOT_BYTES_MAX)
        };
        Self { schema, show: Rc::new(show) }
    }

    /// What is shown of this state, JSON.
    pub(crate) fn show(&self, state: &dyn Any) -> Result<String, String> {
        (self.show)(state)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

/// What of a channel is the application's code, beside its judged events and its calls.
#[derive(Clone, Debug)]
pub(crate) struct Handlers {
    pub(crate) state: StateType,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) guards: Vec<Handler<()>>,
    pub(crate) on_join: Option<Told>,
    pub(crate) on_leave: Option<Told>,
    pub(crate) timers: BTreeMap<&'static str, Told>,
    pub(crate) on_tick: Option<Told>,
    pub(crate) jobs: BTreeMap<&'static str, JobCode>,
    /// The hosts that jobs may call.
    pub(crate) hosts: Vec<&'static str>,
    /// The reasons for which the guards refuse.
    pub(crate) reasons: Vec<&'static str>,
    /// Whether there is any code at all, judged events and calls counted.
    pub(crate) any: bool,
}

impl Handlers {
    pub(crate) fn none() -> Self {
        Self {
            state: StateType::none(),
            snapshot: None,
            guards: Vec::new(),
            on_join: None,
            on_leave: None,
            timers: BTreeMap::new(),
            on_tick: None,
            jobs: BTreeMap::new(),
            hosts: Vec::new(),
            reasons: Vec::new(),
            any: false,
        }
    }

    /// Has every guard look at a turn before the code that it is for.
    pub(crate) fn guard(&self, cell: &mut Cell, turn: &mut Turn<'_>) -> Result<(), Refusal> {
        self.guards.iter().try_for_each(|guard| guard.run(cell, turn, "null"))
    }

    pub(crate) fn has_timer(&self, name: &str) -> bool {
        self.timers.contains_key(name)
    }

    /// The code of a job's key, which begins with its name.
    pub(crate) fn job_of(&self, key: &str) -> Option<&JobCode> {
        self.jobs.get(key.split_once(':')?.0)
    }

    /// What a job asks for under its key, if it may; or what is wrong with it.
    pub(crate) fn asks(&self, key: &str, data: &str) -> Result<Outside, String> {
        let code = self.job_of(key).ok_or("is of no code that this release knows")?;
        let asks = code.call(data, key).map_err(|wrong| format!("cannot be read: {wrong}"))?;
        if let Some(wrong) = asks.wrong() {
            return Err(wrong.to_owned());
        }
        let Outside::Http(call) = &asks else { return Ok(asks) };
        match call.host() {
            Some(host) if self.hosts.contains(&host) => Ok(asks),
            Some(host) => Err(format!("calls {host}: add it to `calls_out_to`")),
            None => Err("calls what is no address that may be called: one by https, or by http on this machine alone"
                .to_owned()),
        }
    }

    /// The handler of a timer's key, which begins with its name.
    pub(crate) fn timer_of(&self, key: &str) -> Option<&Told> {
        self.timers.get(key.split_once(':')?.0)
    }
}
