//! Swarms in one process: identify and kademlia tell each of them of others, and the dialer keeps each at its target.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use dialstate_libp2p::dialstate::record::BinarySink;
use dialstate_libp2p::dialstate::{Gauges, Stats};
use dialstate_libp2p::{Addr, Behaviour, Config, kad::Queries};
use futures::StreamExt;
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
    pub gauges: Gauges,
    pub wakeups: u64,
}

impl Node {
    /// Starts a node on a task of its own.
    pub async fn start(options: Options) -> Result<Self, Box<dyn Error>> {
        let mut swarm = swarm(options)?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let peer = *swarm.local_peer_id();
        let (stop, stopped) = oneshot::channel();
        let (show, mut status) = watch::channel(Status::default());
        let task = tokio::spawn(run(swarm, show, stopped));
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
    let Options { key, config, seed, bootnode, recording } = options;
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
    show: watch::Sender<Status>,
    mut stopped: oneshot::Receiver<()>,
) -> Stats {
    let mut queries = Queries::default();
    loop {
        let event = tokio::select! {
            _ = &mut stopped => break,
            event = swarm.select_next_some() => event,
        };
        let Behaviours { dialer, kad, .. } = swarm.behaviour_mut();
        match event {
            SwarmEvent::Behaviour(BehavioursEvent::Dialer(event)) => queries.on_event(&event, kad),
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
            _ => {}
        }
        let (gauges, wakeups) = (dialer.dialer().gauges(), dialer.wakeups());
        let status = Status { addr: swarm.listeners().next().cloned(), gauges, wakeups };
        show.send_if_modified(|shown| {
            let changed = *shown != status;
            *shown = status;
            changed
        });
    }
    swarm.behaviour().dialer.dialer().stats().clone()
}
