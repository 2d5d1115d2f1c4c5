//! The laboratory at a terminal: no chain, no node.

use rialto_mechanism::{Amount, Entry, Event, JobId, JobSpec, Party, Proof, Time, find};
use rialto_protocol::Cycles;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

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
    let dir = TempDir::new().unwrap();
    let args = ["run", "dutch-lock", "--reduced", "--out", "kept", "--json"];
    let said = in_dir(dir.path(), &args).output().unwrap();
    let results: Value = serde_json::from_slice(&said.stdout).unwrap();
    let rows = results["experiments"][0]["rows"].as_array().unwrap();
    assert!(rows.len() == 18 && rows.iter().all(|row| row["agrees"] == true), "{results}");
    let of = |covers: Value| rows.iter().filter(|row| row["covers"] == covers).count();
    let (hold, intervals) = (of(true.into()), of(true.into()) + of(false.into()));
    assert!(0 < intervals && intervals < 18, "some are exact and some are not: {results}");
    assert_eq!(results["coverage"], serde_json::json!({ "intervals": intervals, "hold": hold }));
    assert_eq!(results["miss_too_often"], false);
    let sentence = format!("{hold} of {intervals} 95 % intervals hold their targets");
    assert!(text.contains(&sentence), "{text}");
    let kept = |name: &str| fs::read(dir.path().join("kept").join(name)).unwrap();
    let page = String::from_utf8(kept("report.html")).unwrap();
    assert!(page.contains(&sentence) && page.contains("in tolerances"), "{page}");
    assert_eq!(String::from_utf8(kept("experiments.csv")).unwrap().lines().count(), 19);
    assert!(kept("experiments.parquet").starts_with(b"PAR1"));
}

#[test]
fn without_a_terminal_the_list_is_no_wider_than_prose() {
    let text = String::from_utf8(lab(&["list"]).stdout).unwrap();
    assert!(text.lines().count() > 60, "{text}");
    let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(longest.chars().count() <= 92, "{longest}");
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

// ------------------------------------------------------------------------------------ scenarios

const SCENARIO: &str = r#"
title = "Raced"
mechanism = "open-race"
population = "p1"
workload = "w1"
jobs = 40
seeds = 30
"#;

fn in_dir(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    command.arg("lab").args(args).current_dir(dir);
    command
}

fn refused(dir: &Path, args: &[&str]) -> String {
    let said = in_dir(dir, args).output().unwrap();
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    String::from_utf8(said.stderr).unwrap()
}

#[test]
fn a_mistake_in_a_scenario_has_its_line_and_reason() {
    let dir = TempDir::new().unwrap();
    let run = |text: &str| {
        fs::write(dir.path().join("it.toml"), text).unwrap();
        refused(dir.path(), &["run", "it.toml"])
    };
    let said = run(&SCENARIO.replace("jobs", "job"));
    assert!(said.contains("it.toml, line 6, column 1: unknown field `job`"), "{said}");
    assert!(said.contains("did you mean `jobs`?"), "{said}");
    let said = run(&format!("{SCENARIO}\n[rules]\nsettle = \"first\"\nprizes = [10001]\n"));
    assert!(said.contains("line 11, column 1: prizes must be one or more, of 10000"), "{said}");
    fs::write(dir.path().join("jobs.csv"), "at_ms,cycles,parts,max_pay,patience_ms\n1,2\n")
        .unwrap();
    let traced = SCENARIO.replace("workload = \"w1\"\njobs = 40", "trace = \"jobs.csv\"");
    let said = run(&traced);
    assert!(said.contains("jobs.csv, line 2, column 1: 5 fields are wanted"), "{said}");
    let said = refused(dir.path(), &["run", "absent.toml"]);
    assert!(said.contains("cannot read absent.toml"), "{said}");
}

#[test]
fn a_run_that_was_killed_goes_on_to_the_same_bytes() {
    let (whole, killed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for dir in [&whole, &killed] {
        fs::write(dir.path().join("it.toml"), SCENARIO).unwrap();
    }
    let args = ["run", "it.toml", "--out", "kept"];
    assert!(in_dir(whole.path(), &args).output().unwrap().status.success());

    let mut child = in_dir(killed.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    let runs = killed.path().join("kept/runs");
    while fs::read_dir(&runs).map_or(0, Iterator::count) < 5 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.path().join("kept/report.html").exists(), "it was not killed in the middle");
    let done = fs::read_dir(&runs).unwrap().count();
    let all = fs::read_dir(whole.path().join("kept/runs")).unwrap().count();
    assert!(done < all, "{done} of {all}");

    let said = in_dir(killed.path(), &args).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stderr).contains(" runs are done already"), "{said:?}");
    for name in ["report.html", "by-seed.csv", "by-owner.parquet"] {
        let of = |dir: &TempDir| fs::read(dir.path().join("kept").join(name)).unwrap();
        assert!(of(&whole) == of(&killed), "{name} differs");
    }
    let page = fs::read_to_string(whole.path().join("kept/report.html")).unwrap();
    for needed in ["Raced", "rialto lab run it.toml --out kept", "of all payments", "<svg", "seeds"]
    {
        assert!(page.contains(needed), "the report does not say {needed:?}");
    }

    fs::write(killed.path().join("it.toml"), SCENARIO.replace("p1", "p4")).unwrap();
    let said = refused(killed.path(), &args);
    assert!(said.contains("kept holds the results of something else"), "{said}");
}

