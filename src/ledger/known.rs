//! Known nodes: whom one has heard of, who is good, and who gives way when there is no room.

use alloc::vec::Vec;

use super::attempts::Budget;
use super::nodes::Record;
use super::slab::NONE;
use super::{Ledger, Queue};
use crate::address::{Address, Addrs};
use crate::backoff::Cause;
use crate::network::SubnetKey;
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::stats::count;

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Drops addresses that can't be dialed or are too many: nothing in the ledger holds such a one.
    pub(crate) fn clean(&self, addrs: &mut Addrs<A>) {
        addrs.retain(Address::is_dialable);
        addrs.truncate(self.config.max_addrs as usize);
    }

    /// A node was heard of. Returns whether it is new.
    ///
    /// A newcomer whose addresses are all useless is ignored. (Classic keeps even its own id: it takes part in the
    /// sampling.)
    pub(crate) fn discover(&mut self, node: Node<I, A>, source: Source) -> bool {
        let Node { id, mut addrs } = node;
        let given = !addrs.is_empty();
        self.clean(&mut addrs);
        let useless = given && addrs.is_empty();
        if self.ranks() && (id == self.me || useless) {
            return false;
        }
        match self.find(&id) {
            Some(slot) if self.nodes.get(slot).is_some_and(|record| record.source.is_some()) => {
                self.update(slot, addrs);
                false
            }
            _ => self.make_room(&id) && self.add_known(id, addrs, source),
        }
    }

    fn add_known(&mut self, id: I, addrs: Addrs<A>, source: Source) -> bool {
        let slot = self.intern(id);
        let group = SubnetKey::coarse(addrs.first().and_then(Address::ip_addr));
        let Some(record) = self.nodes.get_mut(slot) else { return false };
        record.source = Some(source);
        self.set_discovered(slot, addrs);
        self.sampled.insert(slot);
        if self.ranks() {
            self.crowd.insert(slot, source, group);
            if self.is_outbound(slot) {
                // Heard of, or heard of again, while it is connected.
                self.promote(slot);
            }
        }
        self.settle(slot);
        true
    }

    /// New addresses of a known node replace the old ones. What the old ones were blamed for, the new ones aren't,
    /// but a node cannot shake its cooldown off by moving.
    fn update(&mut self, slot: u32, addrs: Addrs<A>) {
        let Some(record) = self.nodes.get(slot) else { return };
        if addrs.is_empty() || *self.discovered(record) == addrs {
            return;
        }
        let waits = matches!(record.queue, Queue::Parked | Queue::Waiting) || record.cause == Cause::Resolve;
        self.set_discovered(slot, addrs);
        if waits {
            self.settle(slot);
        }
    }

    /// Forgets a known node. What else is known of its id stays.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.unlist(slot);
        let Some(record) = self.nodes.get(slot).filter(|record| record.source.is_some()) else { return };
        let forgets_cooldown = self.ranks() && !record.is_static();
        let at = self.unqueue(slot);
        if let Some(record) = self.nodes.get_mut(slot) {
            record.source = None;
            record.good = false;
        }
        self.set_discovered(slot, Addrs::new());
        self.enqueue(slot, at.filter(|_| !forgets_cooldown));
    }

    /// A node was known before a restart. What it was blamed for counts from its next failure on.
    pub(crate) fn restore_known(&mut self, known: KnownNode<I, A>) {
        let id = known.node.id;
        if !self.discover(known.node, known.source) {
            return;
        }
        let Some(slot) = self.find(&id) else { return };
        let anchors = self.anchors;
        let anchor = known.good && known.anchor && anchors < self.config.anchors;
        self.unqueue(slot);
        if let Some(record) = self.nodes.get_mut(slot) {
            record.failures = u8::try_from(known.failures).unwrap_or(u8::MAX);
            record.attempts = u32::from(known.last_tried.is_some() || known.good);
            record.last_at = self.now.saturating_sub(known.last_tried.unwrap_or_default());
            record.anchor = anchor;
        }
        self.anchors = anchors.saturating_add(u32::from(anchor));
        self.enqueue(slot, None);
        if known.good && self.ranks() {
            self.promote(slot);
            self.settle(slot);
        }
        self.note_worn(slot);
    }

    /// All known nodes; the dynamic peers that have been connected longest are the anchors.
    pub(crate) fn known_nodes(&self) -> impl Iterator<Item = KnownNode<I, A>> {
        let peers = self.peers.of_budget(Budget::Dynamic).iter().filter_map(|slot| self.peers.get(slot));
        let mut oldest: Vec<_> = peers.map(|peer| (peer.since, peer.node)).collect();
        oldest.sort_unstable();
        oldest.truncate(self.config.anchors as usize);
        self.sampled.iter().filter_map(move |slot| {
            let record = self.nodes.get(slot)?;
            let tried = (record.attempts > 0).then(|| self.now.saturating_since(record.last_at));
            Some(KnownNode {
                node: Node { id: self.nodes.key(slot)?, addrs: self.discovered(record).clone() },
                source: record.source?,
                good: record.good,
                failures: self.failures(slot),
                last_tried: tried,
                anchor: oldest.iter().any(|(_, anchor)| *anchor == slot),
            })
        })
    }

    fn unlist(&mut self, slot: u32) {
        self.sampled.remove(slot);
        self.crowd.remove(slot);
        self.good.remove(slot);
    }

    /// Known nodes that were never connected.
    fn others(&self) -> u32 {
        self.sampled.len().saturating_sub(self.good.len())
    }

    /// Makes room for one more node that was never connected. Returns whether there is some.
    fn make_room(&mut self, newcomer: &I) -> bool {
        if self.others() < self.config.limits.others {
            return true;
        }
        let room = match self.victim(newcomer) {
            Some(victim) => {
                count(&mut self.stats.evictions);
                self.forget(victim);
                true
            }
            None => false,
        };
        if !room {
            count(&mut self.stats.dropped);
        }
        room
    }

    /// Who gives way: a worn node, unless too few others are left; else one of the largest crowd.
    fn victim(&self, newcomer: &I) -> Option<u32> {
        let usable = self.sampled.len().saturating_sub(self.crowd.worn());
        let spare = usable >= self.config.backoff.keep_usable;
        let worn = self.crowd.most_worn().filter(|worn| spare && self.may_go(*worn));
        let bits = self.jitter.bits(newcomer.as_bytes(), 0);
        worn.or_else(|| self.crowd.largest(bits as u32).find(|node| self.may_go(*node)))
    }

    /// Static nodes, peers and nodes in an attempt are never evicted.
    fn may_go(&self, slot: u32) -> bool {
        let free = |r: &Record<A>| !r.is_static() && r.peer == NONE && r.attempt == NONE;
        self.nodes.get(slot).is_some_and(free)
    }

    /// A known node is connected outbound: it is good from now on.
    pub(crate) fn promote(&mut self, slot: u32) {
        let Some(record) = self.nodes.get_mut(slot).filter(|record| record.source.is_some()) else { return };
        record.good = true;
        self.crowd.remove(slot);
        self.good.set(slot, self.now.as_nanos(), 0);
        if self.good.len() > self.config.limits.good {
            self.demote_oldest();
        }
    }

    /// Too many good nodes: the one that was connected longest ago is one of the others again, or goes if there is
    /// no room.
    fn demote_oldest(&mut self) {
        let Some(oldest) = self.good.pop().map(|entry| entry.key) else { return };
        let Some(record) = self.nodes.get_mut(oldest) else { return };
        record.good = false;
        let source = record.source.unwrap_or_default();
        let Some((id, record)) = self.nodes.entry(oldest) else { return };
        let (id, group) =
            (*id, SubnetKey::coarse(self.discovered(record).first().and_then(Address::ip_addr)));
        self.crowd.insert(oldest, source, group);
        self.settle(oldest);
        if self.others() > self.config.limits.others && self.may_go(oldest) {
            let victim = self.victim(&id).unwrap_or(oldest);
            count(&mut self.stats.evictions);
            self.forget(victim);
        }
    }

    /// Notes whether a node has failed so often that it goes first.
    pub(crate) fn note_worn(&mut self, slot: u32) {
        let Some(record) = self.nodes.get(slot).filter(|record| record.source.is_some() && !record.good)
        else {
            return;
        };
        let worn = u32::from(record.failures) > self.config.backoff.worn_after;
        self.crowd.set_worn(slot, worn.then_some(self.now.as_nanos()));
    }
}
