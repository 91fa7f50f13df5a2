//! A backend, which asks over HTTP.

use dormouse_core::testing::{HttpAnswer, HttpOperation};
use serde_json::{Value, json};

use super::{HOUR, Sim};
use crate::fault::Fault;
use crate::support::Joiner;
use crate::{check, fault};

/// A publish over HTTP.
pub(super) struct Post {
    pub(super) body: Value,
    pub(super) done: bool,
}

/// A request that waits for its answer.
pub(super) struct Asked {
    what: What,
    /// How often the storage had failed when it was asked.
    met: usize,
    /// The storage took no more rows then.
    full: bool,
}

enum What {
    Posts { posts: Vec<usize>, array: bool },
    Members,
    Page { before: Option<u64> },
}

impl Sim {
    fn backend(&self) -> Joiner {
        Joiner::user("srv").can(&["publish", "history", "presence", "unmetered"]).expires(self.world.now() + HOUR)
    }

    pub(super) fn post(&mut self, count: u8, array: bool, off: Option<i8>) -> Result<(), Fault> {
        let count = if array { count } else { 1 };
        let mut posts = Vec::new();
        for index in 0..count {
            let n = self.watch.ledger.said.len();
            let kept = index != 3;
            let mut frame = json!({"event": if kept { "say" } else { "move" }, "data": {"n": n}});
            if let Some(off) = off.filter(|_| kept) {
                frame["if_seq"] = json!(self.watch.ledger.stored().saturating_add_signed(off.into()));
            }
            let id = format!("srv-{n}");
            self.remember(None, id.clone(), frame.clone(), kept);
            frame["id"] = json!(id);
            posts.push(self.posts.len());
            self.posts.push(Post { body: frame, done: !kept });
        }
        self.send_posts(posts, array)
    }

    pub(super) fn post_again(&mut self, back: usize, other: bool) -> Result<(), Fault> {
        let Some(at) = self.posts.len().checked_sub(back + 1) else { return Ok(()) };
        if self.posts[at].body["event"] != "say" {
            return Ok(());
        }
        if !other {
            return self.send_posts(vec![at], false);
        }
        let mut body = self.posts[at].body.clone();
        body["data"] = json!({"n": self.watch.ledger.said.len()});
        self.remember(None, body["id"].as_str().unwrap().to_owned(), body.clone(), true);
        self.posts.push(Post { body, done: true });
        self.send_posts(vec![self.posts.len() - 1], false)
    }

    pub(super) fn send_posts(&mut self, posts: Vec<usize>, array: bool) -> Result<(), Fault> {
        let bodies: Vec<Value> = posts.iter().map(|post| self.posts[*post].body.clone()).collect();
        let body = if array { Value::from(bodies) } else { bodies[0].clone() };
        self.handle_http(HttpOperation::Publish { body: body.to_string() }, What::Posts { posts, array })
    }

    pub(super) fn read(&mut self) -> Result<(), Fault> {
        self.handle_http(HttpOperation::Members, What::Members)?;
        let before = Some(self.watch.ledger.stored());
        let operation = HttpOperation::Messages { after: None, before: before.map(|it| it.to_string()), limit: None };
        self.handle_http(operation, What::Page { before })
    }

    fn handle_http(&mut self, operation: HttpOperation, what: What) -> Result<(), Fault> {
        let asked = Asked { what, met: self.world.trouble.met(), full: self.watch.full };
        let asker = self.world.handle_http(&self.backend(), operation);
        self.asked.insert(asker, asked);
        self.look()
    }

    pub(super) fn answers(&mut self, crashed: bool) -> Result<(), Fault> {
        for (asker, HttpAnswer { status, body, .. }) in self.world.take_answers() {
            let Some(asked) = self.asked.remove(&asker) else { return Err(fault!(Answers: "E2: unasked: {body}")) };
            // What came of the others of an array may be known only when the trouble that refused one is over.
            let excused = asked.full || self.watch.full || self.world.trouble.met() > asked.met;
            match asked.what {
                What::Posts { posts, array: true } => {
                    let answers = body.as_array().cloned().unwrap_or_default();
                    check!(answers.len() == posts.len(), Answers: "E2: {body}");
                    for (post, answer) in posts.into_iter().zip(answers) {
                        self.posted(post, &answer, excused)?;
                    }
                }
                What::Posts { posts, array: false } => {
                    let answer = if status == 200 { body } else { body["error"].clone() };
                    self.posted(posts[0], &answer, excused)?;
                }
                What::Members if crashed => {}
                What::Members if status == 200 => self.watch.is_everyone(&self.world, &body)?,
                What::Page { before } if status == 200 => {
                    self.watch.is_page(self.world.now(), &body, [None, before], None)?;
                }
                What::Members | What::Page { .. } => self.watch.is_fair(&body["error"], &Value::Null, excused)?,
            }
        }
        Ok(())
    }

    fn posted(&mut self, post: usize, answer: &Value, excused: bool) -> Result<(), Fault> {
        let Post { body, done } = &mut self.posts[post];
        if answer["type"] != "ack" {
            self.watch.is_fair(answer, body, excused)?;
            *done |= !matches!(answer["code"].as_str(), Some("internal" | "over_capacity" | "rate_limited"));
            return Ok(());
        }
        *done = true;
        if body["event"] == "move" {
            return Ok(());
        }
        let kept = answer["seq"].as_u64().and_then(|seq| self.watch.ledger.kept(seq));
        let Some(kept) = kept else { return Err(fault!(Acknowledged: "D2: acknowledged and not on disk: {answer}")) };
        let same = ["id", "event", "data"].iter().all(|field| kept.message[field] == body[field]);
        check!(same && kept.message["from"] == json!({"user": "srv"}), Acknowledged: "D7: {body} as {}", kept.message);
        Ok(())
    }
}
