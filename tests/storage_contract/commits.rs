//! What a turn writes is there together or not at all (rule D2).

use dormouse_core::storage::{
    Commit, Floor, Head, RECORD_FORMAT, Record, RecordKind, Reply, Row, SqlError, Storage, StorageError,
};

use crate::disk::{Disk, InMemory};
use crate::life::{ALL, Life, grace, record, reply, sound, timer};
use crate::sqlite::{Database, InSqlite};

/// Everything that can be read of what a commit writes.
#[derive(Debug, PartialEq)]
struct Seen {
    head: Option<Head>,
    rows: Vec<Row>,
    records: Vec<Record>,
    due: Vec<Record>,
    replies: Vec<Reply>,
}

const KINDS: [RecordKind; 4] = [RecordKind::State, RecordKind::Row, RecordKind::Timer, RecordKind::Job];

fn seen(store: &mut impl Storage) -> Seen {
    Seen {
        head: store.head().unwrap(),
        rows: sound(store.read_from(0, ALL).unwrap()),
        records: KINDS.iter().flat_map(|kind| store.records(*kind, "", None, 100).unwrap()).collect(),
        due: KINDS.iter().flat_map(|kind| store.due_records(*kind, 1 << 50, 100).unwrap()).collect(),
        replies: ["call 1", "call 2"].iter().filter_map(|key| store.reply(key, 0).unwrap()).collect(),
    }
}

/// A life with something of everything that a commit writes.
fn begun<D: Disk>(keep: fn(Head) -> Vec<Floor>) -> Life<D> {
    let mut life = Life::<D>::keeping(keep);
    life.say(&["{\"old\":1}"]);
    let put = [record(RecordKind::State, "", None), timer("ann", 5), timer("bob", 6)];
    let replies = [reply("call 1", 1_000)];
    life.store().commit(&Commit { put: &put, replies: &replies, ..Commit::default() }).unwrap();
    life
}

/// What comes next: two rows, records that come, change and go, and a reply.
struct Next {
    rows: Vec<Row>,
    keep: Vec<Floor>,
    put: Vec<Record>,
    remove: Vec<(RecordKind, String)>,
    replies: Vec<Reply>,
}

impl Next {
    fn of<D: Disk>(life: &mut Life<D>) -> Self {
        let count = life.rows.len();
        let rows: Vec<_> = ["{\"a\":1}", "{\"b\":1}"]
            .iter()
            .map(|frame| {
                let row = life.next(&[frame]);
                life.rows.push(row.clone());
                row
            })
            .collect();
        life.rows.truncate(count);
        let keep = life.floors(&rows[1]);
        let state = Record { data: "{\"new\":1}".to_owned(), ..record(RecordKind::State, "", None) };
        let put =
            vec![state, timer("ann", 9), record(RecordKind::Job, "job", Some(7)), record(RecordKind::Row, "a", None)];
        let remove = vec![(RecordKind::Timer, "bob".to_owned()), (RecordKind::Timer, "nobody".to_owned())];
        Self { rows, keep, put, remove, replies: vec![reply("call 2", life.now)] }
    }

    fn commit(&self) -> Commit<'_> {
        let Self { rows, keep, put, remove, replies } = self;
        Commit { rows, keep, put, remove, replies, replies_since: 0 }
    }
}

/// That all of it is there, and what it leaves alone.
fn assert_written<D: Disk>(life: &mut Life<D>, next: &Next) {
    let written = seen(life.store());
    assert!(written.rows.ends_with(&next.rows));
    assert_eq!(written.head.unwrap().seq, next.rows[1].key().last());
    let [state, ann, job, row] = &next.put[..] else { unreachable!() };
    assert_eq!(written.records, [state, row, ann, job].map(Clone::clone));
    assert_eq!(written.due, [ann, job].map(Clone::clone));
    assert_eq!(written.replies, [reply("call 1", 1_000), next.replies[0].clone()]);
}

fn everything(_: Head) -> Vec<Floor> {
    vec![Floor::EVERYTHING]
}

pub(crate) fn d2_a_commit_writes_rows_records_and_replies<D: Disk>() {
    let mut life = begun::<D>(everything);
    let next = Next::of(&mut life);
    life.store().commit(&next.commit()).unwrap();
    assert_written(&mut life, &next);
    life.disk.restart();
    assert_written(&mut life, &next);
    let rows = life.rows.iter().cloned().chain(next.rows).collect::<Vec<_>>();
    assert_eq!(life.read(), rows);
}

