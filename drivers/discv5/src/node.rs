//! A node: what it is made from, what it shows, and what it leaves behind.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use dialstate::Stats;
use dialstate::prelude::*;
use dialstate::record::BinarySink;
use discv5::Enr;
use enr::CombinedKey;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::discovery::{self, Discovery};
use crate::driver::{Driver, Recorded, WriteFn};
use crate::{Error, Id};

/// What a node is made from.
pub struct Options {
    /// The key of its record.
    pub key: CombinedKey,
    /// The number of its record, to be increased whenever its address changes.
    pub seq: u64,
    /// The address on which it listens.
    pub ip: Ipv4Addr,
    /// The port, for UDP and TCP. With 0 the system chooses one that is free for TCP.
    pub port: u16,
    /// The nodes through which it finds others.
    pub bootnodes: Vec<Enr>,
    /// Nodes to stay connected to.
    pub statics: Vec<Enr>,
    /// The config of its dialer.
    pub config: DialerConfig<Id, SocketAddr>,
    /// The seed of its dialer. Keep it secret where others could choose their ids by it.
    pub seed: [u8; 32],
    /// Where its dialer is recorded.
    pub recording: Option<Box<dyn Write + Send>>,
}

impl fmt::Debug for Options {
    /// Without the key and the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("ip", &self.ip).field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    record: Enr,
    status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Stats>,
}

/// What a node has reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The connections, each with the side that opened it and the remote address.
    pub peers: BTreeMap<Id, (PeerKind, Option<SocketAddr>)>,
    /// How often the node woke up because the time of a `Sleep` had come.
    pub wakeups: u64,
}

impl Node {
    /// Starts a node on a task of its own.
    ///
    /// # Errors
    /// Its sockets can't be opened, or its config makes no sense.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { key, seq, ip, port, bootnodes, statics, config, seed, recording } = options;
        let listener = TcpListener::bind((ip, port)).await?;
        let addr = SocketAddrV4::new(ip, listener.local_addr()?.port());
        let discovery = Discovery::start(key, seq, addr, bootnodes).await?;
        let record = discovery.record();
        let me = record.node_id().raw();
        let sink = recording.map(|mut out| {
            let write: Box<WriteFn> = Box::new(move |bytes| out.write_all(bytes));
            BinarySink::new(write)
        });
        let dialer = Recorded::new(me, config, seed, Timestamp::ZERO, sink)?;
        let (show, status) = watch::channel(Status::default());
        let (stop, stopped) = oneshot::channel();
        let mut driver = Driver::new(me, dialer, discovery, show);
        for node in statics.iter().filter_map(discovery::node) {
            driver.tell(DialerEvent::StaticAdded(node))?;
        }
        let task = tokio::spawn(driver.run(listener, stopped));
        Ok(Self { record, status, stop, task })
    }

    /// The record by which others find this node.
    #[must_use]
    pub const fn record(&self) -> &Enr {
        &self.record
    }

    /// The id of this node.
    #[must_use]
    pub fn id(&self) -> Id {
        self.record.node_id().raw()
    }

    /// What the node has reached, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Stops the node: its connections are closed. Returns what its dialer has counted.
    ///
    /// # Errors
    /// The node has failed before.
    pub async fn stop(self) -> Result<Stats, Error> {
        // The node is gone already if nobody listens; then its task says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}
