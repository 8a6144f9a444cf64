//! What the fuzz targets do with their bytes. Here and not in `fuzz/`, so that a stable `cargo test` replays what
//! fuzzing has found through the same functions.
//!
//! Any bytes mean something. What is broken is a panic, which says all that is needed to see it again.

mod damage;
mod differential;
mod scheduler;

use std::time::Duration;

use dialstate::{DialOutcome, PeerKind, Profile, RemovalReason, Snapshot, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::harness::{self, Rigor, Setup, Step};
use crate::replay::Replayer;
use crate::trace::{InputLine, Lines};
use crate::transcript::Transcript;
use crate::world::{Command, Config, Dialer, Event, Id};
use std::net::SocketAddr;

/// Steps of one run: more find nothing that two shorter runs don't.
const MOST_STEPS: usize = 200;
/// Events after a restore.
const MOST_EVENTS: u32 = 25;
/// Commands after a restore; more is a drain without an end.
const MOST_COMMANDS: u32 = 10_000;

type Saved = Snapshot<'static, Id, SocketAddr>;

/// A target of the fuzzer: its name, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, with every rule checked after every step.
pub const TARGETS: [Target; 5] = [
    ("events", |bytes| events(bytes, Rigor::Full)),
    ("differential", differential),
    ("scheduler", scheduler),
    ("trace", trace),
    ("snapshot", |bytes| snapshot(bytes, Rigor::Full)),
];

/// Random events: every rule of the harness, in `balanced` and `classic`.
///
/// # Panics
/// A rule is broken.
pub fn events(bytes: &[u8], rigor: Rigor) {
    let (setup, steps) = sequence(bytes);
    if let Err(broken) = harness::run(&setup, &steps, rigor) {
        fail(&setup, &steps, &broken);
    }
}

pub use self::differential::differential;
pub(crate) use self::differential::transcribe as transcribe_differential;
pub use self::scheduler::scheduler;

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

/// A saved state: of any bytes, as it is, or damaged, in a readable or in a compact form. What is restored behaves like
/// the original, and nothing panics.
///
/// # Panics
/// The restored dialer differs from the original, or what it holds in two forms differs.
pub fn snapshot(bytes: &[u8], rigor: Rigor) {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    let (mode, number) = (mode % 4, usize::from(mode / 4));
    let read: Option<Saved> = match mode {
        0 if number % 2 == 0 => serde_json::from_slice(bytes).ok(),
        0 => postcard::from_bytes(bytes).ok(),
        1 => return restored(number, bytes, rigor),
        _ => {
            let (edits, bytes) = bytes.split_at(bytes.len().min(damage::BYTES * (number % 16)));
            let edits = edits.chunks_exact(damage::BYTES);
            damaged(&saved(bytes, rigor), edits, mode == 2)
        }
    };
    if let Some(saved) = read {
        restore(&saved, &mut Transcript::default());
    }
}

/// Saves before a step, and goes on with what was restored.
fn restored(cut: usize, bytes: &[u8], rigor: Rigor) {
    let (setup, steps) = sequence(bytes);
    let cut = cut.checked_rem(steps.len()).unwrap_or(0);
    if let Err(broken) = harness::run_restored(&setup, &steps, cut, rigor) {
        fail(&setup, &steps, &format!("saved before step {cut}: {broken}"));
    }
}

/// A saved state in which a few values, or a few bytes of its compact form, are others; `None`: it can't be read.
fn damaged<'a>(saved: &Saved, edits: impl Iterator<Item = &'a [u8]>, values: bool) -> Option<Saved> {
    if values {
        let mut value = serde_json::to_value(saved).expect("a snapshot can be written");
        edits.for_each(|edit| damage::damage(&mut value, edit));
        return serde_json::from_value(value).ok();
    }
    let mut bytes = compact(saved);
    edits.for_each(|edit| damage::overwrite(&mut bytes, edit));
    postcard::from_bytes(&bytes).ok()
}

/// What the steps that these bytes say lead to, saved.
fn saved(bytes: &[u8], rigor: Rigor) -> Saved {
    let (setup, steps) = sequence(bytes);
    match harness::dialer(&setup, &steps, rigor) {
        Ok(dialer) => dialer.snapshot().into_owned(),
        Err(broken) => fail(&setup, &steps, &broken),
    }
}

/// Inputs of `snapshot` that hold what an input of `events` leads to, readable and compact.
#[must_use]
pub fn saved_seeds(events: &[u8]) -> [Vec<u8>; 2] {
    let saved = saved(events, Rigor::Full);
    let readable = serde_json::to_vec(&saved).expect("a snapshot can be written");
    [[vec![0], readable].concat(), [vec![4], compact(&saved)].concat()]
}

/// Whether an input of `snapshot` holds a saved state that can be restored.
#[must_use]
pub fn is_saved_seed(bytes: &[u8]) -> bool {
    let Some((mode @ (0 | 4), bytes)) = bytes.split_first() else { return false };
    let read =
        || if *mode == 0 { serde_json::from_slice(bytes).ok() } else { postcard::from_bytes(bytes).ok() };
    let restores = |saved: Saved| {
        let rng = ChaCha8Rng::seed_from_u64(1);
        [Config::balanced(), Config::classic(), Config::scheduler()]
            .into_iter()
            .any(|config| Dialer::restore(saved.clone(), config, rng.clone(), Timestamp::ZERO).is_ok())
    };
    read().is_some_and(restores)
}

fn compact(saved: &Snapshot<'_, Id, SocketAddr>) -> Vec<u8> {
    postcard::to_allocvec(saved).expect("a snapshot can be written")
}

