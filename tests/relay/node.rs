//! An object and its platform: its disk, its sockets, its timer and its alarm, and its memory while it has one.

use std::collections::BTreeMap;
use std::rc::Rc;

use dormouse_core::channel::{ChannelMachine, Effects, Links, Turn, Unsent};
use dormouse_core::contract::{Contract, Surroundings};
use dormouse_core::effect::{Effect, SessionKey, Subscription};
use dormouse_core::grant::{Claims, Flaw, Verifier};
use dormouse_core::hibernated_session::HibernatedSession;
use dormouse_core::limits::Limits;
use dormouse_core::pattern::Pattern;
use dormouse_core::relay::{RelayConfig, RelayMachine};
use dormouse_core::storage::MemoryStorage;
use dormouse_protocol::name::{ChannelName, Millis, UserId};

/// A client, and which of its connections.
pub type Ends = (usize, u64);

/// An object sleeps after so long without an event.
const QUIET: Millis = 10_000;

pub enum Machine {
    Channel(Box<ChannelMachine>),
    Relay(Box<RelayMachine>),
}

#[derive(Clone, Debug, Default)]
pub struct Socket {
    pub client: usize,
    /// Which of the client's connections it is.
    pub since: u64,
    pub attachment: String,
    pub subscription: Option<Subscription>,
    /// Bytes that it was told and has not read.
    pub unsent: u64,
    /// When it last sent `ping`.
    pub pinged: Option<Millis>,
}

#[derive(Debug, Default)]
pub struct Sockets {
    pub open: BTreeMap<SessionKey, Socket>,
}

impl Links for Sockets {
    fn unsent(&self, session: SessionKey) -> u64 {
        self.open.get(&session).map_or(0, |socket| socket.unsent)
    }

    fn unsent_over(&self, bytes: u64) -> Unsent {
        let each = || self.open.iter().map(|(key, socket)| (*key, socket.unsent));
        Unsent { total: each().map(|(_, unsent)| unsent).sum(), over: each().filter(|it| it.1 > bytes).collect() }
    }

    fn attachment(&self, session: SessionKey) -> String {
        self.open.get(&session).map(|socket| socket.attachment.clone()).unwrap_or_default()
    }

    fn pinged(&self) -> Vec<(SessionKey, Millis)> {
        self.open.iter().filter_map(|(key, socket)| Some((*key, socket.pinged?))).collect()
    }
}

pub struct Node {
    /// A channel's name, or a relay's.
    pub name: String,
    pub is_channel: bool,
    pub memory: Option<Machine>,
    pub storage: MemoryStorage,
    pub sockets: Sockets,
    pub timer: Option<Millis>,
    pub alarm: Option<Millis>,
    pub quiet_since: Millis,
    /// Its calls that are under way.
    pub calling: usize,
    /// Counts its deaths: what was under way before one is nobody's.
    pub deaths: u64,
    /// Its next turn is its last, after so many of its effects.
    pub doom: Option<u8>,
    /// Whether its memory ends by a fault next.
    pub unclean: bool,
    pub limits: Limits,
    contract: Rc<Contract>,
}

/// Tokens are `user`, or `user@time` where they expire then.
struct Users;

pub fn claims(user: &str) -> Claims {
    let can = ["join", "publish", "presence", "history", "unmetered"].map(str::to_owned).to_vec();
    Claims {
        user: UserId::parse(user).unwrap(),
        expires: 1 << 43,
        issued: None,
        token_id: None,
        can: vec![(Pattern::parse("**").unwrap(), can)],
        unfit: None,
        roles: vec![],
        info: None,
        home: None,
    }
}

impl Verifier for Users {
    fn verify(&self, token: &str, now: Millis) -> Result<Claims, Flaw> {
        let (user, expires) = token.split_once('@').map_or((token, 1 << 43), |(user, at)| (user, at.parse().unwrap()));
        UserId::parse(user).ok_or(Flaw::Signature)?;
        if expires <= now { Err(Flaw::Expired) } else { Ok(Claims { expires, ..claims(user) }) }
    }
}

impl Node {
    pub fn new(name: String, is_channel: bool, contract: &Rc<Contract>) -> Self {
        Self {
            name,
            is_channel,
            memory: None,
            storage: MemoryStorage::default(),
            sockets: Sockets::default(),
            timer: None,
            alarm: None,
            quiet_since: 0,
            calling: 0,
            deaths: 0,
            doom: None,
            unclean: false,
            limits: Limits::default(),
            contract: Rc::clone(contract),
        }
    }

