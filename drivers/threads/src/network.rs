//! Many nodes in one process, each with a loopback address of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dialstate::{Config, Dialer};
use rand_chacha::ChaCha8Rng;

use crate::driver::Id;
use crate::node::Node;

/// What each node has said last: its dynamic peers, and all its peers.
type Nodes = BTreeMap<Id, (u32, BTreeSet<Id>)>;

/// Where all nodes of a process write how they are.
#[derive(Debug, Default)]
pub struct Board {
    nodes: Mutex<Nodes>,
    changed: Condvar,
}

impl Board {
    pub(crate) fn note(&self, id: Id, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>) {
        let now = (dialer.gauges().dynamic_peers, dialer.peers().map(|peer| peer.id).collect());
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
        self.changed.notify_all();
    }

    /// Waits until it is so. Returns how long that took, or nothing if it was not so for a long time.
    #[must_use]
    pub fn until(&self, so: impl Fn(&Nodes) -> bool, patience: Duration) -> Option<Duration> {
        let begun = Instant::now();
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(nodes, patience, |nodes| !so(nodes));
        let (_nodes, ended) = waited.unwrap_or_else(PoisonError::into_inner);
        (!ended.timed_out()).then(|| begun.elapsed())
    }
}

/// The nodes that run.
#[derive(Debug, Default)]
pub struct Network {
    /// Each with its number.
    pub nodes: BTreeMap<u16, Node>,
    /// Where they write how they are.
    pub board: Arc<Board>,
}

/// Where a node listens. By the process, so that two of them can run at the same time.
fn addr(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    let [.., process] = std::process::id().to_be_bytes();
    (Ipv4Addr::new(127, process | 128, high, low), 30_303).into()
}

fn id(number: u16) -> Id {
    // Spread over the circle of ids.
    let mut id = [0; 32];
    let [high, low] = number.wrapping_mul(40_503).to_be_bytes();
    (id[0], id[1]) = (high, low);
    id
}

impl Network {
    /// Starts a node that knows those with the numbers `known`.
    ///
    /// # Errors
    /// Its address is in use.
    pub fn start(
        &mut self,
        number: u16,
        known: impl IntoIterator<Item = u16>,
        target: u32,
    ) -> io::Result<()> {
        let known: Vec<_> =
            known.into_iter().filter(|known| *known != number).map(|n| (id(n), addr(n))).collect();
        let config = Config::default().with_dynamic_target(target);
        self.nodes.insert(number, Node::start(id(number), addr(number), &known, config, &self.board)?);
        Ok(())
    }

    /// Stops a node, as if it had crashed. Returns its recording.
    pub fn stop(&mut self, number: u16) -> Vec<u8> {
        let recording = self.nodes.remove(&number).map(Node::stop).unwrap_or_default();
        self.board.nodes.lock().unwrap_or_else(PoisonError::into_inner).remove(&id(number));
        recording
    }

    /// Waits until all nodes are at their target, or connected with all others as a bootnode may be, and the two ends of each connection agree on it. Returns how long that took.
    #[must_use]
    pub fn settled(&self, target: u32, patience: Duration) -> Option<Duration> {
        let all: BTreeSet<Id> = self.nodes.values().map(|node| node.id).collect();
        self.board.until(
            |nodes| {
                let has = |of: &Id, peer: &Id| nodes.get(of).is_some_and(|(_, peers)| peers.contains(peer));
                nodes.len() == all.len()
                    && nodes.iter().all(|(id, (dynamic, peers))| {
                        (*dynamic == target || peers.len() + 1 == all.len())
                            && peers.iter().all(|peer| all.contains(peer) && has(peer, id))
                    })
            },
            patience,
        )
    }
}
