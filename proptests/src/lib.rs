//! The test bench of dialstate: traces, a reference model, a simulated world, properties.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    clippy::wildcard_enum_match_arm,
    reason = "an unpublished test bench: it may panic where a test would, and nobody depends on its types"
)]

pub mod debug;
pub mod decisions;
pub mod differential;
pub mod fuzzing;
pub mod harness;
pub mod model;
pub mod network;
pub mod palette;
pub mod pinned;
pub mod replay;
pub mod scheduler_model;
pub mod scheduler_steps;
pub mod steps;
pub mod trace;
pub mod transcript;
pub mod world;

pub use rand_chacha::ChaCha8Rng;
