//! What comes in over a connection: the limits before anything is looked at, then each request, then the answers that
//! do not wait for the flush (rules R4, R5, F2, F6, F7).

use super::event::Event;
use crate::effect::SessionKey;
use crate::hub::{Array, Asker, Hub, Sayable, Speaker};
use dormouse_protocol::error::{CLOSE_TOO_BIG, Close, Code, Refusal};
use dormouse_protocol::frame::Ack;
use dormouse_protocol::name::RequestId;
use dormouse_protocol::request::{self, Data, Incoming, Page, Request};
use std::rc::Rc;

use crate::edge::session::Stage;

/// How long one with too much unread should wait before it asks for more, in milliseconds.
const UNREAD_RETRY: u64 = 1_000;

/// A frame that is refused before it is copied into the machine's memory (rule R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A binary frame.
    Binary,
    /// Text with lone surrogates, which is no Unicode.
    NotUnicode,
    /// More than a frame may have.
    TooLarge {
        /// So much more that the socket is closed.
        closes: bool,
    },
}

impl Event<'_> {
    /// A text frame came in.
    pub(super) fn receive(&mut self, session: SessionKey, text: &str) {
        if self.is_heard(session, text.len()) {
            self.read_frame(session, text);
        }
    }

    /// A frame came in that is refused unread.
    pub(super) fn receive_unreadable(&mut self, session: SessionKey, what: Unreadable) {
        if self.is_heard(session, 0) {
            self.refuse_unreadable(session, what);
        }
    }

    /// Whether anything of this session is looked at; the frame came in vain if not.
    fn is_heard(&mut self, session: SessionKey, bytes: usize) -> bool {
        self.at_edge(|edge, cx| {
            edge.hydrate(cx, session);
            let listens = edge.listens(cx, session);
            if listens {
                cx.desk.meter.heard(bytes);
                edge.heard(cx, session);
            } else {
                edge.came_in_vain(cx);
            }
            listens
        })
    }

    fn refuse_unreadable(&mut self, session: SessionKey, what: Unreadable) {
        let refusal = self.over_hard_rate(session).unwrap_or_else(|| match what {
            Unreadable::Binary => Refusal::new(Code::BadFrame, "Frames are JSON text; binary frames are not taken."),
            Unreadable::NotUnicode => Refusal::new(Code::BadFrame, "The text has lone surrogates: it is no Unicode."),
            Unreadable::TooLarge { .. } => self.too_large(),
        });
        self.refuse_frame(session, refusal);
        if what == (Unreadable::TooLarge { closes: true }) && self.listens(session) {
            self.at_edge(|edge, cx| edge.hang_up(cx, session, CLOSE_TOO_BIG, "too_large"));
        }
    }

    fn too_large(&self) -> Refusal {
        let bytes = self.cx.limits().frame_bytes;
        Refusal::new(Code::TooLarge, format!("A frame has at most {bytes} bytes; send less, or in several frames."))
    }

    fn listens(&mut self, key: SessionKey) -> bool {
        self.at_edge(|edge, cx| edge.listens(cx, key))
    }

    fn read_frame(&mut self, key: SessionKey, text: &str) {
        if text.len() > self.cx.limits().frame_bytes {
            return self.refuse_unreadable(key, Unreadable::TooLarge { closes: false });
        }
        // Before it is parsed: what is not taken costs next to nothing.
        if let Some(refusal) = self.over_hard_rate(key) {
            return self.refuse_frame(key, refusal);
        }
        let mut array = Array::default();
        let rights = self.edge.session(key).map(|session| Rc::clone(&session.rights)).unwrap_or_default();
        let sayable = Sayable { rules: self.cx.rules(), rights: &rights };
        match request::parse_typed(text, self.cx.limits().batch_frames, &sayable) {
            Err(refusal) => self.refuse_frame(key, refusal),
            Ok(members) => {
                for (nth, incoming) in members.into_iter().enumerate() {
                    self.flush_if_thrown_out();
                    if !self.listens(key) {
                        return;
                    }
                    let paid = if nth == 0 { None } else { self.over_hard_rate(key) };
                    self.handle(key, incoming, paid, &mut array);
                }
            }
        }
    }

    /// The refusal of one that sends more frames than anybody may, for the next of them (rule R5).
    fn over_hard_rate(&mut self, key: SessionKey) -> Option<Refusal> {
        let speaker = self.edge.speaker(key)?;
        let refusal = self.hub.pass_hard(&self.cx, &speaker).err();
        if refusal.is_some() {
            self.edge.came_in_vain(&mut self.cx);
        }
        refusal
    }

    fn refuse_frame(&mut self, key: SessionKey, refusal: Refusal) {
        if let Some(speaker) = self.edge.speaker(key) {
            self.hub.pay_for(&self.cx, &speaker, refusal.code);
        }
        self.refuse(key, None, refusal, &mut Array::default());
    }

    /// One request of a connection: accepted or refused, and the count of refusals in a row with it.
    fn handle(&mut self, key: SessionKey, incoming: Incoming<'_>, limited: Option<Refusal>, array: &mut Array) {
        let Some(session) = self.edge.session(key) else { return };
        let mut speaker = session.speaker(key);
        speaker.who = self.cx.rules().has_code().then(|| session.kept.who().into());
        let awaiting = matches!(session.kept.stage, Stage::Awaiting { .. });
        let Incoming { id, request } = incoming;
        let request = match limited {
            Some(refusal) => Err(array.limited.insert(refusal).clone()),
            None => request,
        };
        let accepted = request.and_then(|request| match request {
            Request::Auth { token } => self.authenticate(key, &speaker, id.as_ref(), &token),
            _ if awaiting => Err(Refusal::new(Code::Unauthenticated, "Sign in first: send `auth` with a token.")),
            Request::Publish(publish) => {
                let taken = self.hub.publish(&mut self.cx, self.edge, &speaker, id.as_ref(), &publish, array);
                self.hear_news();
                taken
            }
            Request::Call(call) => {
                let asked = self.hub.call(&mut self.cx, self.edge, &speaker, id.as_ref(), &call, array);
                self.hear_news();
                asked
            }
            Request::Presence { data } => self.set_presence(key, &speaker, id.as_ref(), data),
            Request::History(page) => self.page(key, &speaker, id.as_ref(), &page),
            Request::Resume { epoch, after } => self.resume(key, &speaker, id.as_ref(), (epoch, after)),
        });
        match accepted {
            Ok(()) => self.accepted(key),
            Err(refusal) => {
                self.hub.pay_for(&self.cx, &speaker, refusal.code);
                self.refuse(key, id, refusal, array);
            }
        }
    }

    fn accepted(&mut self, key: SessionKey) {
        self.cx.desk.meter.accepted = self.cx.desk.meter.accepted.saturating_add(1);
        self.edge.forgive_refusals(&mut self.cx, key);
    }

    /// Tells a refusal: at once, or with the flush where it names a seq (rule D2). The twentieth in a row is the
    /// last (rule R4).
    fn refuse(&mut self, key: SessionKey, id: Option<RequestId>, refusal: Refusal, array: &mut Array) {
        self.cx.desk.meter.refused(refusal.code);
        self.log_refusal(key, &refusal);
        // What the application's own code refuses is an answer like another, and no sign of a client that is broken.
        let counts = match refusal.code {
            Code::Refused => false,
            Code::RateLimited => !std::mem::replace(&mut array.counted, true),
            _ => true,
        };
        if refusal.seq.is_some() {
            self.hub.refuse_with_flush(self.cx.now, Asker::Session(key), id, refusal);
        } else {
            self.edge.answer(&mut self.cx, key, id.as_ref(), Err(&refusal));
        }
        if counts {
            self.count_refusal(key);
        }
    }

    fn log_refusal(&mut self, key: SessionKey, refusal: &Refusal) {
        let Some(session) = self.edge.session(key) else { return };
        let (speaker, connection) = (session.speaker(key), session.kept.connection.clone());
        self.hub.log_refusal(&mut self.cx, &speaker, Some(connection), refusal);
    }

    fn count_refusal(&mut self, key: SessionKey) {
        let Some(refusals) = self.edge.count_refusal(key) else { return };
        if refusals >= self.cx.limits().refusals_in_a_row {
            // What it was promised an answer to comes before `bye`, the twentieth refusal with it.
            self.flush_now();
            return self.at_edge(|edge, cx| edge.disconnect(cx, key, Close::TooManyRefusals, true));
        }
        self.edge.save_attachment(&mut self.cx, key);
    }

    /// Enters the list of members, changes what it shows, or leaves it (rule P1).
    fn set_presence(
        &mut self,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        data: Data<'_>,
    ) -> Result<(), Refusal> {
        self.hub.pass_general(&self.cx, speaker)?;
        let watches = self.edge.session(key).is_some_and(|session| session.watches);
        Hub::may_be_present(&self.cx, speaker, watches, data.get())?;
        let data = (data.get() != "null").then(|| data.get().into());
        let Some(session) = self.edge.set_presence(key, data) else { return Ok(()) };
        match session.kept.present {
            true => self.hub.enter(&session.kept.connection, session.kept.member()),
            false => self.hub.hide(&session.kept.connection),
        }
        self.edge.save_attachment(&mut self.cx, key);
        self.edge.answer(&mut self.cx, key, id, Ok(Ack::default()));
        Ok(())
    }

    fn page(&mut self, key: SessionKey, speaker: &Speaker, id: Option<&RequestId>, page: &Page) -> Result<(), Refusal> {
        self.hub.pass_general(&self.cx, speaker)?;
        Hub::may_page(&self.cx, speaker)?;
        self.must_have_read(key)?;
        let text = self.hub.page(&mut self.cx, speaker, id, page)?;
        self.edge.tell(&mut self.cx, key, text);
        Ok(())
    }

    fn resume(
        &mut self,
        key: SessionKey,
        speaker: &Speaker,
        id: Option<&RequestId>,
        position: (Option<String>, Option<u64>),
    ) -> Result<(), Refusal> {
        self.hub.pass_general(&self.cx, speaker)?;
        Hub::must_keep(&self.cx)?;
        self.must_have_read(key)?;
        let told = self.edge.session(key).and_then(|session| session.kept.epoch.clone());
        if let Some(text) = self.hub.resume(&mut self.cx, speaker, id, told.as_ref(), position)? {
            self.edge.tell(&mut self.cx, key, text);
        }
        Ok(())
    }

    /// One who has not read what it was sent gets no more of it now (rule D10).
    fn must_have_read(&self, key: SessionKey) -> Result<(), Refusal> {
        if self.edge.unread_by(&self.cx, key) <= self.cx.limits().replay_unsent_bytes {
            return Ok(());
        }
        let refusal = Refusal::rate_limited(UNREAD_RETRY).because("more than REPLAY_UNSENT_BYTES are unread");
        Err(Refusal { message: "Read first what was sent to you, then ask for more.".to_owned(), ..refusal })
    }
}
