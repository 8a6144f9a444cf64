//! What a known node costs in memory, measured by the allocator.
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

/// Just below a power of two, where vectors that double have the least room to spare, as a cap of the config should be.
const NODES: u32 = 1_000_000;
const MOST: usize = 192;

/// One test, because the allocator counts for all threads.
#[test]
fn a_known_node_costs_at_most_192_bytes() {
    for case in [Case::BalancedDynamic, Case::ClassicDynamic] {
        let region = Region::new(ALLOCATOR);
        let dialer = Cycle::new(case, NODES).into_dialer();
        let change = region.change();
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        let each = bytes / NODES as usize;
        assert_eq!(dialer.gauges().known, NODES);
        println!("{case:?}: {each} bytes for each known node");
        assert!(each <= MOST, "{case:?}: {each} bytes");
    }
}
