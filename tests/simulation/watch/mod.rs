//! What each connection is told, held against the rules frame by frame.

mod answers;
mod conn;
mod order;
mod presence;
mod resume;

use std::collections::{BTreeMap, BTreeSet};

use dormouse_protocol::name::Millis;
use serde_json::Value;

use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::support::{Client, Joiner, World};
use crate::{check, fault};

use conn::{Conn, Request, Stage, View};

/// What all connections are told.
pub struct Watch {
    pub ledger: Ledger,
    pub conns: BTreeMap<Client, Conn>,
    /// What everyone may do on this channel.
    granted: Vec<String>,
    has_entry_by_auth: bool,
    always_counted: bool,
    received: u64,
    /// Over which connections each id came.
    askers: BTreeMap<String, BTreeSet<Client>>,
    /// When whose replays cost how many bytes.
    charges: Vec<(Millis, String, u64)>,
    /// Since when nobody is on the channel.
    deserted: Option<Millis>,
    /// The storage failed in this step.
    pub troubled: bool,
    /// The storage takes no more rows.
    pub full: bool,
    /// When the storage failed or the process died last: what was due then may be tried again a while later.
    pub excuse: Option<Millis>,
    /// Somebody came and went since all was quiet, and may have been shown what was undone then.
    passed: bool,
    /// How often the clock was set, and by how much in all.
    pub settings: usize,
    pub set_by: Millis,
    /// How many messages had been kept in other lives when one in which nothing was kept was told of first.
    blank: BTreeMap<String, u64>,
    /// A history that could not be read was cleared.
    cleared: bool,
    /// What departed may be forgotten together with a history that cannot be read.
    doomed: bool,
    /// The process died in this step.
    died: bool,
    /// Up to where the app on each device was told the order, and of which life.
    told: BTreeMap<usize, (String, u64)>,
    /// Lives whose order each app has gone beyond.
    over: BTreeSet<(usize, String)>,
    /// The number of members that all who are told numbers have; none where some have another.
    count: Option<u64>,
    /// The number that was told in this step.
    told_count: Option<u64>,
    /// Devices whose last welcome or resume was `lost`, so that the app was told honestly.
    lost: BTreeSet<usize>,
    /// The list of members as it was before the step, and as it stands in rows.
    graces: BTreeSet<String>,
    shown: BTreeMap<String, Value>,
    names: BTreeSet<String>,
    /// Who heard what is not kept, in this step.
    heard: BTreeMap<u64, Vec<Client>>,
    delivered: Vec<(u64, u64)>,
    /// What the last connection of each name had asked without an answer.
    unanswered: BTreeMap<String, BTreeSet<String>>,
    /// The connections that were off the list when they ended.
    absent: BTreeSet<String>,
}

impl Watch {
    pub fn new(ledger: Ledger, channel: &str) -> Self {
        let kind = channel.split(':').next().unwrap();
        let granted: &[&str] = if kind == "open" { &["join", "publish", "history", "presence"] } else { &[] };
        Self {
            ledger,
            conns: BTreeMap::new(),
            granted: granted.iter().map(|ability| (*ability).to_owned()).collect(),
            has_entry_by_auth: kind == "door",
            always_counted: kind == "crowd",
            received: 0,
            askers: BTreeMap::new(),
            charges: Vec::new(),
            deserted: Some(0),
            troubled: false,
            full: false,
            excuse: None,
            passed: false,
            settings: 0,
            set_by: 0,
            blank: BTreeMap::new(),
            cleared: false,
            doomed: false,
            died: false,
            told: BTreeMap::new(),
            over: BTreeSet::new(),
            count: None,
            told_count: None,
            lost: BTreeSet::new(),
            graces: BTreeSet::new(),
            shown: BTreeMap::new(),
            names: BTreeSet::new(),
            heard: BTreeMap::new(),
            delivered: Vec::new(),
            unanswered: BTreeMap::new(),
            absent: BTreeSet::new(),
        }
    }

    // --- what the simulation tells ---------------------------------------------------------------------------

    pub fn joined(&mut self, client: Client, joiner: &Joiner) {
        let conn = Conn::new(client, joiner);
        self.conns.insert(client, conn);
    }

    /// A text reaches the service.
    pub fn received(&mut self, world: &World, client: Client, text: &str, offers: &BTreeMap<String, Joiner>) {
        let Some(conn) = self.conns.get_mut(&client) else { return };
        let open = world.is_connected(client) && world.socket(client).hung_up.is_none();
        if !open || conn.stage == Stage::Over || conn.is_expired(world.now()) {
            return;
        }
        let frames = match serde_json::from_str(text) {
            Ok(Value::Array(frames)) => frames,
            Ok(frame) => vec![frame],
            Err(_) => return,
        };
        for frame in frames {
            let Some(id) = frame["id"].as_str().map(str::to_owned) else { continue };
            self.received += 1;
            self.askers.entry(id.clone()).or_default().insert(client);
            if let Some(joiner) = frame["token"].as_str().and_then(|token| offers.get(token)) {
                conn.offered.insert(id.clone(), joiner.clone());
            }
            let request = conn.requests.entry(id).or_default();
            request.received += 1;
            request.order = self.received;
            request.orders.push_back(self.received);
            request.frame = frame;
        }
    }

    /// The process has died.
    pub fn crashed(&mut self) {
        self.died = true;
        // The machine cannot know when it was left; the newest row tells (rule D9).
        self.deserted = Some(0);
    }

    pub fn note_graces(&mut self, world: &World) {
        let graces = world.in_grace();
        self.doomed = self.ledger.is_doomed();
        self.graces = graces.into_iter().map(|it| it.connection.as_str().to_owned()).collect();
    }

