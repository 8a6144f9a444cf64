//! The main job: one dialer lives through a day, or as long as you like, in a simulated network.
//!
//! ```text
//! cargo run --release --example simulate
//! cargo run --release --example simulate -- --profile both --plot life.svg
//! ```
//!
//! The addresses are real (`examples/data`: 611 nodes of one network, 14 bootnodes of another), what the nodes
//! do is invented from the seed, and no connection is ever opened. The id of a bootnode, a 512-bit key, is cut
//! to its first 32 bytes. The clock jumps from one instant at which something happens to the next.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::std_instead_of_core,
    reason = "a program with std; its arithmetic is on screen coordinates"
)]

mod args;
mod plot;
mod record;
mod terminal;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use dialstate::Timestamp;
use dialstate_proptests::world::{
    self, Config, History, Id, Net, NetConfig, Node, Report, Series, Sim, parse_nodes, read_nodes,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use args::Args;

/// The id of the simulated dialer.
const ME: Id = *b"the simulated dialer: not listed";

/// One life, and what to tell of it.
struct Told {
    name: &'static str,
    report: Report,
    series: Series,
}

/// Why there is no result, and the exit code: 2 for what the user can mend, 1 for the rest.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn usage(error: impl Display) -> Self {
        Self { message: error.to_string(), code: 2 }
    }

    fn broken(error: impl Display) -> Self {
        Self { message: error.to_string(), code: 1 }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let nodes = match &args.nodes {
        Some(path) => read_nodes(path),
        None => parse_nodes("examples/data/nodes.csv", include_str!("../data/nodes.csv")),
    }
    .map_err(Failure::usage)?;
    let bootnodes = parse_nodes("examples/data/bootnodes.csv", include_str!("../data/bootnodes.csv"))
        .map_err(Failure::usage)?;
    let lives = args.lives();
    if args.record.is_some() && lives.len() > 1 {
        return Err(Failure::usage(
            "--record takes one profile: add --profile classic, scheduler or balanced",
        ));
    }
    let told: Vec<Told> = lives
        .into_iter()
        .map(|(name, config)| live(args, name, config(), &nodes, &bootnodes))
        .collect::<Result<_, _>>()?;
    if let Some(path) = &args.plot {
        let lines: Vec<_> = told.iter().map(|told| (told.name, &told.series)).collect();
        let svg = plot::svg(&lines).map_err(Failure::broken)?;
        let failed = |error| Failure::usage(format!("{}: can't be written: {error}", path.display()));
        fs::write(path, svg).map_err(failed)?;
    }
    print(&tell(args, nodes.len(), bootnodes.len(), told))
}

fn live(
    args: &Args,
    name: &'static str,
    mut config: Config,
    nodes: &[Node],
    bootnodes: &[Node],
) -> Result<Told, Failure> {
    config.bootnodes = bootnodes.to_vec();
    let end = Timestamp::ZERO.saturating_add(Duration::from_secs(3_600).saturating_mul(args.hours));
    let mut history = History::new(config.dynamic_target, end);
    let net = Net::new(NetConfig::new(args.seed), nodes.to_vec(), bootnodes);
    let recorder = args.record.as_ref().map(|path| record::Recording::create(path, ME, &config, args.seed));
    let mut recorder = recorder.transpose().map_err(Failure::usage)?;
    let mut sim = Sim::new(ME, config, args.seed, net).map_err(Failure::usage)?;
    let bar = progress(name, args.hours);
    sim.run_until(end, |drain| {
        history.drained(drain);
        bar.set_position(drain.now.as_millis() / 60_000);
        let Some(recorder) = &mut recorder else { return Ok(()) };
        recorder.drained(drain)
    })
    .map_err(Failure::broken)?;
    recorder.map_or(Ok(()), record::Recording::finish).map_err(Failure::broken)?;
    bar.finish_and_clear();
    history.finish();
    Ok(Told { name, report: Report::new(&history, sim.world().lost()), series: history.series() })
}

/// A bar of simulated minutes on the error output, where that is a terminal.
fn progress(name: &'static str, hours: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(hours).saturating_mul(60));
    let style = ProgressStyle::with_template("{prefix:>9} {wide_bar} {percent:>3} % of {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_prefix(name).with_message(format!("{hours} h"))
}

/// What goes to the standard output.
fn tell(args: &Args, nodes: usize, bootnodes: usize, told: Vec<Told>) -> String {
    let (hours, seed) = (args.hours, args.seed);
    if args.json {
        let world = json!({ "seed": seed, "hours": hours, "nodes": nodes, "bootnodes": bootnodes });
        let reports: Vec<_> = told.into_iter().map(|told| (told.name, told.report)).collect();
        return world::json(&world, &reports);
    }
    let head = format!(
        "{hours} h of simulated time among {nodes} nodes and {bootnodes} bootnodes, seed {seed}.\n\
         Real addresses, invented behaviour; no connection was opened.\n"
    );
    let mut parts = vec![head];
    parts.extend(told.iter().map(|told| terminal::plot(told.name, &told.series)));
    let reports: Vec<_> = told.into_iter().map(|told| (told.name, told.report)).collect();
    parts.push(world::table(&reports));
    parts.join("\n")
}

/// Whoever reads may stop early: a closed pipe is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::broken(error)),
        _ => Ok(()),
    }
}
