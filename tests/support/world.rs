//! [`World`]: one channel machine, its fake sockets, a virtual clock, and sleep wherever the platform could sleep.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use deployment::app::App;
use dormouse_core::channel::{
    ChannelMachine, Effects, Fresh, HttpOperation, HttpRequest, Joining, Links, Turn, Unreadable, Unsent,
};
use dormouse_core::contract::{Application, Contract};
use dormouse_core::effect::{AskerKey, Effect, LogLine, SessionKey, Subscription};
use dormouse_core::grant::{Claims, Grant, TokenError, Verifier};
use dormouse_core::hibernated_session::HibernatedSession;
use dormouse_core::limits::Limits;
use dormouse_core::pattern::Pattern;
use dormouse_core::session::{ATTACHMENT_MAX, Kept, ResumeQuery};
use dormouse_core::storage::{DisconnectGrace, MemoryStorage, Storage as _};
use dormouse_protocol::name::{Address, ChannelName, ConnectionId, Epoch, Millis, UserId};
use serde_json::{Value, json};

use super::trouble::{Doom, Trouble, Troubled};

/// The platform puts a channel to sleep after so much quiet with no timer armed.
pub const QUIET: Millis = 10_000;

/// The platform fires an alarm that failed again after about so long.
const ALARM_AGAIN: Millis = 2_000;

/// An alarm that fails more often than this in a row is given up.
const ALARM_THROWS: u32 = 6;

/// When every world begins.
pub const BEGIN: Millis = 1_700_000_000_000;

/// The life of a channel that was joined when its world began, and holds messages for a day.
pub const FIRST_LIFE: &str = "e1-18bcfe56800005265c00";

/// Whether the channel is put to sleep wherever the platform could (rule H1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    Never,
    Always,
    /// As always, and each attachment is taken for one of release 1, which wrote no heads.
    Headless,
}

/// One end of a connection: what the client has received, and what the platform keeps for it.
#[derive(Debug, Default)]
pub struct Socket {
    /// Frames in order, arrays taken apart.
    pub frames: Vec<Value>,
    /// Texts as they came, so that batches can be seen.
    pub texts: Vec<String>,
    pub attachment: String,
    pub subscription: Option<Subscription>,
    pub hung_up: Option<u16>,
    pub pinged: Option<Millis>,
    /// Whether the channel has given it up, and only the platform has it still.
    pub given_up: bool,
    pub unsent: u64,
    read: usize,
}

/// A client, for as long as the world lasts; the machine's keys are given out anew whenever it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(usize);

/// The sockets, and what the machine sees of them.
#[derive(Default)]
struct Wires {
    sockets: Vec<Socket>,
    open: BTreeMap<SessionKey, Client>,
    keys: BTreeMap<Client, SessionKey>,
    /// How many attachments were read whole.
    read: Cell<u64>,
}

impl Wires {
    fn connect(&mut self, key: SessionKey) -> Client {
        let client = Client(self.sockets.len());
        self.sockets.push(Socket::default());
        assert_eq!(self.open.insert(key, client), None, "a key given out twice");
        self.keys.insert(client, key);
        client
    }

    fn disconnect(&mut self, client: Client) {
        if let Some(key) = self.keys.remove(&client) {
            self.open.remove(&key);
        }
    }

    /// The machine wakes and gives out keys from 0; or its process dies, and nobody is left.
    fn rename(&mut self, open: Vec<Client>) {
        self.keys = open.iter().copied().zip((0..).map(SessionKey)).collect();
        self.open = (0..).map(SessionKey).zip(open).collect();
    }

    fn socket(&mut self, key: SessionKey) -> Option<&mut Socket> {
        self.sockets.get_mut(self.open.get(&key)?.0)
    }

    fn of(&self, key: SessionKey) -> Option<&Socket> {
        self.sockets.get(self.open.get(&key)?.0)
    }

