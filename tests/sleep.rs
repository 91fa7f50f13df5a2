//! Sleep: what a session must remember, in a form that other releases read, and that nobody can tell (rules H1 to H3).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod support;

use dormouse_core::contract::{Ability, Channel, Contract, Event, Json, Presence};
use dormouse_core::effect::Subscription;
use dormouse_core::grant::Grant;
use dormouse_core::hibernated_session::HibernatedSession;
use dormouse_core::session::{ATTACHMENT_MAX, Kept, ResumeQuery, Session, Stage};
use dormouse_protocol::name::{ChannelName, ConnectionId, EVENT_NAME_MAX, Epoch, USER_MAX, UserId};
use serde_json::{Value, json};
use support::{BEGIN, Client, Joiner, Rooms, Sleep, World, in_channel, in_room, say, seqs, v8_bytes};
use xxhash_rust::xxh64::xxh64;

const GOLDEN: &str = include_str!("vectors/attachment-v1.json");
const GOLDEN_HEADS: &str = include_str!("vectors/attachment-v1-head.json");

// --- H3: the size ----------------------------------------------------------------------------------------------

/// As many of the character as the bound allows.
fn fill(character: &str, bytes: usize) -> String {
    character.repeat(bytes / character.len())
}

/// JSON of at most so many bytes that is all this character, written so that it grows most.
fn json_of(character: &str, bytes: usize) -> String {
    let written = if character == "\"" { "\\\"" } else { character };
    format!("{{\"a\":\"{}\"}}", fill(written, bytes - 8))
}

/// A session that has as much of everything as the bounds of rules A2 and P1 allow.
fn maximal(character: &str) -> Kept {
    let grant = Grant {
        user: UserId::parse(&character.repeat(USER_MAX)).unwrap(),
        expires: 253_402_300_799_000,
        abilities: (0..64).map(|n| format!("publish:{}{n:02}", "e".repeat(EVENT_NAME_MAX - 2))).collect(),
        roles: (0..32).map(|_| fill(character, 64)).collect(),
        info: Some(json_of(character, 1_024).into()),
        token_id: Some(fill(character, 128)),
        issued: Some(253_402_300_799_000),
    };
    let connection = ConnectionId::parse(&"c".repeat(64)).unwrap();
    Kept {
        present: true,
        data: Some(json_of(character, 1_024).into()),
        refusals: u32::MAX,
        heard_more: true,
        epoch: Epoch::parse(&"e".repeat(64)),
        swept: BEGIN,
        counted: true,
        ..Kept::new(connection, Some(grant), Stage::Joined, BEGIN)
    }
}

#[test]
fn h3_a_session_that_has_as_much_of_everything_as_it_may_fits_its_attachment() {
    for character in ["x", "\"", "\\", "ä", "\u{ff}", "ж", "鼠", "🐭", "\u{7ff}", "\u{ffff}"] {
        let kept = maximal(character);
        let attachment = kept.encode();
        assert!(v8_bytes(&attachment) <= ATTACHMENT_MAX, "{character}: {}", v8_bytes(&attachment));
        assert!(v8_bytes(&attachment) > 7_000, "{character}: not maximal");
        assert_eq!(Kept::decode(&attachment), Some(kept), "{character}");
    }
    // A mixture is worst where some of it grows by escapes and some would double the rest.
    let mut mixed = maximal("\"");
    mixed.grant.as_mut().unwrap().user = UserId::parse(&"\u{1}".repeat(USER_MAX)).unwrap();
    mixed.data = Some(json_of("🐭", 1_024).into());
    assert!(v8_bytes(&mixed.encode()) <= ATTACHMENT_MAX, "{}", v8_bytes(&mixed.encode()));
    assert_eq!(Kept::decode(&mixed.encode()), Some(mixed));
}

#[test]
fn h3_one_who_has_not_signed_in_fits_whatever_it_asks_for() {
    let long = ResumeQuery { epoch: Some("🐭".repeat(9_999)), after: Some("0".repeat(99_999)) };
    assert_eq!(long.short(), ResumeQuery { epoch: Some(String::new()), after: Some("0".to_owned()) });
    let query = ResumeQuery { epoch: Some("e".repeat(64)), after: Some("17".to_owned()) };
    assert_eq!(query.short(), query);
    in_channel("door:a", |world| {
        let joiner = Joiner { epoch: long.epoch.clone(), after: long.after.clone(), ..Joiner::anonymous() };
        let guest = world.joined(&joiner);
        assert!(v8_bytes(&world.socket(guest).attachment) < 1_000);
    });
}

