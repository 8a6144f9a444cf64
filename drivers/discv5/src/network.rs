//! Many nodes in one process, each with a loopback address of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use dialstate::{Config, PeerKind};
use discv5::Enr;
use enr::CombinedKey;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Error, Id, Node, Options, Status};

/// The nodes that run.
#[derive(Debug, Default)]
pub struct Network {
    /// Each with the receiver of its status.
    pub nodes: Vec<(Node, watch::Receiver<Status>)>,
}

/// What most nodes are made from: the `number` gives the address, the key and the seed.
///
/// # Errors
/// 32 bytes with this value make no key: zero.
pub fn options(number: u8, target: u32, bootnodes: Vec<Enr>) -> Result<Options, Error> {
    let [.., high, low] = std::process::id().to_be_bytes();
    let key = CombinedKey::secp256k1_from_bytes(&mut [number; 32]).map_err(|error| error.to_string())?;
    Ok(Options {
        key,
        seq: 1,
        port: 0,
        // By the process, so that two of them can run at the same time.
        ip: Ipv4Addr::new(127, high | 128, low, number),
        bootnodes,
        statics: Vec::new(),
        config: Config::<Id, SocketAddr>::default().with_dynamic_target(target),
        seed: [number; 32],
        recording: None,
    })
}

impl Network {
    /// Starts nodes with these numbers. The first one ever started is the bootnode of all others.
    ///
    /// # Errors
    /// A node can't be started.
    pub async fn start(&mut self, numbers: Range<u8>, target: u32) -> Result<(), Error> {
        for number in numbers {
            self.add(options(number, target, self.bootnodes())?).await?;
        }
        Ok(())
    }

    /// The record of the first node.
    #[must_use]
    pub fn bootnodes(&self) -> Vec<Enr> {
        self.nodes.first().map(|(node, _)| node.record().clone()).into_iter().collect()
    }

    /// Starts one node.
    ///
    /// # Errors
    /// It can't be started.
    pub async fn add(&mut self, options: Options) -> Result<(), Error> {
        let node = Node::start(options).await?;
        let status = node.status();
        self.nodes.push((node, status));
        Ok(())
    }

    /// Waits until every node has so many outbound peers, and both ends of every connection know of it.
    ///
    /// No node limits its inbound peers, so some may be connected to all others before they have dialed so many. They
    /// have nobody left to dial.
    pub async fn settled(&mut self, target: usize) {
        let full = |all: &Statuses, of: &Status| outbound(of) == target || of.peers.len() + 1 == all.len();
        self.until(|all| all.values().all(|of| full(all, of)) && agreed(all)).await;
    }

    /// How often the dialers have woken up that have as many outbound peers as they want, and how often all others.
    #[must_use]
    pub fn wakeups(&self, target: usize) -> (u64, u64) {
        let statuses = || self.nodes.iter().map(|(_, status)| status.borrow().clone());
        let of = |full| statuses().filter(|of| (outbound(of) == target) == full).map(|of| of.wakeups).sum();
        (of(true), of(false))
    }

    /// Waits until the status of all nodes is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Statuses) -> bool) {
        loop {
            let one = |(node, status): &mut (Node, watch::Receiver<Status>)| {
                (node.id(), status.borrow_and_update().clone())
            };
            if wanted(&self.nodes.iter_mut().map(one).collect()) {
                return;
            }
            let mut changes = JoinSet::new();
            for (_, status) in &self.nodes {
                let mut status = status.clone();
                changes.spawn(async move { status.changed().await });
            }
            changes.join_next().await;
        }
    }
}

/// The status of each node.
pub type Statuses = std::collections::BTreeMap<Id, Status>;

/// How many of the peers were dialed.
#[must_use]
pub fn outbound(status: &Status) -> usize {
    status.peers.values().filter(|(kind, _)| *kind != PeerKind::Inbound).count()
}

/// Whether each connection is known at both ends, as outbound at one and as inbound at the other.
fn agreed(all: &Statuses) -> bool {
    all.iter().all(|(id, status)| {
        status.peers.iter().all(|(peer, (kind, _))| {
            let there = all.get(peer).and_then(|of| of.peers.get(id));
            there.is_some_and(|(there, _)| (*there == PeerKind::Inbound) != (*kind == PeerKind::Inbound))
        })
    })
}
