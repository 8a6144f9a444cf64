//! Replays a recording, and answers questions about it.
//!
//! ```text
//! cargo run --release --example replay -- day.rec
//! cargo run --release --example replay -- day.rec --explain 10d6 --at 90min
//! cargo run --release --example replay -- day.rec --minimize below-target:60 --output short
//! ```
#![allow(clippy::arithmetic_side_effects, clippy::std_instead_of_core, reason = "a program")]

mod jobs;
mod stream;
mod svg;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use dialstate_proptests::debug::Condition;
use dialstate_proptests::trace::TraceError;

/// Replays a recording, of either form: JSON Lines, or the compact one of `dialstate::record::BinarySink`.
///
/// Of JSON Lines, prints one line of output for each line of input. The compact form holds the answers, too: they
/// are compared, up to the first that differs. The options ask for something else instead.
///
/// Exit code: 0 if all went well, 1 if something differs or is not found, 2 if a file can't be read.
#[derive(Debug, Parser)]
struct Args {
    /// The recording. `-` is the standard input.
    #[arg(required_unless_present = "diff")]
    file: Option<String>,
    /// Print nothing; compare with this file of output lines, and report the first line that differs.
    #[arg(long, value_name = "FILE", group = "job")]
    expect: Option<String>,
    /// Say on the standard error which events the dialer refused, and why.
    #[arg(long)]
    verbose: bool,
    /// Stop so long after the start of the recording: 90s, 5min, 1h 30min …
    #[arg(long, value_name = "SPAN", value_parser = span)]
    until: Option<Duration>,
    /// Say why a node (the first digits of its id) is not being dialed, and why there are too few peers.
    #[arg(long, value_name = "ID", group = "job")]
    explain: Option<String>,
    /// Say why there are fewer peers than the target.
    #[arg(long, group = "job")]
    need: bool,
    /// When to ask, so long after the start; without it, at the end.
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with = "until")]
    at: Option<Duration>,
    /// Draw the life of each node.
    #[arg(long, group = "job")]
    timeline: bool,
    /// Draw into this file instead of the terminal.
    #[arg(long, value_name = "FILE.svg", requires = "timeline")]
    svg: Option<PathBuf>,
    /// How many nodes to draw: those that commands name most often.
    #[arg(long, value_name = "N", default_value_t = 40, requires = "timeline")]
    rows: usize,
    /// Find the first line in which two recordings differ.
    #[arg(long, num_args = 2, value_names = ["A", "B"], group = "job", conflicts_with = "file")]
    diff: Option<Vec<String>>,
    /// Cut the recording down to what still shows a condition: below-target:SECONDS, not-dialed:ID:SECONDS or
    /// wakeups-per-hour:N.
    #[arg(long, value_name = "CONDITION", group = "job")]
    minimize: Option<Condition>,
    /// Write the recording as JSON Lines into NAME.in.jsonl and NAME.out.jsonl.
    #[arg(long, value_name = "NAME", group = "job")]
    lines: Option<String>,
    /// Write what --minimize leaves into NAME.in.jsonl and NAME.out.jsonl, not to the standard output.
    #[arg(long, value_name = "NAME", requires = "minimize")]
    output: Option<String>,
}

fn span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; expected a span such as 90s or 1h 30min"))
}

fn main() -> ExitCode {
    run(&Args::parse()).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Some([one, two]) = args.diff.as_deref() {
        return jobs::diff(one, two, args.until);
    }
    let file = args.file.as_deref().unwrap_or("-");
    if args.explain.is_some() || args.need {
        return jobs::explain(file, args.explain.as_deref(), args.at.or(args.until));
    }
    if args.timeline {
        return jobs::timeline(file, args);
    }
    if let Some(condition) = args.minimize {
        return jobs::minimize(file, condition, args.until, args.output.as_deref());
    }
    if let Some(name) = &args.lines {
        return jobs::lines(file, args.until, name);
    }
    replay(file, args)
}

fn replay(file: &str, args: &Args) -> Result<ExitCode, Failure> {
    if let Some(expected) = &args.expect {
        let mut replay = stream::Replay::new(stream::open(file)?, args.verbose, args.until);
        return stream::compare(&mut replay, expected, stream::open(expected)?);
    }
    let mut bytes = stream::bytes(file)?;
    if stream::is_compact(file, &mut bytes)? {
        return jobs::check(file, &mut bytes, args.until);
    }
    let lines = stream::lines(file, bytes);
    stream::print(&mut stream::Replay::new(lines, args.verbose, args.until))
}

/// Why the program ends with code 2.
#[derive(Debug)]
struct Failure(String);

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self(error.to_string())
    }
}