    fn iter(&self) -> impl Iterator<Item = (SessionKey, &Socket)> {
        self.open.iter().map(|(key, client)| (*key, &self.sockets[client.0]))
    }

    /// The machine's key of a client; a client that is gone has none.
    fn key(&self, client: Client) -> Option<SessionKey> {
        self.keys.get(&client).copied()
    }
}

impl Links for Wires {
    fn unsent(&self, session: SessionKey) -> u64 {
        self.of(session).map_or(0, |socket| socket.unsent)
    }

    fn unsent_over(&self, bytes: u64) -> Unsent {
        let over = self.iter().filter(|(_, socket)| socket.unsent > bytes).map(|(key, socket)| (key, socket.unsent));
        Unsent { total: self.iter().map(|(_, socket)| socket.unsent).sum(), over: over.collect() }
    }

    fn attachment(&self, session: SessionKey) -> String {
        self.read.set(self.read.get() + 1);
        self.of(session).map_or_else(String::new, |socket| socket.attachment.clone())
    }

    fn pinged(&self) -> Vec<(SessionKey, Millis)> {
        self.iter().filter_map(|(key, socket)| Some((key, socket.pinged?))).collect()
    }
}

/// Tokens of the world are JSON, "signed" by the prefix `good.`: `good.{"user":"ann","expires":…,"can":[…]}`.
#[derive(Debug)]
pub struct Tokens;

impl Verifier for Tokens {
    fn verify(&self, token: &str, now: Millis) -> Result<Claims, TokenError> {
        let json = token.strip_prefix("good.").ok_or(TokenError::Invalid)?;
        let said: Value = serde_json::from_str(json).map_err(|_| TokenError::Invalid)?;
        let expires = said["expires"].as_u64().unwrap_or(now + 3_600_000);
        if expires <= now {
            return Err(TokenError::Expired);
        }
        let list = |name: &str| {
            let items = said[name].as_array().cloned().unwrap_or_default();
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        Ok(Claims {
            user: UserId::parse(said["user"].as_str().ok_or(TokenError::Invalid)?).ok_or(TokenError::Invalid)?,
            expires,
            issued: None,
            token_id: None,
            can: vec![(Pattern::parse("**").unwrap(), list("can"))],
            roles: list("roles"),
            info: said.get("info").map(|info| Rc::from(info.to_string())),
        })
    }
}

/// What a joiner brings; everything by default.
#[derive(Clone, Debug)]
pub struct Joiner {
    pub user: Option<String>,
    pub can: Vec<String>,
    pub roles: Vec<String>,
    pub info: Option<Value>,
    pub expires: Option<Millis>,
    pub epoch: Option<String>,
    pub after: Option<String>,
    pub connection: Option<String>,
    pub address: Option<String>,
}

impl Joiner {
    pub fn user(name: &str) -> Self {
        Self { user: Some(name.to_owned()), ..Self::anonymous() }.can(&["join", "publish", "presence", "history"])
    }

    pub fn anonymous() -> Self {
        Self {
            user: None,
            can: Vec::new(),
            roles: Vec::new(),
            info: None,
            expires: None,
            epoch: None,
            after: None,
            connection: None,
            address: None,
        }
    }

    /// Where it comes from.
    pub fn from(self, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..self }
    }

    pub fn can(self, can: &[&str]) -> Self {
        Self { can: can.iter().map(|ability| (*ability).to_owned()).collect(), ..self }
    }

    pub fn roles(self, roles: &[&str]) -> Self {
        Self { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..self }
    }

    pub fn info(self, info: Value) -> Self {
        Self { info: Some(info), ..self }
    }

    pub fn expires(self, at: Millis) -> Self {
        Self { expires: Some(at), ..self }
    }

    pub fn after(self, epoch: &str, after: u64) -> Self {
        Self { epoch: Some(epoch.to_owned()), after: Some(after.to_string()), ..self }
    }

