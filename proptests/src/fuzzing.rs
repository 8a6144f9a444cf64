//! What the fuzz targets do with their bytes. Here and not in `fuzz/`, so that a stable `cargo test` replays what
//! fuzzing has found through the same functions.
//!
//! Any bytes mean something. What is broken is a panic, which says all that is needed to see it again.

mod damage;
mod differential;

use std::time::Duration;

use dialstate::{Profile, Snapshot, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::harness::{self, Setup, Step};
use crate::replay::Replayer;
use crate::trace::{InputLine, Lines};
use crate::world::{Command, Config, Dialer, Event, Id};
use std::net::SocketAddr;

/// Steps of one run: more find nothing that two shorter runs don't.
const MOST_STEPS: usize = 200;
/// Commands after a restore; more is a drain without an end.
const MOST_COMMANDS: u32 = 10_000;

type Saved = Snapshot<Id, SocketAddr>;

/// A target of the fuzzer: its name, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 4] =
    [("events", events), ("differential", differential), ("trace", trace), ("snapshot", snapshot)];

/// Random events: every rule of the harness after every step, in both profiles.
///
/// # Panics
/// A rule is broken.
pub fn events(bytes: &[u8]) {
    let (setup, steps) = sequence(bytes);
    if let Err(broken) = harness::run(&setup, &steps) {
        fail(&setup, &steps, &broken);
    }
}

pub use self::differential::differential;

/// A file of a trace: what can be read can be written, read again and replayed; nothing panics.
///
/// # Panics
/// A line that was read is not the same when it is written and read again.
pub fn trace(bytes: &[u8]) {
    let mut lines = Lines::new("fuzzed", bytes);
    let mut next = || Some(lines.next()?.ok()?.input());
    let Some(Ok(first)) = next() else { return };
    reads_back(&first);
    let Ok((mut replayer, _)) = Replayer::new(&first) else { return };
    while let Some(read) = next() {
        if let Ok(line) = read {
            reads_back(&line);
            drop(replayer.line(&line));
        }
    }
    replayer.dialer().verify().expect("what is held in two forms agrees");
}

fn reads_back(line: &InputLine) {
    let mut written = Vec::new();
    line.write(&mut written).expect("writing to memory");
    let text = Lines::new("written", written.as_slice()).next().expect("one line").expect("UTF-8");
    assert_eq!(&text.input().expect("what was written can be read"), line);
}

/// A saved state: as it is, damaged, or made of any bytes. What is restored behaves like the original, and nothing
/// panics.
///
/// # Panics
/// The restored dialer differs from the original, or what it holds in two forms differs.
pub fn snapshot(bytes: &[u8]) {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    match mode % 4 {
        0 => {
            if let Ok(saved) = serde_json::from_slice::<Saved>(bytes) {
                restore(&saved);
            }
        }
        1 => {
            let (setup, steps) = sequence(bytes);
            let cut = usize::from(mode / 4).checked_rem(steps.len()).unwrap_or(0);
            if let Err(broken) = harness::run_restored(&setup, &steps, cut) {
                fail(&setup, &steps, &format!("saved before step {cut}: {broken}"));
            }
        }
        _ => damaged(usize::from(mode / 4) % 16, bytes),
    }
}

/// Saves what the steps lead to, and restores it with `edits` values of the text changed.
fn damaged(edits: usize, bytes: &[u8]) {
    let (edits, bytes) = bytes.split_at(bytes.len().min(damage::BYTES * edits));
    let (setup, steps) = sequence(bytes);
    let dialer = match harness::dialer(&setup, &steps) {
        Ok(dialer) => dialer,
        Err(broken) => fail(&setup, &steps, &broken),
    };
    let mut value = serde_json::to_value(dialer.snapshot()).expect("a snapshot can be written");
    for edit in edits.chunks_exact(damage::BYTES) {
        damage::damage(&mut value, edit);
    }
    if let Ok(saved) = serde_json::from_value::<Saved>(value) {
        restore(&saved);
    }
}

/// Restores under both profiles, and lets what comes of it run for a while.
fn restore(saved: &Saved) {
    for config in [Config::balanced(), Config::classic()] {
        let balanced = config.profile == Profile::Balanced;
        let rng = ChaCha8Rng::seed_from_u64(1);
        if let Ok(dialer) = Dialer::restore(saved.clone(), config, rng, Timestamp::from_secs(5)) {
            goes_on(dialer, balanced);
        }
    }
}

/// A dialer that was restored takes events, and ends its drains.
fn goes_on(mut dialer: Dialer, balanced: bool) {
    let mut now = dialer.now();
    let removed = |n: u8| Event::PeerRemoved { id: [n; 32], reason: dialstate::RemovalReason::Closed };
    let events = [Event::Tick, Event::NetworkChanged, removed(3), removed(4), removed(5)];
    for event in events.into_iter().chain((0..20).map(|_| Event::Tick)) {
        drop(dialer.handle(now, event));
        let until = (0..MOST_COMMANDS).find_map(|_| match dialer.poll() {
            Command::Sleep { until, .. } => Some(until),
            _ => None,
        });
        let until = until.expect("a drain has an end");
        // Only in balanced nothing is ever overdue: in classic more may be due than a state made by hand allows for.
        assert!(!balanced || until.is_none_or(|until| until > now), "sleeps until {until:?} at {now:?}");
        dialer.verify().expect("what is held in two forms agrees");
        now = until.unwrap_or(now).max(now.saturating_add(Duration::from_millis(1)));
        if now > Timestamp::MAX {
            // A damaged deadline may lie where no event can come.
            return;
        }
    }
}

/// The setup and the steps that these bytes say.
fn sequence(bytes: &[u8]) -> (Setup, Vec<Step>) {
    let Some((setup, steps)) = bytes.split_first_chunk() else { return (Setup::default(), Vec::new()) };
    let steps = steps.chunks_exact(Step::BYTES).filter_map(|step| step.try_into().ok());
    (Setup::from_bytes(*setup), steps.take(MOST_STEPS).map(Step::from_bytes).collect())
}

#[expect(clippy::panic, reason = "how a fuzzer is told")]
fn fail(setup: &Setup, steps: &[Step], broken: &str) -> ! {
    panic!("{broken}\n{setup:?}\n{steps:#?}")
}
