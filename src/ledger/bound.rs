//! How much memory a dialer can take at the most, from the sizes of what it holds and the caps of its config.

use core::mem::size_of;

use super::attempts::Attempt;
use super::bans::Ban;
use super::crowd::Crowd;
use super::dense::Dense;
use super::fresh::Fresh;
use super::groups::Groups;
use super::heap::Entry;
use super::index::Index;
use super::nodes::Record;
use super::peers::Peer;
use super::rests::Rest;
use super::slab::Slab;
use super::statics;
use super::table::Table;
use crate::address::Address;
use crate::command::Task;
use crate::config::{Config, Profile};
use crate::network::SubnetKey;
use crate::node::{Node, NodeId};
use crate::notice::Notice;

/// What a vector of so many takes that has doubled until they had room.
pub(super) const fn vector(len: u64, each: usize) -> u64 {
    let room = match len {
        0 => 0,
        1..=4 => 4,
        _ => len.next_power_of_two(),
    };
    room.saturating_mul(each as u64)
}

/// What a B-tree takes whose nodes are half full at the least: five of eleven, and its inner nodes.
pub(super) const fn tree(len: u64, each: usize) -> u64 {
    len.saturating_mul((each as u64).saturating_mul(11) / 5).saturating_add(len.saturating_mul(12))
}

/// A queue without its places.
pub(super) const fn queue(len: u64) -> u64 {
    vector(len, size_of::<Entry>())
}

fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

/// How many of each there can be.
struct Counts {
    known: u64,
    good: u64,
    statics: u64,
    peers: u64,
    attempts: u64,
    inbound: u64,
    nodes: u64,
    /// Addresses of one node beyond the first, which are on the heap together with it; zero if there are none.
    addrs: u64,
}

impl Counts {
    fn new<I, A>(config: &Config<I, A>) -> Self {
        let limits = &config.limits;
        let of = u64::from;
        // One more than fits while a good node becomes one of the others.
        let (good, known) = (sum(&[of(limits.good), 1]), sum(&[of(limits.good), of(limits.others), 1]));
        let dynamic = config.max_active_dials.min(config.dynamic_target);
        let fixed = sum(&[of(limits.statics), of(limits.requested)]).min(of(config.pace.static_active));
        let attempts = sum(&[of(dynamic), fixed, 1]);
        let (statics, peers, inbound) = (of(limits.statics), of(limits.peers), of(limits.inbound_handshakes));
        let addrs = if config.max_addrs > 1 { of(config.max_addrs) } else { 0 };
        let nodes = sum(&[known, statics, peers, inbound, attempts]);
        Self { known, good, statics, peers, attempts, inbound, nodes, addrs }
    }
}

impl<I: NodeId, A: Address> Config<I, A> {
    /// The most heap memory, in bytes, that a balanced dialer with this config takes for what it remembers, with all
    /// caps reached and every node at its [`max_addrs`](Self::max_addrs) addresses, whatever strangers send.
    ///
    /// It is the sum, over all collections, of their cap, up to the next power of two where they double as they grow,
    /// times the size of what they hold: per known node its record with id and index, its addresses, one timer, its
    /// places in the queues and in its crowd, and what each of its addresses was blamed for. Not in it: what addresses
    /// have on the heap themselves, the old half of a vector while it doubles, the allocator's own overhead, events and
    /// commands, more peers or attempts than the caps say (facts are never refused), and in classic the history of dials,
    /// which no cap bounds.
    #[must_use]
    pub fn memory_bound(&self) -> u64 {
        let counts = Counts::new(self);
        sum(&[
            self.bytes_of_nodes(&counts),
            self.bytes_of_queues(&counts),
            self.bytes_of_sessions(&counts),
            self.bytes_of_rules(&counts),
            self.bytes_of_waiting(),
        ])
    }

