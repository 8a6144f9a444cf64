//! Many nodes in one process, each with a loopback address of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use dialstate::Config;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::driver::Id;
use crate::node::Node;
use crate::transport::Transport;

/// What each node has said last: its dynamic peers, and all its peers.
pub type Nodes = BTreeMap<Id, (u32, BTreeSet<Id>)>;

/// The nodes that run.
#[derive(Debug)]
pub struct Network<T> {
    /// Each with its number.
    pub nodes: BTreeMap<u16, Node>,
    transport: T,
    board: watch::Sender<Nodes>,
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

impl<T: Transport<Stream: std::fmt::Debug>> Network<T> {
    /// No nodes yet.
    pub fn new(transport: T) -> Self {
        Self { nodes: BTreeMap::new(), transport, board: watch::Sender::default() }
    }

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
        let (transport, board) = (self.transport.clone(), self.board.clone());
        let node = Node::start(id(number), addr(number), &known, config, transport, board)?;
        self.nodes.insert(number, node);
        Ok(())
    }

    /// Stops a node. Returns its recording.
    pub async fn stop(&mut self, number: u16) -> Vec<u8> {
        let Some(node) = self.nodes.remove(&number) else { return Vec::new() };
        let recording = node.stop().await;
        self.board.send_modify(|nodes| drop(nodes.remove(&id(number))));
        recording
    }

    /// Waits until all nodes are at their target, or connected with all others as a bootnode may be, and the two ends of each
    /// connection agree on it. Returns how long that took.
    pub async fn settled(&self, target: u32, patience: Duration) -> Option<Duration> {
        let (begun, mut board) = (Instant::now(), self.board.subscribe());
        let all: BTreeSet<Id> = self.nodes.values().map(|node| node.id).collect();
        let settled = board.wait_for(|nodes| {
            let has = |of: &Id, peer: &Id| nodes.get(of).is_some_and(|(_, peers)| peers.contains(peer));
            nodes.len() == all.len()
                && nodes.iter().all(|(id, (dynamic, peers))| {
                    (*dynamic == target || peers.len() + 1 == all.len())
                        && peers.iter().all(|peer| all.contains(peer) && has(peer, id))
                })
        });
        timeout(patience, settled).await.ok()?.ok()?;
        Some(begun.elapsed())
    }
}
