//! Swarms over real sockets: they reach their targets, get back to them, and what their dialers did can be repeated without
//! any socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this is a test")]

#[path = "../examples/swarms/network.rs"]
mod network;

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dialstate_libp2p::dialstate::record::{ReadErrorKind, RecordedStep, Recording};
use dialstate_libp2p::dialstate::{Command, Dialer, Event};
use dialstate_libp2p::{Addr, Id};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

use network::{Network, Options};

/// Far more than it takes, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(120);

type Step = RecordedStep<Id, Addr>;

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
    /// Tells a new dialer the same events: it has to give the same commands. Returns all steps.
    fn replay(&self) -> Vec<Step> {
        let bytes = self.0.lock().unwrap();
        let recording = Recording::<Id, Addr>::open(&bytes).unwrap();
        let header = recording.header();
        let rng = header.seed.rng::<ChaCha8Rng>().unwrap();
        let mut dialer = Dialer::new(header.me, header.config.clone(), rng, header.start).unwrap();
        let mut steps = Vec::new();
        for step in recording {
            let step = match step {
                // A swarm never gives its behaviours back, so that nobody can say that the recording is complete.
                Err(error) if error.kind == ReadErrorKind::Unfinished => break,
                step => step.unwrap(),
            };
            match &step {
                // What was refused then is refused again, and that changes the state in the same way.
                RecordedStep::Event(now, event) => drop(dialer.handle(*now, event.clone())),
                RecordedStep::Command(command) => assert_eq!(dialer.poll(), *command),
            }
            steps.push(step);
        }
        steps
    }
}

#[tokio::test]
async fn all_reach_their_target_and_get_back_to_it() -> Result<(), Box<dyn Error>> {
    const TARGET: usize = 4;
    let (mut network, mut tapes) = (Network::default(), Vec::new());
    for number in 0..20 {
        let tape = Tape::default();
        let recording = Some(Box::new(tape.clone()) as Box<_>);
        network.add(Options { recording, ..network.options(number, TARGET)? }).await?;
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
        assert!(tape.replay().len() > 50);
    }
    Ok(())
}

/// A peer is to stay connected of which only the id is known: its address is found with kademlia.
#[tokio::test]
async fn a_peer_is_found_by_its_id() -> Result<(), Box<dyn Error>> {
    let mut network = Network::default();
    for number in 0..8 {
        network.add(network.options(number, 2)?).await?;
    }
    timeout(PATIENCE, network.at_target(2)).await?;

    let (tape, wanted) = (Tape::default(), network.nodes[5].peer);
    let recording = Some(Box::new(tape.clone()) as Box<_>);
    let mut options = Options { keep: vec![wanted], recording, ..network.options(8, 0)? };
    options.config.resolves.delay = Duration::from_secs(1);
    network.add(options).await?;
    let seeker = network.nodes[8].peer;
    timeout(PATIENCE, network.until(|all| all[&seeker].get(&wanted) == Some(&true))).await?;

    network.kill(9).await?;
    let steps = tape.replay();
    let first = |what: &dyn Fn(&Step) -> bool| steps.iter().position(what).unwrap();
    let asked =
        first(&|step| matches!(step, Step::Command(Command::Resolve { id, .. }) if id.peer_id() == wanted));
    let told = |event: &Event<Id, Addr>| match event {
        Event::ResolveFinished { addrs, .. } => !addrs.is_empty(),
        // It may have come by itself in the meantime, for a query of its own.
        Event::PeerAdded { id, .. } => id.peer_id() == wanted,
        _ => false,
    };
    assert!(asked < first(&|step| matches!(step, Step::Event(_, event) if told(event))));
    Ok(())
}
