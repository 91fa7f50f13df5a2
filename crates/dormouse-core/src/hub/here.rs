//! Who is here, as the edge tells it and as members are told: the list, or a number where it would be too long
//! (rules P1, P2, P4).

use super::Hub;
use crate::limits::Limits;
use dormouse_protocol::frame;
use dormouse_protocol::name::{ConnectionId, Millis};

impl Hub {
    /// A member enters the list, or changes what it shows there.
    pub(crate) fn enter(&mut self, connection: &ConnectionId, member: String) {
        self.presence.enter(connection, member);
    }

    /// A member leaves the list.
    pub(crate) fn leave(&mut self, connection: &ConnectionId) {
        self.presence.leave(connection);
    }

    /// A member leaves the list and stays connected.
    pub(crate) fn hide(&mut self, connection: &ConnectionId) {
        self.presence.hide(connection);
    }

    /// A member is on the list since before sleep.
    pub(crate) fn recall(&mut self, connection: &ConnectionId, member: String) {
        self.presence.recall(connection, member);
    }

    /// So many members sleep on, so many bytes long in the list.
    pub(crate) fn count_asleep(&mut self, members: usize, bytes: usize) {
        self.presence.add_hibernated(members, bytes);
    }

    /// One of those that slept is read whole: it was so many bytes long in the list.
    pub(crate) fn count_awake(&mut self, bytes: usize) {
        self.presence.hydrate(bytes);
    }

    /// After waking: whether the members were told as a number before sleep.
    pub(crate) fn recall_mode(&mut self, counted: bool) {
        self.presence.resume(counted);
    }

    /// A joiner is shown who is here.
    pub(crate) fn show_list(&mut self, joiner: &ConnectionId, limits: &Limits) {
        self.presence.show(joiner, limits);
    }

    /// The members, encoded, unless they are told as a number.
    pub(crate) fn members(&self, limits: &Limits) -> Option<Vec<&str>> {
        self.presence.list(limits)
    }

    /// How many members there are.
    pub(crate) fn member_count(&self) -> u64 {
        self.presence.count()
    }

    /// Whether the members are told as a number.
    pub(crate) const fn is_counted(&self) -> bool {
        self.presence.counted()
    }

    /// Whether the list is to come back, for which every member must be known by name.
    pub(crate) fn needs_names(&self, limits: &Limits) -> bool {
        self.presence.needs_names(limits)
    }

    /// Whether the others have yet to be told of a change.
    pub(crate) fn has_untold(&self) -> bool {
        self.presence.is_untold()
    }

    /// When a changed number may be told, by the steady clock. One that is due while a batch is open leaves with it.
    pub(crate) fn count_due_at(&self, limits: &Limits) -> Option<Millis> {
        self.presence.due_at(limits).filter(|_| self.batch_window.is_none() && self.loaded)
    }

    /// Nobody is connected who was ever told anything.
    pub(crate) fn forget_changes(&mut self, limits: &Limits) {
        self.presence.unheard(limits);
    }

    /// What tells the list of members from others; nothing where not all of it is told.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        self.presence.fingerprint()
    }

    /// The list, or how many are on it, for some who may have missed what changed in it.
    pub(crate) fn show_again(&mut self, limits: &Limits) -> String {
        self.presence.show_again();
        match self.members(limits) {
            Some(members) => frame::members(&members),
            None => frame::count(self.member_count()),
        }
    }
}
