//! Who is here: the list of members, what of it the others were told, and when it becomes a number (rules P1–P4).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::config::Limits;
use crate::name::{ConnectionId, Millis};
use crate::protocol::frame;

/// The members of a channel, by connection, so that the list reads the same before and after sleep.
#[derive(Debug)]
pub struct Presence {
    members: BTreeMap<ConnectionId, Rc<str>>,
    bytes: usize,
    /// What the others were told of each connection that changed since; `None` if it was not on the list.
    told: BTreeMap<ConnectionId, Option<Rc<str>>>,
    /// Those that changed more than once since.
    again: BTreeSet<ConnectionId>,
    mode: Mode,
    always_counted: bool,
    /// Someone was welcomed with another number than the others were told.
    ahead: bool,
}

/// How members are told who is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every change by name.
    List,
    /// Only how many, at most once in a while.
    Count {
        /// The number last told.
        told: u64,
        /// When it was told.
        at: Millis,
    },
}

/// The frames of one batch that tell what changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Goes before the batch's messages: nobody speaks before its join was told.
    pub before: Option<String>,
    /// Goes after them: a leave is not told before what the member said.
    pub after: Option<String>,
    /// The one whose join is all that changed: it knows from its welcome.
    pub newcomer: Option<ConnectionId>,
    /// Those who came and left the list before anyone else was told: only their own welcome shows them.
    pub unnoticed: Vec<ConnectionId>,
}

impl Presence {
    /// Nobody is here. `always_counted` where the contract says that only the number is ever told.
    pub const fn new(always_counted: bool) -> Self {
        let mode = if always_counted { Mode::Count { told: 0, at: 0 } } else { Mode::List };
        Self { members: BTreeMap::new(), bytes: 0, told: BTreeMap::new(), again: BTreeSet::new(), mode, always_counted, ahead: false }
    }

    /// Puts a member on the list, or changes it there, for the others to be told with the next batch.
    pub fn enter(&mut self, connection: &ConnectionId, member: String) {
        if self.members.get(connection).is_some_and(|known| **known == *member) {
            return;
        }
        self.bytes = self.bytes.saturating_add(member.len());
        let known = self.members.insert(connection.clone(), member.into());
        self.forget_bytes(known.as_ref());
        self.changed(connection, known);
    }

    /// Takes a member off the list.
    pub fn leave(&mut self, connection: &ConnectionId) {
        let Some(known) = self.members.remove(connection) else { return };
        self.forget_bytes(Some(&known));
        self.changed(connection, Some(known));
    }

    fn changed(&mut self, connection: &ConnectionId, known: Option<Rc<str>>) {
        match self.told.entry(connection.clone()) {
            Entry::Vacant(first) => drop(first.insert(known)),
            Entry::Occupied(_) => drop(self.again.insert(connection.clone())),
        }
    }

    /// After waking: what is on the list now was told before sleep.
    pub fn settled(&mut self, counted: bool) {
        self.all_told();
        if counted || self.always_counted {
            self.mode = Mode::Count { told: self.len(), at: 0 };
        }
    }

    /// The clock was set back: the number was not told later than now.
    pub fn set_back(&mut self, now: Millis) {
        if let Mode::Count { at, .. } = &mut self.mode {
            *at = (*at).min(now);
        }
    }

    /// How many are on the list.
    pub fn len(&self) -> u64 {
        u64::try_from(self.members.len()).unwrap_or(u64::MAX)
    }

    /// Whether nobody is on the list.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The list, encoded, unless it is a number now.
    pub fn list(&self) -> Option<Vec<&str>> {
        (self.mode == Mode::List).then(|| self.members.values().map(|member| &**member).collect())
    }

    /// The list for one who is told of changes from now on: as the others know it, since what they do not know yet
    /// comes to it too with the next batch, and itself as it is. `None` if it is a number now.
    pub fn list_for(&self, own: &ConnectionId) -> Option<Vec<&str>> {
        if self.mode != Mode::List {
            return None;
        }
        let mut list: BTreeMap<_, _> = self.members.iter().map(|(connection, member)| (connection, &**member)).collect();
        for (connection, known) in self.told.iter().filter(|(connection, _)| *connection != own) {
            match known {
                Some(known) => drop(list.insert(connection, known)),
                None => drop(list.remove(connection)),
            }
        }
        Some(list.into_values().collect())
    }

    /// The number for one who is told of changes from now on.
    pub fn count_for_one(&mut self) -> u64 {
        let count = self.len();
        self.ahead |= matches!(self.mode, Mode::Count { told, .. } if told != count);
        count
    }

