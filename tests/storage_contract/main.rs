//! The storage port's contract: one suite over storage in memory and over SQLite, then what is SQLite's alone.
//!
//! SQLite is rusqlite's here. With `DORMOUSE_SQL=127.0.0.1:PORT` the same tests run over the storage of a real Durable
//! Object, which whoever listens on that port hands through (see `there.rs`), and count its own `rowsWritten`.
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

mod bounds;
mod commits;
mod deploys;
mod disconnect_graces;
mod disk;
mod life;
mod reading;
mod records;
mod replies;
mod sqlite;
mod there;
mod trouble;

/// Declares each test of a module once for every storage.
macro_rules! contract {
    ($($module:ident: $($test:ident)*;)*) => {
        mod memory {
            use crate::disk::InMemory;
            $($(#[test] fn $test() { crate::$module::$test::<InMemory>(); })*)*
        }
        mod sql {
            use crate::sqlite::InSqlite;
            $($(#[test] fn $test() { crate::$module::$test::<InSqlite>(); })*)*
        }
    };
}

contract! {
    reading:
        d2_a_row_is_read_as_it_was_written
        d2_what_was_written_survives_a_restart
        d3_reading_an_empty_store_finds_nothing_and_writes_nothing
        d3_the_newest_row_is_the_head
        d4_reading_begins_with_the_row_that_holds_the_seq
        d4_reading_backwards_begins_with_the_row_before_the_seq
        d4_a_reading_ends_with_the_row_that_crosses_its_limit
        d7_the_ids_of_the_window_are_those_of_the_rows_it_holds
        d9_the_oldest_row_is_the_first_within_all_bounds;
    bounds:
        d1_a_quiet_channel_writes_one_row_a_message
        d1_a_crowd_writes_at_most_a_twentieth_row_a_message
        d9_trimming_costs_at_most_a_tenth_row_a_message_however_tight_the_bounds
        d9_no_more_than_twice_the_bounds_is_on_disk
        d9_what_a_floor_holds_stays_and_reads_alike_whatever_comes
        d9_what_is_too_old_is_off_the_disk_and_where_the_channel_stands_is_not
        d9_trimming_costs_a_row_for_each_that_goes_or_loses_its_text
        d9_clearing_forgets_rows_and_departures_and_a_new_life_can_begin;
    trouble:
        d2_a_write_that_fails_changes_nothing_and_the_next_one_works
        d2_a_reading_that_fails_is_told_and_the_next_one_works
        d4_a_row_that_contradicts_itself_is_told_and_hides_no_other
        d4_a_row_in_an_unknown_form_is_told_and_is_still_the_head
        d4_a_head_that_cannot_be_read_is_told_until_the_store_is_cleared
        d4_a_row_that_is_gone_is_a_hole_between_its_neighbours;
    disconnect_graces:
        p3_a_departure_is_taken_once
        p3_departures_survive_a_restart_and_come_earliest_first
        p3_only_what_is_due_is_taken
        p3_a_second_departure_of_a_connection_replaces_the_first
        p3_a_departure_costs_one_row_and_its_end_another
        p3_a_departure_that_cannot_be_written_is_not_there;
    commits:
        d2_a_commit_writes_rows_records_and_replies
        d2_a_commit_that_fails_changes_nothing_and_the_next_one_works
        d2_a_commit_of_nothing_writes_nothing
        d2_what_one_commit_removes_and_puts_is_there
        d9_clearing_forgets_records_and_replies_too
        d9_clearing_the_history_leaves_records_and_replies;
    records:
        d2_a_record_is_read_as_it_was_written
        d2_a_second_record_of_a_key_replaces_the_first
        c6_what_is_due_comes_by_time_and_by_key_where_that_is_the_same
        c6_the_first_due_is_known
        d3_records_are_read_by_the_beginning_of_their_keys
        d3_pages_of_records_leave_none_out
        d1_a_record_costs_a_row_and_another_where_it_is_due
        d2_a_reading_of_records_that_fails_is_told_and_the_next_one_works;
    replies:
        c3_a_reply_is_known_as_long_as_it_has_to_be
        c3_a_second_reply_of_a_key_replaces_the_first
        c3_every_reply_of_the_window_is_known_whenever_the_store_was_opened
        c3_a_reply_costs_one_row
        c3_a_reply_that_cannot_be_written_is_not_there;
}
