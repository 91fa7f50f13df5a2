//! The application's own code in the declaration of a channel (rules C1 to C6).

use std::marker::PhantomData;
use std::panic::Location;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Calls;
use super::data::Payload;
use super::declaration::Channel;
use super::declared::Declared;
use super::event::{Event, EventRules};
use super::handler::{
    BindingCall, Call, Handlers, HttpCall, Job, JobCode, JobFailed, Outside, Reasons, Refused, Said, Snapshot, State,
    StateType, Timer, Turn, Verdict, registry,
};
use super::mistake::Mistake;
use super::typed::schema_of_output;

impl Channel {
    /// What the channel remembers for its handlers: begins as the default, is written with each turn that changes it,
    /// and outlives sleep, deploys and everybody's leaving. Declare it before the handlers; at most 1 MiB of JSON.
    #[track_caller]
    pub fn state<S: Default + Clone + Serialize + DeserializeOwned + 'static>(mut self) -> Channel<S> {
        if self.handlers.any {
            let text = "the state is declared after handlers, which would not have it: declare it first".to_owned();
            self.mistakes.push(Mistake::new(Location::caller(), text));
        }
        let handlers = Handlers { state: StateType::of::<S>(), any: true, ..self.handlers };
        let Self { entry, granted, events, nameless, presence, history, calls, mistakes, .. } = self;
        let state = PhantomData;
        Channel { entry, granted, events, nameless, presence, history, calls, handlers, mistakes, state }
    }
}

