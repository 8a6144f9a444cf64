//! What recording costs: the events of a simulated month, handled and drained without a recorder and with one.
//!
//! The compact form is written through a `BufWriter` to a file, as a program would; once more to nowhere, which is
//! the cost of encoding alone. The rounds take turns, and the median of each is shown.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a program that measures time"
)]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use dialstate::record::{BinarySink, Recorder, RngSeed, Sink};
use dialstate::{Command, Dialer, Timestamp};
use dialstate_proptests::ChaCha8Rng;
use dialstate_proptests::replay::JsonLines;
use dialstate_proptests::world::{Config, Event, Id, Net, NetConfig, Sim, parse_nodes};
use rand_core::SeedableRng;
use std::net::SocketAddr;

const ME: Id = [9; 32];
const SEED: u64 = 1;
const ROUNDS: usize = 15;

type Events = Vec<(Timestamp, Event)>;

fn main() {
    println!("{:<10}{:<34}{:>10}{:>8}{:>13}", "profile", "recording", "ns/event", "ratio", "bytes/event");
    for (name, config) in [("balanced", Config::balanced()), ("classic", Config::classic())] {
        let events = events(config.clone(), 24 * 30);
        measure(name, &config, &events);
    }
}

/// What a dialer is told in a simulated life.
fn events(config: Config, hours: u64) -> Events {
    let nodes = parse_nodes("nodes.csv", include_str!("../examples/data/nodes.csv")).expect("a node list");
    // Without lost answers: a wedged dialer has no events.
    let world = NetConfig { lost: 0, ..NetConfig::new(SEED) };
    let mut sim = Sim::new(ME, config, SEED, Net::new(world, nodes, &[])).expect("a config");
    let mut events = Vec::new();
    sim.run_until(Timestamp::from_secs(hours * 3_600), |drain| {
        events.push((drain.now, drain.event.clone()));
        Ok(())
    })
    .expect("a life");
    events
}

fn measure(name: &str, config: &Config, events: &Events) {
    let path = std::env::temp_dir().join(format!("dialstate-recorder-{}.rec", std::process::id()));
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(plain(config, events));
        times[1].push(recorded(config, events, BinarySink::new(|_: &[u8]| Ok::<_, io::Error>(()))));
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        times[2].push(recorded(config, events, BinarySink::new(|record: &[u8]| file.write_all(record))));
        drop(file);
        times[3].push(recorded(config, events, JsonLines::new(io::sink(), io::sink())));
    }
    let bytes = fs::metadata(&path).map_or(0, |data| data.len());
    _ = fs::remove_file(&path);
    let whats = ["none", "compact, to nowhere", "compact, to a buffered file", "JSON Lines, to nowhere"];
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64 / events.len() as f64
    };
    let medians = times.each_mut().map(median);
    for (at, (what, nanos)) in whats.into_iter().zip(medians).enumerate() {
        let size = if at == 2 { format!("{:.1}", bytes as f64 / events.len() as f64) } else { String::new() };
        println!("{name:<10}{what:<34}{nanos:>10.0}{:>8.2}{size:>13}", nanos / medians[0]);
    }
}

fn plain(config: &Config, events: &Events) -> Duration {
    let rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut dialer = Dialer::new(ME, config.clone(), rng, Timestamp::ZERO).expect("a config");
    let events = events.clone();
    let begin = Instant::now();
    for (now, event) in events {
        _ = dialer.handle(now, event);
        while !matches!(dialer.poll(), Command::Sleep { .. }) {}
    }
    begin.elapsed()
}

fn recorded(config: &Config, events: &Events, sink: impl Sink<Id, SocketAddr>) -> Duration {
    let (rng, seed) = (ChaCha8Rng::seed_from_u64(SEED), RngSeed::Number(SEED));
    let dialer = Recorder::with_rng(ME, config.clone(), rng, seed, Timestamp::ZERO, sink);
    let mut dialer = dialer.expect("a config");
    let events = events.clone();
    let begin = Instant::now();
    for (now, event) in events {
        _ = dialer.handle(now, event);
        while !matches!(dialer.poll(), Command::Sleep { .. }) {}
    }
    begin.elapsed()
}
