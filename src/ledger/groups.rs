//! Which subnets hold outbound peers and attempts, and who waits for one of them to have room.

use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use super::bound;
use super::dense::Dense;
use super::list::{Links, List};
use super::slab::NONE;
use super::table::Table;
use crate::address::Address;
use crate::config::Diversity;
use crate::network::{Group, GroupKey, is_local};

/// The groups that one peer or attempt counts in, by their slots.
pub(crate) type Held = SmallVec<[u32; 2]>;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct State {
    /// How many hold it: peers and attempts, each of which names it in its `Held`.
    pub(super) holders: u32,
    pub(super) waiting: List,
    /// The one waiting node that was let back among the ready ones, because there is room.
    pub(super) delegate: u32,
}

/// All groups that are held or waited for.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Groups {
    pub(super) table: Table<GroupKey, State>,
    /// Groups that somebody waits for.
    pub(super) awaited: Dense,
}

impl Groups {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { table: Table::new(hasher), awaited: Dense::new() }
    }

    /// The groups in which an address counts; none for one in a local network.
    fn of<A: Address>(addr: &A) -> impl Iterator<Item = GroupKey> {
        let ip = addr.ip();
        let local = ip.is_some_and(is_local);
        let (fine, coarse) = GroupKey::of(ip);
        [Some(fine), coarse].into_iter().flatten().filter(move |_| !local)
    }

    /// The first group of an address that has no room.
    pub(crate) fn full<A: Address>(&self, limits: &Diversity, addr: &A) -> Option<Group> {
        Self::of(addr).find(|group| self.holders(group) >= group.limit(limits)).map(Group::from)
    }

    /// Whether a group of an address that is held already holds more than it should.
    pub(crate) fn overfull<A: Address>(&self, limits: &Diversity, addr: &A) -> bool {
        Self::of(addr).any(|group| self.holders(&group) > group.limit(limits))
    }

    fn holders(&self, group: &GroupKey) -> u32 {
        self.table.find(group).and_then(|slot| self.table.get(slot)).map_or(0, |state| state.holders)
    }

    fn intern(&mut self, group: GroupKey) -> u32 {
        self.table.intern(group, || State { holders: 0, waiting: List::new(), delegate: NONE })
    }

    /// Counts one more holder in each group of these addresses.
    pub(crate) fn hold<'a, A: Address + 'a>(&mut self, addrs: impl IntoIterator<Item = &'a A>) -> Held {
        let mut held = Held::new();
        for group in addrs.into_iter().flat_map(Self::of) {
            let slot = self.intern(group);
            if !held.contains(&slot) {
                held.push(slot);
            }
        }
        for &slot in &held {
            if let Some(state) = self.table.get_mut(slot) {
                state.holders = state.holders.saturating_add(1);
            }
        }
        held
    }

    /// Counts one holder less. Whoever waits may have room now: `admit` next.
    pub(crate) fn let_go(&mut self, held: &Held) {
        for &slot in held {
            if let Some(state) = self.table.get_mut(slot) {
                state.holders = state.holders.saturating_sub(1);
            }
            self.tidy(slot);
        }
    }

    /// Puts a node at the end of those that wait for this group.
    pub(crate) fn wait(&mut self, links: &mut impl Links, group: Group, node: u32) -> u32 {
        let slot = self.intern(group.into());
        if let Some(state) = self.table.get_mut(slot) {
            state.waiting.push(links, node);
        }
        self.awaited.insert(slot);
        slot
    }

    /// Takes a waiting node out.
    pub(crate) fn leave(&mut self, links: &mut impl Links, slot: u32, node: u32) {
        if let Some(state) = self.table.get_mut(slot) {
            state.waiting.remove(links, node);
        }
        self.tidy(slot);
    }

    /// The node that this group should let back among the ready ones: it has room, somebody waits, and nobody was
    /// let back before who is still there.
    pub(crate) fn next_delegate(&self, limits: &Diversity, slot: u32) -> Option<u32> {
        let state = self.table.get(slot)?;
        let group = self.table.key(slot)?;
        let room = state.holders < group.limit(limits) && state.delegate == NONE;
        state.waiting.head().filter(|_| room)
    }

    /// Notes who was let back, or that nobody is. Returns whether the group still exists: the last one that waits may
    /// have taken it along.
    pub(crate) fn set_delegate(&mut self, slot: u32, node: u32) -> bool {
        let exists = self.table.get_mut(slot).map(|state| state.delegate = node).is_some();
        self.tidy(slot);
        exists
    }

    pub(crate) fn first_waiting(&self, slot: u32) -> Option<u32> {
        self.table.get(slot)?.waiting.head()
    }

    /// Whether anybody waits for room.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.len() > 0
    }

    /// Who waits longest for the group with the fewest holders: the one to be let in against the limits.
    pub(crate) fn least_crowded(&self) -> Option<(Group, u32)> {
        let state = |slot: &&u32| self.table.get(**slot).map_or(u32::MAX, |state| state.holders);
        let slot = self.awaited.as_slice().iter().min_by_key(state)?;
        Some((self.table.key(*slot)?.into(), self.table.get(*slot)?.waiting.head()?))
    }

    /// The most bytes for so many groups, and for the two sets of them in which the ledger notes what to look at.
    pub(super) const fn bound(groups: u64) -> u64 {
        Table::<GroupKey, State>::bound(groups).saturating_add(bound::set(groups, groups).saturating_mul(3))
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u32 {
        let states = self.awaited.as_slice().iter().filter_map(|slot| self.table.get(*slot));
        states.map(|state| state.waiting.len()).sum()
    }

    fn tidy(&mut self, slot: u32) {
        if self.table.get(slot).is_some_and(|state| state.waiting.head().is_none()) {
            self.awaited.remove(slot);
        }
        let unused = |s: &State| s.holders == 0 && s.delegate == NONE && s.waiting.head().is_none();
        if self.table.get(slot).is_some_and(unused) {
            self.table.remove(slot);
        }
    }
}
