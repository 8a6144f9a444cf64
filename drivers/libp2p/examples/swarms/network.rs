//! Swarms in one process: identify and kademlia tell each of them of others, and the dialer keeps each at its target.

#![allow(dead_code, unreachable_pub, reason = "the example and a test use it")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use dialstate_libp2p::dialstate::record::BinarySink;
use dialstate_libp2p::dialstate::{Peer, PeerKind, Stats};
use dialstate_libp2p::{Addr, Behaviour, Config, Event, Id, kad::Queries, node};
use futures::StreamExt;
use futures::future::select_all;
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, kad, noise, tcp, yamux};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// The behaviours of a swarm. The order does not matter.
#[derive(NetworkBehaviour)]
pub struct Behaviours {
    dialer: Behaviour<Recording>,
    identify: identify::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
}

type WriteFn = dyn FnMut(&[u8]) -> io::Result<()> + Send;
type Recording = Option<BinarySink<Box<WriteFn>, io::Error>>;

/// What a node is made from.
pub struct Options {
    pub key: Keypair,
    pub config: Config,
    pub seed: [u8; 32],
    /// A peer by which it finds others.
    pub bootnode: Option<(PeerId, Multiaddr)>,
    /// Peers to stay connected to. Their addresses are to be found.
    pub keep: Vec<PeerId>,
    /// Whether connections that kademlia dials are reported to the dialer, instead of taken over.
    pub foreign_reported: bool,
    /// Where its dialer is recorded.
    pub recording: Option<Box<dyn Write + Send>>,
}

/// A running node.
pub struct Node {
    pub peer: PeerId,
    pub addr: Multiaddr,
    pub status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Stats>,
}

/// What a node has reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Where it listens.
    pub addr: Option<Multiaddr>,
    /// Its peers, and whether it has dialed them. Those that kademlia has dialed are left out.
    pub peers: BTreeMap<PeerId, bool>,
    pub stats: Stats,
    /// How often the time of a `Sleep` has come.
    pub wakeups: u64,
    /// How many connections came up beside one with the same peer.
    pub seconds: u64,
}

impl Node {
    /// Starts a node on a task of its own.
    pub async fn start(options: Options) -> Result<Self, Box<dyn Error>> {
        let bootnode = options.bootnode.clone();
        let mut swarm = swarm(options)?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let peer = *swarm.local_peer_id();
        let (stop, stopped) = oneshot::channel();
        let (show, mut status) = watch::channel(Status::default());
        let task = tokio::spawn(run(swarm, bootnode, show, stopped));
        let addr = status.wait_for(|status| status.addr.is_some()).await?.addr.clone();
        let addr = addr.ok_or("it listens nowhere")?;
        Ok(Self { peer, addr, status, stop, task })
    }

    /// Stops the node: its connections break.
    pub async fn stop(self) -> Result<Stats, Box<dyn Error>> {
        // If nobody listens, the task has failed, and says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

fn swarm(options: Options) -> Result<Swarm<Behaviours>, Box<dyn Error>> {
    let Options { key, config, seed, bootnode, keep, foreign_reported, recording } = options;
    let swarm = libp2p::SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            let me = key.public().to_peer_id();
            let sink = recording.map(|mut out| {
                let write: Box<WriteFn> = Box::new(move |bytes| out.write_all(bytes));
                BinarySink::new(write)
            });
            let dialer = Behaviour::recorded(me, config, seed, sink)?;
            let mut dialer = dialer.with_foreign_reported(foreign_reported);
            for peer in keep {
                dialer.keep_connected(node(peer, []))?;
            }
            let identify = identify::Config::new("/dialstate-example/1".into(), key.public());
            let mut kad = kad::Behaviour::new(me, MemoryStore::new(me));
            kad.set_mode(Some(kad::Mode::Server));
            if let Some((peer, addr)) = bootnode {
                kad.add_address(&peer, addr);
            }
            Ok(Behaviours { dialer, identify: identify::Behaviour::new(identify), kad })
        })?
        // Connections of kademlia close soon when they are idle. Those of the dialer stay.
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(1)))
        .build();
    Ok(swarm)
}

