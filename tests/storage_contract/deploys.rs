//! A deploy lets the code of two releases meet the same data, in either order.

use dormouse_core::grant::Grant;
use dormouse_core::history::DedupeKey;
use dormouse_core::payer::Payer;
use dormouse_core::session::{Kept, Stage};
use dormouse_core::storage::{
    Column, Commit, DisconnectGrace, Floor, Head, Param, Record, RecordKind, Reply, Row, RowKey, Storage as _,
    StorageError, Value,
};
use dormouse_protocol::name::{Epoch, RequestId, UserId};
use serde_json::{Value as Json, json};
use xxhash_rust::xxh64::xxh64;

use crate::disk::Disk as _;
use crate::life::{ALL, Life, connection_id, grace, sound};
use crate::sqlite::{Database, InSqlite, text};

const GOLDEN: &str = include_str!("../vectors/storage-v1.json");
const GOLDEN_HANDLERS: &str = include_str!("../vectors/storage-handlers-v1.json");

fn golden() -> Json {
    serde_json::from_str(GOLDEN).unwrap()
}

/// A release that has added a column to the rows.
const LATER: &[Column] = &[Column { name: "encoding", declaration: "TEXT NOT NULL DEFAULT 'json'" }];

fn last_sixty(head: Head) -> Vec<Floor> {
    vec![Floor { seq: head.seq.saturating_sub(59), at: 0, before: 0 }]
}

fn expected_row(json: &Json) -> Row {
    let number = |name: &str| json[name].as_u64().unwrap();
    let frames: Vec<_> = json["frames"].as_array().unwrap().iter().map(|frame| frame.as_str().unwrap()).collect();
    let key = RowKey { first: number("first"), count: frames.len() as u64, at: number("at"), before: number("before") };
    let lengths = frames.iter().map(|frame| u32::try_from(frame.len()).unwrap()).collect();
    let epoch = Epoch::parse(json["epoch"].as_str().unwrap()).unwrap();
    Row::new(key, epoch, json["ids"].as_str().unwrap().to_owned(), lengths, frames.join(",")).unwrap()
}

fn expected_grace(json: &Json) -> DisconnectGrace {
    DisconnectGrace {
        connection: connection_id(json["connection"].as_str().unwrap()),
        due: json["due"].as_u64().unwrap(),
        session: json["session"].as_str().unwrap().to_owned(),
    }
}

fn as_json(value: Value) -> Json {
    match value {
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Null | Value::Other => Json::Null,
    }
}

/// All rows of a table as they stand in it.
fn dump(database: &Database, select: &str) -> Json {
    let rows = database.run(select, &[]);
    rows.into_iter().map(|row| row.into_iter().map(as_json).collect::<Json>()).collect()
}

fn insert(database: &Database, table: &str, rows: &Json) {
    for row in rows.as_array().unwrap() {
        let values = row.as_array().unwrap();
        let params: Vec<_> = values
            .iter()
            .map(|value| match value {
                Json::String(text) => Param::Text(text),
                Json::Null => Param::Null,
                other => Param::Integer(other.as_i64().unwrap()),
            })
            .collect();
        let places: Vec<_> = (1..=params.len()).map(|place| format!("?{place}")).collect();
        database.run(&format!("INSERT INTO {table} VALUES ({})", places.join(", ")), &params);
    }
}

/// What a release wrote stays written: a new form gets a file and tests of its own beside these.
#[test]
fn the_golden_file_of_release_1_is_as_it_was() {
    assert_eq!(format!("{:016x}", xxh64(GOLDEN.as_bytes(), 0)), "95cdf0846df2c977");
}

#[test]
fn what_release_1_wrote_is_read_today() {
    let golden = golden();
    let database = Database::open();
    for table in golden["tables"].as_array().unwrap() {
        database.run(table.as_str().unwrap(), &[]);
    }
    insert(&database, "kept", &golden["kept"]);
    insert(&database, "departures", &golden["departures"]);

    let mut disk = InSqlite::over(database);
    let rows: Vec<_> = golden["rows"].as_array().unwrap().iter().map(expected_row).collect();
    assert_eq!(sound(disk.store().read_from(1, ALL).unwrap()), rows);
    assert_eq!(disk.store().head().unwrap().unwrap().bytes, rows.last().unwrap().bytes_after());
    let away: Vec<_> = golden["away"].as_array().unwrap().iter().map(expected_grace).collect();
    assert_eq!(disk.store().graces().unwrap(), away);
}

#[test]
fn what_release_1_marked_as_seen_is_a_duplicate_today() {
    let (ann, nobody) = (UserId::parse("ann").unwrap(), connection_id("BBBBBBBBBBBBBBBBBBBBBB"));
    let mark = |payer, id, data| DedupeKey::new(&payer, &RequestId::parse(id).unwrap(), "say", data);
    let marks = [
        vec![mark(Payer::User(ann), "a-1", "{\"text\":\"it's \\\"quoted\\\"\"}")],
        vec![mark(Payer::Connection(nobody), "b-1", "{\"text\":\"grüße 🦀\"}"), None],
    ];
    for (row, marks) in golden()["rows"].as_array().unwrap().iter().zip(marks) {
        assert_eq!(row["ids"], json!(serde_json::to_string(&marks).unwrap()));
    }
}

