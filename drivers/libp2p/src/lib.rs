//! A libp2p behaviour that keeps a swarm at its outbound target.
//!
//! A libp2p [`Swarm`](libp2p_swarm::Swarm) dials whom it is told to dial. [`Behaviour`] says whom, and when: it keeps a
//! number of outbound peers, chooses the next candidate when one is lost, waits longer after each failure, spreads peers
//! over subnets, limits the rate of dials, and notices when this host is offline. All of this is decided by
//! [`dialstate`], a dialer without I/O; this crate connects it to the swarm.
//!
//! # Quick start
//!
//! Identify tells the dialer of the addresses of peers, and kademlia answers its lookups (with the feature `kad`):
//!
//! ```no_run
//! use dialstate_libp2p::{Behaviour as Dialer, Config, kad::Queries};
//! use futures::StreamExt;
//! use libp2p::kad::{self, store::MemoryStore};
//! use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
//! use libp2p::{Multiaddr, PeerId, identify, noise, tcp, yamux};
//!
//! #[derive(NetworkBehaviour)]
//! struct Node {
//!     dialer: Dialer,
//!     identify: identify::Behaviour,
//!     kad: kad::Behaviour<MemoryStore>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bootnode = PeerId::random();
//! # let address: Multiaddr = "/ip4/203.0.113.1/tcp/4001".parse()?;
//! let mut swarm = libp2p::SwarmBuilder::with_new_identity()
//!     .with_tokio()
//!     .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
//!     .with_behaviour(|key| {
//!         let me = key.public().to_peer_id();
//!         Ok(Node {
//!             dialer: Dialer::new(me, Config::default().with_dynamic_target(8))?,
//!             identify: identify::Behaviour::new(identify::Config::new("/my-app/1".into(), key.public())),
//!             kad: kad::Behaviour::new(me, MemoryStore::new(me)),
//!         })
//!     })?
//!     .build();
//! swarm.listen_on("/ip4/0.0.0.0/tcp/4001".parse()?)?;
//! swarm.behaviour_mut().kad.add_address(&bootnode, address);
//!
//! let mut queries = Queries::default();
//! loop {
//!     let event = swarm.select_next_some().await;
//!     let Node { dialer, kad, .. } = swarm.behaviour_mut();
//!     match event {
//!         SwarmEvent::Behaviour(NodeEvent::Dialer(event)) => queries.on_event(&event, kad),
//!         SwarmEvent::Behaviour(NodeEvent::Kad(event)) => queries.on_kad_event(&event, dialer),
//!         SwarmEvent::Behaviour(NodeEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
//!             for addr in info.listen_addrs {
//!                 kad.add_address(&peer_id, addr);
//!             }
//!         }
//!         _ => {}
//!     }
//! }
//! # }
//! ```
//!
//! Without kademlia, tell it of peers with [`Behaviour::add_address`], and either answer its [`Event`]s from whatever
//! discovery there is, or turn them off with [`Config::discovery`](dialstate::Config::discovery). An event that is not
//! answered holds up the next lookup until its deadline, 30 seconds by default.
//!
//! # Beside other behaviours
//!
//! - **Connections that other behaviours dial** don't count towards the target by themselves, so a burst of queries
//!   does not fill it. When the dialer comes to choose a peer to which there is such a connection, or to which another
//!   behaviour is dialing, it takes that over instead of dialing again. If it gives it up later, it leaves it open for the
//!   behaviour that had dialed it. [`Event::Adopted`] and [`Event::Released`] say so.
//!   [`Behaviour::with_foreign_reported`] has another way.
//! - **Bans and the restrict list** hold for what the dialer dials, for inbound connections and for those that it took over;
//!   not for other connections of other behaviours.
//! - **Peers** of which any behaviour tells the swarm with `NewExternalAddrOfPeer` become candidates. Identify does so for
//!   all that it talks with. Of each peer 4 addresses are kept; where peers listen on many transports and interfaces, set
//!   [`Config::with_max_addrs`](dialstate::Config::with_max_addrs) higher.
//! - **Keep-alive.** Connections that the dialer wanted stay open even if no other behaviour uses them. Inbound ones stay,
//!   too: the side that has dialed decides, so that two nodes with this behaviour agree.
//!   [`Behaviour::with_inbound_keep_alive`] changes that. Limit inbound connections with `libp2p-connection-limits`.
//! - **Limits and block lists.** A dial that `libp2p-connection-limits` denies is an error of this host: dials pause, and no
//!   peer is blamed. A peer that another behaviour denies is left alone for a long time.
//! - **If both sides dial at once**, there are two connections. The one that the smaller peer id has dialed stays, and that
//!   peer closes the other: it alone knows that its own is not just one of kademlia, say. Dials go out from a new port,
//!   since from the listening ports the two would meet as one connection without a listener, and fail.
//!
//! # What a dial says about an address
//!
//! | error of libp2p | outcome |
//! |---|---|
//! | connection refused | `Refused` |
//! | timeout | `TimedOut` |
//! | connection reset, host or network unreachable, transport not supported | `Unreachable` |
//! | no file descriptor or local address left, denied by `libp2p-connection-limits` | `LocalError` |
//! | another peer id, or our own | `WrongIdentity` |
//! | denied by another behaviour | `Useless` |
//! | anything else: noise, multistream … | `HandshakeFailed` |
//!
//! The addresses of a peer are handed to the swarm together, best first, so the order and number of concurrent
//! attempts are those of its configuration; `Config::stagger` is not used.
//!
//! # Recording
//!
//! With the feature `record`, [`Behaviour::recorded`] with a `BinarySink` writes down what the dialer is told and answers.
//! The recording can be replayed, explained and minimized elsewhere, without a swarm: see `dialstate::record`.

mod behaviour;
mod connections;
mod dials;
mod handler;
mod id;
#[cfg(feature = "kad")]
pub mod kad;
mod outcome;

pub use behaviour::{Behaviour, Event};
pub use dialstate;
pub use handler::{Handler, KeepAlive};
pub use id::{Addr, Id, node};

/// The config of the dialer: the target, and every constant of its rules.
pub type Config = dialstate::Config<Id, Addr>;