    fn bytes_of_nodes(&self, counts: &Counts) -> u64 {
        let addrs = counts.addrs.saturating_mul(size_of::<A>() as u64);
        let rests = match (self.profile(), counts.addrs) {
            (Profile::Balanced, 1..) => tree(1, size_of::<(u32, &[Rest<A>])>())
                .saturating_add(counts.addrs.saturating_mul(size_of::<Rest<A>>() as u64)),
            _ => 0,
        };
        sum(&[
            Table::<I, Record<A>>::bound(counts.nodes),
            Slab::<statics::Entry<A>>::bound(counts.statics),
            sum(&[counts.known, counts.statics]).saturating_mul(sum(&[addrs, rests])),
        ])
    }

    fn bytes_of_queues(&self, counts: &Counts) -> u64 {
        let places = vector(counts.nodes, 4);
        let sampled = Dense::bound(counts.known, counts.nodes);
        // Cooling, idle, and ready after a failure; a static node is in its own lane instead.
        let lanes = [queue(counts.known), queue(counts.nodes), queue(counts.statics)];
        if self.profile() == Profile::Classic {
            return sum(&[places, sampled, sum(&lanes)]);
        }
        let good = sum(&[queue(counts.good), queue(counts.good), places]);
        let fresh = Fresh::bound(counts.known);
        let crowd = Crowd::bound(counts.known, counts.nodes);
        sum(&[places, sampled, sum(&lanes), queue(counts.known), good, fresh, crowd])
    }

    fn bytes_of_sessions(&self, counts: &Counts) -> u64 {
        let (peers, attempts) = (counts.peers, counts.attempts);
        let addrs = counts.addrs.saturating_mul(size_of::<A>() as u64);
        let held = if self.diversity.is_some() { u64::from(self.max_addrs).saturating_mul(2) } else { 0 };
        // Of one peer or attempt those beyond two are on the heap.
        let spilled = if held > 2 { vector(held, size_of::<SubnetKey>()) } else { 0 };
        let waiting = if self.diversity.is_some() { counts.known } else { 0 };
        let groups = Groups::bound(sum(&[peers, attempts]).saturating_mul(held), waiting);
        let sets = |of: u64, sets: u64| Dense::bound(of, of).saturating_mul(sets);
        sum(&[
            Slab::<Peer<A>>::bound(peers),
            sets(peers, 6),
            Slab::<Attempt<A>>::bound(attempts),
            Index::bound(attempts),
            sets(attempts, 7),
            queue(attempts).saturating_add(vector(attempts, 4)).saturating_mul(2),
            vector(attempts, size_of::<Task>()),
            attempts.saturating_mul(addrs),
            sum(&[peers, attempts]).saturating_mul(spilled),
            groups,
        ])
    }

    fn bytes_of_rules(&self, counts: &Counts) -> u64 {
        let (ids, networks) = (u64::from(self.limits.banned_ids), u64::from(self.limits.banned_networks));
        let bans = sum(&[ids, networks]);
        let network = size_of::<(bool, u8, core::net::IpAddr, u32)>();
        let restrict = self.restrict.as_ref().map_or(0, |list| list.len() as u64);
        let of_config = restrict.saturating_mul(size_of::<ipnet::IpNet>() as u64);
        sum(&[
            Slab::<Ban<I>>::bound(bans),
            Table::<I, u32>::bound(ids),
            tree(sum(&[networks, restrict]), network),
            queue(bans),
            vector(bans, 4),
            Table::<u64, u32>::bound(counts.inbound),
            tree(counts.inbound, size_of::<(u32, u64)>()),
            queue(counts.inbound),
            vector(counts.inbound, 4),
            of_config,
        ])
    }

    fn bytes_of_waiting(&self) -> u64 {
        let limits = &self.limits;
        let node = (size_of::<Node<I, A>>() as u64)
            .saturating_add(u64::from(self.max_addrs).saturating_mul(size_of::<A>() as u64));
        let lookups = match self.profile() {
            Profile::Classic => u64::from(limits.lookup_buffer).next_power_of_two(),
            Profile::Balanced => 0,
        };
        sum(&[
            vector(u64::from(limits.requested), size_of::<I>()),
            vector(u64::from(limits.notices), size_of::<Notice<I>>()),
            sum(&[u64::from(limits.bootnodes), lookups]).saturating_mul(node),
            // Alarms, and what there is one of.
            4_096,
        ])
    }
}