    /// Whether the members are told as a number.
    pub const fn counted(&self) -> bool {
        matches!(self.mode, Mode::Count { .. })
    }

    /// Whether anything is to be told now, so that a batch is due.
    pub fn due(&self, now: Millis, limits: &Limits) -> bool {
        !self.told.is_empty() && self.due_at(limits).is_none_or(|at| at <= now)
    }

    /// When a changed number may be told; `None` where nothing waits for a time (rule P4).
    pub fn due_at(&self, limits: &Limits) -> Option<Millis> {
        match self.mode {
            Mode::Count { at, .. } if !self.told.is_empty() && !self.may_list(limits) => {
                Some(at.saturating_add(limits.count_every_ms))
            }
            Mode::Count { .. } | Mode::List => None,
        }
    }

    /// What the others are to be told with this batch, `alone` if it has nothing else; the flag says whether list
    /// and number changed places.
    pub fn tell(&mut self, now: Millis, limits: &Limits, alone: bool) -> (Told, bool) {
        if self.told.is_empty() {
            return (Told::default(), false);
        }
        match self.mode {
            Mode::List if self.must_count(limits) => {
                self.mode = Mode::Count { told: 0, at: 0 };
                (self.tell_count(now, limits), true)
            }
            Mode::List => (self.tell_changes(alone), false),
            Mode::Count { .. } if self.may_list(limits) => {
                self.mode = Mode::List;
                self.all_told();
                let members: Vec<_> = self.members.values().map(|member| &**member).collect();
                (Told { after: Some(frame::members(&members)), ..Told::default() }, true)
            }
            Mode::Count { .. } => (self.tell_count(now, limits), false),
        }
    }

    fn tell_count(&mut self, now: Millis, limits: &Limits) -> Told {
        let count = self.len();
        let Mode::Count { told, at } = self.mode else { return Told::default() };
        if now < at.saturating_add(limits.count_every_ms) {
            return Told::default();
        }
        self.all_told();
        // Where it has come back to what the others know, one who was welcomed in between knows another.
        if told == count && !std::mem::take(&mut self.ahead) {
            return Told::default();
        }
        self.ahead = false;
        self.mode = Mode::Count { told: count, at: now };
        Told { after: Some(frame::count(count)), ..Told::default() }
    }

    /// The net change of each connection since the last batch: whoever came and went in between is not told of.
    fn tell_changes(&mut self, alone: bool) -> Told {
        let (mut join, mut update, mut leave) = (Vec::new(), Vec::new(), Vec::new());
        let mut unnoticed = Vec::new();
        let told = std::mem::take(&mut self.told);
        let again = std::mem::take(&mut self.again);
        for (connection, known) in &told {
            match (known, self.members.get(connection)) {
                (None, Some(member)) => join.push(&**member),
                (Some(known), Some(member)) if known != member => update.push(&**member),
                (Some(known), None) => leave.push(&**known),
                (None, None) => unnoticed.push(connection.clone()),
                (Some(_), Some(_)) => {}
            }
        }
        let first = told.keys().next().filter(|first| told.len() == 1 && !again.contains(*first));
        let newcomer = first.filter(|_| join.len() == 1).cloned();
        if alone && !(join.is_empty() && update.is_empty() && leave.is_empty()) {
            return Told { before: Some(frame::changes(&join, &update, &leave)), after: None, newcomer, unnoticed };
        }
        let arrivals = !join.is_empty() || !update.is_empty();
        Told {
            before: arrivals.then(|| frame::changes(&join, &update, &[])),
            after: (!leave.is_empty()).then(|| frame::changes(&[], &[], &leave)),
            newcomer,
            unnoticed,
        }
    }

    fn all_told(&mut self) {
        self.told.clear();
        self.again.clear();
    }

    fn must_count(&self, limits: &Limits) -> bool {
        self.members.len() > limits.presence_list || self.bytes > limits.presence_bytes
    }

    /// The list comes back at fewer members than it went at, and at three quarters of the bytes, so that one who
    /// comes and goes at the bound does not make it flicker.
    fn may_list(&self, limits: &Limits) -> bool {
        let bytes = limits.presence_bytes.saturating_mul(3) / 4;
        !self.always_counted && self.members.len() <= limits.presence_list_back && self.bytes <= bytes
    }

    fn forget_bytes(&mut self, known: Option<&Rc<str>>) {
        self.bytes = self.bytes.saturating_sub(known.map_or(0, |known| known.len()));
    }
}
