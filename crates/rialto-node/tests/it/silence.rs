//! A server that never answers holds nothing up: the node starts, and says what it waits for.

use crate::stage::{Change, Script, Stage, acted};
use crate::town::{Answer, Town};
use rialto_node::Event;
use rialto_planner::Waiting;

/// What a node does about a request while its allow list is silent, besides starting.
fn before_a_silent_list(allowed: &'static str) -> String {
    let town = Town::open(|_| Answer::Silence);
    let change = Change::none().and(&[
        ("market", "allow_requestor_lists", "[\"TOWN/list\"]"),
        ("market", "allow_client_addresses", allowed),
    ]);
    let change = change.with("CLIENT", &Stage::client().to_string());
    acted(&[], Script::WELL, |stage| {
        stage.play((600, 900), 15);
        let waits = stage
            .events()
            .into_iter()
            .any(|event| matches!(event, Event::Held { why: Waiting::List, .. }));
        let waits = if waits { ", waits for the list" } else { "" };
        stage.first(&["started", "skipped", "locked"]) + waits
    })(&change.with("TOWN", &town.url))
}

#[test]
fn who_is_allowed_by_address_is_served_while_the_list_is_silent() {
    assert_eq!(before_a_silent_list("[\"CLIENT\"]"), "started, locked");
}

#[test]
fn others_wait_for_the_list_and_are_not_refused_for_good() {
    let somebody = "[\"0x1111111111111111111111111111111111111111\"]";
    assert_eq!(before_a_silent_list(somebody), "started, waits for the list");
}
