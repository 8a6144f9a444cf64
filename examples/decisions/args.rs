//! The command line.

use clap::Parser;

/// Lets dialers decide in small worlds, in simulated time, and shows how well they do: beside each other, beside what is
/// feasible there, and beside the target. No connection is ever opened. The same options print the same bytes.
#[derive(Debug, Parser)]
#[command(name = "decisions")]
pub(crate) struct Args {
    /// The worlds, each of which follows from a number: `1-10`, `7`, `1,5,8-9`
    #[arg(long, default_value = "1-10", value_parser = parse_seeds)]
    pub(crate) seeds: Seeds,

    /// Only this scenario, or all that the name begins with up to a `-` or a `b`: `3-1000`, `3`, `8b`. More than once: each
    /// of them
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,

    /// Only this profile. More than once: each of them
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,

    /// Only the scenarios of the list, without their variants
    #[arg(long)]
    brief: bool,

    /// Name the scenarios and the profiles, and run nothing
    #[arg(long)]
    pub(crate) list: bool,

    /// Print one JSON object a row, each on a line, as soon as it is there
    #[arg(long)]
    pub(crate) json: bool,
}

/// Numbers of worlds. (A type of its own, so that clap takes it as one value.)
#[derive(Clone, Debug)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

/// The most worlds in one run.
const MOST_SEEDS: usize = 1_000;

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("'{text}' is not a number"));
    let mut seeds = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("'{part}' is empty: the first number is above the last"));
        }
        seeds.extend((first..=last).take(MOST_SEEDS + 1));
    }
    seeds.sort_unstable();
    seeds.dedup();
    if seeds.len() > MOST_SEEDS {
        return Err(format!("these are more than {MOST_SEEDS} worlds"));
    }
    Ok(Seeds(seeds))
}

impl Args {
    /// Which of all scenarios to run: their places.
    pub(crate) fn scenarios(&self, names: &[&str]) -> Result<Vec<usize>, String> {
        let unknown = self.scenario.iter().find(|wanted| !names.iter().any(|name| is_meant(wanted, name)));
        if let Some(unknown) = unknown {
            return Err(format!("there is no scenario '{unknown}'; --list names them"));
        }
        let wanted = |name: &str| {
            self.scenario.is_empty() || self.scenario.iter().any(|wanted| is_meant(wanted, name))
        };
        let chosen = |name: &str| wanted(name) && !(self.brief && is_variant(name));
        Ok((0..).zip(names).filter(|(_, name)| chosen(name)).map(|(place, _)| place).collect())
    }

    /// Which of all profiles to run: their places.
    pub(crate) fn profiles(&self, names: &[&str]) -> Result<Vec<usize>, String> {
        if let Some(unknown) = self.profile.iter().find(|wanted| !names.contains(&wanted.as_str())) {
            return Err(format!("there is no profile '{unknown}'; there are {}", names.join(", ")));
        }
        let wanted = |name: &str| self.profile.is_empty() || self.profile.iter().any(|wanted| wanted == name);
        Ok((0..).zip(names).filter(|(_, name)| wanted(name)).map(|(place, _)| place).collect())
    }
}

fn is_meant(wanted: &str, name: &str) -> bool {
    name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', 'b']))
}

fn is_variant(name: &str) -> bool {
    name.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('b')
}
