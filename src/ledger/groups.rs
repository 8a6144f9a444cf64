//! Which subnets hold outbound peers and attempts, and who waits for one of them to have room.

use alloc::vec::Vec;

use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use super::bound;
use super::dense::Dense;
use super::list::{Links, List};
use super::slab::NONE;
use super::table::Table;
use crate::address::Address;
use crate::config::Diversity;
use crate::network::{Subnet, SubnetKey, is_local};

/// The groups that one peer or attempt counts in.
pub(crate) type Held = SmallVec<[SubnetKey; 2]>;

/// The nodes that wait for room in one group.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Queue {
    pub(super) waiting: List,
    /// The one waiting node that was let back among the ready ones, because there is room.
    pub(super) delegate: u32,
}

/// Which groups are held, and which are waited for.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Groups {
    /// In order, each group as often as it is held. It is as long as what is connected or in flight, so inserting into a
    /// vector is cheap, and strangers cannot make it grow.
    #[cfg_attr(feature = "serde", serde(skip))]
    held: Vec<SubnetKey>,
    /// Groups that somebody waits for, or was let back by.
    pub(super) queues: Table<SubnetKey, Queue>,
    /// Those of them that somebody waits for.
    pub(super) awaited: Dense,
}

impl Groups {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { held: Vec::new(), queues: Table::new(hasher), awaited: Dense::new() }
    }

    /// The groups in which an address counts; none for one in a local network.
    fn of<A: Address>(addr: &A) -> impl Iterator<Item = SubnetKey> {
        let ip = addr.ip_addr();
        let counts = !ip.is_some_and(is_local);
        let (fine, coarse) = SubnetKey::of(ip);
        Some(fine).into_iter().chain(coarse).filter(move |_| counts)
    }

    /// The first group of an address that has no room.
    pub(crate) fn full<A: Address>(&self, limits: &Diversity, addr: &A) -> Option<Subnet> {
        Self::of(addr).find(|group| self.is_full(limits, *group)).map(Subnet::from)
    }

    fn is_full(&self, limits: &Diversity, group: SubnetKey) -> bool {
        limits.limit(group).checked_sub(1).is_none_or(|below| self.holders_exceed(group, below))
    }

    /// Whether a group of an address that is held already holds more than it should.
    pub(crate) fn overfull<A: Address>(&self, limits: &Diversity, addr: &A) -> bool {
        Self::of(addr).any(|group| self.holders_exceed(group, limits.limit(group)))
    }

    fn holders_exceed(&self, group: SubnetKey, count: u32) -> bool {
        self.held.get(self.place(group).saturating_add(count as usize)) == Some(&group)
    }

    /// Where a group stands among the held ones for the first time, or would.
    fn place(&self, group: SubnetKey) -> usize {
        self.held.partition_point(|held| *held < group)
    }

    /// Counts one more holder in each group of these addresses.
    pub(crate) fn hold<'a, A: Address + 'a>(&mut self, addrs: impl IntoIterator<Item = &'a A>) -> Held {
        let mut held = Held::new();
        for group in addrs.into_iter().flat_map(Self::of) {
            if !held.contains(&group) {
                held.push(group);
                self.held.insert(self.place(group), group);
            }
        }
        held
    }

    /// Counts one holder less. Returns the queue of those that wait for the group, who may have room now.
    pub(crate) fn let_go(&mut self, group: SubnetKey) -> Option<u32> {
        let place = self.place(group);
        if self.held.get(place) == Some(&group) {
            self.held.remove(place);
        }
        self.queues.find(&group)
    }

    /// All that is held, in order.
    pub(super) fn held(&self) -> &[SubnetKey] {
        &self.held
    }

    /// Counts anew who holds what: each group as often as somebody names it.
    #[cfg(feature = "serde")]
    pub(super) fn recount<'a>(&mut self, held: impl Iterator<Item = &'a SubnetKey>) {
        self.held = held.copied().collect();
        self.held.sort_unstable();
    }

    /// Puts a node at the end of those that wait for this group.
    pub(crate) fn wait(&mut self, links: &mut impl Links, group: Subnet, node: u32) -> u32 {
        let slot = self.queues.intern(group.into(), || Queue { waiting: List::new(), delegate: NONE });
        if let Some(queue) = self.queues.get_mut(slot) {
            queue.waiting.push(links, node);
        }
        self.awaited.insert(slot);
        slot
    }

    /// Takes a waiting node out.
    pub(crate) fn leave(&mut self, links: &mut impl Links, slot: u32, node: u32) {
        if let Some(queue) = self.queues.get_mut(slot) {
            queue.waiting.remove(links, node);
        }
        self.tidy(slot);
    }

    /// The node that this group should let back among the ready ones: it has room, somebody waits, and nobody was
    /// let back before who is still there.
    pub(crate) fn next_delegate(&self, limits: &Diversity, slot: u32) -> Option<u32> {
        let queue = self.queues.get(slot)?;
        let room = queue.delegate == NONE && !self.is_full(limits, self.queues.key(slot)?);
        queue.waiting.head().filter(|_| room)
    }

    /// Notes who was let back, or that nobody is. Returns whether the group still exists: the last one that waits may
    /// have taken it along.
    pub(crate) fn set_delegate(&mut self, slot: u32, node: u32) -> bool {
        let exists = self.queues.get_mut(slot).map(|queue| queue.delegate = node).is_some();
        self.tidy(slot);
        exists
    }

    pub(crate) fn first_waiting(&self, slot: u32) -> Option<u32> {
        self.queues.get(slot)?.waiting.head()
    }

    /// Whether anybody waits for room.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.len() > 0
    }

    /// Who waits longest for the group with the fewest holders: the one to be let in against the limits.
    pub(crate) fn least_crowded(&self) -> Option<(Subnet, u32)> {
        let holders = |slot: &u32| {
            let group = self.queues.key(*slot)?;
            Some(self.held.partition_point(|held| *held <= group).saturating_sub(self.place(group)))
        };
        let slot = self.awaited.iter().min_by_key(holders)?;
        Some((self.queues.key(slot)?.into(), self.first_waiting(slot)?))
    }

    /// The most bytes for so many held groups and so many that are waited for, with the two sets of the latter in which the
    /// ledger notes what to look at.
    pub(super) const fn bound(held: u64, awaited: u64) -> u64 {
        let sets = Dense::bound(awaited, awaited).saturating_mul(3);
        bound::vector(held, size_of::<SubnetKey>())
            .saturating_add(Table::<SubnetKey, Queue>::bound(awaited))
            .saturating_add(sets)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u32 {
        let queues = self.awaited.iter().filter_map(|slot| self.queues.get(slot));
        queues.map(|queue| queue.waiting.len()).sum()
    }

    /// Drops what nobody waits for and nobody was let back by.
    fn tidy(&mut self, slot: u32) {
        let Some(queue) = self.queues.get(slot).filter(|queue| queue.waiting.head().is_none()) else {
            return;
        };
        let unused = queue.delegate == NONE;
        self.awaited.remove(slot);
        if unused {
            self.queues.remove(slot);
        }
    }
}
