//! How a connection is greeted (rule M1).

use serde_json::json;

use super::bench::{BEGIN, Bench};
use crate::node::claims;

#[test]
fn m1_a_connection_is_greeted_by_hello_with_its_user_and_its_limits() {
    let mut bench = Bench::new();
    let ann = bench.connects_with(Some(claims("ann")));
    let limits = json!({"channels": 200, "frame_bytes": 65_536, "batch": 100});
    let hello = json!({"type": "hello", "connection": "c0", "user": "ann", "expires": 1_u64 << 43, "limits": limits, "now": BEGIN});
    assert_eq!(bench.heard(ann), [hello]);
}

#[test]
fn m1_without_a_token_hello_has_neither_user_nor_expires() {
    let mut bench = Bench::new();
    let anyone = bench.connects_with(None);
    let hello = bench.heard(anyone).remove(0);
    assert_eq!((hello.get("user"), hello.get("expires")), (None, None));
    assert_eq!(hello["connection"], "c0");
}

#[test]
fn m1_hello_names_the_limits_that_hold() {
    let mut bench = Bench::new();
    (bench.relay().limits.frame_bytes, bench.relay().limits.batch_frames) = (2_000, 3);
    let ann = bench.connects_with(Some(claims("ann")));
    assert_eq!(bench.heard(ann)[0]["limits"], json!({"channels": 200, "frame_bytes": 2_000, "batch": 3}));
}

#[test]
fn m1_a_relay_that_cannot_read_its_disk_takes_nobody_in_and_says_when_to_come_again() {
    let mut bench = Bench::new();
    bench.relay().storage.fail_next_read(dormouse_core::storage::StorageError::Failed("broken".to_owned()));
    let ann = bench.connects_with(Some(claims("ann")));
    let heard = bench.heard(ann);
    assert_eq!(
        (&heard[0]["type"], &heard[0]["code"], &heard[0]["retry_after"]),
        (&json!("bye"), &json!(4100), &json!(10_000))
    );
    assert_eq!(bench.closed(ann), Some(4100));
    let bob = bench.connects_with(Some(claims("bob")));
    assert_eq!(bench.heard(bob)[0]["type"], "hello");
}