    pub fn connection(self, connection: &str) -> Self {
        Self { connection: Some(connection.to_owned()), ..self }
    }

    /// The token that says the same.
    pub fn token(&self) -> String {
        let mut said = json!({"user": self.user, "can": self.can, "roles": self.roles});
        if let Some(info) = &self.info {
            said["info"] = info.clone();
        }
        if let Some(expires) = self.expires {
            said["expires"] = json!(expires);
        }
        format!("good.{said}")
    }

    fn grant(&self, channel: &ChannelName, now: Millis) -> Option<Grant> {
        self.user.as_ref()?;
        // A joiner whose token has expired is brought as it is, for the machine to turn away.
        let fresh = Self { expires: None, ..self.clone() };
        let mut grant = Tokens.verify(&fresh.token(), now).ok()?.grant(channel);
        grant.expires = self.expires.unwrap_or(grant.expires);
        Some(grant)
    }
}

/// One channel and everything around it.
pub struct World {
    pub now: Millis,
    pub storage: MemoryStorage,
    pub logs: Vec<LogLine>,
    /// How often the object let others be looked at.
    pub breaths: usize,
    pub answers: BTreeMap<AskerKey, (u16, Value, Option<Millis>)>,
    pub alarm: Option<Millis>,
    pub timer: Option<Millis>,
    /// How often the channel woke.
    pub wakes: usize,
    /// How often something happened to it.
    pub turns: usize,
    /// How often its process died.
    pub crashes: usize,
    pub limits: Limits,
    /// How the process dies in the next turn.
    pub doom: Option<Doom>,
    /// Which calls of the storage fail.
    pub trouble: Trouble,
    name: ChannelName,
    contract: Contract,
    channel: Option<ChannelMachine>,
    wires: Wires,
    sleep: Sleep,
    quiet_since: Millis,
    /// How far the clock was set in all, forwards or back.
    set: i64,
    drawn: u64,
    asked: u32,
    /// The most bytes of text that one event has made.
    text_made: usize,
    /// How often the alarm failed in a row.
    thrown: u32,
    /// How often the disk had been cleared, the alarm with it, before the turn.
    cleared: usize,
    /// The disk before a turn of which nothing will be written.
    before: Option<MemoryStorage>,
}

impl World {
    /// A world around a channel of the default contract, always awake.
    pub fn of(channel: &str) -> Self {
        Self::with(channel, Sleep::Never)
    }

    pub fn with(channel: &str, sleep: Sleep) -> Self {
        Self::under(App::contract(), channel, sleep)
    }

    /// A world around a channel of another contract.
    pub fn under(contract: Contract, channel: &str, sleep: Sleep) -> Self {
        Self {
            now: BEGIN,
            storage: MemoryStorage::default(),
            logs: Vec::new(),
            breaths: 0,
            answers: BTreeMap::new(),
            alarm: None,
            timer: None,
            wakes: 0,
            turns: 0,
            crashes: 0,
            limits: Limits::default(),
            doom: None,
            trouble: Trouble::default(),
            name: ChannelName::parse(channel).unwrap(),
            contract: contract.check().unwrap(),
            channel: None,
            wires: Wires::default(),
            sleep,
            quiet_since: BEGIN,
            set: 0,
            drawn: 0,
            asked: 0,
            text_made: 0,
            thrown: 0,
            cleared: 0,
            before: None,
        }
    }

    // --- what happens to the channel -------------------------------------------------------------------------

    /// Someone joins and is told welcome, or bye.
    pub fn join(&mut self, joiner: &Joiner) -> Client {
        let grant = joiner.grant(&self.name, self.now);
        let resume = ResumeQuery { epoch: joiner.epoch.clone(), after: joiner.after.clone() };
        let address = joiner.address.as_deref().map(Address::of);
        let joining = Joining { grant, resume, connection: joiner.connection.clone(), address };
        let fresh = self.fresh();
        let (key, effects) = self.turn(|channel, turn| channel.join(turn, fresh, joining));
        let client = self.wires.connect(key);
        self.apply_all(effects);
        client
    }