    /// One turn: the machine is woken if it sleeps. What it says, and what it wants done.
    pub fn turn<T>(
        &mut self,
        now: Millis,
        surroundings: &dyn Surroundings,
        happen: impl FnOnce(&mut Machine, &mut Turn<'_>) -> (T, Effects),
    ) -> (T, Effects) {
        let mut memory = self.memory.take().unwrap_or_else(|| self.wake());
        self.quiet_since = now;
        let mut turn = Turn { now, storage: &mut self.storage, links: &self.sockets, surroundings };
        let answer = happen(&mut memory, &mut turn);
        self.memory = Some(memory);
        answer
    }

    /// Wakes: sockets have new keys, by their places.
    fn wake(&mut self) -> Machine {
        let open = std::mem::take(&mut self.sockets.open).into_values().enumerate();
        self.sockets.open = open.map(|(key, socket)| (SessionKey(key as u32), socket)).collect();
        self.sockets.open.values_mut().for_each(|socket| socket.subscription = None);
        let attachments = self.sockets.open.values().map(|socket| socket.attachment.clone());
        let verifier: Rc<dyn Verifier> = Rc::new(Users);
        if !self.is_channel {
            let (name, contract, limits) = (self.name.clone(), Rc::clone(&self.contract), self.limits.clone());
            let config = RelayConfig { name, contract, limits, verifier };
            return Machine::Relay(
                RelayMachine::restore(config, attachments.collect(), !std::mem::take(&mut self.unclean)).into(),
            );
        }
        let head = |attachment: String| match attachment.get(..HibernatedSession::HEAD) {
            Some(head) if head.is_ascii() => head.to_owned(),
            _ => " ".repeat(HibernatedSession::HEAD),
        };
        let heads = attachments.map(head).collect();
        let name = ChannelName::parse(&self.name).unwrap();
        let rules = Rc::clone(self.contract.rules(&name).unwrap());
        Machine::Channel(ChannelMachine::restore(name, rules, self.limits.clone(), verifier, heads).into())
    }

    /// Sleeps if it can: its sockets stay open.
    pub fn sleep_if_quiet(&mut self, now: Millis) {
        if self.memory.is_some() && self.timer.is_none() && self.calling == 0 && now >= self.quiet_since + QUIET {
            self.memory = None;
        }
    }

    /// When it would sleep.
    pub fn sleeps_at(&self) -> Option<Millis> {
        let may = self.memory.is_some() && self.timer.is_none() && self.calling == 0;
        may.then_some(self.quiet_since + QUIET)
    }

    /// Its memory and its sockets are gone. Whose they were.
    pub fn die(&mut self) -> Vec<usize> {
        self.memory = None;
        (self.timer, self.doom, self.calling) = (None, None, 0);
        self.deaths += 1;
        std::mem::take(&mut self.sockets.open).into_values().map(|socket| socket.client).collect()
    }

    /// Does what concerns its sockets and clocks: texts for clients, and what is left.
    pub fn apply(&mut self, now: Millis, effect: Effect, told: &mut Vec<(Ends, Option<String>)>) -> Option<Effect> {
        let client =
            |sockets: &Sockets, key: &SessionKey| sockets.open.get(key).map(|socket| (socket.client, socket.since));
        match effect {
            Effect::Tell { session, text } => told.extend(client(&self.sockets, &session).map(|it| (it, Some(text)))),
            Effect::TellMany { sessions, text } => {
                told.extend(sessions.iter().filter_map(|key| Some((client(&self.sockets, key)?, Some(text.clone())))));
            }
            Effect::Broadcast { subscription, except, text } => {
                let hears = |(key, socket): (&SessionKey, &Socket)| {
                    (socket.subscription == Some(subscription) && !except.contains(key))
                        .then(|| ((socket.client, socket.since), Some(text.clone())))
                };
                told.extend(self.sockets.open.iter().filter_map(hears));
            }
            Effect::Subscribe { session, subscription } => {
                if let Some(socket) = self.sockets.open.get_mut(&session) {
                    socket.subscription = Some(subscription);
                }
            }
            Effect::SubscribeAll { subscription } => {
                for (key, subscription) in (0..).map(SessionKey).zip(subscription) {
                    if let Some(socket) = self.sockets.open.get_mut(&key) {
                        socket.subscription = Some(subscription);
                    }
                }
            }
            Effect::SaveAttachment { session, attachment } => {
                if let Some(socket) = self.sockets.open.get_mut(&session) {
                    socket.attachment = attachment;
                }
            }
            Effect::HangUp { session, .. } => told.extend(client(&self.sockets, &session).map(|client| (client, None))),
            Effect::Drop { .. } | Effect::Breathe | Effect::Log(_) => {}
            Effect::Timer { after } => self.timer = Some(now + after),
            Effect::Alarm { at } => self.alarm = Some(at),
            other
            @ (Effect::CallChannel { .. } | Effect::CallRelay { .. } | Effect::Answer { .. } | Effect::Job(_)) => {
                return Some(other);
            }
        }
        None
    }
}
