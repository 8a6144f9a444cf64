//! What a run comes to: numbers with a name, each beside the best that is feasible in that world.

use crate::census::{Census, at, sorted};
use crate::measure::{ALONE_TOO_LONG, HALF_TOO_LONG, Measure, Stretches};
use crate::scenario::{Kind, Scenario};
use crate::world::{ADVERSARY_16, HOUR, MINUTE, SECOND, TARGET};

/// How a figure is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Ratio,
    Percent,
    Seconds,
}

/// What becomes of the figures of several seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    Mean,
    Most,
    Least,
    Sum,
}

#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) unit: Unit,
    pub(crate) merge: Merge,
    pub(crate) value: f64,
    /// The best that is feasible, and how that was computed.
    pub(crate) best: Option<(f64, &'static str)>,
}

const NONE: &str = "nobody need be in that state";
const STRANGERS: &str = "one dial each to whoever was connected before, is there and has room; nodes never connected before only where there \
                         is nobody else, and of these as many can be dialed as here";
const EVEN: &str =
    "all connections that were kept, spread evenly over time and over those who accept connections";
const FASTEST: &str =
    "three round trips to the fastest of 16 random nodes (median): dial all 16 at once, and right";
const SLOWEST: &str =
    "three round trips to the slowest of 16 random nodes (median): dial all 16 at once, and right";
const REPLACED: &str =
    "each start takes three round trips to the slowest of 16, each lost peer three round trips";
const RANDOM: &str = "as if for each slot a /16 (IPv6: /32) were drawn at random, and then a node in it that accepts \
                      connections: the adversary has four of them (binomial)";

/// A run and its world.
#[derive(Debug)]
pub(crate) struct Ran<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) census: &'a Census,
    pub(crate) measure: &'a Measure,
}

