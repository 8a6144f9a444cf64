//! The command line.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::profiles::{PROFILES, Profile};
use crate::scenario::{SCENARIOS, Scenario};

/// Lets thousands of complete dialers live in one simulated network, and tells what became of it. No connection is ever
/// opened. The same options print the same bytes.
#[derive(Debug, Parser)]
#[command(name = "network")]
pub(crate) struct Args {
    /// Which scenario; may be given several times [default: all of them]
    #[arg(long = "scenario", value_name = "NAME", value_parser = PossibleValuesParser::new(SCENARIOS.map(|s| s.name)))]
    scenarios: Vec<String>,

    /// How many dialers [default: what --list says]
    #[arg(long, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    nodes: Option<u32>,

    /// What everything that is left to chance follows from: a number, or a range such as 6-10; may be given several times
    #[arg(long = "seed", visible_alias = "seeds", value_name = "SEEDS", default_value = "1", value_parser = seeds)]
    seeds: Vec<(u64, u64)>,

    /// Which profile; may be given several times [default: all of them]
    #[arg(long = "profile", value_name = "NAME", value_parser = PossibleValuesParser::new(PROFILES.map(|p| p.name)))]
    profiles: Vec<String>,

    /// Print one object per scenario and profile, one a line, and nothing else
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the report and a picture of each scenario into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// List the scenarios and the profiles
    #[arg(long)]
    pub(crate) list: bool,

    /// The short form: 300 dialers, half an hour to two hours, and every dialer checked at each look
    #[arg(long)]
    quick: bool,

    /// Check every dialer 240 times in the run; slow with many
    #[arg(long)]
    check: bool,

    /// How many runs at a time [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last || last - first >= 1_000 {
        return Err(format!("{text}: give a number, or a range of up to 1,000 such as 6-10"));
    }
    Ok((first, last))
}

impl Args {
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let wanted = |scenario: &Scenario| {
            self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario.name)
        };
        let chosen = SCENARIOS.into_iter().filter(wanted);
        chosen.map(|scenario| if self.quick { scenario.quickly() } else { scenario }).collect()
    }

    pub(crate) fn profiles(&self) -> Vec<&'static Profile> {
        let wanted = |profile: &&Profile| {
            self.profiles.is_empty() || self.profiles.iter().any(|name| name == profile.name)
        };
        PROFILES.iter().filter(wanted).collect()
    }

    pub(crate) fn seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.seeds.iter().flat_map(|(first, last)| *first..=*last).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    pub(crate) fn nodes(&self, scenario: &Scenario) -> u32 {
        self.nodes.unwrap_or(scenario.nodes)
    }

    pub(crate) const fn checks(&self) -> bool {
        self.quick || self.check
    }

    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.unwrap_or_else(cores)
    }
}
