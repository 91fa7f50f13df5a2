//! `auth` on an open connection: the grant is replaced at once, both ways (rules A5, A7).

use super::receive::Speaker;
use super::{Channel, Turn};
use crate::contract::Ability;
use crate::effect::{Effect, SessionKey};
use crate::grant::Rights;
use crate::grant::{Claims, Grant};
use crate::hibernated_session::Wanted;
use crate::session::{Session, Stage};
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::RequestId;

impl Channel {
    pub(super) fn sign_in(
        &mut self,
        turn: &mut Turn<'_>,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        token: &str,
    ) -> Result<(), Refusal> {
        self.pass_auth(turn.now, speaker)?;
        let claims =
            self.verifier.verify(token, turn.now).map_err(|error| Refusal::new(Code::Unauthenticated, error.hint()))?;
        let Some(before) = self.roster.session(key).cloned() else { return Ok(()) };
        if before.kept.user().is_none() {
            let wanted = Wanted::new(std::iter::once(claims.user.as_str()), std::iter::empty());
            self.hydrate_named(turn.links, &wanted);
        }
        self.may_become(&before, &claims)?;
        let grant = claims.grant(&self.name);
        let rights = Rights::of(&self.rules, Some(&grant));
        // It is shown who is here, or where the channel stands.
        if before.sign_in_by().is_some() || (!before.watches && rights.may(&Ability::Presence)) {
            self.must_know(turn.now)?;
        }
        if !rights.may(&Ability::Join) {
            // What it said while it might is answered before the ack: after that it hears nothing (rules F2, A5).
            self.flush_now(turn);
        }
        self.answer(speaker.asker, id, Ok(Ack::default()));
        self.regrant(turn, key, before, grant);
        Ok(())
    }

    /// One who signed in stays who it is; an anonymous one may become any user who has a connection left.
    fn may_become(&self, before: &Session, claims: &Claims) -> Result<(), Refusal> {
        match before.kept.user() {
            Some(user) if *user != claims.user => {
                Err(Refusal::new(Code::Forbidden, "The token is another user's: join anew to become someone else."))
            }
            Some(_) => Ok(()),
            None => {
                if self.may_connect(claims.user.as_str(), false) {
                    return Ok(());
                }
                let most = self.limits.connections_per_user;
                Err(Refusal::new(Code::OverCapacity, format!("A user has at most {most} connections here.")))
            }
        }
    }

    fn regrant(&mut self, turn: &mut Turn<'_>, key: SessionKey, before: Session, grant: Grant) {
        let mut kept = before.kept.clone();
        (kept.grant, kept.address) = (Some(grant), None);
        let awaited = match std::mem::take(&mut kept.stage) {
            Stage::Awaiting { resume, .. } => Some(resume),
            Stage::Joined | Stage::Leaving => None,
        };
        let session = Session::new(kept, &self.rules);
        let (may_join, watches) = (session.rights.may(&Ability::Join), session.watches);
        if !may_join {
            return self.disconnect(turn.now, key, Close::Forbidden, true);
        }
        self.roster.put(key, session);
        if let Some(resume) = awaited {
            if let Some(session) = self.roster.session_mut(key) {
                session.kept.present = watches;
            }
            self.take_part(turn, key, &resume);
            return;
        }
        self.regrant_presence(key, &before, watches);
        self.save_attachment(key);
    }

    /// What a new grant changes on the list: rights gained or lost, and `info` that reads another way.
    fn regrant_presence(&mut self, key: SessionKey, before: &Session, watches: bool) {
        let Some(session) = self.roster.session_mut(key) else { return };
        if watches && !before.watches {
            session.kept.present = true;
        }
        session.kept.present &= watches;
        let (connection, member) = (session.kept.connection.clone(), session.kept.member());
        let (present, subscription) = (session.kept.present, session.subscription());
        if present {
            self.presence.enter(&connection, member);
        } else {
            self.presence.leave(&connection);
        }
        if watches == before.watches {
            return;
        }
        self.effects.push(Effect::Subscribe { session: key, subscription });
        if watches {
            self.presence.show(&connection, &self.limits);
            let here = match self.presence.list(&self.limits) {
                Some(members) => frame::members(&members),
                None => frame::count(self.presence.count()),
            };
            self.tell(key, here);
        }
    }
}
