//! Random scripts: what several clients, a poster, the disk and time do to one channel, and what was asked in it.

use dormouse_core::storage::StorageError;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Client, Joiner, World};

/// Who the clients of a script are: two of one user, one without presence, one with rates, one who may not go back.
pub const CAST: [(&str, &[&str]); 5] = [
    ("ann", &["join", "publish", "presence", "history", "unmetered"]),
    ("ann", &["join", "publish", "presence", "history", "unmetered"]),
    ("bob", &["join", "publish", "history", "unmetered"]),
    ("cat", &["join", "publish", "presence", "history"]),
    ("dan", &["join", "publish", "presence", "unmetered"]),
];

/// So many ids come again and again; the others come once.
pub const POOL: u8 = 30;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// The client comes, or comes back where it is; from its last position, or fresh; as the connection it was before,
    /// or as a new one.
    Join { who: usize, resumes: bool, returns: bool },
    /// The client closes its socket.
    Leave(usize),
    /// Its connection breaks.
    Cut(usize),
    /// It sends one frame, or several as an array.
    Send(usize, Vec<PendingPost>),
    /// The user of this client publishes over HTTP.
    Post(usize, Vec<PendingPost>),
    /// It pings, which nobody but the platform notices.
    Ping(usize),
    /// It stops reading, or has read all.
    Unread(usize, u64),
    /// Time passes.
    Wait(u64),
    /// So many writes succeed and the next fails.
    FailWrite(usize),
    /// The process dies.
    Crash,
}

/// One request.
#[derive(Clone, Debug)]
pub enum PendingPost {
    Publish { event: &'static str, id: Option<u8>, data: u8, echo: bool, to: Option<u8>, if_seq: Option<u8> },
    History,
    Resume { back: u8 },
    Presence(Option<u8>),
    Auth,
    Bad,
}

/// Scripts of up to so many steps, that are over before any id is forgotten.
pub fn scripts(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..steps)
}

/// Scripts of up to so many steps, with long pauses, in which members fall silent, do not read, and take over the
/// connections that they had.
pub fn long_scripts(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..CAST.len();
    let long = prop_oneof![
        8 => step(),
        2 => (who(), any::<bool>()).prop_map(|(who, resumes)| Step::Join { who, resumes, returns: true }),
        2 => who().prop_map(Step::Ping),
        1 => (who(), prop::sample::select(vec![0, 300_000, 2_000_000])).prop_map(|(who, bytes)| Step::Unread(who, bytes)),
        2 => prop::sample::select(vec![25_000, 61_000, 95_000, 700_000]).prop_map(Step::Wait),
    ];
    prop::collection::vec(long, 1..steps)
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..CAST.len();
    let posts = || prop_oneof![3 => prop::collection::vec(asked(), 1..2), 1 => prop::collection::vec(asked(), 1..6)];
    prop_oneof![
        6 => (who(), any::<bool>()).prop_map(|(who, resumes)| Step::Join { who, resumes, returns: false }),
        1 => who().prop_map(Step::Leave),
        1 => who().prop_map(Step::Cut),
        16 => (who(), posts()).prop_map(|(who, posts)| Step::Send(who, posts)),
        2 => (who(), prop::collection::vec(publish(), 1..4)).prop_map(|(who, posts)| Step::Post(who, posts)),
        4 => prop::sample::select(vec![0, 1, 7, 400, 9_000, 11_000]).prop_map(Step::Wait),
        2 => (0..2_usize).prop_map(Step::FailWrite),
        1 => Just(Step::Crash),
    ]
}

fn asked() -> impl Strategy<Value = PendingPost> {
    prop_oneof![
        12 => publish(),
        1 => Just(PendingPost::History),
        1 => (0..4_u8).prop_map(|back| PendingPost::Resume { back }),
        1 => prop::option::of(0..3_u8).prop_map(PendingPost::Presence),
        1 => Just(PendingPost::Auth),
        1 => Just(PendingPost::Bad),
    ]
}

fn publish() -> impl Strategy<Value = PendingPost> {
    let event =
        prop::sample::select(vec!["say", "say", "say", "small", "wave", "wave", "nod", "rare", "sing", "edict"]);
    let id = prop::option::weighted(0.9, 0..2 * POOL);
    let (to, if_seq) = (prop::option::weighted(0.1, 0..5_u8), prop::option::weighted(0.1, 0..6_u8));
    (event, id, 0..3_u8, prop::bool::weighted(0.7), to, if_seq)
        .prop_map(|(event, id, data, echo, to, if_seq)| PendingPost::Publish { event, id, data, echo, to, if_seq })
}

/// What came of a script.
pub struct Played {
    pub world: World,
    /// Every client that ever joined, which of the cast it was, and what it joined with.
    pub clients: Vec<(Client, usize, Option<u64>)>,
    /// Every request with an id, by the client that sent it while it was connected.
    pub asked: Vec<(Client, String)>,
    /// The order of each client's messages: `order` in their data.
    pub said: u64,
}

impl Played {
    /// Plays a script and lets the channel come to rest; `each` is called after every step.
    pub fn play(world: World, script: &[Step], mut each: impl FnMut(&mut World)) -> Self {
        let mut played = Self { world, clients: Vec::new(), asked: Vec::new(), said: 0 };
        let mut cast: [Option<Client>; CAST.len()] = [None; CAST.len()];
        for step in script {
            played.step(&mut cast, step);
            each(&mut played.world);
        }
        played.world.drain();
        each(&mut played.world);
        played
    }

