//! All properties, in one program: what they have in common, a dialer and its world, is compiled once.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests: a broken assumption should stop them"
)]

mod constants;
mod corpus;
mod debug;
mod decisions;
mod determinism;
mod differential;
mod driver;
mod explained;
mod foretold;
mod format;
mod hostnames;
mod invariants;
mod network;
mod pinned;
mod recorder;
mod requests;
mod restarted;
mod scenarios;
mod scheduler;
mod small;
mod snapshot;
mod traces;
mod words;
mod world;
