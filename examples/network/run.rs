//! The runs that were asked for, on all cores, and what becomes of those that differ only in their seed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dialstate_proptests::world::Node;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::census::{Census, sorted};
use crate::figures::{Figure, Merge, Ran};
use crate::measure::Sample;
use crate::profiles::Profile;
use crate::scenario::{Kind, Scenario};
use crate::sim::Sim;
use crate::world::{MINUTE, World};

/// One run.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) profile: &'a Profile,
    pub(crate) seed: u64,
    pub(crate) nodes: u32,
}

/// What it came to.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) census: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) samples: Vec<Sample>,
    /// Dials per second in each part of the time.
    pub(crate) rates: Vec<f64>,
    /// Inbound peers of those who accept connections, in order.
    pub(crate) inbound: Vec<u64>,
    /// What is special about the scenario, in order: times in milliseconds, or slots that are taken.
    pub(crate) special: Vec<u64>,
    pub(crate) faults: Vec<String>,
}

/// The node lists of `examples/data`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lists<'a> {
    pub(crate) nodes: &'a [Node],
    pub(crate) bootnodes: &'a [Node],
}

/// Runs all jobs, some at a time. The results are in the order of the jobs.
pub(crate) fn all(jobs: &[Job<'_>], lists: Lists<'_>, threads: usize, checks: bool) -> Vec<Run> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Run>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let bars = MultiProgress::new();
    let total = bars.add(bar("all runs", jobs.len() as u64));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = jobs.iter().position(|other| std::ptr::eq(job, other)).unwrap_or(0);
                    let run = job.run(lists, &bars, checks);
                    if let Ok(mut done) = done[place].lock() {
                        *done = Some(run);
                    }
                    total.inc(1);
                }
            });
        }
    });
    total.finish_and_clear();
    done.into_iter().filter_map(|run| run.into_inner().ok().flatten()).collect()
}

/// A bar on the error output, where that is a terminal.
fn bar(name: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{prefix:>32} {wide_bar} {percent:>3} % {elapsed}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_prefix(name.to_owned())
}

impl Job<'_> {
    fn run(&self, lists: Lists<'_>, bars: &MultiProgress, checks: bool) -> Run {
        let Self { scenario, profile, seed, nodes } = *self;
        let hosts = scenario.hosts(nodes);
        let world = World::new(seed, hosts, scenario.is_attacked(), lists.nodes, lists.bootnodes);
        let name = format!("{} {} {seed}", scenario.name, profile.name);
        let bar = bars.insert(0, bar(&name, (scenario.warm + scenario.span()) / MINUTE));
        let mut sim = Sim::new(&world, profile, scenario, checks);
        sim.run(|now| bar.set_position(now / MINUTE));
        bar.finish_and_clear();
        let census = Census::take(&world);
        let measure = &sim.measure;
        let figures = Ran { scenario, census: &census, measure }.figures();
        let special = match scenario.kind {
            Kind::Partition => &measure.bridges,
            Kind::FlakyLinks => &measure.full[1],
            Kind::Eclipse => {
                &measure.taken.last().into_iter().flatten().map(|(bad, _)| (*bad).into()).collect()
            }
            Kind::ColdStart | Kind::SteadyState | Kind::MassRestart | Kind::SlowLoris | Kind::LongLife => {
                &measure.full[0]
            }
        };
        let part = scenario.span() as f64 / 1e9 / measure.dials_in.len().max(1) as f64;
        Run {
            census: census.line(),
            figures,
            samples: measure.samples.clone(),
            rates: measure.dials_in.iter().map(|dials| *dials as f64 / part).collect(),
            inbound: measure.inbound.clone(),
            special: sorted(special.iter().copied()),
            faults: sim.faults,
        }
    }
}

/// The figures of several seeds as one, with the least and the greatest value of each.
pub(crate) fn merge(runs: &[&Run]) -> Vec<(Figure, [f64; 2])> {
    let Some(first) = runs.first() else { return Vec::new() };
    let one = |figure: &Figure| {
        let same = || runs.iter().flat_map(|run| &run.figures).filter(|other| other.key == figure.key);
        let values: Vec<f64> = same().map(|figure| figure.value).collect();
        let bests: Vec<f64> = same().filter_map(|figure| Some(figure.best?.0)).collect();
        let merged = Figure {
            value: together(&values, figure.merge),
            best: figure.best.map(|(_, how)| (together(&bests, figure.merge), how)),
            ..figure.clone()
        };
        (merged, [together(&values, Merge::Least), together(&values, Merge::Most)])
    };
    first.figures.iter().map(one).collect()
}

fn together(values: &[f64], merge: Merge) -> f64 {
    let sum = values.iter().sum::<f64>();
    match merge {
        Merge::Mean => sum / values.len().max(1) as f64,
        Merge::Sum => sum,
        Merge::Most => values.iter().copied().fold(0.0, f64::max),
        Merge::Least => values.iter().copied().fold(f64::INFINITY, f64::min),
    }
}