pub(crate) fn d2_a_commit_that_fails_changes_nothing_and_the_next_one_works<D: Disk>() {
    for error in [StorageError::Full, StorageError::Failed("no luck".to_owned())] {
        let mut life = begun::<D>(everything);
        let (next, before) = (Next::of(&mut life), seen(life.store()));
        life.disk.fail_next_write(error.clone());
        assert_eq!(life.store().commit(&next.commit()), Err(error.clone()));
        assert_eq!(seen(life.store()), before);
        life.disk.restart();
        assert_eq!(seen(life.store()), before);
        life.store().commit(&next.commit()).unwrap();
        assert_written(&mut life, &next);
    }
}

pub(crate) fn d2_a_commit_of_nothing_writes_nothing<D: Disk>() {
    let mut life = Life::<D>::new();
    let nothing = Commit { keep: &[Floor::EVERYTHING], replies_since: 5, ..Commit::default() };
    life.store().commit(&nothing).unwrap();
    let nobody = [(RecordKind::Timer, "nobody".to_owned())];
    life.store().commit(&Commit { remove: &nobody, ..Commit::default() }).unwrap();
    assert_eq!(life.store().rows_written(), 0);
    let mut life = begun::<D>(everything);
    let (before, written) = (seen(life.store()), life.store().rows_written());
    life.store().commit(&nothing).unwrap();
    life.store().commit(&Commit { remove: &nobody, ..Commit::default() }).unwrap();
    assert_eq!(seen(life.store()), before);
    assert_eq!(life.store().rows_written(), written);
}

pub(crate) fn d2_what_one_commit_removes_and_puts_is_there<D: Disk>() {
    let mut life = begun::<D>(everything);
    let (put, remove) = ([timer("ann", 70)], [(RecordKind::Timer, "ann".to_owned())]);
    life.store().commit(&Commit { put: &put, remove: &remove, ..Commit::default() }).unwrap();
    assert_eq!(life.store().record(RecordKind::Timer, "ann").unwrap(), Some(timer("ann", 70)));
    life.store().commit(&Commit { remove: &remove, ..Commit::default() }).unwrap();
    assert_eq!(life.store().record(RecordKind::Timer, "ann").unwrap(), None);
    assert_eq!(life.store().due_records(RecordKind::Timer, 100, 9).unwrap(), [timer("bob", 6)]);
}

pub(crate) fn d9_clearing_forgets_records_and_replies_too<D: Disk>() {
    let mut life = begun::<D>(everything);
    let written = life.store().rows_written();
    life.store().clear().unwrap();
    assert_eq!(life.store().rows_written(), written);
    for restarted in [false, true] {
        if restarted {
            life.disk.restart();
        }
        let nothing = Seen { head: None, rows: vec![], records: vec![], due: vec![], replies: vec![] };
        assert_eq!(seen(life.store()), nothing);
    }
    life.rows.clear();
    let next = Next::of(&mut life);
    life.store().commit(&next.commit()).unwrap();
    assert_eq!(seen(life.store()).records.len(), 4);
}

pub(crate) fn d9_clearing_the_history_leaves_records_and_replies<D: Disk>() {
    let mut life = begun::<D>(last_hundred);
    for _ in 0..250 {
        life.say(&["{}"]);
    }
    life.store().put_grace(&grace("ann", 10)).unwrap();
    let (before, written) = (seen(life.store()), life.store().rows_written());
    life.disk.fail_next_write(StorageError::Full);
    assert_eq!(life.store().clear_history(), Err(StorageError::Full));
    assert_eq!(seen(life.store()), before);
    assert_eq!(life.store().graces().unwrap(), [grace("ann", 10)]);
    life.store().clear_history().unwrap();
    assert_eq!(life.store().rows_written(), written, "it costs nothing");
    for restarted in [false, true] {
        if restarted {
            life.disk.restart();
        }
        assert_eq!(life.store().graces().unwrap(), []);
        let after = seen(life.store());
        assert_eq!((after.head, after.rows), (None, vec![]));
        assert_eq!((&after.records, &after.due, &after.replies), (&before.records, &before.due, &before.replies));
    }
    life.rows.clear();
    life.say(&["{\"new\":1}"]);
    assert_eq!(life.read(), life.rows.clone());
    life.store().put_grace(&grace("bob", 10)).unwrap();
    assert_eq!(life.store().graces().unwrap(), [grace("bob", 10)]);
    life.store().clear_history().unwrap();
    life.store().clear_history().unwrap();
}

