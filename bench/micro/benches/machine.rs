//! Received to effects, at 1, 100 and 10,000 sessions: the machine's share of a message must not grow with them.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dormouse_micro::Rig;
use dormouse_micro::judged;
use dormouse_micro::typed::{self, Board};
use garde::Validate;

/// How many messages of a crowd fall together.
const CROWD: usize = 100;

fn lone(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lone");
    for event in ["hot", "kept"] {
        for members in [1, 100, 10_000] {
            let mut rig = Rig::new(members);
            let mut frames = (0..).map(|count| frame(event, count, 64));
            group.bench_function(BenchmarkId::new(event, members), |bencher| {
                bencher.iter_batched_ref(
                    || frames.next().unwrap_or_default(),
                    |frame| black_box(rig.lone(frame)),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn crowd(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crowd");
    group.throughput(Throughput::Elements(CROWD as u64));
    for event in ["hot", "kept"] {
        for members in [1, 100, 10_000] {
            let mut rig = Rig::new(members);
            let mut count = 0..;
            group.bench_function(BenchmarkId::new(event, members), |bencher| {
                bencher.iter_batched_ref(
                    || count.by_ref().take(CROWD).map(|count| frame(event, count, 64)).collect::<Vec<_>>(),
                    |frames| black_box(rig.crowd(frames.iter().map(String::as_str))),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn payload(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload");
    for bytes in [100, 1_024, 16_384] {
        let mut rig = Rig::new(100);
        let mut frames = (0..).map(|count| frame("hot", count, bytes));
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("hot", bytes), |bencher| {
            bencher.iter_batched_ref(
                || frames.next().unwrap_or_default(),
                |frame| black_box(rig.lone(frame)),
                BatchSize::SmallInput,
            );
        });
    }
}

/// What a publish costs whose data is held to its type, from the frame to the effects, beside what it costs to read that
/// data into the type and do nothing else.
fn typed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("typed");
    for bytes in [1_024, 33 * 1_024] {
        let data = typed::board(bytes);
        let mut rig = Rig::under::<typed::App>(100);
        let mut frames = (0..).map(|count| typed::frame(count, &data));
        group.throughput(Throughput::Bytes(bytes as u64));
        // Each from a text of its own, as a publish is; and what is made is freed within the time, by each.
        group.bench_function(BenchmarkId::new("serde_json alone", bytes), |bencher| {
            bencher.iter_batched_ref(
                || data.clone(),
                |data| drop(black_box(serde_json::from_str::<Board>(data))),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("serde_json and garde", bytes), |bencher| {
            bencher.iter_batched_ref(
                || data.clone(),
                |data| {
                    let board: Board = serde_json::from_str(data).expect("a board");
                    black_box(board.validate()).expect("a right one");
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("publish", bytes), |bencher| {
            bencher.iter_batched_ref(
                || frames.next().unwrap_or_default(),
                |frame| drop(black_box(rig.lone(frame))),
                BatchSize::SmallInput,
            );
        });
    }
}

/// What it costs that code judges a publish: nobody does, it changes nothing, it changes the state.
fn judged(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judged");
    for event in ["plain", "judged", "counted"] {
        let mut rig = Rig::under::<judged::App>(100);
        let mut frames = (0..).map(|count| judged::frame(event, count, 64));
        group.bench_function(event, |bencher| {
            bencher.iter_batched_ref(
                || frames.next().unwrap_or_default(),
                |frame| black_box(rig.lone(frame)),
                BatchSize::SmallInput,
            );
        });
    }
}

fn frame(event: &str, count: u64, bytes: usize) -> String {
    let data = "x".repeat(bytes.saturating_sub(2));
    format!(r#"{{"type":"publish","id":"rig-{count}","event":"{event}","data":"{data}"}}"#)
}

criterion_group!(machine, lone, crowd, payload, typed, judged);
criterion_main!(machine);
