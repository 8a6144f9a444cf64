//! How many of each thing there can be under a config, and how much memory the facts can take with that.

use super::attempts::{Attempts, MOST_REVALIDATIONS};
use super::bans::Bans;
use super::inbound::Inbound;
use super::nodes::Nodes;
use super::peers::Peers;
use super::statics::Statics;
use super::subnets::Subnets;
use super::waiting::Waiting;
use crate::address::Address;
use crate::collections::bytes::{sum, vector};
use crate::command::Task;
use crate::config::Config;
use crate::network::NetworkMap;
use crate::node::{Node, NodeId};
use crate::notice::Notice;

/// How many of each there can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) known: u64,
    pub(crate) good: u64,
    pub(crate) statics: u64,
    pub(crate) peers: u64,
    pub(crate) attempts: u64,
    pub(crate) inbound: u64,
    pub(crate) nodes: u64,
    /// Nodes from discovery that wait to be dialed.
    pub(crate) buffered: u64,
    /// Addresses of one node beyond the first, which are on the heap together with it; zero if there are none.
    pub(crate) addrs: u64,
}

impl Counts {
    pub(crate) fn new<I, A>(config: &Config<I, A>) -> Self {
        let limits = &config.limits;
        let of = u64::from;
        // One more than fits while a good node becomes one of the others.
        let (good, known) = (sum(&[of(limits.good), 1]), sum(&[of(limits.good), of(limits.others), 1]));
        // Slow dials do not count in the target; `scheduler` dials two nodes for each free slot.
        let most_dialed = known.max(of(config.dynamic_target).saturating_mul(2));
        let dynamic = of(config.max_active_dials).min(most_dialed);
        let fixed = sum(&[of(limits.statics), of(limits.requested)]).min(of(config.pace.static_active));
        // Feelers and reunions share one slot.
        let asked = if config.discovery && config.revalidation { of(MOST_REVALIDATIONS) } else { 0 };
        let attempts = sum(&[dynamic, fixed, 1, asked]);
        let (statics, peers, inbound) = (of(limits.statics), of(limits.peers), of(limits.inbound_handshakes));
        let addrs = if config.max_addrs > 1 { of(config.max_addrs) } else { 0 };
        let nodes = sum(&[known, statics, peers, inbound, attempts]);
        let buffered = of(limits.lookup_buffer);
        Self { known, good, statics, peers, attempts, inbound, nodes, buffered, addrs }
    }

    /// The most bytes of the addresses of one node that has so many.
    pub(crate) const fn bytes_of_addrs<A>(&self) -> u64 {
        self.addrs.saturating_mul(size_of::<A>() as u64)
    }

    /// The most bytes for the facts.
    pub(crate) fn bound<I: NodeId, A: Address>(&self, config: &Config<I, A>) -> u64 {
        let crowded = if config.diversity.is_some() { self.known } else { 0 };
        // A static node has those that it was resolved to, and those that the operator gave.
        let lists = sum(&[self.known, self.statics.saturating_mul(2), self.attempts]);
        let addrs = lists.saturating_mul(self.bytes_of_addrs::<A>());
        sum(&[
            Nodes::<I, A>::bound(self.nodes),
            Statics::<A>::bound(self.statics),
            addrs,
            Waiting::bound(self.nodes, self.known, self.statics, crowded),
            Attempts::<A>::bound(self.attempts),
            Peers::<A>::bound(self.peers),
            self.bytes_of_subnets(config),
            vector(self.attempts, size_of::<Task>()),
            Inbound::bound(self.inbound),
            Bans::<I>::bound(u64::from(config.limits.banned_ids), u64::from(config.limits.banned_networks)),
            Self::bytes_of_config(config),
        ])
    }

    fn bytes_of_subnets<I, A>(&self, config: &Config<I, A>) -> u64 {
        let holders = sum(&[self.peers, self.attempts]);
        let held = if config.diversity.is_some() { u64::from(config.max_addrs).saturating_mul(2) } else { 0 };
        Subnets::bound(holders.saturating_mul(held))
    }

    fn bytes_of_config<I, A>(config: &Config<I, A>) -> u64 {
        let limits = &config.limits;
        let node = sum(&[
            size_of::<Node<I, A>>() as u64,
            u64::from(config.max_addrs).saturating_mul(size_of::<A>() as u64),
        ]);
        let restrict = config.restrict.as_ref().map_or(0, |list| list.len() as u64);
        sum(&[
            restrict.saturating_mul(size_of::<ipnet::IpNet>() as u64),
            NetworkMap::<()>::bound(restrict),
            vector(u64::from(limits.requested), size_of::<I>()),
            vector(u64::from(limits.notices), size_of::<Notice<I>>()),
            u64::from(limits.bootnodes).saturating_mul(node),
            // What there is one of.
            4_096,
        ])
    }
}
