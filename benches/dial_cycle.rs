//! The whole dial cycle beside its floor, in both profiles, from a thousand to a million nodes, all in the history.
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

use std::time::Instant;

use clap::Parser;

use common::cycle::{Case, Cycle};
use common::rows::{Args, Row, median, round};
use floor::Floor;

fn main() {
    let args = Args::parse();
    let sizes: &[u32] =
        if args.quick { &[1_000, 10_000, 100_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let mut curves = Vec::new();
    for case in Case::ALL {
        let (profile, kind) = case.name();
        let mut points = Vec::new();
        for &n in sizes {
            let (ns, floor) = measure(case, n, &args);
            points.push((n, ns));
            let row = Row::new("dial_cycle", profile, n).with("kind", kind).beside(ns, floor);
            row.with("growth", round(ns / points[0].1, 100.0)).print(&args);
        }
        curves.push((format!("{profile}, {kind}"), points));
    }
    let points: Vec<_> = [1_000, 10_000].into_iter().map(|n| (n, growth::naive(n))).collect();
    for &(n, ns) in &points {
        let row = Row::new("dial_cycle", "naive", n).with("kind", "linear scan").with("ns", round(ns, 10.0));
        row.with("growth", round(ns / points[0].1, 100.0)).print(&args);
    }
    curves.push(("a naive scan of all nodes".to_owned(), points));
    if let Some(path) = &args.plot {
        growth::plot(path, &curves);
    }
}

/// Rounds of floor and cycle in turn, so that both meet the same machine; the medians.
fn measure(case: Case, n: u32, args: &Args) -> (f64, f64) {
    // Short rounds: whatever else the machine does now and then falls into few of them.
    let (rounds, cycles) = if args.quick { (101, 1_000) } else { (501, 1_000) };
    let (mut cycle, mut floor) = (Cycle::new(case, n), Floor::new(n));
    let (mut of_cycle, mut of_floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        (0..cycles).for_each(|_| floor.cycle());
        of_floor.push(start.elapsed().as_nanos() as f64 / cycles as f64);
        cycle.prepare(cycles);
        let start = Instant::now();
        cycle.timed(cycles);
        of_cycle.push(start.elapsed().as_nanos() as f64 / cycles as f64);
    }
    (median(of_cycle), median(of_floor))
}
