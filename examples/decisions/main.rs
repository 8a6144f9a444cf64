//! How well each profile decides, in one table: worlds in which dialers have failed, and variants of them.
//!
//! ```text
//! cargo run --release --example decisions
//! cargo run --release --example decisions -- --scenario 8 --seeds 1-3
//! cargo run --release --example decisions -- --profile balanced --json
//! ```
//!
//! The worlds are those of `dialstate_proptests::decisions`, and so is what is feasible in them: a dialer that knows
//! beforehand how each dial would go runs in the same world, or a formula says it. The clock jumps from one instant at which
//! something happens to the next.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::std_instead_of_core,
    reason = "a program with std; its arithmetic is on small numbers"
)]

mod args;
mod show;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use dialstate_proptests::decisions::{Depth, PROFILES, Profile, Scenario, feasible, row, scenarios};
use indicatif::{ProgressBar, ProgressStyle};

use args::Args;
use show::Table;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads may stop early: a closed pipe is no failure.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            eprintln!("error: the output can't be written: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// Why there is no table.
enum Failure {
    /// The user can mend it.
    Usage(String),
    /// The output is gone.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let all = scenarios();
    let names: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
    let chosen = args.scenarios(&names).map_err(Failure::Usage)?;
    let chosen: Vec<_> = chosen.into_iter().filter_map(|place| all.get(place)).collect();
    let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
    let profiles = args.profiles(&names).map_err(Failure::Usage)?;
    let profiles: Vec<_> = profiles.into_iter().filter_map(|place| PROFILES.get(place)).collect();
    if args.list {
        return Ok(list(&chosen, &profiles)?);
    }
    table(args, &chosen, &profiles)
}

fn list(scenarios: &[&Scenario], profiles: &[&Profile]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for scenario in scenarios {
        writeln!(out, "{:<22} {}", scenario.name, scenario.about)?;
    }
    let names: Vec<_> = profiles.iter().map(|profile| profile.name).collect();
    writeln!(out, "profiles: {}", names.join(", "))
}

fn table(args: &Args, scenarios: &[&Scenario], profiles: &[&Profile]) -> Result<(), Failure> {
    let seeds = &args.seeds.0;
    let runs = |scenario: &&Scenario| seeds.len() * if scenario.reference.is_some() { 2 } else { 1 };
    let bar = progress(scenarios.iter().map(runs).sum::<usize>() * profiles.len());
    let mut table = Table::new();
    for scenario in scenarios {
        let best = feasible(scenario, seeds);
        for profile in profiles {
            bar.set_message(format!("{} {}", scenario.name, profile.name));
            let row = row(scenario, profile, seeds, Depth::End, || bar.inc(1));
            if args.json {
                writeln!(io::stdout(), "{}", show::json(scenario, &row, &best, seeds))?;
            } else {
                table.add(scenario, &row, profiles.first().is_some_and(|first| first.name == profile.name));
            }
        }
        table.feasible(&best);
    }
    bar.finish_and_clear();
    if !args.json {
        writeln!(io::stdout(), "{}", table.finish(seeds))?;
    }
    Ok(())
}

/// A bar of runs on the error output, where that is a terminal.
fn progress(runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(runs as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} runs, {msg}") {
        bar.set_style(style);
    }
    bar
}