/// The Parquet file was written by Apache Arrow for C++.
#[test]
fn a_trace_gives_the_same_jobs_from_either_format() {
    let examples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/lab"));
    let dir = TempDir::new().unwrap();
    for name in ["rollup-trace.csv", "rollup-trace.parquet"] {
        fs::copy(examples.join(name), dir.path().join(name)).unwrap();
    }
    let scenario = fs::read_to_string(examples.join("rollup-trace.toml")).unwrap();
    let run = |name: &str, text: &str| {
        fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
        let said = in_dir(dir.path(), &["run", &format!("{name}.toml")]).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        fs::read_to_string(dir.path().join(format!("{name}.results/by-seed.csv"))).unwrap()
    };
    let columns = run("columns", &scenario);
    assert!(columns.lines().nth(1).unwrap().starts_with("asked,1,51,"), "{columns}");
    assert_eq!(columns, run("lines", &scenario.replace(".parquet", ".csv")));

    fs::write(dir.path().join("lines.parquet"), "at_ms,cycles,parts,max_pay,patience_ms\n")
        .unwrap();
    fs::write(
        dir.path().join("it.toml"),
        scenario.replace("rollup-trace.parquet", "lines.parquet"),
    )
    .unwrap();
    let said = refused(dir.path(), &["run", "it.toml"]);
    assert!(said.contains("lines.parquet, it cannot be read as Parquet"), "{said}");
}

#[test]
fn the_example_scenario_can_be_read() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/lab/lock-under-faults.toml");
    let scenario = rialto_lab::Scenario::read(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(scenario.trial.run(1).unwrap().proven > 200);
}

// ------------------------------------------------------------------------ comparison and advice