#[test]
fn whom_release_1_saw_depart_is_known_today() {
    let grant = |user: &str| Grant {
        user: UserId::parse(user).unwrap(),
        expires: 1_800_003_600_000,
        abilities: Vec::new(),
        roles: Vec::new(),
        info: None,
        token_id: None,
        issued: None,
    };
    let plain = Kept {
        present: true,
        ..Kept::new(connection_id("BBBBBBBBBBBBBBBBBBBBBB"), Some(grant("bob")), Stage::Joined, 1_800_000_000_000)
    };
    let full = Kept {
        connection: connection_id("AAAAAAAAAAAAAAAAAAAAAA"),
        grant: Some(Grant {
            abilities: vec!["join".to_owned(), "publish".to_owned()],
            roles: vec!["host".to_owned()],
            info: Some("{\"name\":\"Ann\"}".into()),
            token_id: Some("token-1".to_owned()),
            issued: Some(1_800_000_000_000),
            ..grant("ann")
        }),
        data: Some("{\"mood\":\"good\"}".into()),
        epoch: Epoch::parse("0123456789abcdef"),
        swept: 1_800_000_000_000,
        ..plain.clone()
    };
    for (away, expected) in golden()["away"].as_array().unwrap().iter().zip([plain, full]) {
        assert_eq!(Kept::decode(away["session"].as_str().unwrap()), Some(expected));
    }
}

#[test]
fn what_is_written_today_release_1_can_read() {
    let golden = golden();
    let mut disk = InSqlite::new();
    for row in golden["rows"].as_array().unwrap() {
        disk.store().append(&expected_row(row), &[]).unwrap();
    }
    for grace in golden["away"].as_array().unwrap() {
        disk.store().put_grace(&expected_grace(grace)).unwrap();
    }
    let database = &disk.database;
    assert_eq!(dump(database, "SELECT * FROM kept ORDER BY first"), golden["kept"]);
    assert_eq!(dump(database, "SELECT * FROM departures ORDER BY connection"), golden["departures"]);
    let tables = database.run("SELECT sql FROM sqlite_master WHERE type = 'table' ORDER BY name DESC", &[]);
    assert_eq!(tables.iter().map(|row| json!(text(&row[0]))).collect::<Json>(), golden["tables"]);
}

#[test]
fn a_later_release_adds_its_column_and_reads_what_is_there() {
    let mut life = Life::<InSqlite>::keeping(last_sixty);
    for _ in 0..100 {
        life.say(&["{}"]);
    }
    assert_eq!(life.disk.database.table_names(), ["kept", "kept_older"]);
    let read = life.read();
    life.disk.deploy(LATER);
    assert_eq!(life.read(), read);
    assert_eq!(dump(&life.disk.database, "SELECT DISTINCT encoding FROM kept"), json!([["json"]]));
    assert_eq!(dump(&life.disk.database, "SELECT DISTINCT encoding FROM kept_older"), json!([["json"]]));
    life.disk.deploy(LATER); // and adds it only once
    life.say(&["{}"]);
}

#[test]
fn a_release_that_was_rolled_back_to_writes_on_and_leaves_the_later_columns_standing() {
    let mut life = Life::<InSqlite>::keeping(last_sixty);
    life.disk.deploy(LATER);
    for release in [LATER, &[], &[], LATER, &[], LATER] {
        life.disk.deploy(release);
        for _ in 0..80 {
            life.say(&["{}"]); // at least one rotation each
        }
        let read = life.read();
        assert_eq!(read, life.rows[life.rows.len() - read.len()..]);
        for table in ["kept", "kept_older"] {
            life.disk.database.run(&format!("SELECT encoding FROM {table}"), &[]);
        }
    }
}

#[test]
fn tables_that_this_release_would_misread_are_refused_and_left_alone() {
    let mut life = Life::<InSqlite>::new();
    life.say(&["{}"]);
    let database = life.disk.database.clone();
    database.run("CREATE TABLE schema (version INTEGER PRIMARY KEY)", &[]);
    for (version, refused) in [(1, false), (2, true)] {
        database.run(&format!("INSERT INTO schema VALUES ({version})"), &[]);
        life.disk.deploy(LATER);
        let head = life.store().head();
        assert_eq!(matches!(head, Err(StorageError::Failed(_))), refused, "{head:?}");
        assert_eq!(life.try_say(&["{}"]).is_err(), refused);
    }
    assert_eq!(dump(&database, "SELECT first FROM kept"), json!([[1], [2]]));
    life.store().clear().unwrap();
    assert_eq!(database.table_names(), Vec::<String>::new());
    assert_eq!(life.store().head().unwrap(), None);
}