#[test]
fn h3_letters_of_every_script_outlive_sleep() {
    in_room(|world| {
        let info = json!({"name": "Żółw 鼠 🐭"});
        let ann = world.joined(&Joiner::user("жanna🐭").info(info.clone()));
        world.told(ann, json!({"type": "presence", "data": "日本 ÿ"}));
        world.pause();
        let bob = world.joined(&Joiner::user("bob"));
        let shown = json!({"user": "жanna🐭", "connection": world.connection(ann), "info": info, "data": "日本 ÿ"});
        assert_eq!(world.welcome(bob)["members"][0], shown);
        assert_eq!(world.told(ann, say("1", 1))[0]["from"]["user"], "жanna🐭");
    });
}

// --- H3: other releases ------------------------------------------------------------------------------------------

fn golden() -> Vec<Value> {
    serde_json::from_str::<Value>(GOLDEN).unwrap()["attachments"].as_array().unwrap().clone()
}

/// What an attachment means, in words that outlive the code.
fn meaning(kept: &Kept) -> Value {
    let grant = kept.grant.as_ref().map(|grant| {
        json!({
            "user": grant.user.as_str(), "expires": grant.expires, "abilities": grant.abilities, "roles": grant.roles,
            "info": grant.info.as_deref(), "token_id": grant.token_id, "issued": grant.issued,
        })
    });
    let stage = match &kept.stage {
        Stage::Joined => json!("joined"),
        Stage::Leaving => json!("leaving"),
        Stage::Awaiting { until, resume } => json!({"until": until, "epoch": resume.epoch, "after": resume.after}),
    };
    json!({
        "connection": kept.connection.as_str(), "grant": grant, "stage": stage, "present": kept.present,
        "data": kept.data.as_deref(), "refusals": kept.refusals, "heard": kept.heard, "heard_more": kept.heard_more,
        "epoch": kept.epoch.as_ref().map(Epoch::as_str), "swept": kept.swept, "counted": kept.counted,
    })
}

/// What a release wrote stays written: a later form gets a file of its own beside this one.
#[test]
fn h3_the_golden_attachments_of_release_1_are_as_they_were() {
    assert_eq!(format!("{:016x}", xxh64(GOLDEN.as_bytes(), 0)), "4e6352b604d3904c");
}

#[test]
fn h3_what_release_1_remembered_is_read_today() {
    for golden in golden() {
        let kept = Kept::decode(golden["attachment"].as_str().unwrap()).expect("an attachment");
        assert_eq!(meaning(&kept), golden["means"], "{}", golden["name"]);
    }
}

#[test]
fn h3_what_is_written_today_is_what_release_1_reads() {
    for golden in golden().iter().filter(|golden| golden["written"] == true) {
        let attachment = golden["attachment"].as_str().unwrap();
        assert_eq!(Kept::decode(attachment).unwrap().encode(), attachment, "{}", golden["name"]);
    }
}

/// What a wake reads of an attachment with a head, and what release 1 reads of it: the same as without.
#[test]
fn h3_the_golden_heads_are_read_and_written_as_they_were() {
    let rules = support::room::contract().check().unwrap();
    let rules = rules.rules(&ChannelName::parse("room:a").unwrap()).unwrap();
    let golden: Value = serde_json::from_str(GOLDEN_HEADS).unwrap();
    for golden in golden["attachments"].as_array().unwrap() {
        let attachment = golden["attachment"].as_str().unwrap();
        let hibernated = HibernatedSession::parse(&attachment[..HibernatedSession::HEAD], rules).expect("a head");
        let HibernatedSession { subscription, counted, expires, swept, member_bytes, .. } = hibernated;
        let expires = if hibernated.is_anonymous() { (1 << 44) - 1 } else { expires };
        let subscription = if subscription == Subscription::Presence { "presence" } else { "messages" };
        let means = json!({
            "ground": rules.policy_fingerprint().to_string(), "hearing": subscription, "counted": counted, "expires": expires,
            "swept": swept, "member_bytes": member_bytes,
        });
        assert_eq!(means, golden["means"], "{}", golden["name"]);
        let session = Session::new(Kept::decode(attachment).unwrap(), rules);
        assert_eq!(HibernatedSession::attachment(&session, rules), attachment, "{}", golden["name"]);
    }
}

#[test]
fn h3_unknown_fields_are_passed_over_and_missing_ones_have_a_default() {
    let bare = Kept::decode(r#"{"v":1,"c":"c1"}"#).unwrap();
    assert_eq!(bare, Kept::new(ConnectionId::parse("c1").unwrap(), None, Stage::Joined, 0));
    let later =
        r#"{"v":2,"new":{"deep":[1]},"c":"c1","g":{"u":"ann","x":9,"new":true,"a":["join","fly:high"]},"s":"j"}"#;
    let kept = Kept::decode(later).unwrap();
    assert_eq!(kept.grant.unwrap().abilities, ["join", "fly:high"], "kept for the release that knows it");
}

#[test]
fn h3_what_is_no_attachment_is_none() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"v\":1}",
        "{\"c\":\"not a name\"}",
        "🐭",
        "{\"c\":\"c1\",\"s\":\"zzz\"}",
        "\u{ff}\u{fe}",
    ] {
        assert_eq!(Kept::decode(text), None, "{text}");
    }
}

