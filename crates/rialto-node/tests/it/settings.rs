//! Every setting does something: for each key of the file, what the node does with one value and with
//! another.
//!
//! A row names a key, values of it in TOML, how what they change is looked at, and what is seen. A
//! value counts when it shows: in a plan (`planning`), in what a whole node on a simulated chain does
//! (`stage`), or in what a unit of the node fetches or asks (`town`); that it was read shows nothing.
//! `every_key_has_a_row` fails for a key without one. Where venues are and where pages are served is
//! the program's own wiring; `rialto-cli` has those rows (`node/run`).

mod behaviour;
mod planning;
mod rows;

use rialto_node::Settings;
use std::collections::BTreeSet;

/// Sections whose rows `rialto-cli` has.
const OF_THE_PROGRAM: [&str; 2] = ["monitor", "venue"];

#[test]
fn every_key_has_a_row() {
    let keys = Settings::keys();
    let of_the_node = keys.iter().filter(|key| !OF_THE_PROGRAM.contains(&key.section));
    let keys: BTreeSet<_> = of_the_node.map(rialto_node::settings::Key::path).collect();
    let rows: Vec<_> = rows::KEYS
        .iter()
        .flat_map(|(section, names)| names.iter().map(move |name| format!("{section}.{name}")))
        .collect();
    let distinct: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(distinct, keys, "left the rows, right the keys");
    assert_eq!(distinct.len(), rows.len(), "no key has two rows");
}