#[test]
fn mechanisms_are_compared_and_ranked_by_what_matters() {
    let dir = TempDir::new().unwrap();
    let ground = ["--population", "p1", "--jobs", "40", "--seeds", "2", "--json"];
    let told = |args: &[&str]| -> Value {
        let said = in_dir(dir.path(), &[args, &ground].concat()).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice(&said.stdout).unwrap()
    };
    let compared = told(&["compare", "open-race", "prover-auction", "--report", "it.html"]);
    let value = |which: usize, key: &str| {
        let properties = compared["mechanisms"][which][1].as_array().unwrap();
        let found = properties.iter().find(|property| property["key"] == key).unwrap();
        found["value"]["mean"].as_f64().unwrap()
    };
    assert!(value(0, "waste") > 0.6 && value(1, "waste") == 0.0, "{compared}");
    assert!(value(0, "second_best_gap") > value(1, "second_best_gap"), "{compared}");
    let page = fs::read_to_string(dir.path().join("it.html")).unwrap();
    assert!(page.contains("rialto lab compare open-race prover-auction --workload w1"), "{page}");

    let among = ["advise", "--among", "open-race,prover-auction", "--weights"];
    let best = |weights: &str| {
        let advice = told(&[&among[..], &[weights]].concat());
        advice["ranked"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(best("price=3,efficiency=1"), "prover-auction");
    assert_eq!(best("liveness=3"), "open-race");
    let said = refused(dir.path(), &["advise", "--weights", "beauty=1"]);
    assert!(said.contains("\"beauty=1\" is no weight") && said.contains("liveness"), "{said}");
    let said = refused(dir.path(), &["compare", "open-race", "nothing"]);
    assert!(said.contains("there is no mechanism \"nothing\""), "{said}");
}

/// What an interview came to whose answers are these lines.
fn interviewed(dir: &Path, answers: &str) -> Output {
    let args =
        ["advise", "--among", "open-race,prover-auction", "--population", "p1", "--jobs", "40"];
    let mut command = in_dir(dir, &[&args[..], &["--seeds", "2"]].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended before it has read them all.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn an_interview_asks_again_until_an_answer_is_a_weight() {
    let dir = TempDir::new().unwrap();
    let said = interviewed(dir.path(), "0\nmuch\n6\n-1\n5\n\n0.5\n0\n");
    assert!(said.status.success(), "{said:?}");
    let [out, asked] = [said.stdout, said.stderr].map(|text| String::from_utf8(text).unwrap());
    for weight in
        ["liveness × 0", "price × 5", "decentralisation × 1", "latency × 0.5", "efficiency × 0"]
    {
        assert!(out.contains(weight), "{weight}: {out}");
    }
    for wrong in ["much", "6", "-1"] {
        assert!(asked.contains(&format!("{wrong:?} is no number from 0 to 5")), "{asked}");
    }
    assert_eq!(asked.matches("requesters pay about what it costs").count(), 4, "{asked}");

    let ended = interviewed(dir.path(), "1\n2\n");
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("the answers ended before the questions"), "{told}");
    assert!(told.contains("--weights"), "{told}");
    let nothing = interviewed(dir.path(), "0\n0\n0\n0\n0\n");
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
}

// --------------------------------------------------------------------------------------- replay

#[test]
fn a_log_is_replayed_to_its_state_and_a_wrong_line_is_named() {
    let (requester, prover) = (Party::repeat_byte(1), Party::repeat_byte(2));
    let spec = JobSpec {
        requester,
        cycles: Cycles(1),
        parts: 1,
        max_pay: Amount::from(100),
        deadline: Time(9_000),
    };
    let events = [
        Event::Fund { party: requester, amount: Amount::from(500) },
        Event::Open { job: JobId(1), spec },
        Event::Deliver { job: JobId(1), by: prover, proof: Proof::PLAIN },
    ];
    let mut machine =
        find("open-race").unwrap().start("settle = \"first\"\nprizes = [10000]").unwrap();
    let mut lines =
        vec!["{\"mechanism\":\"open-race\",\"preset\":\"winner-takes-all\"}".to_owned()];
    for (event, nth) in events.into_iter().zip(1..) {
        let entry = Entry { at: Time(1_000 * nth), event };
        lines.push(serde_json::to_string(&entry).unwrap());
        machine.step(&entry);
    }
    let dir = TempDir::new().unwrap();
    let write = |lines: &[String]| fs::write(dir.path().join("it.log"), lines.join("\n")).unwrap();
    write(&lines);
    let said = in_dir(dir.path(), &["replay", "it.log", "--json"]).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let told: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(told["state_hash"], machine.state_hash().to_string());
    assert_eq!((&told["proven"], &told["latency_s"]), (&Value::from(1), &Value::from(1.0)));

    lines.push("{\"at\":1}".to_owned());
    write(&lines);
    let wrong = refused(dir.path(), &["replay", "it.log"]);
    assert!(wrong.contains("it.log, line 5: no entry: missing field `event`"), "{wrong}");
    lines[4] = lines[1].clone();
    write(&lines);
    let wrong = refused(dir.path(), &["replay", "it.log"]);
    assert!(wrong.contains("it.log, line 5: the log runs backwards"), "{wrong}");
    write(&["{\"mechanism\":\"nothing\"}".to_owned()]);
    let wrong = refused(dir.path(), &["replay", "it.log"]);
    assert!(wrong.contains("it.log, line 1: there is no mechanism \"nothing\""), "{wrong}");
}
