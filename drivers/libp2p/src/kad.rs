//! Kademlia answers the lookups and resolves of the dialer.

use std::collections::HashMap;

use dialstate::record::Sink;
use dialstate::{LookupId, ResolveId, Task};
use libp2p_identity::PeerId;
use libp2p_kad::store::RecordStore;
use libp2p_kad::{GetClosestPeersError, PeerInfo, QueryId, QueryResult};

use crate::{Addr, Behaviour, Event, Id, node};

/// The queries under way. Give it the events of both behaviours.
#[derive(Debug, Default)]
pub struct Queries {
    of: HashMap<QueryId, Wanted>,
}

/// What a query is for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Peers(LookupId),
    Addresses(ResolveId, PeerId),
}

impl Queries {
    /// Begins or abandons a query, as the dialer wants.
    pub fn on_event<R: RecordStore + Send + 'static>(
        &mut self,
        event: &Event,
        kad: &mut libp2p_kad::Behaviour<R>,
    ) {
        match *event {
            Event::Lookup { lookup, target } => {
                let query = kad.get_closest_peers(target.to_vec());
                self.of.insert(query, Wanted::Peers(lookup));
            }
            Event::Resolve { resolve, peer } => {
                let query = kad.get_closest_peers(peer);
                self.of.insert(query, Wanted::Addresses(resolve, peer));
            }
            Event::Cancel(task) => {
                let asked = self.of.extract_if(|_, wanted| wanted.task() == task);
                for (query, _) in asked {
                    if let Some(mut query) = kad.query_mut(&query) {
                        query.finish();
                    }
                }
            }
            Event::Adopted { .. } | Event::Released { .. } | Event::Notice(_) => {}
        }
    }

    /// Tells the dialer what a query has found.
    pub fn on_kad_event<S: Sink<Id, Addr>>(&mut self, event: &libp2p_kad::Event, dialer: &mut Behaviour<S>) {
        let libp2p_kad::Event::OutboundQueryProgressed { id, result, step, .. } = event else { return };
        let QueryResult::GetClosestPeers(result) = result else { return };
        if !step.last {
            return;
        }
        let peers: &[PeerInfo] = match result {
            Ok(found) => &found.peers,
            Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
        };
        match self.of.remove(id) {
            Some(Wanted::Peers(lookup)) => {
                let nodes = peers.iter().map(|found| node(found.peer_id, found.addrs.clone())).collect();
                dialer.lookup_finished(lookup, nodes);
            }
            Some(Wanted::Addresses(resolve, peer)) => {
                let found = peers.iter().find(|found| found.peer_id == peer);
                dialer.resolve_finished(
                    resolve,
                    peer,
                    found.map(|found| found.addrs.clone()).unwrap_or_default(),
                );
            }
            None => {}
        }
    }
}

impl Wanted {
    const fn task(self) -> Task {
        match self {
            Self::Peers(lookup) => Task::Lookup(lookup),
            Self::Addresses(resolve, _) => Task::Resolve(resolve),
        }
    }
}
