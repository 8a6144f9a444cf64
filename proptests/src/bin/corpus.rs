//! What the dialer decides in a fixed set of runs.
//!
//! ```text
//! corpus                  prints a line for each run: its name, and numbers for its decisions and its notices; fails where
//!                         a rule is broken
//! corpus --check [FILE]   compares with the lines of FILE (default: proptests/corpus.txt)
//! corpus --show NAME      prints all that is decided in one run, to compare it with that of another version
//! ```
#![allow(clippy::arithmetic_side_effects, clippy::std_instead_of_core, reason = "a program that counts")]

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use dialstate_proptests::pinned::{CORPUS, cases};
use dialstate_proptests::transcript::Transcript;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => print(),
        ["--check"] => check(CORPUS.into()),
        ["--check", file] => check(file.into()),
        ["--show", name] => show(name),
        _ => Err("usage: corpus [--check [FILE] | --show NAME]".into()),
    }
}

fn print() -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for case in cases() {
        writeln!(out, "{}", case.line()?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: PathBuf) -> Result<ExitCode, Box<dyn Error>> {
    let expected = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut out = std::io::stdout().lock();
    let mut expected = expected.lines();
    let (mut same, mut other) = (0, 0);
    for case in cases() {
        let line = case.line().unwrap_or_else(|broken| broken);
        if expected.next() == Some(&line) {
            same += 1;
        } else {
            other += 1;
            writeln!(out, "{line}")?;
        }
    }
    other += expected.count();
    writeln!(out, "{same} as before, {other} not")?;
    Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(name: &str) -> Result<ExitCode, Box<dyn Error>> {
    let case = cases().into_iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| format!("no run is called {name}"))?;
    let mut transcript = Transcript::kept();
    let run = case.run(&mut transcript);
    std::io::stdout().write_all(transcript.text().unwrap_or_default().as_bytes())?;
    run?;
    Ok(ExitCode::SUCCESS)
}
