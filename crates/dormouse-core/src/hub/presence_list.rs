//! Who is here: the list of members, what of it the others were told, and when it becomes a number (rules P1–P4).

use std::rc::Rc;

use crate::limits::Limits;
use crate::member_map::MemberMap;
use dormouse_protocol::frame;
use dormouse_protocol::name::{ConnectionId, Millis};
use xxhash_rust::xxh64::xxh64;

/// The members of a channel, by connection, so that the list reads the same before and after sleep.
#[derive(Debug)]
pub(crate) struct PresenceList {
    members: MemberMap<ConnectionId, Rc<str>>,
    /// How many more are on the list whose sessions sleep: only while it is a number.
    asleep: usize,
    /// How long the list is, hibernated sessions included.
    bytes: usize,
    /// The hashes of all members on the list, each flipping its bits: two lists that differ have another, but by chance.
    sum: u64,
    /// What the others are to be told of.
    changes: MemberMap<ConnectionId, Box<Change>>,
    mode: Mode,
    /// Whether list and number changed places since the last telling.
    switched: bool,
    always_counted: bool,
}

/// A connection whose place on the list changed.
#[derive(Debug)]
struct Change {
    /// What the others were told of it before; `None` if it was not on the list.
    told: Option<Rc<str>>,
    /// What it was when it was last on the list.
    last: Rc<str>,
    /// Whether somebody was shown a list since, in which it stood otherwise than the others were told.
    shown: bool,
    /// What it was shown of itself when it came.
    own: Option<Rc<str>>,
}

/// How members are told who is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every change by name.
    List,
    /// Only how many, at most once in a while.
    Count {
        /// The number that everyone was told last; `None` where they were told different ones.
        told: Option<u64>,
        /// When it was told, by a clock that is never set back.
        at: Millis,
    },
}

impl Mode {
    /// A number that nobody was told yet.
    const COUNT: Self = Self::Count { told: None, at: 0 };
}

/// The frames of one batch that tell what changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Goes before the batch's messages: nobody speaks before its join was told.
    pub before: Option<String>,
    /// Goes after them: a leave is not told before what the member said.
    pub after: Option<String>,
    /// The one whose join is all that changed: it knows from its welcome.
    pub newcomer: Option<ConnectionId>,
}

impl PresenceList {
    /// Nobody is here. `always_counted` where the contract says that only the number is ever told.
    pub(crate) const fn new(always_counted: bool) -> Self {
        let mode = if always_counted { Mode::COUNT } else { Mode::List };
        Self {
            members: MemberMap::new(),
            asleep: 0,
            bytes: 0,
            sum: 0,
            changes: MemberMap::new(),
            mode,
            switched: false,
            always_counted,
        }
    }

    /// Puts a member on the list whom the others know of from before sleep.
    pub(crate) fn recall(&mut self, connection: &ConnectionId, member: String) {
        self.bytes = self.bytes.saturating_add(member.len());
        self.sum ^= xxh64(member.as_bytes(), 0);
        let known = self.members.insert(connection.clone(), member.into());
        self.forget_bytes(known.as_ref());
        if let (Mode::Count { told: Some(told), .. }, None) = (&mut self.mode, known) {
            *told = told.saturating_add(1);
        }
    }

