//! The catalogue holds every mechanism, each with its rule book and with presets that work.

use super::*;
use crate::{Unstartable, find};
use std::error::Error;

/// What the head of every mechanism's file must say.
const SECTIONS: &[&str] =
    &["*Rule.*", "*Pay.*", "*Failure.*", "*Source.*", "Confidence", "*Attacks.*"];

#[test]
fn every_file_is_in_the_catalogue() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mechanism");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let listed: BTreeSet<String> =
        CATALOGUE.iter().map(|kind| kind.about.file.to_owned()).collect();
    assert_eq!(files.len(), CATALOGUE.len());
    assert!(files == listed, "a mechanism is missing in the catalogue, or shows another's file");
}

#[test]
fn every_mechanism_has_a_name_a_rule_book_and_presets() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(|kind| kind.about.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for kind in CATALOGUE {
        let about = kind.about;
        assert_eq!(find(about.name).unwrap().about.family, about.family);
        let text = about.explain().replace('\n', " ");
        for section in SECTIONS {
            assert!(text.contains(section), "{} says nothing under {section}", about.name);
        }
        assert!(text.contains(about.family), "{} does not name {}", about.name, about.family);
        let mark = format!("Confidence {}", about.confidence);
        assert!(text.contains(&mark), "{} should say {mark:?}", about.name);
        assert!(!about.presets.is_empty(), "{} has no preset", about.name);
        for preset in about.presets {
            kind.start(preset.rules).unwrap();
            assert_eq!(about.preset(preset.name).unwrap().rules, preset.rules);
        }
    }
}

#[test]
fn rules_that_make_no_sense_are_refused_with_line_and_reason() {
    let kind = find("dutch-lock").unwrap();
    let refusal = |rules: &str| {
        let refusal = kind.start(rules).err().unwrap();
        format!("{refusal}: {}", refusal.source().unwrap())
    };
    let rules = kind.about.presets[0].rules;
    expect_test::expect![[r#"
        the rules of dutch-lock cannot be read: TOML parse error at line 6, column 20
          |
        6 |             lock = "10 minutes"
          |                    ^^^^^^^^^^^^
        invalid value: string "10 minutes", expected a whole number and a unit, such as "250 ms", "180 s", "15 min", "2 h" or "7 d"
    "#]]
    .assert_eq(&refusal(&rules.replace("10 min\"", "10 minutes\"")));
    expect_test::expect!["the rules of dutch-lock contradict themselves: lock must be more than nothing and at least the ramp"]
        .assert_eq(&refusal(&rules.replace("10 min\"", "1 min\"")));
    let unknown = refusal(&format!("{rules}\nlocks = 1"));
    assert!(unknown.contains("unknown field `locks`"), "{unknown}");
    assert!(matches!(kind.restore(&[1]), Err(Unstartable::NotAState { .. })));
}
