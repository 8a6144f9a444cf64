//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use dialstate_proptests::world::Config;

/// Lets a dialer live through simulated time in a network of real addresses with invented behaviour. No
/// connection is ever opened. The same options and the same seed print the same bytes.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
pub(crate) struct Args {
    /// Which policy to run; `both` and `all` run several one after the other in the same world, and show them side by side
    #[arg(long, value_enum, default_value_t = Choice::Balanced)]
    profile: Choice,

    /// The network: one `id-in-hex,ip:port` a line, `#` begins a comment; of a 512-bit id the first 32 bytes count
    /// [default: examples/data/nodes.csv]
    #[arg(long, value_name = "FILE")]
    pub(crate) nodes: Option<PathBuf>,

    /// How many hours to simulate, up to a year
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub(crate) hours: u32,

    /// What everything that is left to chance follows from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Draw peers and dials over time into this file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,

    /// Record one profile: what the dialer was told goes into this file, what it answered beside it into
    /// FILE.out.jsonl; or both into FILE.rec, in the compact form. The `replay` example reproduces it
    #[arg(long, value_name = "FILE.in.jsonl")]
    pub(crate) record: Option<PathBuf>,

    /// Print the table as one JSON object, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// go-ethereum's dialstate, v1.8.27, to the letter
    Classic,
    /// go-ethereum's present dial scheduler, to the letter
    Scheduler,
    /// The dialer one would choose today
    Balanced,
    /// Classic and balanced, side by side
    Both,
    /// All three, side by side
    All,
}

/// A life to be simulated: the name of the profile, and its config.
pub(crate) type Life = (&'static str, fn() -> Config);

impl Args {
    pub(crate) fn lives(&self) -> Vec<Life> {
        let classic: Life = ("classic", Config::classic);
        let scheduler: Life = ("scheduler", Config::scheduler);
        let balanced: Life = ("balanced", Config::balanced);
        match self.profile {
            Choice::Classic => vec![classic],
            Choice::Scheduler => vec![scheduler],
            Choice::Balanced => vec![balanced],
            Choice::Both => vec![classic, balanced],
            Choice::All => vec![classic, scheduler, balanced],
        }
    }
}