    /// Counts so many members whose sessions sleep, so many bytes long in the list.
    pub(super) fn add_hibernated(&mut self, members: usize, bytes: usize) {
        self.asleep = self.asleep.saturating_add(members);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A hibernated session is read whole: it is counted no more, and [recalled](Self::recall) next.
    pub(crate) fn hydrate(&mut self, bytes: usize) {
        self.asleep = self.asleep.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Mode::Count { told: Some(told), .. } = &mut self.mode {
            *told = told.saturating_sub(1);
        }
    }

    /// Whether the list is to come back, for which every member must be known by name.
    pub(crate) fn needs_names(&self, limits: &Limits) -> bool {
        self.asleep > 0 && !self.changes.is_empty() && self.may_list(limits)
    }

    /// Puts a member on the list, or changes it there, for the others to be told with the next batch.
    pub(crate) fn enter(&mut self, connection: &ConnectionId, member: String) {
        if self.members.get(connection).is_some_and(|known| **known == *member) {
            return;
        }
        self.bytes = self.bytes.saturating_add(member.len());
        self.sum ^= xxh64(member.as_bytes(), 0);
        let member: Rc<str> = member.into();
        let known = self.members.insert(connection.clone(), Rc::clone(&member));
        self.forget_bytes(known.as_ref());
        self.change(connection, known, member);
    }

    /// Takes a member off the list.
    pub(crate) fn leave(&mut self, connection: &ConnectionId) {
        let Some(known) = self.members.remove(connection) else { return };
        self.forget_bytes(Some(&known));
        self.change(connection, Some(Rc::clone(&known)), known);
    }

    /// Takes a member off the list who stays connected, and so must be told if it was shown itself.
    pub(crate) fn hide(&mut self, connection: &ConnectionId) {
        self.leave(connection);
        if let Some(change) = self.changes.get_mut(connection) {
            change.shown |= change.own.is_some();
        }
    }

    fn change(&mut self, connection: &ConnectionId, told: Option<Rc<str>>, last: Rc<str>) {
        match self.changes.get_mut(connection) {
            Some(change) => change.last = last,
            None => {
                drop(self.changes.insert(connection.clone(), Change { told, last, shown: false, own: None }.into()))
            }
        }
    }

    /// After waking: whether the members were told as a number before sleep.
    pub(crate) fn resume(&mut self, counted: bool) {
        if counted || self.always_counted {
            self.mode = Mode::Count { told: Some(self.count()), at: 0 };
        }
    }

    /// Nobody is connected who was ever told anything: list or number is decided anew, and nothing waits.
    pub(crate) fn unheard(&mut self, limits: &Limits) {
        self.changes.clear();
        self.switched = false;
        self.mode = Mode::List;
        self.resume(self.must_count(limits));
    }

    /// A joiner is shown who is here, changes included that nobody was told of yet. Should they be undone before they
    /// are told, it must be told all the same. And one who makes the list too long is shown a number.
    pub(crate) fn show(&mut self, joiner: &ConnectionId, limits: &Limits) {
        // Of a number nobody is told who came and went: the changes are passed over.
        let listed = if self.mode == Mode::List { Some(&mut self.changes) } else { None };
        for (connection, change) in listed.into_iter().flat_map(MemberMap::iter_mut) {
            change.own = if connection == joiner { self.members.get(connection).cloned() } else { change.own.take() };
            // One that is shown a list without itself does not know from it how it stands there.
            let knows = connection == joiner && (change.own.is_some() || change.told.is_none());
            change.shown |= !knows && self.members.get(connection) != change.told.as_ref();
        }
        let count = self.count();
        match self.mode {
            Mode::Count { told, at } => {
                self.mode = Mode::Count { told: told.filter(|told| *told == count), at };
            }
            Mode::List if self.must_count(limits) => (self.mode, self.switched) = (Mode::COUNT, true),
            Mode::List => {}
        }
    }

    /// How many are on the list.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.size()).unwrap_or(u64::MAX)
    }

    fn size(&self) -> usize {
        self.members.len().saturating_add(self.asleep)
    }

    /// The list, encoded, unless it is a number now.
    pub(crate) fn list(&self, limits: &Limits) -> Option<Vec<&str>> {
        let listed = self.mode == Mode::List && !self.must_count(limits);
        listed.then(|| self.members.values().map(|member| &**member).collect())
    }

