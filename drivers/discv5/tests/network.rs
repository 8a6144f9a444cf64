//! Networks of nodes with real sockets: they reach their targets, get back to them, and what their dialers did can be
//! repeated without any socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this is a test")]

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dialstate::record::{RecordedStep, Recording};
use dialstate::{Command, Dialer, Event};
use dialstate_discv5::network::{Network, Statuses, options};
use dialstate_discv5::{Error, Id, Options};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

const NODES: u8 = 25;
const TARGET: u32 = 6;

/// Far more than it takes, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(120);

type Step = RecordedStep<Id, SocketAddr>;

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
    fn record(&self, options: Options) -> Options {
        Options { recording: Some(Box::new(self.clone())), ..options }
    }

    /// Tells a new dialer the same events: it has to give the same commands. Returns all steps.
    fn replay(&self) -> Vec<Step> {
        let bytes = self.0.lock().unwrap();
        let recording = Recording::<Id, SocketAddr>::open(&bytes).unwrap();
        let header = recording.header();
        let rng = header.seed.rng::<ChaCha8Rng>().unwrap();
        let mut dialer = Dialer::new(header.me, header.config.clone(), rng, header.start).unwrap();
        let steps: Vec<Step> = recording.map(Result::unwrap).collect();
        for step in &steps {
            match step {
                // What was refused then is refused again, and that changes the state in the same way.
                RecordedStep::Event(now, event) => drop(dialer.handle(*now, event.clone())),
                RecordedStep::Command(command) => assert_eq!(dialer.poll(), *command),
            }
        }
        steps
    }
}

#[tokio::test]
async fn all_reach_their_target_and_get_back_to_it() -> Result<(), Error> {
    let mut network = Network::default();
    let mut tapes = Vec::new();
    for number in 1..=NODES {
        let tape = Tape::default();
        network.add(tape.record(options(number, TARGET, network.bootnodes())?)).await?;
        tapes.push(tape);
    }
    timeout(PATIENCE, network.settled(TARGET as usize)).await?;

    // The bootnode is one of those that go.
    for (node, _) in network.nodes.drain(..5) {
        node.stop().await?;
    }
    timeout(PATIENCE, network.settled(TARGET as usize)).await?;

    for (node, _) in network.nodes.drain(..) {
        node.stop().await?;
    }
    for tape in tapes {
        assert!(tape.replay().len() > 50);
    }
    Ok(())
}

/// A node moves to another port. One that is to stay connected to it, and hears of nobody by itself, asks for its new
/// address and gets it.
#[tokio::test]
async fn a_node_that_moves_is_found_again() -> Result<(), Error> {
    let mut network = Network::default();
    network.start(100..109, 3).await?;
    let (moving, _) = network.nodes.pop().unwrap();
    let (id, old) = (moving.id(), moving.record().tcp4().unwrap());

    let tape = Tape::default();
    let mut keeper = tape.record(options(109, 0, network.bootnodes())?);
    keeper.statics = vec![moving.record().clone()];
    keeper.config.backoff.static_first = Duration::from_millis(100);
    keeper.config.resolves.delay = Duration::from_secs(1);
    network.add(keeper).await?;
    let keeper = network.nodes.last().unwrap().0.id();
    let port =
        |all: &Statuses| all[&keeper].peers.get(&id).and_then(|(_, addr)| addr.map(|addr| addr.port()));
    timeout(PATIENCE, network.until(|all| port(all) == Some(old))).await?;

    moving.stop().await?;
    let new = if old == u16::MAX { old - 1 } else { old + 1 };
    network.add(Options { seq: 2, port: new, ..options(108, 3, network.bootnodes())? }).await?;
    timeout(PATIENCE, network.until(|all| port(all) == Some(new))).await?;

    for (node, _) in network.nodes.drain(..) {
        node.stop().await?;
    }
    let steps = tape.replay();
    let asked = |step: &Step| matches!(step, Step::Command(Command::Resolve { id: of, .. }) if *of == id);
    let answered = |step: &Step| {
        matches!(step, Step::Event(_, Event::ResolveFinished { addrs, .. })
        if addrs.iter().any(|addr| addr.port() == new))
    };
    let heard =
        |step: &Step| matches!(step, Step::Event(_, Event::NodeDiscovered { node, .. }) if node.id == id);
    let first = |what: &dyn Fn(&Step) -> bool| steps.iter().position(what);
    let asked = first(&asked).unwrap();
    assert!(first(&heard).is_none_or(|heard| asked < heard), "it was asked for before it was heard of");
    assert!(first(&answered).is_some_and(|answered| asked < answered));
    Ok(())
}