impl Ran<'_> {
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let mut figures = match self.scenario.kind {
            Kind::Eclipse => self.eclipse(),
            Kind::Partition => self.healing(),
            Kind::FlakyLinks => self.waiting(
                1,
                ["link_up_first_p50", "link_up_first_p99", "link_up_full_p50", "link_up_full_p99"],
                [
                    "link-up to first peer, half of the times",
                    "link-up to first peer, 99 %",
                    "link-up to all peers, half of the times",
                    "link-up to all peers, 99 %",
                ],
            ),
            Kind::ColdStart | Kind::SteadyState | Kind::MassRestart | Kind::SlowLoris | Kind::LongLife => {
                Vec::new()
            }
        };
        figures.extend(self.dials());
        figures.extend(self.peers());
        figures.extend(self.waiting(
            0,
            ["first_p50", "first_p99", "full_p50", "full_p99"],
            [
                "start to first peer, half of the times",
                "start to first peer, 99 %",
                "start to all peers, half of the times",
                "start to all peers, 99 %",
            ],
        ));
        figures.extend(self.load());
        figures.extend(self.failures());
        figures
    }

    fn listeners(&self) -> f64 {
        self.measure.inbound.len().max(1) as f64
    }

    fn dials(&self) -> Vec<Figure> {
        let measure = self.measure;
        let span = self.scenario.span() as f64 / SECOND as f64;
        let part = span / measure.dials_in.len().max(1) as f64;
        let busiest = measure.dials_in.iter().copied().max().unwrap_or(0) as f64;
        let hours = measure.there.total as f64 / HOUR as f64;
        let kept = measure.kept as f64;
        let least = measure.strangers.least_dials(measure.kept);
        vec![
            mean(
                "dials_per_kept",
                "dials per connection kept",
                Unit::Ratio,
                measure.dials as f64 / kept.max(1.0),
            )
            .best(least / kept.max(1.0), STRANGERS),
            mean(
                "dials_per_second",
                "dials per second, whole network",
                Unit::Ratio,
                measure.dials as f64 / span,
            )
            .best(least / span, STRANGERS),
            mean("dials_per_second_most", "… in the busiest 1/240 of the time", Unit::Ratio, busiest / part),
            mean(
                "strangers",
                "dials to nodes never connected before",
                Unit::Percent,
                100.0 * measure.strangers.dials as f64 / measure.dials.max(1) as f64,
            ),
            mean(
                "strangers_connect",
                "… of which can be dialed, are there and have room",
                Unit::Percent,
                100.0 * measure.strangers.share(),
            ),
            mean(
                "lookups_per_hour",
                "lookups per node and hour",
                Unit::Ratio,
                measure.lookups as f64 / hours,
            ),
            mean(
                "resolves_per_hour",
                "resolves per node and hour",
                Unit::Ratio,
                measure.resolves as f64 / hours,
            ),
            mean(
                "wakes_per_hour",
                "timer wake-ups per node and hour",
                Unit::Ratio,
                measure.wakes as f64 / hours,
            ),
        ]
    }

    fn peers(&self) -> Vec<Figure> {
        let measure = self.measure;
        let census = self.census;
        let total = measure.there.total.max(1) as f64;
        let starts = measure.first.iter().map(Vec::len).sum::<usize>() as f64;
        let trip = (crate::census::ROUND_TRIPS * census.mean_round_trip) as f64;
        let unavoidable = starts * census.slowest as f64 + measure.lost as f64 * trip;
        let least = 100.0 * unavoidable * 1e6 / total;
        let share = |stretches: &Stretches| 100.0 * stretches.total as f64 / total;
        let seconds = |span: u64| span as f64 / SECOND as f64;
        // At the start of a cold start nobody is connected.
        let settled = |at: u64| at >= self.scenario.warm + self.scenario.span() / 6;
        let component = measure.samples.iter().filter(|sample| settled(sample.at)).map(|s| s.component).min();
        vec![
            mean("below_target", "time below the target", Unit::Percent, share(&measure.below))
                .best(least, REPLACED),
            mean("below_half", "time below half of it", Unit::Percent, share(&measure.half)),
            sum(
                "half_too_long",
                "nodes below half of it for over 60 s",
                measure.half.longer_than(HALF_TOO_LONG),
            )
            .best(0.0, NONE),
            most("longest_half", "longest time below half of it", seconds(measure.half.most()))
                .best(census.slowest as f64 / 1e3, SLOWEST),
            sum(
                "alone_too_long",
                "nodes without any peer for over 2 min",
                measure.alone.longer_than(ALONE_TOO_LONG),
            )
            .best(0.0, NONE),
            most("longest_alone", "longest time without any peer", seconds(measure.alone.most()))
                .best(census.fastest as f64 / 1e3, FASTEST),
            Figure {
                merge: Merge::Least,
                ..mean(
                    "component",
                    "largest component, at its smallest",
                    Unit::Percent,
                    component.unwrap_or(0) as f64 / 10.0,
                )
            }
            .best(100.0, "all that are up"),
        ]
    }

    /// From a start (0) or a link-up (1) to the first peer, and to all of them.
    fn waiting(&self, why: usize, keys: [&'static str; 4], labels: [&'static str; 4]) -> Vec<Figure> {
        let first = sorted(self.measure.first[why].iter().copied());
        let full = sorted(self.measure.full[why].iter().copied());
        let (fastest, slowest) = (self.census.fastest as f64 / 1e3, self.census.slowest as f64 / 1e3);
        let all = [(&first, 500), (&first, 990), (&full, 500), (&full, 990)];
        let best = [(fastest, FASTEST), (fastest, FASTEST), (slowest, SLOWEST), (slowest, SLOWEST)];
        let figure = |n: usize| {
            let (times, rank) = all[n];
            mean(keys[n], labels[n], Unit::Seconds, at(times, rank) as f64 / 1e3).best(best[n].0, best[n].1)
        };
        if first.is_empty() { Vec::new() } else { (0..4).map(figure).collect() }
    }

    fn load(&self) -> Vec<Figure> {
        let measure = self.measure;
        let minutes = self.scenario.span() as f64 / MINUTE as f64;
        let aimed: Vec<u32> = measure.aimed.iter().copied().filter(|count| *count > 0).collect();
        let mean_aimed = aimed.iter().map(|count| f64::from(*count)).sum::<f64>() / aimed.len().max(1) as f64;
        let most_aimed = f64::from(aimed.iter().copied().max().unwrap_or(0));
        let inbound = &measure.inbound;
        let even = inbound.iter().sum::<u64>() as f64 / self.listeners();
        let share = "all inbound connections, spread evenly over those who accept connections";
        vec![
            Figure {
                merge: Merge::Most,
                ..mean(
                    "most_dialed_minute",
                    "most-dialed node: dials in its busiest minute",
                    Unit::Count,
                    measure.most_in_minute.into(),
                )
            }
            .best(measure.kept as f64 / minutes / self.listeners(), EVEN),
            mean(
                "most_dialed",
                "most-dialed node: times as many as the mean",
                Unit::Ratio,
                most_aimed / mean_aimed.max(1.0),
            )
            .best(1.0, "all dials, spread evenly"),
            mean(
                "inbound_p50",
                "inbound peers of who accepts them: half have fewer than",
                Unit::Count,
                at(inbound, 500) as f64,
            )
            .best(even, share),
            mean("inbound_p99", "… 99 % have fewer than", Unit::Count, at(inbound, 990) as f64)
                .best(even, share),
        ]
    }

    /// What became of the dials that did not connect.
    fn failures(&self) -> Vec<Figure> {
        let failures = &self.measure.failures;
        let share = |key, label, count: u64| {
            mean(key, label, Unit::Percent, 100.0 * count as f64 / self.measure.dials.max(1) as f64)
        };
        vec![
            share("timed_out", "dials that timed out", failures.timed_out),
            share("refused", "… that were refused, or had no route", failures.refused),
            share("too_many_peers", "… that found no room", failures.full),
            share("handshake_failed", "… whose handshake failed", failures.handshake),
            share("wrong_identity", "… that met somebody else", failures.identity),
            share("given_up", "… that were given up, or were one too many", failures.given_up),
            share("local_error", "… that failed on the host itself", failures.local),
        ]
    }

    fn healing(&self) -> Vec<Figure> {
        let bridges = sorted(self.measure.bridges.iter().copied());
        // Who never got a peer across counts as not healed before the end; who left before that does not count.
        let all = self.measure.to_heal.max(bridges.len() as u64) as usize;
        let end = self.scenario.after_event() / 1_000_000;
        let healed = |rank: usize| bridges.get(all * rank / 1_000).copied().unwrap_or(end) as f64 / 1e3;
        let whole = self.measure.whole.unwrap_or(end) as f64 / 1e3;
        let (fastest, slowest) = (self.census.fastest as f64 / 1e3, self.census.slowest as f64 / 1e3);
        let how = "three round trips: everybody dials across at the instant at which the cut ends";
        vec![
            mean(
                "healed_90",
                "time to heal: until 90 % have a neighbour in the other half",
                Unit::Seconds,
                healed(900),
            )
            .best(slowest, how),
            mean("healed_50", "… until half have one", Unit::Seconds, healed(500)).best(slowest, how),
            mean("whole", "… until 99 % are in one component", Unit::Seconds, whole)
                .best(fastest, "one dial across that works is enough, and takes three round trips"),
        ]
    }

    fn eclipse(&self) -> Vec<Figure> {
        let nothing = Vec::new();
        let attacked = self.measure.taken.first().unwrap_or(&nothing);
        let restarted = self.measure.taken.get(1).unwrap_or(&nothing);
        let hostile = f64::from(ADVERSARY_16);
        let share = hostile / (hostile + self.census.subnets as f64);
        let chance = at_least(TARGET / 2 + 1, share);
        let all = at_least(TARGET, share);
        let majority =
            |taken: &[(u32, u32)]| taken.iter().filter(|(bad, _)| *bad > TARGET / 2).count() as u64;
        let fully =
            |taken: &[(u32, u32)]| taken.iter().filter(|(bad, all)| bad == all && *all > 0).count() as u64;
        let slots = |taken: &[(u32, u32)]| {
            let bad: u32 = taken.iter().map(|(bad, _)| *bad).sum();
            let all: u32 = taken.iter().map(|(_, all)| *all).sum();
            100.0 * f64::from(bad) / f64::from(all.max(1))
        };
        let victims = attacked.len() as f64;
        vec![
            sum("victims", "victims", attacked.len() as u64),
            sum("majority_eclipsed", "victims with more than half of their slots taken", majority(attacked))
                .best(victims * chance, RANDOM),
            sum("fully_eclipsed", "victims with all slots taken", fully(attacked))
                .best(victims * all, RANDOM),
            mean("slots_taken", "slots of victims that are taken", Unit::Percent, slots(attacked))
                .best(100.0 * share, RANDOM),
            sum("restarted", "victims that have restarted", restarted.len() as u64),
            sum("majority_after_restart", "… with more than half of their slots taken", majority(restarted))
                .best(victims * chance, RANDOM),
            sum("fully_after_restart", "… with all slots taken", fully(restarted))
                .best(victims * all, RANDOM),
            mean(
                "slots_taken_after_restart",
                "… their slots that are taken",
                Unit::Percent,
                slots(restarted),
            )
            .best(100.0 * share, RANDOM),
        ]
    }
}