    pub fn join_as(&mut self, user: &str) -> Client {
        self.join(&Joiner::user(user))
    }

    /// A client sends one frame, or an array of them.
    pub fn send(&mut self, client: Client, frame: Value) {
        self.send_text(client, &frame.to_string());
    }

    /// A client sends a text; one whose connection is gone sends into the void.
    pub fn send_text(&mut self, client: Client, text: &str) {
        if let Some(key) = self.key_awake(client) {
            self.event(|channel, turn| channel.receive(turn, key, text));
        }
    }

    pub fn send_unreadable(&mut self, client: Client, what: Unreadable) {
        if let Some(key) = self.key_awake(client) {
            self.event(|channel, turn| channel.receive_unreadable(turn, key, what));
        }
    }

    /// The platform answers `ping` without waking the channel (rule H2).
    pub fn ping(&mut self, client: Client) {
        let now = self.now;
        self.socket_mut(client).pinged = Some(now);
    }

    /// The client closes its socket by a handshake.
    pub fn leave(&mut self, client: Client) {
        self.disconnect(client, true);
    }

    /// The client's connection breaks.
    pub fn cut(&mut self, client: Client) {
        self.disconnect(client, false);
    }

    fn disconnect(&mut self, client: Client, clean: bool) {
        let Some(key) = self.key_awake(client) else { return };
        let effects = self.turn(|channel, turn| channel.close(turn, key, clean));
        self.wires.disconnect(client);
        self.apply_all(effects);
    }

    /// An HTTP request; its answer once there is one.
    pub fn handle_http(&mut self, joiner: &Joiner, operation: HttpOperation) -> AskerKey {
        let grant = joiner.grant(&self.name, self.now);
        let (fresh, address) = (self.fresh().epoch, joiner.address.as_deref().map(Address::of));
        self.asked += 1;
        let asker = AskerKey(self.asked);
        self.event(|channel, turn| channel.handle_http(turn, asker, HttpRequest { grant, operation, fresh, address }));
        asker
    }

    /// A publish over HTTP, waited for.
    pub fn post(&mut self, joiner: &Joiner, body: Value) -> (u16, Value) {
        let asker = self.handle_http(joiner, HttpOperation::Publish { body: body.to_string() });
        self.settle();
        let (status, body, _) = self.answers[&asker].clone();
        (status, body)
    }

    /// Time passes: timers and the alarm fire when they are due, and the channel sleeps where it could.
    pub fn advance(&mut self, millis: Millis) {
        let until = self.now + millis;
        while self.step(until) {}
    }

    /// Time passes until then, or until one timer or alarm has fired; whether one has.
    pub fn step(&mut self, until: Millis) -> bool {
        let due = [self.timer, self.alarm].into_iter().flatten().min().filter(|at| *at <= until);
        // It cannot fall asleep while a timer is armed, so a timer always finds it awake.
        let asleep_at = self.quiet_since + QUIET;
        if self.timer.is_none() && asleep_at <= due.unwrap_or(until) && self.sleep != Sleep::Never {
            self.channel = None;
        }
        let Some(at) = due else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(at);
        if self.timer.is_some_and(|timer| timer <= self.now) {
            self.timer = None;
            self.event(|channel, turn| channel.timer(turn));
        } else {
            self.alarm = None;
            let doomed = self.doom.is_some();
            self.event(|channel, turn| channel.alarm(turn));
            // An alarm that was not seen through fires again, unless it has set another.
            self.thrown = if doomed { self.thrown + 1 } else { 0 };
            if doomed && self.alarm.is_none() && self.thrown <= ALARM_THROWS {
                self.alarm = Some(self.now + ALARM_AGAIN);
            }
        }
        true
    }

