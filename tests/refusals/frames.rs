//! Frames that cannot be read: their bytes, their depth, their text (rule R4).

use dormouse_core::channel::Unreadable;

use crate::support::{Joiner, in_room, publish, say, seqs};

#[test]
fn r4_a_frame_of_65536_bytes_is_read_and_one_more_is_too_large() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let padded = |bytes: usize| {
            let bare = say("1", "").to_string().len();
            say("1", "x".repeat(bytes - bare)).to_string()
        };
        world.send_text(ann, &padded(65_537));
        assert_eq!(world.assert_refused(ann, "too_large").get("id"), None);
        world.send_text(ann, &padded(65_536));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}

#[test]
fn r4_a_greater_frame_carries_greater_data_where_the_contract_says_nothing_smaller() {
    in_room(|world| {
        (world.limits.frame_bytes, world.limits.replay_bytes) = (200_000, 262_144);
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        assert_eq!(seqs(&world.told(ann, say("1", "x".repeat(190_000)))), [1]);
        world.refuses(ann, say("2", "x".repeat(200_000)), "too_large");
        world.refuses(ann, publish("small", "3", "x".repeat(1_023)), "too_large");
    });
}

#[test]
fn r4_bytes_are_counted_not_characters() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send(ann, say("1", "ü".repeat(32_768)));
        world.assert_refused(ann, "too_large");
        world.send(ann, say("1", "ü".repeat(32_000)));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}

#[test]
fn r4_a_frame_refused_uncopied_is_too_large_and_the_socket_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send_unreadable(ann, Unreadable::TooLarge { closes: false });
        world.assert_refused(ann, "too_large");
        assert_eq!(world.socket(ann).hung_up, None);
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn r4_a_frame_of_more_than_a_mebibyte_closes_with_1009() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.send_unreadable(ann, Unreadable::TooLarge { closes: true });
        world.assert_refused(ann, "too_large");
        assert_eq!(world.socket(ann).hung_up, Some(1009));
        world.send(ann, say("1", 1));
        world.drain();
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn r4_text_with_lone_surrogates_is_a_bad_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send_unreadable(ann, Unreadable::NotUnicode);
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, r#"{"type":"publish","id":"1","event":"say","data":"\ud800"}"#);
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, r#"{"type":"publish","id":"1","event":"say","data":"\ud83d\ude00"}"#);
        assert_eq!(world.receives(ann)["data"], "😀");
    });
}

#[test]
fn r4_64_deep_is_read_and_65_deep_is_a_bad_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        // The frame itself is the first level, and an array of frames would be one more.
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            format!(r#"{{"type":"publish","id":"{levels}","event":"say","data":{open}{close}}}"#)
        };
        world.send_text(ann, &nested(64));
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, &format!("[{}]", nested(63)));
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, &nested(63));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}
