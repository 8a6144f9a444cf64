//! A network of dialers: ten thousand of them, each with its own known nodes, slots and clock, in a world with real
//! addresses, distances, NATs and churn, and now and then an adversary.
//!
//! ```text
//! cargo run --release --example network -- --list
//! cargo run --release --example network -- --scenario partition --seeds 6-10 --out report
//! cargo run --release --example network -- --scenario eclipse --nodes 1000 --json
//! ```
//!
//! | file | what lives there |
//! |---|---|
//! | `world.rs` | the world's constants, with their sources: who lives there, and what they are like |
//! | `addresses.rs`, `draws.rs`, `census.rs` | where they live; chance; what came out |
//! | `sim.rs`, `queue.rs` | everybody, and the clock that jumps from one event to the next |
//! | `driver.rs` | the driver of a dialer: events in, commands out |
//! | `wire.rs`, `closing.rs`, `overlay.rs`, `life.rs` | connections and their ends; discovery; starts, leaves, links |
//! | `scenario.rs`, `acts.rs`, `profiles.rs` | what happens; what it does to the world; what is compared |
//! | `measure.rs`, `strangers.rs`, `look.rs`, `figures.rs` | what is counted, looked at and checked, and what it comes to |
//! | `run.rs`, `report.rs`, `plot.rs`, `args.rs` | the runs; the report; the pictures; the command line |
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a program with std; it counts what it made itself"
)]

mod acts;
mod addresses;
mod args;
mod census;
mod closing;
mod draws;
mod driver;
mod figures;
mod life;
mod look;
mod measure;
mod overlay;
mod plot;
mod profiles;
mod queue;
mod report;
mod run;
mod scenario;
mod sim;
mod strangers;
mod wire;
mod world;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use dialstate_proptests::world::parse_nodes;

use args::Args;
use profiles::PROFILES;
use report::{Chapter, name_seeds};
use run::{Job, Lists, Run};
use scenario::{SCENARIOS, Scenario};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        // A dialer did what it must not do; the report says what.
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether all was in order.
fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    if args.list {
        print(&list())?;
        return Ok(true);
    }
    let nodes = parse_nodes("examples/data/nodes.csv", include_str!("../data/nodes.csv"))?;
    let bootnodes = parse_nodes("examples/data/bootnodes.csv", include_str!("../data/bootnodes.csv"))?;
    let (scenarios, profiles, seeds) = (args.scenarios(), args.profiles(), args.seeds());
    let mut jobs = Vec::new();
    for scenario in &scenarios {
        for profile in &profiles {
            let nodes = args.nodes(scenario);
            jobs.extend(seeds.iter().map(|seed| Job { scenario, profile, seed: *seed, nodes }));
        }
    }
    let lists = Lists { nodes: &nodes, bootnodes: &bootnodes };
    let runs = run::all(&jobs, lists, args.threads(), args.checks());
    let chapters: Vec<Chapter<'_>> = scenarios
        .iter()
        .zip(runs.chunks(profiles.len() * seeds.len()))
        .map(|(scenario, runs)| {
            let of_profiles = runs.chunks(seeds.len()).map(|runs| runs.iter().collect());
            let runs = profiles.iter().copied().zip(of_profiles).collect();
            Chapter { scenario, nodes: args.nodes(scenario), seeds: &seeds, runs }
        })
        .collect();
    tell(args, &chapters, &seeds)?;
    let faults: Vec<&String> = runs.iter().flat_map(|run: &Run| &run.faults).collect();
    for fault in &faults {
        eprintln!("fault: {fault}");
    }
    Ok(faults.is_empty())
}

fn tell(args: &Args, chapters: &[Chapter<'_>], seeds: &[u64]) -> Result<(), Box<dyn Error>> {
    let markdown = |pictures: bool| {
        let chapter = |chapter: &Chapter<'_>| {
            let picture = picture(chapter.scenario);
            chapter.markdown(pictures.then_some(&picture))
        };
        let parts: Vec<String> = chapters.iter().map(chapter).collect();
        format!("{}\n{}", head(seeds), parts.join("\n"))
    };
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        write(&folder.join("network.md"), &markdown(true))?;
        for chapter in chapters {
            write(&folder.join(picture(chapter.scenario)), &plot::svg(chapter)?)?;
        }
        eprintln!("the report is {}", folder.join("network.md").display());
    }
    if args.json {
        let lines: Vec<String> = chapters.iter().flat_map(Chapter::json).collect();
        return print(&lines.join("\n"));
    }
    if args.out.is_some() { Ok(()) } else { print(&markdown(false)) }
}

fn picture(scenario: &Scenario) -> String {
    format!("network-{}.svg", scenario.name)
}

fn head(seeds: &[u64]) -> String {
    format!(
        "# A network of dialers\n\n\
         Complete dialers in a simulated world, every profile with the same people who come and go at the same instants \
         ({}). Of several seeds, the mean is shown with its range; of the longest and the most, the longest and the \
         most; of numbers of nodes, the sum. A connection is kept if it lasts for a minute. No connection was \
         opened.\n",
        name_seeds(seeds)
    )
}

fn list() -> String {
    let scenario = |scenario: &Scenario| {
        format!("{:<14}{:>7} dialers  {}", scenario.name, scenario.nodes, scenario.story)
    };
    let scenarios: Vec<String> = SCENARIOS.iter().map(scenario).collect();
    let profiles = PROFILES.each_ref().map(|profile| profile.name).join(", ");
    format!("{}\nprofiles: {profiles}", scenarios.join("\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    fs::write(path, text).map_err(|error| unwritable(path, &error).into())
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("{}: can't be written: {error}", path.display())
}

/// Whoever reads may stop early: a closed pipe is no failure.
fn print(text: &str) -> Result<(), Box<dyn Error>> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
