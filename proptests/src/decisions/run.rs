//! Runs scenarios, and judges what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use dialstate::{DialKind, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::log::{Figure, Log};
use super::mesh::{self, All, Mesh};
use super::oracle::Oracle;
use super::scenario::{Goal, Limit, Of, Scenario, Setting, Stop};
use super::script::Script;
use super::scripted::Scripted;
use super::{before, day};
use crate::world::{Config, Decides, Dialer, Id, Net, NetConfig, Sim, World};

/// Who decides.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Its config.
    pub config: fn() -> Config,
}

/// The id of the dialer in a script.
const ME: Id = [0xff; 32];

/// What is read of each run, beside the figures that its scenario has goals for.
const USUAL: [Figure; 3] = [Figure::FirstPeer, Figure::Full, Figure::Dials];

/// The figures of one run; those that are not there, or infinite, never came to be.
pub type Figures = BTreeMap<Figure, f64>;

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// To its end, so that one sees how late it is.
    End,
    /// Only until it is clear whether it keeps its targets.
    Verdict,
}

/// A figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the middle; infinite: never.
    pub median: f64,
    /// The worst; infinite: never.
    pub worst: f64,
}

/// A goal, and whether it was reached.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The goal.
    pub goal: Goal,
    /// Its limit as a number, as the same profile sets it in the reference world; infinite: none.
    pub limit: f64,
    /// Whether it was reached.
    pub holds: bool,
}

/// One row of the table: a scenario with one profile.
#[derive(Clone, Debug)]
pub struct Row {
    /// The profile.
    pub profile: &'static str,
    /// The figures.
    pub figures: BTreeMap<Figure, Spread>,
    /// The goals.
    pub goals: Vec<Judged>,
}

impl Row {
    /// Whether all goals are reached.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.goals.iter().all(|judged| judged.holds)
    }
}

/// Runs a scenario with one profile in the worlds of these seeds. `step` is called after each run.
pub fn row(
    scenario: &Scenario,
    profile: &Profile,
    seeds: &[u64],
    depth: Depth,
    mut step: impl FnMut(),
) -> Row {
    let mut spread = |setting: &Setting, end: Timestamp| {
        let run = |seed: &u64| {
            let figures = run(scenario, setting, profile, *seed, end);
            step();
            figures
        };
        spreads(&seeds.iter().map(run).collect::<Vec<_>>())
    };
    let reference = scenario.reference.as_ref().map(|setting| spread(setting, scenario.end()));
    let limits: Vec<_> = scenario.goals.iter().map(|goal| limit(goal, reference.as_ref())).collect();
    let end = match depth {
        Depth::End => scenario.end(),
        Depth::Verdict => verdict(scenario, &limits),
    };
    let figures = spread(&scenario.setting, end);
    let judge = |(goal, limit): (&Goal, f64)| judge(*goal, limit, &figures);
    let goals = scenario.goals.iter().zip(limits).map(judge).collect();
    Row { profile: profile.name, goals, figures }
}

/// When a run can be stopped that has not reached its targets yet: it has missed them by then.
fn verdict(scenario: &Scenario, limits: &[f64]) -> Timestamp {
    let end = scenario.end();
    let most = limits.iter().copied().fold(0.0, f64::max);
    let times = scenario.goals.iter().all(|goal| goal.figure.is_time());
    if matches!(scenario.stop, Stop::At(_)) || !times || !most.is_finite() {
        return end;
    }
    // A moment more, so that what comes just in time has come.
    end.min(scenario.since.saturating_add(Duration::from_secs_f64(most + 0.001)))
}

fn run(scenario: &Scenario, setting: &Setting, profile: &Profile, seed: u64, end: Timestamp) -> Figures {
    let mut config = (profile.config)();
    match setting {
        Setting::Script(script) => {
            let script = Rc::new(script(seed));
            config.dynamic_target = script.target.unwrap_or(config.dynamic_target);
            config.bootnodes.clone_from(&script.bootnodes);
            let log = log_of(scenario, &script, config.dynamic_target);
            play(scenario, &script, dialer(ME, config, seed), log, end)
        }
        Setting::Day(net) => {
            let (nodes, bootnodes) = day::nodes();
            config.bootnodes.clone_from(&bootnodes);
            let log = Log::new(DialKind::Dynamic, config.dynamic_target, scenario.since);
            let net = Net::new(net(seed), nodes, &bootnodes);
            let sim = Sim::with(dialer(day::ME, config, seed), net);
            let mut figures = follow(scenario, sim, log, end, &BTreeSet::new());
            if let (Some(dials), Some(before)) = (figures.get(&Figure::Dials), before::dials(seed)) {
                figures.insert(Figure::DialsToBefore, dials / before);
            }
            figures
        }
        Setting::Mesh(mesh) => {
            config.dynamic_target = mesh.target;
            let dialer = |n| dialer(mesh::node(n).id, config.clone(), seed.wrapping_shl(8) | u64::from(n));
            of_mesh(mesh.run(seed, end, dialer))
        }
    }
}

fn dialer(me: Id, config: Config, seed: u64) -> Dialer {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    Dialer::new(me, config, rng, Timestamp::ZERO).expect("the config makes sense")
}

fn log_of(scenario: &Scenario, script: &Script, dynamic_target: u32) -> Log {
    let (counts, target) = match script.statics {
        Some(statics) => (DialKind::Static, statics),
        None => (DialKind::Dynamic, dynamic_target),
    };
    Log::new(counts, target, scenario.since)
}

