//! The comparison of profiles as a user runs it.
#![allow(clippy::indexing_slicing, clippy::std_instead_of_core, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::env;
use std::process::{Command, Output};

use serde_json::Value;

fn decisions(args: &[&str]) -> Output {
    // `cargo test --test …` does not build the examples, so cargo is asked for this one.
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline", "--example", "decisions", "--"]).args(args);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = decisions(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_names_every_scenario_and_profile() {
    let list = stdout(&["--list"]);
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let rows: BTreeSet<&str> = names.iter().map(|name| name.split(['-', 'b']).next().unwrap()).collect();
    for row in 1..=14 {
        assert!(rows.contains(row.to_string().as_str()), "no row {row} in\n{list}");
    }
    assert!(names.contains(&"10b-refusing") && list.ends_with("balanced\n"), "{list}");
    let brief = stdout(&["--list", "--brief", "--scenario", "3", "--profile", "classic"]);
    let names: Vec<_> = brief.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["3-1000", "3-10000", "profiles:"]);
}

#[test]
fn a_row_is_an_object_on_a_line_and_the_same_each_time() {
    let args = ["--scenario", "13", "--scenario", "9-1s", "--brief", "--seeds", "2-3,7", "--json"];
    let text = stdout(&args);
    assert_eq!(text, stdout(&args));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = rows.iter().map(|row| (row["scenario"].as_str(), row["profile"].as_str())).collect();
    let each = |name| ["classic", "scheduler", "balanced"].map(|profile| (Some(name), Some(profile)));
    assert_eq!(names, [each("9-1s"), each("13")].concat());
    for row in &rows {
        assert_eq!(row["seeds"], serde_json::json!([2, 3, 7]));
        assert!(row["dials"]["median"].as_f64() <= row["dials"]["worst"].as_f64(), "{row}");
        assert!(row["first_peer_s"].is_object() && row["full_s"].is_object(), "{row}");
        assert!(row["feasible"]["full_s"].is_f64() && row["holds"].is_boolean(), "{row}");
        assert_eq!(row["target"].as_array().map(Vec::len), Some(1), "{row}");
    }
    assert_eq!(rows[0]["target"][0]["at_least"], 12.0);
    assert_eq!(rows[3]["target"][0]["at_most"], 12.0);
}

#[test]
fn the_table_has_a_line_for_each_profile_and_for_what_is_feasible() {
    let text = stdout(&["--scenario", "13", "--brief", "--seeds", "1"]);
    for expected in ["classic", "scheduler", "balanced", "feasible", "first dial, s ≤ 12", "balanced: "] {
        assert!(text.contains(expected), "no '{expected}' in\n{text}");
    }
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    for (args, expected) in [
        (["--scenario", "99"], "there is no scenario '99'"),
        (["--profile", "eager"], "there is no profile 'eager'; there are classic, scheduler, balanced"),
        (["--seeds", "5-1"], "'5-1' is empty"),
        (["--seeds", "1-x"], "'x' is not a number"),
        (["--seeds", "1-2000"], "more than 1000"),
    ] {
        let output = decisions(&args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}
