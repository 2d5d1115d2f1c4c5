use super::*;
use expect_test::{Expect, expect};

const GOOD: &str = r#"title = "A lock among many"
mechanism = "dutch-lock"
population = "p2"
workload = "w1"
jobs = 50
seeds = 3
everybody = "truthful"

[faults]
kind = "independent"
share = 0.25

[[agents]]
owner = "owner 3"
act = "predator"
share = 5000
leaves_after = "7 d"

[rules]
start = 0
delay = "0 s"
ramp = "100 s"
lock = "10 min"
collateral = 10000
burned = 5000
fee = 0
"#;

#[test]
fn a_scenario_is_what_it_says() {
    let scenario = Scenario::read(GOOD).unwrap();
    assert_eq!((scenario.seeds, scenario.probes), (vec![1, 2, 3], true));
    let trial = scenario.trial;
    assert_eq!((trial.kind.about.name, trial.owners.len()), ("dutch-lock", 32));
    assert_eq!(trial.owners[2].leaves_after, Some(Span::s(7 * 86_400)));
    assert_eq!(trial.faults.unwrap().rate, 1.0);
    assert!(matches!(trial.jobs, Jobs::Of(workload, 50) if workload.name == "w1"));
    assert!(trial.run(1).unwrap().proven > 0);
}

/// The good scenario with one text in place of another.
fn check(old: &str, new: &str, expected: Expect) {
    assert!(GOOD.contains(old), "{old}");
    let mistake = Scenario::read(&GOOD.replacen(old, new, 1)).err().map(|it| it.to_string());
    expected.assert_eq(&mistake.unwrap_or_default());
}

#[test]
fn mistakes_have_their_place_and_reason() {
    check(
        "population",
        "populaton",
        expect![
            "line 3, column 1: unknown field `populaton`, expected one of `title`, `mechanism`, `preset`, `rules`, `population`, `workload`, `trace`, `jobs`, `seeds`, `probes`, `everybody`, `faults`, `agents`; did you mean `population`?"
        ],
    );
    check(
        "\"dutch-lock\"",
        "\"dutch-clock\"",
        expect![[
            r#"line 2, column 13: there is no mechanism "dutch-clock"; did you mean "dutch-lock"?"#
        ]],
    );
    check(
        "\"p2\"",
        "\"p9\"",
        expect![[r#"line 3, column 14: there is no population "p9"; did you mean "p1"?"#]],
    );
    check(
        "workload = \"w1\"",
        "",
        expect!["line 1, column 1: neither a workload nor a trace is given"],
    );
    check(
        "workload = \"w1\"",
        "workload = \"w1\"\ntrace = \"x.csv\"",
        expect!["line 5, column 9: both a workload and a trace are given; keep one of them"],
    );
    check("jobs = 50", "jobs = 0", expect!["line 5, column 8: jobs must be from 1 to 10000000"]);
    check(
        "jobs = 50",
        "jobs = \"many\"",
        expect![[r#"line 5, column 8: invalid type: string "many", expected u64"#]],
    );
    check("seeds = 3", "seeds = [1, 2, 1]", expect!["line 6, column 9: a seed is given twice"]);
    check(
        "seeds = 3",
        "seeds = -1",
        expect!["line 6, column 9: seeds must be a number from 1 on, or a list of seeds"],
    );
    check(
        "seeds = 3",
        "seeds = 3\npreset = \"boundless\"",
        expect!["line 7, column 10: both a preset and [rules] are given; keep one of them"],
    );
    check("share = 0.25", "share = 25", expect!["line 11, column 9: share must be from 0 to 1"]);
    check(
        "\"independent\"",
        "\"sometimes\"",
        expect![
            "line 10, column 8: unknown variant `sometimes`, expected one of `independent`, `region`, `withholding`"
        ],
    );
    check(
        "\"owner 3\"",
        "\"owner 99\"",
        expect![[r#"line 14, column 9: there is no owner "owner 99"; did you mean "owner 19"?"#]],
    );
    check(
        "\"predator\"",
        "\"sybil\"",
        expect!["line 15, column 7: sybil needs addresses, and nothing else"],
    );
    check(
        "\"predator\"",
        "\"preditor\"",
        expect![[
            r#"line 15, column 7: there is no way to act "preditor"; did you mean "predator"?"#
        ]],
    );
    check(
        "\"10 min\"",
        "\"10 minutes\"",
        expect![[
            r#"line 23, column 8: invalid value: string "10 minutes", expected a whole number and a unit, such as "250 ms", "180 s", "15 min", "2 h" or "7 d""#
        ]],
    );
    check(
        "\"10 min\"",
        "\"1 s\"",
        expect!["line 23, column 1: lock must be more than nothing and at least the ramp"],
    );
    check(
        "collateral =",
        "collaterals =",
        expect![
            "line 24, column 1: unknown field `collaterals`, expected one of `start`, `delay`, `ramp`, `lock`, `collateral`, `burned`, `fee`; did you mean `collateral`?"
        ],
    );
    check(
        "fee = 0",
        "fee = ",
        expect!["line 26, column 7: string values must be quoted, expected literal string"],
    );
}