/// The chance that of all slots at least so many go to somebody whose share is given.
fn at_least(count: u32, share: f64) -> f64 {
    let power = |base: f64, times: u32| (0..times).fold(1.0, |product, _| product * base);
    let choose = |k: u32| (0..k).fold(1.0, |product, n| product * f64::from(TARGET - n) / f64::from(n + 1));
    (count..=TARGET).map(|k| choose(k) * power(share, k) * power(1.0 - share, TARGET - k)).sum()
}

const fn mean(key: &'static str, label: &'static str, unit: Unit, value: f64) -> Figure {
    Figure { key, label, unit, merge: Merge::Mean, value, best: None }
}

const fn sum(key: &'static str, label: &'static str, value: u64) -> Figure {
    Figure { key, label, unit: Unit::Count, merge: Merge::Sum, value: value as f64, best: None }
}

const fn most(key: &'static str, label: &'static str, value: f64) -> Figure {
    Figure { key, label, unit: Unit::Seconds, merge: Merge::Most, value, best: None }
}

impl Figure {
    const fn best(mut self, best: f64, how: &'static str) -> Self {
        self.best = Some((best, how));
        self
    }

    /// The value for people, with as many digits as make sense.
    pub(crate) fn show(&self, value: f64) -> String {
        match self.unit {
            Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
            Unit::Count if value < 10.0 => format!("{value:.1}"),
            Unit::Count => format!("{value:.0}"),
            Unit::Ratio => format!("{value:.2}"),
            Unit::Percent => format!("{value:.2} %"),
            Unit::Seconds if value < 10.0 => format!("{value:.2} s"),
            Unit::Seconds => format!("{value:.0} s"),
        }
    }
}
