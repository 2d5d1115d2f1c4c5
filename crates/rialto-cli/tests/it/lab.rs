//! The laboratory at a terminal: no chain, no node.

use serde_json::Value;
use std::process::{Command, Output};

fn lab(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    command.arg("lab").args(args).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let said = lab(&[args, &["--json"]].concat());
    assert!(said.status.success(), "{said:?}");
    serde_json::from_slice(&said.stdout).unwrap()
}

fn names(list: &Value) -> Vec<String> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_mechanism_that_is_listed_is_explained() {
    let listed = json(&["list"]);
    let mechanisms = names(&listed["mechanisms"]);
    assert!(mechanisms.contains(&"dutch-lock".to_owned()), "{mechanisms:?}");
    for name in mechanisms {
        let explained = json(&["explain", &name]);
        let book = explained["rule_book"].as_str().unwrap();
        for section in ["*Rule.*", "*Source.*", "*Attacks.*"] {
            assert!(book.contains(section), "{name}: {book}");
        }
        assert!(!explained["presets"].as_object().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn an_experiment_shows_whether_its_numbers_are_right() {
    let said = lab(&["run", "dutch-lock", "--reduced"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(0), "{text}");
    assert!(text.contains("18 of 18 numbers are what they should be."), "{text}");
    let results = json(&["run", "dutch-lock", "--reduced"]);
    let rows = results[0]["rows"].as_array().unwrap();
    assert!(rows.len() == 18 && rows.iter().all(|row| row["agrees"] == true), "{results}");
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let unknown = lab(&["run", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        said.contains("there is no experiment \"nothing\"") && said.contains("dutch-lock"),
        "{said}"
    );
    assert_eq!(lab(&["explain", "nothing"]).status.code(), Some(2));
}
