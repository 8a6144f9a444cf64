//! What filling a table of known nodes costs, a node or a snapshot at a time, beside a lean insertion: a table of ids and
//! records and nothing else.
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

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use clap::Parser;
use cpu_time::ThreadTime;
use dialstate::{KnownNode, LookupId, PeerKind, Profile, RemovalReason, Snapshot, Source, Timestamp};

use common::rows::{Args, Row, median, round};
use common::{Chance, Command, Config, Dialer, Event, Id, ME, Mix, Node, id, node};

/// As large as a record of the dialer.
type Record = [u64; 12];

/// Rounds of each measurement, and operations in a round.
const ROUNDS: u32 = 25;
const EACH: u32 = 1_000;

fn main() {
    let args = Args::parse();
    let sizes: &[u32] = if args.quick { &[10_000, 100_000] } else { &[10_000, 100_000, 1_000_000] };
    for &n in sizes {
        let lean = lean(n);
        Row::new("filling", "lean", n).with("kind", "new").with("ns", round(lean, 10.0)).print(&args);
        for profile in [Profile::Balanced, Profile::Classic] {
            for kind in Kind::ALL {
                let ns = kind.measure(profile, n);
                let row = Row::new("filling", profile.name(), n).with("kind", kind.name());
                row.beside(ns, lean).print(&args);
            }
            let row = Row::new("filling", profile.name(), n).with("kind", "a lookup brings 16 new ones");
            row.beside(lookups(profile, n), 16.0 * lean).print(&args);
            snapshots(profile, n, &args);
        }
    }
}

/// Nanoseconds of processor time for each operation: the median of rounds, of which `prepare` is not counted.
fn rounds<T>(mut prepare: impl FnMut(u32) -> T, mut run: impl FnMut(T)) -> f64 {
    let one = |round| {
        let prepared = prepare(round);
        let start = ThreadTime::now();
        run(prepared);
        start.elapsed().as_nanos() as f64 / f64::from(EACH)
    };
    median((0..ROUNDS).map(one).collect())
}

/// A table of ids and records to which new ones come.
fn lean(n: u32) -> f64 {
    let mut table: HashMap<Id, Record> = (0..n).map(|at| (id(at), [u64::from(at); 12])).collect();
    let fresh = |round: u32| (0..EACH).map(|at| id(n + round * EACH + at)).collect::<Vec<_>>();
    rounds(fresh, |ids| ids.into_iter().for_each(|id| _ = black_box(table.insert(id, [1; 12]))))
}

/// What is done with one node, or with sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    New,
    Again,
    Restored,
    Forgotten,
    Evicting,
    Peer,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::New, Self::Again, Self::Restored, Self::Forgotten, Self::Evicting, Self::Peer];

    const fn name(self) -> &'static str {
        match self {
            Self::New => "a new node is told",
            Self::Again => "a known node is told again",
            Self::Restored => "a node is restored",
            Self::Forgotten => "a node is forgotten",
            Self::Evicting => "a new node, and another gives way",
            Self::Peer => "a peer comes and goes, drained",
        }
    }

    fn measure(self, profile: Profile, n: u32) -> f64 {
        let room = if self == Self::Evicting { n } else { 2 * n + ROUNDS * EACH };
        let mut dialer = filled(profile, n, room, false);
        let now = dialer.now();
        let mut rng = Mix::new(7);
        let mut any = move || rng.below(u64::from(n)) as u32;
        let prepare = |round: u32| -> Vec<Event> {
            let first = n + round * EACH;
            (0..EACH).map(|at| self.event(first + at, any())).collect()
        };
        let run = |events: Vec<Event>| {
            for event in events {
                match (self, event) {
                    (Self::Peer, event @ Event::PeerAdded { id, .. }) => {
                        dialer.handle(now, event).expect("in order");
                        let reason = RemovalReason::Closed;
                        dialer.handle(now, Event::PeerRemoved { id, reason }).expect("in order");
                        while !matches!(dialer.poll(), Command::Sleep { .. }) {}
                    }
                    (_, event) => dialer.handle(now, event).expect("in order"),
                }
            }
        };
        rounds(prepare, run)
    }

    /// The event for a node that is not known yet, or for any that is.
    fn event(self, fresh: u32, known: u32) -> Event {
        let told =
            |number| Event::NodeDiscovered { node: node(number), source: source(number), vouched: false };
        match self {
            Self::New | Self::Evicting => told(fresh),
            Self::Again => told(known),
            Self::Restored => Event::NodeRestored(KnownNode {
                node: node(fresh),
                source: source(fresh),
                good: false,
                failures: 1,
                last_tried: Some(core::time::Duration::from_secs(60)),
                anchor: false,
            }),
            Self::Forgotten => Event::NodeForgotten(id(known)),
            Self::Peer => Event::PeerAdded { id: id(known), kind: PeerKind::Inbound, addr: None },
        }
    }
}

