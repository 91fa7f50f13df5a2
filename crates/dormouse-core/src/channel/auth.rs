//! `auth` on an open connection: the grant is replaced at once, both ways (rules A5, A7).

use super::event::Event;
use crate::contract::Ability;
use crate::edge::session::{Session, Stage};
use crate::effect::{Level, LogLine, SessionKey};
use crate::grant::{Grant, Rights};
use crate::hub::Speaker;
use dormouse_protocol::error::{Close, Refusal};
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::RequestId;

impl Event<'_> {
    pub(super) fn authenticate(
        &mut self,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        token: &str,
    ) -> Result<(), Refusal> {
        self.hub.pass_auth(&self.cx, speaker)?;
        let claims = self.cx.config.verifier.verify(token, self.cx.now)?;
        if let (Some(why), Some(session)) = (&claims.unfit, self.edge.session(key)) {
            let line = LogLine { detail: Some(why.to_string()), ..LogLine::new(Level::Warn, "unfit_pattern") };
            let (connection, user) = (Some(session.kept.connection.clone()), Some(claims.user.clone()));
            self.cx.log(LogLine { connection, user, ..line });
        }
        let Some(before) = self.edge.session(key).cloned() else { return Ok(()) };
        self.at_edge(|edge, cx| edge.may_become(cx, key, &claims.user))?;
        let grant = claims.grant(&self.cx.config.name);
        let rights = Rights::of(self.cx.rules(), Some(&grant));
        // It is shown who is here, or where the channel stands.
        if before.sign_in_by().is_some() || (!before.watches && rights.may(&Ability::Presence)) {
            self.hub.must_know(&mut self.cx)?;
        }
        if !rights.may(&Ability::Join) {
            // What it said while it might is answered before the ack: after that it hears nothing (rules F2, A5).
            self.flush_now();
        }
        self.edge.answer(&mut self.cx, key, id, Ok(Ack::default()));
        self.regrant(key, before, grant);
        Ok(())
    }

    fn regrant(&mut self, key: SessionKey, before: Session, grant: Grant) {
        let mut kept = before.kept.clone();
        (kept.grant, kept.address) = (Some(grant), None);
        let awaited = match std::mem::take(&mut kept.stage) {
            Stage::Awaiting { resume, .. } => Some(resume),
            Stage::Joined | Stage::Leaving => None,
        };
        let mut session = Session::new(kept, self.cx.rules());
        if !session.rights.may(&Ability::Join) {
            return self.at_edge(|edge, cx| edge.disconnect(cx, key, Close::Forbidden, true));
        }
        let watches = session.watches;
        session.kept.present = match &awaited {
            Some(_) => watches,
            None => watches && (session.kept.present || !before.watches),
        };
        self.edge.replace(key, session);
        if let Some(resume) = awaited {
            return self.take_part(key, &resume);
        }
        self.regrant_presence(key, &before, watches);
        self.edge.save_attachment(&mut self.cx, key);
    }

    /// What a new grant changes on the list: rights gained or lost, and `info` that reads another way.
    fn regrant_presence(&mut self, key: SessionKey, before: &Session, watches: bool) {
        let Some(session) = self.edge.session(key) else { return };
        let (connection, member) = (session.kept.connection.clone(), session.kept.member());
        match session.kept.present {
            true => self.hub.enter(&connection, member),
            false => self.hub.leave(&connection),
        }
        if watches == before.watches {
            return;
        }
        self.edge.subscribe(&mut self.cx, key);
        if watches {
            self.hub.show_list(&connection, self.cx.limits());
            let here = match self.hub.members(self.cx.limits()) {
                Some(members) => frame::members(&members),
                None => frame::count(self.hub.member_count()),
            };
            self.edge.tell(&mut self.cx, key, here);
        }
    }
}