async fn run(
    mut swarm: Swarm<Behaviours>,
    bootnode: Option<(PeerId, Multiaddr)>,
    show: watch::Sender<Status>,
    mut stopped: oneshot::Receiver<()>,
) -> Stats {
    let (mut queries, mut seconds) = (Queries::default(), 0);
    loop {
        let event = tokio::select! {
            _ = &mut stopped => break,
            event = swarm.select_next_some() => event,
        };
        let Behaviours { dialer, kad, .. } = swarm.behaviour_mut();
        match event {
            SwarmEvent::Behaviour(BehavioursEvent::Dialer(event)) => {
                // A kademlia that knows nobody finds nobody: it is told of the bootnode again.
                if let (Event::Lookup { .. }, Some((peer, addr))) = (&event, &bootnode) {
                    kad.add_address(peer, addr.clone());
                }
                queries.on_event(&event, kad);
            }
            SwarmEvent::Behaviour(BehavioursEvent::Kad(event)) => queries.on_kad_event(&event, dialer),
            SwarmEvent::Behaviour(BehavioursEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                for addr in info.listen_addrs {
                    kad.add_address(&peer_id, addr);
                }
            }
            SwarmEvent::ConnectionEstablished { num_established, .. } if num_established.get() > 1 => {
                seconds += 1
            }
            _ => {}
        }
        let (wakeups, dialer) = (dialer.wakeups(), dialer.dialer());
        let dialed = |peer: Peer<Id, Addr>| match peer.kind {
            PeerKind::Outbound(_) => Some((peer.id.peer_id(), true)),
            PeerKind::Inbound => Some((peer.id.peer_id(), false)),
            PeerKind::External => None,
        };
        let peers = dialer.peers().filter_map(dialed).collect();
        let stats = dialer.stats().clone();
        let status = Status { addr: swarm.listeners().next().cloned(), peers, stats, wakeups, seconds };
        show.send_if_modified(|shown| {
            let changed = *shown != status;
            *shown = status;
            changed
        });
    }
    swarm.behaviour().dialer.dialer().stats().clone()
}

/// Nodes in one process. The first that was ever started is the bootnode of all others.
#[derive(Default)]
pub struct Network {
    pub nodes: Vec<Node>,
    bootnode: Option<(PeerId, Multiaddr)>,
}

impl Network {
    /// What most nodes are made from: key and seed follow from the number.
    pub fn options(&self, number: u8, target: usize) -> Result<Options, Box<dyn Error>> {
        let mut key = [number; 32];
        key[0] = 1;
        Ok(Options {
            key: Keypair::ed25519_from_bytes(key)?,
            config: Config::default().with_dynamic_target(target as u32),
            seed: [number; 32],
            bootnode: self.bootnode.clone(),
            keep: Vec::new(),
            foreign_reported: false,
            recording: None,
        })
    }

    /// Starts a node.
    pub async fn add(&mut self, options: Options) -> Result<(), Box<dyn Error>> {
        let node = Node::start(options).await?;
        self.bootnode.get_or_insert_with(|| (node.peer, node.addr.clone()));
        self.nodes.push(node);
        Ok(())
    }

    /// Stops the first few nodes.
    pub async fn kill(&mut self, count: usize) -> Result<(), Box<dyn Error>> {
        for node in self.nodes.drain(..count) {
            node.stop().await?;
        }
        Ok(())
    }

    /// Waits until every node has dialed as many peers as it wants, or is connected to all others and has nobody left to
    /// dial. All of these peers are alive, and know of it.
    pub async fn at_target(&mut self, target: usize) {
        self.until(|all| {
            all.iter().all(|(me, peers)| {
                let dialed: Vec<_> =
                    peers.iter().filter(|(_, dialed)| **dialed).map(|(peer, _)| peer).collect();
                let known = |peer: &PeerId| all.get(peer).is_some_and(|there| there.get(me) == Some(&false));
                let everybody = || all.keys().all(|other| other == me || peers.contains_key(other));
                (dialed.len() == target || everybody()) && dialed.into_iter().all(known)
            })
        })
        .await;
    }

    /// Waits until every connection of which one end knows is known to the other, as that of the other side. So those are
    /// gone that kademlia had opened, and of two between the same nodes one.
    pub async fn agreed(&mut self) {
        self.until(|all| {
            all.iter().all(|(me, peers)| {
                peers.iter().all(|(peer, dialed)| {
                    let there = all.get(peer).and_then(|of| of.get(me));
                    there.is_some_and(|there| there != dialed)
                })
            })
        })
        .await;
    }

    /// What each node has reached.
    pub fn statuses(&self) -> impl Iterator<Item = watch::Ref<'_, Status>> {
        self.nodes.iter().map(|node| node.status.borrow())
    }

    /// How often the dialers have woken up that have as many outbound peers as they want, and how often all others.
    pub fn wakeups(&self, target: usize) -> (u64, u64) {
        let full = |of: &Status| of.peers.values().filter(|dialed| **dialed).count() == target;
        let of = |at| self.statuses().filter(|of| full(of) == at).map(|of| of.wakeups).sum();
        (of(true), of(false))
    }

    /// Waits until the peers of all nodes are as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Peers) -> bool) {
        loop {
            let one = |node: &mut Node| (node.peer, node.status.borrow_and_update().peers.clone());
            if wanted(&self.nodes.iter_mut().map(one).collect()) {
                return;
            }
            let changes = self.nodes.iter_mut().map(|node| Box::pin(node.status.changed()));
            // A node that has failed shows that when it is stopped.
            let _ = select_all(changes).await;
        }
    }
}

/// The peers of each node, and whether it has dialed them.
pub type Peers = BTreeMap<PeerId, BTreeMap<PeerId, bool>>;
