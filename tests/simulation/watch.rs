//! What each connection is told, held against the rules frame by frame.

use std::collections::{BTreeMap, BTreeSet};

use dormouse::name::Millis;
use dormouse::storage::Storage;
use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::support::client::{Here, Reference, Told};
use crate::support::{Client, Joiner, World};
use crate::{Fault, check};

/// How far back one without the ability `history` may resume (rule D10).
const SHORT_MEMORY: Millis = 120_000;

/// Where a connection is in its life, as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was told yet.
    New,
    /// It must sign in first.
    Unsigned,
    Joined,
    /// It was told `bye`.
    Over,
}

/// Who is here, as a connection was told.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    None,
    List(BTreeMap<String, Value>),
    Count(u64),
}

#[derive(Debug, Default)]
struct Request {
    frame: Value,
    received: usize,
    answered: usize,
    /// Messages that answer it, or the same request of the connection before, whose name it has.
    either: usize,
    /// When it was last received, among all requests of all.
    order: u64,
}

/// One connection, as the service should see it.
#[derive(Debug)]
pub struct Conn {
    pub client: Client,
    pub joiner: Joiner,
    pub stage: Stage,
    pub id: String,
    pub present: bool,
    data: Option<Value>,
    view: View,
    /// Until the batch it came with is told, it may be told what it knows.
    fresh: bool,
    /// The seq that comes next live.
    next: u64,
    /// What is still to come of a replay.
    replay: Option<(u64, u64)>,
    requests: BTreeMap<String, Request>,
    offered: BTreeMap<String, Joiner>,
    read: usize,
    /// Something about who it is or hears has changed in this step.
    changed: bool,
    last_answer: u64,
    heard: BTreeMap<String, u64>,
    /// What the connections before it, whose name it has, had asked without an answer.
    inherited: BTreeSet<String>,
}

