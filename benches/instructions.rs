//! Instructions per dial cycle, and per dial of a dialer in use, counted under callgrind: the same on every machine, so growth
//! can be guarded.
//!
//! The bench runs itself under valgrind, and counts only inside `Cycle::counted`.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    dead_code,
    reason = "a program that measures"
)]

mod common;

use std::env;
use std::process::{Command, ExitCode};
use std::thread;

use clap::Parser;

use common::cycle::{Case, Cycle};
use common::real::{Banned, Real};
use common::rows::{Args, Row, round};

const CYCLES: u64 = 2_000;
/// Dials of a dialer in use before those that are counted: fewer than in `dial_cycle`, since valgrind is slow.
const WARM: u32 = 4_000;
const SMALL: u32 = 1_000;
const LARGE: u32 = 100_000;
/// How much longer a cycle may be with the larger number of nodes.
const GROWTH: f64 = 1.3;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(inner) = &args.inner {
        run(inner[0] as usize, inner[1]);
        return ExitCode::SUCCESS;
    }
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!(r#"{{"skipped":"valgrind"}}"#);
        return ExitCode::SUCCESS;
    }
    let mut grown = false;
    let in_use = Banned::ALL.map(|banned| ("balanced", banned.name()));
    for (number, (profile, kind)) in Case::all().map(Case::name).chain(in_use).enumerate() {
        // At the same time: the counts do not depend on what else runs.
        let (small, large) = thread::scope(|scope| {
            let small = scope.spawn(|| instructions(number, SMALL));
            let large = instructions(number, LARGE);
            (small.join().expect("the smaller run has ended"), large)
        });
        for (n, count) in [(SMALL, small), (LARGE, large)] {
            let ratio = round(count / small, 1_000.0);
            grown |= ratio > GROWTH;
            let row = Row::new("instructions", profile, n).with("kind", kind);
            row.with("ratio", ratio).with("instructions", round(count, 1.0)).print(&args);
        }
    }
    if grown {
        eprintln!("a cycle takes more than {GROWTH} times the instructions at {LARGE} nodes than at {SMALL}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What valgrind runs: one of the cases, or a dialer in use.
fn run(case: usize, n: u32) {
    if let Some(case) = Case::all().nth(case) {
        let mut cycle = Cycle::new(case, n);
        cycle.prepare(CYCLES);
        cycle.counted(CYCLES);
    } else {
        let mut real = Real::new(n, Banned::ALL[case - Case::all().count()], WARM);
        // The last drain may dial once too often.
        let dials = real.prepare(CYCLES);
        real.counted(dials);
    }
}

/// Instructions per cycle with all nodes in the history.
fn instructions(case: usize, n: u32) -> f64 {
    let this = env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"])
        .arg(this)
        .args(["--inner", &case.to_string(), &n.to_string()])
        .output()
        .expect("valgrind can be run");
    let report = String::from_utf8_lossy(&output.stderr);
    let line = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    assert!(output.status.success(), "the cycle has failed:\n{report}");
    let count: f64 =
        line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count in:\n{report}"));
    count / CYCLES as f64
}
