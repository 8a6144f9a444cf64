//! What `explain` says of the future: no node is dialed before the earliest instant that it names, as long as nothing but
//! time passes.

use std::collections::BTreeMap;
use std::time::Duration;

use dialstate::{Refusal, Timestamp};
use dialstate_proptests::harness::{Rigor, Setup, Step, dialer};
use dialstate_proptests::world::{Command, Dialer, Event, Id};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// The ids of the harness.
const IDS: u8 = 24;
/// How long is looked at, and how many wake-ups at most: a cooldown may take more than an hour.
const LONG: Duration = Duration::from_secs(3 * 3_600);
const WAKES: usize = 60;

/// The latest of what was said of each node; `None`: that only an event changes anything.
type Told = BTreeMap<Id, Option<Timestamp>>;

/// Asks about every node, but for those in an attempt that has nothing in flight: it goes on when the pace allows.
fn ask(dialer: &Dialer, told: &mut Told) {
    let open: Vec<_> = dialer.tasks().filter_map(|task| task.id).collect();
    for id in (0..IDS).map(|n| [n; 32]) {
        let explanation = dialer.explain(&id);
        let attempted =
            explanation.refusals.iter().any(|refusal| matches!(refusal, Refusal::InAttempt { .. }));
        if attempted && !open.contains(&id) {
            told.remove(&id);
            continue;
        }
        let latest = told.entry(id).or_insert(Some(Timestamp::ZERO));
        *latest = latest.zip(explanation.earliest).map(|(old, new)| old.max(new));
    }
}

/// Drains, and compares each dial and resolve with what was said. Returns until when the dialer sleeps.
fn drain(dialer: &mut Dialer, told: &mut Told, seen: &mut u32) -> Result<Option<Timestamp>, TestCaseError> {
    loop {
        let id = match dialer.poll() {
            Command::Dial { node, .. } => node.id,
            Command::Resolve { id, .. } => id,
            Command::Sleep { until, .. } => return Ok(until),
            Command::Lookup { .. } | Command::Cancel(_) | Command::Disconnect { .. } => continue,
        };
        let now = dialer.now();
        if let Some(earliest) = told.remove(&id) {
            *seen += u32::from(earliest != Some(Timestamp::ZERO));
            prop_assert!(
                earliest.is_some_and(|earliest| earliest <= now),
                "{} is dialed at {now:?}, and was not to be before {earliest:?}",
                id[0]
            );
        }
    }
}

fn only_time_passes(mut dialer: Dialer, seen: &mut u32) -> Result<(), TestCaseError> {
    let mut told = Told::new();
    let now = dialer.now();
    dialer.handle(now, Event::Tick).unwrap();
    // What follows from the events before is not foretold.
    let mut until = drain(&mut dialer, &mut Told::new(), &mut 0)?;
    for _ in 0..WAKES {
        let Some(wake) = until.filter(|until| *until <= now.saturating_add(LONG)) else { break };
        ask(&dialer, &mut told);
        dialer.handle(wake, Event::Tick).unwrap();
        until = drain(&mut dialer, &mut told, seen)?;
    }
    Ok(())
}

/// `PROPTEST_CASES` and `DIALSTATE_SEED` (0 to 255) choose other runs; by default all runs are the same.
#[test]
fn nobody_is_dialed_before_the_instant_that_was_named() {
    let seed = std::env::var("DIALSTATE_SEED").map_or(1, |seed| seed.parse::<u8>().unwrap());
    let cases = std::env::var("PROPTEST_CASES").map_or(1_500, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let steps = vec(any::<[u8; Step::BYTES]>().prop_map(Step::from_bytes), 1..40);
    let setup = any::<[u8; Setup::BYTES]>().prop_map(Setup::from_bytes);
    let seen = std::cell::Cell::new(0);
    TestRunner::new_with_rng(config, rng)
        .run(&(setup, steps), |(setup, steps)| {
            let mut dialed = seen.get();
            let dialer = dialer(&setup, &steps, Rigor::Sampled).map_err(TestCaseError::fail)?;
            let result = only_time_passes(dialer, &mut dialed);
            seen.set(dialed);
            result
        })
        .unwrap();
    assert!(seen.get() > 1_000, "only {} dials were foretold", seen.get());
}
