//! POSTs that wait for the answers to their publishes (rule E2).

use crate::context::Context;
use crate::effect::{AskerKey, Effect};
use crate::member_map::MemberMap;
use dormouse_protocol::error::Refusal;
use dormouse_protocol::frame;
use dormouse_protocol::name::RequestId;

/// Those that wait, by the request.
#[derive(Default)]
pub(super) struct PendingPosts(MemberMap<AskerKey, Box<PendingPost>>);

/// One of them: the answers to its publishes, as far as they are known.
#[derive(Debug)]
struct PendingPost {
    slots: Vec<Option<(String, Option<Refusal>)>>,
    array: bool,
}

impl PendingPosts {
    /// A POST of so many publishes waits from now on; an array is answered by an array.
    pub(super) fn open(&mut self, asker: AskerKey, publishes: usize, array: bool) {
        let slots = std::iter::repeat_with(|| None).take(publishes).collect();
        self.0.insert(asker, PendingPost { slots, array }.into());
    }

    /// It is answered otherwise.
    pub(super) fn close(&mut self, asker: AskerKey) {
        self.0.remove(&asker);
    }

    /// One of the answers is known.
    pub(super) fn fill(
        &mut self,
        cx: &mut Context<'_>,
        asker: AskerKey,
        slot: usize,
        id: Option<&RequestId>,
        answer: Result<String, Refusal>,
    ) {
        let Some(slot) = self.0.get_mut(&asker).and_then(|post| post.slots.get_mut(slot)) else { return };
        *slot = Some(match answer {
            Ok(text) => (text, None),
            Err(refusal) => (frame::error(id, &refusal), Some(refusal)),
        });
        self.complete(cx, asker);
    }

    /// Answers a POST whose every publish is answered.
    pub(super) fn complete(&mut self, cx: &mut Context<'_>, asker: AskerKey) {
        if self.0.get(&asker).is_none_or(|post| post.slots.iter().any(Option::is_none)) {
            return;
        }
        let Some(post) = self.0.remove(&asker) else { return };
        let mut answers = post.slots.into_iter().flatten();
        let effect = if post.array {
            let texts: Vec<String> = answers.map(|(text, _)| text).collect();
            answered(asker, frame::array(texts.iter().map(String::as_str)))
        } else {
            match answers.next() {
                Some((_, Some(refusal))) => refused(asker, &refusal),
                Some((body, None)) => answered(asker, body),
                None => return,
            }
        };
        cx.push(effect);
    }
}

/// The answer to a request that was accepted.
pub(super) const fn answered(asker: AskerKey, body: String) -> Effect {
    Effect::Answer { asker, status: 200, body, retry_after: None }
}

/// The answer to a request that was refused (rule E4).
pub(super) fn refused(asker: AskerKey, refusal: &Refusal) -> Effect {
    Effect::Answer {
        asker,
        status: refusal.code.status(),
        body: frame::http_error(refusal),
        retry_after: refusal.retry_after,
    }
}
