//! Swarms over real sockets: they reach their targets, get back to them, and what their dialers did can be repeated without
//! any socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this is a test")]

#[path = "../examples/swarms/network.rs"]
mod network;

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dialstate_libp2p::dialstate::Dialer;
use dialstate_libp2p::dialstate::record::{ReadErrorKind, RecordedStep, Recording};
use dialstate_libp2p::{Addr, Id};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

use network::Network;

/// Far more than it takes, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(120);

/// The bytes of a recording.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tape {
    /// Tells a new dialer the same events: it has to give the same commands. Returns how many there were.
    fn replay(&self) -> usize {
        let bytes = self.0.lock().unwrap();
        let recording = Recording::<Id, Addr>::open(&bytes).unwrap();
        let header = recording.header();
        let rng = header.seed.rng::<ChaCha8Rng>().unwrap();
        let mut dialer = Dialer::new(header.me, header.config.clone(), rng, header.start).unwrap();
        let mut commands = 0;
        for step in recording {
            // A swarm never gives its behaviours back, so that nobody can say that the recording is complete.
            let step = match step {
                Err(error) if error.kind == ReadErrorKind::Unfinished => break,
                step => step.unwrap(),
            };
            match step {
                // What was refused then is refused again, and that changes the state in the same way.
                RecordedStep::Event(now, event) => drop(dialer.handle(now, event)),
                RecordedStep::Command(command) => {
                    assert_eq!(dialer.poll(), command);
                    commands += 1;
                }
            }
        }
        commands
    }
}

#[tokio::test]
async fn all_reach_their_target_and_get_back_to_it() -> Result<(), Box<dyn Error>> {
    const TARGET: usize = 4;
    let (mut network, mut tapes) = (Network::default(), Vec::new());
    for number in 0..20 {
        let tape = Tape::default();
        network.add(number, TARGET, Some(Box::new(tape.clone()))).await?;
        tapes.push(tape);
    }
    timeout(PATIENCE, network.at_target(TARGET)).await?;
    timeout(PATIENCE, network.agreed()).await?;

    // The bootnode is one of those that go.
    network.kill(5).await?;
    timeout(PATIENCE, network.at_target(TARGET)).await?;
    timeout(PATIENCE, network.agreed()).await?;

    network.kill(15).await?;
    for tape in tapes {
        assert!(tape.replay() > 20);
    }
    Ok(())
}
