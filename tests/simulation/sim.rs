//! Plays a script: devices with reference clients, links with delays and ends, one channel, and the watch over it.

use std::collections::{BTreeMap, VecDeque};

use dormouse::channel::Verb;
use dormouse::contract::Contract;
use dormouse::effect::AskerKey;
use dormouse::name::{ChannelName, Millis};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Saying};
use crate::script::{self, Cut, DEVICES, Form, Grant, Op, Script};
use crate::support::client::{Again, Reference};
use crate::support::{Client, Joiner, Sleep, World};
use crate::watch::Watch;
use crate::{Fault, check};

const HOUR: Millis = 3_600_000;
/// Devices that ping do so this often, in milliseconds.
const PING: Millis = 25_000;
/// In so many seconds after all trouble has ended, everyone has everything.
const PATIENCE: usize = 400;

/// What goes up a link.
enum Up {
    Text(String),
    Close { clean: bool },
}

/// What comes down.
enum Down {
    Text(String),
    Closed,
}

/// One connection, until both ends know that it has ended.
struct Link {
    client: Client,
    device: usize,
    /// The client still hears and speaks on it.
    heeded: bool,
    up: VecDeque<(Millis, Up)>,
    down: VecDeque<(Millis, Down)>,
    /// Texts of the socket that are on their way or past it.
    taken: usize,
    unread: u64,
}

/// A client and where it runs.
struct Device {
    client: Reference,
    link: Option<usize>,
    lag: Millis,
    eats: bool,
    grant: Grant,
    life: Millis,
    /// What it published and keeps an id of.
    published: Vec<(String, Value)>,
}

/// A publish over HTTP.
struct Post {
    body: Value,
    done: bool,
}

/// One run.
pub struct Sim {
    world: World,
    watch: Watch,
    kind: &'static str,
    devices: Vec<Device>,
    links: Vec<Link>,
    posts: Vec<Post>,
    asked: BTreeMap<AskerKey, Asked>,
    /// Which token stands for what.
    offers: BTreeMap<String, Joiner>,
    turns: usize,
    met: usize,
    pinged: Millis,
}

enum Asked {
    Posts { posts: Vec<usize>, array: bool },
    Members,
    Page { before: Option<u64> },
}

impl Sim {
    pub fn new(script: &Script) -> Self {
        let contract: Contract = script::contract().check().unwrap();
        let rules = contract.rules(&ChannelName::parse(script.channel).unwrap()).unwrap().clone();
        let sleep = if script.sleeps { Sleep::Always } else { Sleep::Never };
        let mut world = World::under(script::contract(), script.channel, sleep);
        world.limits = script::limits(script.tight);
        let ledger = Ledger::new(rules.history, world.limits.clone());
        let device = |number| Device {
            client: Reference::new(&format!("d{number}")),
            link: None,
            lag: 0,
            eats: false,
            grant: Grant::Whole,
            life: HOUR,
            published: Vec::new(),
        };
        Self {
            pinged: world.now,
            world,
            watch: Watch::new(ledger, script.channel),
            kind: script.channel.split(':').next().unwrap(),
            devices: (0..DEVICES).map(device).collect(),
            links: Vec::new(),
            posts: Vec::new(),
            asked: BTreeMap::new(),
            offers: BTreeMap::new(),
            turns: 0,
            met: 0,
        }
    }

    /// Plays the script, lets everything settle, and has the channel come to its end.
    pub fn play(mut self, script: &Script) -> Result<(), Fault> {
        for (number, op) in script.ops.iter().enumerate() {
            self.op(*op).map_err(|fault| format!("{fault}\n  at {number}: {op:?}, {} ms in", self.elapsed()))?;
        }
        self.converge().map_err(|fault| format!("{fault}\n  while all settles, {} ms in", self.elapsed()))?;
        self.end().map_err(|fault| format!("{fault}\n  at the end of the life, {} ms in", self.elapsed()))
    }

    fn elapsed(&self) -> Millis {
        self.world.now.saturating_sub(crate::support::world::BEGIN)
    }

