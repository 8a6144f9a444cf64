//! Known nodes: who is taken in, who is good, and who gives way when there is no room.

use core::time::Duration;

use super::Balanced;
use crate::address::{Address, Addrs};
use crate::backoff::Cause;
use crate::facts::Facts;
use crate::facts::nodes::Record;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::{Class, Queue};
use crate::network::SubnetKey;
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::plan::policy::Policy;
use crate::stats::count;

impl<A: Address> Balanced<A> {
    /// A node was heard of. Returns whether it is new.
    pub(super) fn hear_of<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        source: Source,
        vouched: bool,
    ) -> bool {
        let Some(Node { id, addrs }) = Self::of_use(facts, node) else { return false };
        if let Some(node) = Self::find_known(facts, &id) {
            self.hear_again(facts, node, addrs, vouched);
            return false;
        }
        let node = self.take_in(facts, id, addrs, source);
        node.map(|node| self.settle_found(facts, node)).is_some()
    }

    /// A node without those of its addresses that are of no use. `None`: it is this one, or all are of none.
    fn of_use<I: NodeId>(facts: &Facts<I, A>, node: Node<I, A>) -> Option<Node<I, A>> {
        let Node { id, mut addrs } = node;
        let given = !addrs.is_empty();
        facts.clean(&mut addrs);
        (id != facts.me && (!given || !addrs.is_empty())).then_some(Node { id, addrs })
    }

    fn find_known<I: NodeId>(facts: &Facts<I, A>, id: &I) -> Option<NodeSlot> {
        facts.nodes.find(id).filter(|slot| facts.nodes.get(*slot).is_some_and(Record::is_known))
    }

    /// A newcomer is a known node from now on, if there is room for it. It has to be settled.
    fn take_in<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        id: I,
        addrs: Addrs<A>,
        source: Source,
    ) -> Option<NodeSlot> {
        if !self.make_room(facts, &id) {
            return None;
        }
        let subnet = SubnetKey::coarse(addrs.first().and_then(Address::ip_addr));
        let node = facts.list_known(id, addrs, source);
        facts.note_heard(node);
        self.eviction.insert(node, source, subnet);
        if facts.nodes.get(node).is_some_and(|record| facts.is_outbound(record)) {
            // Heard of, or heard of again, while it is connected.
            self.promote(facts, node);
        }
        Some(node)
    }

    /// Puts a node where it belongs that may have an address now: then it does not wait until it may be resolved.
    fn settle_found<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let Some(record) = facts.nodes.get(node) else { return };
        if record.notes.cause == Cause::Resolve && !facts.discovered(record).is_empty() {
            self.cool(facts, node, None, Cause::None);
        } else {
            self.settle(facts, node);
        }
    }

    /// More was heard of a known node. An address that connected is kept until it fails: hearsay is appended, and takes the
    /// place of the last of those that have not worked. What the caller vouches for replaces all. What the old addresses
    /// were blamed for, new ones aren't, but a node cannot shake its cooldown off by moving.
    pub(super) fn hear_again<I: NodeId>(
        &mut self,
        facts: &mut Facts<I, A>,
        node: NodeSlot,
        addrs: Addrs<A>,
        vouched: bool,
    ) {
        if vouched {
            self.is_back(facts, node);
        }
        facts.note_heard(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.restored = false;
        }
        if facts.nodes.get(node).is_some_and(|record| record.place().is_ready_as(Class::Fresh)) {
            self.settle(facts, node);
        }
        let Some(record) = facts.nodes.get(node) else { return };
        let old = facts.discovered(record);
        let kept = u32::from(record.notes.proven || record.notes.failures == 0);
        let addrs = match vouched || old.is_empty() {
            true if addrs.is_empty() => return,
            true => addrs,
            false => old.merged(&addrs, facts.config.max_addrs as usize, kept),
        };
        if *old == addrs {
            return;
        }
        let waits = matches!(record.place().queue(), Queue::Parked { .. } | Queue::Crowded { .. })
            || record.notes.cause == Cause::Resolve;
        let proven = record.notes.proven && addrs.first() == old.first();
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.proven = proven;
        }
        facts.set_discovered(node, addrs);
        if waits {
            self.settle_found(facts, node);
        }
    }

    /// The caller has met a node: if it was connected to once, and only its transport has failed since, it is good again.
    fn is_back<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let Some(record) = facts.nodes.get(node) else { return };
        let notes = &record.notes;
        let failed = notes.cause == Cause::Transport && notes.failures > 0;
        if !notes.good || !failed || record.is_static() || record.is_busy() {
            return;
        }
        if let Some(notes) = facts.nodes.notes_mut(node) {
            (notes.failures, notes.slow) = (0, false);
        }
        self.cool(facts, node, None, Cause::None);
    }

    /// Forgets a known node. What else is the case for its id stays.
    pub(super) fn forget<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        let due = facts.leave(node);
        self.eviction.remove(node);
        facts.unlist_known(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.good = false;
        }
        let fixed = facts.is_static(node);
        self.place(facts, node, due.filter(|_| fixed));
    }

    /// A node was known before a restart; one that is known already is only heard of again. What it was blamed for counts from
    /// its next failure on.
    pub(super) fn take_back<I: NodeId>(&mut self, facts: &mut Facts<I, A>, known: KnownNode<I, A>) {
        let Some(Node { id, addrs }) = Self::of_use(facts, known.node) else { return };
        if let Some(node) = Self::find_known(facts, &id) {
            return self.hear_again(facts, node, addrs, false);
        }
        let Some(node) = self.take_in(facts, id, addrs, known.source) else { return };
        let anchor = known.good && known.anchor && self.anchors < facts.config.anchors;
        self.anchors = self.anchors.saturating_add(u32::from(anchor));
        facts.leave(node);
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.failures = u8::try_from(known.failures).unwrap_or(u8::MAX);
            notes.anchor = anchor;
            notes.proven = known.good;
            notes.restored = true;
            notes.pardon = self.outage.pardons();
        }
        // Nobody knows when a good node was there that has no time.
        let ago = known.last_tried.unwrap_or(if known.good { Duration::MAX } else { Duration::ZERO });
        let at = facts.now.saturating_sub(ago);
        facts.set_tried(node, known.last_tried.is_some() || known.good, at);
        if known.good {
            self.promote(facts, node);
        }
        self.settle(facts, node);
        self.note_worn(facts, node);
    }

    /// Known nodes that were never connected to.
    fn others<I: NodeId>(&self, facts: &Facts<I, A>) -> u32 {
        facts.nodes.known().saturating_sub(self.eviction.good())
    }

    /// Makes room for one more node that was never connected to. Returns whether there is some.
    fn make_room<I: NodeId>(&mut self, facts: &mut Facts<I, A>, newcomer: &I) -> bool {
        if self.others(facts) < facts.config.limits.others {
            return true;
        }
        match self.victim(facts, newcomer) {
            Some(victim) => {
                count(&mut facts.stats.evictions);
                self.forget(facts, victim);
                true
            }
            None => {
                count(&mut facts.stats.dropped);
                false
            }
        }
    }

    /// The node that gives way: a worn one, unless too few others are left; else one of the largest crowd. Where that can't
    /// be, the next ones are looked at, and it comes after them next time.
    fn victim<I: NodeId>(&mut self, facts: &Facts<I, A>, newcomer: &I) -> Option<NodeSlot> {
        let usable = facts.nodes.known().saturating_sub(self.eviction.worn());
        let spare = usable >= facts.config.backoff.keep_usable;
        let worn = self.eviction.most_worn().filter(|worn| spare && Self::may_go(facts, *worn));
        if worn.is_some() {
            return worn;
        }
        let bits = facts.jitter.bits(newcomer.as_bytes(), 0);
        let mut members = self.eviction.largest(bits as u32);
        let first = members.next().filter(|node| Self::may_go(facts, *node));
        if first.is_some() {
            return first;
        }
        let other = members.find(|node| Self::may_go(facts, *node));
        drop(members);
        self.eviction.pass_over();
        other
    }

    /// Static nodes, peers and nodes in an attempt are never evicted.
    fn may_go<I: NodeId>(facts: &Facts<I, A>, node: NodeSlot) -> bool {
        facts.nodes.get(node).is_some_and(|record| !record.is_static() && !record.is_busy())
    }

    /// A known node is connected outbound: it is good from now on.
    pub(super) fn promote<I: NodeId>(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        if !facts.nodes.get(node).is_some_and(Record::is_known) {
            return;
        }
        if let Some(notes) = facts.nodes.notes_mut(node) {
            notes.good = true;
            notes.slow = false;
        }
        self.eviction.promote(node, facts.now);
        if self.eviction.good() > facts.config.limits.good {
            self.demote_oldest(facts);
        }
    }

    /// Too many good nodes: the one that was connected longest ago is one of the others again, or goes if there is
    /// no room.
    fn demote_oldest<I: NodeId>(&mut self, facts: &mut Facts<I, A>) {
        let Some(oldest) = self.eviction.pop_good() else { return };
        if let Some(notes) = facts.nodes.notes_mut(oldest) {
            notes.good = false;
        }
        let Some((id, record)) = facts.nodes.entry(oldest) else { return };
        let subnet = SubnetKey::coarse(facts.discovered(record).first().and_then(Address::ip_addr));
        let (id, source) = (*id, record.source().unwrap_or_default());
        self.eviction.insert(oldest, source, subnet);
        self.settle(facts, oldest);
        if self.others(facts) > facts.config.limits.others && Self::may_go(facts, oldest) {
            let victim = self.victim(facts, &id).unwrap_or(oldest);
            count(&mut facts.stats.evictions);
            self.forget(facts, victim);
        }
    }

    /// Notes whether a node has failed so often that it goes first.
    pub(super) fn note_worn<I: NodeId>(&mut self, facts: &Facts<I, A>, node: NodeSlot) {
        let record = facts.nodes.get(node).filter(|record| record.is_known() && !record.notes.good);
        let Some(record) = record else { return };
        let worn = u32::from(record.notes.failures) > facts.config.backoff.worn_after;
        self.eviction.set_worn(node, worn.then_some(facts.now));
    }
}
