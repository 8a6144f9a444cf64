//! The nodes that lookups have brought and that wait for their turn, as go-ethereum keeps them: in order, each as often as
//! it was found.

use alloc::collections::VecDeque;

use crate::address::Address;
use crate::facts::Facts;
use crate::facts::counts::Counts;
use crate::node::{Node, NodeId};
use crate::stats::count;

/// The nodes that wait, at most `limits.lookup_buffer`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
pub(crate) struct Buffer<I, A>(VecDeque<Node<I, A>>);

impl<I: NodeId, A: Address> Buffer<I, A> {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Appends a node; when the buffer is full the node is dropped, and counted.
    pub(super) fn offer(&mut self, facts: &mut Facts<I, A>, mut node: Node<I, A>) {
        facts.clean(&mut node.addrs);
        if self.len() < facts.config.limits.lookup_buffer {
            self.0.push_back(node);
        } else {
            count(&mut facts.stats.dropped);
        }
    }

    /// Takes the node that was found first.
    pub(super) fn next(&mut self) -> Option<Node<I, A>> {
        self.0.pop_front()
    }

    /// The nodes with an id, and how many are before each.
    pub(crate) fn of_id(&self, id: I) -> impl Iterator<Item = (u32, &Node<I, A>)> {
        (0u32..).zip(&self.0).filter(move |(_, node)| node.id == id)
    }

    pub(super) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    /// The most bytes that it takes.
    pub(super) fn bound(counts: &Counts) -> u64 {
        let node = (size_of::<Node<I, A>>() as u64).saturating_add(counts.bytes_of_addrs::<A>());
        counts.buffered.next_power_of_two().saturating_mul(node)
    }
}