#[test]
fn clearing_drops_the_tables_of_any_release() {
    let mut disk = InSqlite::new();
    disk.store().put_grace(&grace("ann", 1)).unwrap();
    disk.database.run("CREATE TABLE \"of a \"\"later\"\" release\" (id TEXT PRIMARY KEY)", &[]);
    disk.store().clear().unwrap();
    assert_eq!(disk.database.table_names(), Vec::<String>::new());
}

/// What the rows of the golden file mean: records by kind and key, then replies, the older first.
fn expected_of_handlers(golden: &Json) -> (Vec<Record>, Vec<Reply>) {
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let kinds = [RecordKind::State, RecordKind::Row, RecordKind::Timer, RecordKind::Job];
    let record = |row: &Json| Record {
        kind: *kinds.iter().find(|kind| row[0] == kind.as_str()).unwrap(),
        key: text(&row[1]),
        due: row[2].as_u64(),
        format: row[3].as_u64().unwrap(),
        data: text(&row[4]),
    };
    let reply = |row: &Json| Reply {
        key: text(&row[0]),
        fingerprint: text(&row[1]),
        at: row[2].as_u64().unwrap(),
        data: text(&row[3]),
    };
    let rows = |table: &str| golden[table].as_array().unwrap().clone();
    let replies = ["replies_1800000000000", "replies_1800000700000"].iter().flat_map(|table| rows(table));
    (rows("records").iter().map(record).collect(), replies.map(|row| reply(&row)).collect())
}

#[test]
fn the_golden_file_of_the_first_release_with_handlers_is_as_it_was() {
    assert_eq!(format!("{:016x}", xxh64(GOLDEN_HANDLERS.as_bytes(), 0)), "482d46a88c4f84d9");
}

#[test]
fn what_the_first_release_with_handlers_wrote_is_read_today() {
    let golden: Json = serde_json::from_str(GOLDEN_HANDLERS).unwrap();
    let database = Database::open();
    for table in golden["tables"].as_array().unwrap() {
        database.run(table.as_str().unwrap(), &[]);
    }
    for table in ["records", "replies_1800000000000", "replies_1800000700000"] {
        insert(&database, table, &golden[table]);
    }
    let mut disk = InSqlite::over(database);
    let (records, replies) = expected_of_handlers(&golden);
    for record in records {
        assert_eq!(disk.store().record(record.kind, &record.key).unwrap(), Some(record));
    }
    for reply in replies {
        assert_eq!(disk.store().reply(&reply.key, reply.at).unwrap(), Some(reply));
    }
    assert_eq!(disk.store().first_due(RecordKind::Timer).unwrap(), Some(1_800_000_060_000));
}

#[test]
fn what_is_written_today_the_first_release_with_handlers_can_read() {
    let golden: Json = serde_json::from_str(GOLDEN_HANDLERS).unwrap();
    let (records, replies) = expected_of_handlers(&golden);
    let mut disk = InSqlite::new();
    disk.store().commit(&Commit { put: &records, ..Commit::default() }).unwrap();
    for reply in &replies {
        let commit =
            Commit { replies: std::slice::from_ref(reply), replies_since: reply.at - 600_000, ..Commit::default() };
        disk.store().commit(&commit).unwrap();
    }
    let database = &disk.database;
    for table in database.table_names() {
        assert_eq!(dump(database, &format!("SELECT * FROM {table} ORDER BY 1, 2")), golden[&table], "{table}");
    }
    let made = database.run("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name", &[]);
    assert_eq!(made.iter().map(|row| json!(text(&row[0]))).collect::<Json>(), golden["tables"]);
}

/// The release before knows nothing of handlers: its rows and theirs do not touch.
#[test]
fn a_release_without_handlers_writes_beside_what_handlers_keep() {
    let golden: Json = serde_json::from_str(GOLDEN_HANDLERS).unwrap();
    let (records, replies) = expected_of_handlers(&golden);
    let mut life = Life::<InSqlite>::keeping(last_sixty);
    life.store().commit(&Commit { put: &records, replies: &replies, ..Commit::default() }).unwrap();
    let beside = |life: &Life<InSqlite>| {
        life.disk.database.dump().into_iter().filter(|(table, _)| table.starts_with('r')).collect::<Vec<_>>()
    };
    let before = beside(&life);
    assert_eq!(before.len(), 2);
    for _ in 0..300 {
        life.say(&["{}"]); // two rotations
    }
    life.store().put_grace(&grace("ann", 1)).unwrap();
    life.store().trim(Floor { seq: 290, at: 0, before: 0 }, Floor { seq: 290, at: 0, before: 0 }).unwrap();
    assert_eq!(beside(&life), before);
    assert_eq!(life.read(), life.rows[289..]);
}
