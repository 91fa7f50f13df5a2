//! Rows by key: a turn that changes one tells what it read, and a model of the kept history tells what it must have read.

use std::collections::BTreeMap;

use dormouse::{Rows, Turn, payload};

use super::asked::{Ask, What};
use super::deed::Deed;

pub const ITEMS: Rows<Item> = Rows::new("items");

#[payload]
pub struct Item {
    /// Which request has put it.
    pub n: u64,
}

/// Puts a row, takes one out, or does neither; what it reads before and after is in what it tells.
pub fn rearrange(turn: &mut Turn<'_>, ask: &Ask) -> Deed {
    let key = key(&ask.key, ask.after);
    let saw = page(turn, ask);
    let what = match ask.what {
        What::Put => {
            turn.put_row(ITEMS, &key, &Item { n: ask.n });
            "put"
        }
        What::Take => {
            turn.remove_row(ITEMS, &key);
            "take"
        }
        _ => "list",
    };
    let then = page(turn, ask);
    Deed { key: ask.key.clone(), due: ask.after, saw, then, ..Deed::of(what, ask.n) }
}

fn page(turn: &mut Turn<'_>, ask: &Ask) -> String {
    let (after, limit) = bounds(&ask.key, ask.after);
    let rows: Vec<_> = turn.rows(ITEMS, after, limit).into_iter().map(|(key, item)| (key, item.n)).collect();
    let one = turn.row(ITEMS, &key(&ask.key, ask.after)).map(|item| item.n);
    format!("{rows:?} {one:?}")
}

fn key(key: &str, after: u64) -> String {
    format!("{key}{}", after % 3)
}

/// After which key is read, and how many.
fn bounds(key: &str, after: u64) -> (Option<&str>, usize) {
    (after.is_multiple_of(2).then_some(key), [1, 2, 3, 9][(after % 4) as usize])
}

/// What the rows must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items(pub BTreeMap<String, u64>);

impl Items {
    /// What a turn must have read that did this, and must have read after it.
    pub fn turn(&mut self, deed: &Deed) -> (String, String) {
        let saw = self.page(deed);
        let key = key(&deed.key, deed.due);
        match deed.what.as_str() {
            "put" => drop(self.0.insert(key, deed.n)),
            "take" => drop(self.0.remove(&key)),
            _ => {}
        }
        (saw, self.page(deed))
    }

    fn page(&self, deed: &Deed) -> String {
        let (after, limit) = bounds(&deed.key, deed.due);
        let rows = self.0.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let rows: Vec<_> = rows.take(limit).collect();
        format!("{rows:?} {:?}", self.0.get(&key(&deed.key, deed.due)))
    }
}
