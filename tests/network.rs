//! The network of dialers in its short form: the same bytes each time, and every dialer in order at each look.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;

const SCENARIOS: [&str; 8] = [
    "cold-start",
    "steady-state",
    "partition",
    "mass-restart",
    "eclipse",
    "flaky-links",
    "slow-loris",
    "long-life",
];

fn network(args: &[&str]) -> Output {
    // `cargo test --test …` does not build the examples, so cargo is asked for this one.
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline", "--example", "network", "--"]).args(args);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = network(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run fails (exit code 1, and a line for each fault) if a dialer has more peers than its target, does not know its
/// peers or its dials, contradicts itself, or is stuck with peers missing and nothing under way; or if connections and
/// their ends don't match.
#[test]
fn every_scenario_keeps_the_invariants() {
    let all = objects(&stdout(&["--quick", "--nodes", "150", "--json"]));
    let names: Vec<&str> = all.iter().map(|object| object["scenario"].as_str().unwrap()).collect();
    for name in SCENARIOS {
        assert_eq!(
            names.iter().filter(|other| **other == name).count() * SCENARIOS.len(),
            all.len(),
            "{name}"
        );
    }
    for object in &all {
        assert_eq!(object["faults"], Value::Array(Vec::new()), "{object}");
        // Dials were made, not all in vain (so few nodes can hardly have all peers, and the scheduler tries each again after
        // 35 s), and nobody was left alone.
        let per_kept = object["dials_per_kept"].as_f64().unwrap();
        assert!((1.0..100.0).contains(&per_kept), "{object}");
        assert_eq!(object["alone_too_long"], 0, "{object}");
        assert!(object["component"].as_f64().unwrap() > 40.0, "{object}");
        assert!(object["at_best"]["dials_per_kept"].is_number(), "{object}");
    }
}

/// The targets that hold in a network this small. (Those of the whole are in docs/network.md.) Times are simulated.
#[test]
fn balanced_meets_its_targets_in_the_small() {
    let args = ["--quick", "--nodes", "150", "--json", "--profile", "balanced"];
    let of = |scenario: &str| objects(&stdout(&[&args[..], &["--scenario", scenario]].concat())).remove(0);
    let eclipse = of("eclipse");
    let number = |key: &str| eclipse[key].as_u64().unwrap();
    assert!(number("victims") > 10 && number("majority_eclipsed") * 10 <= number("victims"), "{eclipse}");
    for key in ["fully_eclipsed", "fully_after_restart"] {
        assert_eq!(eclipse[key], 0, "{key} in {eclipse}");
    }
    let flaky = of("flaky-links");
    assert!(flaky["link_up_first_p99"].as_f64().unwrap() <= 2.0, "{flaky}");
}

#[test]
fn the_report_is_the_same_bytes_twice() {
    let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("network");
    let write = |name: &str, jobs: &str| {
        let folder = base.join(name);
        let path = folder.to_str().unwrap();
        let some = ["--scenario", "eclipse", "--scenario", "flaky-links", "--seeds", "1-2", "--quick"];
        let mut args = vec!["--nodes", "100", "--json", "--jobs", jobs, "--out", path];
        args.extend(some);
        let json = stdout(&args);
        let mut files: Vec<(String, String)> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        (json, files)
    };
    let (json, files) = write("one", "1");
    // How many runs go on at a time makes no difference.
    assert_eq!((&json, &files), (&write("two", "2").0, &write("two", "2").1));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["network-eclipse.svg", "network-flaky-links.svg", "network.md"]);
    for (name, text) in &files {
        for expected in ["classic", "scheduler", "balanced"] {
            assert!(text.contains(expected), "no '{expected}' in {name}");
        }
    }
    let first = json.lines().next().unwrap();
    assert!(first.starts_with(r#"{"profile":"classic","victims":"#), "{first}");
    let keys = ["\"profile\":", "\"victims\":", "\"majority_eclipsed\":", "\"fully_eclipsed\":"];
    let places: Vec<usize> = keys.iter().map(|key| first.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{first}");
}

#[test]
fn another_seed_is_another_world() {
    let args =
        ["--scenario", "cold-start", "--profile", "balanced", "--quick", "--nodes", "60", "--json", "--seed"];
    let with = |seed: &str| stdout(&[&args[..], &[seed]].concat());
    let (one, two) = (with("1"), with("2"));
    assert_ne!(objects(&one)[0]["dials_per_kept"], objects(&two)[0]["dials_per_kept"]);
}

#[test]
fn what_there_is_is_listed_and_what_there_is_not_is_refused() {
    let list = stdout(&["--list"]);
    for name in SCENARIOS {
        assert!(list.contains(name), "no '{name}' in\n{list}");
    }
    for args in [["--scenario", "flood"], ["--profile", "none"], ["--seed", "9-1"], ["--nodes", "1"]] {
        let output = network(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "), "{args:?}");
    }
}
