//! The command line of every bench, and what it prints: a table for people, or one JSON object a row.

use clap::Parser;
use serde_json::Value;

/// Options of every bench.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// One JSON object a row
    #[arg(long)]
    pub(crate) json: bool,

    /// Fewer rounds and nodes: under 30 s
    #[arg(long)]
    pub(crate) quick: bool,

    /// This many nodes only, with the caps that they need (the dial cycle, and the longest single call)
    #[arg(long)]
    pub(crate) nodes: Option<u32>,

    /// Draw the growth into this SVG file (the dial cycle only)
    #[arg(long)]
    pub(crate) plot: Option<std::path::PathBuf>,

    /// What cargo says to every bench; ignored
    #[arg(long, hide = true)]
    bench: bool,

    /// What a bench says to itself
    #[arg(long, hide = true, num_args = 2)]
    pub(crate) inner: Option<Vec<u32>>,
}

/// One row: the bench, the profile and N, then what was measured.
pub(crate) struct Row(Vec<(String, Value)>);

impl Row {
    pub(crate) fn new(bench: &str, profile: &str, n: u32) -> Self {
        Self(Vec::new()).with("bench", bench).with("profile", profile).with("n", n)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// The ratio to the floor, and the nanoseconds of both.
    pub(crate) fn beside(self, ns: f64, floor: f64) -> Self {
        self.with("ratio", round(ns / floor, 100.0))
            .with("ns", round(ns, 10.0))
            .with("floor_ns", round(floor, 10.0))
    }

    pub(crate) fn print(&self, args: &Args) {
        if args.json {
            // A map of serde_json would sort the fields.
            let field = |(name, value): &(String, Value)| format!("{}:{value}", Value::from(name.as_str()));
            println!("{{{}}}", self.0.iter().map(field).collect::<Vec<_>>().join(","));
            return;
        }
        let cell = |(name, value): &(String, Value)| match value {
            Value::String(text) => format!("{text:<12}"),
            value => format!("{name} {:>12}", value.to_string()),
        };
        println!("{}", self.0.iter().map(cell).collect::<Vec<_>>().join("  "));
    }
}

pub(crate) fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
