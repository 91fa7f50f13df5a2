//! Reading what was kept: `resume` and `history` over a connection (rules D4, D10).

use super::receive::Speaker;
use super::{Channel, Turn};
use crate::contract::Ability;
use crate::effect::{Level, LogLine, SessionKey};
use crate::history::{Asked, Found, Replay};
use crate::session::Session;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, Resumed, Standing};
use dormouse_protocol::name::{Millis, RequestId};
use dormouse_protocol::request::Page;

/// How long one with too much unread should wait before it asks for more, in milliseconds.
const UNREAD_RETRY: Millis = 1_000;

impl Channel {
    pub(super) fn resume(
        &mut self,
        turn: &mut Turn<'_>,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        epoch: Option<String>,
        after: Option<u64>,
    ) -> Result<(), Refusal> {
        self.pass_general(turn.now, speaker)?;
        self.must_keep()?;
        self.must_read(turn, key)?;
        self.must_know(turn.now)?;
        let Some(session) = self.roster.session(key).cloned() else { return Ok(()) };
        self.solvent(turn.now, speaker)?;
        let far = speaker.rights.may(&Ability::History);
        let asked = match (epoch, after) {
            (Some(epoch), Some(after)) => Asked::After { epoch, after, far },
            _ => Asked::Nonsense,
        };
        let replay = self.replay(turn, &session, &asked)?;
        let first = self.first(turn);
        let epoch = session.kept.epoch.as_ref().map(|epoch| epoch.as_str()).unwrap_or_default();
        let standing = Standing { epoch, seq: self.history.stored(), first, resumed: replay.resumed };
        let resumed = frame::resumed(id, &standing);
        let pieces = std::iter::once(resumed.as_str()).chain(replay.pieces.iter().map(String::as_str));
        if let Some(text) = frame::batch(pieces) {
            self.tell(key, text);
        }
        Ok(())
    }

    pub(super) fn page(
        &mut self,
        turn: &mut Turn<'_>,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        page: &Page,
    ) -> Result<(), Refusal> {
        self.pass_general(turn.now, speaker)?;
        self.may_page(speaker)?;
        self.must_read(turn, key)?;
        let found = self.find(turn, speaker, page)?;
        self.tell(key, frame::history(id, &found.messages, found.more));
        Ok(())
    }

    /// Whether there is anything to page through, and this one may.
    pub(super) fn may_page(&self, speaker: &Speaker) -> Result<(), Refusal> {
        self.must_keep()?;
        if speaker.rights.may(&Ability::History) {
            return Ok(());
        }
        Err(speaker.lacks("Your token does not allow reading history here."))
    }

    /// A page for one who may have it, over a connection or HTTP.
    pub(super) fn find(&mut self, turn: &mut Turn<'_>, speaker: &Speaker, page: &Page) -> Result<Found, Refusal> {
        self.must_know(turn.now)?;
        self.solvent(turn.now, speaker)?;
        let found = match self.history.page(page, turn.now, &self.limits, turn.storage) {
            Ok(found) => found,
            Err(error) => return Err(self.storage_refusal(turn.now, &error)),
        };
        self.log_corrupt(found.corrupt);
        self.charge(turn.now, speaker, found.messages.len() as u64);
        Ok(found)
    }

    /// What was kept after a position. One in debt for earlier replays pages for it instead (rule D10).
    pub(super) fn replay(&mut self, turn: &mut Turn<'_>, session: &Session, asked: &Asked) -> Result<Replay, Refusal> {
        let replay = match self.history.replay(asked, turn.now, &self.limits, turn.storage) {
            Ok(replay) => replay,
            Err(error) => return Err(self.storage_refusal(turn.now, &error)),
        };
        self.log_corrupt(replay.corrupt);
        let speaker = Speaker::of(SessionKey(0), session);
        if replay.pieces.is_empty() {
            // Finding out that it was too much has read as much as is ever pushed.
            if replay.resumed == Resumed::Behind {
                self.charge(turn.now, &speaker, self.limits.replay_bytes);
            }
            return Ok(replay);
        }
        if self.solvent(turn.now, &speaker).is_err() {
            return Ok(Replay { resumed: asked.too_much(), pieces: Vec::new(), corrupt: None });
        }
        self.charge(turn.now, &speaker, replay.bytes());
        Ok(replay)
    }

    /// Where the history stands must be known, or answers about it would be wrong.
    pub(super) fn must_know(&mut self, now: Millis) -> Result<(), Refusal> {
        if self.loaded { Ok(()) } else { Err(self.internal(now, "the history was not read yet".to_owned())) }
    }

    fn must_keep(&self) -> Result<(), Refusal> {
        if self.rules.keeps() { Ok(()) } else { Err(Code::NotKept.into()) }
    }

    /// One who has not read what it was sent gets no more of it now (rule D10).
    fn must_read(&self, turn: &Turn<'_>, key: SessionKey) -> Result<(), Refusal> {
        let unread = turn.links.unsent(key).saturating_add(self.unread.told_now(key));
        if unread <= self.limits.replay_unsent_bytes {
            return Ok(());
        }
        let refusal = Refusal::rate_limited(UNREAD_RETRY);
        Err(Refusal { message: "Read first what was sent to you, then ask for more.".to_owned(), ..refusal })
    }

    fn log_corrupt(&mut self, corrupt: Option<u64>) {
        if let Some(first) = corrupt {
            let detail = Some(format!("the row from seq {first} cannot be read"));
            self.log(LogLine { detail, ..LogLine::new(Level::Error, "storage") });
        }
    }
}
