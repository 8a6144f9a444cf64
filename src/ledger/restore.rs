//! What a snapshot leaves out is found again here: hashes, the places of keys, and the maps that follow from others.

use alloc::vec::Vec;

use siphasher::sip::SipHasher13;

use super::Ledger;
use super::attempts::{Attempt, Phase};
use super::crowd::{Place, by_size};
use super::fresh::SOURCES;
use super::index::Index;
use super::slab::NONE;
use super::timers::{Alarm, Lane};
use crate::address::Address;
use crate::backoff::Jitter;
use crate::config::Config;
use crate::event::BanSubject;
use crate::network::{NetworkMap, canonical};
use crate::node::NodeId;

fn all(parts: &[bool], what: &'static str) -> Result<(), &'static str> {
    if parts.iter().all(|part| *part) { Ok(()) } else { Err(what) }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Makes a ledger that was just read usable, under a config of the caller's.
    ///
    /// # Errors
    /// What does not fit together.
    pub(crate) fn index(&mut self, config: Config<I, A>) -> Result<(), &'static str> {
        let [k0, k1, j0, j1] = self.seeds;
        let hasher = SipHasher13::new_with_keys(k0, k1);
        self.jitter = Jitter::new(SipHasher13::new_with_keys(j0, j1));
        self.restrict = config.restrict.as_ref().map(|list| list.iter().copied().collect());
        self.config = config;
        self.clean_bootnodes();
        all(&[self.nodes.index(hasher)], "two records of one node")?;
        self.index_nodes()?;
        self.index_attempts()?;
        self.index_peers()?;
        self.index_inbound(hasher)?;
        self.index_bans(hasher)?;
        self.index_timers()
    }

    fn index_nodes(&mut self) -> Result<(), &'static str> {
        let hasher = SipHasher13::new_with_keys(self.seeds[0], self.seeds[1]);
        let slots = self.nodes.slots();
        let known = [self.sampled.index(slots), self.good.index(slots)];
        all(&known, "queues of known nodes")?;
        let groups = self.groups.queues.index(hasher);
        let slots = self.groups.queues.slots();
        all(
            &[
                groups,
                self.groups.awaited.index(slots),
                self.crowded.index(slots),
                self.reconsidered.index(slots),
            ],
            "groups",
        )?;
        self.index_fresh()?;
        self.index_crowd(hasher)
    }

    fn index_fresh(&mut self) -> Result<(), &'static str> {
        let fresh = &mut self.fresh;
        let sources = fresh.pools.len() as u32 <= SOURCES && fresh.turns.index(SOURCES);
        // Where a node stands is in its link: whoever stands twice, stands somewhere else than that says.
        let stands = |source: usize, at: u32, node: u32| {
            let record = self.nodes.get(node);
            record.is_some_and(|record| {
                let of = record.source.unwrap_or_default();
                usize::from(of.0) == source && record.link.prev == at
            })
        };
        let mut pools = fresh.pools.iter().enumerate();
        let places =
            pools.all(|(source, pool)| (0u32..).zip(pool.iter()).all(|(at, node)| stands(source, at, *node)));
        all(&[sources, places], "fresh nodes")
    }

    fn index_crowd(&mut self, hasher: SipHasher13) -> Result<(), &'static str> {
        let slots = self.nodes.slots();
        let crowd = &mut self.crowd;
        let buckets = crowd.buckets.index(hasher);
        crowd.by_size = crowd
            .buckets
            .iter()
            .map(|(bucket, (key, members))| by_size(key.source, members.len() as u64, bucket))
            .collect();
        crowd.places = alloc::vec![Place::NONE; slots as usize];
        for (bucket, (_, members)) in crowd.buckets.iter() {
            for (at, node) in (0u32..).zip(members) {
                let place = crowd.places.get_mut(*node as usize).filter(|place| place.bucket == NONE);
                *place.ok_or("crowds")? = Place { bucket, at };
            }
        }
        all(&[buckets, crowd.sources.index(SOURCES), crowd.worn.index(slots)], "sizes of crowds")
    }

    fn index_attempts(&mut self) -> Result<(), &'static str> {
        let attempts = &mut self.attempts;
        let slots = attempts.slots();
        let sets = attempts.active.iter_mut().chain(&mut attempts.unmet).all(|set| set.index(slots));
        let queues = attempts.owed.index(slots) && attempts.refused.index(slots);
        attempts.open = Index::new();
        let flying = |of: &Attempt<A>| matches!(of.phase, Phase::Dialing | Phase::Resolving);
        let in_flight = attempts.slab.iter().filter(|(_, of)| flying(of));
        let in_flight: Vec<_> = in_flight.map(|(slot, of)| (slot, of.token)).collect();
        for (slot, token) in in_flight {
            if attempts.is_open(token) {
                return Err("two tasks with one token");
            }
            attempts.open(slot, token);
        }
        all(&[sets, queues], "attempts")
    }

    fn index_peers(&mut self) -> Result<(), &'static str> {
        let peers = &mut self.peers;
        let slots = peers.slab.slots();
        let sets = peers.outbound.iter_mut().all(|set| set.index(slots)) && peers.inbound.index(slots);
        all(&[sets, peers.owing.index(slots), peers.leaving.index(slots)], "peers")?;
        let of_attempts = self.attempts.slab.iter().flat_map(|(_, attempt)| &attempt.held);
        let of_peers = self.peers.slab.iter().flat_map(|(_, peer)| &peer.held);
        self.groups.recount(of_attempts.chain(of_peers));
        Ok(())
    }

    fn index_inbound(&mut self, hasher: SipHasher13) -> Result<(), &'static str> {
        let inbound = &mut self.inbound;
        let connections = inbound.connections.index(hasher);
        inbound.by_node =
            inbound.connections.iter().map(|(_, (connection, node))| (*node, *connection)).collect();
        all(&[connections], "inbound connections")
    }

    fn index_bans(&mut self, hasher: SipHasher13) -> Result<(), &'static str> {
        let bans = &mut self.bans;
        bans.ids = super::table::Table::new(hasher);
        bans.networks = NetworkMap::new();
        for (slot, ban) in bans.all.iter() {
            let twice = match ban.subject {
                BanSubject::Id(id) if bans.ids.find(&id).is_some() => true,
                BanSubject::Id(id) => {
                    bans.ids.insert(id, slot);
                    false
                }
                BanSubject::Network(network) => bans.networks.insert(canonical(network), slot).is_some(),
            };
            if twice {
                return Err("two bans of one subject");
            }
        }
        Ok(())
    }

    fn index_timers(&mut self) -> Result<(), &'static str> {
        let nodes = self.nodes.slots();
        let lanes = [
            (Lane::Attempt, self.attempts.slots()),
            (Lane::Inbound, self.inbound.connections.slots()),
            (Lane::Ban, self.bans.all.slots()),
            (Lane::Alarm, Alarm::ALL.len() as u32),
            (Lane::Static, nodes),
            (Lane::Known, nodes),
            (Lane::Idle, nodes),
            (Lane::Good, nodes),
            (Lane::Failed, nodes),
        ];
        self.timers.forget_places();
        let indexed = lanes.map(|(lane, slots)| self.timers.index(lane, slots));
        all(&indexed, "timers")
    }
}
