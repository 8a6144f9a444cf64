//! The main job as a user runs it: what it prints, and what it says of a bad node list.
#![allow(clippy::panic, clippy::std_instead_of_core, clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

fn simulate(args: &[&str]) -> Output {
    example("simulate", args)
}

fn example(name: &str, args: &[&str]) -> Output {
    // `cargo test --test …` does not build the examples, so cargo is asked for this one.
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline", "--example", name, "--"]).args(args);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = simulate(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A path for a file of this test, in a folder of its own.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_same_seed_prints_the_same_bytes() {
    let one = stdout(&["--profile", "both", "--hours", "3"]);
    assert_eq!(one, stdout(&["--profile", "both", "--hours", "3", "--seed", "1"]));
    assert_ne!(one, stdout(&["--profile", "both", "--hours", "3", "--seed", "2"]));
    assert!(one.lines().all(|line| line.chars().count() <= 80), "{one}");
    for expected in ["classic", "balanced", "first peer after", "wake-ups per hour"] {
        assert!(one.contains(expected), "no '{expected}' in\n{one}");
    }
}

#[test]
fn json_is_one_object() {
    let text = stdout(&["--profile", "all", "--hours", "1", "--json"]);
    assert_eq!(text.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["world"]["nodes"], 611);
    for profile in ["classic", "scheduler", "balanced"] {
        assert!(value["profiles"][profile]["first_peer_ms"].is_u64(), "{text}");
    }
}

#[test]
fn the_plot_is_deterministic_and_has_both_lines() {
    let folder = scratch("plot");
    let plot = |name: &str| {
        let path = folder.join(name);
        stdout(&["--profile", "both", "--hours", "2", "--plot", path.to_str().unwrap()]);
        fs::read_to_string(path).unwrap()
    };
    let svg = plot("one.svg");
    assert_eq!(svg, plot("two.svg"));
    for text in ["classic", "balanced", "target", "hours", "peers", "Dials begun in each 50 s"] {
        assert!(svg.contains(text), "no '{text}'");
    }
}

#[test]
fn a_malformed_node_list_is_refused_with_code_2() {
    let path = scratch("nodes").join("bad.csv");
    fs::write(&path, "# two nodes\nabc,1.2.3.4:5\n").unwrap();
    let output = simulate(&["--nodes", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("error: {}:2: the id has 3 hex digits; expected 64 or 128", path.display());
    // What cargo has to say of the build may stand above.
    assert_eq!(said.lines().last(), Some(expected.as_str()), "{said}");
}

#[test]
fn a_recording_is_reproduced() {
    let folder = scratch("record");
    for profile in ["classic", "scheduler", "balanced"] {
        let file = |ending: &str| folder.join(format!("{profile}{ending}")).to_str().unwrap().to_owned();
        let (input, output) = (file(".in.jsonl"), file(".out.jsonl"));
        let plain = stdout(&["--hours", "2", "--profile", profile]);
        assert_eq!(plain, stdout(&["--hours", "2", "--profile", profile, "--record", &input]));
        let replay = example("replay", &["--expect", &output, &input]);
        assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
        assert!(fs::read_to_string(output).unwrap().contains("\"command\":\"dial\""));
    }
}

#[test]
fn a_recording_needs_a_name_and_one_profile() {
    for args in
        [["--record", "day.json", "--profile", "classic"], ["--record", "day.in.jsonl", "--profile", "both"]]
    {
        let output = simulate(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "), "{args:?}");
    }
}
