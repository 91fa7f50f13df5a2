//! Work outside the channel (rule C7).

use super::board::{Board, FILE, FILE_IT, Nothing, Pin, RATE, SCORE, Score};
use super::on_board;
use dormouse_core::contract::JobAnswer;
use dormouse_core::testing::{Client, Sleep, World};
use serde_json::{Value, json};

fn rate(world: &mut World<Board>, client: Client, text: &str) -> Result<Nothing, Value> {
    world.call(client, RATE, &Pin { text: text.into() })
}

fn points(world: &mut World<Board>, client: Client) -> Vec<u64> {
    let frames = world.received(client);
    let scored = frames.iter().filter(|frame| frame["event"] == "scored");
    scored.map(|frame| frame["data"]["points"].as_u64().unwrap()).collect()
}

#[test]
fn c7_a_job_runs_once_its_turn_is_on_disk_and_its_result_is_an_event_of_the_channel() {
    on_board(|world| {
        let ann = world.joined("ann");
        rate(world, ann, "hello").unwrap();
        let [(key, call)] = <[_; 1]>::try_from(world.running(SCORE)).unwrap();
        assert!(key.starts_with("score:"));
        assert_eq!(
            (call.method(), call.url(), call.body()),
            ("POST", "https://score.example/score", Some(r#"{"text":"hello"}"#))
        );
        assert_eq!(call.secrets(), [("Authorization".to_owned(), "SCORE_KEY".to_owned())]);
        world.advance(20_000);
        world.finish(SCORE, &Score { text: "hello".into(), points: 7 });
        assert_eq!(points(world, ann), [7]);
        world.advance(100_000_000);
        assert!(world.running(SCORE).is_empty());
    });
}

#[test]
fn c7_no_job_runs_whose_turn_could_not_be_written() {
    on_board(|world| {
        let ann = world.joined("ann");
        world.trouble.write = Some(0);
        rate(world, ann, "hello").unwrap_err();
        world.advance(100_000_000);
        assert!(world.running(SCORE).is_empty());
    });
}

#[test]
fn c7_a_job_that_failed_is_tried_again_under_its_key_later_and_later_and_given_up_after_twelve_tries() {
    on_board(|world| {
        let ann = world.joined("ann");
        rate(world, ann, "hello").unwrap();
        let key = world.running(SCORE)[0].0.clone();
        let mut waited = Vec::new();
        for attempt in 1..=12 {
            assert_eq!(world.running(SCORE).len(), 1, "try {attempt}");
            assert_eq!(world.running(SCORE)[0].0, key);
            let failed = if attempt % 2 == 0 {
                JobAnswer::Failed("no network".into())
            } else {
                JobAnswer::Answered { status: 503, body: String::new() }
            };
            world.answer_job(SCORE, failed);
            let mut seconds = 0;
            while world.running(SCORE).is_empty() && attempt < 12 {
                world.advance(1_000);
                seconds += 1;
                assert!(seconds <= 4_501, "try {attempt}");
            }
            waited.push(seconds);
        }
        // In whole seconds, as the test looks, and up to a quarter more.
        let doubled = waited[..11].iter().zip(0_u32..).all(|(seconds, nth)| {
            let least = 2_i32.pow(nth).min(3_600);
            (least..=least + least / 4 + 1).contains(seconds)
        });
        assert!(doubled, "{waited:?}");
        assert!(waited[..11].iter().zip(0_u32..).any(|(seconds, nth)| *seconds > 2_i32.pow(nth) + 1), "{waited:?}");
        assert_eq!(points(world, ann), [500]);
        world.advance(100_000_000);
        assert!(world.running(SCORE).is_empty());
    });
}

#[test]
fn c7_what_the_other_server_refuses_or_garbles_is_told_and_not_tried_again() {
    on_board(|world| {
        let ann = world.joined("ann");
        for (status, body, told) in [(422, "no", 400), (200, "no JSON", 404), (200, "{}", 404)] {
            rate(world, ann, "hello").unwrap();
            world.answer_job(SCORE, JobAnswer::Answered { status, body: body.into() });
            assert_eq!(points(world, ann), [told]);
        }
        for status in [408, 429] {
            rate(world, ann, "hello").unwrap();
            world.answer_job(SCORE, JobAnswer::Answered { status, body: String::new() });
            world.advance(5_000);
            world.finish(SCORE, &Score { text: "hello".into(), points: 7 });
            assert_eq!(points(world, ann), [7]);
        }
    });
}

#[test]
fn c7_a_job_of_a_process_that_died_is_tried_again_and_its_result_is_told_once() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::<Board>::with("board:a", sleep);
        let ann = world.joined("ann");
        rate(&mut world, ann, "hello").unwrap();
        let key = world.running(SCORE)[0].0.clone();
        world.crash();
        let ann = world.joined("ann");
        world.advance(61_000);
        assert_eq!(world.running(SCORE)[0].0, key);
        world.finish(SCORE, &Score { text: "hello".into(), points: 7 });
        // An answer that comes twice changes nothing.
        world.answer_job_of(&key, JobAnswer::Answered { status: 200, body: r#"{"text":"hello","points":9}"#.into() });
        assert_eq!(points(&mut world, ann), [7]);
    }
}

#[test]
fn c7_a_job_that_is_answered_twice_before_the_batch_is_written_is_told_once() {
    on_board(|world| {
        let ann = world.joined("ann");
        rate(world, ann, "hello").unwrap();
        let key = world.running(SCORE)[0].0.clone();
        world.advance(1_000);
        world.received(ann);
        // It is told at once, and what comes at the same time waits for the next batch.
        world.send(ann, json!({"type": "publish", "event": "pin", "data": {"text": "first"}}));
        for points in [7, 9] {
            let body = json!({"text": "hello", "points": points}).to_string();
            world.job_answered(&key, JobAnswer::Answered { status: 200, body });
        }
        world.drain();
        assert_eq!(points(world, ann), [7]);
    });
}

#[test]
fn c7_a_result_that_cannot_be_written_is_not_lost() {
    on_board(|world| {
        let ann = world.joined("ann");
        rate(world, ann, "hello").unwrap();
        world.trouble.write = Some(0);
        world.finish(SCORE, &Score { text: "hello".into(), points: 7 });
        assert_eq!(points(world, ann), Vec::<u64>::new());
        world.advance(61_000);
        world.finish(SCORE, &Score { text: "hello".into(), points: 7 });
        assert_eq!(points(world, ann), [7]);
    });
}

#[test]
fn c7_no_host_is_called_that_the_contract_does_not_name_and_nothing_of_the_turn_happens() {
    on_board(|world| {
        let ann = world.joined("ann");
        assert_eq!(rate(world, ann, "elsewhere").unwrap_err()["code"], "internal");
        assert!(world.logs().iter().any(|line| line.detail.as_deref().is_some_and(|it| it.contains("calls_out_to"))));
        world.advance(100_000_000);
        assert!(world.running(SCORE).is_empty());
        assert_eq!(points(world, ann), Vec::<u64>::new());
    });
}

#[test]
fn c7_a_binding_is_asked_under_the_same_key_until_it_answers_and_what_it_gives_is_an_event_of_the_channel() {
    on_board(|world| {
        let ann = world.joined("ann");
        world.call(ann, FILE_IT, &Pin { text: "hello".into() }).unwrap();
        let [(key, asked)] = <[_; 1]>::try_from(world.running_on_binding(FILE)).unwrap();
        assert!(world.running(FILE).is_empty());
        assert_eq!(asked.binding(), "FILES");
        assert_eq!(asked.methods(), [("put", vec![json!(key), json!({"text": "hello"}), json!({"n": 60})])]);
        world.answer_job(FILE, JobAnswer::Failed("no network".into()));
        assert_eq!(points(world, ann), Vec::<u64>::new());
        world.advance(2_000);
        assert_eq!(world.running_on_binding(FILE), [(key, asked)]);
        // What gives nothing is null.
        world.finish(FILE, &());
        assert_eq!(points(world, ann), [1]);
    });
}

#[test]
fn r2_each_try_that_failed_is_in_the_log_without_what_was_sent_or_answered() {
    on_board(|world| {
        let ann = world.joined("ann");
        rate(world, ann, "my words").unwrap();
        world.answer_job(SCORE, JobAnswer::Failed("no network".into()));
        world.advance(2_000);
        world.answer_job(SCORE, JobAnswer::Answered { status: 401, body: "their words".into() });
        let lines: Vec<_> = world.logs().iter().filter(|line| line.event == "job").cloned().collect();
        let details: Vec<_> = lines.iter().filter_map(|line| line.detail.as_deref()).collect();
        assert!(details[0].ends_with("try 1: no network") && details[1].ends_with("try 2: status 401"), "{details:?}");
        assert!(!format!("{lines:?}").contains("words"));
    });
}
