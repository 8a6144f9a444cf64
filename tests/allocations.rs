//! In the steady state nothing is allocated: not in `handle`, not in `poll`, not by the commands.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    dead_code,
    unreachable_pub,
    reason = "a test"
)]

#[path = "../benches/common/mod.rs"]
mod common;

use std::alloc::System;

use common::cycle::{Case, Cycle};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NODES: u32 = 5_000;
const CYCLES: u64 = 100_000;

/// One test, because the allocator counts for all threads.
#[test]
fn a_dial_cycle_allocates_nothing() {
    for case in Case::all() {
        let mut cycle = Cycle::new(case, NODES);
        cycle.run(u64::from(NODES) * 2);
        cycle.prepare(CYCLES);
        let dials = cycle.dialer.stats().dials;
        let region = Region::new(ALLOCATOR);
        cycle.timed(CYCLES);
        let change = region.change();
        assert_eq!((change.allocations, change.reallocations), (0, 0), "{case:?}: {change:?}");
        assert!(cycle.dialer.stats().dials - dials >= CYCLES, "{case:?}");
    }
}