/// What is feasible in the worlds of these seeds: what the oracle needs, and what a formula says.
#[must_use]
pub fn feasible(scenario: &Scenario, seeds: &[u64]) -> Figures {
    let mut figures = Figures::new();
    if scenario.oracle {
        let runs: Vec<_> = seeds.iter().map(|seed| foresee(scenario, *seed)).collect();
        figures.extend(spreads(&runs).into_iter().map(|(figure, spread)| (figure, spread.median)));
    }
    figures.extend(scenario.feasible.iter().copied());
    figures
}

fn foresee(scenario: &Scenario, seed: u64) -> Figures {
    let end = scenario.end();
    let usual = Config::balanced().dynamic_target;
    match &scenario.setting {
        Setting::Script(script) => {
            let script = Rc::new(script(seed));
            let target = script.target.unwrap_or(usual);
            let oracle = Oracle::new(Rc::clone(&script), target, &script.bootnodes);
            let log = log_of(scenario, &script, target);
            play(scenario, &script, oracle, log, end)
        }
        Setting::Day(net) => {
            let (nodes, bootnodes) = day::nodes();
            let net: NetConfig = net(seed);
            let net = Net::new(net, nodes, &bootnodes);
            let sim = Sim::with(Oracle::new(net.clone(), usual, &bootnodes), net);
            let log = Log::new(DialKind::Dynamic, usual, scenario.since);
            follow(scenario, sim, log, end, &BTreeSet::new())
        }
        Setting::Mesh(mesh @ Mesh { target, .. }) => {
            of_mesh(mesh.run(seed, end, |_| Oracle::new(All, *target, &[])))
        }
    }
}

fn of_mesh(outcome: mesh::Outcome) -> Figures {
    let secs = |at: Option<Timestamp>| at.map_or(f64::INFINITY, |at| at.as_nanos() as f64 / 1e9);
    Figures::from([
        (Figure::FirstPeer, secs(outcome.first_peer)),
        (Figure::Full, secs(outcome.full)),
        (Figure::FirstDial, secs(outcome.first_dial)),
        (Figure::Dials, f64::from(outcome.dials)),
    ])
}

/// Plays a script with whoever decides.
fn play<D: Decides>(
    scenario: &Scenario,
    script: &Rc<Script>,
    dialer: D,
    log: Log,
    end: Timestamp,
) -> Figures {
    let mut sim = Sim::with(dialer, Scripted::new(Rc::clone(script)));
    for event in &script.book {
        sim.tell(event.clone()).expect("an address book is taken");
    }
    follow(scenario, sim, log, end, &script.honest)
}

/// Lets a simulation run, one instant after the other, until its figures are settled.
fn follow<W: World, D: Decides>(
    scenario: &Scenario,
    mut sim: Sim<W, D>,
    mut log: Log,
    end: Timestamp,
    honest: &BTreeSet<Id>,
) -> Figures {
    for stage in [scenario.since, end] {
        while let Some(next) = sim.next().filter(|next| *next <= stage) {
            if settled(scenario.stop, &log) {
                break;
            }
            let run = sim.run_until(next, |drain| {
                log.drained(drain);
                Ok(())
            });
            run.expect("a dialer keeps the contract of `Sleep`");
        }
        log.arrives(stage.min(end));
    }
    // Not everything is read from one run.
    let goals =
        scenario.goals.iter().map(|goal| goal.figure).filter(|figure| *figure != Figure::DialsToBefore);
    let figure = |figure: Figure| (figure, log.read(figure, honest).unwrap_or(f64::INFINITY));
    USUAL.into_iter().chain(goals).map(figure).collect()
}

fn settled(stop: Stop, log: &Log) -> bool {
    match stop {
        Stop::First(_) => log.is_connected(),
        Stop::Full(_) => log.is_full(),
        Stop::At(_) => false,
    }
}

/// Over several runs, each figure that all of them have.
fn spreads(runs: &[Figures]) -> BTreeMap<Figure, Spread> {
    let Some(first) = runs.first() else { return BTreeMap::new() };
    let shared = first.keys().filter(|figure| runs.iter().all(|run| run.contains_key(figure)));
    shared.map(|figure| (*figure, spread(*figure, runs.iter().map(|run| run[figure]).collect()))).collect()
}

fn spread(figure: Figure, mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let worst = if figure.more_is_better() { values[0] } else { values[values.len() - 1] };
    Spread { median: if low == high { low } else { f64::midpoint(low, high) }, worst }
}

/// What a goal asks for, as a number; infinite: nothing, because the reference never gets there.
fn limit(goal: &Goal, reference: Option<&BTreeMap<Figure, Spread>>) -> f64 {
    match goal.limit {
        Limit::AtMost(limit) | Limit::AtLeast(limit) => limit,
        Limit::Times(factor) => {
            let spread = reference.and_then(|figures| figures.get(&goal.figure));
            spread.map_or(f64::INFINITY, |spread| factor * goal.of.pick(spread))
        }
    }
}

fn judge(goal: Goal, limit: f64, figures: &BTreeMap<Figure, Spread>) -> Judged {
    // A figure that the chosen seeds don't have is nothing to judge; never is too late, whatever the limit.
    let value = figures.get(&goal.figure).map(|spread| goal.of.pick(spread));
    let holds = value.is_none_or(|value| match goal.limit {
        Limit::AtLeast(_) => value >= limit,
        Limit::AtMost(_) | Limit::Times(_) => value.is_finite() && value <= limit,
    });
    Judged { goal, limit, holds }
}

impl Of {
    const fn pick(self, spread: &Spread) -> f64 {
        match self {
            Self::Median => spread.median,
            Self::Worst => spread.worst,
        }
    }
}