    fn op(&mut self, op: Op) -> Result<(), Fault> {
        match op {
            Op::Join(device) => self.join(device)?,
            Op::Say { by, form, count } => (0..count).for_each(|_| self.say(by, form, None)),
            Op::If { by, off } => {
                let known = self.devices[by].client.position().map_or(0, |(_, seq)| seq);
                self.say(by, Form::Kept, Some(known.saturating_add_signed(off.into())));
            }
            Op::Again { by, back, other } => self.say_again(by, back, other),
            Op::Show { by, what } => {
                self.devices[by].client.show(what.map_or(Value::Null, |what| json!({"shows": what})));
            }
            Op::Sign { by, grant, life } => self.sign(by, grant, life),
            Op::Page { by, back } => {
                let before = (self.watch.ledger.stored() + 2).saturating_sub(back);
                self.devices[by].client.ask_once(json!({"type": "history", "before": before, "limit": 5}));
            }
            Op::Nonsense { by, what } => self.nonsense(by, what),
            Op::Eat(device) => self.devices[device].eats = true,
            Op::End { of, cut } => self.cut(of, cut),
            Op::Twin { of, after } => {
                self.cut(of, Cut::Unseen(after));
                self.join(of)?;
            }
            Op::Lag { of, by } => self.devices[of].lag = by,
            Op::Gather(device, gathers) => self.devices[device].client.gathers = gathers,
            Op::Post { count, array, off } => self.post(count, array, off)?,
            Op::PostAgain { back, other } => self.post_again(back, other)?,
            Op::Read => self.read()?,
            Op::Wait(millis) => self.run(self.world.now + millis)?,
            Op::Evict if self.world.timer.is_none() => self.world.evict(),
            Op::Evict => {}
            Op::Crash => self.world.crash(),
            Op::Die(doom) => self.world.doom = Some(doom),
            Op::FailRead(after) => self.world.trouble.read = Some(after),
            Op::FailWrite(after) => self.world.trouble.write = Some(after),
            Op::Full(full) => self.set_full(full),
            Op::Jump(millis) => self.world.set_clock(self.world.now.saturating_add_signed(millis)),
            Op::Damage { back, how } => {
                let seq = self.watch.ledger.stored().saturating_sub(back);
                self.watch.ledger.damage(&mut self.world.storage, seq, how);
            }
        }
        self.look()?;
        self.pump()
    }

    // --- what devices do -------------------------------------------------------------------------------------

