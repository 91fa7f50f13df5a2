//! Reading what was kept: replays after a position, and pages (rules D4, D10).

use super::history::{Asked, Found, Replay};
use super::{Hub, Speaker};
use crate::context::Context;
use crate::contract::Ability;
use crate::effect::{Level, LogLine};
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::frame::{self, Resumed, Standing};
use dormouse_protocol::name::{Epoch, Millis, RequestId};
use dormouse_protocol::request::Page;

impl Hub {
    /// Answers `resume`: where the channel stands, and what was kept after a position.
    pub(crate) fn resume(
        &mut self,
        cx: &mut Context<'_>,
        speaker: &Speaker,
        id: Option<&RequestId>,
        told: Option<&Epoch>,
        (epoch, after): (Option<String>, Option<u64>),
    ) -> Result<Option<String>, Refusal> {
        self.must_know(cx)?;
        self.solvent(cx, speaker)?;
        let far = speaker.rights.may(&Ability::History);
        let asked = match (epoch, after) {
            (Some(epoch), Some(after)) => Asked::After { epoch, after, far },
            _ => Asked::Nonsense,
        };
        let replay = self.replay(cx, speaker, &asked)?;
        let snapshot = if replay.resumed.is_anew() { self.snapshot(cx) } else { None };
        let resumed = frame::resumed(id, &self.standing(cx, told, &replay), snapshot.as_deref());
        let pieces = std::iter::once(resumed.as_str()).chain(replay.pieces.iter().map(String::as_str));
        Ok(frame::batch(pieces))
    }

    /// Answers `history`: a page for one who may have it.
    pub(crate) fn page(
        &mut self,
        cx: &mut Context<'_>,
        speaker: &Speaker,
        id: Option<&RequestId>,
        page: &Page,
    ) -> Result<String, Refusal> {
        let found = self.find(cx, speaker, page)?;
        Ok(frame::history(id, &found.messages, found.more))
    }

    /// Whether there is anything to page through, and this one may.
    pub(crate) fn may_page(cx: &Context<'_>, speaker: &Speaker) -> Result<(), Refusal> {
        Self::must_keep(cx)?;
        if speaker.rights.may(&Ability::History) {
            return Ok(());
        }
        Err(speaker.lacks(&Ability::History, "Your token does not allow reading history here."))
    }

    /// A page for one who may have it, over a connection or HTTP.
    pub(super) fn find(&mut self, cx: &mut Context<'_>, speaker: &Speaker, page: &Page) -> Result<Found, Refusal> {
        self.must_know(cx)?;
        self.solvent(cx, speaker)?;
        let found = match self.history.page(page, cx.now, cx.limits(), cx.storage) {
            Ok(found) => found,
            Err(error) => return Err(cx.storage_refusal(&error)),
        };
        log_corrupt(cx, found.corrupt);
        self.charge(cx, speaker, found.messages.len() as u64);
        Ok(found)
    }

    /// What was kept after a position. One in debt for earlier replays pages for it instead (rule D10).
    pub(crate) fn replay(&mut self, cx: &mut Context<'_>, speaker: &Speaker, asked: &Asked) -> Result<Replay, Refusal> {
        let replay = match self.history.replay(asked, cx.now, cx.limits(), cx.storage) {
            Ok(replay) => replay,
            Err(error) => return Err(cx.storage_refusal(&error)),
        };
        log_corrupt(cx, replay.corrupt);
        if replay.pieces.is_empty() {
            // Finding out that it was too much has read as much as is ever pushed.
            if replay.resumed == Resumed::Behind {
                self.charge(cx, speaker, cx.limits().replay_bytes);
            }
            return Ok(replay);
        }
        if self.solvent(cx, speaker).is_err() {
            return Ok(Replay { resumed: asked.too_much(), pieces: Vec::new(), corrupt: None });
        }
        self.charge(cx, speaker, replay.bytes());
        Ok(replay)
    }

    /// Where the channel stands, for one who was told this life of it.
    pub(crate) fn standing<'a>(
        &mut self,
        cx: &mut Context<'_>,
        told: Option<&'a Epoch>,
        replay: &Replay,
    ) -> Standing<'a> {
        let first = self.first(cx);
        let epoch = told.map(Epoch::as_str).unwrap_or_default();
        Standing { epoch, seq: self.history.stored(), first, resumed: replay.resumed }
    }

    /// The oldest seq held; one past the head where the storage does not tell.
    fn first(&mut self, cx: &mut Context<'_>) -> u64 {
        match self.history.first(cx.now, cx.storage) {
            Ok(first) => first,
            Err(error) => {
                drop(cx.internal(error.to_string()));
                self.history.stored().saturating_add(1)
            }
        }
    }

    /// The life of the history; one that begins now where there is none yet (rule D3).
    pub(crate) fn epoch(&mut self, fresh: &Epoch, now: Millis) -> Epoch {
        self.history.epoch(fresh, now)
    }

    /// Where the history stands must be known, or answers about it would be wrong.
    pub(crate) fn must_know(&self, cx: &mut Context<'_>) -> Result<(), Refusal> {
        if self.loaded { Ok(()) } else { Err(cx.internal("the history was not read yet".to_owned())) }
    }

    /// Whether anything is kept here.
    pub(crate) fn must_keep(cx: &Context<'_>) -> Result<(), Refusal> {
        if cx.rules().keeps() { Ok(()) } else { Err(Code::NotKept.into()) }
    }
}

fn log_corrupt(cx: &mut Context<'_>, corrupt: Option<u64>) {
    if let Some(first) = corrupt {
        let detail = Some(format!("the row from seq {first} cannot be read"));
        cx.log(LogLine { detail, ..LogLine::new(Level::Error, "storage") });
    }
}