fn last_hundred(head: Head) -> Vec<Floor> {
    vec![Floor { seq: head.seq.saturating_sub(99), at: 0, before: 0 }]
}

/// A life whose next commit makes every table.
fn new() -> Life<InSqlite> {
    Life::keeping(last_hundred)
}

/// A life whose next commit begins new tables for rows and replies, and drops those before.
fn rotating() -> Life<InSqlite> {
    let mut life = begun::<InSqlite>(last_hundred);
    let other = [reply("call 3", 2_000)];
    life.store().commit(&Commit { replies: &other, replies_since: 1_500, ..Commit::default() }).unwrap();
    life.now = 3_000;
    for _ in 0..398 {
        life.say(&["{}"]);
    }
    life
}

/// Puts a failure at each statement in turn, until the commit needs fewer: says how many it needs.
fn fail_at_each(begin: fn() -> Life<InSqlite>, since: u64) -> usize {
    for statement in 0.. {
        let mut life = begin();
        let next = Next::of(&mut life);
        let before = life.disk.database.dump();
        life.disk.restart();
        life.disk.database.fail_after(statement, SqlError { full: true, message: "no room".to_owned() });
        let commit = Commit { replies_since: since, ..next.commit() };
        let done = life.store().commit(&commit);
        if done.is_ok() {
            return statement;
        }
        assert_eq!(done, Err(StorageError::Full), "statement {statement}");
        assert!(life.disk.database.is_trouble_over());
        assert_eq!(life.disk.database.dump(), before, "statement {statement}");
        life.store().commit(&commit).unwrap();
        let written = seen(life.store());
        assert!(written.rows.ends_with(&next.rows) && written.records.len() == 4, "statement {statement}");
        assert_eq!(written.replies.last(), Some(&reply("call 2", life.now)), "statement {statement}");
        life.disk.restart();
        assert_eq!(seen(life.store()), written);
    }
    unreachable!()
}

#[test]
fn d2_a_failure_of_any_statement_of_a_commit_changes_nothing() {
    // Tables, create and two rows, create with index and four puts, create and reply. Nothing is to be removed.
    assert_eq!(fail_at_each(new, 0), 12);
}

#[test]
fn d2_a_failure_of_any_statement_of_a_commit_that_rotates_changes_nothing() {
    let names = rotating().disk.database.table_names();
    assert_eq!(names, ["kept", "kept_older", "records", "replies_1000", "replies_2000"]);
    // Tables, first row, drop, rename, definition, create, two rows, two removed, four puts, definition, drop, create,
    // reply.
    assert_eq!(fail_at_each(rotating, 2_500), 18);
}

/// The runtime tells what a statement wrote as it runs, and takes nothing of it back.
#[test]
fn d2_what_is_undone_counts_as_written() {
    let mut life = new();
    let next = Next::of(&mut life);
    life.store().head().unwrap();
    let error = SqlError { full: false, message: "no luck".to_owned() };
    life.disk.database.fail_after(5, error);
    life.store().commit(&next.commit()).unwrap_err();
    assert_eq!(life.store().rows_written(), (2 + 2) + (2 + 1), "two rows and their table, the table of records");
    assert_eq!(life.disk.database.table_names(), Vec::<String>::new());
}

#[test]
fn d2_a_commit_that_has_no_room_changes_nothing() {
    let mut life = Life { disk: InSqlite::over(Database::of_pages(64)), ..Life::new() };
    let data = "x".repeat(10_000);
    let mut refused = 0;
    for index in 0..40 {
        let key = format!("{index:02}");
        let row = life.next(&["{}"]);
        let put = [Record { kind: RecordKind::Row, key, due: Some(index), format: RECORD_FORMAT, data: data.clone() }];
        let replies = [Reply { data: data.clone(), ..reply("call 1", index) }];
        let commit = Commit { rows: std::slice::from_ref(&row), put: &put, replies: &replies, ..Commit::default() };
        let before = seen(life.store());
        match life.store().commit(&commit) {
            Ok(()) => life.rows.push(row),
            Err(error) => {
                refused += 1;
                assert_eq!(error, StorageError::Full);
                assert_eq!(seen(life.store()), before);
            }
        }
    }
    assert!(refused > 5 && life.rows.len() > 5, "{refused} refused");
    assert_eq!(life.read(), life.rows.clone());
    life.disk.restart();
    assert_eq!(seen(life.store()).records.len(), life.rows.len());
}

