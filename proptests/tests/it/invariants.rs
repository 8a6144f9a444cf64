//! What must hold after every event, for both profiles, over random sequences of events.

use dialstate_proptests::harness::{Rigor, Setup, Step, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// `PROPTEST_CASES` and `DIALSTATE_SEED` (0 to 255) choose other runs; by default all runs are the same.
fn check(steps: std::ops::Range<usize>, cases: u32, profile: Option<bool>) {
    let seed = std::env::var("DIALSTATE_SEED").map_or(1, |seed| seed.parse::<u8>().unwrap());
    let cases = std::env::var("PROPTEST_CASES").map_or(cases, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let steps = vec(any::<[u8; Step::BYTES]>().prop_map(Step::from_bytes), steps);
    let setup = any::<[u8; Setup::BYTES]>().prop_map(Setup::from_bytes).prop_map(move |mut setup| {
        setup.classic = profile.unwrap_or(setup.classic);
        setup
    });
    TestRunner::new_with_rng(config, rng)
        .run(&(setup, steps), |(setup, steps)| run(&setup, &steps, Rigor::Full).map_err(TestCaseError::fail))
        .unwrap();
}

#[test]
fn short_sequences_of_balanced() {
    check(1..12, 1_000, Some(false));
}

#[test]
fn long_sequences_of_balanced() {
    check(20..160, 120, Some(false));
}

#[test]
fn short_sequences_of_classic() {
    check(1..12, 1_000, Some(true));
}

#[test]
fn long_sequences_of_classic() {
    check(20..160, 120, Some(true));
}
