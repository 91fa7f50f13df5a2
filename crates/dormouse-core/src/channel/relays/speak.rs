//! What the machine wants done for relayed members, told to their relays.

use super::{Place, Relays};
use crate::effect::{Effect, SessionKey, Subscription};
use crate::link::{Down, Hears, Number};
use crate::sorted_vec::SortedVec;

impl Relays {
    /// Takes out what is for relayed members, and answers what is left for the shell.
    pub(in crate::channel) fn absorb(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        if self.places.is_empty() {
            return effects;
        }
        effects.into_iter().filter_map(|effect| self.absorb_one(effect)).collect()
    }

    fn absorb_one(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Tell { session, text } => match self.places.get(&session).cloned() {
                Some(place) => self.push(&place.relay, &Down::Tell(vec![place.number], text)),
                None => return Some(Effect::Tell { session, text }),
            },
            Effect::TellMany { sessions, text } => {
                let (sessions, relayed) = self.parted(sessions);
                for (relay, numbers) in relayed {
                    self.push(&relay, &Down::Tell(numbers, text.clone()));
                }
                return (!sessions.is_empty()).then_some(Effect::TellMany { sessions, text });
            }
            Effect::Broadcast { subscription, except, text } => {
                let except = self.broadcast(subscription, except, &text);
                return Some(Effect::Broadcast { subscription, except, text });
            }
            Effect::Subscribe { session, subscription } => match self.places.get(&session).cloned() {
                Some(place) => self.subscribe(&place, subscription.into(), true),
                None => return Some(Effect::Subscribe { session, subscription }),
            },
            Effect::SaveAttachment { session, attachment } => match self.places.get(&session).cloned() {
                Some(place) => self.save(&place, session, attachment),
                None => return Some(Effect::SaveAttachment { session, attachment }),
            },
            Effect::HangUp { session, code, reason } => match self.places.get(&session).cloned() {
                Some(place) => {
                    self.push(&place.relay, &Down::End(place.number));
                    self.ended.push(session);
                }
                None => return Some(Effect::HangUp { session, code, reason }),
            },
            Effect::Drop { session } => match self.places.remove(&session) {
                Some(place) => self.forget(&place),
                None => return Some(Effect::Drop { session }),
            },
            other => return Some(other),
        }
        None
    }

    fn push(&mut self, relay: &str, item: &Down) {
        if let Some(link) = self.links.get_mut(relay) {
            link.push(item);
        }
    }

    /// Sessions with sockets, and relayed members by relay.
    fn parted(&self, sessions: Vec<SessionKey>) -> (Vec<SessionKey>, SortedVec<Box<str>, Vec<Number>>) {
        let mut relayed: SortedVec<Box<str>, Vec<Number>> = SortedVec::new();
        let mut direct = Vec::new();
        for session in sessions {
            match self.places.get(&session) {
                Some(place) => {
                    relayed.ensure(place.relay.clone(), Vec::new);
                    if let Some(numbers) = relayed.get_mut(&*place.relay) {
                        numbers.push(place.number);
                    }
                }
                None => direct.push(session),
            }
        }
        (direct, relayed)
    }

    /// One text for each relay on which anybody hears it; answers which sockets are excepted.
    fn broadcast(&mut self, subscription: Subscription, except: Vec<SessionKey>, text: &str) -> Vec<SessionKey> {
        let (direct, relayed) = self.parted(except);
        let hears = Hears::from(subscription);
        for (relay, link) in self.links.iter_mut() {
            let except = relayed.get(relay).cloned().unwrap_or_default();
            if link.hearing(hears) > except.len() {
                link.push(&Down::Broadcast(hears, except, text.to_owned()));
            }
        }
        direct
    }

    /// A member hears so much from now on; the relay is told where it does not know.
    pub(in crate::channel) fn hears(&mut self, session: SessionKey, subscription: Subscription) {
        if let Some(place) = self.places.get(&session).cloned() {
            self.subscribe(&place, subscription.into(), false);
        }
    }

    fn subscribe(&mut self, place: &Place, hears: Hears, told: bool) {
        let Some(link) = self.links.get_mut(&place.relay) else { return };
        if link.set_hears(place.number, hears) && told {
            link.push(&Down::Subscribe(place.number, hears));
        }
    }

    fn save(&mut self, Place { relay, life, number }: &Place, key: SessionKey, attachment: String) {
        self.rows.put((relay, *life, *number), key, attachment);
    }

    fn forget(&mut self, Place { relay, life, number }: &Place) {
        self.rows.remove(relay, *life, *number);
        if let Some(link) = self.links.get_mut(relay).filter(|link| link.is_of(*life)) {
            link.unbind(*number);
        }
    }
}