/// A channel without handlers: what it costs is what it cost before there were any.
#[test]
fn d2_a_commit_of_a_row_alone_is_the_statements_of_an_append() {
    let (mut appended, mut committed) = (new(), new());
    for _ in 0..250 {
        appended.say(&["{}"]);
        let row = committed.next(&["{}"]);
        let keep = committed.floors(&row);
        let commit = Commit { rows: std::slice::from_ref(&row), keep: &keep, replies_since: 7, ..Commit::default() };
        committed.store().commit(&commit).unwrap();
        committed.rows.push(row);
        for life in [&mut appended, &mut committed] {
            life.store().head().unwrap();
        }
    }
    assert_eq!(committed.disk.database.ran(), appended.disk.database.ran());
    assert_eq!(committed.disk.database.transactions(), 0);
    assert_eq!(committed.disk.database.statements(), 1 + 250 + 250 + 9, "tables, rows, heads; two rotations");
    assert_eq!(committed.disk.database.dump(), appended.disk.database.dump());
    assert_eq!(committed.disk.database.table_names(), ["kept", "kept_older"]);
    assert_eq!(committed.store().rows_written(), 250 + 2 + 2 * 4);
}

/// Nobody asks for records and replies: no table is made, and no statement runs.
#[test]
fn d3_reading_records_that_were_never_written_runs_no_statement() {
    let mut life = new();
    life.say(&["{}"]);
    let statements = life.disk.database.statements();
    let nothing = seen(life.store());
    assert!(nothing.records.is_empty() && nothing.due.is_empty() && nothing.replies.is_empty());
    assert_eq!(life.store().first_due(RecordKind::Timer).unwrap(), None);
    assert_eq!(life.store().record(RecordKind::State, "").unwrap(), None);
    life.store().commit(&Commit { replies_since: 7, ..Commit::default() }).unwrap();
    assert_eq!(life.disk.database.transactions(), 0, "a commit of nothing");
    assert_eq!(life.disk.database.statements() - statements, 3, "the head, and the sizes and texts of rows");
    assert_eq!(life.disk.database.table_names(), ["kept"]);
}

/// Each other table makes the new name of a rotation dearer, so there are fewer rotations.
#[test]
fn d9_trimming_costs_at_most_a_tenth_row_a_message_beside_every_other_table() {
    let mut life = Life::<InSqlite>::keeping(|head| vec![Floor { seq: head.seq, at: 0, before: 0 }]);
    life.store().put_grace(&grace("ann", 10)).unwrap();
    for at in [1_000, 2_000] {
        let (put, replies) = ([timer("ann", 5)], [reply("call 1", at)]);
        let commit = Commit { put: &put, replies: &replies, replies_since: at, ..Commit::default() };
        life.store().commit(&commit).unwrap();
    }
    let before = life.store().rows_written();
    for _ in 0..1_000 {
        life.say(&["{}"]);
    }
    let extra = life.store().rows_written() - before - 1_000;
    assert!((50..=100).contains(&extra), "{extra} rows more");
}

/// After its history is cleared a channel trims as a new one does.
#[test]
fn d9_a_history_that_was_cleared_begins_like_a_new_one() {
    let (mut fresh, mut cleared) = (new(), new());
    for _ in 0..120 {
        cleared.say(&["{}"]);
    }
    cleared.store().clear_history().unwrap();
    cleared.rows.clear();
    for _ in 0..160 {
        fresh.say(&["{}"]);
        cleared.say(&["{}"]);
    }
    assert_eq!(fresh.disk.database.table_names(), ["kept", "kept_older"]);
    assert_eq!(cleared.disk.database.dump(), fresh.disk.database.dump());
}

#[test]
fn d2_memory_that_is_full_takes_nothing_more_and_lets_go() {
    let mut life = begun::<InMemory>(everything);
    let next = Next::of(&mut life);
    life.store().set_full(true);
    let before = seen(life.store());
    let [rows, put, replies] = [
        Commit { rows: &next.rows, ..Commit::default() },
        Commit { put: &next.put, ..Commit::default() },
        Commit { replies: &next.replies, ..Commit::default() },
    ];
    for commit in [rows, put, replies, next.commit()] {
        assert_eq!(life.store().commit(&commit), Err(StorageError::Full));
        assert_eq!(seen(life.store()), before);
    }
    life.store().commit(&Commit { remove: &next.remove, ..Commit::default() }).unwrap();
    assert_eq!(seen(life.store()).records.len(), before.records.len() - 1);
    life.store().set_full(false);
    life.store().commit(&next.commit()).unwrap();
    assert_written(&mut life, &next);
}
