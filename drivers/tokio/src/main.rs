//! Measures: `cargo run --release -p dialstate-tokio [NODES]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use dialstate::record::{RecordedStep, Recording};
use dialstate::{Command, Dialer, DisconnectReason, Event, WakeReason};
use dialstate_tokio::driver::Id;
use dialstate_tokio::network::Network;
use dialstate_tokio::transport::Tcp;
use rand_chacha::ChaCha8Rng;

type Failure = Box<dyn std::error::Error>;

const TARGET: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let nodes = std::env::args().nth(1).map_or(Ok(30), |nodes| nodes.parse())?;
    let late = "not at target in two minutes";
    for (name, known) in [("all known", nodes), ("from one bootnode", 1)] {
        let (cpu, mut network) = (ProcessTime::now(), Network::new(Tcp));
        let begun = Instant::now();
        for number in 1..=nodes {
            network.start(number, 1..=known, TARGET)?;
        }
        network.settled(TARGET, PATIENCE).await.ok_or(late)?;
        println!("{nodes} nodes, {name}: at target after {:?}, CPU {:?}", begun.elapsed(), cpu.elapsed());
        let (begun, mut tapes) = (Instant::now(), Vec::new());
        for number in 5..10 {
            tapes.push(network.stop(number).await);
        }
        network.settled(TARGET, PATIENCE).await.ok_or(late)?;
        println!("  without 5 of them after {:?}", begun.elapsed());
        let begun = Instant::now();
        for number in 5..10 {
            network.start(number, 1..=known, TARGET)?;
        }
        network.settled(TARGET, PATIENCE).await.ok_or(late)?;
        println!("  with 5 of them back after {:?}", begun.elapsed());
        let (cpu, rest) = (ProcessTime::now(), Duration::from_secs(15));
        tokio::time::sleep(rest).await;
        println!("  CPU at target: {:?} in {rest:?}", cpu.elapsed());
        for number in 1..=nodes {
            tapes.push(network.stop(number).await);
        }
        println!("  {:?}", count(&tapes)?);
    }
    Ok(())
}

/// What is counted in the recordings of all nodes, until the first of them stops for good.
fn count(tapes: &[Vec<u8>]) -> Result<BTreeMap<String, u32>, Failure> {
    let mut counts = BTreeMap::new();
    for tape in tapes {
        let recording = Recording::<Id, SocketAddr>::open(tape)?;
        let header = recording.header().clone();
        // Told the same, it has the same peers.
        let rng = header.seed.rng::<ChaCha8Rng>().ok_or("a recording without a seed")?;
        let mut dialer = Dialer::new(header.me, header.config, rng, header.start)?;
        let steps = recording.map(Result::ok).map_while(|step| step).collect::<Vec<_>>();
        let last = steps.iter().filter_map(|step| match step {
            RecordedStep::Event(now, _) => Some(*now),
            RecordedStep::Command(_) => None,
        });
        let last = last.max().unwrap_or_default();
        // Before the other nodes stop.
        let [from, to] = [14, 2].map(|secs| last.saturating_sub(Duration::from_secs(secs)));
        let mut until = WakeReason::Event;
        for step in steps {
            let name = match &step {
                RecordedStep::Event(now, _) if *now > to => break,
                RecordedStep::Event(now, Event::Tick) if *now >= from => {
                    let full = if dialer.gauges().dynamic_peers == TARGET { "all" } else { "not all" };
                    &format!("at target, has {full} it wants, wakes up for: {until}")
                }
                RecordedStep::Event(_, Event::Tick) => "other wake-ups",
                RecordedStep::Event(_, Event::DialConnected { .. }) => "dials connected",
                RecordedStep::Event(_, Event::DialFinished { .. }) => "dials failed",
                RecordedStep::Command(Command::Dial { .. }) => "dials",
                RecordedStep::Command(Command::Lookup { .. }) => "lookups",
                RecordedStep::Command(Command::Cancel(_)) => "cancels",
                RecordedStep::Command(Command::Disconnect { reason, .. }) => match reason {
                    DisconnectReason::Duplicate { .. } => "duplicates closed",
                    _ => "other disconnects",
                },
                RecordedStep::Command(Command::Sleep { reason, .. }) => {
                    until = *reason;
                    ""
                }
                RecordedStep::Event(..) | RecordedStep::Command(_) => "",
            };
            if !name.is_empty() {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
            match step {
                // What was refused then is refused again.
                RecordedStep::Event(now, event) => drop(dialer.handle(now, event)),
                RecordedStep::Command(_) => drop(dialer.poll()),
            }
        }
    }
    Ok(counts)
}
