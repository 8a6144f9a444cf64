//! The whole dial cycle beside its floor, in every profile, from a thousand to a million nodes, all in the history; and a dial
//! of a dialer as it is in use, beside that of `balanced`.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    dead_code,
    reason = "a program that measures time"
)]

mod common;
mod floor;
mod growth;

use clap::Parser;
use cpu_time::ThreadTime;

use common::cycle::{Case, Cycle};
use common::real::{Banned, Real};
use common::rows::{Args, Row, median, round};
use floor::Floor;

/// The most nodes for which a dialer in use is measured, since it takes four more dialers.
const MOST_REAL: u32 = 2_000_000;

fn main() {
    let args = Args::parse();
    let sizes = match args.nodes {
        Some(n) => vec![n],
        None if args.quick => vec![1_000, 10_000, 100_000],
        None => vec![1_000, 10_000, 100_000, 1_000_000],
    };
    let mut curves = Vec::new();
    for pair in Case::PROFILES {
        let mut pair = pair.map(|case| (case, Vec::new()));
        for &n in &sizes {
            let (times, floor) = measure(pair.each_ref().map(|(case, _)| *case), n, &args);
            for ((case, points), ns) in pair.iter_mut().zip(times) {
                points.push((n, ns));
                let (profile, kind) = case.name();
                let row = Row::new("dial_cycle", profile, n).with("kind", kind).beside(ns, floor);
                row.with("growth", round(ns / points[0].1, 100.0)).print(&args);
            }
        }
        curves.extend(pair.map(|(case, points)| (format!("{}, {}", case.name().0, case.name().1), points)));
    }
    sizes.iter().filter(|n| **n <= MOST_REAL).for_each(|n| realistic(*n, &args));
    // The naive dialer for the whole picture only: it is not for many nodes.
    let few: &[u32] = if args.nodes.is_some() { &[] } else { &[1_000, 10_000] };
    let points: Vec<_> = few.iter().map(|n| (*n, growth::naive(*n))).collect();
    for &(n, ns) in &points {
        let row = Row::new("dial_cycle", "naive", n).with("kind", "linear scan").with("ns", round(ns, 10.0));
        row.with("growth", round(ns / points[0].1, 100.0)).print(&args);
    }
    curves.push(("a naive scan of all nodes".to_owned(), points));
    if let Some(path) = &args.plot {
        growth::plot(path, &curves);
    }
}

/// A dialer in use, without bans and with them, beside the plain dial cycle of `balanced`, in turn. The time of everything that
/// happens to the dialer is shared out to its dials: beside the answer to each, the ends of sessions, the ticks that the
/// dialer has asked for, and answers to lookups.
fn realistic(n: u32, args: &Args) {
    let (rounds, cycles) = rounds(args);
    let mut plain = (Cycle::new(Case::BalancedDynamic, n), Vec::new());
    let mut cases = Banned::ALL.map(|banned| (Real::new(n, banned, n), Vec::new()));
    for _ in 0..rounds {
        plain.1.push(time(cycles, || plain.0.timed(cycles)));
        for (real, times) in &mut cases {
            let dials = real.prepare(cycles);
            times.push(time(dials, || real.timed(dials)));
        }
    }
    let plain = median(plain.1);
    for ((real, times), banned) in cases.into_iter().zip(Banned::ALL) {
        let (ns, [events, sessions, lookups]) = (median(times), real.shares());
        let row = Row::new("dial_cycle", "balanced", n).with("kind", banned.name());
        row.with("to_plain", round(ns / plain, 100.0))
            .with("ns", round(ns, 10.0))
            .with("plain_ns", round(plain, 10.0))
            .with("events", round(events, 100.0))
            .with("sessions", round(sessions, 100.0))
            .with("lookups", round(lookups, 100.0))
            .print(args);
    }
}

/// Many rounds, so that whatever else the machine does now and then falls into few of them; but not short ones, since each
/// begins with caches that hold what the one before it used.
const fn rounds(args: &Args) -> (u64, u64) {
    (if args.quick { 25 } else { 201 }, 4_000)
}

/// Rounds of the floor, of dynamic and of static nodes in turn, so that all meet the same machine; the medians.
fn measure(cases: [Case; 2], n: u32, args: &Args) -> ([f64; 2], f64) {
    let (rounds, cycles) = rounds(args);
    let mut pair = cases.map(|case| (Cycle::new(case, n), Vec::new()));
    let (mut floor, mut of_floor) = (Floor::new(n), Vec::new());
    for _ in 0..rounds {
        of_floor.push(time(cycles, || (0..cycles).for_each(|_| floor.cycle())));
        for (cycle, times) in &mut pair {
            cycle.prepare(cycles);
            times.push(time(cycles, || cycle.timed(cycles)));
        }
    }
    (pair.map(|(_, times)| median(times)), median(of_floor))
}

/// Nanoseconds of processor time for each of so many cycles. (By the clock on the wall, a long round would more often than a short
/// one have the turn of another program in it.)
fn time(cycles: u64, run: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    run();
    start.elapsed().as_nanos() as f64 / cycles as f64
}
