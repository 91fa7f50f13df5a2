//! Rule E5: the channel's name in the path.

use super::{House, Request, said};
use crate::door::place;
use dormouse_protocol::error::Close;

/// Names in a path that are no channel's, and the code an HTTP request gets for each.
const NO_CHANNELS: [(&str, u16, &str); 12] = [
    ("", 400, "bad_name"),
    (":", 400, "bad_name"),
    ("chat:", 400, "bad_name"),
    ("a%20b", 400, "bad_name"),
    ("a%2Fb", 400, "bad_name"),
    ("chat%253Aa", 400, "bad_name"),
    ("%zz", 400, "bad_name"),
    ("%ff", 400, "bad_name"),
    ("chat:%00", 400, "bad_name"),
    ("chat", 404, "not_found"),
    ("chat:a:b", 404, "not_found"),
    ("nothing:here", 404, "not_found"),
];

#[test]
fn e5_a_name_is_percent_decoded_once() {
    let house = House::plain();
    for written in ["chat:a@b", "chat%3Aa@b", "chat%3aa%40b", "%63hat:a@b"] {
        let channel_request = house.channel_request(&Request::upgrade(&format!("/v1/channels/{written}")));
        assert_eq!(channel_request.channel.as_str(), "chat:a@b", "{written}");
    }
}

#[test]
fn e5_a_bad_name_and_one_that_no_pattern_fits_are_told_apart_over_http() {
    for (name, status, code) in NO_CHANNELS {
        let answer = House::plain().answer(&Request::get(&format!("/v1/channels/{name}/members")));
        assert_eq!(answer.error(), said(status, code), "{name}");
    }
}

#[test]
fn e5_both_close_a_join_with_4001() {
    for (name, ..) in NO_CHANNELS {
        let rejected = House::plain().rejected(&Request::upgrade(&format!("/v1/channels/{name}")));
        assert_eq!(rejected.close(), Close::NoSuchChannel, "{name}");
        assert_eq!(rejected.bye(), r#"{"type":"bye","code":4001,"reason":"no_such_channel"}"#);
    }
}

#[test]
fn e5_a_name_of_129_letters_is_bad_and_one_of_128_is_not() {
    let house = House::plain();
    let long = format!("chat:{}", "x".repeat(123));
    assert_eq!(house.channel_request(&Request::upgrade(&format!("/v1/channels/{long}"))).channel.as_str(), long);
    assert_eq!(house.answer(&Request::get(&format!("/v1/channels/{long}x/members"))).error(), said(400, "bad_name"));
}

#[test]
fn e5_the_object_of_a_channel_is_found_by_its_name_and_the_jurisdiction() {
    let house = House::with(&[("JURISDICTION", "eu"), ("LOCATION_HINT", "weur")]);
    let place = place(house.channel_request(&Request::upgrade("/v1/channels/chat:a")).channel.as_str(), &house.config);
    assert_eq!((place.name.as_str(), place.jurisdiction, place.location_hint), ("chat:a", Some("eu"), Some("weur")));
}