    /// What tells this list from others, all that changed in it being told; nothing where something is untold.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        if self.is_untold() {
            return None;
        }
        Some(if self.mode == Mode::List { self.sum } else { self.count() })
    }

    /// Some are shown the list, as they may have missed what changed in it: what is untold is told to them too.
    pub(crate) fn show_again(&mut self) {
        for (connection, change) in self.changes.iter_mut() {
            change.shown |= self.members.get(connection) != change.told.as_ref();
        }
    }

    /// Whether the members are told as a number.
    pub(crate) const fn counted(&self) -> bool {
        matches!(self.mode, Mode::Count { .. })
    }

    /// Whether the others have yet to be told of a change.
    pub(crate) fn is_untold(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether anything is to be told now, so that a batch is due.
    pub(crate) fn due(&self, now: Millis, limits: &Limits) -> bool {
        !self.changes.is_empty() && self.due_at(limits).is_none_or(|at| at <= now)
    }

    /// When a changed number may be told; `None` where nothing waits for a time (rule P4).
    pub(crate) fn due_at(&self, limits: &Limits) -> Option<Millis> {
        match self.mode {
            Mode::Count { at, .. } if !self.changes.is_empty() && !self.may_list(limits) => {
                Some(at.saturating_add(limits.count_every_ms))
            }
            Mode::Count { .. } | Mode::List => None,
        }
    }

    /// What the others are to be told with this batch, `alone` if it has nothing else; the flag says whether list
    /// and number changed places.
    pub(crate) fn tell(&mut self, now: Millis, limits: &Limits, alone: bool) -> (Told, bool) {
        if self.changes.is_empty() {
            return (Told::default(), false);
        }
        let told = match self.mode {
            Mode::List if self.must_count(limits) => {
                (self.mode, self.switched) = (Mode::COUNT, true);
                self.tell_count(now, limits)
            }
            Mode::List => self.tell_changes(alone),
            Mode::Count { .. } if self.may_list(limits) => {
                (self.mode, self.switched) = (Mode::List, true);
                self.changes.clear();
                let members: Vec<_> = self.members.values().map(|member| &**member).collect();
                Told { after: Some(frame::members(&members)), ..Told::default() }
            }
            Mode::Count { .. } => self.tell_count(now, limits),
        };
        (told, std::mem::take(&mut self.switched))
    }

    fn tell_count(&mut self, now: Millis, limits: &Limits) -> Told {
        let count = self.count();
        let Mode::Count { told, at } = self.mode else { return Told::default() };
        if now < at.saturating_add(limits.count_every_ms) {
            return Told::default();
        }
        self.changes.clear();
        if told == Some(count) {
            return Told::default();
        }
        self.mode = Mode::Count { told: Some(count), at: now };
        Told { after: Some(frame::count(count)), ..Told::default() }
    }

    /// The net change of each connection since the last batch: whoever came and went in between is not told of, unless
    /// somebody was shown it.
    fn tell_changes(&mut self, alone: bool) -> Told {
        let (mut join, mut update, mut leave) = (Vec::new(), Vec::new(), Vec::new());
        let changes = std::mem::take(&mut self.changes);
        for (connection, change) in changes.iter() {
            let Change { told, last, shown, own } = &**change;
            let stale = |member| *shown || own.as_ref().is_some_and(|own| own != member);
            match (told, self.members.get(connection)) {
                (None, Some(member)) => join.push(&**member),
                (Some(told), Some(member)) if told != member || stale(member) => update.push(&**member),
                (Some(told), None) => leave.push(&**told),
                (None, None) if *shown => {
                    join.push(&**last);
                    leave.push(&**last);
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        let knows =
            |(connection, change): &(&ConnectionId, &Change)| self.members.get(*connection) == change.own.as_ref();
        let only = changes
            .iter()
            .map(|(connection, change)| (connection, &**change))
            .next()
            .filter(|_| changes.len() == 1 && join.len() == 1 && leave.is_empty());
        let newcomer = only.filter(knows).map(|(connection, _)| connection.clone());
        if alone && !(join.is_empty() && update.is_empty() && leave.is_empty()) {
            return Told { before: Some(frame::changes(&join, &update, &leave)), after: None, newcomer };
        }
        let arrivals = !join.is_empty() || !update.is_empty();
        Told {
            before: arrivals.then(|| frame::changes(&join, &update, &[])),
            after: (!leave.is_empty()).then(|| frame::changes(&[], &[], &leave)),
            newcomer,
        }
    }

    fn must_count(&self, limits: &Limits) -> bool {
        self.size() > limits.presence_list || self.bytes > limits.presence_bytes
    }

    /// The list comes back at fewer members than it went at, and at three quarters of the bytes, so that one who
    /// comes and goes at the bound does not make it flicker.
    fn may_list(&self, limits: &Limits) -> bool {
        let bytes = limits.presence_bytes.saturating_mul(3) / 4;
        !self.always_counted && self.size() <= limits.presence_list_back && self.bytes <= bytes
    }

    fn forget_bytes(&mut self, known: Option<&Rc<str>>) {
        let Some(known) = known else { return };
        self.bytes = self.bytes.saturating_sub(known.len());
        self.sum ^= xxh64(known.as_bytes(), 0);
    }
}