#[expect(
    clippy::type_complexity,
    reason = "a handler's signature, as the documentation and the compiler's errors show it"
)]
impl<S: 'static> Channel<S> {
    /// What members are shown of the state when they join, and when they are told that they have missed too much
    /// (rule C5). At most 64 KiB of JSON.
    #[track_caller]
    pub fn snapshot<V: Serialize + JsonSchema + 'static>(mut self, show: fn(&S) -> V) -> Self {
        let at = Location::caller();
        let shown = Snapshot::of(schema_of_output::<V>, show);
        if self.handlers.snapshot.replace(shown).is_some() {
            self.mistakes.push(Mistake::new(at, "the snapshot is declared twice: drop one".to_owned()));
        }
        self.handlers.any = true;
        self
    }

    /// A check that comes before every event that a member says here, and every call.
    pub fn guard<E: Reasons>(mut self, check: fn(&S, &Turn<'_>) -> Result<(), Refused<E>>) -> Self {
        self.handlers.guards.push(registry::guard(check));
        self.handlers.reasons.extend(names_of::<E>());
        self.handlers.any = true;
        self
    }

    /// What may be said once the application's code has judged it: as it came, or something in its place, or not at all
    /// (rule C1). The handler runs last, after every other refusal, and its turn is written with the message or not at
    /// all.
    #[track_caller]
    pub fn judged<T: Payload + DeserializeOwned + Serialize, E: Reasons>(
        mut self,
        said: Said<T>,
        event: Event,
        handler: fn(&mut State<S>, &mut Turn<'_>, &T) -> Result<Verdict<T>, Refused<E>>,
    ) -> Self {
        let judge = (registry::judge(handler), names_of::<E>());
        self.declare(said.name(), Location::caller(), |name, at, mistakes| {
            Some(EventRules { judge: Some(judge), ..event.named::<T>(name, at, mistakes)? })
        });
        self.handlers.any = true;
        self
    }

    /// What may be asked, and what answers it (rule C3).
    #[track_caller]
    pub fn call<I: Payload + DeserializeOwned, O: Serialize + JsonSchema + 'static, E: Reasons>(
        mut self,
        call: Call<I, O>,
        how: Calls,
        handler: fn(&mut State<S>, &mut Turn<'_>, &I) -> Result<O, Refused<E>>,
    ) -> Self {
        let (name, at) = (call.name(), Location::caller());
        if let Some((_, earlier)) = self.calls.iter().find(|(rules, _)| rules.name.as_str() == name) {
            let text = format!("the call `{name}` is declared twice, here and in line {}: drop one", earlier.line());
            self.mistakes.push(Mistake::new(at, text));
        }
        let (output, reply) = (schema_of_output::<O> as fn() -> _, registry::reply(handler));
        let rules = how.named::<I>(name, output, reply, names_of::<E>(), at, &mut self.mistakes);
        self.calls.extend(rules.map(|rules| (rules, at)));
        self.handlers.any = true;
        self
    }

    /// Is told that a connection has joined: not again for one that comes back within its grace (rule P3).
    #[track_caller]
    pub fn on_join(mut self, handler: fn(&mut State<S>, &mut Turn<'_>)) -> Self {
        let earlier = self.handlers.on_join.replace(registry::notice(handler));
        self.only_once("on_join", earlier.is_some(), Location::caller())
    }

    /// Is told that a connection that had joined is gone for good: it was closed in order, or its grace is over.
    #[track_caller]
    pub fn on_leave(mut self, handler: fn(&mut State<S>, &mut Turn<'_>)) -> Self {
        let earlier = self.handlers.on_leave.replace(registry::notice(handler));
        self.only_once("on_leave", earlier.is_some(), Location::caller())
    }

    /// Runs at each tick, while somebody is here and [`Turn::tick_every`] has been called.
    #[track_caller]
    pub fn on_tick(mut self, handler: fn(&mut State<S>, &mut Turn<'_>)) -> Self {
        let earlier = self.handlers.on_tick.replace(registry::notice(handler));
        self.only_once("on_tick", earlier.is_some(), Location::caller())
    }

    /// The hosts that the jobs of this channel may call, each as it stands in an address: `api.example.com`.
    #[track_caller]
    pub fn calls_out_to(mut self, hosts: impl IntoIterator<Item = &'static str>) -> Self {
        let at = Location::caller();
        for host in hosts {
            if HttpCall::get(format!("https://{host}/")).host() != Some(host) || host != host.to_ascii_lowercase() {
                let text =
                    format!("`{host}` is no host: write it as in an address, without `https://`, in small letters");
                self.mistakes.push(Mistake::new(at, text));
            }
            self.handlers.hosts.push(host);
        }
        self
    }

    /// Work outside the channel that a handler starts by [`Turn::start`]: what is asked of another server, and what
    /// happens when it has answered or was given up (rule C7).
    #[track_caller]
    pub fn job<T: Serialize + DeserializeOwned + 'static, O: DeserializeOwned + 'static>(
        self,
        job: Job<T, O>,
        call: fn(&T) -> HttpCall,
        done: fn(&mut State<S>, &mut Turn<'_>, &T, Result<O, JobFailed>),
    ) -> Self {
        let code = JobCode::of(move |data: &T, _: &str| Outside::Http(call(data)), done);
        self.any_job(job.name(), Location::caller(), code)
    }

    /// The same with a binding of the deployment in place of another server. The second argument is the job's key, the
    /// same at each try, by which whoever is asked can know the work again.
    #[track_caller]
    pub fn binding_job<T: Serialize + DeserializeOwned + 'static, O: DeserializeOwned + 'static>(
        self,
        job: Job<T, O>,
        call: fn(&T, &str) -> BindingCall,
        done: fn(&mut State<S>, &mut Turn<'_>, &T, Result<O, JobFailed>),
    ) -> Self {
        let code = JobCode::of(move |data: &T, key: &str| Outside::Binding(call(data, key)), done);
        self.any_job(job.name(), Location::caller(), code)
    }

    fn only_once(mut self, what: &str, is_there: bool, at: &'static Location<'static>) -> Self {
        if is_there {
            self.mistakes
                .push(Mistake::new(at, format!("`{what}` is declared twice: drop one, or call both from one")));
        }
        self.handlers.any = true;
        self
    }

    fn any_job(mut self, name: &'static str, at: &'static Location<'static>, code: JobCode) -> Self {
        Declared { what: "job", name, at, mistakes: &mut self.mistakes }.parsed();
        if self.handlers.jobs.insert(name, code).is_some() {
            self.mistakes.push(Mistake::new(at, format!("the job `{name}` is declared twice: drop one")));
        }
        self.handlers.any = true;
        self
    }

    /// What happens when a timer fires that a handler has set by [`Turn::after`] (rule C6).
    #[track_caller]
    pub fn timer<T: Serialize + DeserializeOwned + 'static>(
        mut self,
        timer: Timer<T>,
        handler: fn(&mut State<S>, &mut Turn<'_>, &T),
    ) -> Self {
        let (name, at) = (timer.name(), Location::caller());
        Declared { what: "timer", name, at, mistakes: &mut self.mistakes }.parsed();
        if self.handlers.timers.insert(name, registry::timer(handler)).is_some() {
            self.mistakes.push(Mistake::new(at, format!("the timer `{name}` is declared twice: drop one")));
        }
        self.handlers.any = true;
        self
    }
}

fn names_of<E: Reasons>() -> Vec<&'static str> {
    E::ALL.iter().map(|(name, _)| *name).collect()
}