    fn user(&self, device: usize) -> Option<&'static str> {
        let user = ["ann", "ann", "bob", "cyd", "dan"][device];
        (self.kind != "open" || device < 3).then_some(user)
    }

    /// The token a device would come with now.
    fn token(&self, device: usize, grant: Grant, life: Millis) -> Joiner {
        let can: &[&str] = match grant {
            Grant::Whole | Grant::Foreign | Grant::Broken if device == 3 => &["join", "publish", "presence"],
            Grant::Whole | Grant::Foreign | Grant::Broken if device == 4 => &["join", "publish", "history"],
            Grant::Whole | Grant::Foreign | Grant::Broken => &["join", "publish", "presence", "history"],
            Grant::Unseen => &["join", "publish", "history"],
            Grant::Forgetful => &["join", "publish", "presence"],
            Grant::Listening => &["join"],
            Grant::Nothing => &["publish"],
        };
        let named = if grant == Grant::Foreign { "eve" } else { self.user(device).unwrap_or("guest") };
        let role = format!("role{}", device % 2);
        let joiner = Joiner::user(named).can(can).roles(&[&role]).expires(self.world.now + life);
        if grant == Grant::Unseen {
            joiner
        } else {
            joiner.info(json!({"device": device, "grant": format!("{grant:?}")}))
        }
    }

    fn join(&mut self, device: usize) -> Result<(), Fault> {
        if self.devices[device].link.is_some() {
            return Ok(());
        }
        let Device { grant, life, .. } = self.devices[device];
        let token = self.token(device, grant, life);
        let mut joiner = match self.kind {
            "door" => {
                self.devices[device].client.token = Some(token.token());
                self.offers.insert(token.token(), token);
                Joiner::anonymous()
            }
            _ if self.user(device).is_none() => Joiner::anonymous(),
            _ => token,
        };
        let (epoch, after, connection) = self.devices[device].client.query();
        (joiner.epoch, joiner.after, joiner.connection) = (epoch, after.map(|after| after.to_string()), connection);
        self.watch.note_departures(&self.world);
        let client = self.world.join(&joiner);
        self.watch.joined(client, &joiner);
        self.devices[device].link = Some(self.links.len());
        let (up, down) = (VecDeque::new(), VecDeque::new());
        self.links.push(Link { client, device, heeded: true, up, down, taken: 0, unread: 0 });
        self.look()
    }

    fn say(&mut self, by: usize, form: Form, if_seq: Option<u64>) {
        let n = self.watch.ledger.said.len();
        let data = match form {
            Form::Large => json!({"n": n, "pad": "x".repeat(900)}),
            _ => json!({"n": n}),
        };
        let mut frame = match form {
            Form::Kept | Form::Large => json!({"event": "say", "data": data}),
            Form::Mute => json!({"event": "say", "data": data, "echo": false}),
            Form::Slow => json!({"event": "slow", "data": data}),
            Form::Fleeting => json!({"event": "move", "data": data}),
            Form::FleetingMute => json!({"event": "move", "data": data, "echo": false}),
            Form::Directed { users, connections, role } => self.directed(n, users, connections, role),
        };
        if let Some(if_seq) = if_seq {
            frame["if_seq"] = json!(if_seq);
        }
        let kept = frame["event"] != "move" && frame["to"].is_null();
        let again = if kept { Again::Always } else { Again::Never };
        let id = self.devices[by].client.publish(frame.clone(), again);
        self.remember(Some(by), id, frame, kept);
    }

    fn directed(&self, n: usize, users: u8, connections: u8, role: bool) -> Value {
        let named = |bits: u8| (0..DEVICES).filter(move |device| bits & (1 << device) != 0);
        let users: Vec<_> = named(users).filter_map(|device| self.user(device)).collect();
        let connections: Vec<_> =
            named(connections).filter_map(|device| self.devices[device].client.connection()).collect();
        let roles: Vec<_> = role.then_some("role1").into_iter().collect();
        let event = if n.is_multiple_of(2) { "say" } else { "move" };
        let to = json!({"users": users, "connections": connections, "roles": roles});
        json!({"event": event, "data": {"n": n}, "to": to})
    }

    fn remember(&mut self, by: Option<usize>, id: String, mut frame: Value, kept: bool) {
        frame["id"] = json!(id);
        if let Some(by) = by.filter(|_| kept) {
            self.devices[by].published.push((id.clone(), frame.clone()));
        }
        self.watch.ledger.said.push(Saying { id, frame, kept });
    }

    fn say_again(&mut self, by: usize, back: usize, other: bool) {
        let published = &self.devices[by].published;
        let Some((id, frame)) = published.len().checked_sub(back + 1).and_then(|at| published.get(at)).cloned() else {
            return;
        };
        // A request under way is not asked a second time under its id: the client could not tell the answers apart.
        if self.devices[by].client.is_asking(&id) {
            return;
        }
        let mut fields = frame;
        if other {
            fields["data"] = json!({"n": self.watch.ledger.said.len()});
            self.remember(Some(by), id.clone(), fields.clone(), true);
        }
        self.devices[by].client.publish_as(&id, fields, Again::Always);
    }

    fn sign(&mut self, by: usize, grant: Grant, life: Millis) {
        let joiner = self.token(by, grant, life);
        let token = if grant == Grant::Broken { "bad".to_owned() } else { joiner.token() };
        let device = &mut self.devices[by];
        if device.link.is_some() {
            device.client.sign_in(&token);
        }
        if !matches!(grant, Grant::Nothing | Grant::Foreign | Grant::Broken) {
            (device.grant, device.life) = (grant, life);
        }
        self.offers.insert(token, joiner);
    }

    fn nonsense(&mut self, by: usize, what: u8) {
        let frame = match what {
            0 => json!({"type": "dance"}),
            1 => json!({"type": "publish", "event": "unheard", "data": 1}),
            2 => json!({"type": "publish", "event": "say"}),
            3 => json!({"type": "publish", "event": "slow", "data": 1, "to": {"users": ["ann"]}}),
            4 => json!({"type": "history", "after": 1, "before": 2}),
            _ => json!({"type": "publish", "event": "move", "data": 1, "if_seq": 1}),
        };
        self.devices[by].client.ask_once(frame);
    }

    fn cut(&mut self, of: usize, cut: Cut) {
        let Some(link) = self.devices[of].link.take() else { return };
        let (now, lag) = (self.world.now, self.devices[of].lag);
        self.devices[of].client.closed();
        let link = &mut self.links[link];
        link.heeded = false;
        link.unread = link.down.iter().map(|(_, down)| down.bytes()).sum();
        link.down.clear();
        let (at, clean) = match cut {
            Cut::Clean => (now + lag, true),
            Cut::Broken => {
                link.up.clear();
                (now, false)
            }
            Cut::Unseen(after) => (now + after.max(lag), false),
        };
        link.send(at, Up::Close { clean });
    }

    // --- what a backend does ---------------------------------------------------------------------------------

    fn backend(&self) -> Joiner {
        Joiner::user("srv").can(&["publish", "history", "presence", "unmetered"]).expires(self.world.now + HOUR)
    }

    fn post(&mut self, count: u8, array: bool, off: Option<i8>) -> Result<(), Fault> {
        let count = if array { count } else { 1 };
        let mut posts = Vec::new();
        for index in 0..count {
            let n = self.watch.ledger.said.len();
            let kept = index != 3;
            let mut frame = json!({"event": if kept { "say" } else { "move" }, "data": {"n": n}});
            if let Some(off) = off.filter(|_| kept) {
                frame["if_seq"] = json!(self.watch.ledger.stored().saturating_add_signed(off.into()));
            }
            let id = format!("srv-{n}");
            self.remember(None, id.clone(), frame.clone(), kept);
            frame["id"] = json!(id);
            posts.push(self.posts.len());
            self.posts.push(Post { body: frame, done: !kept });
        }
        self.send_posts(posts, array)
    }

    fn post_again(&mut self, back: usize, other: bool) -> Result<(), Fault> {
        let Some(at) = self.posts.len().checked_sub(back + 1) else { return Ok(()) };
        if self.posts[at].body["event"] != "say" {
            return Ok(());
        }
        if !other {
            return self.send_posts(vec![at], false);
        }
        let mut body = self.posts[at].body.clone();
        body["data"] = json!({"n": self.watch.ledger.said.len()});
        self.remember(None, body["id"].as_str().unwrap().to_owned(), body.clone(), true);
        self.posts.push(Post { body, done: true });
        self.send_posts(vec![self.posts.len() - 1], false)
    }

    fn send_posts(&mut self, posts: Vec<usize>, array: bool) -> Result<(), Fault> {
        let bodies: Vec<Value> = posts.iter().map(|post| self.posts[*post].body.clone()).collect();
        let body = if array { Value::from(bodies) } else { bodies[0].clone() };
        self.ask(Verb::Publish { body: body.to_string() }, Asked::Posts { posts, array })
    }

    fn read(&mut self) -> Result<(), Fault> {
        self.ask(Verb::Members, Asked::Members)?;
        let before = Some(self.watch.ledger.stored());
        let verb = Verb::Messages { after: None, before: before.map(|it| it.to_string()), limit: None };
        self.ask(verb, Asked::Page { before })
    }

    fn ask(&mut self, verb: Verb, asked: Asked) -> Result<(), Fault> {
        let asker = self.world.ask(&self.backend(), verb);
        self.asked.insert(asker, asked);
        self.look()
    }

    fn answers(&mut self, crashed: bool) -> Result<(), Fault> {
        let answers = std::mem::take(&mut self.world.answers);
        for (asker, (status, body, _)) in answers {
            let Some(asked) = self.asked.remove(&asker) else { return Err(format!("E2: unasked: {body}")) };
            match asked {
                Asked::Posts { posts, array: true } => {
                    let answers = body.as_array().cloned().unwrap_or_default();
                    check!(answers.len() == posts.len(), "E2: {body}");
                    for (post, answer) in posts.into_iter().zip(answers) {
                        self.posted(post, &answer)?;
                    }
                }
                Asked::Posts { posts, array: false } => {
                    let answer = if status == 200 { body } else { body["error"].clone() };
                    self.posted(posts[0], &answer)?;
                }
                Asked::Members if crashed => {}
                Asked::Members if status == 200 => self.watch.is_everyone(&self.world, &body)?,
                Asked::Page { before } if status == 200 => {
                    self.watch.is_page(self.world.now, &body, [None, before], None)?;
                }
                Asked::Members | Asked::Page { .. } => self.watch.is_fair(&body["error"], &Value::Null)?,
            }
        }
        Ok(())
    }

    fn posted(&mut self, post: usize, answer: &Value) -> Result<(), Fault> {
        let Post { body, done } = &mut self.posts[post];
        if answer["type"] != "ack" {
            self.watch.is_fair(answer, body)?;
            *done |= !matches!(answer["code"].as_str(), Some("internal" | "over_capacity" | "rate_limited"));
            return Ok(());
        }
        *done = true;
        if body["event"] == "move" {
            return Ok(());
        }
        let kept = answer["seq"].as_u64().and_then(|seq| self.watch.ledger.kept(seq));
        let Some(kept) = kept else { return Err(format!("D2: acknowledged and not on disk: {answer}")) };
        let same = ["id", "event", "data"].iter().all(|field| kept.message[field] == body[field]);
        check!(same && kept.message["from"] == json!({"user": "srv"}), "D7: {body} as {}", kept.message);
        Ok(())
    }

    // --- time and the network --------------------------------------------------------------------------------

    fn set_full(&mut self, full: bool) {
        self.world.storage.set_full(full);
        self.watch.full = full;
    }

    /// Lets time pass, one thing that is due after the other.
    fn run(&mut self, until: Millis) -> Result<(), Fault> {
        loop {
            self.pump()?;
            let ping = self.pinged + PING;
            let network = self.links.iter().flat_map(Link::due);
            let clients = self.devices.iter().filter(|device| device.link.is_some()).filter_map(|it| it.client.due());
            let own = network.chain(clients).chain([ping, until]).chain(self.world.timer).chain(self.world.alarm);
            let next = own.min().unwrap_or(until).clamp(self.world.now, until);
            let before = self.world.turns;
            self.world.advance(next - self.world.now);
            self.look()?;
            if next >= ping {
                self.pinged = next;
                self.ping();
            }
            if next == until && self.world.turns == before {
                self.pump()?;
                return self.watch.quiet(&self.world);
            }
        }
    }

    fn ping(&mut self) {
        for device in self.devices.iter().step_by(2) {
            if let Some(link) = device.link {
                self.world.ping(self.links[link].client);
            }
        }
    }

    /// Delivers everything that is due now, and what comes of it.
    fn pump(&mut self) -> Result<(), Fault> {
        loop {
            self.speak();
            let now = self.world.now;
            let due = |link: &Link| link.due().any(|at| at <= now);
            let Some(at) = self.links.iter().position(due) else { return Ok(()) };
            let link = &mut self.links[at];
            if link.down.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, down)) = link.down.pop_front()
            {
                self.deliver(at, down)?;
            } else if let Some((_, up)) = link.up.pop_front() {
                self.arrive(at, up)?;
            }
        }
    }

    /// What clients want to say goes on its way.
    fn speak(&mut self) {
        let now = self.world.now;
        for (number, device) in self.devices.iter_mut().enumerate() {
            let Some(link) = device.link else { continue };
            if device.client.waits_in_vain(now) {
                self.cut(number, Cut::Unseen(0));
                return self.speak();
            }
            for text in device.client.speak(now) {
                self.links[link].send(now + device.lag, Up::Text(text));
            }
        }
    }

    /// Something reaches the service.
    fn arrive(&mut self, at: usize, up: Up) -> Result<(), Fault> {
        let client = self.links[at].client;
        match up {
            Up::Text(text) => {
                self.watch.received(&self.world, client, &text, &self.offers);
                self.world.send_text(client, &text);
            }
            Up::Close { clean: true } => self.world.leave(client),
            Up::Close { clean: false } => self.world.cut(client),
        }
        self.look()
    }

    /// Something reaches a client.
    fn deliver(&mut self, at: usize, down: Down) -> Result<(), Fault> {
        let Link { device, .. } = self.links[at];
        let now = self.world.now;
        let Down::Text(text) = down else {
            self.hang_up(at);
            return Ok(());
        };
        let Device { client, eats, .. } = &mut self.devices[device];
        if *eats && others_only(&text, client.connection()) {
            *eats = false;
            return Ok(());
        }
        let told = client.told.len();
        client.hear(&text, now);
        check!(client.faults.is_empty(), "client d{device}: {:?}", client.faults);
        let (told, bye) = (client.told[told..].to_vec(), client.bye);
        for told in told {
            self.watch.app_was_told(device, &told, &text)?;
        }
        // Whoever is told bye closes its socket.
        if bye.is_some() {
            self.hang_up(at);
        }
        Ok(())
    }

    fn hang_up(&mut self, at: usize) {
        self.cut(self.links[at].device, Cut::Clean);
    }

    /// After whatever happened to the channel: what it told is checked, and goes on its way.
    fn look(&mut self) -> Result<(), Fault> {
        if self.world.turns != self.turns {
            self.turns = self.world.turns;
            self.watch.troubled = self.world.trouble.met != self.met;
            self.met = self.world.trouble.met;
        }
        let crashed = self.world.crashes != self.watch.crashes;
        if crashed {
            self.watch.crashed(self.world.crashes);
        }
        self.watch.look(&self.world)?;
        self.answers(crashed)?;
        if crashed {
            self.asked.clear();
        }
        check!(self.world.timer.is_some() || self.asked.is_empty(), "E2: a request is not answered");
        for at in 0..self.links.len() {
            self.take(at);
        }
        self.watch.quiet(&self.world)
    }

    /// What the socket was told goes down the link.
    fn take(&mut self, at: usize) {
        let link = &mut self.links[at];
        let device = &self.devices[link.device];
        let socket = self.world.socket(link.client);
        let fresh = socket.texts[link.taken..].to_vec();
        link.taken += fresh.len();
        let ended = socket.hung_up.is_some() || !self.world.is_connected(link.client);
        let due = self.world.now + device.lag;
        if link.heeded {
            for text in fresh {
                link.receive(due, Down::Text(text));
            }
            if ended && !link.down.iter().any(|(_, down)| matches!(down, Down::Closed)) {
                link.receive(due, Down::Closed);
            }
        } else {
            link.unread += fresh.iter().map(|text| text.len() as u64).sum::<u64>();
        }
        let unsent = link.unread + link.down.iter().map(|(_, down)| down.bytes()).sum::<u64>();
        self.world.socket_mut(link.client).unsent = unsent;
    }

    // --- the end ---------------------------------------------------------------------------------------------

    /// All trouble ends: soon everyone has everything, and every request is answered.
    fn converge(&mut self) -> Result<(), Fault> {
        self.world.trouble.end();
        self.world.doom = None;
        self.set_full(false);
        for device in &mut self.devices {
            (device.lag, device.eats, device.grant, device.life) = (0, false, Grant::Whole, 24 * HOUR);
        }
        let last = self.posts.len();
        for round in 0..PATIENCE {
            for device in 0..DEVICES {
                self.join(device)?;
            }
            let left = (0..self.posts.len()).filter(|post| !self.posts[*post].done);
            for post in left.collect::<Vec<_>>() {
                self.send_posts(vec![post], false)?;
            }
            self.run(self.world.now + 1_000)?;
            if self.is_settled() {
                if self.posts.len() > last {
                    return self.watch.everyone_agrees(&self.world, self.devices.iter().map(|device| &device.client));
                }
                // One more, so that nobody is left with a gap it has not seen.
                self.post(1, false, None)?;
            }
            if round % 30 == 29 {
                self.give_everyone_a_new_connection();
            }
        }
        let restless = self.devices.iter().position(|device| !device.client.is_at_rest());
        let client = restless.map(|device| &self.devices[device].client);
        Err(format!("not settled after {PATIENCE} s, head {}: {client:#?}", self.watch.ledger.stored()))
    }

    /// A client whose answers were eaten gives its connection up.
    fn give_everyone_a_new_connection(&mut self) {
        for device in 0..DEVICES {
            self.cut(device, Cut::Clean);
        }
    }

    fn is_settled(&self) -> bool {
        let (epoch, stored) = (self.watch.ledger.epoch.as_deref(), self.watch.ledger.stored());
        let there = |device: &Device| {
            let there = device
                .client
                .position()
                .is_some_and(|(life, seq)| seq == stored && (stored == 0 || Some(life) == epoch));
            device.client.is_at_rest() && there
        };
        self.posts.iter().all(|post| post.done) && self.devices.iter().all(there)
    }

    /// Everyone leaves; when nothing is in bounds any more the life ends, and the next begins (rule D9).
    fn end(&mut self) -> Result<(), Fault> {
        for device in 0..DEVICES {
            self.cut(device, if device.is_multiple_of(2) { Cut::Clean } else { Cut::Broken });
        }
        self.run(self.world.now + 210_000)?;
        check!(self.watch.conns.is_empty(), "somebody is left");
        self.run(self.watch.ledger.latest + self.watch.ledger.bounds.age)?;
        let rows = self.world.storage.rows().count();
        check!(rows == 0, "D9: nobody is here, and {rows} rows are");
        self.join(0)?;
        self.run(self.world.now + 1_000)?;
        let fresh = self.devices[0].client.position().map(|(epoch, seq)| (epoch.to_owned(), seq));
        let Some((epoch, 0)) = fresh else { return Err(format!("D9: the new life begins at {fresh:?}")) };
        check!(!self.watch.ledger.lives.contains_key(&epoch), "D3: the life {epoch} came back");
        Ok(())
    }
}