    /// Lets every timer fire that is armed for less than a second from now, and those they arm: after that all is told
    /// that was asked for. A look at who joined, a number that is not due and a close from here are further off.
    pub fn settle(&mut self) {
        while let Some(timer) = self.timer.filter(|timer| timer.saturating_sub(self.now) < 1_000) {
            self.advance(timer.saturating_sub(self.now));
        }
    }

    /// Lets what is armed for this very moment fire, and nothing later.
    pub fn settle_now(&mut self) {
        while self.timer.is_some_and(|timer| timer <= self.now) {
            self.advance(0);
        }
    }

    /// The process dies: sockets break unseen, memory is gone, rows and the alarm stay (rule D2).
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.channel = None;
        self.timer = None;
        self.wires.rename(Vec::new());
    }

    /// The clock is set, forwards or back; what was to happen after some time happens after that time all the same.
    pub fn set_clock(&mut self, now: Millis) {
        self.timer = self.timer.map(|timer| now + timer.saturating_sub(self.now));
        self.quiet_since = now.saturating_sub(self.now.saturating_sub(self.quiet_since));
        self.set += now.cast_signed() - self.now.cast_signed();
        self.now = now;
    }

    /// How long the world has gone on: what a clock shows that nobody sets, as clients have their own.
    pub fn elapsed(&self) -> Millis {
        self.now.wrapping_sub(BEGIN).wrapping_sub(self.set.cast_unsigned())
    }

    /// The platform evicts the object from memory, once no timer is armed; the sockets stay open.
    pub fn evict(&mut self) {
        while let Some(timer) = self.timer {
            self.advance(timer.saturating_sub(self.now));
        }
        self.channel = None;
    }

    /// A release with another contract takes over: the channel sleeps, and wakes under it with its sockets open.
    pub fn redeploy(&mut self, contract: Contract) {
        self.evict();
        self.contract = contract.check().unwrap();
    }

    // --- what is seen of it ----------------------------------------------------------------------------------

    pub fn socket(&self, client: Client) -> &Socket {
        &self.wires.sockets[client.0]
    }

    pub fn socket_mut(&mut self, client: Client) -> &mut Socket {
        &mut self.wires.sockets[client.0]
    }

    /// Whether the client's connection stands.
    pub fn is_connected(&self, client: Client) -> bool {
        self.wires.key(client).is_some() && !self.socket(client).given_up
    }

    /// The frames a client received since it was last asked.
    pub fn received(&mut self, client: Client) -> Vec<Value> {
        let socket = self.socket_mut(client);
        let fresh = socket.frames[socket.read..].to_vec();
        socket.read = socket.frames.len();
        fresh
    }

    /// The one frame a client received since it was last asked.
    #[track_caller]
    pub fn receives(&mut self, client: Client) -> Value {
        let frames = self.received(client);
        let [frame] = frames.as_slice() else { panic!("one frame was expected, not {frames:#?}") };
        frame.clone()
    }

    /// The client received nothing since it was last asked.
    #[track_caller]
    pub fn refute_received(&mut self, client: Client) {
        assert_eq!(self.received(client), Vec::<Value>::new());
    }

    /// The one frame is a refusal with this code.
    #[track_caller]
    pub fn assert_refused(&mut self, client: Client, code: &str) -> Value {
        let frame = self.receives(client);
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame:#}");
        frame
    }

    /// Joins, and forgets what was received so far, by whomever.
    pub fn joined(&mut self, joiner: &Joiner) -> Client {
        let client = self.join(joiner);
        self.settle();
        for socket in &mut self.wires.sockets {
            socket.read = socket.frames.len();
        }
        client
    }

    /// Everything every client ever received, for comparing two runs.
    pub fn transcript(&self) -> Vec<Vec<Value>> {
        self.wires.sockets.iter().map(|socket| socket.frames.clone()).collect()
    }

    /// How many clients ever joined.
    pub fn clients(&self) -> usize {
        self.wires.sockets.len()
    }

    /// The socket of the client that joined so manieth, from 0.
    pub fn nth(&self, number: usize) -> &Socket {
        &self.wires.sockets[number]
    }

    /// The members in their grace, as they stand on disk: what else stands there is no session's.
    pub fn in_grace(&self) -> Vec<DisconnectGrace> {
        let graces = self.storage.clone().graces().unwrap_or_default();
        graces.into_iter().filter(|grace| Kept::decode(&grace.session).is_some()).collect()
    }

    /// How many attachments the channel has read whole.
    pub fn attachments_read(&self) -> u64 {
        self.wires.read.get()
    }

    /// The most bytes of text that one event made since this was last asked.
    pub fn text_made(&mut self) -> usize {
        std::mem::take(&mut self.text_made)
    }

    pub fn is_asleep(&self) -> bool {
        self.channel.is_none()
    }

    // --- how it works ----------------------------------------------------------------------------------------

    fn fresh(&mut self) -> Fresh {
        self.drawn += 1;
        Fresh {
            connection: ConnectionId::parse(&format!("c{}", self.drawn)).unwrap(),
            epoch: Epoch::parse(&format!("e{}", self.drawn)).unwrap(),
        }
    }

    fn event(&mut self, happen: impl FnOnce(&mut ChannelMachine, &mut Turn<'_>) -> Effects) {
        let effects = self.turn(happen);
        self.apply_all(effects);
    }

    fn turn<T>(&mut self, happen: impl FnOnce(&mut ChannelMachine, &mut Turn<'_>) -> T) -> T {
        let mut channel = self.channel.take().unwrap_or_else(|| self.wake());
        self.turns += 1;
        self.cleared = self.storage.cleared();
        self.before = (self.doom == Some(Doom::Unwritten)).then(|| self.storage.clone());
        let mut storage = Troubled { storage: &mut self.storage, trouble: &mut self.trouble };
        let mut turn = Turn { now: self.now, storage: &mut storage, links: &self.wires };
        let result = happen(&mut channel, &mut turn);
        self.channel = Some(channel);
        self.quiet_since = self.now;
        result
    }

    /// The machine's key of a client, as it is once the channel is awake.
    fn key_awake(&mut self, client: Client) -> Option<SessionKey> {
        self.wires.key(client)?;
        let channel = self.channel.take().unwrap_or_else(|| self.wake());
        self.channel = Some(channel);
        self.wires.key(client)
    }

    fn wake(&mut self) -> ChannelMachine {
        self.wakes += 1;
        // Who hears what is not kept through sleep.
        self.wires.open.values().for_each(|client| self.wires.sockets[client.0].subscription = None);
        let rules = Rc::clone(self.contract.rules(&self.name).unwrap());
        let open = self.wires.open.values().copied().collect();
        self.wires.rename(open);
        let headless = self.sleep == Sleep::Headless;
        let handed = |socket: &Socket| head(if headless { "" } else { &socket.attachment });
        let heads: String = self.wires.iter().map(|(_, socket)| handed(socket)).collect();
        ChannelMachine::restore(self.name.clone(), rules, self.limits.clone(), Rc::new(Tokens), &heads)
    }

    fn apply_all(&mut self, effects: Effects) {
        let made = effects.iter().map(|effect| match effect {
            Effect::Tell { text, .. } | Effect::TellMany { text, .. } | Effect::Broadcast { text, .. } => text.len(),
            _ => 0,
        });
        self.text_made = self.text_made.max(made.sum());
        let doom = self.doom.take();
        if doom != Some(Doom::Unwritten) && self.storage.cleared() != self.cleared {
            self.alarm = None;
        }
        let Some(doom) = doom else { return effects.into_iter().for_each(|effect| self.apply(effect)) };
        match doom {
            Doom::Unwritten => self.storage = self.before.take().unwrap(),
            Doom::Untold(told) => {
                // The alarm is on disk with the rows.
                let (alarms, others): (Vec<_>, Vec<_>) =
                    effects.into_iter().partition(|effect| matches!(effect, Effect::Alarm { .. }));
                others.into_iter().take(told).chain(alarms).for_each(|effect| self.apply(effect));
            }
        }
        self.crash();
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { session, text } => self.deliver(session, &text),
            Effect::TellMany { sessions, text } => {
                for session in sessions {
                    self.deliver(session, &text);
                }
            }
            Effect::Broadcast { subscription, except, text } => {
                let hears = |(key, socket): (SessionKey, &Socket)| {
                    (socket.subscription == Some(subscription) && !except.contains(&key)).then_some(key)
                };
                let keys: Vec<_> = self.wires.iter().filter_map(hears).collect();
                for key in keys {
                    self.deliver(key, &text);
                }
            }
            Effect::Subscribe { session, subscription } => {
                if let Some(socket) = self.wires.socket(session) {
                    socket.subscription = Some(subscription);
                }
            }
            Effect::SubscribeAll { subscription } => {
                for (key, subscription) in (0..).map(SessionKey).zip(subscription) {
                    // The one whose close woke the channel is gone already.
                    if let Some(socket) = self.wires.socket(key) {
                        socket.subscription = Some(subscription);
                    }
                }
            }
            Effect::SaveAttachment { session, attachment } => {
                let bytes = v8_bytes(&attachment);
                assert!(bytes <= ATTACHMENT_MAX, "an attachment of {bytes} bytes");
                if let Some(socket) = self.wires.socket(session) {
                    socket.given_up = attachment.is_empty();
                    socket.attachment = attachment;
                }
            }
            Effect::HangUp { session, code, .. } => {
                if let Some(socket) = self.wires.socket(session) {
                    // A close that is already under way is no error, and the first code stands.
                    socket.hung_up.get_or_insert(code);
                }
            }
            Effect::Drop { session: _ } => {}
            Effect::Answer { asker, status, body, retry_after } => {
                let body = serde_json::from_str(&body).unwrap();
                assert!(self.answers.insert(asker, (status, body, retry_after)).is_none(), "answered twice");
            }
            Effect::Timer { after } => self.timer = Some(self.now + after),
            Effect::Breathe => self.breaths += 1,
            Effect::Alarm { at } => self.alarm = Some(at),
            Effect::Log(line) => self.logs.push(line),
        }
    }

    fn deliver(&mut self, session: SessionKey, text: &str) {
        let Some(socket) = self.wires.socket(session) else { return };
        assert_eq!(socket.hung_up, None, "told after its socket was closed: {text}");
        socket.texts.push(text.to_owned());
        match serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) {
            Value::Array(frames) => socket.frames.extend(frames),
            frame => socket.frames.push(frame),
        }
    }
}

/// The head of an attachment, as the shell hands it over.
fn head(attachment: &str) -> String {
    let head =
        attachment.get(..HibernatedSession::HEAD).filter(|head| head.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    head.map_or_else(|| " ".repeat(HibernatedSession::HEAD), str::to_owned)
}

/// How many bytes the platform counts a text as that it is to keep: one for each character if all are below U+0100,
/// else two for each unit of UTF-16, and an envelope.
pub fn v8_bytes(text: &str) -> usize {
    let narrow = text.chars().all(|c| u8::try_from(c).is_ok());
    7 + if narrow { text.chars().count() } else { 2 * text.encode_utf16().count() }
}

/// Plays a script awake all the time and asleep wherever the platform could, and compares what every client received
/// (rule H1).
#[track_caller]
pub fn both(channel: &str, script: impl Fn(&mut World)) {
    let play = |sleep| {
        let mut world = World::with(channel, sleep);
        script(&mut world);
        world.transcript()
    };
    assert_eq!(play(Sleep::Never), play(Sleep::Always));
    assert_eq!(play(Sleep::Never), play(Sleep::Headless));
}