    // --- after each step -------------------------------------------------------------------------------------

    /// Looks at everything that was told since last time.
    pub fn look(&mut self, world: &World) -> Result<(), Fault> {
        self.ledger.latest = self.ledger.latest.max(world.now());
        // Where the clock was set back, what is left to come of an abandoned life is told by its newest message alone.
        self.deserted = self.deserted.map(|deserted| deserted.min(world.now()));
        let may_end = self.may_end(world);
        self.cleared |= self.ledger.is_doomed();
        self.ledger.absorb(&world.storage, may_end)?;
        let clients: Vec<Client> = self.conns.keys().copied().collect();
        for client in clients {
            let mut conn = self.conns.remove(&client).unwrap();
            let frames = &world.socket(client).frames;
            let result = frames[conn.read..].iter().try_for_each(|frame| {
                self.frame(world, &mut conn, frame).map_err(|fault| fault.of(format!("{} ({client:?})", conn.id)))
            });
            conn.read = frames.len();
            self.conns.insert(client, conn);
            result?;
        }
        self.whoever_should_hear_did(world)?;
        self.every_leave_comes(world)?;
        self.count_was_news()?;
        self.forget_gone(world);
        Ok(())
    }

    fn forget_gone(&mut self, world: &World) {
        self.heard.clear();
        self.delivered.clear();
        self.died = false;
        for conn in self.conns.values_mut() {
            conn.changed = false;
        }
        // One that was replaced says nothing of the one that goes on under its name.
        let joined = |conn: &&Conn| conn.stage != Stage::Over && !world.is_connected(conn.client);
        self.passed |= self.conns.values().any(|conn| conn.fresh && !world.is_connected(conn.client));
        for conn in self.conns.values().filter(joined) {
            self.unanswered.insert(conn.id.clone(), conn.unanswered());
            self.shown.insert(conn.id.clone(), conn.member());
            match conn.present {
                true => drop(self.absent.remove(&conn.id)),
                false => drop(self.absent.insert(conn.id.clone())),
            }
        }
        self.conns.retain(|client, _| world.is_connected(*client));
        let anyone = self.conns.values().any(|conn| conn.stage != Stage::Over);
        self.deserted = if anyone { None } else { Some(self.deserted.unwrap_or_else(|| world.now())) };
    }

    fn may_end(&self, world: &World) -> Result<(), Fault> {
        let age = self.ledger.bounds.age;
        let newest = self.ledger.life().and_then(|life| life.kept.last()).map_or(0, |kept| kept.row.at);
        check!(newest + age <= world.now(), Bounds: "its newest message is in bounds");
        // One whose bye ended the last session counts from this very step.
        let deserted = self.deserted.ok_or_else(|| fault!(Bounds: "somebody is here"))?;
        check!(deserted + age <= world.now(), Bounds: "it was left at {deserted} only, now is {}", world.now());
        Ok(())
    }

    /// With nothing held back, everyone has been told everything.
    pub fn quiet(&mut self, world: &World) -> Result<(), Fault> {
        if world.timer().is_some() || self.troubled {
            return Ok(());
        }
        self.passed = false;
        let stored = self.ledger.stored();
        for conn in self.conns.values_mut().filter(|conn| conn.stage != Stage::Over) {
            let who = (&conn.id, conn.client);
            if conn.stage == Stage::Joined {
                check!(conn.next == stored + 1, Order: "D5: {who:?} waits for {}, the head is {stored}", conn.next);
                check!(conn.replay.is_none(), Resume: "D4: {who:?} waits for the rest of its replay");
            }
            for (id, request) in &conn.requests {
                let Request { received, answered, either, frame, .. } = request;
                let right = (*answered..=answered + either).contains(received);
                check!(right, Answers: "F2: {id} of {who:?} came {received} times, answers {answered}: {frame}");
            }
            conn.fresh = false;
        }
        self.presence_converged(world)
    }

    // --- frames ----------------------------------------------------------------------------------------------

    fn may(&self, conn: &Conn, ability: &str) -> bool {
        self.granted.iter().chain(&conn.joiner.can).any(|granted| granted == ability)
    }

    fn watches(&self, conn: &Conn) -> bool {
        self.may(conn, "presence")
    }

    fn frame(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let kind = frame["type"].as_str().unwrap_or_default();
        check!(conn.stage != Stage::Over, Rights: "R3: told after bye: {frame}");
        if kind == "bye" {
            (conn.stage, conn.changed) = (Stage::Over, true);
            if conn.id.is_empty() {
                return Ok(());
            }
            self.shown.insert(conn.id.clone(), conn.member());
            return Ok(());
        }
        check!(!conn.is_expired(world.now()), Rights: "A6: told after its grant has expired: {frame}");
        match (conn.stage, kind) {
            (Stage::New, "welcome") => self.welcome(world, conn, frame),
            (Stage::Unsigned, "welcome") => self.full_welcome(world, conn, frame),
            (Stage::Unsigned | Stage::Joined, "error") => self.refused(conn, frame),
            (Stage::Unsigned | Stage::Joined, "ack") => self.ack(conn, frame),
            (Stage::Joined, "message") => self.message(conn, frame),
            (Stage::Joined, "history") => self.page(world, conn, frame),
            (Stage::Joined, "resumed") => self.resumed(world, conn, frame),
            (Stage::Joined, "presence") => self.presence(world, conn, frame),
            (stage, _) => Err(fault!(Rights: "F: told at {stage:?}: {frame}")),
        }
    }
}