impl Link {
    fn due(&self) -> impl Iterator<Item = Millis> {
        let up = self.up.front().map(|(at, _)| *at);
        let down = self.down.front().map(|(at, _)| *at);
        up.into_iter().chain(down)
    }

    /// What goes up keeps its order.
    fn send(&mut self, at: Millis, up: Up) {
        let behind = self.up.back().map_or(0, |(at, _)| *at);
        self.up.push_back((at.max(behind), up));
    }

    fn receive(&mut self, at: Millis, down: Down) {
        let behind = self.down.back().map_or(0, |(at, _)| *at);
        self.down.push_back((at.max(behind), down));
    }
}

impl Down {
    fn bytes(&self) -> u64 {
        if let Self::Text(text) = self { text.len() as u64 } else { 0 }
    }
}

/// Whether the text is nothing but others' kept messages: what a client can find out it has missed.
fn others_only(text: &str, own: Option<&str>) -> bool {
    let frames = match serde_json::from_str(text) {
        Ok(Value::Array(frames)) => frames,
        Ok(frame) => vec![frame],
        Err(_) => return false,
    };
    let others = |frame: &Value| {
        frame["type"] == "message" && frame["seq"].is_u64() && frame["from"]["connection"].as_str() != own
    };
    frames.iter().all(others)
}
