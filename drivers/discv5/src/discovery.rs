//! What the node asks of discv5: to begin, to look for nodes near a target, and to find the record of one node.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};

use dialstate::Node;
use discv5::{ConfigBuilder, Discv5, Enr, Event, ListenConfig};
use enr::{CombinedKey, NodeId};
use tokio::sync::mpsc;

use crate::{Error, Id};

/// A discv5 service, with the newest record of each node that it told of.
pub(crate) struct Discovery {
    service: Discv5,
    events: mpsc::Receiver<Event>,
    bootnodes: Vec<Enr>,
    newest: BTreeMap<Id, Enr>,
}

impl Discovery {
    /// Starts the service on the UDP port of `addr`, with a record that names `addr` for UDP and for TCP.
    ///
    /// `seq` must grow with every change of the address: of two records of a node the one with the larger number counts.
    pub(crate) async fn start(
        key: CombinedKey,
        seq: u64,
        addr: SocketAddrV4,
        bootnodes: Vec<Enr>,
    ) -> Result<Self, Error> {
        let (ip, port) = (*addr.ip(), addr.port());
        let record = Enr::builder().seq(seq).ip4(ip).udp4(port).tcp4(port).build(&key)?;
        // Loopback addresses are used as they are: nobody outside could tell us our address.
        let config = ConfigBuilder::new(ListenConfig::Ipv4 { ip, port }).disable_enr_update().build();
        let mut service = Discv5::new(record, key, config)?;
        service.start().await.map_err(failure)?;
        let events = service.event_stream().await.map_err(failure)?;
        Ok(Self { service, events, bootnodes, newest: BTreeMap::new() })
    }

    /// The record of this node.
    pub(crate) fn record(&self) -> Enr {
        self.service.local_enr()
    }

    /// The nodes nearest to a target. Known bootnodes are asked, too, also if they were offline for a while.
    pub(crate) fn find(&self, target: [u8; 32]) -> impl Future<Output = Vec<Enr>> + Send + use<> {
        for record in &self.bootnodes {
            // Refused for our own record, and if the table has no room for it. Neither matters.
            let _ = self.service.add_enr(record.clone());
        }
        let query = self.service.find_node(NodeId::new(&target));
        async { query.await.unwrap_or_default() }
    }

    /// The next record that was heard of, unless a newer one of the same node is known.
    pub(crate) async fn discovered(&mut self) -> Option<Enr> {
        loop {
            let event = self.events.recv().await?;
            if let Event::Discovered(record) | Event::SessionEstablished(record, _) = event
                && self.is_news(&record)
            {
                return Some(record);
            }
        }
    }

    /// Keeps a record if it is newer than the one that is kept.
    pub(crate) fn is_news(&mut self, record: &Enr) -> bool {
        let id = record.node_id().raw();
        let news = self.newest.get(&id).is_none_or(|known| known.seq() < record.seq());
        if news {
            self.newest.insert(id, record.clone());
        }
        news
    }

    /// The address in the newest record of a node.
    pub(crate) fn address(&self, id: &Id) -> Option<SocketAddr> {
        self.newest.get(id).and_then(address)
    }

    /// A record is not needed any more.
    pub(crate) fn forget(&mut self, id: &Id) {
        self.newest.remove(id);
    }
}

/// The node of a record; `None` if it has no TCP address.
pub(crate) fn node(record: &Enr) -> Option<Node<Id, SocketAddr>> {
    Some(Node::new(record.node_id().raw(), [address(record)?]))
}

fn address(record: &Enr) -> Option<SocketAddr> {
    Some(SocketAddr::new(IpAddr::V4(record.ip4()?), record.tcp4()?))
}

/// The errors of discv5 are no `std::error::Error`.
fn failure(error: discv5::Error) -> Error {
    format!("discv5: {error:?}").into()
}
