//! What must hold after every event, in every profile, over random sequences of events.

use std::time::Duration;

use dialstate::{DialOutcome, PeerKind, Profile, RemovalReason};
use dialstate_proptests::harness::{Act, After, Drain, Rigor, Setup, Step, run};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Of so many steps one is a restart of the program, which no byte says.
const RESTARTS: usize = 12;
/// Of so many steps one turns dialing off, and two turn it on.
const PAUSES: usize = 10;

fn bytes() -> impl Strategy<Value = Step> {
    any::<[u8; Step::BYTES]>().prop_map(Step::from_bytes)
}

/// `PROPTEST_CASES` and `DIALSTATE_SEED` (0 to 255) choose other runs; by default all runs are the same.
fn check(step: impl Strategy<Value = Step>, steps: std::ops::Range<usize>, cases: u32, profile: Profile) {
    let seed = std::env::var("DIALSTATE_SEED").map_or(1, |seed| seed.parse::<u8>().unwrap());
    let cases = std::env::var("PROPTEST_CASES").map_or(cases, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let setup = any::<[u8; Setup::BYTES]>().prop_map(Setup::from_bytes);
    let setup = setup.prop_map(move |setup| Setup { profile, ..setup });
    TestRunner::new_with_rng(config, rng)
        .run(&(setup, vec(step, steps)), |(setup, steps)| {
            run(&setup, &steps, Rigor::Full).map_err(TestCaseError::fail)
        })
        .unwrap();
}

#[test]
fn short_sequences_of_balanced() {
    check(bytes(), 1..12, 1_000, Profile::Balanced);
}

#[test]
fn long_sequences_of_balanced() {
    check(bytes(), 20..160, 120, Profile::Balanced);
}

#[test]
fn short_sequences_of_classic() {
    check(bytes(), 1..12, 1_000, Profile::Classic);
}

#[test]
fn long_sequences_of_classic() {
    check(bytes(), 20..160, 120, Profile::Classic);
}

#[test]
fn short_sequences_of_scheduler() {
    check(bytes(), 1..12, 1_000, Profile::Scheduler);
}

#[test]
fn long_sequences_of_scheduler() {
    check(bytes(), 20..160, 120, Profile::Scheduler);
}

/// Now and then dialing is turned off and on.
#[test]
fn pauses_in_every_profile() {
    for profile in Profile::ALL {
        let step = (bytes(), 0..PAUSES);
        let step = step.prop_map(|(step, one)| if one < 3 { step.with_dialing(one > 0) } else { step });
        check(step, 20..160, 150, profile);
    }
}

/// Now and then the program is restarted.
#[test]
fn restarts_in_every_profile() {
    for profile in Profile::ALL {
        let step = (bytes(), 0..RESTARTS);
        let step = step.prop_map(|(step, one)| if one == 0 { step.with_restart() } else { step });
        check(step, 20..160, 60, profile);
    }
}

/// Found by these tests: a former peer whose cooldown ended while others waited for a lookup was asked for at the next event, which
/// no `Sleep` had named.
#[test]
fn a_cooldown_that_ends_while_others_wait_for_a_lookup() {
    let setup = Setup { burst: 49, tight: true, ..Setup::from_bytes([0; Setup::BYTES]) };
    let all = |ms, act| Step { after: After::Delay(Duration::from_millis(ms)), act, drain: Drain::Full };
    let one = |ms, act| Step { drain: Drain::Cut(1), ..all(ms, act) };
    let wake = |act| Step { after: After::Wake, ..all(0, act) };
    let timed_out = Act::DialEnds { task: 0, outcome: DialOutcome::TimedOut, tried: false };
    let left = |id, reason| Act::PeerDown { id, reason };
    let steps = [
        one(0, Act::Discover { id: 120, addrs: 21, source: 0 }),
        all(20_000, timed_out),
        all(30_000, Act::Bootnodes { first: 104, count: 130 }),
        one(0, Act::Forget { id: 1 }),
        all(5_000, Act::Forget { id: 25 }),
        all(30_000, Act::UnbanId { id: 0 }),
        all(0, Act::Tick),
        all(0, Act::Discover { id: 248, addrs: 0, source: 0 }),
        all(4_000, Act::Tick),
        all(600_000, left(0, RemovalReason::Closed)),
        all(0, left(0, RemovalReason::Closed)),
        all(0, Act::Tick),
        one(125, Act::BanNetwork { network: 126, until: 146 }),
        all(30_000, Act::Tick),
        all(30_000, Act::Tick),
        wake(Act::PeerUp { id: 1, kind: PeerKind::Inbound, addrs: 0 }),
        wake(Act::ResolveEnds { task: 0, addrs: 11 }),
        wake(Act::Discover { id: 249, addrs: 64, source: 0 }),
        all(0, Act::Connect { task: 7 }),
        all(0, Act::InboundStart { connection: 0, id: 1 }),
        all(0, left(73, RemovalReason::TooManyPeers)),
        all(0, timed_out),
        one(0, left(0, RemovalReason::Local)),
        all(600_000, Act::Forget { id: 1 }),
        all(30_000, Act::Forget { id: 1 }),
        all(0, Act::Tick),
    ];
    assert_eq!(run(&setup, &steps, Rigor::Full), Ok(()));
}