/// Restores under every profile, and lets what comes of it run for a while, beside a twin that is saved and restored
/// once more.
fn restore(saved: &Saved, transcript: &mut Transcript) {
    for config in [Config::balanced(), Config::classic(), Config::scheduler()] {
        let balanced = config.profile() == Profile::Balanced;
        let rng = ChaCha8Rng::seed_from_u64(1);
        let restored =
            |saved: Saved| Dialer::restore(saved, config.clone(), rng.clone(), Timestamp::from_secs(5));
        if let Ok(dialer) = restored(saved.clone()) {
            let again =
                postcard::from_bytes(&compact(&dialer.snapshot())).expect("what was written can be read");
            let twin = restored(again).expect("what was restored can be saved");
            goes_on(dialer, twin, balanced, transcript);
        }
    }
}

/// A dialer that was restored takes events and answers, and ends its drains; its twin does what it does.
fn goes_on(mut dialer: Dialer, mut twin: Dialer, balanced: bool, transcript: &mut Transcript) {
    let mut now = dialer.now();
    let removed = |n: u8| Event::PeerRemoved { id: [n; 32], reason: RemovalReason::Closed };
    let mut agenda = vec![removed(5), removed(4), removed(3), Event::NetworkChanged, Event::Tick];
    for _ in 0..MOST_EVENTS {
        let event = agenda.pop().unwrap_or(Event::Tick);
        let result = dialer.handle(now, event.clone());
        transcript.event(now, &event, &result);
        assert_eq!(result, twin.handle(now, event));
        let until = (0..MOST_COMMANDS).find_map(|_| {
            let command = dialer.poll();
            transcript.command(&command);
            assert_eq!(command, twin.poll(), "saved and restored once more, it does something else");
            if let Command::Sleep { until, .. } = command {
                return Some(until);
            }
            agenda.splice(0..0, answer(&command));
            None
        });
        let until = until.expect("a drain has an end");
        // Only in balanced nothing is ever overdue: in classic more may be due than a state made by hand allows for.
        assert!(!balanced || until.is_none_or(|until| until > now), "sleeps until {until:?} at {now:?}");
        dialer.verify().expect("what is held in two forms agrees");
        now = until.unwrap_or(now).max(now.saturating_add(Duration::from_millis(1)));
        if now > Timestamp::MAX_NOW {
            // A damaged deadline may lie where no event can come.
            return;
        }
    }
}

/// A peer for every other dial, and an end for every task.
fn answer(command: &Command) -> Vec<Event> {
    match command {
        Command::Dial { dial, node, kind, .. } => {
            let (dial, tried) = (*dial, Vec::new());
            if dial.as_raw() % 2 == 0 {
                return vec![Event::DialFinished { dial, outcome: DialOutcome::Refused, tried }];
            }
            if dial.as_raw() % 4 == 1 {
                return vec![Event::DialConnected { dial, addr: None, tried }];
            }
            let (id, kind, outcome) = (node.id, PeerKind::Outbound(*kind), DialOutcome::Connected);
            // Popped from the end.
            vec![Event::DialFinished { dial, outcome, tried }, Event::PeerAdded { id, kind, addr: None }]
        }
        Command::Resolve { resolve, .. } => {
            vec![Event::ResolveFinished { resolve: *resolve, addrs: dialstate::Addrs::new() }]
        }
        Command::Lookup { lookup, .. } => vec![Event::LookupFinished { lookup: *lookup, nodes: Vec::new() }],
        Command::Disconnect { id, .. } => {
            vec![Event::PeerRemoved { id: *id, reason: RemovalReason::Local }]
        }
        Command::Cancel(_) | Command::Sleep { .. } => Vec::new(),
    }
}

/// The setup and the steps that these bytes say.
fn sequence(bytes: &[u8]) -> (Setup, Vec<Step>) {
    let Some((setup, steps)) = bytes.split_first_chunk() else {
        return (Setup::from_bytes([0; Setup::BYTES]), Vec::new());
    };
    let steps = steps.chunks_exact(Step::BYTES).filter_map(|step| step.try_into().ok());
    (Setup::from_bytes(*setup), steps.take(MOST_STEPS).map(Step::from_bytes).collect())
}

#[expect(clippy::panic, reason = "how a fuzzer is told")]
fn fail(setup: &Setup, steps: &[Step], broken: &str) -> ! {
    panic!("{broken}\n{setup:?}\n{steps:#?}")
}

/// What the dialer decides when it is driven by an input of `events`, in one of the profiles.
///
/// # Errors
/// A rule is broken.
pub fn transcribe_events(bytes: &[u8], profile: Profile, transcript: &mut Transcript) -> Result<(), String> {
    let (setup, steps) = without_own_bootnode(bytes, profile);
    harness::transcribe(&setup, &steps, transcript)
}

/// What dialers decide that are restored, under every profile, from what an input of `events` leads to.
///
/// # Errors
/// A rule is broken.
pub fn transcribe_restored(
    bytes: &[u8],
    profile: Profile,
    transcript: &mut Transcript,
) -> Result<(), String> {
    let (setup, steps) = without_own_bootnode(bytes, profile);
    let dialer = harness::dialer(&setup, &steps, Rigor::Sampled)?;
    restore(&dialer.snapshot().into_owned(), transcript);
    Ok(())
}

fn without_own_bootnode(bytes: &[u8], profile: Profile) -> (Setup, Vec<Step>) {
    let (setup, mut steps) = sequence(bytes);
    steps.iter_mut().for_each(|step| step.avoid_own_bootnode());
    (Setup { profile, ..setup }, steps)
}