#[test]
fn h3_a_socket_whose_attachment_cannot_be_read_is_closed_to_come_back() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.socket_mut(ann).attachment = "nonsense".to_owned();
    world.pause();
    world.sleep();
    assert_eq!(seqs(&world.told(bob, say("1", 1))), [1]);
    assert_eq!(world.received(ann), [json!({"type": "bye", "code": 4200, "reason": "restart"})]);
    assert_eq!(world.socket(ann).hung_up, Some(4200));
    world.send(ann, say("2", 2));
    world.cut(ann);
    world.drain();
    assert_eq!(world.storage.rows().count(), 1);
}

// --- H3: heads -------------------------------------------------------------------------------------------------

/// A room that one can hear without presence, with so many in it.
fn crowd(size: usize) -> (World, Vec<Client>) {
    let mut world = World::room_that(Sleep::Always);
    let joiner = |n: usize| Joiner::user(&format!("user-{n}")).can(&["join", "publish"]);
    let members = (0..size).map(|n| world.joined(&joiner(n))).collect();
    world.pause();
    world.advance(60_000);
    assert!(world.is_asleep());
    (world, members)
}

#[test]
fn h3_of_a_crowd_that_wakes_only_who_is_heard_is_read_whole() {
    let (mut world, members) = crowd(300);
    let before = world.attachments_read();
    world.told(members[7], say("1", 1));
    assert_eq!(world.attachments_read() - before, 2, "it, and the one that carries the epoch");
    for client in &members {
        assert_eq!(seqs(&world.received(*client)).len(), usize::from(*client != members[7]));
    }
}

#[test]
fn h3_who_joins_rouses_its_own_connections_and_the_one_it_names() {
    let (mut world, members) = crowd(300);
    let before = world.attachments_read();
    world.joined(&Joiner::user("user-3").can(&["join"]));
    assert_eq!(world.attachments_read() - before, 2, "its own, and the one that carries the epoch");
    let named = world.connection(members[5]);
    world.joined(&Joiner { connection: Some(named), ..Joiner::user("user-9").can(&["join"]) });
    assert_eq!(world.attachments_read() - before, 4);
}

#[test]
fn h3_a_head_written_under_other_rights_is_not_believed() {
    let (mut world, members) = crowd(3);
    let rules = Channel::with_token().event::<Json>("say", Event::kept());
    world.redeploy(
        Contract::new().channel("room:*", rules.presence::<Json>(Presence::list()).grants([Ability::Presence])),
    );
    let before = world.attachments_read();
    world.told(members[0], say("1", 1));
    assert_eq!(world.attachments_read() - before, 3);
    for client in members {
        assert_eq!(world.socket(client).subscription, Some(Subscription::Presence));
    }
}

#[test]
fn h3_an_attachment_of_release_1_gets_its_head_when_the_channel_wakes() {
    let (mut world, members) = crowd(3);
    for client in &members {
        let kept = Kept::decode(&world.socket(*client).attachment).unwrap();
        world.socket_mut(*client).attachment = kept.encode();
    }
    world.told(members[0], say("1", 1));
    world.pause();
    world.sleep();
    let before = world.attachments_read();
    world.told(members[1], say("2", 2));
    assert_eq!(world.attachments_read() - before, 2, "the first with the epoch, and who is heard");
}

#[test]
fn h3_one_grant_that_expires_rouses_nobody_else() {
    let (mut world, members) = crowd(300);
    let short = world.joined(&Joiner::user("brief").can(&["join"]).expires(world.now() + 30_000));
    world.advance(60_000);
    let before = world.attachments_read();
    world.told(members[0], say("1", 1));
    assert_eq!(world.received(short), [json!({"type": "bye", "code": 4300, "reason": "token_expired"})]);
    assert_eq!(world.attachments_read() - before, 2, "it, and who is heard");
}

#[test]
fn h3_a_session_that_cannot_be_read_when_it_is_roused_is_closed_to_come_back() {
    let (mut world, members) = crowd(3);
    let socket = world.socket_mut(members[1]);
    socket.attachment.truncate(HibernatedSession::HEAD);
    world.told(members[0], say("1", 1));
    world.received(members[1]);
    world.send(members[1], say("2", 2));
    assert_eq!(world.received(members[1]), [json!({"type": "bye", "code": 4200, "reason": "restart"})]);
    assert_eq!(world.socket(members[1]).subscription, Some(Subscription::Nothing));
    assert_eq!(world.socket(members[1]).hung_up, Some(4200));
    assert_eq!(seqs(&world.told(members[0], say("3", 3))), [2]);
    world.refute_received(members[1]);
}