fn source(number: u32) -> Source {
    Source((number % 4) as u8)
}

fn config(profile: Profile, room: u32, lookups: bool) -> Config {
    let mut config = Config::for_profile(profile);
    (config.limits.others, config.limits.good) = (room, 4_096);
    config.discovery = lookups;
    // Nobody is dialed here; with lookups, more peers are missing than nodes are known, so that one is always wanted.
    config.dynamic_target = if lookups { 1 << 20 } else { 0 };
    config.max_active_dials = 1;
    let soon = core::time::Duration::from_millis(1);
    (config.lookups.interval, config.lookups.first, config.lookups.interval_max) = (soon, soon, soon);
    config
}

fn filled(profile: Profile, n: u32, room: u32, lookups: bool) -> Dialer {
    let now = Timestamp::from_secs(1);
    let config = config(profile, room, lookups);
    let mut dialer = Dialer::new(ME, config, Chance::fast(1), now).expect("the config is valid");
    for number in 0..n {
        dialer.handle(now, Kind::New.event(number, 0)).expect("in order");
    }
    dialer
}

/// Nanoseconds for the answer to a lookup that brings 16 new nodes. (Classic keeps them as candidates, and not in its table.)
fn lookups(profile: Profile, n: u32) -> f64 {
    let mut dialer = filled(profile, n, 2 * n + ROUNDS * EACH * 16, true);
    let mut times = Vec::new();
    for round in 0..EACH {
        let nodes: Vec<Node> = (0..16).map(|at| node(n + round * 16 + at)).collect();
        let lookup = lookup(&mut dialer);
        let now = dialer.now();
        let start = Instant::now();
        dialer.handle(now, Event::LookupFinished { lookup, nodes }).expect("in order");
        times.push(start.elapsed().as_nanos() as f64);
    }
    median(times)
}

/// The next lookup.
fn lookup(dialer: &mut Dialer) -> LookupId {
    loop {
        match dialer.poll() {
            Command::Lookup { lookup, .. } => return lookup,
            Command::Sleep { until, .. } => {
                let next = until.expect("a lookup will be wanted");
                dialer.handle(next, Event::Tick).expect("in order");
            }
            _ => {}
        }
    }
}

/// A snapshot is taken, and restored after it was read; in milliseconds.
fn snapshots(profile: Profile, n: u32, args: &Args) {
    let dialer = filled(profile, n, n, false);
    let (mut taken, mut restored) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let start = ThreadTime::now();
        drop(black_box(dialer.snapshot()));
        taken.push(start.elapsed().as_secs_f64() * 1e3);
        let snapshot: Snapshot<'_, Id, core::net::SocketAddr> = dialer.snapshot().into_owned();
        let start = ThreadTime::now();
        let again = Dialer::restore(snapshot, config(profile, n, false), Chance::fast(2), dialer.now());
        restored.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(again.expect("it is whole").gauges().known, n);
    }
    for (kind, times) in [("a snapshot is taken", taken), ("a snapshot is restored", restored)] {
        let row = Row::new("filling", profile.name(), n).with("kind", kind);
        row.with("ms", round(median(times), 10.0)).print(args);
    }
}