/// What all connections are told.
pub struct Watch {
    pub ledger: Ledger,
    pub conns: BTreeMap<Client, Conn>,
    /// What everyone may do on this channel.
    granted: Vec<String>,
    has_entry_by_auth: bool,
    always_counted: bool,
    received: u64,
    /// When whose replays cost how many bytes.
    charges: Vec<(Millis, String, u64)>,
    /// Since when nobody is on the channel.
    deserted: Option<Millis>,
    /// The storage failed in this step.
    pub troubled: bool,
    /// The storage takes no more rows.
    pub full: bool,
    pub crashes: usize,
    /// Devices whose last welcome or resume was `lost`, so that the app was told honestly.
    lost: BTreeSet<usize>,
    /// The list of members as it was before the step, and as it stands in rows.
    departures: BTreeSet<String>,
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
            charges: Vec::new(),
            deserted: None,
            troubled: false,
            full: false,
            crashes: 0,
            lost: BTreeSet::new(),
            departures: BTreeSet::new(),
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
        let conn = Conn {
            client,
            joiner: joiner.clone(),
            stage: Stage::New,
            id: String::new(),
            present: false,
            data: None,
            view: View::None,
            fresh: true,
            next: 0,
            replay: None,
            requests: BTreeMap::new(),
            offered: BTreeMap::new(),
            read: 0,
            changed: true,
            last_answer: 0,
            heard: BTreeMap::new(),
            inherited: BTreeSet::new(),
        };
        self.conns.insert(client, conn);
    }

    /// A text reaches the service.
    pub fn received(&mut self, world: &World, client: Client, text: &str, offers: &BTreeMap<String, Joiner>) {
        let Some(conn) = self.conns.get_mut(&client) else { return };
        let open = world.is_connected(client) && world.socket(client).hung_up.is_none();
        if !open || conn.stage == Stage::Over || conn.is_expired(world.now) {
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
            if let Some(joiner) = frame["token"].as_str().and_then(|token| offers.get(token)) {
                conn.offered.insert(id.clone(), joiner.clone());
            }
            let request = conn.requests.entry(id).or_default();
            request.received += 1;
            request.order = self.received;
            request.frame = frame;
        }
    }

    /// The process has died.
    pub fn crashed(&mut self, crashes: usize) {
        self.crashes = crashes;
        // The machine cannot know when it was left; the newest row tells (rule D9).
        self.deserted = Some(0);
    }

    pub fn note_departures(&mut self, world: &World) {
        let departures = world.storage.clone().departures().unwrap_or_default();
        self.departures = departures.into_iter().map(|it| it.connection.as_str().to_owned()).collect();
    }

    // --- after each step -------------------------------------------------------------------------------------

    /// Looks at everything that was told since last time.
    pub fn look(&mut self, world: &World) -> Result<(), Fault> {
        self.ledger.latest = self.ledger.latest.max(world.now);
        let may_end = self.may_end(world);
        self.ledger.absorb(&world.storage, may_end)?;
        let clients: Vec<Client> = self.conns.keys().copied().collect();
        for client in clients {
            let mut conn = self.conns.remove(&client).unwrap();
            let frames = &world.socket(client).frames;
            let result = frames[conn.read..].iter().try_for_each(|frame| {
                self.frame(world, &mut conn, frame).map_err(|fault| format!("{} ({client:?}): {fault}", conn.id))
            });
            conn.read = frames.len();
            self.conns.insert(client, conn);
            result?;
        }
        self.whoever_should_hear_did(world)?;
        self.forget_gone(world);
        Ok(())
    }

    fn forget_gone(&mut self, world: &World) {
        self.heard.clear();
        self.delivered.clear();
        for conn in self.conns.values_mut() {
            conn.changed = false;
        }
        for conn in self.conns.values().filter(|conn| !world.is_connected(conn.client)) {
            self.unanswered.insert(conn.id.clone(), conn.unanswered());
            self.shown.insert(conn.id.clone(), conn.member());
            // One that was replaced says nothing of the one that goes on under its name.
            if conn.stage == Stage::Joined && conn.present {
                self.absent.remove(&conn.id);
            } else if conn.stage == Stage::Joined {
                self.absent.insert(conn.id.clone());
            }
        }
        self.conns.retain(|client, _| world.is_connected(*client));
        let anyone = self.conns.values().any(|conn| conn.stage != Stage::Over);
        self.deserted = if anyone { None } else { Some(self.deserted.unwrap_or(world.now)) };
    }

    fn may_end(&self, world: &World) -> Result<(), Fault> {
        let age = self.ledger.bounds.age;
        let newest = self.ledger.life().and_then(|life| life.kept.last()).map_or(0, |kept| kept.row.at);
        check!(newest + age <= world.now, "its newest message is in bounds");
        // One whose bye ended the last session counts from this very step.
        let deserted = self.deserted.ok_or_else(|| "somebody is here".to_owned())?;
        check!(deserted + age <= world.now, "it was left at {deserted} only, now is {}", world.now);
        Ok(())
    }

    /// With nothing held back, everyone has been told everything.
    pub fn quiet(&mut self, world: &World) -> Result<(), Fault> {
        if world.timer.is_some() || self.troubled {
            return Ok(());
        }
        let stored = self.ledger.stored();
        for conn in self.conns.values_mut().filter(|conn| conn.stage != Stage::Over) {
            let who = (&conn.id, conn.client);
            if conn.stage == Stage::Joined {
                check!(conn.next == stored + 1, "D5: {who:?} waits for {}, the head is {stored}", conn.next);
                check!(conn.replay.is_none(), "D4: {who:?} waits for the rest of its replay");
            }
            for (id, request) in &conn.requests {
                let Request { received, answered, either, frame, .. } = request;
                let right = (*answered..=answered + either).contains(received);
                check!(right, "F2: {id} of {who:?} came {received} times, answers {answered}: {frame}");
            }
            conn.fresh = false;
        }
        self.presence_converged(world)
    }

    /// The members as they are.
    fn here(&self, world: &World) -> Result<BTreeMap<String, Value>, Fault> {
        let departures = world.storage.clone().departures().unwrap_or_default();
        for departure in &departures {
            // An alarm that met trouble in the storage is tried again a while later.
            check!(departure.due + 15_000 >= world.now, "P3: {} should have left", departure.connection);
        }
        let mut truth = BTreeMap::new();
        for departure in departures {
            let id = departure.connection.as_str().to_owned();
            if self.absent.contains(&id) {
                continue;
            }
            let member = self.shown.get(&id).cloned().unwrap_or_default();
            truth.insert(id, member);
        }
        for conn in self.conns.values().filter(|conn| conn.stage == Stage::Joined && conn.present) {
            truth.insert(conn.id.clone(), conn.member());
        }
        Ok(truth)
    }

    fn presence_converged(&self, world: &World) -> Result<(), Fault> {
        let truth = self.here(world)?;
        for conn in self.conns.values().filter(|conn| conn.stage == Stage::Joined) {
            let right = match &conn.view {
                View::None => !self.watches(conn),
                View::List(members) => *members == truth,
                View::Count(count) => *count == truth.len() as u64,
            };
            check!(right, "P2: {} ({:?}) sees {:?}, here are {truth:?}", conn.id, conn.client, conn.view);
        }
        Ok(())
    }

    /// What is not kept reaches whom it is for, in the same step.
    fn whoever_should_hear_did(&self, world: &World) -> Result<(), Fault> {
        for (n, heard) in &self.heard {
            let said = &self.ledger.said[usize::try_from(*n).unwrap()];
            let id = said.id.as_str();
            for conn in self.conns.values().filter(|conn| !conn.changed && world.is_connected(conn.client)) {
                let sent = conn.requests.contains_key(id);
                let should = conn.stage == Stage::Joined && self.is_for(&said.frame, conn, sent);
                let times = heard.iter().filter(|client| **client == conn.client).count();
                check!(times == usize::from(should), "F5: {} heard {times} times {}", conn.id, said.frame);
            }
        }
        // In a process that died while it told, the ack may have left and the message not.
        let died = !self.conns.values().any(|conn| world.is_connected(conn.client));
        for (n, delivered) in self.delivered.iter().filter(|_| !died) {
            let heard = self.heard.get(n).map_or(0, Vec::len) as u64;
            check!(heard == *delivered, "F5: {delivered} were told of, {heard} heard {n}");
        }
        Ok(())
    }

    fn is_for(&self, frame: &Value, conn: &Conn, sent: bool) -> bool {
        let Some(to) = frame["to"].as_object() else { return !sent || frame["echo"] != json!(false) };
        let named =
            |list: &str, name: &str| to.get(list).and_then(Value::as_array).is_some_and(|it| it.contains(&json!(name)));
        let user = conn.joiner.user.as_deref().unwrap_or_default();
        let role = conn.joiner.user.is_some() && conn.joiner.roles.iter().any(|role| named("roles", role));
        !sent && (named("users", user) || named("connections", &conn.id) || role)
    }

    /// `GET members` tells who is here.
    pub fn is_everyone(&self, world: &World, answer: &Value) -> Result<(), Fault> {
        let here = self.here(world)?;
        let right = match answer["members"].as_array() {
            Some(members) => by_connection(members) == here,
            None => answer["count"] == here.len() as u64,
        };
        check!(right || self.troubled, "E2: {answer}, here are {here:?}");
        Ok(())
    }

    /// What a client tells its app is what was kept, and losses have a reason.
    pub fn app_was_told(&mut self, device: usize, told: &Told, text: &str) -> Result<(), Fault> {
        if text.contains("\"resume\":\"lost\"") {
            self.lost.insert(device);
        }
        match told {
            Told::Message { epoch, message } if message["seq"].is_u64() => {
                let life = self.ledger.lives.get(epoch);
                let kept = message["seq"].as_u64().and_then(|seq| life?.kept(seq));
                let Some(kept) = kept else { return Err(format!("D2: the app was told {message}")) };
                let same = ["id", "data"]
                    .iter()
                    .all(|field| message[field].is_null() || kept.message[field] == message[field]);
                check!(same, "D1: the app was told {message}, kept is {}", kept.message);
                Ok(())
            }
            Told::Lost { .. } => {
                let may = self.lost.remove(&device)
                    || device == 3
                    || self.ledger.first(self.ledger.latest) > 1
                    || self.ledger.any_damaged(1..=self.ledger.stored());
                check!(may, "D4: d{device} lost what could be had: {told:?} by {text}");
                Ok(())
            }
            Told::Message { .. } | Told::Answer { .. } | Told::Unknown { .. } => Ok(()),
        }
    }

    /// In the end every client has the same list, and what it told its app is in order and each once.
    pub fn everyone_agrees<'a>(
        &self,
        world: &World,
        clients: impl Iterator<Item = &'a Reference>,
    ) -> Result<(), Fault> {
        let here = self.here(world)?;
        for client in clients {
            let agrees = match &client.here {
                Here::Nobody => true,
                Here::Members(members) => *members == here,
                Here::Count(count) => *count == here.len() as u64,
            };
            // One whose grant sees nobody any more is not told of changes either.
            let watches = self.conns.values().any(|it| Some(it.id.as_str()) == client.connection() && self.watches(it));
            check!(agrees || !watches, "P2: {:?} sees {:?}, here are {here:?}", client.connection(), client.here);
            is_in_order(&client.told)?;
        }
        Ok(())
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
        check!(conn.stage != Stage::Over, "R3: told after bye: {frame}");
        if kind == "bye" {
            (conn.stage, conn.changed) = (Stage::Over, true);
            if conn.id.is_empty() {
                return Ok(());
            }
            self.shown.insert(conn.id.clone(), conn.member());
            return Ok(());
        }
        check!(!conn.is_expired(world.now), "A6: told after its grant has expired: {frame}");
        match (conn.stage, kind) {
            (Stage::New, "welcome") => self.welcome(world, conn, frame),
            (Stage::Unsigned, "welcome") => self.full_welcome(world, conn, frame),
            (Stage::Unsigned | Stage::Joined, "error") => self.refused(conn, frame),
            (Stage::Unsigned | Stage::Joined, "ack") => self.ack(conn, frame),
            (Stage::Joined, "message") => self.message(conn, frame),
            (Stage::Joined, "history") => self.page(world, conn, frame),
            (Stage::Joined, "resumed") => self.resumed(world, conn, frame),
            (Stage::Joined, "presence") => self.presence(conn, frame),
            (stage, _) => Err(format!("F: told at {stage:?}: {frame}")),
        }
    }

    fn welcome(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        conn.id = frame["connection"].as_str().unwrap_or_default().to_owned();
        conn.changed = true;
        self.name(conn)?;
        if self.has_entry_by_auth && conn.joiner.user.is_none() {
            let bare = frame["user"].is_null() && frame["epoch"].is_null() && frame["members"].is_null();
            check!(bare && frame["can"] == json!([]), "A7: {frame}");
            conn.stage = Stage::Unsigned;
            return Ok(());
        }
        self.full_welcome(world, conn, frame)
    }

    /// The connection goes on under its old name where it may, and else has a new one (rule P3).
    fn name(&mut self, conn: &mut Conn) -> Result<(), Fault> {
        conn.present = true;
        let old = conn.joiner.connection.clone().unwrap_or_default();
        let replaced = self.conns.values().find(|other| {
            let live = other.stage != Stage::Over || other.changed;
            other.id == old && live && other.joiner.user == conn.joiner.user
        });
        let departed = self.departures.contains(&old) && self.shown_user(&old) == conn.joiner.user.as_deref();
        if conn.id == old {
            conn.inherited = self.unanswered.remove(&old).unwrap_or_default();
            conn.inherited.extend(replaced.iter().flat_map(|replaced| replaced.unanswered()));
            check!(replaced.is_some() || departed, "P3: took the name {old}");
            if let Some(replaced) = replaced {
                (conn.present, conn.data) = (replaced.present, replaced.data.clone());
            } else {
                conn.present = !self.absent.contains(&old);
                conn.data = self.shown[&old].get("data").cloned();
            }
            return Ok(());
        }
        check!(self.names.insert(conn.id.clone()), "P3: the name {} was given twice", conn.id);
        let due = conn.joiner.user.is_some() && (replaced.is_some_and(|other| !other.changed) || departed);
        check!(!due || self.troubled, "P3: {old} came back as {}", conn.id);
        Ok(())
    }

    fn shown_user(&self, connection: &str) -> Option<&str> {
        self.shown.get(connection)?["user"].as_str()
    }

    fn full_welcome(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        conn.stage = Stage::Joined;
        conn.changed = true;
        conn.present &= self.watches(conn);
        check!(frame["user"].as_str() == conn.joiner.user.as_deref(), "A5: {frame}");
        let joiner = conn.joiner.clone();
        let asked = (joiner.epoch.as_deref(), joiner.after.as_deref().map(|after| after.parse().ok()));
        self.met(world, conn, frame, asked)?;
        conn.next = frame["seq"].as_u64().unwrap_or_default() + 1;
        conn.view = match (frame["members"].as_array(), frame["count"].as_u64()) {
            (Some(members), _) => View::List(by_connection(members)),
            (None, Some(count)) => View::Count(count),
            (None, None) => View::None,
        };
        check!((conn.view == View::None) != self.watches(conn), "P1: {frame}");
        if let View::List(members) = &conn.view {
            let own = members.get(&conn.id);
            // Whether one that goes on under an old name had left the list, only the machine knows for sure: its
            // `presence` may have been heard, and the ack not.
            let inherited = conn.joiner.connection.as_deref() == Some(conn.id.as_str());
            check!(own.is_some() == conn.present || inherited, "P2: the joiner in its list: {frame}");
            conn.present = own.is_some();
            check!(own.is_none_or(|own| *own == conn.member()), "P2: {own:?} is {:?}", conn.member());
        }
        check!(!(self.always_counted && matches!(conn.view, View::List(_))), "P4: {frame}");
        Ok(())
    }

    fn resumed(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        let Some(request) = conn.requests.get(id) else { return Err(format!("F2: unasked: {frame}")) };
        let (epoch, after) = (request.frame["epoch"].as_str().map(str::to_owned), request.frame["after"].as_u64());
        conn.answer(frame, None)?;
        check!(conn.next == self.ledger.stored() + 1, "D5: resumed at {}, it waits for {}", frame["seq"], conn.next);
        self.met(world, conn, frame, (epoch.as_deref(), Some(after)))
    }

    /// Every resume is honest (rule D4).
    fn met(
        &mut self,
        world: &World,
        conn: &mut Conn,
        frame: &Value,
        (epoch, after): (Option<&str>, Option<Option<u64>>),
    ) -> Result<(), Fault> {
        let (seq, how) = (frame["seq"].as_u64().unwrap_or_default(), frame["resume"].as_str().unwrap_or_default());
        let stored = self.ledger.stored();
        check!(seq == stored, "D4: the head is {stored}: {frame}");
        let life = frame["epoch"].as_str();
        check!(stored == 0 || life == self.ledger.epoch.as_deref(), "D3: the life is {:?}: {frame}", self.ledger.epoch);
        if !self.troubled {
            let (early, late) = (self.ledger.first(world.now), self.ledger.first(self.ledger.latest));
            let first = frame["first"].as_u64().unwrap_or_default();
            check!(early <= first && first <= late, "D4: the first is {early} to {late}: {frame}");
        }
        conn.replay = None;
        let must = match (epoch, after) {
            (_, None) => "fresh",
            (Some(epoch), Some(Some(after))) if Some(epoch) == life => self.must_meet(world, conn, after),
            (_, Some(_)) => "lost",
        };
        let excused = must != "fresh" && how == "lost" && (self.troubled || self.may_lose(conn, after));
        let much = if self.may(conn, "history") { "behind" } else { "lost" };
        let indebted = must == "recovered" && how == much && self.owes(conn, world.now);
        let damaged = must == "lost" && how == "behind" && self.is_behind_damage(conn, after);
        check!(how == must || excused || indebted || damaged, "D4: must be {must} after {after:?}: {frame}");
        if how == "recovered"
            && let Some(after) = after.flatten()
            && after < seq
        {
            conn.replay = Some((after + 1, seq));
            self.charge(conn, world.now, self.ledger.replay_bytes(after));
        }
        Ok(())
    }

    fn must_meet(&self, world: &World, conn: &Conn, after: u64) -> &'static str {
        let stored = self.ledger.stored();
        if after >= stored {
            return if after == stored { "recovered" } else { "lost" };
        }
        let oldest = self.ledger.kept(after + 1).map_or(0, |kept| kept.row.at);
        let short = !self.may(conn, "history") && oldest + SHORT_MEMORY < world.now;
        if after + 1 < self.ledger.first(world.now) || short || self.ledger.any_damaged(after + 1..=stored) {
            return "lost";
        }
        let much = self.ledger.replay_bytes(after) > self.ledger.limits.replay_bytes;
        match much {
            // Pages take the ability to read them.
            true if self.may(conn, "history") => "behind",
            true => "lost",
            false => "recovered",
        }
    }

    /// The clock was set back: what went out of bounds may have gone for good.
    fn may_lose(&self, conn: &Conn, after: Option<Option<u64>>) -> bool {
        let Some(after) = after.flatten() else { return true };
        let oldest = self.ledger.kept(after + 1).map_or(0, |kept| kept.row.at);
        let short = !self.may(conn, "history") && oldest + SHORT_MEMORY < self.ledger.latest;
        after + 1 < self.ledger.first(self.ledger.latest) || short
    }

    /// What cannot be read lies beyond what one replay carries: only the pages will tell.
    fn is_behind_damage(&self, conn: &Conn, after: Option<Option<u64>>) -> bool {
        let Some(after) = after.flatten() else { return false };
        let far = self.may(conn, "history");
        let held = after + 1 >= self.ledger.first(self.ledger.latest);
        far && held && self.ledger.replay_bytes(after) > self.ledger.limits.replay_bytes
    }

    fn charge(&mut self, conn: &Conn, now: Millis, bytes: u64) {
        self.charges.push((now, conn.payer(), bytes));
    }

    /// Whether earlier replays may have cost all that one may have replayed (rule D10).
    fn owes(&self, conn: &Conn, now: Millis) -> bool {
        let lately = |at: &Millis| at.abs_diff(now) < 30_000 || *at > now;
        let spent = self.charges.iter().filter(|(at, payer, _)| lately(at) && *payer == conn.payer());
        spent.map(|(_, _, bytes)| bytes).sum::<u64>() >= self.ledger.limits.replay_burst_bytes
    }

    fn message(&mut self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let said = self.ledger.is_as_said(frame)?.clone();
        let Some(seq) = frame["seq"].as_u64() else { return self.fleeting(conn, frame, &said.frame) };
        let kept = self.ledger.kept(seq).ok_or_else(|| format!("D2: told and not on disk: {frame}"))?;
        check!(kept.message == *frame, "D1: told as {frame}, kept as {}", kept.message);
        if let Some((next, until)) = conn.replay {
            check!(seq == next, "D4: the replay goes on with {next}, not {seq}");
            conn.replay = (next < until).then_some((next + 1, until));
            return Ok(());
        }
        check!(seq == conn.next, "D5: {} comes next, not {seq}", conn.next);
        conn.next += 1;
        self.in_order(conn, frame)?;
        if frame["from"]["connection"] == json!(conn.id) && conn.requests.contains_key(said.id.as_str()) {
            let inherited = conn.inherited.contains(said.id.as_str());
            check!(inherited || said.frame["echo"] != json!(false), "F5: an echo unwanted: {frame}");
            return conn.echo(frame, Some(()));
        }
        Ok(())
    }

    fn fleeting(&mut self, conn: &mut Conn, frame: &Value, said: &Value) -> Result<(), Fault> {
        let n = frame["data"]["n"].as_u64().unwrap_or_default();
        self.heard.entry(n).or_default().push(conn.client);
        self.in_order(conn, frame)?;
        if frame["from"]["connection"] == json!(conn.id)
            && conn.requests.contains_key(frame["id"].as_str().unwrap_or_default())
        {
            check!(said["echo"] != json!(false) && said["to"].is_null(), "F5: an echo unwanted: {frame}");
            conn.answer(frame, None)?;
        }
        Ok(())
    }

    /// What one connection says is heard in the order in which it was said (rule D1).
    fn in_order(&self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let (Some(from), Some(id)) = (frame["from"]["connection"].as_str(), frame["id"].as_str()) else {
            return Ok(());
        };
        let others = self.conns.values().filter(|other| other.id == from);
        let mut senders = others.chain((conn.id == from).then_some(&*conn)).filter(|it| it.requests.contains_key(id));
        // Of two connections of one name that asked the same, one cannot tell whose message it is.
        let (Some(sender), None) = (senders.next(), senders.next()) else { return Ok(()) };
        if sender.inherited.contains(id) {
            return Ok(());
        }
        let order = sender.requests[id].order;
        let last = conn.heard.insert(from.to_owned(), order).unwrap_or_default();
        check!(last < order, "D1: heard out of order: {frame}");
        Ok(())
    }

    fn ack(&mut self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        let asked = conn.requests.get(&id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(format!("F2: an ack of nothing: {frame}")) };
        conn.answer(frame, frame["seq"].as_u64().map(|_| ()))?;
        match asked["type"].as_str().unwrap_or_default() {
            "publish" => self.ack_publish(conn, frame, &asked),
            "auth" => self.granted(conn, &id),
            "presence" => {
                conn.present = !asked["data"].is_null();
                conn.data = Some(asked["data"].clone()).filter(|data| !data.is_null());
                Ok(())
            }
            _ => Err(format!("F2: an ack of {asked}")),
        }
    }

    fn ack_publish(&mut self, conn: &mut Conn, frame: &Value, asked: &Value) -> Result<(), Fault> {
        let n = asked["data"]["n"].as_u64().unwrap_or_default();
        let said = &self.ledger.said[usize::try_from(n).unwrap()];
        let Some(seq) = frame["seq"].as_u64() else {
            check!(!said.kept, "D2: an ack without seq: {frame}");
            self.delivered.extend(frame["delivered"].as_u64().map(|delivered| (n, delivered)));
            check!(frame["delivered"].is_null() || self.may(conn, "presence"), "F5: {frame}");
            return Ok(());
        };
        check!(said.kept, "D1: a seq for what is not kept: {frame}");
        let kept = self.ledger.kept(seq).ok_or_else(|| format!("D2: acknowledged and not on disk: {frame}"))?;
        let same = ["id", "event", "data"].iter().all(|field| kept.message[field] == asked[field]);
        let own = kept.message["from"]["user"].as_str() == conn.joiner.user.as_deref();
        check!(same && own, "D7: {asked} was acknowledged as {}", kept.message);
        if frame["duplicate"] == json!(true) {
            return Ok(());
        }
        check!(asked["echo"] == json!(false), "F2: an ack in the place of an echo: {frame}");
        check!(conn.replay.is_none() && seq == conn.next, "D5: {} comes next, not {seq}", conn.next);
        conn.next += 1;
        Ok(())
    }

    /// A grant takes the place of another at once (rule A5).
    fn granted(&self, conn: &mut Conn, id: &str) -> Result<(), Fault> {
        let Some(offered) = conn.offered.get(id).cloned() else { return Err(format!("A5: {id} was no token")) };
        let before = self.watches(conn);
        let Joiner { epoch, after, connection, .. } = conn.joiner.clone();
        check!(conn.joiner.user.is_none() || conn.joiner.user == offered.user, "A5: became {:?}", offered.user);
        conn.joiner = Joiner { epoch, after, connection, ..offered };
        conn.changed = true;
        if conn.stage == Stage::Unsigned {
            return Ok(());
        }
        let watches = self.watches(conn);
        if watches && !before {
            (conn.present, conn.fresh) = (true, true);
        }
        conn.present &= watches;
        if !watches {
            conn.view = View::None;
        }
        Ok(())
    }

    fn refused(&self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let Some(id) = frame["id"].as_str() else { return Ok(()) };
        let asked = conn.requests.get(id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(format!("F2: a refusal of nothing: {frame}")) };
        conn.answer(frame, None)?;
        self.is_fair(frame, &asked)
    }

    /// A conflict is one.
    pub fn is_fair(&self, refusal: &Value, asked: &Value) -> Result<(), Fault> {
        if refusal["code"] == "internal" || refusal["code"] == "over_capacity" {
            // What was asked over HTTP may be looked at steps after the trouble that refused it.
            let posted = asked.get("type").is_none();
            check!(self.troubled || self.full || posted, "D2: refused without trouble: {refusal}");
        }
        if refusal["code"] != "conflict" {
            return Ok(());
        }
        let Some(seq) = refusal["seq"].as_u64() else {
            let other = |said: &&crate::ledger::Saying| asked["id"] == said.id && said.frame["data"] != asked["data"];
            check!(self.ledger.said.iter().any(|said| other(&said)), "D7: no conflict: {refusal}");
            return Ok(());
        };
        check!(asked["if_seq"].as_u64().is_some_and(|head| head != seq), "D8: no conflict: {refusal} of {asked}");
        check!(seq <= self.ledger.stored(), "D2: {seq} was told and is not on disk: {refusal}");
        Ok(())
    }

    fn page(&mut self, world: &World, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        let asked = conn.requests.get(id).map(|request| request.frame.clone());
        let Some(asked) = asked else { return Err(format!("F2: unasked: {frame}")) };
        conn.answer(frame, None)?;
        check!(self.may(conn, "history"), "D10: {frame}");
        let bytes = self.is_page(
            world.now,
            frame,
            [asked["after"].as_u64(), asked["before"].as_u64()],
            asked["limit"].as_u64(),
        )?;
        self.charge(conn, world.now, bytes);
        Ok(())
    }

    /// A page is an unbroken piece of what is in bounds, but for rows that cannot be read (rule E2).
    pub fn is_page(
        &self,
        now: Millis,
        page: &Value,
        [after, before]: [Option<u64>; 2],
        limit: Option<u64>,
    ) -> Result<u64, Fault> {
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        let head = self.ledger.stored();
        let (early, late) = (self.ledger.first(now), self.ledger.first(self.ledger.latest));
        let (size, most) = (limit.unwrap_or(50).min(100), self.ledger.limits.replay_bytes);
        check!(messages.len() as u64 <= size, "E2: more than {size}: {page}");
        let seqs: Vec<u64> = messages.iter().filter_map(|message| message["seq"].as_u64()).collect();
        let mut bytes = 0;
        for message in &messages {
            let kept = message["seq"].as_u64().and_then(|seq| self.ledger.kept(seq));
            check!(kept.is_some_and(|kept| kept.message == *message), "D1: not as kept: {message}");
            bytes += kept.map_or(0, |kept| kept.bytes);
        }
        check!(bytes <= most || messages.len() == 1, "D4: a page of {bytes} bytes");
        let sound = |seq: &u64| !self.ledger.is_damaged(*seq);
        let (low, high) = match after {
            Some(after) => ((after + 1).max(early), seqs.last().copied().unwrap_or(head)),
            None => (seqs.first().copied().unwrap_or(late), before.unwrap_or(u64::MAX).min(head + 1).saturating_sub(1)),
        };
        let all: Vec<u64> = (low..=high).filter(sound).collect();
        let clipped: Vec<u64> = all.iter().copied().filter(|seq| *seq >= late).collect();
        check!(seqs == all || seqs == clipped, "E2: {all:?} were asked for: {seqs:?}");
        let more = if after.is_some() {
            seqs.last().is_some_and(|last| *last < head)
        } else {
            seqs.first().is_some_and(|first| *first > early)
        };
        check!(page["more"] == more || early != late, "E2: more is {more}: {seqs:?}");
        Ok(bytes)
    }

    fn presence(&self, conn: &mut Conn, frame: &Value) -> Result<(), Fault> {
        check!(self.watches(conn), "P1: {frame}");
        if let Some(members) = frame["members"].as_array() {
            check!(!self.always_counted, "P4: {frame}");
            conn.view = View::List(by_connection(members));
            return Ok(());
        }
        if let Some(count) = frame["count"].as_u64() {
            // That a number is told only when it changed is proven in tests/presence.rs: here, one who came and went
            // between two tellings may have been shown another.
            conn.view = View::Count(count);
            return Ok(());
        }
        let fresh = conn.fresh;
        let View::List(members) = &mut conn.view else { return Err(format!("P4: changes of no list: {frame}")) };
        for (change, known) in [("join", false), ("update", true)] {
            for (id, member) in by_connection(frame[change].as_array().map_or(&[], Vec::as_slice)) {
                let before = members.insert(id, member.clone());
                let news = before.is_some() == known && before.as_ref() != Some(&member);
                check!(news || fresh, "P2: no news: {change} of {member} after {before:?}");
            }
        }
        for member in frame["leave"].as_array().into_iter().flatten() {
            let gone = members.remove(member["connection"].as_str().unwrap_or_default());
            check!(gone.is_some() || fresh, "P2: no news: leave of {member}");
        }
        Ok(())
    }
}

