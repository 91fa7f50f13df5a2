//! What is counted while the load runs, shared by all members of the one thread.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::Failure;
use crate::wire::Post;

/// The longest latency that is told apart, in nanoseconds.
const LONGEST: u64 = 900_000_000_000;

/// The counters of a run.
pub struct Stats {
    begin: Instant,
    by_due: bool,
    window: Cell<(u64, u64)>,
    running: Cell<bool>,
    latency: RefCell<Histogram<u64>>,
    /// Messages that members received within the window.
    pub deliveries: Cell<u64>,
    /// WebSocket frames that members received within the window.
    pub frames: Cell<u64>,
    /// Bytes of their payloads.
    pub bytes: Cell<u64>,
    /// Messages sent, the warm-up included.
    pub published: Cell<u64>,
    /// Messages that were not the next of their publisher: lost, repeated or out of order.
    pub disorder: Cell<u64>,
    /// Frames that did not read, or whose data had changed on its way.
    pub altered: Cell<u64>,
    /// Refusals.
    pub refused: Cell<u64>,
    /// Connections that ended before the run did.
    pub closed: Cell<u64>,
    /// Heartbeats answered.
    pub pongs: Cell<u64>,
    problem: RefCell<Option<String>>,
    /// Told whenever a room has delivered all it was given.
    pub settled: Notify,
}

impl Stats {
    /// Fresh counters; `by_due` says that the window is one of sending (open loop) rather than of arriving.
    pub fn new(by_due: bool) -> Result<Self, Failure> {
        Ok(Self {
            begin: Instant::now(),
            by_due,
            window: Cell::new((u64::MAX, u64::MAX)),
            running: Cell::new(true),
            latency: RefCell::new(Histogram::new_with_bounds(1_000, LONGEST, 3)?),
            deliveries: Cell::default(),
            frames: Cell::default(),
            bytes: Cell::default(),
            published: Cell::default(),
            disorder: Cell::default(),
            altered: Cell::default(),
            refused: Cell::default(),
            closed: Cell::default(),
            pongs: Cell::default(),
            problem: RefCell::default(),
            settled: Notify::new(),
        })
    }

    /// Nanoseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment of the clock that is `nanos` after the run began.
    pub fn instant(&self, nanos: u64) -> Instant {
        self.begin + Duration::from_nanos(nanos)
    }

    /// Whether publishers go on.
    pub fn running(&self) -> bool {
        self.running.get()
    }

    /// Publishers stop.
    pub fn stop(&self) {
        self.running.set(false);
    }

    /// The measurement begins now.
    pub fn open_window(&self) {
        self.window.set((self.now(), u64::MAX));
    }

    /// The measurement ends now; its length in seconds.
    pub fn close_window(&self) -> f64 {
        let (from, _) = self.window.get();
        let until = self.now();
        self.window.set((from, until));
        Duration::from_nanos(until - from).as_secs_f64()
    }

    /// Counts one frame that a member received: the bytes of its payload, and the messages in it.
    pub fn hear(&self, bytes: usize, posts: &[Post], now: u64) {
        let (from, until) = self.window.get();
        let arrived = from <= now && now < until;
        if arrived {
            add(&self.deliveries, posts.len());
            add(&self.frames, 1);
            add(&self.bytes, bytes);
        }
        if arrived || self.by_due {
            for post in posts {
                self.late(post.due, now, 1);
            }
        }
    }

    /// Records the latency of `count` deliveries of one message, if it belongs to the measurement.
    pub fn late(&self, due: u64, now: u64, count: u64) {
        let (from, until) = self.window.get();
        let moment = if self.by_due { due } else { now };
        if from <= moment && moment < until && count > 0 {
            self.latency.borrow_mut().saturating_record_n(now.saturating_sub(due), count);
        }
    }

    /// Records one duration whenever it was, in nanoseconds.
    pub fn record(&self, nanos: u64) {
        self.latency.borrow_mut().saturating_record(nanos);
    }

    /// Keeps the first problem for the person who looks.
    pub fn note(&self, problem: impl FnOnce() -> String) {
        self.problem.borrow_mut().get_or_insert_with(problem);
    }

    /// The counters as fields of the result.
    pub fn fields(&self) -> Value {
        let latency = self.latency.borrow();
        let quantile = |q| if latency.is_empty() { Value::Null } else { json!(millis(latency.value_at_quantile(q))) };
        json!({
            "deliveries": self.deliveries.get(),
            "frames": self.frames.get(),
            "bytes": self.bytes.get(),
            "published": self.published.get(),
            "p50_ms": quantile(0.50),
            "p90_ms": quantile(0.90),
            "p99_ms": quantile(0.99),
            "max_ms": quantile(1.0),
            "disorder": self.disorder.get(),
            "altered": self.altered.get(),
            "refused": self.refused.get(),
            "closed": self.closed.get(),
            "problem": *self.problem.borrow(),
        })
    }
}

/// Adds to a counter.
pub fn add(counter: &Cell<u64>, count: usize) {
    counter.set(counter.get().saturating_add(count as u64));
}

/// Nanoseconds as milliseconds, to the microsecond.
pub fn millis(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}
