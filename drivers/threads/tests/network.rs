//! Nodes with real sockets: they reach their targets, get back to them, and what their dialers did can be repeated without any
//! socket.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::Dialer;
use dialstate::record::{RecordedStep, Recording};
use dialstate_threads::driver::Id;
use dialstate_threads::network::Network;
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

#[test]
fn all_reach_their_target_and_get_back_to_it() {
    let mut network = Network::default();
    let mut recordings = Vec::new();
    for number in 1..=NODES {
        network.start(number, [1], TARGET).unwrap();
    }
    network.settled(TARGET, PATIENCE).unwrap();
    for number in 5..10 {
        recordings.push(network.stop(number));
    }
    network.settled(TARGET, PATIENCE).unwrap();
    for number in 5..10 {
        network.start(number, [1], TARGET).unwrap();
    }
    network.settled(TARGET, PATIENCE).unwrap();
    recordings.extend((1..=NODES).map(|number| network.stop(number)));
    assert_eq!(recordings.len(), 35);
    for recording in recordings {
        assert!(replay(&recording) > 10);
    }
}
