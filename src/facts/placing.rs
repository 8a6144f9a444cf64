//! Putting nodes into queues and taking them out: what `waiting` does, with the places that are in the records.

use super::Facts;
use super::nodes::Record;
use super::slots::{NodeSlot, SubnetSlot};
use super::waiting::{Class, Due, Queue};
use crate::address::Address;
use crate::network::{Subnet, SubnetKey};
use crate::node::NodeId;
use crate::time::Timestamp;

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Takes a node out of its queue. Returns until when it had to wait, where an instant says so.
    #[inline]
    pub(crate) fn leave(&mut self, node: NodeSlot) -> Option<Due> {
        self.waiting.leave(&mut self.nodes, node)
    }

    /// Puts a node that is in no queue into one that is ordered by time.
    #[inline]
    pub(crate) fn enter(&mut self, node: NodeSlot, queue: Queue, due: Due) {
        self.waiting.enter(&mut self.nodes, node, queue, due);
    }

    /// Puts a node that is in no queue among the ready ones of a class.
    pub(crate) fn enter_ready(&mut self, node: NodeSlot, class: Class) {
        let Some(record) = self.nodes.get(node) else { return };
        let subnet = SubnetKey::coarse(self.discovered(record).first().and_then(Address::ip_addr));
        self.waiting.enter_ready(&mut self.nodes, node, class, subnet);
    }

    /// Lets a node that is in no queue wait for room in a subnet.
    pub(crate) fn enter_crowd(&mut self, node: NodeSlot, subnet: Subnet) {
        self.waiting.enter_crowd(&mut self.nodes, node, subnet);
    }

    /// Lets a node that is in no queue wait for a change of the rules or of its addresses.
    pub(crate) fn park(&mut self, node: NodeSlot) {
        self.waiting.park(&mut self.nodes, node);
    }

    /// Notes that a ready node was let back by a subnet.
    pub(crate) fn set_delegate(&mut self, subnet: SubnetSlot, node: NodeSlot) {
        self.waiting.set_delegate(&mut self.nodes, subnet, node);
    }

    /// The queue that a node is in.
    pub(crate) fn queue_of(&self, node: NodeSlot) -> Queue {
        self.nodes.get(node).map_or(Queue::None, |record| record.place().queue())
    }

    /// Until when a node cools down; an instant that has come does not block.
    pub(crate) fn cooldown(&self, node: NodeSlot, record: &Record<A>) -> Option<Timestamp> {
        self.waiting.cooldown(record.place(), node).filter(|until| *until > self.now)
    }

    /// A node that was parked under older rules.
    pub(crate) fn next_outdated_parked(&self) -> Option<NodeSlot> {
        self.waiting.next_outdated_parked(|node| self.queue_of(node))
    }

    /// A node that has waited for room since older rules.
    pub(crate) fn next_outdated_crowded(&mut self) -> Option<NodeSlot> {
        let Self { waiting, nodes, .. } = self;
        let queue_of =
            |node| nodes.get(node).map_or(Queue::None, |record: &Record<A>| record.place().queue());
        waiting.next_outdated_crowded(queue_of)
    }

    /// A node that may leave its crowd, since there is room.
    pub(crate) fn next_admitted(&mut self) -> Option<(SubnetSlot, NodeSlot)> {
        self.waiting.next_admitted(self.config.diversity.as_ref(), &self.subnets)
    }

    /// Whether any fact is about a node beside its cooldown.
    pub(crate) fn is_needed(&self, node: NodeSlot, record: &Record<A>) -> bool {
        record.is_candidate() || record.is_busy() || self.inbound.concerns(node)
    }

    /// Ends the record of a node that is in no queue and about which there is no fact.
    pub(crate) fn remove_node(&mut self, node: NodeSlot) {
        self.nodes.remove(node);
    }
}
