//! Nodes that wait for room in a subnet.

use siphasher::sip::SipHasher13;

use super::place::{Place, Queue};
use crate::collections::{Key, Links, List, SlotSet, Table};
use crate::config::Diversity;
use crate::facts::slots::{NodeSlot, OfNode, OfSubnet, SubnetSlot};
use crate::facts::subnets::Subnets;
use crate::network::{Subnet, SubnetKey};

impl Key for SubnetKey {
    #[inline]
    fn hash(&self, hasher: &SipHasher13) -> u64 {
        hasher.hash(&self.bytes())
    }
}

/// The nodes that wait for room in one subnet.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Crowd {
    waiting: List<OfNode>,
    /// The one node of it that was let back among the ready ones, because there is room.
    delegate: Option<NodeSlot>,
}

/// The crowds, by subnet.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Crowds {
    table: Table<OfSubnet, SubnetKey, Crowd>,
    /// Those in which somebody waits.
    awaited: SlotSet<OfSubnet>,
    /// Those that may have got room since they were last looked at.
    roomy: SlotSet<OfSubnet>,
    /// Those in which all who wait are to be looked at again.
    outdated: SlotSet<OfSubnet>,
}

impl Crowds {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self {
            table: Table::new(hasher),
            awaited: SlotSet::new(),
            roomy: SlotSet::new(),
            outdated: SlotSet::new(),
        }
    }

    /// Puts a node at the end of those that wait for a subnet.
    pub(super) fn enter(
        &mut self,
        links: &mut impl Links<OfNode>,
        subnet: SubnetKey,
        node: NodeSlot,
    ) -> SubnetSlot {
        let slot = self.table.intern(subnet, || Crowd { waiting: List::new(), delegate: None });
        if let Some(crowd) = self.table.get_mut(slot) {
            crowd.waiting.push(links, node);
        }
        self.awaited.insert(slot);
        self.roomy.insert(slot);
        slot
    }

    /// Takes a waiting node out.
    pub(super) fn leave(
        &mut self,
        links: &mut impl Links<OfNode>,
        subnet: Option<SubnetSlot>,
        node: NodeSlot,
    ) {
        let Some(subnet) = subnet else { return };
        if let Some(crowd) = self.table.get_mut(subnet) {
            crowd.waiting.remove(links, node);
        }
        self.tidy(subnet);
    }

    /// Notes which node of a crowd is ready in its place now. If none is, the subnet is looked at again. Returns whether the
    /// crowd still exists: it ends with the last node that waited.
    pub(super) fn set_delegate(&mut self, subnet: SubnetSlot, node: Option<NodeSlot>) -> bool {
        let exists = self.table.get_mut(subnet).map(|crowd| crowd.delegate = node).is_some();
        self.tidy(subnet);
        if node.is_none() {
            self.roomy.insert(subnet);
        }
        exists
    }

    #[inline]
    pub(super) fn note_room(&mut self, subnet: SubnetKey) {
        if let Some(slot) = self.table.find(&subnet) {
            self.roomy.insert(slot);
        }
    }

    pub(super) fn look_again(&mut self, subnet: SubnetSlot) {
        self.roomy.insert(subnet);
    }

    pub(super) fn reconsider_all(&mut self) {
        self.outdated.clone_from(&self.awaited);
    }

    fn first(&self, subnet: SubnetSlot) -> Option<NodeSlot> {
        self.table.get(subnet)?.waiting.head()
    }

    pub(super) fn next_outdated(&mut self, old: impl Fn(NodeSlot) -> bool) -> Option<NodeSlot> {
        while let Some(subnet) = self.outdated.last() {
            if let Some(node) = self.first(subnet).filter(|node| old(*node)) {
                return Some(node);
            }
            self.outdated.pop();
        }
        None
    }

    pub(super) fn next_admitted(
        &mut self,
        limits: Option<&Diversity>,
        subnets: &Subnets,
    ) -> Option<(SubnetSlot, NodeSlot)> {
        while let Some(slot) = self.roomy.pop() {
            let Some((subnet, crowd)) = self.table.entry(slot) else { continue };
            let room = limits.is_none_or(|limits| !subnets.is_full(limits, *subnet));
            if let Some(node) = crowd.waiting.head().filter(|_| crowd.delegate.is_none() && room) {
                return Some((slot, node));
            }
        }
        None
    }

    /// Whether some crowd's subnet may have room by now.
    pub(super) fn is_any_roomy(&self) -> bool {
        !self.roomy.is_empty()
    }

    pub(super) fn is_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    pub(super) fn least_crowded(&self, subnets: &Subnets) -> Option<(Subnet, NodeSlot)> {
        let holders = |slot: &SubnetSlot| self.table.key(*slot).map(|subnet| subnets.holders(subnet));
        let slot = self.awaited.iter().min_by_key(holders)?;
        Some((self.table.key(slot)?.into(), self.first(slot)?))
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> u32 {
        let crowds = self.awaited.iter().filter_map(|slot| self.table.get(slot));
        crowds.map(|crowd| crowd.waiting.len()).fold(0, u32::saturating_add)
    }

    /// Drops a crowd in which nobody waits and by which nobody was let back.
    fn tidy(&mut self, subnet: SubnetSlot) {
        let Some(crowd) = self.table.get(subnet).filter(|crowd| crowd.waiting.is_empty()) else { return };
        let unused = crowd.delegate.is_none();
        self.awaited.remove(subnet);
        if unused {
            self.table.remove(subnet);
        }
    }

    pub(super) fn verify<'a>(
        &self,
        place: &impl Fn(NodeSlot) -> Option<&'a Place>,
    ) -> Result<(), &'static str> {
        for (slot, (_, crowd)) in self.table.iter() {
            let belongs = |of: &&Place| matches!(of.queue, Queue::Crowded { .. }) && of.subnet == Some(slot);
            let link = |node: NodeSlot| place(node).filter(belongs).map(|of| of.link);
            let let_back =
                |node| place(node).is_some_and(|of| of.queue.is_ready() && of.subnet == Some(slot));
            let sound = crowd.waiting.verify(link)
                && self.awaited.contains(slot) != crowd.waiting.is_empty()
                && crowd.delegate.is_none_or(let_back)
                && !(crowd.waiting.is_empty() && crowd.delegate.is_none());
            if !sound {
                return Err("a crowd");
            }
        }
        let mut awaited = self.awaited.iter();
        if awaited.all(|slot| self.table.get(slot).is_some()) { Ok(()) } else { Err("crowds that are gone") }
    }

    /// Whether a ready node that a subnet let back is the one that the subnet knows of.
    pub(super) fn knows(&self, subnet: SubnetSlot, node: NodeSlot) -> bool {
        self.table.get(subnet).is_some_and(|crowd| crowd.delegate == Some(node))
    }

    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        let keyed = self.table.reindex(hasher);
        let slots = self.table.slots();
        keyed
            && [&mut self.awaited, &mut self.roomy, &mut self.outdated]
                .into_iter()
                .all(|set| set.reindex(slots))
    }

    /// The most bytes for so many subnets that are waited for.
    pub(super) const fn bound(subnets: u64) -> u64 {
        Table::<OfSubnet, SubnetKey, Crowd>::bound(subnets)
            .saturating_add(SlotSet::<OfSubnet>::bound(subnets, subnets).saturating_mul(3))
    }
}