    fn step(&mut self, cast: &mut [Option<Client>; CAST.len()], step: &Step) {
        match step {
            Step::Join { who, resumes, returns } => {
                let before = cast[*who];
                if let Some(client) = before.filter(|_| !returns) {
                    self.world.leave(client);
                }
                cast[*who] = Some(self.join(*who, before.filter(|_| *resumes), before.filter(|_| *returns)));
            }
            Step::Ping(who) => cast[*who].into_iter().for_each(|client| self.world.ping(client)),
            Step::Unread(who, bytes) => {
                cast[*who].into_iter().for_each(|client| self.world.socket_mut(client).unsent = *bytes);
            }
            Step::Leave(who) => cast[*who].into_iter().for_each(|client| self.world.leave(client)),
            Step::Cut(who) => cast[*who].into_iter().for_each(|client| self.world.cut(client)),
            Step::Send(who, posts) => {
                let Some(client) = cast[*who].filter(|client| self.listens(*client)) else { return };
                let frames: Vec<_> = posts.iter().map(|ask| self.frame(client, *who, ask)).collect();
                let text = if let [one] = frames.as_slice() { one.clone() } else { json!(frames) };
                self.world.send(client, text);
            }
            Step::Post(who, posts) => {
                let frames: Vec<_> = posts.iter().map(|ask| self.request(*who, ask, &[])).collect();
                self.world.post(&joiner(*who), json!(frames));
            }
            Step::Wait(millis) => self.world.advance(*millis),
            Step::FailWrite(after) => {
                self.world.storage.fail_write_after(*after, StorageError::Failed("broken".to_owned()));
            }
            Step::Crash => self.world.crash(),
        }
    }

    /// Whether the client's connection stands and was not closed by the service.
    pub fn listens(&self, client: Client) -> bool {
        let said_bye = self.world.socket(client).frames.iter().any(|frame| frame["type"] == "bye");
        self.world.is_connected(client) && !said_bye
    }

    fn join(&mut self, who: usize, resumes: Option<Client>, returns: Option<Client>) -> Client {
        let position = resumes.and_then(|client| self.world.position(client));
        let mut joiner = match &position {
            Some((epoch, after)) => joiner(who).after(epoch, *after),
            None => joiner(who),
        };
        if let Some(former) = returns.filter(|former| was_welcomed(&self.world, *former)) {
            joiner = joiner.connection(&self.world.connection(former));
        }
        let client = self.world.join(&joiner);
        self.clients.push((client, who, position.map(|(_, after)| after)));
        client
    }

    fn frame(&mut self, client: Client, who: usize, ask: &PendingPost) -> Value {
        let epoch_and_seq = self.world.position(client);
        let position: Vec<_> = epoch_and_seq.into_iter().collect();
        let frame = self.request(who, ask, &position);
        if let Some(id) = frame["id"].as_str() {
            self.asked.push((client, id.to_owned()));
        }
        frame
    }

    fn request(&mut self, who: usize, ask: &PendingPost, position: &[(String, u64)]) -> Value {
        self.said += 1;
        let unique = self.said;
        match ask {
            PendingPost::Publish { event, id, data, echo, to, if_seq } => {
                // Ids that may come twice come with the same data or other data; all else carries its order.
                let data = match id.filter(|id| *id < POOL) {
                    Some(id) => json!({"id": id, "data": data}),
                    None => json!({"order": unique}),
                };
                // Without an id there is no ack, and one that wants no echo either would not learn its seq.
                let echo = *echo || id.is_none();
                let mut frame = json!({"type": "publish", "event": event, "data": data, "echo": echo});
                if let Some(id) = id {
                    frame["id"] = json!(if *id < POOL { format!("{id}") } else { format!("u{unique}") });
                }
                if let Some(to) = to {
                    frame["to"] = json!({"users": [CAST[usize::from(*to)].0]});
                }
                if let Some(seq) = if_seq {
                    frame["if_seq"] = json!(seq);
                }
                frame
            }
            PendingPost::History => json!({"type": "history", "id": format!("h{unique}"), "limit": 5}),
            PendingPost::Resume { back } => {
                let (epoch, seq) = position.first().cloned().unwrap_or_default();
                let after = seq.saturating_sub(u64::from(*back));
                json!({"type": "resume", "id": format!("r{unique}-{after}"), "epoch": epoch, "after": after})
            }
            PendingPost::Presence(data) => json!({"type": "presence", "id": format!("p{unique}"), "data": data}),
            PendingPost::Auth => json!({"type": "auth", "id": format!("t{unique}"), "token": joiner(who).token()}),
            PendingPost::Bad => json!({"type": "publish", "id": format!("b{unique}"), "event": 7}),
        }
    }
}

fn joiner(who: usize) -> Joiner {
    let (user, can) = CAST[who];
    Joiner::user(user).can(can)
}

/// Whether the client was ever welcomed, so that it has a connection to come back to.
fn was_welcomed(world: &World, client: Client) -> bool {
    world.socket(client).frames.iter().any(|frame| frame["type"] == "welcome")
}