impl Conn {
    fn is_expired(&self, now: Millis) -> bool {
        self.joiner.expires.is_some_and(|expires| expires <= now)
    }

    fn payer(&self) -> String {
        self.joiner.user.clone().unwrap_or_else(|| format!("connection {}", self.id))
    }

    /// How it stands in the list of members.
    fn member(&self) -> Value {
        let mut member = json!({"user": self.joiner.user, "connection": self.id});
        if let Some(info) = &self.joiner.info {
            member["info"] = info.clone();
        }
        if let Some(data) = &self.data {
            member["data"] = data.clone();
        }
        member
    }

    fn unanswered(&self) -> BTreeSet<String> {
        let open = self.requests.iter().filter(|(_, request)| request.answered < request.received);
        open.map(|(id, _)| id.clone()).chain(self.inherited.iter().cloned()).collect()
    }

    fn echo(&mut self, frame: &Value, ordered: Option<()>) -> Result<(), Fault> {
        let id = frame["id"].as_str().unwrap_or_default();
        if !self.inherited.contains(id) {
            return self.answer(frame, ordered);
        }
        let request = self.requests.get_mut(id);
        request.into_iter().for_each(|request| request.either += 1);
        Ok(())
    }

    /// A request is answered once for each time it was sent; answers that carry a seq keep the order of the requests.
    fn answer(&mut self, frame: &Value, ordered: Option<()>) -> Result<(), Fault> {
        let request = frame["id"].as_str().and_then(|id| self.requests.get_mut(id));
        let Some(request) = request else { return Err(format!("F2: an answer to nothing: {frame}")) };
        request.answered += 1;
        check!(request.answered <= request.received, "F2: answered twice: {frame}");
        if ordered.is_some() {
            check!(self.last_answer < request.order, "F2: answered out of order: {frame}");
            self.last_answer = request.order;
        }
        Ok(())
    }
}

/// Kept messages come in order, each once, and without a gap but where a loss was told.
fn is_in_order(told: &[Told]) -> Result<(), Fault> {
    let mut last: Option<(&str, u64)> = None;
    let mut over: BTreeSet<&str> = BTreeSet::new();
    for told in told {
        let (epoch, seq, lost) = match told {
            Told::Message { epoch, message } => match message["seq"].as_u64() {
                Some(seq) => (epoch.as_str(), seq, false),
                None => continue,
            },
            Told::Lost { epoch, seq } => (epoch.as_str(), *seq, true),
            Told::Answer { .. } | Told::Unknown { .. } => continue,
        };
        if let Some((life, before)) = last {
            let follows = if life == epoch { seq == before + 1 || (lost && seq >= before) } else { over.insert(life) };
            check!(follows, "D6: after {before} of {life} the app was told {told:?}");
            check!(!over.contains(epoch), "D3: the life {epoch} came back: {told:?}");
        }
        last = Some((epoch, seq));
    }
    Ok(())
}

fn by_connection(members: &[Value]) -> BTreeMap<String, Value> {
    members.iter().map(|it| (it["connection"].as_str().unwrap_or_default().to_owned(), it.clone())).collect()
}