#[test]
fn h3_a_sleeper_whose_grant_has_expired_hears_nothing() {
    let mut world = World::room_that(Sleep::Always);
    let ann = world.joined(&Joiner::user("ann").can(&["join"]).expires(BEGIN + 60_000));
    let bob = world.joined(&Joiner::user("bob").can(&["join", "publish"]));
    world.advance(120_000);
    world.told(bob, say("1", 1));
    assert_eq!(world.received(ann), [json!({"type": "bye", "code": 4300, "reason": "token_expired"})]);
}

#[test]
fn r6_a_sleeper_that_does_not_read_is_told_so() {
    let (mut world, members) = crowd(3);
    world.socket_mut(members[2]).unsent = 1_048_577;
    world.told(members[0], say("1", 1));
    let told = world.received(members[2]);
    assert_eq!(told.last().unwrap(), &json!({"type": "bye", "code": 4102, "reason": "too_slow"}));
    assert_eq!(seqs(&world.told(members[0], say("2", 2))), [2]);
    world.refute_received(members[2]);
}

#[test]
fn h3_heads_are_as_wide_whatever_they_hold() {
    let rules = support::room::contract().check().unwrap();
    let rules = rules.rules(&ChannelName::parse("room:a").unwrap()).unwrap();
    for kept in ["x", "\"", "ж", "🐭"].map(maximal) {
        let session = Session::new(kept, rules);
        let attachment = HibernatedSession::attachment(&session, rules);
        let head = HibernatedSession::parse(&attachment[..HibernatedSession::HEAD], rules);
        assert_eq!(head, HibernatedSession::of(&session));
        assert!(head.is_some());
        assert!(v8_bytes(&attachment) <= ATTACHMENT_MAX, "{}", v8_bytes(&attachment));
        assert_eq!(Kept::decode(&attachment), Some(session.kept), "release 1 passes the head over");
    }
}

// --- H1 --------------------------------------------------------------------------------------------------------

#[test]
fn h1_waking_gives_each_its_hearing_and_writes_nothing() {
    let mut world = World::under(support::room::contract(), "door:a", Sleep::Never);
    let sees = world.joined(&Joiner::user("ann"));
    let hears = world.joined(&Joiner::user("bob").can(&["join"]));
    let guest = world.joined(&Joiner::anonymous());
    world.advance(5_000);
    let before: Vec<_> = [sees, hears, guest].iter().map(|client| world.socket(*client).attachment.clone()).collect();
    for client in [sees, hears, guest] {
        world.socket_mut(client).subscription = None;
    }
    world.sleep();
    world.send_text(hears, "[]");
    let subscription = [sees, hears, guest].map(|client| world.socket(client).subscription);
    assert_eq!(subscription, [Some(Subscription::Presence), Some(Subscription::Messages), Some(Subscription::Nothing)]);
    for client in [sees, guest] {
        let index = [sees, hears, guest].iter().position(|each| *each == client).unwrap();
        assert_eq!(world.socket(client).attachment, before[index]);
    }
    assert_eq!(dormouse_core::storage::Storage::rows_written(&world.storage), 0);
}

#[test]
fn h1_every_part_of_a_long_day_reads_the_same_asleep_or_not() {
    in_channel("door:a", |world| {
        let ann = world.joined(&Joiner::user("ann").info(json!({"n": 1})));
        let guest = world.joined(&Joiner::anonymous());
        world.told(ann, say("1", 1));
        world.advance(5_000);
        world.send(guest, json!({"type": "auth", "token": Joiner::user("bob").token()}));
        world.pause();
        world.told(guest, json!({"type": "presence", "data": {"x": 1}}));
        world.pause();
        for _ in 0..3 {
            world.refuses(ann, json!({"type": "dance"}), "unknown_type");
            world.pause();
        }
        world.cut(guest);
        world.advance(5_000);
        let back = world.joined(&Joiner::user("bob").connection(&world.connection(guest)).after(&world.epoch(ann), 0));
        assert_eq!(seqs(&world.socket(back).frames), [1]);
        world.pause();
        assert_eq!(world.told(ann, say("1", 1))[0]["duplicate"], true);
        world.pause();
        world.told(ann, json!({"type": "auth", "token": Joiner::user("ann").can(&["join"]).token()}));
        world.pause();
        world.refuses(ann, say("2", 2), "forbidden");
        world.leave(ann);
        world.pause();
        world.joined(&Joiner::user("cat"));
    });
}
