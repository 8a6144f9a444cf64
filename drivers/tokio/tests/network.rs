//! Nodes with real sockets: they reach their targets, get back to them, and what their dialers did can be repeated without any
//! socket.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::Dialer;
use dialstate::record::{RecordedStep, Recording};
use dialstate_tokio::driver::Id;
use dialstate_tokio::network::Network;
use dialstate_tokio::transport::{Memory, Tcp, Transport};
use rand_chacha::ChaCha8Rng;

const NODES: u16 = 30;
const TARGET: u32 = 6;

/// Far more than it takes, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Tells a new dialer the same events: it has to give the same commands. Returns how many there were.
fn replay(bytes: &[u8]) -> usize {
    let recording = Recording::<Id, SocketAddr>::open(bytes).unwrap();
    let header = recording.header().clone();
    let rng = header.seed.rng::<ChaCha8Rng>().unwrap();
    let mut dialer = Dialer::new(header.me, header.config, rng, header.start).unwrap();
    let mut commands = 0;
    for step in recording {
        match step.unwrap() {
            RecordedStep::Event(now, event) => {
                // Nothing is refused but what comes too late.
                assert!(dialer.handle(now, event).err().is_none_or(|error| error.is_late()));
            }
            RecordedStep::Command(command) => {
                commands += 1;
                assert_eq!(dialer.poll(), command);
            }
        }
    }
    dialer.verify().unwrap();
    commands
}

/// Five of thirty nodes go, and come back.
async fn gone_and_back<T: Transport<Stream: std::fmt::Debug>>(network: &mut Network<T>) -> Vec<Vec<u8>> {
    let mut recordings = Vec::new();
    for number in 1..=NODES {
        network.start(number, [1], TARGET).unwrap();
    }
    network.settled(TARGET, PATIENCE).await.unwrap();
    for number in 5..10 {
        recordings.push(network.stop(number).await);
    }
    network.settled(TARGET, PATIENCE).await.unwrap();
    for number in 5..10 {
        network.start(number, [1], TARGET).unwrap();
    }
    network.settled(TARGET, PATIENCE).await.unwrap();
    recordings
}

async fn end<T: Transport<Stream: std::fmt::Debug>>(mut network: Network<T>, mut recordings: Vec<Vec<u8>>) {
    for number in 1..=NODES {
        recordings.push(network.stop(number).await);
    }
    assert_eq!(recordings.len(), 35);
    for recording in recordings {
        assert!(replay(&recording) > 10);
    }
}

#[tokio::test]
async fn all_reach_their_target_and_get_back_to_it() {
    let mut network = Network::new(Tcp);
    let recordings = gone_and_back(&mut network).await;
    end(network, recordings).await;
}

/// Time passes as soon as nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_day_passes_in_a_moment() {
    let mut network = Network::new(Memory::default());
    let recordings = gone_and_back(&mut network).await;
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    assert!(network.settled(TARGET, PATIENCE).await.is_some());
    end(network, recordings).await;
}
